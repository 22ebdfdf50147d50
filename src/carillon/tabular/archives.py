"""Files in an archive, unpacked within bounds: what comes out of a few bytes may be without end."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final
from zipfile import BadZipFile, ZipFile, ZipInfo

from carillon.tabular.errors import TabularError, UnreadableFileError

GZIP: Final = b"\x1f\x8b"
ZIP: Final = b"PK\x03\x04"

MAX_BYTES: Final = 16 * 1024**3
"""What a file may unpack to."""

MAX_RATIO: Final = 200
"""How many times its own size that may be, beyond FREE_BYTES; tables of contacts unpack to 3 to 20 times theirs."""

FREE_BYTES: Final = 64 * 1024**2

_MAX_MEMBERS: Final = 10_000
_PIECE: Final = 1024 * 1024
_ENCRYPTED: Final = 0x1
# What programs of macOS put beside the file.
_BY_THE_WAY: Final = ("__MACOSX/", ".DS_Store")


class NotOneFileError(TabularError):
    """An archive holds no file, or several."""


def unpack_gzip(path: Path, target: BinaryIO) -> None:
    """Unpack a gzip file. Raises TabularError where it is broken or unpacks to too much."""
    with _broken_as_errors(path), gzip.open(path) as source:
        _copy(path, source, target)


def unpack_zip(path: Path, target: BinaryIO) -> None:
    """Unpack the one file of a ZIP archive.

    Raises:
        NotOneFileError: there are several, or none.
        TabularError: it is broken, encrypted, or unpacks to too much.

    """
    with _broken_as_errors(path), open_zip(path) as archive:
        members = [one for one in archive.infolist() if not one.is_dir() and not _is_by_the_way(one)]
        if len(members) != 1:
            raise NotOneFileError(f"“{path.name}” holds {len(members):,} files: an archive to import has one.")
        with archive.open(members[0]) as source:
            _copy(path, source, target)


@contextmanager
def open_zip(path: Path) -> Iterator[ZipFile]:
    """Open a ZIP archive whose files, as its directory has them, stay within the bounds; no more is read of them.

    Raises TabularError where it is broken or encrypted, or exceeds them.
    """
    with _broken_as_errors(path), ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > _MAX_MEMBERS:
            raise UnreadableFileError(f"“{path.name}” holds more than {_MAX_MEMBERS:,} files.")
        if any(one.flag_bits & _ENCRYPTED for one in members):
            raise UnreadableFileError(f"“{path.name}” is protected by a password.")
        _check_size(path, sum(one.file_size for one in members))
        yield archive


def _is_by_the_way(member: ZipInfo) -> bool:
    return member.filename.startswith(_BY_THE_WAY[0]) or member.filename.endswith(_BY_THE_WAY[1])


def _copy(path: Path, source: IO[bytes] | gzip.GzipFile, target: BinaryIO) -> None:
    size = 0
    while piece := source.read(_PIECE):
        size += len(piece)
        _check_size(path, size)
        target.write(piece)


def _check_size(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise UnreadableFileError(f"“{path.name}” unpacks to more than {MAX_BYTES // 1024**3} GiB.")
    if size > max(FREE_BYTES, MAX_RATIO * path.stat().st_size):
        raise UnreadableFileError(f"“{path.name}” unpacks to more than {MAX_RATIO} times its size.")


@contextmanager
def _broken_as_errors(path: Path) -> Iterator[None]:
    """Raise what a broken archive makes its reader raise as the caller's mistake."""
    try:
        yield
    except (BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"“{path.name}” is a broken archive, or one that isn't read.") from error
