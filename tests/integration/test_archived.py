"""Archived contacts: kept, not counted, and back as soon as they are written again."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support import Tenant

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.exports import ExportContacts, export_contacts
from carillon.audience.groups import Group, ListGroups, list_groups
from carillon.audience.imports import source
from carillon.audience.imports.file_import import FileImport, import_file
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow, UpsertReport
from carillon.db.database import Database
from carillon.kit.clock import FixedClock

PHONE = "0541110001"
ROW = ContactRow(phone=PHONE, email="ana@mail.example", fields={"first_name": "Ana"}, add_to=["Food"])


async def archived(db: Database, tenant: Tenant, row: ContactRow = ROW) -> int:
    saved = await db.run(save_contact, tenant.actor, SaveContact(row=row))
    change = SubscriptionChange(contact_id=saved.contact_id, archived=True)
    await db.run(change_subscriptions, tenant.actor, ChangeSubscriptions(changes=[change]))
    return saved.contact_id


async def group(db: Database, tenant: Tenant) -> Group:
    (found,) = (await db.read(list_groups, tenant.actor, ListGroups())).items
    return found


async def write(db: Database, tenant: Tenant, *rows: ContactRow) -> UpsertReport:
    return (await db.run(upsert, tenant.actor, read_rows(rows, "IL"))).report


async def is_found(db: Database, tenant: Tenant) -> bool:
    query = FindContacts(key=ContactKey(kind=KeyKind.PHONE, value=PHONE))
    return bool(await db.read(find_contacts, tenant.actor, query))


async def export(db: Database, account: Tenant, **options: Any) -> bytes:
    target = io.BytesIO()
    async with db.transaction() as tx:
        await export_contacts(tx, account.actor, ExportContacts(target=target, **options))
    return target.getvalue()


async def test_who_is_archived_is_neither_found_nor_listed_nor_exported_with_a_group(
    db: Database, account: Tenant
) -> None:
    contact_id = await archived(db, account)
    assert not await is_found(db, account)
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=str(contact_id))
    (kept,) = await db.read(find_contacts, account.actor, FindContacts(key=key, with_archived=True))
    assert (kept.contact_id, kept.is_archived) == (contact_id, True)
    members = await group(db, account)
    for query in (ContactQuery(), ContactQuery(group_id=members.group_id)):
        assert (await db.read(query_contacts, account.actor, query)).items == []
    assert b"ana@mail.example" not in await export(db, account, group="Food")


async def test_who_is_archived_is_exported_with_the_audience_for_nobody_to_write_to(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    await archived(db, account)
    (row,) = csv.DictReader(io.StringIO((await export(db, account)).decode()))
    assert (row["email"], row["archived_at"]) == ("ana@mail.example", clock.moment.isoformat())
    assert {row["sms_status"], row["email_status"]} == {"archived"}
    assert {row["sms_own_status"], row["email_own_status"]} == {"subscribed"}


async def test_groups_do_not_count_who_is_archived(db: Database, account: Tenant) -> None:
    await write(db, account, ContactRow(phone="0541110002", add_to=["Food"]))
    contact_id = await archived(db, account)
    counted = await group(db, account)
    assert (counted.members, counted.reachable, counted.reachable_sms, counted.reachable_email) == (1, 1, 1, 0)
    back = SubscriptionChange(contact_id=contact_id, archived=False)
    await db.run(change_subscriptions, account.actor, ChangeSubscriptions(changes=[back]))
    counted = await group(db, account)
    assert (counted.members, counted.reachable, counted.reachable_sms, counted.reachable_email) == (2, 2, 2, 1)


@pytest.mark.parametrize("others", [0, 60])
@pytest.mark.parametrize("first_name", ["Ana", "Anna"])
async def test_who_is_written_again_is_back(
    db: Database, account: Tenant, clock: FixedClock, others: int, first_name: str
) -> None:
    await archived(db, account)
    clock.moment += timedelta(minutes=1)
    rows = [ContactRow(phone=f"05422200{number:02d}", add_to=["Food"]) for number in range(others)]
    again = ContactRow(phone=PHONE, fields={"first_name": first_name})
    report = await write(db, account, *rows, again)
    assert (report.new, report.updated, report.unchanged) == (others, 1, 0)
    assert await is_found(db, account)
    counted = await group(db, account)
    assert (counted.members, counted.reachable_email) == (others + 1, 1)
    report = await write(db, account, *rows, again)
    assert (report.new, report.updated, report.unchanged) == (0, 0, others + 1)


async def test_who_is_written_twice_in_one_batch_is_back_once(db: Database, account: Tenant) -> None:
    await archived(db, account)
    report = await write(db, account, *[ContactRow(phone=PHONE)] * 2)
    assert (report.new, report.updated, report.unchanged) == (0, 1, 1)
    assert (await group(db, account)).members == 1


async def test_who_is_archived_leaves_a_group_uncounted(db: Database, account: Tenant) -> None:
    await archived(db, account)
    report = await write(db, account, ContactRow(phone=PHONE, remove_from=["Food"]))
    assert (report.updated, (await group(db, account)).members) == (1, 0)


async def bring(db: Database, tenant: Tenant, path: Path, lines: Sequence[str]) -> None:
    await asyncio.to_thread(path.write_text, "\n".join([*lines, ""]))
    await import_file(db, tenant.actor, FileImport(path=path), lambda _progress: None)


async def reached(db: Database, tenant: Tenant) -> list[str | None]:
    """Return the addresses that are written to."""
    found = (await db.read(query_contacts, tenant.actor, ContactQuery())).items
    return [one.phone for one in found if one.sms_status.name == "SUBSCRIBED"] + [
        one.email for one in found if one.email_status.name == "SUBSCRIBED"
    ]


@pytest.mark.parametrize("chunk_rows", [1, 100])
@pytest.mark.parametrize(
    "lines",
    [
        ["0541110009,ana@mail.example", f"{PHONE},"],
        [f"{PHONE},new@mail.example", ",ana@mail.example"],
        ["0541110009,ana@mail.example", f"{PHONE},other@mail.example"],
    ],
)
async def test_a_file_reaches_nobody_at_an_address_that_an_archived_contact_had(  # noqa: PLR0913, PLR0917 - fixtures
    db: Database,
    account: Tenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chunk_rows: int,
    lines: list[str],
) -> None:
    monkeypatch.setattr(source, "CHUNK_ROWS", chunk_rows)
    await archived(db, account)
    await bring(db, account, tmp_path / "people.csv", ["phone,email", *lines])
    assert not {"972541110001", "ana@mail.example"}.intersection(await reached(db, account))


async def test_an_archived_contact_that_is_deleted_is_brought_back_by_calls_and_not_by_files(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await archived(db, account)
    key = ContactKey(kind=KeyKind.PHONE, value=PHONE)
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    await bring(db, account, tmp_path / "people.csv", ["phone,email", f"{PHONE},ana@mail.example"])
    assert await reached(db, account) == []
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    await db.run(save_contact, account.actor, SaveContact(row=ROW))
    assert await reached(db, account) == ["972541110001", "ana@mail.example"]


@pytest.mark.parametrize(
    "changed",
    [ContactRow(email="ana@mail.example", phone=""), ContactRow(email="ana@mail.example", phone="0541110009")],
)
async def test_a_file_reaches_nobody_at_an_address_that_a_contact_left_when_it_came_back(
    db: Database, account: Tenant, tmp_path: Path, changed: ContactRow
) -> None:
    await archived(db, account)
    await db.run(save_contact, account.actor, SaveContact(row=changed))
    await bring(db, account, tmp_path / "people.csv", ["phone", PHONE])
    found = await reached(db, account)
    assert ("972541110001" in found, "ana@mail.example" in found) == (False, True)
