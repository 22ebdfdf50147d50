"""What a file looks like: its encoding, its delimiter and the names of its columns."""

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from carillon.tabular.encoding import EncodingChoice, find_encoding, is_text
from carillon.tabular.errors import (
    AddressInHeaderError,
    BadColumnsError,
    BadDelimiterError,
    EmptyFileError,
    NoHeaderError,
    UnreadableFileError,
)
from carillon.tabular.formulas import restored
from carillon.tabular.grammar import RECORD_LIMIT, Grammar, RecordFinder
from carillon.tabular.records import next_break
from carillon.tabular.rejects import REJECT_COLUMNS
from carillon.tabular.source import Source, line_breaks

DELIMITERS: Final = (",", ";", "\t", "|")
LINE_COLUMN: Final = "__line__"
"""The column of a chunk's frame that holds line numbers; a file's own column of that name is given another."""

_SAMPLE_RECORDS: Final = 100
_SEPARATOR_LINE: Final = re.compile(rb'"?sep=([^"\r\n])"?', re.IGNORECASE)
_BLANK_LINES: Final = re.compile(rb"[ \t\r\n]*+\Z|(?:[ \t\r\n]*[\r\n])?")
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_START: Final = 1024
_MOST_CONTROLS: Final = 8  # different ones in the file's start: a column of a text file may have one or two in each row
# In the forms that cells have them in; a date with something behind it is a name.
_ADDRESS: Final = re.compile(
    r"""[\["'`(<\u200b-\u200f\u202a-\u202e]{0,3}(?:mailto:|tel:|sms:)?\s*(?:
        [^@\s<>]+@[^@\s<>]+
      | [+(]{0,2}\d[\d\s()./'\u2019\u066c-]{5,}\d(?:[.,]\d+)?
      | [+(]{0,2}\d(?!\d{0,3}[./-]\d{1,2}[./-]\d{1,4}\b)[\d\s()./'\u2019\u066c-]{5,}\d[\s(].+
      | \d{1,3}(?:,\d{3}){2,}(?:\.\d+)?
      | \d(?:[.,]\d+)?e\+?\d{1,3}
      | \d{2,3}[.,]\d+e\+?\d{1,3}
    )[\]"'`)>,;.\u200b-\u200f\u202a-\u202e]{0,3} | mailto:[^@\s<>?]+%40[^@\s<>]+
      | [^<>]*<\s*(?:mailto:)?[^@<>\s]+(?:@|%40)[^@<>\s]+\s*>""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileShape:
    """How to read a file.

    `header` holds trimmed, unique names; `body_offset` is the byte and `body_line` the 1-based physical line where the
    first data record begins; `size` is the file's, in bytes. `encoding_choice` says why it has its encoding. Records of
    one that `is_numbered` have numbers of their own before their cells (`tabular.numbered`).
    """

    encoding_choice: EncodingChoice
    delimiter: str
    header: tuple[str, ...]
    body_offset: int
    body_line: int
    size: int
    is_numbered: bool = False

    @property
    def encoding(self) -> str:
        """The encoding by Python's name."""
        return self.encoding_choice.encoding

    @property
    def encoding_name(self) -> str:
        """The encoding by the name that it is known under outside Python."""
        return self.encoding.replace("cp125", "windows-125").replace("iso8859", "iso-8859").replace("cp8", "ibm8")


def inspect(  # noqa: PLR0913 - what is known of a file beforehand
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    columns: Sequence[str] | None = None,
    country: str | None = None,
    may_be_binary: bool = True,
) -> FileShape:
    """Look at a file's beginning and say how to read it.

    A byte order mark outranks `encoding`. Excel's first line `sep=;` is honoured and passed over. Without either, the
    delimiter is the one of comma, semicolon, tab and pipe that parts the header and the records behind it most evenly.
    Names are trimmed; one without text becomes `column_N`, and one that occurs again gets a number. `columns` are the
    names of a file that has no header, in its order. A rejects file has a header and commas, whatever is said of it.
    `country` (two letters) is where it is from, which counts where the encoding has to be guessed. A file that
    `may_be_binary` is refused where it begins with control characters.

    Raises:
        TabularError: a subclass of it, with a sentence for a person.

    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        choice, mark = find_encoding(file, size, encoding, country)
        source = Source(file, choice.encoding, mark)
        source.fill(2 * RECORD_LIMIT)
        line, separator = _pass_preamble(source)
        if delimiter is not None and _has_rejects(source):
            delimiter = ","
        grammar = Grammar(_checked(delimiter or separator or _find_delimiter(source)))
        if may_be_binary:
            _require_text(source.text, grammar)
        names, length = _header(source, grammar, columns)
        line += line_breaks(source.text[:length])
        source.advance(length)
        return FileShape(
            encoding_choice=choice,
            delimiter=grammar.delimiter.decode(),
            header=unique_names(names),
            body_offset=source.offset,
            body_line=line,
            size=size,
        )


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read; pipes, sockets and folders are refused, as an import reads a file again after a crash."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableFileError(f"“{path.name}” is not a regular file.")
        return path.open("rb")
    except OSError as error:
        raise UnreadableFileError(f"“{path.name}” cannot be read: {error.strerror or error}.") from error


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Make names unique for one frame: `name`, `name_2`; a nameless one is `column_N` by its place."""
    taken = {LINE_COLUMN, *names}
    seen: set[str] = {LINE_COLUMN}
    unique = []
    for place, name in enumerate(names, start=1):
        stem = candidate = name or f"column_{place}"
        number = 1
        while candidate in seen or (candidate in taken and candidate != name):
            number += 1
            candidate = f"{stem}_{number}"
        seen.add(candidate)
        unique.append(candidate)
    return tuple(unique)


def _checked(delimiter: str) -> str:
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter.isalnum() or delimiter in '"\r\n\0':
        raise BadDelimiterError("The delimiter must be one character such as a comma, a semicolon or a tab.")
    return delimiter


def _pass_preamble(source: Source) -> tuple[int, str | None]:
    """Leave blank lines and Excel's `sep=` behind; the line number reached, and the separator if one was named."""
    line, separator = 1, None
    while source.text:
        blank = _BLANK_LINES.match(source.text)
        end = blank.end() if blank else 0
        if not end:
            line_end, end = next_break(source.text, 0)
            named = _SEPARATOR_LINE.fullmatch(source.text, 0, line_end) if separator is None else None
            if not named:
                return line, separator
            separator = named[1].decode("ascii", "replace")
        line += line_breaks(source.text[:end])
        source.advance(end)
        source.fill(2 * RECORD_LIMIT)
    raise EmptyFileError("The file is empty.")


def _find_delimiter(source: Source) -> str:
    best, best_score = DELIMITERS[0], (0.0, 0)
    for delimiter in DELIMITERS:
        counts = _cell_counts(source, Grammar(delimiter))
        if counts and counts[0] > 1:
            even = sum(1 for count in counts if count == counts[0]) / len(counts)
            # A column more outweighs nothing when the rows do not follow the header.
            score = (round(even, 1), counts[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _cell_counts(source: Source, grammar: Grammar) -> list[int]:
    """Count the cells of the first records; broken ones and what the sample cuts off do not count."""
    text, counts = source.text, list[int]()
    finder = RecordFinder(text, grammar, RECORD_LIMIT)
    at = 0
    for _ in range(_SAMPLE_RECORDS):
        if at >= len(text) or (at + RECORD_LIMIT >= len(text) and not source.ended):
            break
        end = finder.end(at)
        if end.kind != "whole":
            at = next_break(text, at)[1]
            continue
        if end.at > at:
            counts.append(end.cell + 1)
        at = next_break(text, end.at)[1]
    return counts


def _require_text(text: bytes, grammar: Grammar) -> None:
    """Refuse a file with a control character in its first record, or with many kinds of them in its first rows."""
    end = RecordFinder(text, grammar, RECORD_LIMIT).end(0)
    in_header = _CONTROLS.search(text, 0, end.at if end.kind == "whole" else _START)
    if in_header or len(set(_CONTROLS.findall(text, 0, _START))) > _MOST_CONTROLS:
        raise UnreadableFileError(
            "This looks like no text file: it begins with control characters. If it is one, say its encoding."
        )


def _header(source: Source, grammar: Grammar, columns: Sequence[str] | None) -> tuple[list[str], int]:
    """Read the names in the first record, and the record's length, which is 0 where `columns` are the names."""
    cells, end = _first_record(source, grammar)
    if cells is None:
        raise NoHeaderError("The first record is not a header: a quote in it is not closed, or it is over 1 MB long.")
    if not all(is_text(cell) and b"\0" not in cell for cell in cells):
        raise NoHeaderError("The header holds bytes that are no text. Say which encoding the file is in.")
    names = [restored(cell.decode().removeprefix("\ufeff").strip()) for cell in cells]
    if columns is not None and not set(names) >= set(REJECT_COLUMNS):
        if len(names) > len(columns):
            raise BadColumnsError(
                f"The first record has {len(names)} cells, for which {len(columns)} names were given."
            )
        return [name.strip() for name in columns], 0
    if not any(names):
        raise NoHeaderError("The first record names no columns.")
    if any(_ADDRESS.fullmatch(name) for name in names):
        raise AddressInHeaderError(
            "The first record holds an address where the names of the columns should be. If the file has no header, "
            "name its columns."
        )
    return names, next_break(source.text, end)[1]


def _first_record(source: Source, grammar: Grammar) -> tuple[Sequence[bytes] | None, int]:
    """Return the cells of the first record, None where they can't be read, and where it ends."""
    end = RecordFinder(source.text, grammar, RECORD_LIMIT).end(0)
    return grammar.cells(source.text[: end.at]) if end.kind == "whole" else None, end.at


def _has_rejects(source: Source) -> bool:
    """Tell whether a file is one of rejects, which has commas whatever the imported file had."""
    cells, _ = _first_record(source, Grammar(","))
    return cells is not None and {name.encode() for name in REJECT_COLUMNS}.issubset(cells)
