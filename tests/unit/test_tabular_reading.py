from pathlib import Path

import pytest
from tests.unit.tabular_files import contents, read, written

from carillon.tabular import UnreadableFileError, inspect, read_chunks

NUL = "the cell holds a NUL character"
OPEN = "the file ends inside a quoted field"


def test_a_file_of_no_rows_gives_no_chunk(tmp_path: Path) -> None:
    path = written(tmp_path, b"name,phone\n")
    assert list(read_chunks(path, inspect(path))) == []


def test_chunks_hold_the_rows_that_were_asked_for_and_say_where_to_go_on(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n" + b"".join(b"%d,x\n" % number for number in range(7)))
    chunks = list(read_chunks(path, inspect(path), rows=3))
    assert [chunk.frame.height for chunk in chunks] == [3, 3, 1]
    assert [chunk.next_offset for chunk in chunks] == [16, 28, 32]
    assert [chunk.next_line for chunk in chunks] == [5, 8, 9]


def test_the_frame_has_the_columns_of_the_header_and_line_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, b"name,name,\nAda,,1\n")
    (chunk,) = read_chunks(path, inspect(path))
    assert dict(chunk.frame.schema) == {
        "name": chunk.frame.schema["name"],
        "name_2": chunk.frame.schema["name"],
        "column_3": chunk.frame.schema["name"],
        "__line__": chunk.frame.schema["__line__"],
    }
    assert [str(dtype) for dtype in chunk.frame.dtypes] == ["String", "String", "String", "Int64"]
    assert chunk.frame.row(0) == ("Ada", None, "1", 2)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lf_crlf_and_cr_end_lines_and_blank_lines_are_passed_over(tmp_path: Path, end: str) -> None:
    found = read(tmp_path, end.join(["a,b", "1,2", "", "3,4", "", "", '"x', 'y",5', "6,7"]).encode())
    assert found.rows == [(2, ("1", "2")), (4, ("3", "4")), (7, (f"x{end}y", "5")), (9, ("6", "7"))]
    assert found.bad == []


@pytest.mark.parametrize("names", ["a", "a,b"])
def test_a_blank_line_is_no_row_of_empty_cells(tmp_path: Path, names: str) -> None:
    found = read(tmp_path, f"{names}\n\n1\n\n\n2\n\n".encode())
    assert [(line, row[0]) for line, row in found.rows] == [(3, "1"), (6, "2")]


def test_missing_cells_are_null_and_empty_surplus_is_let_go(tmp_path: Path) -> None:
    found = read(tmp_path, b'a,b,c\n1\n1,\n,,\n1,2,3,,,\n"1","",3\n,2,\n')
    assert found.values == [
        ("1", None, None),
        ("1", None, None),
        (None, None, None),
        ("1", "2", "3"),
        ("1", None, "3"),
        (None, "2", None),
    ]


def test_surplus_cells_make_a_record_bad(tmp_path: Path) -> None:
    found = read(tmp_path, b'a,b\n1,2\nSmith, John,3\n4,5,,6\n"7,8",9\n')
    assert found.values == [("1", "2"), ("7,8", "9")]
    assert [(bad.line, bad.field, bad.value, bad.raw) for bad in found.bad] == [
        (3, "column 3", "3", ("Smith", " John", "3")),
        (4, "column 3", ",6", ("4", "5", "", "6")),
    ]


def test_a_quoted_cell_holds_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    found = read(tmp_path, b'a,b\n"1,2","he said ""hi"""\n"x\ny\r\nz","\n"\n3,4\n')
    assert found.rows == [
        (2, ("1,2", 'he said "hi"')),
        (3, ("x\ny\r\nz", "\n")),
        (7, ("3", "4")),
    ]


def test_a_quote_inside_an_unquoted_cell_is_a_character(tmp_path: Path) -> None:
    for more in ("", '"q",1\n'):
        found = read(tmp_path, f'שם,מידה\nחברה בע"מ,6"\n{more}'.encode())
        assert found.values[0] == ('חברה בע"מ', '6"')
        assert found.bad == []


def test_a_quote_that_was_not_doubled_is_kept_where_the_row_is_clear_all_the_same(tmp_path: Path) -> None:
    found = read(tmp_path, 'שם,עיר,מידה\n"חברה בע"מ","חיפה","6" צינור"\n1,2,3\n'.encode())
    assert found.values == [('חברה בע"מ', "חיפה", '6" צינור'), ("1", "2", "3")]
    assert found.bad == []


def test_a_quote_that_leaves_the_row_unclear_makes_it_bad(tmp_path: Path) -> None:
    found = read(tmp_path, b'a,b,c\n"1","Bob,"5"\n"2","Al","6"\n')
    assert found.values == [("2", "Al", "6")]
    assert [(bad.line, bad.field) for bad in found.bad] == [(2, "b")]
    assert "not doubled" in found.bad[0].reason


@pytest.mark.parametrize("rest", [b"", b'"x\ny",1\n'])
def test_a_nul_makes_its_record_bad_and_names_the_field(tmp_path: Path, rest: bytes) -> None:
    found = read(tmp_path, b"name,phone\nAda,1\nB\0b,2\nCyd,3\n" + rest)
    assert found.values[:2] == [("Ada", "1"), ("Cyd", "3")]
    (bad,) = found.bad
    assert (bad.line, bad.field, bad.value, bad.reason, bad.raw) == (3, "name", "B\0b", NUL, ("B\0b", "2"))


