import csv
import io
import json
import os
import pty
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tabular_files import contents, written

from carillon.tabular import Format, defuse, inspect, open_writer, read_chunks, restore
from carillon.tabular.formulas import defused, restored

FORMATS: tuple[Format, ...] = ("csv", "ndjson", "parquet")
FRAME = pl.DataFrame({"phone": ["+972501112223", None], "name": ["דנה, לוי", 'a "b"\nc']})


def exported(format: Format, frames: list[pl.DataFrame], columns: list[str], *, defuse: bool = True) -> bytes:  # noqa: A002 - open_writer's word
    target = io.BytesIO()
    writer = open_writer(format, target, columns, defuse=defuse)
    for frame in frames:
        writer.write(frame)
    writer.close()
    return target.getvalue()


def test_csv_holds_the_columns_in_the_order_asked_for() -> None:
    content = exported("csv", [FRAME, FRAME.head(1)], ["name", "phone"]).decode()
    assert list(csv.reader(io.StringIO(content, newline=""))) == [
        ["name", "phone"],
        ["דנה, לוי", "+972501112223"],
        ['a "b"\nc', ""],
        ["דנה, לוי", "+972501112223"],
    ]


def test_csv_begins_with_a_mark_only_when_asked() -> None:
    target = io.BytesIO()
    open_writer("csv", target, ["a"], mark=True).close()
    assert target.getvalue() == b"\xef\xbb\xbfa\n"
    assert exported("csv", [], ["a"]) == b"a\n"


def test_ndjson_holds_one_object_a_line_and_nulls() -> None:
    content = exported("ndjson", [FRAME, FRAME.head(1)], ["name", "phone"])
    assert [json.loads(line) for line in content.splitlines()] == [
        {"name": "דנה, לוי", "phone": "+972501112223"},
        {"name": 'a "b"\nc', "phone": None},
        {"name": "דנה, לוי", "phone": "+972501112223"},
    ]


def test_parquet_holds_all_frames_in_order_with_the_first_ones_types() -> None:
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    first = pl.DataFrame({"n": [1, 2], "at": [moment, None], "none": [None, None]})
    second = pl.DataFrame({"none": ["x"], "n": [3], "at": [None]})
    content = exported("parquet", [first, *[second] * 3], ["n", "at", "none"])
    read = pl.read_parquet(io.BytesIO(content))
    assert read.rows() == [(1, moment, None), (2, None, None), *[(3, None, "x")] * 3]
    assert read.schema["at"] == pl.Datetime("us", "UTC")


def test_parquet_of_many_rows_comes_in_row_groups_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    with open_writer("parquet", path, ["n"]) as writer:
        for start in range(0, 300_000, 30_000):
            writer.write(pl.DataFrame({"n": range(start, start + 30_000)}))
    assert pl.read_parquet(path)["n"].to_list() == list(range(300_000))
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_of_no_rows_has_its_columns() -> None:
    assert exported("csv", [], ["a", "b"]) == b"a,b\n"
    assert exported("ndjson", [], ["a", "b"]) == b""
    assert pl.read_parquet(io.BytesIO(exported("parquet", [], ["a", "b"]))).columns == ["a", "b"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path, format: Format) -> None:  # noqa: A002 - open_writer's word
    path = tmp_path / "out"
    writer = open_writer(format, path, ["name"])
    writer.write(FRAME)
    assert not path.exists()
    writer.close()
    writer.close()
    assert path.stat().st_size > 0
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_that_fails_leaves_nothing_behind_and_an_older_file_alone(tmp_path: Path, format: Format) -> None:  # noqa: A002 - open_writer's word
    path = tmp_path / "out"
    path.write_bytes(b"older")
    writer = open_writer(format, path, ["name", "no such column"])
    with pytest.raises(pl.exceptions.ColumnNotFoundError), writer:
        writer.write(FRAME)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_is_followed_to_the_file_that_it_leads_to(tmp_path: Path, format: Format, is_there: bool) -> None:  # noqa: A002, FBT001 - open_writer's word
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    target = folder / "out"
    if is_there:
        target.write_bytes(b"older")
    link.symlink_to(target)
    with open_writer(format, link, ["name"]) as writer:
        writer.write(FRAME)
    assert link.readlink() == target
    assert target.read_bytes() == exported(format, [FRAME], ["name"])
    assert (list(folder.iterdir()), sorted(tmp_path.iterdir())) == ([target], [folder, link])


