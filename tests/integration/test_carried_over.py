"""What an export carries beside contacts, read into an audience that has some of it, or spoilt by somebody's hands."""

import asyncio
import csv
from pathlib import Path
from typing import Any

import pytest
from tests.support import Tenant

from carillon.audience.consents import CreatePurpose, create_purpose, list_purposes
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.devices import devices_of
from carillon.audience.export_columns import DEFINITION_COLUMNS, EXPORT_COLUMNS
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateField, create_field, field_kinds
from carillon.audience.groups import ListGroups, SaveGroup, list_groups, save_group
from carillon.audience.imports.file_import import FileImport, ImportSummary, import_file
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import InvalidInputError

COLUMNS = (*EXPORT_COLUMNS, "sms_own_status", "email_own_status", "archived_at", "groups", "devices")
SINCE = "2024-05-06T07:08:09+00:00"


async def bring(db: Database, account: Tenant, path: Path, *rows: dict[str, str], **options: Any) -> ImportSummary:
    def write() -> None:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*COLUMNS, *DEFINITION_COLUMNS, "member"])
            writer.writeheader()
            writer.writerows(rows)

    await asyncio.to_thread(write)
    return await import_file(db, account.actor, FileImport(path=path, **options), lambda _progress: None)


def archived(phone: str, since: str = SINCE, status: str = "archived") -> dict[str, str]:
    return {"phone": phone, "sms_status": status, "sms_own_status": "subscribed", "archived_at": since}


async def stored(db: Database, account: Tenant) -> list[tuple[str, int, str | None]]:
    statement = "SELECT phone, sms_status, archived_at FROM contact WHERE account_id = $1 ORDER BY phone"
    async with db.transaction() as tx:
        rows = await tx.fetch(statement, account.account_id)
    return [(row["phone"], row["sms_status"], row["archived_at"] and row["archived_at"].isoformat()) for row in rows]


@pytest.mark.parametrize("filler", [0, 60])  # more rows than are matched one by one
async def test_a_row_of_an_archived_contact_leaves_its_contact_archived(
    db: Database, account: Tenant, tmp_path: Path, filler: int
) -> None:
    for phone in ("+972545550001", "+972545550002"):
        saved = await db.run(save_contact, account.actor, SaveContact(row=ContactRow(phone=phone, add_to=["Gold"])))
    change = SubscriptionChange(contact_id=saved.contact_id, archived=True)
    await db.run(change_subscriptions, account.actor, ChangeSubscriptions(changes=[change]))
    (_, (_, _, since)) = await stored(db, account)
    rows = [archived(f"+97254555000{place}") for place in (1, 2, 3)]
    others = [{"phone": f"+9725455510{place:02d}"} for place in range(filler)]
    summary = await bring(db, account, tmp_path / "all.csv", *rows, *others)
    assert (summary.new, summary.updated, summary.unchanged) == (1 + filler, 1, 1)
    assert (await stored(db, account))[:3] == [
        ("972545550001", 1, SINCE),
        ("972545550002", 1, since),
        ("972545550003", 1, SINCE),
    ]
    (gold,) = (await db.read(list_groups, account.actor, ListGroups())).items
    assert (gold.members, gold.reachable) == (0, 0)


async def test_of_several_rows_one_that_archives_a_contact_wins(db: Database, account: Tenant, tmp_path: Path) -> None:
    rows = [
        archived("+972545550001"),
        {"phone": "+972545550001"},
        {"phone": "+972545550002"},
        archived("+972545550002"),
    ]
    await bring(db, account, tmp_path / "all.csv", *rows)
    assert await stored(db, account) == [("972545550001", 1, SINCE), ("972545550002", 1, SINCE)]


@pytest.mark.parametrize("filler", [0, 60])  # more rows than are matched one by one
async def test_who_is_archived_stays_so_whatever_a_file_says_of_it(
    db: Database, account: Tenant, tmp_path: Path, filler: int
) -> None:
    await bring(db, account, tmp_path / "before.csv", archived("+972545550001"), archived("+972545550002"))
    rows = [
        {"phone": "+972545550001", "external_id": "x1", "groups": "Gold"},
        {"phone": "+972545550002", "sms_status": "subscribed"},
        {"phone": "+972545550002", "sms_status": "subscribed"},
    ]
    others = [{"phone": f"+9725455510{place:02d}"} for place in range(filler)]
    summary = await bring(db, account, tmp_path / "all.csv", *rows, *others)
    assert (summary.new, summary.updated, summary.unchanged) == (filler, 1, 2)
    assert (await stored(db, account))[:2] == [("972545550001", 1, SINCE), ("972545550002", 1, SINCE)]
    (gold,) = (await db.read(list_groups, account.actor, ListGroups())).items
    assert (gold.members, gold.reachable) == (0, 0)


