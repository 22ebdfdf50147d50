"""Tables in files: CSV of any kind read in constant memory, the rejects of an import, and exports."""

from carillon.tabular.cell_errors import CELL_ERRORS
from carillon.tabular.encoding import EncodingChoice
from carillon.tabular.errors import (
    AddressInHeaderError,
    BadColumnsError,
    BadDelimiterError,
    EmptyFileError,
    LostRejectsError,
    NoHeaderError,
    TabularError,
    UnknownEncodingError,
    UnreadableFileError,
)
from carillon.tabular.formulas import defuse, restore
from carillon.tabular.reader import Chunk, file_hash, read_chunks
from carillon.tabular.records import BadRecord
from carillon.tabular.rejects import REJECT_COLUMNS, Problem, RejectedRow, RejectsWriter
from carillon.tabular.shape import LINE_COLUMN, FileShape, inspect, open_regular
from carillon.tabular.transcode import Table, as_csv
from carillon.tabular.writers import Format, TableWriter, open_writer

__all__ = [
    "CELL_ERRORS",
    "LINE_COLUMN",
    "REJECT_COLUMNS",
    "AddressInHeaderError",
    "BadColumnsError",
    "BadDelimiterError",
    "BadRecord",
    "Chunk",
    "EmptyFileError",
    "EncodingChoice",
    "FileShape",
    "Format",
    "LostRejectsError",
    "NoHeaderError",
    "Problem",
    "RejectedRow",
    "RejectsWriter",
    "Table",
    "TableWriter",
    "TabularError",
    "UnknownEncodingError",
    "UnreadableFileError",
    "as_csv",
    "defuse",
    "file_hash",
    "inspect",
    "open_regular",
    "open_writer",
    "read_chunks",
    "restore",
]
