"""Workbooks as programs write them, read as CSV."""

import csv
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest
from tests.unit.tabular_files import contents
from tests.unit.workbooks import write_parts, write_workbook

from carillon.tabular import TabularError, UnreadableFileError, as_csv, read_chunks

Made = Callable[[Path], Path]


def excel(path: Path) -> Path:
    """Texts are shared, rows have spans, a phone is a number, and a formula has its last value."""
    rows = (
        '<row r="1" spans="1:5" x14ac:dyDescent="0.25" xmlns:x14ac="http://example.com/ac">'
        '<c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c>'
        '<c r="D1" t="s"><v>3</v></c><c r="E1" t="s"><v>4</v></c></row>'
        '<row r="2" spans="1:5"><c r="A2"><v>972541110001</v></c><c r="B2" t="s"><v>5</v></c>'
        '<c r="C2" s="1"><v>45292</v></c><c r="D2" t="b"><v>1</v></c><c r="E2"><v>0.30000000000000004</v></c></row>'
        '<row r="3" spans="1:5"><c r="A3" s="4"><v>5.41110002E8</v></c>'
        '<c r="B3" t="str"><f>A1&amp;"x"</f><v>Ben, x</v></c>'
        '<c r="C3" s="2"><v>45292.5</v></c><c r="D3" t="b"><v>0</v></c><c r="E3" t="e"><v>#N/A</v></c></row>'
    )
    rich = (
        '<si><r><t>A</t></r><r><rPr><b/></rPr><t xml:space="preserve">na </t></r><rPh sb="0" eb="1"><t>x</t></rPh></si>'
    )
    return write_workbook(path, rows, ["phone", "name", "born", "vip", "share", rich])


def libreoffice(path: Path) -> Path:
    """Rows have heights, numbers their type, and blank cells a style."""
    row = '<row r="{0}" ht="12.8" hidden="false" customHeight="false" outlineLevel="0">'
    rows = (
        row.format(1) + '<c r="A1" s="0" t="s"><v>0</v></c><c r="B1" s="0" t="s"><v>1</v></c>'
        '<c r="C1" s="0" t="s"><v>2</v></c></row>'
        + row.format(2)
        + '<c r="A2" s="0" t="n"><v>541110001</v></c><c r="B2" s="0"/><c r="C2" s="5" t="n"><v>36526</v></c></row>'
        + row.format(3)
        + '<c r="A3" s="0" t="s"><v>3</v></c><c r="B3" s="0" t="s"><v>4</v></c><c r="C3" s="0"/></row>'
    )
    return write_workbook(path, rows, ["phone", "name", "born", "+972541110002", "two\nlines_x000D_"])


def google_sheets(path: Path) -> Path:
    """A thousand rows are there, most of them blank."""
    rows = (
        '<row r="1"><c r="A1" s="0" t="s"><v>0</v></c><c r="B1" s="0" t="s"><v>1</v></c></row>'
        '<row r="2"><c r="A2" s="0"><v>5.41110001E8</v></c><c r="B2" s="0"><v>1.0</v></c></row>'
        + "".join(f'<row r="{number}"><c r="A{number}" s="0"/></row>' for number in range(3, 1001))
        + '<row r="1001"><c r="B1001" s="0"><v>-2.5E-7</v></c></row>'
    )
    return write_workbook(path, {"Таблица": rows, "Other": ""}, ["phone", "number"])


def numbers(path: Path) -> Path:
    """The sheet that says what was exported is hidden from none, and the table comes behind it."""
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="3"><c r="A3" t="s"><v>1</v></c></row>'
    return write_workbook(path, {"Sheet 1 - Table 1": rows}, ["E-mail", "ana@mail.example"])


def open_xml_sdk(path: Path) -> Path:
    """Elements have a prefix, cells no place, and texts stand in them."""
    rows = (
        '<x:row><x:c t="inlineStr"><x:is><x:t>phone</x:t></x:is></x:c>'
        '<x:c t="inlineStr"><x:is><x:r><x:t>na</x:t></x:r><x:r><x:t>me</x:t></x:r></x:is></x:c></x:row>'
        '<x:row><x:c t="str"><x:v>0541110001</x:v></x:c><x:c t="d"><x:v>2024-01-02T00:00:00</x:v></x:c></x:row>'
    )
    return write_workbook(path, rows, prefix="x")


def one_c(path: Path) -> Path:
    """What was hidden comes first, and durations and days of 1904 are there."""
    rows = (
        '<row r="1"><c r="B1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>'
        '<row r="2"><c r="B2" s="3"><v>1.5</v></c><c r="C2" s="1"><v>43830</v></c></row>'
    )
    sheets = {"Служебный": '<row r="1"><c r="A1"><v>1</v></c></row>', "Контрагенты": rows}
    return write_workbook(
        path, sheets, ["Длительность", "Дата"], hidden=["Служебный"], properties='<workbookPr date1904="1"/>'
    )