async def test_who_is_archived_is_back_with_a_reason_on_the_channels_that_the_file_says(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    addresses = [(f"+97254555000{place}", f"{place}@mail.example") for place in range(1, 6)]
    before = [{**archived(phone), "email": email, "email_status": "subscribed"} for phone, email in addresses]
    await bring(db, account, tmp_path / "before.csv", *before)
    said = [
        {"sms_status": "subscribed"},
        {"sms_status": "subscribed", "email": addresses[1][1], "email_status": "subscribed"},
        {"external_id": "x2"},
        {"sms_status": "unsubscribed"},
        {"sms_status": "subscribed"},
    ]
    rows = [{"phone": phone, **one} for (phone, _), one in zip(addresses, said, strict=True)]
    again = {**archived(addresses[4][0]), "sms_status": "subscribed"}
    await bring(db, account, tmp_path / "signed.csv", again, *rows, resubscribe="Signed")
    statement = "SELECT phone, sms_status, email_status, archived_at FROM contact WHERE account_id = $1 ORDER BY phone"
    ledger = "SELECT address, reason FROM suppression_entry WHERE account_id = $1 AND action = 'reactivate'"
    async with db.transaction() as tx:
        found = [tuple(row)[1:] for row in await tx.fetch(statement, account.account_id)]
        entries = {(row["address"], row["reason"]) for row in await tx.fetch(ledger, account.account_id)}
    assert [(sms, email, since is None) for sms, email, since in found] == [
        (1, 3, True),
        (1, 1, True),
        (1, 1, False),
        (3, 1, False),
        (1, 1, False),
    ]
    back = [addresses[0][0][1:], *(one.lstrip("+") for one in addresses[1])]
    assert entries == {(one, "Signed") for one in back}


async def test_who_is_archived_and_was_suppressed_elsewhere_comes_unsubscribed(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    rows = [archived("+972545550001", status="unsubscribed"), archived("+972545550002", since="long ago")]
    await bring(db, account, tmp_path / "all.csv", *rows)
    (first, second) = await stored(db, account)
    assert (first[1:], second[1]) == ((3, SINCE), 1)
    assert second[2] is not None
    assert second[2] > SINCE


async def test_an_audience_keeps_what_it_has_and_gets_what_it_lacks(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await db.run(create_field, account.actor, CreateField(name="member", kind=Kind.BOOLEAN))
    await db.run(create_purpose, account.actor, CreatePurpose(name="Offers"))
    await db.run(save_group, account.actor, SaveGroup(name="Gold", description="Ours"))
    rows = [
        {"defined": "field", "defined_name": "member", "defined_kind": "text", "defined_label": "Theirs"},
        {"defined": "field", "defined_name": "shoe_size", "defined_kind": "number"},
        {"defined": "purpose", "defined_name": "OFFERS", "defined_label": "Theirs"},
        {"defined": "purpose", "defined_name": "NEWS", "defined_label": "News of ours"},
        {"defined": "group", "defined_name": "gold", "defined_description": "Theirs"},
        {"defined": "group", "defined_name": "Silver", "defined_description": "New"},
        {"phone": "+972545550001", "sms_status": "subscribed", "member": "yes"},
    ]
    summary = await bring(db, account, tmp_path / "all.csv", *rows)
    assert (summary.rows, summary.new, "member" in summary.unmapped_columns) == (1, 1, False)
    kinds = await db.read(field_kinds, account.actor)
    assert (kinds["member"], kinds["shoe_size"]) == (Kind.BOOLEAN, Kind.NUMBER)
    purposes = [(one.key, one.name) for one in await db.read(list_purposes, account.actor)]
    assert purposes == [("OFFERS", "Offers"), ("NEWS", "News of ours")]
    groups = [(one.name, one.description) for one in (await db.read(list_groups, account.actor, ListGroups())).items]
    assert groups == [("Gold", "Ours"), ("Silver", "New")]
    contact = (await db.read(query_contacts, account.actor, ContactQuery())).items[0]
    assert contact.fields["member"] is True


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"defined": "table", "defined_name": "x"}, "Line 2 defines a table that can't be read"),
        ({"defined": "field", "defined_name": "x", "defined_kind": "picture"}, "Line 2 defines a field"),
        ({"defined": "field", "defined_name": "Über", "defined_kind": "text"}, "The field “Über” can't be made"),
        ({"defined": "purpose", "defined_name": "A B"}, "The purpose “A B” can't be made"),
        ({"defined": "group", "defined_name": ""}, "The group “” can't be made"),
    ],
)
async def test_a_definition_that_is_none_stops_the_import_before_the_first_contact(
    db: Database, account: Tenant, tmp_path: Path, row: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message) as refused:
        await bring(db, account, tmp_path / "all.csv", row, {"phone": "+972545550001", "sms_status": "subscribed"})
    assert refused.value.field == "file"
    assert await stored(db, account) == []


