"""Workbooks, archives and forms of cells through a whole import."""

import asyncio
import csv
import gzip
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from tests.support import Tenant
from tests.unit.workbooks import write_workbook

from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.imports.file_import import FileImport, ImportSummary, import_file
from carillon.audience.imports.judgement import Judgement
from carillon.db.database import Database
from carillon.errors import InvalidInputError

MANY = 45_000  # more rows than two chunks hold


async def run(db: Database, account: Tenant, path: Path, **options: Any) -> ImportSummary:
    return await import_file(db, account.actor, FileImport(path=path, **options), lambda _progress: None)


def cell(text: str, kind: str = "str", style: int = 0) -> str:
    return f'<c t="{kind}" s="{style}"><v>{text}</v></c>'


def row(*cells: str) -> str:
    return f"<row>{''.join(cells)}</row>"


async def stored(db: Database, account: Tenant, *fields: str) -> list[tuple[object, ...]]:
    async with db.transaction() as tx:
        page = await query_contacts(tx, account.actor, ContactQuery(limit=100_000))
    return [(one.phone, one.email, *(one.fields.get(name) for name in fields)) for one in page.items]


async def test_a_workbook_is_imported_with_its_numbers_dates_and_truths(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    rows = row(*map(cell, ("Phone", "E-mail", "Birthday", "Amount", "Date 1")))
    rows += row(
        cell("972541110001", "n"), cell("Ana &lt;ana@mail.example&gt;"), cell("36526", "n", 1), cell("7.5", "n")
    )
    rows += row(
        cell("5.41110002E8", "n"), cell("mailto:ben@mail.example"), cell("36527", "n"), "<c/>", cell("36526.5", "n", 2)
    )
    path = write_workbook(tmp_path / "people.xlsx", {"Notes": row(cell("x")), "People": rows})
    summary = await run(db, account, path, sheet="People", mapping={"Amount": "number1"})
    assert (summary.new, summary.failed) == (2, 0)
    assert await stored(db, account, "birth_date", "number1", "date1") == [
        ("972541110001", "ana@mail.example", "2000-01-01", 7.5, None),
        ("972541110002", "ben@mail.example", "2000-01-02", None, "2000-01-01T12:00:00"),
    ]
    assert (await run(db, account, path, sheet="People", mapping={"Amount": "number1"})).was_done_before
    with pytest.raises(InvalidInputError, match="no sheet"):
        await run(db, account, path, sheet="Other")


async def test_rejects_of_a_workbook_are_numbered_by_its_rows_and_hold_what_stood_there(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    rows = row(cell("Phone"), cell("Birthday")) + row() + row(cell("12", "n"), cell("36526", "n", 1))
    path = write_workbook(tmp_path / "people.xlsx", rows)
    summary = await run(db, account, path)
    assert summary.rejects == tmp_path / "people.xlsx.rejects.csv"
    assert summary.rejects.read_text("utf-8-sig").splitlines()[1].startswith("12,2000-01-01,3,Phone,12,")


async def test_a_cell_of_a_workbook_with_a_fraction_is_no_phone(db: Database, account: Tenant, tmp_path: Path) -> None:
    numbers = ("501234901.5", "501234901.123456", "-501234901", "541110001")
    rows = row(cell("Phone")) + "".join(row(cell(number, "n")) for number in numbers)
    summary = await run(db, account, write_workbook(tmp_path / "people.xlsx", rows))
    assert (summary.new, summary.failed) == (1, 3)
    assert await stored(db, account) == [("972541110001", None)]


async def test_cells_beside_a_sheets_table_are_left_out_and_stay_in_its_rejects(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    rows = row(cell("Phone"), cell("First name")) + row(cell("0541110001"), cell("Ana"), "<c/>", cell("a remark, too"))
    rows += row(cell("12"), cell("Ben"), cell("another")) + row(cell("0541110003"))
    path = write_workbook(tmp_path / "people.xlsx", rows)
    summary = await run(db, account, path)
    assert (summary.new, summary.failed, summary.error_count) == (2, 1, 1)
    assert summary.unmapped_columns == ("column_3", "column_4")
    assert await stored(db, account, "first_name") == [("972541110001", None, "Ana"), ("972541110003", None, None)]
    assert summary.rejects is not None
    lines = (await asyncio.to_thread(summary.rejects.read_text, "utf-8-sig")).splitlines()
    assert lines[0] == "Phone,First name,column_3,column_4,_line,_field,_value,_reason"
    assert lines[1].startswith("12,Ben,another,,3,Phone,12,")
    named = await run(db, account, path, again=True, mapping={"column_4": "city"})
    assert named.updated == 1


async def test_a_column_without_a_name_that_says_who_unsubscribed_stops_the_import_of_a_sheet(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    rows = row(cell("Phone")) + row(cell("0541110001"), cell("unsubscribed")) + row(cell("0541110002"), cell("active"))
    with pytest.raises(InvalidInputError, match="column_2"):
        await run(db, account, write_workbook(tmp_path / "people.xlsx", rows))
    assert await stored(db, account) == []


async def test_a_cell_far_from_a_sheets_table_breaks_its_row_alone(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    rows = row(cell("Phone")) + row(cell("0541110001"), '<c r="ALL2" t="str"><v>far</v></c>') + row(cell("0541110002"))
    summary = await run(db, account, write_workbook(tmp_path / "people.xlsx", rows))
    assert (summary.new, summary.failed, len(summary.unmapped_columns)) == (1, 1, 100)


async def test_what_stands_beside_addresses_to_suppress_is_not_passed_over(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    rows = row(cell("0541110001")) + row(cell("0541110002"), cell("ben@mail.example"))
    summary = await run(db, account, write_workbook(tmp_path / "stop.xlsx", rows), suppress=True)
    assert (summary.blocks, summary.failed) == (1, 1)


@pytest.mark.parametrize("form", ["gz", "xlsx"])
async def test_an_import_goes_on_where_it_stopped_whatever_form_its_file_has(
    db: Database, account: Tenant, tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"people.{form}"
    if form == "gz":
        lines = "".join(f"0540{number:06d}\n" for number in range(MANY))
        path.write_bytes(gzip.compress(f"phone\n{lines}".encode()))
    else:
        write_workbook(path, row(cell("phone")) + "".join(row(cell(f"0540{number:06d}")) for number in range(MANY)))
    stopped = asyncio.Event()
    first = await import_file(
        db, account.actor, FileImport(path=path), lambda _progress: stopped.set(), should_stop=stopped.is_set
    )
    assert (first.is_done, first.rows) == (False, 20_000)
    second = await run(db, account, path)
    assert (second.is_resumed, second.is_done, second.rows, second.new) == (True, True, MANY, MANY)


async def test_addresses_to_suppress_are_taken_out_of_links_and_from_behind_names(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = write_workbook(
        tmp_path / "stop.xlsx", row(cell("mailto:ana@mail.example")) + row(cell("Ben &lt;ben@mail.example&gt;"))
    )
    summary = await run(db, account, path, suppress=True)
    assert (summary.blocks, summary.error_count) == (2, 0)


FAILED = ("<c><f>A1</f></c>", '<c t="e"><v>#N/A</v></c>', '<c t="e"><f>A1</f><v>#REF!</v></c>')


@pytest.mark.parametrize("failed", FAILED, ids=["not calculated", "#N/A", "#REF!"])
async def test_a_formula_that_says_nothing_of_consent_stops_the_import_as_its_text_in_csv_does(
    db: Database, account: Tenant, tmp_path: Path, failed: str
) -> None:
    rows = row(cell("Email"), cell("Unsubscribed")) + row(cell("ana@mail.example"), failed)
    with pytest.raises(InvalidInputError, match=r"Unsubscribed.*isn't understood") as refused:
        await run(db, account, write_workbook(tmp_path / "people.xlsx", rows))
    assert refused.value.field == "map"
    path = tmp_path / "people.csv"
    await asyncio.to_thread(path.write_text, "Email,Unsubscribed\nana@mail.example,#N/A\n")
    with pytest.raises(InvalidInputError, match=r"Unsubscribed.*isn't understood"):
        await run(db, account, path)
    assert await stored(db, account) == []


def merged_workbook(path: Path, *ranges: str) -> Path:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("People", 0)
    sheet.append(["Email", "Unsubscribed", "City"])
    for number in range(5):
        sheet.append([f"a{number}@mail.example", "yes" if number in {0, 4} else None, f"Town {number}"])
    for one in ranges:
        sheet.merge_cells(one)
    book.save(path)
    return path


@pytest.mark.parametrize("merged", [["B2:B4"], ["C2:C4", "B1:B1", "B2:B4"], ["B2:C3"], ["B6:B7", "B1:C1"]])
async def test_merged_cells_of_consent_stop_an_import(
    db: Database, account: Tenant, tmp_path: Path, merged: list[str]
) -> None:
    path = merged_workbook(tmp_path / "people.xlsx", *merged)
    with pytest.raises(InvalidInputError, match=r"“Unsubscribed”.*merged in it \(B\d:.\d\).*--map") as refused:
        await run(db, account, path)
    assert refused.value.field == "map"
    assert await stored(db, account) == []
    await run(db, account, path, mapping={"Unsubscribed": "-"})


@pytest.mark.parametrize("merged", [["C2:C4"], ["A8:C9"], ["B1:B2"], []])
async def test_merged_cells_of_something_else_stop_nothing(
    db: Database, account: Tenant, tmp_path: Path, merged: list[str]
) -> None:
    path = merged_workbook(tmp_path / "people.xlsx", *merged)
    assert (await run(db, account, path)).new == 5


async def test_merged_cells_in_the_first_row_count_where_it_has_no_names(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    rows = row(cell("a@mail.example"), cell("yes")) + row(cell("b@mail.example"))
    path = write_workbook(tmp_path / "people.xlsx", rows, after='<mergeCells><mergeCell ref="B1:B2"/></mergeCells>')
    with pytest.raises(InvalidInputError, match=r"“unsubscribed”.*merged in it \(B1:B2\)"):
        await run(db, account, path, columns=["email", "unsubscribed"])


@pytest.mark.parametrize("failed", FAILED, ids=["not calculated", "#N/A", "#REF!"])
async def test_a_cell_with_an_error_is_no_value_and_a_problem_of_its_row(
    db: Database, account: Tenant, tmp_path: Path, failed: str
) -> None:
    rows = row(*map(cell, ("Phone", "E-mail", "Customer ID", "City", "groups")))
    rows += row(cell("0541110001"), failed, failed, failed, failed) + row(cell("0541110002"), "<c/>", failed)
    rows += row(failed, cell("ana@mail.example"))
    summary = await run(db, account, write_workbook(tmp_path / "people.xlsx", rows))
    assert (summary.new, summary.failed, summary.error_count) == (3, 0, 6)
    contacts = await stored(db, account, "city")
    assert contacts == [("972541110001", None, None), ("972541110002", None, None), (None, "ana@mail.example", None)]
    assert summary.rejects is not None
    lines = await asyncio.to_thread(summary.rejects.read_text, "utf-8-sig")
    assert lines.count("The spreadsheet shows an error here, or has a formula that was not calculated") == 6
    async with db.transaction() as tx:
        assert await tx.fetch("SELECT 1 FROM contact_group WHERE account_id = $1", account.account_id) == []


async def test_lines_of_ndjson_that_are_no_records_are_rejects_and_the_others_are_imported(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "people.ndjson"
    lines = [f'{{"phone": "05490010{number:02d}", "city": "two\\nlines"}}' for number in range(10)]
    broken = ['{"phone": "05411', f'{{"city": {"[" * 1_200}{"]" * 1_200}}}', r'{"city": "\ud800"}', '{"phone": "12"}']
    await asyncio.to_thread(path.write_text, "\n".join([*lines, *broken, '{"phone": "0541110010"}']))
    judged: list[Judgement] = []
    summary = await import_file(db, account.actor, FileImport(path=path), lambda _progress: None, judged=judged.append)
    assert (summary.rows, summary.new, summary.failed) == (15, 11, 4)
    assert (judged[0].broken, judged[0].striking) == (3, [])
    assert summary.rejects is not None
    with await asyncio.to_thread(summary.rejects.open, encoding="utf-8-sig", newline="") as file:
        rejects = list(csv.DictReader(file))
    assert [(one["_line"], one["_reason"]) for one in rejects] == [
        ("11", "it is no JSON object"),
        ("12", "its JSON is nested too deep"),
        ("13", "it is no JSON object"),
        ("14", "This is not a phone number."),
    ]
    assert [one["phone"] for one in rejects[::2]] == ['{"phone": "05411', r'{"city": "\ud800"}']


async def test_an_import_of_ndjson_goes_on_where_it_stopped_and_its_lines_keep_their_numbers(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "people.ndjson"
    lines = [f'{{"phone": "0540{number:06d}", "city": "a\\nb"}}' for number in range(MANY)]
    lines[5] = lines[30_000] = "{broken}"
    await asyncio.to_thread(path.write_text, "\n".join(lines))
    stopped = asyncio.Event()
    await import_file(
        db, account.actor, FileImport(path=path), lambda _progress: stopped.set(), should_stop=stopped.is_set
    )
    second = await run(db, account, path)
    assert (second.is_resumed, second.rows, second.new, second.failed) == (True, MANY, MANY - 2, 2)
    assert second.rejects is not None
    text = await asyncio.to_thread(second.rejects.read_text, "utf-8-sig")
    assert [line.split(",")[2] for line in text.splitlines()[1:]] == ["6", "30001"]


async def test_mended_rejects_are_imported_with_the_flags_of_the_file(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = {"a.csv": "phone;first name\n12;Ana\n", "b.csv": "12|Ben\n"}
    flags: dict[str, dict[str, Any]] = {
        "a.csv": {"delimiter": ";"},
        "b.csv": {"delimiter": "|", "columns": ["phone", "first name"]},
        "c.xlsx": {"sheet": "People"},
    }
    sheet = row(cell("phone"), cell("first name")) + row(cell("12"), cell("Cy"))
    write_workbook(tmp_path / "c.xlsx", {"Notes": row(cell("x")), "People": sheet})
    for number, (name, options) in enumerate(flags.items()):
        path = tmp_path / name
        if name in lines:
            await asyncio.to_thread(path.write_text, lines[name], "utf-8")
        rejects = (await run(db, account, path, **options)).rejects
        assert rejects is not None
        mended = rejects.read_text("utf-8-sig").replace("12,", f"05411100{number:02},", 1)
        await asyncio.to_thread(rejects.write_text, mended, "utf-8-sig")
        summary = await run(db, account, rejects, **options)
        assert (summary.new, summary.failed) == (1, 0)
    assert [name for _, _, name in await stored(db, account, "first_name")] == ["Ana", "Ben", "Cy"]
    other = tmp_path / "d.csv"
    await asyncio.to_thread(other.write_text, "phone\n0541110009\n", "utf-8")
    with pytest.raises(InvalidInputError, match="Only a workbook has sheets"):
        await run(db, account, other, sheet="People")


async def test_a_delimiter_said_of_a_file_whose_quote_is_not_closed_is_no_failure(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    await asyncio.to_thread(path.write_text, '"' + "x" * 200_000, "utf-8")
    with pytest.raises(InvalidInputError, match="quote in it is not closed"):
        await run(db, account, path, delimiter=";")
    with pytest.raises(InvalidInputError):
        await run(db, account, path, sheet="People")