def read_csv(path: Path, sheet: str | None = None) -> str:
    with as_csv(path, sheet=sheet) as table:
        assert table.form == "sheet"
        assert table.path.stat().st_mode & 0o077 == 0
        return table.path.read_bytes().decode()


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(
            excel,
            "phone,name,born,vip,share\n972541110001,Ana ,2024-01-01,true,0.3\n"
            '0541110002,"Ben, x",2024-01-01 12:00:00,false,#N/A\n',
        ),
        (libreoffice, 'phone,name,born\n541110001,,2000-01-01\n+972541110002,"two\nlines\r"\n'),
        (google_sheets, "phone,number\n541110001,1\n" + "\n" * 998 + ",-0.00000025\n"),
        (numbers, "E-mail\n\nana@mail.example\n"),
        (open_xml_sdk, "phone,name\n0541110001,2024-01-02\n"),
        (one_c, ',Длительность,Дата\n,"1 day, 12:00:00",2024-01-01\n'),
    ],
)
def test_a_sheet_is_read_as_its_program_shows_it(tmp_path: Path, made: Made, expected: str) -> None:
    assert read_csv(made(tmp_path / "book.xlsx")) == expected


def test_what_openpyxl_writes_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["phone", "name"])
    sheet.append([972541110001, "Ana"])
    book.save(tmp_path / "book.xlsx")
    with as_csv(tmp_path / "book.xlsx") as table:
        found = contents(list(read_chunks(table.path, table.shape())))
    assert found.rows == [(2, ("972541110001", "Ana"))]


def test_a_sheet_is_named_and_one_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = google_sheets(tmp_path / "book.xlsx")
    assert read_csv(path, "Other") == ""
    with pytest.raises(TabularError, match=r"no sheet “Third”. Its sheets: “Таблица”, “Other”"):
        read_csv(path, "Third")
    (tmp_path / "a.csv").write_text("phone\n1\n")
    with pytest.raises(TabularError, match="Only a workbook"), as_csv(tmp_path / "a.csv", sheet="Other"):
        pass


def test_a_sheet_without_a_header_takes_names(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "book.xlsx", '<row r="1"><c r="A1"><v>541110001</v></c></row>')
    with as_csv(path) as table:
        assert table.shape(columns=["phone"]).header == ("phone",)


def test_a_formula_that_was_not_calculated_and_an_error_are_no_blanks(tmp_path: Path) -> None:
    cells = (
        '<c r="A1"><f>B1</f></c><c r="B1"><f>C1</f><v></v></c><c r="C1" t="str"><f>D1</f></c><c r="D1" t="e"/>'
        '<c r="E1" t="e"><f>F9</f><v>#REF!</v></c>'
        '<c r="F1" t="str"><f>""</f><v></v></c><c r="G1"><v></v></c><c r="H1"><f>1</f><v>2</v></c>'
    )
    path = write_workbook(tmp_path / "book.xlsx", f'<row r="1">{cells}</row>')
    assert read_csv(path) == ",".join(["#NOT CALCULATED!"] * 4 + ["#REF!", "", "", "2"]) + "\n"


def test_a_formula_that_openpyxl_writes_is_not_calculated(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["email", "unsubscribed"])
    sheet.append(["ana@mail.example", "=1=1"])
    book.save(tmp_path / "book.xlsx")
    assert read_csv(tmp_path / "book.xlsx") == "email,unsubscribed\nana@mail.example,#NOT CALCULATED!\n"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1.23456789012345E+20", "1.23456789012345E+20"),
        ("2.412345678901234e+16", "2.41234567890123E+16"),
        ("1E+15", "1E+15"),
        ("1234567890123450", "1.23456789012345E+15"),  # as a spreadsheet leaves 1234567890123456
        ("9123456789012344", "9.12345678901234E+15"),  # as a library writes 9123456789012345
        ("9007199254740991", "9007199254740991"),
        ("12345678901234567", "12345678901234567"),  # as only a program writes it
        ("123456789012345", "123456789012345"),
        ("9.72545111233E+11", "972545111233"),
        ("1E2", "100"),
        ("-0", "-0"),
    ],
)
def test_a_number_with_more_digits_than_a_spreadsheet_keeps_has_an_exponent(
    tmp_path: Path, number: str, text: str
) -> None:
    path = write_workbook(tmp_path / "book.xlsx", f'<row r="1"><c><v>{number}</v></c></row>')
    assert read_csv(path) == f"{text}\n"


