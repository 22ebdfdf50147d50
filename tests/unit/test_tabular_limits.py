"""Records of any length cost one report and a bounded amount of memory."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from tests.unit.tabular_files import contents, read, read_slowly, written

from carillon.tabular import inspect, read_chunks
from carillon.tabular.reader import CHUNK_BYTES

MB = 1024 * 1024
PROSE = "a line of prose that is no row whoever may read it\n"
LONG = "field too long: the record is over 1 MB"

PEAK = """
import resource, sys
from pathlib import Path
from carillon.tabular import inspect, read_chunks
small, large = Path(sys.argv[1]), Path(sys.argv[2])
def peak(path):
    rows = sum(chunk.frame.height for chunk in read_chunks(path, inspect(path)))
    return rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak(small)[1]
rows, after = peak(large)
print(rows, (after - before) // 1024)
"""


def grown_by(small: Path, large: Path) -> tuple[int, int]:
    """Rows of the large file, and by how many MB it raised a process's peak over the small one's."""
    command = [sys.executable, "-c", PEAK, str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    rows, megabytes = done.stdout.split()
    return int(rows), int(megabytes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "cp1255"])
@pytest.mark.parametrize(
    "field",
    ["x" * 3 * MB, '"' + "x" * 3 * MB + '"', '"' + PROSE * (2 * MB // len(PROSE)) + '"', '"' + '""' * 2 * MB + '"'],
    ids=["bare", "quoted", "of many lines", "of quotes"],
)
def test_a_field_over_the_limit_is_one_bad_record(tmp_path: Path, field: str, encoding: str) -> None:
    path = written(tmp_path, f"a,b,c\n1,2,3\n4,{field},6\n7,8,9\n".encode(encoding))
    shape = inspect(path, encoding=encoding)
    found = contents(list(read_chunks(path, shape)))
    assert found.rows == [(2, ("1", "2", "3")), (4 + field.count("\n"), ("7", "8", "9"))]
    assert [(bad.line, bad.field, bad.reason) for bad in found.bad] == [(3, "b", LONG)]
    assert found == read_slowly(path, shape)


def test_a_field_of_50_mb_is_passed_over_in_little_memory(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_bytes(b"a,b\n" + b"1,some text of a row\n" * 200_000)
    with large.open("wb") as file:
        file.write(b'a,b\n1,2\n3,"')
        for _ in range(50):
            file.write(b"y" * MB)
        file.write(b'"\n5,6\n')
    rows, megabytes = grown_by(small, large)
    assert rows == 2
    assert megabytes < 30


def test_a_file_far_larger_than_a_chunk_is_read_in_little_memory(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    head, block = b"a,b,c,d\n", b'1,"quoted text of a row",some more text of it,the end of it\n' * 20_000
    small.write_bytes(head + block)
    with large.open("wb") as file:
        file.write(head)
        for _ in range(80):
            file.write(block)
    rows, megabytes = grown_by(small, large)
    assert rows == 80 * 20_000
    assert megabytes < 60


def test_chunks_of_long_rows_stay_within_their_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n" + (b"1," + b"x" * 100_000 + b"\n") * 300)
    offsets = [4] + [chunk.next_offset for chunk in read_chunks(path, inspect(path))]
    assert offsets[-1] == path.stat().st_size
    assert max(after - before for before, after in pairwise(offsets)) <= CHUNK_BYTES
    assert len(offsets) > 2


@pytest.mark.parametrize("spare", [0, 1])
def test_a_record_of_exactly_the_limit_is_a_row_and_one_byte_more_is_not(tmp_path: Path, spare: int) -> None:
    for field in ("x" * (MB - 2 + spare), '"' + "\n" * (MB - 4 + spare) + '"'):
        found = read(tmp_path, f"a,b\n1,{field}\n3,4\n".encode())
        assert len(found.rows) == 2 - spare
        assert [bad.reason for bad in found.bad] == [LONG] * spare
        assert found.values[-1] == ("3", "4")


def test_a_stray_quote_far_from_the_files_end_costs_its_own_row_and_no_other(tmp_path: Path) -> None:
    rows = [f"{number},name {number},0500{number:06d}" for number in range(200_000)]
    rows[70_000] = '70000,"name,0500070000'
    path = written(tmp_path, "\n".join(["id,name,phone", *rows]).encode())
    found = contents(list(read_chunks(path, inspect(path))))
    assert len(found.rows) == 199_999
    (bad,) = found.bad
    assert (bad.line, bad.field, bad.raw) == (70_002, "name", rows[70_000])
    assert "not closed" in bad.reason


def test_a_long_line_with_an_open_quote_costs_its_own_row_and_no_other(tmp_path: Path) -> None:
    found = read(tmp_path, b'a,b\n1,"' + b"x" * 3 * MB + b"\n" + b"2,3\n" * 1_000)
    assert found.values == [("2", "3")] * 1_000
    assert [bad.line for bad in found.bad] == [2]


@pytest.mark.parametrize("room", range(1, 16))
def test_rows_across_the_edge_of_what_is_looked_at_are_not_lost(tmp_path: Path, room: int) -> None:
    found = read(tmp_path, b'a,b\n1,"' + b"x" * (MB - 3 - room) + b"\n" + b"2,3\n" * 6)
    assert found.values == [("2", "3")] * 6
    assert [bad.line for bad in found.bad] == [2]


def test_a_long_field_that_the_file_ends_in_is_reported_as_that(tmp_path: Path) -> None:
    found = read(tmp_path, b'a,b\n1,2\n3,"' + PROSE.encode() * (3 * MB // len(PROSE)))
    assert found.values == [("1", "2")]
    assert [(bad.line, bad.reason) for bad in found.bad] == [(3, "the file ends inside a quoted field")]


def test_many_stray_quotes_do_not_cost_a_look_at_the_whole_file_each(tmp_path: Path) -> None:
    # Each other line opens a quote that the next such line closes, to open another: one record of 20,000 lines.
    pairs = 10_000
    found = read(tmp_path, b"a,b\n" + b'z","y\n2,3\n' * pairs)
    assert found.values == [("2", "3")] * pairs
    assert len(found.bad) == pairs


def test_a_resumed_reading_sees_the_same_behind_a_long_record(tmp_path: Path) -> None:
    content = b"a,b\n1,2\n" + b'3,"' + PROSE.encode() * (3 * MB // len(PROSE)) + b'"\n5,6\n7,"8\n9,0\n1,1\n'
    path = written(tmp_path, content)
    shape = inspect(path)
    whole = contents(list(read_chunks(path, shape)))
    chunks = list(read_chunks(path, shape, rows=1))
    assert contents(chunks) == whole
    for number, chunk in enumerate(chunks):
        rest = read_chunks(path, shape, offset=chunk.next_offset, line=chunk.next_line)
        assert contents(list(rest)) == contents(chunks[number + 1 :])
