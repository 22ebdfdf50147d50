"""For any table in any form, and for any soup of bytes, the ways of reading a file agree."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tabular_files import Contents, contents, read_slowly

from carillon.tabular import FileShape, inspect, read_chunks

DELIMITERS = [",", ";", "\t"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1255", "cp1252"]


def letters(encoding: str) -> str:
    """What cells are made of; delimiters, quotes and line ends come often."""
    common = "ab1 ,;\t\"'\n\r"
    return common + {"cp1255": "שלם", "cp1252": "éÅß"}.get(encoding, "שé漢😀\u2028\x85\x0b\ufeff")


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, str, str, list[list[str]]]:
    """A well-formed file: its bytes, encoding and delimiter, and the rows in it."""
    encoding = draw(st.sampled_from(ENCODINGS))
    delimiter = draw(st.sampled_from(DELIMITERS))
    width = draw(st.integers(1, 4))
    cell = st.text(letters(encoding), max_size=6)
    row = st.lists(cell, min_size=1, max_size=width).filter(lambda cells: cells != [""])
    rows = draw(st.lists(row, max_size=12))
    quoted = draw(st.sampled_from(["always", "when needed", "at will"]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))

    def form(cell: str) -> str:
        needed = cell.startswith('"') or any(sign in cell for sign in (delimiter, "\n", "\r"))
        if needed or quoted == "always" or (quoted == "at will" and draw(st.booleans())):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    header = [f"h{place}" for place in range(width)]
    ends = st.sampled_from([end, end, end * 2]) if draw(st.booleans()) else st.just(end)  # some with blank lines
    whole = "".join(delimiter.join(map(form, cells)) + draw(ends) for cells in (header, *rows))
    if draw(st.booleans()):
        whole = whole.rstrip("\r\n")
    return whole.encode(encoding), encoding, delimiter, rows


def padded(rows: list[list[str]], width: int) -> list[tuple[str | None, ...]]:
    return [tuple(cell or None for cell in (*row, *[""] * (width - len(row)))) for row in rows]


def agree(path: Path, shape: FileShape, *, rows: int) -> Contents:
    """Read a file in one go, slowly, in small chunks, and from the end of each chunk: always the same."""
    whole = contents(list(read_chunks(path, shape)))
    assert read_slowly(path, shape) == whole
    chunks = list(read_chunks(path, shape, rows=rows))
    assert contents(chunks) == whole
    assert all(chunk.frame.height + len(chunk.bad) == rows for chunk in chunks[:-1])
    for number, chunk in enumerate(chunks):
        resumed = read_chunks(path, shape, offset=chunk.next_offset, line=chunk.next_line, rows=rows + 1)
        assert contents(list(resumed)) == contents(chunks[number + 1 :])
    return whole


@given(files(), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_what_was_written_is_read_in_every_form_by_every_way(
    file: tuple[bytes, str, str, list[list[str]]], rows: int
) -> None:
    content, encoding, delimiter, written = file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(content)
        shape = inspect(path, delimiter=delimiter, encoding=encoding)
        found = agree(path, shape, rows=rows)
    assert found.bad == []
    assert found.values == padded(written, len(shape.header))


SOUP = [
    *["a", "1", "ש", '"', '"', '""', "\n", "\n", "\r\n", "\r", "\0"],
    *["D", "D", "D", 'D"', '"D', '"\n', '\n"', "xDy\n", "1D2D3\n", 'b"m', '"x\ny"'],
]


@st.composite
def soups(draw: st.DrawFn) -> tuple[bytes, str, str]:
    """Bytes with a header, and behind it whatever can go wrong."""
    encoding = draw(st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "cp1255"]))
    delimiter = draw(st.sampled_from(DELIMITERS))
    header = draw(st.sampled_from(["h", "hDi", "hDiDj"]))
    kinds = draw(st.sampled_from([SOUP, [kind for kind in SOUP if '"' not in kind], ["a", "D", "\n"]]))
    body = "".join(draw(st.lists(st.sampled_from(kinds), max_size=60)))
    content = f"{header}\n{body}".replace("D", delimiter).encode(encoding)
    begin = len(f"{header}\n".encode(encoding))
    if draw(st.booleans()):
        place = draw(st.integers(begin, len(content)))
        content = content[:place] + draw(st.sampled_from([b"\xff", b"\xd9", b"\xed\xa0\x80"])) + content[place:]
    return content[: draw(st.integers(begin, len(content)))], encoding, delimiter


@given(soups(), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_any_soup_of_bytes_is_read_to_its_end_the_same_by_every_way(soup: tuple[bytes, str, str], rows: int) -> None:
    content, encoding, delimiter = soup
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "soup.csv"
        path.write_bytes(content)
        shape = inspect(path, delimiter=delimiter, encoding=encoding)
        found = agree(path, shape, rows=rows)
    lines = [line for line, _ in found.rows] + [bad.line for bad in found.bad]
    assert len(set(lines)) == len(lines)
    assert all(bad.reason for bad in found.bad)
