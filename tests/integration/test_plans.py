"""Lookups go through their own indexes also where the planner knows nothing of a table or of a new account."""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from tests.support import MOMENT, Tenant

from carillon.audience.contacts.query import ContactQuery, compile_count, compile_query
from carillon.db.database import Database
from carillon.db.filters import Condition, Op, Order
from carillon.db.sql import load_statements, with_parts
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
    ("contacts/contact.sql", "find_contacts", ([LAST], NOTHING, NOTHING, NOTHING)),
    ("contacts/contact.sql", "find_contacts", (NOTHING, [LAST_EMAIL], NOTHING, NOTHING)),
    ("contacts/contact.sql", "find_contacts", (NOTHING, NOTHING, NOTHING, [ROWS])),
    ("contacts/delete.sql", "delete_consents", ([ROWS],)),
    ("consents.sql", "remove_consents", (str(ROWS), "P", "sms")),
    ("upsert/match.sql", "taken_keys", ([LAST], [LAST_EMAIL], NOTHING)),
    ("contacts/delete.sql", "contact_ids", ([LAST], [LAST_EMAIL], [f"r{ROWS}"], [ROWS])),
    ("contacts/contact.sql", "find_by_digest", (digest(LAST),)),
    ("contacts/contact.sql", "find_by_digest", (digest(LAST_EMAIL),)),
    ("upsert/match.sql", "match_phone", (LAST,)),
    ("upsert/match.sql", "match_email", (LAST_EMAIL,)),
    ("upsert/match.sql", "match_external_id", (f"r{ROWS}",)),
    ("upsert/match.sql", "contacts_by_id", ([ROWS],)),
    ("upsert/match.sql", "contacts_with_keys", ([LAST], [LAST_EMAIL], [f"r{ROWS}"])),
    ("contacts/save.sql", "owners_of_keys", (LAST, LAST_EMAIL, "")),
    ("devices.sql", "owners_of_tokens", (["t"],)),
    ("form_tokens.sql", "find_form_tokens", ([ROWS],)),
    ("counters.sql", "group_shares", ([ROWS],)),
    ("memberships.sql", "shares_of_pairs", ([7, 8], [ROWS, ROWS], True)),
    ("memberships.sql", "shares_of_pairs", ([7, 8], [ROWS, ROWS], False)),
]


BY_KEY = {"phone": LAST, "email": LAST_EMAIL, "external_id": f"r{ROWS}", "contact_id": str(ROWS)}

QUERIES: list[ContactQuery] = [
    ContactQuery(after_id=ROWS - 10, limit=5),
    ContactQuery(after_id=ROWS - 10, limit=5, group_id=7),
    ContactQuery(after_id=ROWS - 10, limit=2, group_id=7, with_groups=True, with_devices=True),
    ContactQuery(limit=2, with_groups=True, with_devices=True),
    ContactQuery(limit=20, order=Order("contact_id")),
    ContactQuery(limit=20, order=Order("contact_id", descending=True)),
    ContactQuery(limit=20, conditions=[Condition("any_phone", Op.EQ, LAST)], order=Order("contact_id")),
    ContactQuery(limit=20, conditions=[Condition("contact_id", Op.EQ, ROWS)], order=Order("contact_id")),
    ContactQuery(
        limit=20,
        conditions=[Condition("any_email", Op.EQ, LAST_EMAIL)],
        order=Order("contact_id", descending=True),
    ),
    ContactQuery(conditions=[Condition("phone", Op.EQ, LAST), Condition("email", Op.EQ, LAST_EMAIL)]),
    ContactQuery(conditions=[Condition("external_id", Op.EQ, f"r{ROWS}")]),
    ContactQuery(limit=2, with_consents=True),
]


BY_ADDRESS = [
    Condition("phone", Op.EQ, LAST),
    Condition("phone", Op.BEGINS_WITH, LAST[:-1]),
    Condition("email", Op.EQ, LAST_EMAIL),
    Condition("email", Op.BEGINS_WITH, LAST_EMAIL[:-4]),
    Condition("contact_id", Op.EQ, ROWS),
    Condition("phone_digest", Op.EQ, digest(LAST)),
    Condition("email_digest", Op.EQ, digest(LAST_EMAIL)),
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
    for kind, key in BY_KEY.items():
        statement = with_parts(load_statements("carillon.audience.contacts", "contact.sql")["find_contact"], [kind])
        statements.append((f"find_contact by {kind}", statement, (*inside, key)))
    for query in QUERIES:
        compiled = compile_query(tenant.actor, query)
        statements.append((str(query), compiled.text, tuple(compiled.arguments)))
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


async def test_queries_by_an_address_read_few_pages(db: Database, account: Tenant) -> None:
    await fill(db, account, MOMENT)
    async with db.transaction() as tx:
        await tx.execute("ANALYZE contact")
    read: dict[str, int] = {}
    async with db.transaction() as tx:
        for condition in BY_ADDRESS:
            query = ContactQuery(conditions=[condition], limit=200, with_archived=True, with_groups=True)
            for compile_one in (compile_count, compile_query):
                compiled = compile_one(account.actor, query)
                name, values = f"asked_{len(read)}", ", ".join(map(_literal, compiled.arguments))
                await tx.execute(f"PREPARE {name} AS {compiled.text}")
                explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name} ({values})"
                plans = [await tx.fetchval(explain) for _ in range(7)]  # the sixth may have a plan for any value
                read[f"{compile_one.__name__} {condition}"] = max(
                    pages(msgspec.json.decode(one)[0]["Plan"]) for one in plans
                )
    assert len(read) == 2 * len(BY_ADDRESS)
    assert {name: count for name, count in read.items() if count > MOST_PAGES} == {}


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
