"""Lookups go through their own indexes also where the planner knows nothing of a table or of a new account."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.support import MOMENT, Tenant

from carillon.audience.contacts.attributes import contact_attributes
from carillon.audience.contacts.ranges import range_attributes
from carillon.audience.field_types import CANONICAL
from carillon.db.database import Database
from carillon.db.filters import Condition, Op, Order, compile_conditions, compile_order
from carillon.db.sql import load_statements
from carillon.kit.ids import AccountId, AudienceId

ROWS = 40_000
# A lookup reads a few pages an index; the whole account would be more than a thousand.
MOST_PAGES = 60

FILL = """
INSERT INTO contact (account_id, audience_id, contact_id, created_at, updated_at, sms_status, email_status,
                     phone, email, external_id, fields)
SELECT $1, $2, n, $3, $3, 1, 1, (972540000000 + n)::text, 'p' || n || '@mail.example', 'r' || n, '{}'
FROM generate_series(1, $4) n
"""
FILL_MANY = """
INSERT INTO contact (account_id, audience_id, contact_id, created_at, updated_at, sms_status, email_status,
                     phone, email, external_id, fields)
SELECT a, a, n, $1, $1, 1, 1, (972540000000 + n)::text, 'p' || n || '@mail.example', 'r' || n, '{}'
FROM generate_series(5001, 5300) a, generate_series(1, 20) n
"""
JOIN_MANY = """
INSERT INTO membership (account_id, group_id, contact_id)
SELECT a, 7, n FROM generate_series(5001, 5300) a, generate_series(1, 20) n
"""
JOIN = "INSERT INTO membership (account_id, group_id, contact_id) SELECT $1, 7, n FROM generate_series(1, $2) n"

LAST = f"97254{ROWS:07d}"
LAST_EMAIL = f"p{ROWS}@mail.example"
NOTHING: list[str] = []


def digest(address: str) -> str:
    return hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()


LOOKUPS: list[tuple[str, str, tuple[object, ...]]] = [
    ("contacts/lookup.sql", "find_contacts", ([LAST], NOTHING, NOTHING, NOTHING)),
    ("contacts/lookup.sql", "find_contacts", (NOTHING, [LAST_EMAIL], NOTHING, NOTHING)),
    ("contacts/lookup.sql", "find_contacts", (NOTHING, NOTHING, NOTHING, [ROWS])),
    ("upsert/match.sql", "taken_keys", ([LAST], [LAST_EMAIL], NOTHING)),
    ("contacts/delete.sql", "contact_ids", ([LAST], [LAST_EMAIL], [f"r{ROWS}"], [ROWS])),
    ("contacts/lookup.sql", "find_by_digest", (digest(LAST),)),
    ("contacts/lookup.sql", "find_by_digest", (digest(LAST_EMAIL),)),
    ("contacts/query.sql", "list_contacts", (ROWS - 10, 5, None, None, None, None)),
    ("contacts/query.sql", "list_group_contacts", (ROWS - 10, 5, None, None, None, None, 7)),
    ("upsert/match.sql", "match_phone", (LAST,)),
    ("upsert/match.sql", "match_email", (LAST_EMAIL,)),
    ("upsert/match.sql", "match_external_id", (f"r{ROWS}",)),
    ("upsert/match.sql", "contacts_by_id", ([ROWS],)),
    ("upsert/match.sql", "contacts_with_keys", ([LAST], [LAST_EMAIL], [f"r{ROWS}"])),
    ("contacts/save.sql", "owners_of_keys", (LAST, LAST_EMAIL, "")),
    ("devices.sql", "devices_of", ([ROWS],)),
    ("devices.sql", "owners_of_tokens", (["t"],)),
    ("form_tokens.sql", "find_form_tokens", ([ROWS],)),
    ("counters.sql", "group_shares", ([ROWS],)),
    ("memberships.sql", "shares_of_pairs", ([7, 8], [ROWS, ROWS], True)),
    ("memberships.sql", "shares_of_pairs", ([7, 8], [ROWS, ROWS], False)),
]


RANGES: list[tuple[Sequence[Condition], Order]] = [
    ((), Order("contact_id")),
    ((), Order("contact_id", descending=True)),
    ((Condition("phone", Op.EQ, LAST),), Order("contact_id")),
    ((Condition("contact_id", Op.EQ, ROWS),), Order("contact_id")),
    ((Condition("email", Op.EQ, LAST_EMAIL),), Order("contact_id", descending=True)),
]


def pages(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def fill(db: Database, tenant: Tenant, moment: datetime) -> None:
    async with db.transaction() as tx:
        for table in ("contact", "membership"):
            await tx.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    async with db.transaction() as tx:
        await tx.execute(FILL, tenant.account_id, tenant.audience_id, moment, ROWS)
        await tx.execute(JOIN, tenant.account_id, ROWS)


async def pages_by_lookup(db: Database, tenant: Tenant) -> dict[str, int]:
    read: dict[str, int] = {}
    inside = (tenant.account_id, tenant.audience_id)
    statements = [
        (name, load_statements("carillon.audience", file)[name], (*inside, *arguments))
        for file, name, arguments in LOOKUPS
    ]
    for name, address in (("contacts_with_sms", LAST), ("contacts_with_email", LAST_EMAIL)):
        statement = load_statements("carillon.audience", "suppressions.sql")[name]
        statements.append((name, statement, (tenant.account_id, [tenant.audience_id], [address])))
    attributes = range_attributes(CANONICAL)
    for conditions, order in RANGES:
        compiled = compile_conditions(attributes, conditions, given=5)
        by = compile_order(attributes, order, "c.contact_id")
        statement = compiled.into(load_statements("carillon.audience", "contacts/ranges.sql")["range_contacts"], by)
        statements.append((f"range of {conditions} by {order}", statement, (*inside, 20, 0, None, *compiled.arguments)))
    async with db.transaction() as tx:
        for name, statement, arguments in statements:
            values = ", ".join(map(_literal, arguments))
            await tx.execute(f"PREPARE lookup_{len(read)} AS {statement}")
            # Only EXECUTE shows the plan that a prepared statement really has.
            explained = await tx.fetchval(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE lookup_{len(read)} ({values})"
            )
            read[f"{len(read)} {name}"] = pages(msgspec.json.decode(explained)[0]["Plan"])
    return read


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"'{{{','.join(map(str, value))}}}'"
    return f"'{value}'" if isinstance(value, str | UUID) else str(value)


@pytest.mark.parametrize(
    "condition",
    [
        Condition("phone", Op.EQ, LAST),
        Condition("phone", Op.BEGINS_WITH, LAST[:-1]),
        Condition("email", Op.EQ, LAST_EMAIL),
        Condition("email", Op.BEGINS_WITH, LAST_EMAIL[:-4]),
        Condition("contact_id", Op.EQ, ROWS),
        Condition("phone_digest", Op.EQ, digest(LAST)),
        Condition("email_digest", Op.EQ, digest(LAST_EMAIL)),
    ],
)
async def test_a_query_by_an_address_reads_few_pages(db: Database, account: Tenant, condition: Condition) -> None:
    await fill(db, account, MOMENT)
    async with db.transaction() as tx:
        await tx.execute("ANALYZE contact")
    compiled = compile_conditions(contact_attributes({}), [condition], given=4)
    asked = (account.account_id, account.audience_id, 200, 0, *compiled.arguments)
    async with db.transaction() as tx:
        for name in ("count_queried", "query_contacts"):
            statement = compiled.into(load_statements("carillon.audience", "contacts/query.sql")[name], "c.contact_id")
            await tx.execute(f"PREPARE {name} AS {statement}")
            for _ in range(7):  # the sixth may have a plan for any value
                explained = await tx.fetchval(
                    f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name} ({', '.join(map(_literal, asked))})"
                )
                assert pages(msgspec.json.decode(explained)[0]["Plan"]) <= MOST_PAGES


async def test_lookups_on_a_table_without_statistics_of_its_own_read_few_pages(db: Database, account: Tenant) -> None:
    await fill(db, account, MOMENT)
    read = await pages_by_lookup(db, account)
    assert {name: count for name, count in read.items() if count > MOST_PAGES} == {}


async def test_lookups_in_an_account_that_the_statistics_have_not_seen_read_few_pages(
    db: Database, account: Tenant
) -> None:
    stranger = replace(account, account_id=AccountId(4711), audience_id=AudienceId(4711))
    await fill(db, stranger, MOMENT)
    async with db.transaction() as tx:
        await tx.execute("ANALYZE contact, membership")
    await fill(db, account, MOMENT)
    read = await pages_by_lookup(db, account)
    assert {name: count for name, count in read.items() if count > MOST_PAGES} == {}


async def test_lookups_in_a_large_account_among_many_small_ones_read_few_pages(db: Database, account: Tenant) -> None:
    """As on a shard, whose statistics know many accounts and not this one."""
    async with db.transaction() as tx:
        await tx.execute(FILL_MANY, MOMENT)
        await tx.execute(JOIN_MANY)
        await tx.execute("ANALYZE contact, membership")
    await fill(db, account, MOMENT)
    read = await pages_by_lookup(db, account)
    assert {name: count for name, count in read.items() if count > MOST_PAGES} == {}
