from pathlib import Path

import pytest
from tests.unit.corpus import seeded
from tests.unit.tabular_files import read, written

from carillon.tabular import (
    BadColumnsError,
    BadDelimiterError,
    EmptyFileError,
    NoHeaderError,
    TabularError,
    UnknownEncodingError,
    UnreadableFileError,
    file_hash,
    inspect,
    read_chunks,
)

HEBREW = "שם,טלפון,הערה\nאבנר כהן,0501112223,לקוח ותיק\nנועה לוי,0502223334,מתעניינת\n"  # noqa: RUF001 - Hebrew is meant
FRENCH = "prénom,téléphone\nAndré Lefèvre,0611223344\nZoë Håkansson,0655667788\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (HEBREW.encode("utf-8"), "utf-8"),
        (HEBREW.encode("utf-8-sig"), "utf-8"),
        (b"\xff\xfe" + HEBREW.encode("utf-16-le"), "utf-16-le"),
        (b"\xfe\xff" + HEBREW.encode("utf-16-be"), "utf-16-be"),
        (HEBREW.encode("utf-16-le"), "utf-16-le"),
        (HEBREW.encode("utf-16-be"), "utf-16-be"),
        (HEBREW.encode("cp1255"), "cp1255"),
        (FRENCH.encode("cp1252"), "cp1252"),
        (FRENCH.encode("utf-8"), "utf-8"),
        (b"name,phone\nAda,1\n", "utf-8"),
    ],
)
def test_the_encoding_is_recognised(tmp_path: Path, content: bytes, encoding: str) -> None:
    assert inspect(written(tmp_path, content)).encoding == encoding


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1255"])
def test_the_same_rows_come_out_of_every_encoding(tmp_path: Path, encoding: str) -> None:
    found = read(tmp_path, HEBREW.encode(encoding))
    assert found.rows == [
        (2, ("אבנר כהן", "0501112223", "לקוח ותיק")),
        (3, ("נועה לוי", "0502223334", "מתעניינת")),
    ]
    assert found.bad == []


def test_a_late_broken_byte_does_not_change_a_utf8_file_into_another_encoding(tmp_path: Path) -> None:
    content = HEBREW.encode() * 20 + b"\xe9\xf0,1,2\n"
    assert inspect(written(tmp_path, content)).encoding == "utf-8"


def test_names_that_come_late_in_a_long_file_still_decide_its_encoding(tmp_path: Path) -> None:
    plain = b"name,phone\n" + b"Ada Lovelace,0501112223\n" * 260_000
    content = plain + ("אבנר כהן,0502223334\n" * 100_000).encode("cp1255")
    assert inspect(written(tmp_path, content)).encoding == "cp1255"


def test_a_mark_outranks_the_encoding_that_was_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, HEBREW.encode("utf-8-sig"))
    assert inspect(path, encoding="windows-1255").encoding == "utf-8"


def test_any_single_byte_encoding_can_be_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "имя,телефон\nАнна,79161234567\n".encode("cp1251"))  # noqa: RUF001 - Cyrillic is meant
    shape = inspect(path, encoding="windows-1251")
    assert (shape.encoding, shape.header) == ("cp1251", ("имя", "телефон"))


@pytest.mark.parametrize("name", ["no-such-thing", "gb18030", "shift_jis", "base64", "utf-7", "utf-32", "a\0b"])
def test_an_encoding_that_is_not_read_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownEncodingError, match="encoding"):
        inspect(written(tmp_path, b"a,b\n"), encoding=name)


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("a;b;c\n1;2;3\n", ";"),
        ("a\tb\tc\n1\t2\t3\n", "\t"),
        ("name;phone, mobile\nAda;1\nBob;2\n", ";"),
        ("name;price\nAda;1,5\nBob;2,5\n", ";"),
        ('"last; first",phone,mail\n"Lovelace; Ada",1,x\n', ","),
        ('name,note\nAda,"a;b;c\nd;e"\n', ","),
        ("phone\n1\n2\n", ","),
        ("a|b|c\n1|2,5|3\n", "|"),
        ("name,tags\nAda,a|b|c\nBob,b|c|d\n", ","),
        ("sep=|\na|b\n", "|"),
        ('"sep=;"\na,x;b\n1;2\n', ";"),
        ("SEP=\t\r\na\tb\r\n", "\t"),
    ],
)
def test_the_delimiter_is_found(tmp_path: Path, content: str, delimiter: str) -> None:
    assert inspect(written(tmp_path, content.encode())).delimiter == delimiter


def test_a_delimiter_that_was_asked_for_outranks_the_files_own_line(tmp_path: Path) -> None:
    shape = inspect(written(tmp_path, b"sep=;\na;b,c\n1;2,3\n"), delimiter=",")
    assert (shape.delimiter, shape.header, shape.body_line) == (",", ("a;b", "c"), 3)


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "a", "é", "\0"])
def test_what_is_no_delimiter_is_refused(tmp_path: Path, delimiter: str) -> None:
    path = written(tmp_path, b"a,b\n")
    if not delimiter:
        assert inspect(path, delimiter=delimiter).delimiter == ","
        return
    with pytest.raises(BadDelimiterError):
        inspect(path, delimiter=delimiter)


def test_names_are_trimmed_made_unique_and_given_where_missing(tmp_path: Path) -> None:
    shape = inspect(written(tmp_path, b" name ,phone,,name,__line__,name_2,\n"))
    assert shape.header == ("name", "phone", "column_3", "name_3", "__line___2", "name_2", "column_7")


