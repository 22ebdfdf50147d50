"""The engine against the plain sequential reference, alone and in races, and rule by rule."""

import asyncio
import contextlib
from itertools import permutations
from typing import Any

import msgspec
import pytest
from asyncpg import UniqueViolationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reference import Book, Person
from tests.support import Tenant

from carillon.audience import memberships
from carillon.audience.contacts.contact import STORED_STATUSES, ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.groups import FindGroups, GroupKey, ListGroups, find_groups, list_groups
from carillon.audience.suppressions import Address, Channel, Reactivate, Suppress, reactivate, suppress
from carillon.audience.upsert import match, parse
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow, UpsertReport
from carillon.audience.verify import verify_audiences
from carillon.db.database import Database

PHONES = ["0541110001", "0541110002", "0541110003", "+972541110001", "", "12", None]
EMAILS = ["ana@mail.example", "Ana@Mail.example", "ben@mail.example", "cy@mail.example", "", "nonsense@", None]
REFS = ["r1", "r2", "r3", "", None]

rows = st.builds(
    ContactRow,
    phone=st.sampled_from(PHONES),
    email=st.sampled_from(EMAILS),
    external_id=st.sampled_from(REFS),
    fields=st.dictionaries(st.sampled_from(["first_name", "city"]), st.sampled_from(["Noa", "Tal", ""]), max_size=2),
    add_to=st.lists(st.sampled_from(["Gold", "Silver"]), max_size=1),
    remove_from=st.lists(st.sampled_from(["Gold", "Silver"]), max_size=1),
)
batches = st.lists(rows, min_size=1, max_size=8)

PICTURE = """
SELECT c.phone, c.email, c.external_id, c.email_given, c.fields, c.sms_status, c.email_status,
       ARRAY(SELECT g.name FROM membership m JOIN contact_group g USING (account_id, group_id)
             WHERE m.account_id = c.account_id AND m.contact_id = c.contact_id ORDER BY g.name) AS groups
FROM contact c WHERE c.account_id = $1 AND c.audience_id = $2
"""
# How `write` goes about it: whether it first takes rows for new, as an import does.
ways = {"optimistic": False}


async def write(db: Database, tenant: Tenant, given_rows: list[ContactRow]) -> UpsertReport:
    read = read_rows(given_rows, tenant.actor.country)
    if ways["optimistic"]:
        with contextlib.suppress(UniqueViolationError):
            return (await db.run(upsert, tenant.actor, read, expect_new=True)).report
    return (await db.run(upsert, tenant.actor, read)).report


async def pictures(db: Database, tenant: Tenant) -> list[tuple[object, ...]]:
    async with db.transaction() as tx:
        found = await tx.fetch(PICTURE, tenant.account_id, tenant.audience_id)
    return sorted((_picture(row) for row in found), key=repr)


def _picture(row: Any) -> tuple[object, ...]:
    fields = tuple(sorted(msgspec.json.decode(row["fields"]).items()))
    says = (STORED_STATUSES[row["sms_status"]], STORED_STATUSES[row["email_status"]])
    return (row["phone"], row["email"], row["external_id"], row["email_given"], fields, tuple(row["groups"]), says)


async def fall_silent(db: Database, tenant: Tenant) -> None:
    async with db.transaction() as tx:
        found = await tx.fetch("SELECT contact_id FROM contact WHERE account_id = $1", tenant.account_id)
    unsubscribed = SubscriptionStatus.UNSUBSCRIBED
    changes = [SubscriptionChange(contact_id=row["contact_id"], sms=unsubscribed, email=unsubscribed) for row in found]
    await db.run(change_subscriptions, tenant.actor, ChangeSubscriptions(changes=changes))


async def is_right(db: Database, tenant: Tenant) -> bool:
    return await db.run(verify_audiences, tenant.actor) == []


async def wipe(db: Database) -> None:
    async with db.transaction() as tx:
        tables = ("contact", "membership", "contact_group", "device", "suppression", "suppression_entry")
        for table in (*tables, "removed_unsubscribe", "unsubscription"):
            await tx.execute(f"DELETE FROM {table} WHERE account_id > 0")  # noqa: S608 - the names are ours


def people(book: Book) -> list[tuple[object, ...]]:
    return sorted((person.picture() for person in book.people), key=repr)


