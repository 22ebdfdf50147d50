"""An export that another account imports gives the same: whoever said what, and who must not be written to."""

import asyncio
import contextlib
import csv
import io
from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import OPERATOR, Tenant

from carillon.audience.consents import ConsentChange, CreatePurpose, create_purpose
from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.contacts.insert import InsertBatch, insert_batch
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.devices import RegisteredDevice, register_devices
from carillon.audience.exports import ExportContacts, export_contacts
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateField, create_field
from carillon.audience.groups import SaveGroup, save_group
from carillon.audience.imports.file_import import FileImport, ImportSummary, import_file
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import InvalidInputError
from carillon.kit.clock import FixedClock
from carillon.tabular import Format
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account

FORMATS: tuple[Format, ...] = ("csv", "ndjson", "parquet")
STATUSES = (SubscriptionStatus.SUBSCRIBED, SubscriptionStatus.UNCONFIRMED, SubscriptionStatus.UNSUBSCRIBED)

CONTACTS = """
SELECT c.phone, c.email, c.email_given, c.external_id, c.landline, c.sms_status, c.email_status, c.fields::text,
       c.archived_at,
       ARRAY(SELECT (d.platform, d.token, d.application)::text FROM device d
             WHERE d.account_id = c.account_id AND d.contact_id = c.contact_id ORDER BY d.token) AS devices,
       ARRAY(SELECT g.name FROM membership m JOIN contact_group g USING (account_id, group_id)
             WHERE m.account_id = c.account_id AND m.contact_id = c.contact_id ORDER BY g.name) AS groups,
       ARRAY(SELECT (k.purpose, k.channel, k.granted, k.given_at, k.source, k.actor)::text FROM consent k
             WHERE k.account_id = c.account_id AND k.contact_id = c.contact_id
             ORDER BY k.purpose, k.channel) AS consents,
       ARRAY(SELECT (u.channel, u.unsubscribed_at, u.source, u.actor, u.reason)::text FROM unsubscription u
             WHERE u.account_id = c.account_id AND u.contact_id = c.contact_id ORDER BY u.channel) AS unsubscriptions
FROM contact c WHERE c.account_id = $1 ORDER BY c.contact_id
"""
BLOCKS = """
SELECT channel, address, created_at, source, actor, reason, description
FROM suppression WHERE account_id = $1 ORDER BY channel, address
"""
CONTACT_IDS = "SELECT contact_id, external_id FROM contact WHERE account_id = $1 ORDER BY contact_id"
LEDGER = (
    "SELECT channel, address, action, reason FROM suppression_entry WHERE account_id = $1 ORDER BY channel, address"
)
GROUPS = """
SELECT name, members, reachable, reachable_sms, reachable_email, reachable_android, reachable_ios, description
FROM contact_group WHERE account_id = $1 ORDER BY name
"""
PURPOSES = "SELECT key, number, name, description FROM consent_purpose WHERE account_id = $1 ORDER BY key"
FIELDS = "SELECT name, kind, label FROM field WHERE account_id = $1 ORDER BY name"


async def another(db: Database) -> Tenant:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Others", country="GR"))
    account_id = made.account.account_id
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=account_id))
    return Tenant(account_id=account_id, audience_id=made.audience_id, actor=actor)


async def state(db: Database, tenant: Tenant) -> list[list[tuple[object, ...]]]:
    async with db.transaction() as tx:
        return [
            [tuple(row.values()) for row in await tx.fetch(statement, tenant.account_id)]
            for statement in (CONTACTS, BLOCKS, GROUPS, PURPOSES, FIELDS)
        ]


async def export(db: Database, tenant: Tenant, format_: Format, **options: Any) -> bytes:
    target = io.BytesIO()
    async with db.transaction() as tx:
        await export_contacts(tx, tenant.actor, ExportContacts(target=target, format=format_, **options))
    return target.getvalue()


async def bring(db: Database, tenant: Tenant, path: Path, content: bytes) -> ImportSummary:
    await asyncio.to_thread(path.write_bytes, content)
    return await import_file(db, tenant.actor, FileImport(path=path), lambda _progress: None)