def test_the_body_begins_behind_blank_lines_and_a_header_of_several_lines(tmp_path: Path) -> None:
    content = b'\r\n  \r\n"first\nname",phone\r\nAda,1\r\n'
    shape = inspect(written(tmp_path, content))
    assert shape.header == ("first\nname", "phone")
    assert (shape.body_offset, shape.body_line) == (content.index(b"Ada"), 5)
    assert shape.size == len(content)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\r\n  \n", b"\xff\xfe", b"sep=;\n"])
def test_a_file_without_content_is_called_empty(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EmptyFileError, match="empty"):
        inspect(written(tmp_path, content))


@pytest.mark.parametrize(
    "address",
    [
        *("[30765432.0]", "\u202a30765432.0\u202c", "(30765432.5)", "30765432.0.", "`30765432.0`", "'542,700,008.5"),
        *("9.72545111233e+011", "545.111235E+06", "mailto:ana%40mail.example", "Ana <mailto:ana%40mail.example>"),
    ],
)
def test_an_address_with_something_around_it_names_no_column(tmp_path: Path, address: str) -> None:
    with pytest.raises(NoHeaderError, match="holds an address"):
        inspect(written(tmp_path, f'"{address}"\tname\n0541110001\tAna\n'.encode()))


@pytest.mark.parametrize(
    "content",
    [
        b",,,\n1,2,3,4\n",
        b'"name,phone\nAda,1\n',
        b"x" * 1_500_000 + b"\n1\n",
        b"Ada,ada@example.org\nBob,bob@example.org\n",
        b"0501112223;Ada\n0502223334;Bob\n",
        "972\u202f501\u202f112\u202f223;Ada\n972\u202f502\u202f223\u202f334;Bob\n".encode(),
        "972\u2019501\u2019112\u2019223;Ada\n972\u2019502\u2019223\u2019334;Bob\n".encode(),
    ],
)
def test_a_first_record_that_names_no_columns_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NoHeaderError, match=r"record|header"):
        inspect(written(tmp_path, content))


@pytest.mark.parametrize("content", [b"name,ph\0one\nAda,1\n", b"name,ph\x01one\nAda,1\n", b"na\x7fme\nAda\n"])
@pytest.mark.parametrize("columns", [None, ["name", "phone"]])
def test_control_characters_in_the_first_record_look_like_no_text_file(
    tmp_path: Path, content: bytes, columns: list[str] | None
) -> None:
    with pytest.raises(UnreadableFileError, match="looks like no text file"):
        inspect(written(tmp_path, content), columns=columns)


def test_random_bytes_look_like_no_text_file(tmp_path: Path) -> None:
    for seed in range(60):  # in some a line ends before the first control character
        with pytest.raises(UnreadableFileError, match="looks like no text file"):
            inspect(written(tmp_path, seeded(f"no text {seed}").randbytes(3_000)))


def test_a_control_character_behind_the_header_is_the_records_own_matter(tmp_path: Path) -> None:
    content = b"name\tphone\r\n" + b"Ada\x0b\t0501112223\r\n" * 20
    assert inspect(written(tmp_path, content)).header == ("name", "phone")


def test_an_error_does_not_repeat_what_the_file_holds(tmp_path: Path) -> None:
    with pytest.raises(NoHeaderError) as raised:
        inspect(written(tmp_path, b"Ada,ada@example.org\n"))
    assert "ada" not in str(raised.value).lower()


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14\0", b"%PDF-1.7\n", b"\x1f\x8b\x08\0"])
def test_a_workbook_or_an_archive_is_refused_by_its_nature(tmp_path: Path, start: bytes) -> None:
    with pytest.raises(UnreadableFileError, match="CSV"):
        inspect(written(tmp_path, start + bytes(range(1, 200))))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(UnreadableFileError) as raised:
            inspect(path)
        assert isinstance(raised.value, TabularError)


def test_the_hash_is_of_the_files_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, b"abc")
    assert file_hash(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_names_that_are_given_make_the_first_record_a_row(tmp_path: Path) -> None:
    path = written(tmp_path, b"sep=;\n0501112223;Ada\n0502223334;Bob\n")
    shape = inspect(path, columns=[" phone ", "", "phone"])
    assert (shape.header, shape.delimiter, shape.body_line) == (("phone", "column_2", "phone_2"), ";", 2)
    assert [chunk.frame.row(0)[:2] for chunk in read_chunks(path, shape)] == [("0501112223", "Ada")]


@pytest.mark.parametrize(
    "name",
    [
        "Orders 2024",
        "2024-01-15 visits",
        "01/15/2024 (visits)",
        "Mail @ work",
        "@handle",
        "a < b",
        "1e",
        "12345",
        "(2024)",
        "12E3",
        "50%40",
    ],
)
def test_a_name_with_digits_or_an_at_sign_is_no_address(tmp_path: Path, name: str) -> None:
    assert inspect(written(tmp_path, f"phone;{name}\n".encode())).header == ("phone", name)


def test_a_rejects_file_keeps_its_header_when_names_are_given(tmp_path: Path) -> None:
    path = written(tmp_path, b"phone,name,_line,_field,_value,_reason\n12,Ada,1,phone,12,No phone\n")
    assert inspect(path, columns=["phone", "name"]).header[:2] == ("phone", "name")


def test_fewer_names_than_cells_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadColumnsError, match="3 cells, for which 2"):
        inspect(written(tmp_path, b"0501112223,Ada,x\n"), columns=["phone", "name"])