@pytest.fixture(params=["one_by_one", "by_columns", "optimistic"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches are taken one by one, large ones by columns, an import's as new; the rule is the same for all."""
    monkeypatch.setitem(ways, "optimistic", request.param == "optimistic")
    few = 1000 if request.param == "one_by_one" else -1
    monkeypatch.setattr(parse, "_FEW", few)
    monkeypatch.setattr(match, "_FEW", few)
    monkeypatch.setattr(memberships, "_FEW", few)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@pytest.mark.usefixtures("either_way")
@given(series=st.lists(batches, min_size=1, max_size=4))
async def test_any_series_of_batches_leaves_what_the_sequential_reference_says(
    db: Database, account: Tenant, series: list[list[ContactRow]]
) -> None:
    await wipe(db)
    book = Book()
    for turn, rows_in_turn in enumerate(series):
        book.counts = dict.fromkeys(book.counts, 0)
        book.conflicts = []
        if turn == 1:  # what is said once holds in all that follow
            book.fall_silent()
            await fall_silent(db, account)
        report = await write(db, account, rows_in_turn)
        book.take_batch(rows_in_turn)
        assert {name: getattr(report, name) for name in book.counts} == book.counts
        assert [(e.row, e.field) for e in report.errors if e.code == "conflict"] == book.conflicts
        assert await pictures(db, account) == people(book)
        assert await is_right(db, account)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@pytest.mark.usefixtures("either_way")
@given(start=batches, racing=st.lists(batches, min_size=2, max_size=3))
async def test_racing_batches_leave_what_some_order_of_them_leaves(
    db: Database, account: Tenant, start: list[ContactRow], racing: list[list[ContactRow]]
) -> None:
    await wipe(db)
    await write(db, account, start)
    await asyncio.gather(*(write(db, account, rows_in_turn) for rows_in_turn in racing))
    possible = []
    for order in permutations(racing):
        book = Book()
        for rows_in_turn in (start, *order):
            book.take_batch(rows_in_turn)
        possible.append(people(book))
    assert await pictures(db, account) in possible
    assert await is_right(db, account)


async def test_twenty_writers_of_one_contact_make_one_contact(db: Database, account: Tenant) -> None:
    row = ContactRow(phone="0541110009", email="dan@mail.example", add_to=["Race"])
    reports = await asyncio.gather(*(write(db, account, [row]) for _ in range(20)))
    assert sorted(report.new for report in reports) == [0] * 19 + [1]
    assert sum(report.unchanged for report in reports) == 19
    assert len(await pictures(db, account)) == 1
    async with db.transaction() as tx:
        (group,) = (await list_groups(tx, account.actor, ListGroups())).items
    assert (group.members, group.reachable_sms, group.reachable_email) == (1, 1, 1)


@pytest.mark.usefixtures("either_way")
async def test_two_contacts_can_swap_their_addresses_in_one_batch(db: Database, account: Tenant) -> None:
    first, second = PHONES[0], PHONES[1]
    await write(db, account, [ContactRow(phone=first, external_id="r1"), ContactRow(phone=second, external_id="r2")])
    swap = [
        ContactRow(phone="", external_id="r1"),
        ContactRow(phone=first, external_id="r2"),
        ContactRow(phone=second, external_id="r1"),
    ]
    report = await write(db, account, swap)
    assert (report.updated, report.error_count) == (3, 0)
    held = {row[2]: row[0] for row in await pictures(db, account)}
    assert held == {"r1": "972541110002", "r2": "972541110001"}


async def test_keys_of_two_contacts_update_the_first_and_report_the_other(db: Database, account: Tenant) -> None:
    await write(db, account, [ContactRow(phone="0541110001"), ContactRow(email="ben@mail.example")])
    mixed = ContactRow(phone="0541110001", email="ben@mail.example", fields={"city": "Haifa"})
    report = await write(db, account, [mixed])
    assert (report.updated, report.failed, report.error_count) == (1, 0, 1)
    (error,) = report.errors
    assert (error.row, error.field, error.code, error.value) == (1, "email", "conflict", "ben@mail.example")


async def test_a_bad_email_beside_a_good_phone_keeps_the_row(db: Database, account: Tenant) -> None:
    report = await write(db, account, [ContactRow(phone="0541110001", email="broken@")])
    assert (report.new, report.failed, report.error_count) == (1, 0, 1)
    assert (report.errors[0].field, report.errors[0].code, report.errors[0].value) == ("email", "invalid", "broken@")


async def test_a_row_without_a_key_fails_and_costs_the_others_nothing(db: Database, account: Tenant) -> None:
    report = await write(db, account, [ContactRow(fields={"city": "Lod"}), ContactRow(phone="0541110001")])
    assert (report.rows, report.new, report.failed) == (2, 1, 1)
    assert [(error.row, error.code) for error in report.errors] == [(1, "missing_key")]


async def test_a_contact_with_a_suppressed_address_arrives_unsubscribed(db: Database, account: Tenant) -> None:
    phone = Address(channel=Channel.SMS, value="0541110001")
    await db.run(suppress, account.actor, Suppress(addresses=[phone], reason="asked"))
    await write(db, account, [ContactRow(phone="0541110001", email="ana@mail.example", add_to=["Gold"])])
    query = FindContacts(key=ContactKey(kind=KeyKind.PHONE, value="0541110001"))
    (contact,) = await db.read(find_contacts, account.actor, query)
    assert (contact.sms_status, contact.email_status) == (
        SubscriptionStatus.UNSUBSCRIBED,
        SubscriptionStatus.SUBSCRIBED,
    )
    assert await is_right(db, account)
    await db.run(reactivate, account.actor, Reactivate(addresses=[phone], reason="asked again"))
    (contact,) = await db.read(find_contacts, account.actor, query)
    assert contact.sms_status is SubscriptionStatus.SUBSCRIBED
    assert await is_right(db, account)


async def test_a_push_token_moves_to_the_contact_that_brought_it_last(db: Database, account: Tenant) -> None:
    for phone in ("0541110001", "0541110002"):
        row = ContactRow(phone=phone, add_to=["Gold"], device_token="tok-77", device_platform="IOS")
        await write(db, account, [row])
    owners = {}
    for phone in ("0541110001", "0541110002"):
        query = FindContacts(key=ContactKey(kind=KeyKind.PHONE, value=phone))
        (contact,) = await db.read(find_contacts, account.actor, query)
        owners[phone] = [device.token for device in contact.devices]
    assert owners == {"0541110001": [], "0541110002": ["tok-77"]}
    (group,) = await db.read(find_groups, account.actor, FindGroups(by=GroupKey.NAME, value="gold"))
    assert (group.members, group.reachable_ios, group.reachable_android) == (2, 1, 0)


@pytest.mark.parametrize(
    ("brought", "left"),
    [
        ("1A 2B 1B", "1B"),
        ("1A 2A 2B", "2B"),
        ("1Z 1A 2A 2B", "2B"),
        ("1A 2A 1A", "1A"),
        ("1A 1B 2A", "1B 2A"),
        ("1A 2B 1B 2A", "1B 2A"),
    ],
)
async def test_tokens_of_a_batch_go_from_one_to_another_as_they_would_row_by_row(
    db: Database, account: Tenant, brought: str, left: str
) -> None:
    one, two = "0541110001", "0541110002"
    await write(db, account, [ContactRow(phone=one, device_token="old", device_platform="ios"), ContactRow(phone=two)])
    batch_rows = [
        ContactRow(phone={"1": one, "2": two}[step[0]], device_token=step[1], device_platform="ios", add_to=["Gold"])
        for step in brought.split()
    ]
    await write(db, account, batch_rows)
    found = []
    for who, phone in (("1", one), ("2", two)):
        query = FindContacts(key=ContactKey(kind=KeyKind.PHONE, value=phone))
        (contact,) = await db.read(find_contacts, account.actor, query)
        found += [f"{who}{device.token}" for device in contact.devices]
    assert found == left.split()
    (group,) = await db.read(find_groups, account.actor, FindGroups(by=GroupKey.NAME, value="gold"))
    assert (group.members, group.reachable_ios) == (2, len(found))


async def test_deleting_a_contact_takes_it_out_of_every_group(db: Database, account: Tenant) -> None:
    await write(db, account, [ContactRow(phone="0541110001", add_to=["Gold", "Silver"]), ContactRow(external_id="r1")])
    keys = [ContactKey(kind=KeyKind.PHONE, value="+972 54-111-0001"), ContactKey(kind=KeyKind.EXTERNAL_ID, value="r9")]
    assert await db.run(delete_contacts, account.actor, DeleteContacts(keys=keys)) == 1
    assert [row[2] for row in await pictures(db, account)] == ["r1"]
    page = await db.read(list_groups, account.actor, ListGroups())
    assert [group.members for group in page.items] == [0, 0]


async def test_a_contact_keeps_its_person_when_only_the_reference_is_known(db: Database, account: Tenant) -> None:
    await write(db, account, [ContactRow(phone="0541110001", external_id="r1")])
    report = await write(db, account, [ContactRow(phone="0541110002", external_id="r1")])
    assert (report.new, report.updated) == (0, 1)
    expected = Person(keys={"phone": "972541110002", "email": None, "external_id": "r1"}).picture()
    assert await pictures(db, account) == [expected]