async def put(db: Database, tenant: Tenant, row: ContactRow, *statuses: SubscriptionStatus, **options: Any) -> None:
    saved = await db.run(save_contact, tenant.actor, SaveContact(row=row, **options))
    if statuses:
        change = SubscriptionChange(contact_id=saved.contact_id, sms=statuses[0], email=statuses[1])
        command = ChangeSubscriptions(changes=[change], reason='=Asked; in "writing", once')
        await db.run(change_subscriptions, tenant.actor, command)


async def block(db: Database, tenant: Tenant, channel: Channel, value: str, **options: Any) -> None:
    command = Suppress(addresses=[Address(channel=channel, value=value)], reason="Asked to, by phone", **options)
    await db.run(suppress, tenant.actor, command)


@pytest.fixture
async def everything(db: Database, account: Tenant, clock: FixedClock) -> None:
    """Fill the account with every state that the model has."""
    number = 0
    for sms in STATUSES:
        for email in STATUSES:
            for keys in ({"phone", "email"}, {"phone"}, {"email"}, set[str]()):
                number += 1
                row = ContactRow(
                    phone=f"05411100{number:02d}" if "phone" in keys else None,
                    email=f"U{number}@mail.example" if "email" in keys else None,
                    external_id=f"r-{number}",
                    fields={"first_name": f"=Name {number}"},
                    add_to=["Gold", 'A "quoted"; group'] if number % 3 == 0 else [],
                )
                await put(db, account, row, sms, email)
    for name in ("Offers", "News"):
        await db.run(create_purpose, account.actor, CreatePurpose(name=name, description=f"=What {name} are"))
    for name, kind in (
        ("shoe_size", Kind.NUMBER),
        ("member", Kind.BOOLEAN),
        ("unused", Kind.DATE),
        ("status", Kind.TEXT),
    ):
        await db.run(create_field, account.actor, CreateField(name=name, kind=kind, label=f"The {name}, as asked"))
    for name, description in (("Nobody", None), ("Described; and empty", "'=For later")):
        await db.run(save_group, account.actor, SaveGroup(name=name, description=description))
    await put(
        db,
        account,
        ContactRow(external_id="r-4", fields={"shoe_size": "38.5", "member": "true", "status": "unsubscribed"}),
    )
    for place, granted in enumerate((True, False), start=1):
        said = [ConsentChange("OFFERS", Channel.SMS, granted), ConsentChange("NEWS", Channel.EMAIL, not granted)]
        await put(db, account, ContactRow(external_id=f"r-{place}"), consents=said)
    for place in (1, 5, 9, 17, 21, 33):
        await block(db, account, Channel.SMS, f"05411100{place:02d}")
        await block(db, account, Channel.EMAIL, f"u{place}@mail.example", description="=1+1", actor_name="CRM")
    await block(db, account, Channel.VOICE, "0541110001")
    await block(db, account, Channel.SMS, "0549999999")
    await block(db, account, Channel.EMAIL, "nobody@mail.example", unsubscribe_contacts=True)
    await archive_some(db, account, clock)
    clock.moment = clock.moment.replace(year=clock.moment.year + 1)


async def archive(db: Database, tenant: Tenant, external_id: str) -> None:
    async with db.transaction() as tx:
        ids = {row["external_id"]: row["contact_id"] for row in await tx.fetch(CONTACT_IDS, tenant.account_id)}
        change = SubscriptionChange(contact_id=ids[external_id], archived=True)
        await change_subscriptions(tx, tenant.actor, ChangeSubscriptions(changes=[change]))


async def archive_some(db: Database, account: Tenant, clock: FixedClock) -> None:
    """Archive contacts of every status, some of whose addresses are suppressed, days later; give some devices."""
    clock.moment += timedelta(days=3)
    for number in range(1, 37):
        if number % 4 == 1 or number % 7 == 2:
            await archive(db, account, f"r-{number}")
    async with db.transaction() as tx:
        ids = [row["contact_id"] for row in await tx.fetch(CONTACT_IDS, account.account_id)]
        devices = [
            RegisteredDevice(contact_id=ids[place], platform=platform, token=f'{platform};"{place}:', application=app)
            for place, platform, app in (
                (2, "ios", None),
                (2, "android", "Shop: one"),
                (5, "ios", "x;y"),
                (4, "ios", None),
            )
        ]
        await register_devices(tx, account.actor, devices)


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("format_", FORMATS)
async def test_every_state_comes_over(db: Database, account: Tenant, tmp_path: Path, format_: Format) -> None:
    before, other = await state(db, account), await another(db)
    content = await export(db, account, format_)
    summary = await bring(db, other, tmp_path / f"all.{format_}", content)
    assert (summary.new, summary.failed, summary.error_count, summary.blocks) == (36, 0, 0, 15)
    assert await state(db, other) == before
    async with db.transaction() as tx:
        entries = [await tx.fetch(LEDGER, one.account_id) for one in (account, other)]
    assert entries[0] == entries[1]


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("format_", FORMATS)
async def test_what_is_imported_where_it_came_from_changes_nothing(
    db: Database, account: Tenant, tmp_path: Path, format_: Format
) -> None:
    before = await state(db, account)
    summary = await bring(db, account, tmp_path / f"all.{format_}", await export(db, account, format_))
    assert (summary.unchanged, summary.error_count, summary.blocks) == (36, 0, 0)
    assert await state(db, account) == before


