"""Exports: whole, in order, of one moment, and importable again."""

import asyncio
import io
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any, BinaryIO, cast

import polars as pl
import pytest
from tests.support import MOMENT, Tenant

from carillon.audience.consents import ConsentChange, CreatePurpose, create_purpose
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.export_columns import DEFINITION_COLUMNS, EXPORT_COLUMNS
from carillon.audience.exports import PAGE_ROWS, ExportContacts, export_contacts
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateField, create_field, field_kinds
from carillon.audience.groups import SaveGroup, save_group
from carillon.audience.imports.file_import import FileImport, import_file
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import InvalidInputError, NotFoundError
from carillon.tenancy.audit import ListAudit, list_audit

PEOPLE = [
    ContactRow(
        phone="0541110001",
        email="Ana@mail.example",
        external_id="r-1",
        landline="03-555",
        fields={
            "first_name": "=Ana",
            "number1": "123456789012345.123456",
            "member": "yes",
            "date1": "2024-02-03 04:05",
        },
        add_to=["Gold"],
    ),
    ContactRow(phone="+306912345678", fields={"first_name": "Ελένη", "text2": 'a "quoted"\nline'}),
    ContactRow(email="cy@mail.example", fields={"city": "חיפה", "member": "no"}, add_to=["Gold"]),
]


@pytest.fixture
async def people(db: Database, account: Tenant) -> None:
    await db.run(create_field, account.actor, CreateField(name="member", kind=Kind.BOOLEAN))
    kinds = await db.read(field_kinds, account.actor)
    report = (await db.run(upsert, account.actor, read_rows(PEOPLE, "IL", kinds=kinds))).report
    assert report.error_count == 0


async def export(db: Database, account: Tenant, **options: Any) -> bytes:
    target = io.BytesIO()
    async with db.transaction() as tx:
        await export_contacts(tx, account.actor, ExportContacts(target=target, **options))
    return target.getvalue()


async def contacts(db: Database, account: Tenant, **options: Any) -> pl.DataFrame:
    """Return the rows of an export that are contacts."""
    frame = pl.read_csv(await export(db, account, **options), infer_schema=False)
    return frame.filter(pl.col("contact_id").is_not_null())


@pytest.mark.usefixtures("people")
async def test_an_export_has_every_contact_and_the_fields_in_use(db: Database, account: Tenant) -> None:
    frame = await contacts(db, account)
    fields = ["first_name", "city", "text2", "number1", "date1", "member"]
    assert frame.columns == [*EXPORT_COLUMNS, "groups", *fields, *DEFINITION_COLUMNS]
    assert frame["groups"].to_list() == ["Gold", None, "Gold"]
    assert frame["contact_id"].to_list() == sorted(frame["contact_id"].to_list(), key=int)
    assert frame.select("phone", "email", "external_id", "landline", "sms_status", "email_status").rows() == [
        ("+972541110001", "Ana@mail.example", "r-1", "03-555", "subscribed", "subscribed"),
        ("+306912345678", None, None, None, "subscribed", "none"),
        (None, "cy@mail.example", None, None, "none", "subscribed"),
    ]
    assert frame.select(fields).rows() == [
        ("'=Ana", None, None, "123456789012345.123456", "2024-02-03T04:05:00", "true"),
        ("Ελένη", None, 'a "quoted"\nline', None, None, None),
        (None, "חיפה", None, None, None, "false"),
    ]