async def test_devices_come_to_their_contacts_and_cells_of_none_are_rejects(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    cells = ['ios:3:a;bShop;"android:2:c:"', "ios:9:short", "phone:1:x", f"ios:2000:{'x' * 2000}", "no"]
    rows = [
        {"phone": f"+97254555000{place}", "sms_status": "subscribed", "devices": cell}
        for place, cell in enumerate(cells)
    ]
    rows[0]["devices"] = '"ios:3:a;bShop";android:2:c:'
    summary = await bring(db, account, tmp_path / "all.csv", *rows)
    assert (summary.new, summary.error_count) == (5, 4)
    assert summary.rejects is not None
    assert "These are no devices of an export." in summary.rejects.read_text()
    ids = [one.contact_id for one in (await db.read(query_contacts, account.actor, ContactQuery())).items]
    devices = await db.read(devices_of, account.actor, ids)
    assert sorted((one.contact_id, one.platform, one.token, one.application) for one in devices) == [
        (ids[0], "android", "c:", None),
        (ids[0], "ios", "a;b", "Shop"),
    ]


@pytest.mark.parametrize(
    "lacking",
    [("created_at", "updated_at"), ("contact_id", "external_id", "landline", "created_at"), ("contact_id", "devices")],
    ids=" ".join,
)
async def test_an_export_from_which_columns_were_taken_out_keeps_what_contacts_said(
    db: Database, account: Tenant, tmp_path: Path, lacking: tuple[str, ...]
) -> None:
    kept = [name for name in COLUMNS if name not in lacking]
    rows = [
        {
            "email": "a@mail.example",
            "email_status": "subscribed",
            "sms_status": "none",
            "sms_own_status": "unsubscribed",
            "groups": "Gold",
        },
        {**archived("+972545550001"), "groups": "Gold;Silver"},
    ]
    path = tmp_path / "left.csv"

    def write() -> None:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, kept)
            writer.writeheader()
            writer.writerows(rows)

    await asyncio.to_thread(write)
    summary = await import_file(db, account.actor, FileImport(path=path), lambda _progress: None)
    assert set(summary.unmapped_columns) <= {"contact_id", "created_at", "updated_at"}
    await db.run(
        save_contact, account.actor, SaveContact(row=ContactRow(phone="+972545550009", email="a@mail.example"))
    )
    assert await stored(db, account) == [("972545550001", 1, SINCE), ("972545550009", 3, None)]
    groups = (await db.read(list_groups, account.actor, ListGroups())).items
    assert [(one.name, one.members) for one in groups] == [("Gold", 1), ("Silver", 0)]


async def test_the_status_that_lies_over_what_a_contact_said_may_have_been_called_otherwise(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "left.csv"
    lines = ["phone,SMS Status,sms_own_status", "+972545550001,unsubscribed,subscribed"]
    await asyncio.to_thread(path.write_text, "\n".join(lines))
    await import_file(db, account.actor, FileImport(path=path), lambda _progress: None)
    assert await stored(db, account) == [("972545550001", 3, None)]
