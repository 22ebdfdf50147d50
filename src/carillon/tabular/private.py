"""Files of contacts, which nobody else on the machine may read."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Self

_MODE = 0o600


class Output:
    """A file in progress, which has its name only when it is whole; what is no file is written to as it is.

    A link stays, and the file that it leads to is another afterwards.
    """

    def __init__(self, file: BinaryIO, target: Path | None) -> None:
        self.file = file
        self._target = target

    @property
    def folder(self) -> Path | None:
        """Where the file will be."""
        return None if self._target is None else self._target.parent

    @classmethod
    def open(cls, path: Path, *, is_binary: bool) -> Self:
        """Begin what a path names, or a file where it names nothing; a pipe waits for its reader.

        Raises OSError, also for what is binary and would go to no file.
        """
        try:
            is_file = stat.S_ISREG(path.stat().st_mode)  # refused by the kernel for a link that another user put there
        except FileNotFoundError:
            is_file = True
        if is_file:
            target = path.resolve()
            return cls(create_private(_partial(target)), target)
        if is_binary:
            raise OSError(errno.EINVAL, "it is binary, and no terminal, pipe or device is given it")
        return cls(os.fdopen(os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC), "wb"), None)

    def keep(self) -> None:
        """Close it, and give it its name."""
        self.file.close()
        if self._target is not None:
            _partial(self._target).replace(self._target)

    def drop(self) -> None:
        """Close it, and remove what was written of a file."""
        try:
            self.file.close()
        finally:
            if self._target is not None:
                _partial(self._target).unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def create_private(path: Path) -> BinaryIO:
    """Make a file anew, in place of any that has the name: one that was prepared there is not written to."""
    path.unlink(missing_ok=True)
    return make_private(path)


def make_private(path: Path) -> BinaryIO:
    """Make a file that isn't there yet. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE), "wb")


def write_private(path: Path) -> BinaryIO:
    """Empty a file, or make it; one that is there keeps its mode."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE), "wb")
