"""Ids, landlines and phones of files that a spreadsheet or a column of floats spoilt."""

import csv
from pathlib import Path

import polars as pl
import pytest
from tests.support import Tenant
from tests.unit.workbooks import write_workbook

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.exports import ExportContacts, export_contacts
from carillon.audience.imports.file_import import FileImport, ImportSummary, import_file
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.tabular import Format


async def bring(db: Database, account: Tenant, path: Path) -> ImportSummary:
    return await import_file(db, account.actor, FileImport(path=path), lambda _progress: None)


async def contacts(db: Database, account: Tenant) -> list[tuple[str | None, str | None, str | None]]:
    async with db.transaction() as tx:
        found = await query_contacts(tx, account.actor, ContactQuery(limit=10_000))
    return [(one.phone, one.external_id, one.landline) for one in found.items]


def rejected(summary: ImportSummary) -> list[tuple[str, str, str]]:
    assert summary.rejects is not None
    with summary.rejects.open(encoding="utf-8-sig", newline="") as file:
        return [(row["_field"], row["_value"], row["_reason"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("filler", [0, 300])
async def test_ids_that_a_spreadsheet_rounded_make_no_person_of_several(
    db: Database, account: Tenant, tmp_path: Path, filler: int
) -> None:
    path = tmp_path / "excel.csv"
    lines = ["external_id,phone", "9.72545E+11,0545550001", "9.72545E+11,0545550002", "9.72545E+11,", "17,0545550003"]
    path.write_text("\n".join([*lines, *(f"m{number},05455{number:05d}" for number in range(10_000, 10_000 + filler))]))
    summary = await bring(db, account, path)
    assert (summary.new, summary.failed, summary.error_count) == (3 + filler, 1, 3)
    assert (await contacts(db, account))[:3] == [
        ("972545550001", None, None),
        ("972545550002", None, None),
        ("972545550003", "17", None),
    ]
    assert [(field, value) for field, value, _ in rejected(summary)] == [("external_id", "'9.72545E+11")] * 3
    assert all("format the column as text" in reason for _, _, reason in rejected(summary))


async def test_an_id_that_pandas_made_a_decimal_of_is_the_id_that_it_was(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("external_id,phone\n17,0545550001\n")
    await bring(db, account, tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("external_id,phone\n17.0,0545550002\n")
    pl.DataFrame(
        {"external_id": [17.0, None], "landline": [35551234.0, None], "phone": ["0545550003"] * 2}
    ).write_parquet(tmp_path / "c.parquet")
    summary = await bring(db, account, tmp_path / "b.csv")
    assert (summary.updated, summary.error_count) == (1, 0)
    await bring(db, account, tmp_path / "c.parquet")
    assert await contacts(db, account) == [("972545550003", "17", "35551234")]


async def test_ids_of_an_export_stay_as_they_are(db: Database, account: Tenant, tmp_path: Path) -> None:
    header = "contact_id,phone,email,external_id,landline,sms_status,email_status,created_at,updated_at"
    row = "1,972545550001,,17.0,35551234.0,subscribed,none,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z"
    (tmp_path / "export.csv").write_text(f"{header}\n{row}\n")
    await bring(db, account, tmp_path / "export.csv")
    assert await contacts(db, account) == [("972545550001", "17.0", "35551234.0")]


async def test_a_workbooks_number_of_more_digits_than_it_keeps_is_no_key(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    rows = [("2.412345678901234e+16", "545550001"), ("2412345678901230", "545550002"), ("", "2.412345678901234e+16")]
    body = '<row r="1"><c t="str"><v>external_id</v></c><c t="str"><v>phone</v></c></row>'
    for number, (key, phone) in enumerate(rows, 2):
        body += f'<row r="{number}"><c><v>{key}</v></c><c><v>{phone}</v></c></row>'
    summary = await bring(db, account, write_workbook(tmp_path / "book.xlsx", body))
    assert [one[:2] for one in await contacts(db, account)] == [("972545550001", None), ("972545550002", None)]
    fields = [(field, value) for field, value, _ in rejected(summary)]
    assert fields == [
        ("external_id", "'2.41234567890123E+16"),
        ("external_id", "'2.41234567890123E+15"),
        ("phone", "'2.41234567890123E+16"),
    ]
    assert all("spreadsheet" in reason for _, _, reason in rejected(summary))


async def test_floats_beyond_whole_numbers_are_no_keys(db: Database, account: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "pandas.parquet"
    ids = [9007199254740993.0, 2.412345678901234e16, 9007199254740991.0]
    pl.DataFrame({"external_id": ids, "phone": [545550001.0, 545550002.0, 2.5e16]}).write_parquet(path)
    summary = await bring(db, account, path)
    expected = [("972545550001", None), ("972545550002", None), (None, "9007199254740991")]
    assert [one[:2] for one in await contacts(db, account)] == expected
    assert [field for field, _, _ in rejected(summary)] == ["external_id", "external_id", "phone"]


async def test_a_landline_that_a_spreadsheet_rounded_is_an_error_of_a_row_that_is_kept(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "excel.csv"
    path.write_text("phone,landline\n0545550001,501234579.0\n0545550002,9.7203E+11\n0545550003,ask at 5\n")
    summary = await bring(db, account, path)
    assert (summary.new, summary.failed, summary.error_count) == (3, 0, 1)
    assert [one[2] for one in await contacts(db, account)] == ["501234579", None, "ask at 5"]
    ((field, value, reason),) = rejected(summary)
    assert (field, value) == ("landline", "'9.7203E+11")
    assert reason.startswith("A spreadsheet rounded this number")


async def test_a_workbook_of_a_library_that_rounds_to_sixteen_digits_makes_no_person_of_several(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    """9123456789012345 and …344 are one float, and both are written as the second."""
    body = '<row r="1"><c t="str"><v>external_id</v></c><c t="str"><v>phone</v></c></row>'
    for number, key in enumerate(("9123456789012344", "9123456789012344", "9007199254740991"), 2):
        body += f'<row r="{number}"><c><v>{key}</v></c><c><v>54555000{number}</v></c></row>'
    await bring(db, account, write_workbook(tmp_path / "book.xlsx", body))
    assert [one[:2] for one in await contacts(db, account)] == [
        ("972545550002", None),
        ("972545550003", None),
        ("972545550004", "9007199254740991"),
    ]


@pytest.mark.parametrize("format_", ["csv", "ndjson", "parquet"])
async def test_an_id_with_a_power_of_ten_is_carried_over_by_an_export(
    db: Database, account: Tenant, tmp_path: Path, format_: Format
) -> None:
    row = ContactRow(external_id="9.72E+11", landline="9.7203E+11")
    await db.run(save_contact, account.actor, SaveContact(row=row))
    path = tmp_path / f"all.{format_}"
    async with db.transaction() as tx:
        await export_contacts(tx, account.actor, ExportContacts(target=path, format=format_))
    keys = [ContactKey(kind=KeyKind.EXTERNAL_ID, value="9.72E+11")]
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=keys))
    summary = await bring(db, account, path)
    assert (summary.new, summary.error_count) == (1, 0)
    assert await contacts(db, account) == [(None, "9.72E+11", "9.7203E+11")]


async def test_what_a_spreadsheet_made_of_an_exports_ids_is_refused(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    header = "contact_id,phone,email,external_id,landline,sms_status,email_status,created_at,updated_at"
    row = "{},97254555000{},,9.72545E+11,,subscribed,none,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z"
    lines = [header, row.format(1, 1), row.format(2, 2)]
    (tmp_path / "export.csv").write_text("\n".join([*lines, ""]))
    summary = await bring(db, account, tmp_path / "export.csv")
    assert [one[:2] for one in await contacts(db, account)] == [("972545550001", None), ("972545550002", None)]
    assert summary.error_count == 2