@pytest.mark.parametrize("format", ["csv", "ndjson"])
@pytest.mark.parametrize("is_linked", [True, False])
def test_a_pipe_gets_the_export_and_stays(tmp_path: Path, format: Format, is_linked: bool) -> None:  # noqa: A002, FBT001 - open_writer's word
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    with ThreadPoolExecutor(1) as readers:
        read = readers.submit(pipe.read_bytes)
        with open_writer(format, link if is_linked else pipe, ["name"]) as writer:
            writer.write(FRAME)
        assert read.result(timeout=10) == exported(format, [FRAME], ["name"])
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == [link, pipe]


def test_an_export_that_fails_leaves_its_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as readers:
        read = readers.submit(pipe.read_bytes)
        with pytest.raises(pl.exceptions.ColumnNotFoundError), open_writer("csv", pipe, ["none"]) as writer:
            writer.write(FRAME)
        assert read.result(timeout=10) == b"none\n"
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_terminal_gets_the_export_and_stays(tmp_path: Path) -> None:
    reader, terminal = pty.openpty()
    link = tmp_path / "terminal"
    link.symlink_to(os.ttyname(terminal))
    try:
        with open_writer("ndjson", link, ["name"]) as writer:
            writer.write(FRAME)
        assert os.read(reader, 100).splitlines()[0] == exported("ndjson", [FRAME], ["name"]).splitlines()[0]
        assert stat.S_ISCHR(link.stat().st_mode)
    finally:
        os.close(terminal)
        os.close(reader)
    assert list(tmp_path.iterdir()) == [link]


def test_parquet_goes_to_no_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is binary, and no terminal, pipe or device is given it"):
        open_writer("parquet", pipe, ["name"])
    assert pipe.is_fifo()


def test_a_file_that_can_not_be_finished_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "out"
    writer = open_writer("csv", path, ["name"])
    path.mkdir()  # so that no file gets its name
    with pytest.raises(IsADirectoryError):
        writer.close()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\n=x",
        "-",
        "+",
        "+a",
        "\uff1d1",
        "\uff20x",
        "'=1",
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    assert defused(cell) == "'" + cell
    content = exported("csv", [pl.DataFrame({"a": [cell], "b": ["x"]})], ["a", "b"]).decode()
    assert list(csv.reader(io.StringIO(content, newline="")))[1] == ["'" + cell, "x"]


@pytest.mark.parametrize("cell", ["-12.5", "+972501112223", "+972 50 111 2223", "-1,250.00", "a=b", "", "'x", "x-1"])
def test_a_cell_that_is_harmless_stays_as_it_is(cell: str) -> None:
    assert defused(cell) == cell
    assert defuse(pl.DataFrame({"a": [cell]})).rows() == [(cell,)]


def test_defusing_can_be_left_out_and_touches_neither_numbers_nor_other_formats() -> None:
    frame = pl.DataFrame({"a": ["=1"], "n": [-5]})
    assert exported("csv", [frame], ["a", "n"], defuse=False) == b"a,n\n=1,-5\n"
    assert exported("csv", [frame], ["a", "n"]) == b"a,n\n'=1,-5\n"
    assert exported("ndjson", [frame], ["a", "n"]) == b'{"a":"=1","n":-5}\n'


CELLS = st.text("'=+-@\t\r\n\uff1d1 ,.a\"", max_size=6)


@given(CELLS)
def test_every_cell_comes_back_from_its_defused_form_and_none_is_left_dangerous(cell: str) -> None:
    safe = defused(cell)
    assert restored(safe) == cell
    assert not safe.startswith(("=", "@", "\t", "\r", "\n", "\uff1d"))
    assert not safe.startswith(("+", "-")) or set(safe[1:]) <= set("0123456789 .,")


@given(st.lists(st.none() | CELLS, min_size=1, max_size=5))
def test_columns_are_defused_and_restored_like_single_cells(cells: list[str | None]) -> None:
    frame = pl.DataFrame({"a": cells, "n": range(len(cells))}, schema={"a": pl.String, "n": pl.Int64})
    safe = defuse(frame)
    assert safe["a"].to_list() == [None if cell is None else defused(cell) for cell in cells]
    assert restore(safe).equals(frame)


def test_an_export_can_be_imported_again(tmp_path: Path) -> None:
    cells = ["=1+1", "'=x", "+972501112223", "a\r\nb", 'q"', " x ", "-5", None]
    frame = pl.DataFrame({"first name": cells, "note": cells[::-1]})
    path = written(tmp_path, exported("csv", [frame], ["first name", "note"]))
    (chunk,) = read_chunks(path, inspect(path))
    assert restore(chunk.frame).select(frame.columns).equals(frame)


def test_an_export_of_one_column_keeps_its_empty_rows(tmp_path: Path) -> None:
    path = written(tmp_path, exported("csv", [pl.DataFrame({"a": ["x", None, "y"]})], ["a"]))
    assert contents(list(read_chunks(path, inspect(path)))).values == [("x",), (None,), ("y",)]