DOCTYPE = '<!DOCTYPE x [<!ENTITY a "b">]><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('<row r="9999999"/>', "more than 1,048,576 rows"),
        ('<row r="1"><c r="XFD1"><v>1</v></c></row>', "more than 1,000 cells"),
        ('<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>1</v></c></row>', "one twice"),
        (f'<row r="1"><c t="str"><v>{"x" * 1_100_000}</v></c></row>', "more than 1,048,576 characters"),
        (f'<row r="1"><c x="{"x" * 3_000_000}"/></row>', "longer than any"),
        ('<row r="1"><c t="s"><v>7</v></c></row>', "broken workbook"),
        ('<row r="1"><c><v>1..2</v></c></row>', "broken workbook"),
        ('<row r="1"><c>', "broken workbook"),
        ('<row r="1048576"/><row r="1"/>', "broken workbook"),
    ],
)
def test_a_sheet_beyond_bounds_or_broken_is_refused(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(TabularError, match=message):
        read_csv(write_workbook(tmp_path / "book.xlsx", rows))


@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml"]
)
def test_document_types_and_parts_without_end_are_refused(
    tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = excel(tmp_path / "good.xlsx")
    with pytest.raises(UnreadableFileError, match="broken workbook"):
        read_csv(with_part(good, tmp_path / "bad.xlsx", part, lambda _: DOCTYPE.encode()))
    if "sheet1" in part or "shared" in part:
        return
    monkeypatch.setattr("carillon.tabular.workbook_parts._MAX_PART", 4_000)
    with pytest.raises(UnreadableFileError, match="part of the workbook is larger"):
        read_csv(with_part(good, tmp_path / "large.xlsx", part, lambda old: old + b" " * 4_000))


def test_whatever_is_broken_in_a_workbook_is_refused_in_a_sentence(tmp_path: Path) -> None:
    good = excel(tmp_path / "good.xlsx").read_bytes()
    chance = random.Random(3)  # noqa: S311 - no secret
    refused = 0
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            bad[chance.randrange(4, len(bad))] = chance.randrange(256)
        path = tmp_path / "bad.xlsx"
        path.write_bytes(bad[: chance.choice([len(bad), chance.randrange(100, len(bad))])])
        try:
            with as_csv(path):
                pass
        except TabularError:
            refused += 1
    assert refused > 200


FRAGMENTS = (
    *(b"-1", b"9" * 21, b"1e999", b"nan", b"", b"\xff", b"<v>", b"</row>", b't="d"', b't="s"', b's="99"', b'r="ZZZZ1"'),
    *(b"&#0;", b"&#xD800;", b"_xD800_", b'encoding="x"'),
)


def test_whatever_is_broken_in_its_parts_is_refused_in_a_sentence(tmp_path: Path) -> None:
    good = excel(tmp_path / "good.xlsx")
    chance = random.Random(4)  # noqa: S311 - no secret
    with ZipFile(good) as archive:
        names = archive.namelist()

    def changed(part: bytes) -> bytes:
        start = chance.randrange(len(part))
        return part[:start] + chance.choice(FRAGMENTS) + part[start + chance.choice((0, 1, 3, 10)) :]

    refused = 0
    for _ in range(400):
        path = with_part(good, tmp_path / "bad.xlsx", chance.choice(names), changed)
        try:
            with as_csv(path):
                pass
        except TabularError:
            refused += 1
    assert refused > 200


def with_part(good: Path, bad: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    with ZipFile(good) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    old = parts[part]
    assert isinstance(old, bytes)
    parts[part] = change(old)
    return write_parts(bad, parts)


def test_whatever_openpyxl_writes_is_what_was_written(tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - no secret

    def value() -> tuple[object, str]:
        number = chance.randrange(10**15) * chance.choice((1, -1))
        moment = datetime(1930, 1, 1) + timedelta(seconds=chance.randrange(10**9, 3 * 10**9))  # noqa: DTZ001 - as cells are
        text = "".join(chance.choices("aя ש_x0041,\"\n<&>'é😀", k=6)) + "z"
        share = chance.randrange(1, 10**6) / 1024
        return chance.choice(
            [
                (number, str(number)),
                (share, f"{Decimal(f'{share:.15g}'):f}"),
                (text, text),
                (True, "true"),
                (None, ""),
                (moment, str(moment)),
                (moment.date(), str(moment.date())),
            ]
        )

    rows = [[value() for _ in range(5)] for _ in range(200)]
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append([given for given, _ in row])
    book.save(tmp_path / "book.xlsx")
    with as_csv(tmp_path / "book.xlsx") as table, table.path.open(encoding="utf-8", newline="") as file:
        read = [row + [""] * (5 - len(row)) for row in csv.reader(file)]
    assert read == [[expected for _, expected in row] for row in rows]


PEAK = """
import sys
from pathlib import Path
from carillon.tabular import as_csv
def peak(path):
    with as_csv(Path(path)):
        return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
before = peak(sys.argv[1])
print(peak(sys.argv[2]) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a program's memory is read there")
def test_a_workbook_of_many_rows_and_texts_is_read_in_little_memory(tmp_path: Path) -> None:
    paths = []
    for count in (1_000, 60_000):
        rows = "".join(f'<row><c t="s"><v>{number}</v></c><c><v>{number}</v></c></row>' for number in range(count))
        texts = [f"a text of a hundred characters {'x' * 60} {number}" for number in range(count)]
        paths.append(str(write_workbook(tmp_path / f"{count}.xlsx", rows, texts)))
    command = [sys.executable, "-c", PEAK, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    assert int(done.stdout) < 12  # MB; the texts alone are 6, in pages of their file, and 15 as objects
