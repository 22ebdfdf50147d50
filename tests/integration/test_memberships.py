"""Joining and leaving groups: what is written, and what the counters say afterwards."""

import pytest
from tests.support import Tenant

from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.groups import FindGroups, Group, GroupKey, find_groups
from carillon.audience.memberships import Regroup, enrol, regroup
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database

MANY = 120  # more than are written without COPY

RECOUNTED = """
SELECT count(*) AS members,
       count(*) FILTER (WHERE c.sms_status = 1 OR c.email_status = 1 OR d.android OR d.ios) AS reachable,
       count(*) FILTER (WHERE c.sms_status = 1) AS reachable_sms,
       count(*) FILTER (WHERE c.email_status = 1) AS reachable_email,
       count(*) FILTER (WHERE d.android) AS reachable_android,
       count(*) FILTER (WHERE d.ios) AS reachable_ios
FROM membership m
JOIN contact c USING (account_id, contact_id)
CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(platform = 'android'), false) AS android, coalesce(bool_or(platform = 'ios'), false) AS ios
    FROM device WHERE account_id = c.account_id AND contact_id = c.contact_id
) d
WHERE m.account_id = $1 AND m.group_id = $2 AND c.archived_at IS NULL
"""


def row(number: int, *, add_to: str = "", remove_from: str = "", phone: bool = True) -> ContactRow:
    """Make a row of contact `number`: every third has a device, every fifth an e-mail."""
    return ContactRow(
        external_id=f"r{number}",
        phone=f"05411{number:05d}" if phone else None,
        email=f"p{number}@mail.example" if number % 5 == 0 else None,
        add_to=[add_to] if add_to else [],
        remove_from=[remove_from] if remove_from else [],
        device_token=f"t{number}" if number % 3 == 0 else None,
        device_platform=("ios", "android")[number % 2] if number % 3 == 0 else None,
    )


async def write(db: Database, tenant: Tenant, *rows: ContactRow) -> None:
    await db.run(upsert, tenant.actor, read_rows(rows, "IL"))


async def contact_ids(db: Database, tenant: Tenant) -> list[int]:
    async with db.transaction() as tx:
        found = await tx.fetch("SELECT contact_id FROM contact WHERE account_id = $1 ORDER BY 1", tenant.account_id)
    return [one["contact_id"] for one in found]


async def counted(db: Database, tenant: Tenant, name: str) -> Group:
    """Find a group, whose counters must be those of its members."""
    (group,) = await db.read(find_groups, tenant.actor, FindGroups(by=GroupKey.NAME, value=name))
    async with db.transaction() as tx:
        truth = await tx.fetchrow(RECOUNTED, tenant.account_id, group.group_id)
    assert truth is not None
    assert {name: getattr(group, name) for name in truth.keys()} == dict(truth)  # noqa: SIM118 - a record's names
    return group


async def make_contacts(db: Database, tenant: Tenant) -> list[int]:
    """Make contacts, of whom some are unsubscribed and some archived."""
    await write(db, tenant, *(row(number) for number in range(MANY)))
    ids = await contact_ids(db, tenant)
    unsubscribed = [SubscriptionChange(contact_id=one, sms=SubscriptionStatus.UNSUBSCRIBED) for one in ids[::7]]
    await db.run(change_subscriptions, tenant.actor, ChangeSubscriptions(changes=unsubscribed))
    async with db.transaction() as tx:
        archive = "UPDATE contact SET archived_at = $3 WHERE account_id = $1 AND contact_id = ANY ($2::bigint[])"
        await tx.execute(archive, tenant.account_id, ids[::11], tx.now)
    return ids


@pytest.mark.parametrize("members", [0, 1, MANY // 2, MANY])
async def test_known_contacts_join_a_group_whoever_is_in_it(db: Database, account: Tenant, members: int) -> None:
    ids = await make_contacts(db, account)
    await write(db, account, ContactRow(external_id="first", add_to=["Gold"]))
    group = await counted(db, account, "Gold")
    await db.run(enrol, account.actor, group.group_id, ids[:members])
    assert (await counted(db, account, "Gold")).members == 1 + sum(place % 11 > 0 for place in range(members))
    await db.run(enrol, account.actor, group.group_id, ids)
    assert (await counted(db, account, "Gold")).members == 1 + sum(place % 11 > 0 for place in range(MANY))


@pytest.mark.parametrize("count", [3, MANY])
async def test_rows_that_join_leave_and_change_at_once_are_counted_as_they_end(
    db: Database, account: Tenant, count: int
) -> None:
    await make_contacts(db, account)
    await write(db, account, *(row(number, add_to="Gold") for number in range(0, MANY, 2)))
    await counted(db, account, "Gold")
    changing = [
        ContactRow(
            external_id=f"r{number}",
            phone="" if number % 4 else None,
            email=f"new{number}@mail.example",
            add_to=["Silver"],
            remove_from=["Gold"] if number % 3 else [],
            device_token=f"new{number}" if number % 5 == 0 else None,
            device_platform="ios" if number % 5 == 0 else None,
        )
        for number in range(count)
    ]
    await write(db, account, *changing)
    gold, silver = await counted(db, account, "Gold"), await counted(db, account, "Silver")
    assert silver.members == count
    assert gold.members == MANY // 2 - len([n for n in range(0, count, 2) if n % 3])


async def test_a_group_that_is_named_twice_counts_a_contact_once(db: Database, account: Tenant) -> None:
    await write(db, account, row(1, add_to="Gold"), row(2, add_to="Silver"))
    gold, silver = await counted(db, account, "Gold"), await counted(db, account, "Silver")
    (first, _) = await contact_ids(db, account)
    await db.run(regroup, account.actor, first, Regroup(join=[silver.group_id] * 2, leave=[gold.group_id] * 2))
    assert [(await counted(db, account, name)).members for name in ("Gold", "Silver")] == [0, 2]
    await db.run(regroup, account.actor, first, Regroup(join=[gold.group_id] * 2, leave_others=True))
    assert [(await counted(db, account, name)).members for name in ("Gold", "Silver")] == [1, 1]
