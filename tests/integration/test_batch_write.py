"""Large batches of a call: in pieces, in one transaction, with existing contacts left alone where that is asked."""

import asyncio

import pytest
from tests.support import Tenant

from carillon.audience.contacts.batch_write import WriteBatch, WritePolicy, WrittenBatch, write_batch
from carillon.audience.contacts.contact import Contact, SubscriptionStatus
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.row_changes import RowChange
from carillon.audience.groups import FindGroups, Group, GroupKey, SaveGroup, find_groups, save_group
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.upsert import engine
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow, RowError
from carillon.db.database import Database
from carillon.errors import NotFoundError
from carillon.kit.ids import GroupId


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_UPSERTED_AT_ONCE", 3)
    monkeypatch.setattr("carillon.audience.memberships._ENROLLED_AT_ONCE", 2)


def people(count: int, city: str = "Arad") -> list[ContactRow]:
    return [ContactRow(email=f"n{number}@example.com", fields={"city": city}) for number in range(count)]


async def write(
    db: Database, tenant: Tenant, rows: list[ContactRow], *, group_id: int | None = None, update_existing: bool = True
) -> WrittenBatch:
    command = WriteBatch(
        batch=read_rows(rows, "IL"), group_id=group_id, policy=WritePolicy(update_existing=update_existing)
    )
    return await db.run(write_batch, tenant.actor, command)


async def contacts(db: Database, tenant: Tenant) -> list[Contact]:
    return list((await db.read(query_contacts, tenant.actor, ContactQuery(with_groups=True))).items)


async def group(db: Database, tenant: Tenant, group_id: int) -> Group:
    (found,) = await db.read(find_groups, tenant.actor, FindGroups(by=GroupKey.ID, value=str(group_id)))
    return found


async def test_every_row_is_counted_once_whatever_piece_it_is_in(db: Database, account: Tenant) -> None:
    await write(db, account, people(2))
    bad = [ContactRow(email="nobody"), ContactRow(failure=RowError(4, "row", "invalid", "", "Broken."))]
    written = await write(db, account, [*people(2, "Lod"), *bad, *people(8, "Lod")])
    assert (written.new, written.updated, written.unchanged, written.skipped, written.failed) == (6, 2, 2, 0, 2)
    assert [error.row for error in written.errors] == [3, 4]
    assert [one.fields["city"] for one in await contacts(db, account)] == ["Lod"] * 8


async def test_a_conflict_keeps_the_number_of_its_row(db: Database, account: Tenant) -> None:
    await write(db, account, [ContactRow(phone="0521000001"), ContactRow(email="b@example.com")])
    written = await write(db, account, [*people(4), ContactRow(phone="0521000001", email="b@example.com")])
    assert [(error.row, error.field, error.code) for error in written.errors] == [(5, "email", "conflict")]


async def test_all_join_the_group_and_its_counters_are_right(db: Database, account: Tenant) -> None:
    made = await db.run(save_group, account.actor, SaveGroup(name="Group"))
    await write(db, account, people(3))
    for _ in range(2):
        await write(db, account, people(7), group_id=made.group_id)
        found = await group(db, account, made.group_id)
        assert (found.members, found.reachable_email, found.reachable_sms) == (7, 7, 0)
    assert all([ref.group_id for ref in one.groups] == [made.group_id] for one in await contacts(db, account))


async def test_an_unknown_group_undoes_the_batch(db: Database, account: Tenant) -> None:
    with pytest.raises(NotFoundError):
        await write(db, account, people(7), group_id=987)
    assert await contacts(db, account) == []


@pytest.mark.parametrize(
    "row",
    [
        ContactRow(phone="0521000001", email="new@example.com"),
        ContactRow(phone="0521000009", email="B@example.com"),
        ContactRow(external_id="x", email="new@example.com"),
    ],
)
async def test_a_row_with_any_taken_key_is_left_alone(db: Database, account: Tenant, row: ContactRow) -> None:
    there = [
        ContactRow(phone="0521000001"),
        ContactRow(email="b@example.com"),
        ContactRow(external_id="x", email="c@example.com"),
    ]
    await write(db, account, there)
    before = await contacts(db, account)
    written = await write(db, account, [row], update_existing=False)
    assert (written.new, written.skipped) == (0, 1)
    assert await contacts(db, account) == before


async def test_the_first_of_the_batchs_rows_with_a_key_is_the_one_that_counts(db: Database, account: Tenant) -> None:
    rows = [
        ContactRow(phone="0521000001", email="a@example.com"),
        ContactRow(phone="0521000002", email="a@example.com"),
        # Its phone is only a row's that was left alone.
        ContactRow(phone="0521000002"),
    ]
    written = await write(db, account, rows, update_existing=False)
    assert (written.new, written.skipped) == (2, 1)


async def test_batches_at_once_leave_alone_what_the_others_made(db: Database, account: Tenant) -> None:
    cities = [f"City {number}" for number in range(6)]
    done = await asyncio.gather(*(write(db, account, people(7, city), update_existing=False) for city in cities))
    assert sorted(one.new for one in done) == [0] * 5 + [7]
    assert len({one.fields["city"] for one in await contacts(db, account)}) == 1


async def test_rows_change_statuses_and_groups_and_counters_follow(db: Database, account: Tenant) -> None:
    food, shoes = [await db.run(save_group, account.actor, SaveGroup(name=name)) for name in ("Food", "Shoes")]
    unknown = [food.group_id, GroupId(999)]
    changes = {
        1: RowChange(email=SubscriptionStatus.UNSUBSCRIBED, groups=unknown),
        4: RowChange(groups=[food.group_id]),
        6: RowChange(groups=[shoes.group_id]),
    }
    rows = [*people(5), ContactRow(email="n3@example.com")]
    await db.run(
        write_batch, account.actor, WriteBatch(batch=read_rows(rows, "IL"), policy=WritePolicy(changes=changes))
    )
    shown = await contacts(db, account)
    assert [one.email_status for one in shown] == [SubscriptionStatus.UNSUBSCRIBED] + [
        SubscriptionStatus.SUBSCRIBED
    ] * 4
    assert [[ref.name for ref in one.groups] for one in shown] == [["Food"], [], [], ["Shoes"], []]
    counted = [await group(db, account, one.group_id) for one in (food, shoes)]
    assert [(one.members, one.reachable_email) for one in counted] == [(1, 0), (1, 1)]


async def test_rows_whose_addresses_are_all_suppressed_are_left_alone(db: Database, account: Tenant) -> None:
    address = Address(channel=Channel.EMAIL, value="n0@example.com")
    await db.run(suppress, account.actor, Suppress(addresses=[address], reason="asked"))
    rows = [*people(2), ContactRow(email="n0@example.com", phone="0541110001"), ContactRow(external_id="crm-1")]
    command = WriteBatch(batch=read_rows(rows, "IL"), policy=WritePolicy(skip_suppressed=True))
    written = await db.run(write_batch, account.actor, command)
    assert (written.new, written.skipped) == (3, 1)
    assert [one.phone for one in await contacts(db, account)] == [None, "972541110001", None]
