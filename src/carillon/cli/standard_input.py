"""Standard input as a file: an import reads its file more than once, which a pipe can't be."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carillon.errors import InvalidInputError
from carillon.tabular.private import create_private

_DASH = Path("-")
_NAME = "stdin"


@contextmanager
def as_file(file: Path) -> Iterator[Path]:
    """Yield the path of a file: for `-` that of a private one with all of standard input, which goes at the end.

    Raises InvalidInputError for `file` where there is no room for it, and where it is a pipe with a name.
    """
    if file != _DASH:
        if file.is_fifo():
            raise InvalidInputError(
                "file",
                f"“{file.name}” is not a regular file: it is a pipe, and a file is read more than once. Send what it "
                "gives to standard input, whose name is -, with: … | carillon import - (or suppression import -).",
            )
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="carillon-import-") as folder:
        spooled = Path(folder) / _NAME
        try:
            with create_private(spooled) as target:
                shutil.copyfileobj(sys.stdin.buffer, target)
        except OSError as error:
            raise InvalidInputError(
                "file", f"Standard input can't be kept: {error.strerror}. TMPDIR says where."
            ) from error
        yield spooled


def rejects_of(file: Path, rejects: Path | None) -> Path | None:
    """Say where the rejects of standard input go by default: into the current folder."""
    return Path(f"{_NAME}.rejects.csv") if rejects is None and file == _DASH else rejects
