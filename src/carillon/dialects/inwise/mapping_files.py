"""The file in a batch: CSV text into rows of contacts. Pure work, fit for a thread."""

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from carillon.audience.upsert.rows import ContactRow, RowError
from carillon.dialects.inwise.mapping import field_of, trimmed
from carillon.dialects.inwise.schemas import MAX_ROWS, FieldMapping
from carillon.errors import InvalidInputError

# A quote that is never closed makes the reader look far ahead, so there may be only so many.
_MAX_BROKEN = 100
_KEYS = {"[email]": "email", "[mobilenumber]": "phone"}


def read_file(text: str, mappings: Sequence[FieldMapping], *, trim: bool) -> list[ContactRow]:
    """Read a file's rows. A blank cell leaves alone what the contact has.

    Raises InvalidInputError for what concerns the whole file.
    """
    records = list(islice(read_records(text), MAX_ROWS + 2))
    if not records or records[0] is None:
        raise InvalidInputError("csv_file", "The file has no line of column names that can be read.")
    header = [cell.strip() for cell in records[0]]
    rows = records[1:]
    if len(rows) > MAX_ROWS:
        raise InvalidInputError("csv_file", f"The file has more than {MAX_ROWS} rows.")
    places = {target: _place(mapping, header, path) for target, mapping, path in _targets(mappings)}
    alter: Callable[[str], str] = trimmed if trim else str
    return [_row(number, cells, places, len(header), alter) for number, cells in enumerate(rows, 1)]


def _targets(mappings: Sequence[FieldMapping]) -> list[tuple[str, FieldMapping, str]]:
    targets: dict[str, tuple[str, FieldMapping, str]] = {}
    for place, mapping in enumerate(mappings):
        path = f"fields_mapping[{place}]"
        name = mapping.field_name.strip()
        target = _KEYS.get(name.lower()) or field_of(name, f"{path}.field_name")
        if target in targets:
            raise InvalidInputError(f"{path}.field_name", "This field has a column already.")
        targets[target] = (target, mapping, path)
    if targets.keys().isdisjoint(_KEYS.values()):
        raise InvalidInputError("fields_mapping", "A column has to be [Email] or [MobileNumber].")
    return list(targets.values())


def _place(mapping: FieldMapping, header: Sequence[str], path: str) -> int:
    wanted = mapping.file_column_name.strip()
    for names, name in ((header, wanted), ([cell.lower() for cell in header], wanted.lower())):
        if name in names:
            return names.index(name)
    raise InvalidInputError(f"{path}.file_column_name", "The file has no such column.")


def _row(
    number: int, cells: Sequence[str] | None, places: Mapping[str, int], width: int, alter: Callable[[str], str]
) -> ContactRow:
    if cells is None:
        return _failed(number, "The row can't be read: its quotes do not match, or a cell is too large.")
    if any(cell.strip() for cell in cells[width:]):
        return _failed(number, "The row has more cells than there are columns.")
    given = {target: cells[place] for target, place in places.items() if place < len(cells) and cells[place].strip()}
    email, phone = given.pop("email", None), given.pop("phone", None)
    return ContactRow(email=email, phone=alter(phone) if phone else None, fields=given)


def _failed(number: int, message: str) -> ContactRow:
    return ContactRow(failure=RowError(number, "row", "invalid", "", message))


def read_records(text: str) -> Iterator[list[str] | None]:
    r"""Yield the records that are not blank, None for one that can't be read: the next one begins a line later.

    Lines end in \n, \r\n or \r, and a quoted cell may hold any of them. Raises InvalidInputError for too many records
    that can't be read.
    """
    lines = _Lines(text.removeprefix("\ufeff"))
    broken = 0
    while True:
        try:
            for record in csv.reader(lines, strict=True, skipinitialspace=True):
                lines.forget()
                if any(cell.strip() for cell in record):
                    yield record
        except csv.Error as error:
            broken += 1
            if broken > _MAX_BROKEN:
                raise InvalidInputError("csv_file", "Too many rows have quotes that do not match.") from error
            lines.go_back()
            yield None
        else:
            return


class _Lines(Iterator[str]):
    """The lines of a text, of which those of the record that is being read can be read again.

    They are not listed: millions of short lines would take many times the memory of their text.
    """

    def __init__(self, text: str) -> None:
        self._source = io.StringIO(text, newline="")
        self._again: deque[str] = deque()
        self._record: list[str] = []

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        self._record.append(line)
        return line

    def forget(self) -> None:
        """Begin a record."""
        self._record.clear()

    def go_back(self) -> None:
        """Go to the second line of the record."""
        self._again.extendleft(reversed(self._record[1:]))
        self._record.clear()
