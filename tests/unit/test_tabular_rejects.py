import csv
import os
import stat
from pathlib import Path

import pytest
from tests.unit.tabular_files import contents, read, written

from carillon.tabular import (
    LostRejectsError,
    Problem,
    RejectedRow,
    RejectsWriter,
    UnreadableFileError,
    inspect,
    read_chunks,
)

HEADER = ("name", "phone")
ADA = RejectedRow(line=7, cells=("Ada", "12"), problems=[Problem(field="phone", value="12", reason="too short")])
BOB = RejectedRow(line=9, cells=("Bob", None), problems=[Problem(field="phone", value="", reason="missing")])


def lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_a_rejected_row_keeps_its_cells_and_tells_its_line_and_problems(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    both = [Problem(field="name", value="", reason="missing"), Problem(field="phone", value="x", reason="no phone")]
    with RejectsWriter.open(path, HEADER) as writer:
        writer.write([ADA, RejectedRow(line=8, cells=(None, "x"), problems=both)])
    assert path.read_bytes().startswith(b"\xef\xbb\xbfname,phone,_line,")
    assert lines(path) == [
        ["name", "phone", "_line", "_field", "_value", "_reason"],
        ["Ada", "12", "7", "phone", "12", "too short"],
        ["", "x", "8", "name; phone", "; x", "missing; no phone"],
    ]


def test_records_that_could_not_be_read_are_written_too(tmp_path: Path) -> None:
    found = read(tmp_path, b'name,phone\nA\0da,1\nBob,2,3\nCyd,"4\n')
    path = tmp_path / "rejects.csv"
    with RejectsWriter.open(path, HEADER) as writer:
        writer.write(RejectedRow.from_bad(bad) for bad in found.bad)
    assert [line[:5] for line in lines(path)[1:]] == [
        ["A�da", "1", "2", "name", "A�da"],
        ["Bob", "2", "3", "column 3", "3"],
        ['Cyd,"4', "", "4", "phone", '"4\n'],
    ]


def test_the_file_is_its_owners_alone_and_one_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    new, there = tmp_path / "rejects.csv", tmp_path / "there.csv"
    there.write_text("something longer than what is written", "utf-8")
    there.chmod(0o640)
    before = os.umask(0)
    try:
        for path in (new, there):
            RejectsWriter.open(path, ["a"]).close()
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (new, there)] == [0o600, 0o640]
    assert new.read_bytes() == there.read_bytes()


def test_a_mended_file_is_imported_again_and_its_rejects_keep_the_original_columns(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    with RejectsWriter.open(path, ("שם", "phone")) as writer:
        writer.write([RejectedRow(line=2, cells=("דנה", "12"), problems=ADA.problems)])
    mended = written(tmp_path, path.read_bytes().replace(b",12,2", b",0501112223,2"))
    shape = inspect(mended)
    found = contents(list(read_chunks(mended, shape)))
    assert shape.header[:2] == ("שם", "phone")
    assert found.values[0][:2] == ("דנה", "0501112223")
    again = tmp_path / "again.csv"
    with RejectsWriter.open(again, shape.header) as writer:
        writer.write([RejectedRow(line=2, cells=found.values[0], problems=BOB.problems)])
    assert lines(again) == [
        ["שם", "phone", "_line", "_field", "_value", "_reason"],
        ["דנה", "0501112223", "2", "phone", "", "missing"],
    ]


def test_a_resumed_import_carries_the_file_on_without_a_doubled_or_half_line(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    with RejectsWriter.open(path, HEADER) as writer:
        writer.write([ADA])
        kept = writer.tell()
        writer.write([BOB])
    path.write_bytes(path.read_bytes()[:-5])
    with RejectsWriter.open(path, HEADER, keep_bytes=kept) as writer:
        assert writer.tell() == kept
        writer.write([BOB])
        assert writer.tell() == path.stat().st_size
    assert [line[0] for line in lines(path)] == ["name", "Ada", "Bob"]


def test_what_was_told_is_in_the_file_before_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    with RejectsWriter.open(path, HEADER) as writer:
        writer.write([ADA])
        assert writer.tell() == path.stat().st_size
        assert len(lines(path)) == 2


def test_beginning_again_forgets_an_older_file(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    for _ in range(2):
        with RejectsWriter.open(path, HEADER) as writer:
            writer.write([ADA])
    assert len(lines(path)) == 2


def test_a_lost_or_shortened_file_is_not_carried_on(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    with pytest.raises(LostRejectsError, match="gone"):
        RejectsWriter.open(path, HEADER, keep_bytes=10)
    path.write_bytes(b"short")
    with pytest.raises(LostRejectsError, match="shorter"):
        RejectsWriter.open(path, HEADER, keep_bytes=10)
    assert path.read_bytes() == b"short"


def test_a_place_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "rejects.csv", tmp_path):
        with pytest.raises(UnreadableFileError):
            RejectsWriter.open(path, HEADER)


def test_no_cell_of_a_rejects_file_is_run_as_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    evil = '=HYPERLINK("http://example.org")'
    with RejectsWriter.open(path, ("@name", "phone")) as writer:
        problem = Problem(field="@name", value=evil, reason="no name")
        writer.write([RejectedRow(line=2, cells=(evil, "+972521112223"), problems=[problem])])
    assert lines(path) == [
        ["'@name", "phone", "_line", "_field", "_value", "_reason"],
        ["'" + evil, "+972521112223", "2", "'@name", "'" + evil, "no name"],
    ]
    assert inspect(path).header[0] == "@name"