@pytest.mark.parametrize(
    ("encoding", "broken"),
    [("utf-8", b"\xe9\xf0"), ("utf-8", b"\xed\xa0\x80"), ("cp1255", b"\xd9"), ("utf-16-le", b"\x00\xd8")],
)
def test_only_the_record_with_undecodable_bytes_is_bad(tmp_path: Path, encoding: str, broken: bytes) -> None:
    good = "שם,עיר\nאבנר,חיפה\n".encode(encoding)
    comma, end = ",".encode(encoding), "\n".encode(encoding)
    path = written(tmp_path, good + broken + comma + "7".encode(encoding) + end + good)
    found = contents(list(read_chunks(path, inspect(path, encoding=encoding))))
    assert found.rows == [(2, ("אבנר", "חיפה")), (4, ("שם", "עיר")), (5, ("אבנר", "חיפה"))]
    (bad,) = found.bad
    assert (bad.line, bad.field, bad.raw[1]) == (3, "שם", "7")
    assert "�" in bad.value


def test_a_utf16_file_cut_inside_a_character_keeps_the_rows_before(tmp_path: Path) -> None:
    whole = "name,phone\nAda,1\nBob,2".encode("utf-16")
    path = written(tmp_path, whole[:-1])
    (chunk,) = read_chunks(path, inspect(path))
    assert chunk.frame.rows() == [("Ada", "1", 2)]
    assert [(bad.line, bad.field) for bad in chunk.bad] == [(3, "phone")]
    assert chunk.next_offset == len(whole) - 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_surrogate_pair_may_lie_across_any_two_reads(tmp_path: Path, encoding: str) -> None:
    for name in ("ab", "a"):  # so that in one of them reads part a pair
        rows = ("😀" * 500 + ",x\n") * 2_000
        path = written(tmp_path, f"{name},b\n{rows}".encode(encoding))
        found = contents(list(read_chunks(path, inspect(path, encoding=encoding))))
        assert found.bad == []
        assert found.values == [("😀" * 500, "x")] * 2_000


def test_a_file_cut_inside_a_quoted_field_keeps_the_rows_before(tmp_path: Path) -> None:
    found = read(tmp_path, b'name,street,city\nAda,"1 Elm\nSt",Leeds\nBob,"2 Oak\nAv')
    assert found.rows == [(2, ("Ada", "1 Elm\nSt", "Leeds"))]
    (bad,) = found.bad
    assert (bad.line, bad.field, bad.value, bad.reason, bad.raw) == (4, "street", '"2 Oak\nAv', OPEN, 'Bob,"2 Oak')


def test_a_stray_quote_costs_its_own_row_and_no_other(tmp_path: Path) -> None:
    rows = [f"{number},name {number},0500{number:06d}" for number in range(30_000)]
    rows[5] = '5,"name 5,0500000005'
    found = read(tmp_path, "\n".join(["id,name,phone", *rows]).encode())
    assert len(found.rows) == 29_999
    assert [(bad.line, bad.field, bad.raw) for bad in found.bad] == [(7, "name", '5,"name 5,0500000005')]


def test_a_stray_quote_before_well_quoted_rows_costs_no_other(tmp_path: Path) -> None:
    rows = [f'"{number}","name {number}","0500{number:06d}"' for number in range(1_000)]
    rows[5] = '"5","name 5,0500000005'
    found = read(tmp_path, "\n".join(["id,name,phone", *rows]).encode())
    assert len(found.rows) == 999
    assert [bad.line for bad in found.bad] == [7]


def test_a_file_of_only_bad_rows_gives_a_report_of_each(tmp_path: Path) -> None:
    found = read(tmp_path, "שם,עיר\n".encode() + b'1,2,3\n\0,1\n\xff\xfe\xfd,2\n"x"y\n5,"z\n', rows=2)
    assert found.rows == []
    assert [bad.line for bad in found.bad] == [2, 3, 4, 5, 6]
    assert all(bad.reason for bad in found.bad)


def test_a_long_value_is_cut_in_the_report(tmp_path: Path) -> None:
    found = read(tmp_path, b"a,b\n1," + b"x" * 5_000 + b"\0\n")
    assert found.bad[0].value == "x" * 200
    assert found.bad[0].raw == ("1", "x" * 5_000 + "\0")


def test_trailing_delimiters_on_every_row_are_no_fault(tmp_path: Path) -> None:
    found = read(tmp_path, b"a,b\n" + b"1,2,\n" * 50_000)
    assert len(found.rows) == 50_000
    assert found.bad == []


def test_megabytes_of_blank_lines_are_passed_over(tmp_path: Path) -> None:
    found = read(tmp_path, b"a,b\n" + b"\n" * 20_000_000 + b"1,2\n")
    assert found.rows == [(20_000_002, ("1", "2"))]


def test_a_file_that_went_away_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,2\n")
    shape = inspect(path)
    path.unlink()
    with pytest.raises(UnreadableFileError):
        next(read_chunks(path, shape))