@pytest.mark.usefixtures("people")
async def test_what_is_exported_leaves_the_contacts_as_they_are_when_it_is_imported(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    before = await export(db, account)
    path = tmp_path / "export.csv"
    path.write_bytes(before)
    summary = await import_file(db, account.actor, FileImport(path=path), lambda _progress: None)
    assert (summary.unchanged, summary.updated, summary.new, summary.error_count) == (3, 0, 0, 0)
    assert await export(db, account) == before


@pytest.mark.usefixtures("people")
async def test_an_export_carries_an_audience_over(db: Database, account: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(await export(db, account))
    kept = ["phone", "email", "external_id", "landline", "first_name", "city", "text2", "number1", "date1", "member"]
    before = pl.read_csv(path, infer_schema=False).select(kept)
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM membership WHERE account_id = $1", account.account_id)
        await tx.execute("DELETE FROM contact WHERE account_id = $1", account.account_id)
    summary = await import_file(db, account.actor, FileImport(path=path), lambda _progress: None)
    assert (summary.new, summary.error_count) == (3, 0)
    assert pl.read_csv(await export(db, account), infer_schema=False).select(kept).equals(before)


@pytest.mark.usefixtures("people")
async def test_raw_cells_stay_as_they_are(db: Database, account: Tenant) -> None:
    frame = await contacts(db, account, defuse=False)
    assert frame["first_name"][0] == "=Ana"


@pytest.mark.usefixtures("people")
async def test_ndjson_holds_typed_values(db: Database, account: Tenant) -> None:
    field, first, *others = map(json.loads, (await export(db, account, format="ndjson")).splitlines())
    assert len(others) == 2
    assert (field["defined"], field["defined_name"], field["defined_kind"]) == ("field", "member", "boolean")
    assert (first["contact_id"], first["first_name"], first["member"]) == (1, "=Ana", True)
    assert first["number1"] == pytest.approx(123456789012345.123456)


@pytest.mark.usefixtures("people")
async def test_parquet_holds_typed_values(db: Database, account: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    async with db.transaction() as tx:
        assert await export_contacts(tx, account.actor, ExportContacts(target=path, format="parquet")) == 3
    frame = pl.read_parquet(path)
    assert [frame.schema[name] for name in ("contact_id", "phone", "number1", "member")] == [
        pl.Int64,
        pl.String,
        pl.Float64,
        pl.Boolean,
    ]
    assert frame["member"].to_list() == [None, True, None, False]


@pytest.mark.usefixtures("people")
async def test_a_groups_export_has_its_members_and_their_fields_only(db: Database, account: Tenant) -> None:
    frame = pl.read_csv(await export(db, account, group="gold"), infer_schema=False)
    assert frame["email"].to_list() == ["Ana@mail.example", "cy@mail.example"]
    assert "text2" not in frame.columns


@pytest.mark.usefixtures("people")
async def test_consents_are_columns_behind_the_fields(db: Database, account: Tenant) -> None:
    for name in ("Offers", "News", "Unused"):
        await db.run(create_purpose, account.actor, CreatePurpose(name=name))
    said = [ConsentChange("OFFERS", Channel.SMS, granted=True), ConsentChange("OFFERS", Channel.EMAIL, granted=False)]
    row = ContactRow(external_id="r-1")
    await db.run(save_contact, account.actor, SaveContact(row=row, consents=said))
    row = ContactRow(phone="+306912345678")
    news = [ConsentChange("NEWS", Channel.SMS, granted=True)]
    await db.run(save_contact, account.actor, SaveContact(row=row, consents=news))
    columns = ["consents.NEWS.sms", "consents.OFFERS.sms", "consents.OFFERS.email"]
    frame = await contacts(db, account)
    details = [f"{column}.{detail}" for column in columns for detail in ("given_at", "source", "actor")]
    assert {*frame.columns[-17:-5]} == {*columns, *details}
    assert frame["consents.OFFERS.sms.source"].to_list() == ["test", None, None]
    assert frame.select(columns).rows() == [(None, "true", "false"), ("true", None, None), (None, None, None)]
    lines = (await export(db, account, format="ndjson", group="gold")).decode().splitlines()
    shown = [{name: value for name, value in json.loads(line).items() if name in columns} for line in lines]
    assert shown == [
        {"consents.OFFERS.sms": True, "consents.OFFERS.email": False},
        {"consents.OFFERS.sms": None, "consents.OFFERS.email": None},
    ]


@pytest.mark.usefixtures("people")
async def test_statuses_are_told_by_name(db: Database, account: Tenant) -> None:
    address = Address(channel=Channel.SMS, value="0541110001")
    await db.run(suppress, account.actor, Suppress(addresses=[address], reason="asked"))
    frame = pl.read_csv(await export(db, account), infer_schema=False)
    assert frame["sms_status"].to_list() == [None, None, "unsubscribed", "subscribed", "none"]
    assert frame["sms_own_status"].to_list() == [None, None, "subscribed", None, None]
    assert frame.row(1, named=True) == {
        **dict.fromkeys(frame.columns),
        "blocked_address": "+972541110001",
        "blocked_channel": "sms",
        "blocked_at": MOMENT.isoformat(),
        "blocked_source": "test",
        "blocked_by": "tester",
        "blocked_reason": "asked",
    }


async def test_what_no_contact_tells_is_rows_before_all_others(db: Database, account: Tenant) -> None:
    await db.run(create_field, account.actor, CreateField(name="member", kind=Kind.BOOLEAN, label="Is a member"))
    await db.run(create_purpose, account.actor, CreatePurpose(name="Offers", description="=Once a week"))
    await db.run(save_group, account.actor, SaveGroup(name="Nobody yet"))
    await db.run(upsert, account.actor, read_rows([ContactRow(email="a@mail.example", add_to=["Gold"])], "IL"))
    frame = pl.read_csv(await export(db, account), infer_schema=False)
    assert frame.select(DEFINITION_COLUMNS).rows() == [
        ("field", "member", "boolean", "Is a member", None),
        ("purpose", "OFFERS", None, "Offers", "'=Once a week"),
        ("group", "Nobody yet", None, None, None),
        (None, None, None, None, None),
    ]
    assert frame["email"].to_list() == [None, None, None, "a@mail.example"]
    members = pl.read_csv(await export(db, account, group="Gold"), infer_schema=False)
    assert set(DEFINITION_COLUMNS).isdisjoint(members.columns)


async def test_an_empty_audience_exports_as_a_header(db: Database, account: Tenant) -> None:
    assert await export(db, account) == (",".join(EXPORT_COLUMNS) + "\n").encode()


async def test_pages_join_without_a_gap_or_a_repetition(db: Database, account: Tenant) -> None:
    total = 2 * PAGE_ROWS + 1
    rows = [ContactRow(external_id=f"r{number}") for number in range(total)]
    await db.run(upsert, account.actor, read_rows(rows, "IL"))
    frame = pl.read_csv(await export(db, account), infer_schema=False)
    assert frame["external_id"].to_list() == [f"r{number}" for number in range(total)]


class Gate(io.RawIOBase):
    """A file that lets nothing through from another thread until it is opened."""

    def __init__(self) -> None:
        self.written = b""
        self.reached = threading.Event()
        self.opened = threading.Event()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        if threading.current_thread() is not threading.main_thread():
            self.reached.set()
            self.opened.wait(timeout=60)
        self.written += bytes(content)
        return len(content)


async def test_pages_are_of_one_moment(db: Database, account: Tenant) -> None:
    rows = [ContactRow(external_id=f"r{number}") for number in range(PAGE_ROWS + 10)]
    await db.run(upsert, account.actor, read_rows(rows, "IL"))
    gate = Gate()

    async def exported() -> int:
        async with db.transaction() as tx:
            return await export_contacts(tx, account.actor, ExportContacts(target=cast("BinaryIO", gate)))

    exporting = asyncio.create_task(exported())
    await asyncio.to_thread(gate.reached.wait)  # the first page is on its way
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM contact WHERE account_id = $1", account.account_id)
    gate.opened.set()
    assert await exporting == PAGE_ROWS + 10
    assert gate.written.count(b"\n") == PAGE_ROWS + 11


async def test_a_group_that_is_not_there_is_refused(db: Database, account: Tenant) -> None:
    with pytest.raises(NotFoundError, match="“Gold”"):
        await export(db, account, group="Gold")


async def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    command = ExportContacts(target=tmp_path / "nowhere" / "export.csv")
    with pytest.raises(InvalidInputError) as refused:
        async with db.transaction() as tx:
            await export_contacts(tx, account.actor, command)
    assert refused.value.field == "output"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("format_", ["csv", "ndjson", "parquet"])
async def test_a_file_is_its_owners_alone_also_while_it_is_written(
    db: Database, account: Tenant, tmp_path: Path, format_: Any
) -> None:
    target, modes = tmp_path / "export", set[int]()
    target.touch(0o644)
    (tmp_path / ".export.part").touch(0o666)  # of an export that was killed, or of somebody who waits for one

    def look(_rows: int) -> None:
        modes.update(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir() if path != target)

    before = os.umask(0)
    try:
        async with db.transaction() as tx:
            await export_contacts(tx, account.actor, ExportContacts(target=target, format=format_), look)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert modes <= {0o600, 0o700}
    assert modes


async def test_an_export_is_in_the_audit_trail(db: Database, account: Tenant) -> None:
    await export(db, account)
    (newest,) = await db.read(list_audit, account.actor, ListAudit(limit=1))
    assert (newest.action, newest.detail) == ("contact.export", {"format": "csv", "group_id": None, "rows": 0})
