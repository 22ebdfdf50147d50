"""Files of contacts, which nobody else on the machine may read."""

import os
from pathlib import Path
from typing import BinaryIO

_MODE = 0o600


def create_private(path: Path) -> BinaryIO:
    """Make a file anew, in place of any that has the name: one that was prepared there is not written to."""
    path.unlink(missing_ok=True)
    return make_private(path)


def make_private(path: Path) -> BinaryIO:
    """Make a file that isn't there yet. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE), "wb")


def write_private(path: Path) -> BinaryIO:
    """Empty a file, or make it; one that is there (a device, say) keeps its mode."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE), "wb")
