"""Tables in files: CSV of any kind read in constant memory, the rejects of an import, and exports."""

from carillon.audience.tabular.errors import (
    BadDelimiterError,
    EmptyFileError,
    LostRejectsError,
    NoHeaderError,
    TabularError,
    UnknownEncodingError,
    UnreadableFileError,
)
from carillon.audience.tabular.reader import Chunk, file_hash, read_chunks
from carillon.audience.tabular.records import BadRecord
from carillon.audience.tabular.shape import LINE_COLUMN, FileShape, inspect

__all__ = [
    "LINE_COLUMN",
    "BadDelimiterError",
    "BadRecord",
    "Chunk",
    "EmptyFileError",
    "FileShape",
    "LostRejectsError",
    "NoHeaderError",
    "TabularError",
    "UnknownEncodingError",
    "UnreadableFileError",
    "file_hash",
    "inspect",
    "read_chunks",
]