@pytest.mark.usefixtures("everything")
async def test_without_its_suppressions_a_file_subscribes_nobody_whom_they_held(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = (await export(db, account, "csv")).splitlines(keepends=True)
    contacts = [line for line in lines if not line.startswith(b",,")]
    other = await another(db)
    await bring(db, other, tmp_path / "contacts.csv", b"".join(contacts))
    (before, *_), (after, blocks, *_) = await state(db, account), await state(db, other)
    assert blocks == []
    assert [is_reached(row) for row in after] == [is_reached(row) for row in before]


@pytest.mark.usefixtures("everything")
async def test_a_groups_export_has_its_members_suppressions_alone(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    other = await another(db)
    await bring(db, other, tmp_path / "gold.csv", await export(db, account, "csv", group="Gold"))
    (everybody, _, groups, *_), (members, blocks, *_) = await state(db, account), await state(db, other)
    assert members == [row for row in everybody if row[10] and row[8] is None]
    assert len(members) == 8 == {name: count for name, count, *_ in groups}["Gold"]
    assert {block[1] for block in blocks} <= {address for row in everybody if row[10] for address in row[:2]}
    assert len(blocks) == 6


def spoilt(rows: list[list[str]], places: Collection[int], how: str) -> bytes:
    """Write an export's records without what columns say."""
    header, *lines = rows
    if how == "removed":
        changed = [[cell for number, cell in enumerate(row) if number not in places] for row in rows]
    elif how == "emptied":
        emptied = [["" if number in places else cell for number, cell in enumerate(row)] for row in lines]
        changed = [header, *emptied]
    else:
        names = [_renamed(name, place, how) if place in places else name for place, name in enumerate(header)]
        changed = [names, *lines]
    text = io.StringIO()
    csv.writer(text).writerows(changed)
    return text.getvalue().encode()


def _renamed(name: str, place: int, how: str) -> str:
    return name.replace("_", " ").capitalize() if how == "written out" else f"Column {place}"


async def reached(db: Database, tenant: Tenant) -> set[tuple[object, ...]]:
    """Return who may be written to on which channel, and who consented to what, by addresses."""
    found: set[tuple[object, ...]] = set()
    async with db.transaction() as tx:
        rows = await tx.fetch(CONTACTS, tenant.account_id)
    for row in rows:
        for channel, column in (("sms", "phone"), ("email", "email")):
            is_live = row["archived_at"] is None and row[f"{channel}_status"] == SubscriptionStatus.SUBSCRIBED
            found |= {(row[column], channel)} if row[column] and is_live else set()
            for purpose, of, granted, *_ in (one.strip("()").split(",") for one in row["consents"]):
                found |= {(row[column], purpose)} if row[column] and of == channel and granted == "t" else set()
    return found


@pytest.mark.any_database
@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("how", ["removed", "emptied", "written out", "renamed"])
async def test_no_column_of_an_export_is_missing_to_make_anybody_reachable(
    db: Database, account: Tenant, tmp_path: Path, how: str
) -> None:
    rows = list(
        csv.reader(io.StringIO((await export(db, account, "csv", defuse=False)).decode("utf-8-sig"), newline=""))
    )
    before, stopped = await reached(db, account), []
    assert {"archived_at", "sms_own_status", "blocked_address", "consents.NEWS.email", "sms_unsubscribed_at"} < set(
        rows[0]
    )
    for place, name in enumerate(rows[0]):
        other = await another(db)
        try:
            await bring(db, other, tmp_path / f"{place}.csv", spoilt(rows, {place}, how))
        except InvalidInputError:
            stopped.append(name)
        assert await reached(db, other) <= before, name
    assert len(stopped) < len(rows[0]) * 2 / 3


STATUS = ("sms_status", "email_status")
OWN = ("sms_own_status", "email_own_status")


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("how", ["removed", "emptied", "written out", "renamed"])
@pytest.mark.parametrize(
    "prefixes",
    [
        STATUS,
        (*STATUS, *OWN),
        (*STATUS, *OWN, "blocked_", "defined"),
        (*STATUS, *OWN, "blocked_", "defined", "consents."),
        (*STATUS, *OWN, "contact_id"),
        ("sms_status", "sms_own_status", "email_own_status", "contact_id"),
        (*STATUS, *OWN, "contact_id", "external_id", "landline", "created_at", "updated_at"),
        (*STATUS, *OWN, "contact_id", "blocked_", "defined", "consents."),
        (*STATUS, "archived_at"),
        (*OWN, "archived_at", "contact_id"),
    ],
)
async def test_no_columns_of_an_export_are_missing_together_to_make_anybody_reachable(
    db: Database, account: Tenant, tmp_path: Path, how: str, prefixes: tuple[str, ...]
) -> None:
    text = (await export(db, account, "csv", defuse=False)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    places = {place for place, name in enumerate(rows[0]) if name.startswith(prefixes)}
    before, other = await reached(db, account), await another(db)
    with contextlib.suppress(InvalidInputError):
        await bring(db, other, tmp_path / "spoilt.csv", spoilt(rows, places, how))
    assert await reached(db, other) <= before


async def test_who_is_archived_is_unsubscribed_where_a_file_does_not_say_since_when(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = [
        "contact_id,phone,email,sms_status,email_status,sms_own_status,email_own_status,archived_at",
        "7,+972541110001,a@mail.example,archived,archived,subscribed,unconfirmed,",
        "8,+972541110002,b@mail.example,archived,archived,subscribed,subscribed,2026-01-02T03:04:05+00:00",
    ]
    await bring(db, account, tmp_path / "all.csv", "\n".join(lines).encode())
    (contacts, *_) = await state(db, account)
    unsubscribed, subscribed = SubscriptionStatus.UNSUBSCRIBED, SubscriptionStatus.SUBSCRIBED
    assert [(row[5], row[6], row[8] is None) for row in contacts] == [
        (unsubscribed, unsubscribed, True),
        (subscribed, subscribed, False),
    ]


async def test_a_suppression_that_cannot_be_one_is_a_reject(db: Database, account: Tenant, tmp_path: Path) -> None:
    content = b"blocked_address,blocked_channel\n12,sms\na@mail.example,fax\nb@mail.example,email\n"
    summary = await bring(db, account, tmp_path / "blocks.csv", content)
    assert (summary.rows, summary.failed, summary.blocks) == (2, 2, 1)
    assert summary.rejects is not None
    assert "The channel is sms, email or voice." in summary.rejects.read_text()


async def test_ndjson_of_nobody_is_an_empty_file_which_an_import_refuses(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    content = await export(db, account, "ndjson")
    assert content == b""
    with pytest.raises(InvalidInputError, match="The file is empty"):
        await bring(db, account, tmp_path / "nobody.ndjson", content)


def is_reached(row: Sequence[object]) -> tuple[bool, bool]:
    return row[5] == SubscriptionStatus.SUBSCRIBED, row[6] == SubscriptionStatus.SUBSCRIBED


async def test_contacts_that_have_nothing_but_a_repeated_address_come_over_once(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    """Each gets an external id, by which it is the same one when the file comes again."""
    rows = [
        ContactRow(phone="0541110001", email="a@mail.example", add_to=["Gold"]),
        ContactRow(phone="0541110001", fields={"first_name": "Noa"}, add_to=["Gold"]),
        ContactRow(phone="0541110001", email="a@mail.example", fields={"first_name": "Ben"}),
    ]
    for row in rows:
        await db.run(insert_batch, account.actor, InsertBatch(batch=read_rows([row], "IL")))
    other = await another(db)
    content = await export(db, account, "csv")
    for place in range(2):
        summary = await bring(db, other, tmp_path / f"{place}.csv", content + b"\n" * place)
        assert (summary.new, summary.unchanged, summary.failed) == ((3, 0, 0), (0, 3, 0))[place]
    before, after = await state(db, account), await state(db, other)
    assert [(*row[:3], *row[4:]) for row in after[0]] == [(*row[:3], *row[4:]) for row in before[0]]
    assert [bool(row[3]) for row in after[0]] == [False, True, True]
    assert after[1:] == before[1:]


@pytest.mark.parametrize("format_", FORMATS)
async def test_texts_that_look_like_errors_of_spreadsheets_come_over(
    db: Database, account: Tenant, tmp_path: Path, format_: Format
) -> None:
    for number, text in enumerate(("#N/A", "'#REF!", " #DIV/0! ", "''=1", "#1 in town")):
        await put(db, account, ContactRow(external_id=f"{number}", fields={"first_name": text}))
    await put(db, account, ContactRow(external_id="#N/A", phone="0541110001"))
    other = await another(db)
    await bring(db, other, tmp_path / f"all.{format_}", await export(db, account, format_))
    assert await state(db, other) == await state(db, account)


async def test_errors_that_a_spreadsheet_left_in_an_export_are_reported(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await put(db, account, ContactRow(phone="0541110001", fields={"first_name": "Noa"}))
    content = (await export(db, account, "csv")).replace(b"Noa", b"#N/A")
    path = tmp_path / "all.csv"
    summary = await bring(db, await another(db), path, content)
    assert (summary.new, summary.error_count) == (1, 1)
    rejects = await asyncio.to_thread(path.with_name("all.csv.rejects.csv").read_bytes)
    again = await bring(db, await another(db), tmp_path / "again.csv", rejects)
    assert (again.new, again.error_count) == (1, 1)


@pytest.mark.parametrize("spoilt", [b"9.00719925474100E+15", b"#N/A"])
async def test_a_key_that_a_spreadsheet_spoilt_in_an_export_is_one_error(
    db: Database, account: Tenant, tmp_path: Path, spoilt: bytes
) -> None:
    await put(db, account, ContactRow(external_id="9007199254741001"))
    content = (await export(db, account, "csv")).replace(b"9007199254741001", spoilt)
    summary = await bring(db, await another(db), tmp_path / "all.csv", content)
    assert (summary.new, summary.failed, summary.error_count) == (0, 1, 1)


people = st.lists(
    st.tuples(
        st.booleans(),
        st.booleans(),
        st.sampled_from(STATUSES),
        st.sampled_from(STATUSES),
        st.lists(st.sampled_from(["Gold", "a;b", 'say "hi"', "שמות", "'=x"]), max_size=2, unique=True),
        st.sampled_from([None, True, False]),
        st.sets(st.sampled_from(list(Channel))),
        st.booleans(),
        st.sampled_from([None, "android", "ios"]),
        st.sampled_from(["Noa", "#N/A", "'#REF!", " =1", "-5", "+972541110001"]),
    ),
    max_size=6,
)


@pytest.mark.any_database
@given(everybody=people, strangers=st.sets(st.integers(0, 3)), format_=st.sampled_from(FORMATS))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_random_audiences_come_over(
    db: Database, tmp_path: Path, everybody: list[Any], strangers: set[int], format_: Format
) -> None:
    one, other = await another(db), await another(db)
    await db.run(create_purpose, one.actor, CreatePurpose(name="Offers"))
    for number, person in enumerate(everybody):
        has_phone, has_email, sms, email, groups, consent, blocked, archived, device, name = person
        row = ContactRow(
            phone=f"+30691234560{number}" if has_phone else None,
            email=f"u{number}@mail.example" if has_email else None,
            external_id=f"r{number}",
            fields={"first_name": name},
            add_to=groups,
            device_token=f"token {number}" if device else None,
            device_platform=device,
        )
        said = [] if consent is None else [ConsentChange("OFFERS", Channel.SMS, consent)]
        await put(db, one, row, sms, email, consents=said)
        for channel in blocked:
            value = f"u{number}@mail.example" if channel is Channel.EMAIL else f"+30691234560{number}"
            await block(db, one, channel, value)
        if archived:
            await archive(db, one, f"r{number}")
    for number in strangers:
        await block(db, one, Channel.SMS, f"+30691234569{number}")
    content = await export(db, one, format_)
    if content:  # NDJSON of nobody is an empty file, which an import refuses
        await bring(db, other, tmp_path / f"all.{format_}", content)
    assert await state(db, other) == await state(db, one)
