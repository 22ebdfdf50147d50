"""Lines of CSV on their way into a file of bytes."""

from typing import BinaryIO, Final

_END: Final = "\r\n"


class CsvLines:
    """What a csv.writer of the usual kind writes to: its lines end with LF.

    With any other line end csv.writer leaves cells with a CR unquoted, which would end their record.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._target = target

    def write(self, line: str) -> int:
        return self._target.write(f"{line.removesuffix(_END)}\n".encode())
