"""Events and callbacks are found through their own indexes, also where the planner knows nothing of their tables."""

from uuid import UUID

import msgspec
import pytest
from tests.integration.test_plans import _literal, pages
from tests.support import MOMENT, Tenant

from carillon.db.database import Database
from carillon.db.sql import load_statements
from carillon.kit.ids import first_uuid_of

ROWS = 40_000
WAITING = 5
MOST_PAGES = 200
FIRST = str(first_uuid_of(MOMENT))
LAST_ID = UUID(f"{FIRST[:24]}{ROWS:012x}")

FILL = (
    """
INSERT INTO callback_endpoint (account_id, endpoint_id, dialect, purpose, url, url_hash, created_at, due_at)
SELECT $1, n, 'test', n::text, 'u', $2, $4::timestamptz, $4 FROM generate_series(1, 2) n
WHERE $3::int IS NOT NULL AND $5::text IS NOT NULL""",
    """
INSERT INTO sending (shard_key, sending_id, state, dialect, channel, traffic_class, sender, text, options, validity,
    expires_at, created_at, recipients)
SELECT $1, $2, 'active', 'test', 'sms', 2, 's', 't', '{}', '1 day', $4::timestamptz, $4, 1
WHERE $3::int IS NOT NULL AND $5::text IS NOT NULL""",
    """
INSERT INTO message (shard_key, message_id, sending_id, price, vat, parts, state, money, address)
SELECT $1, (left($5::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, $2, 0, 0, 1, 'delivered', 'none', n::text
FROM generate_series(1, $3::int) n WHERE $4::timestamptz IS NOT NULL AND $5::text IS NOT NULL""",
    """
INSERT INTO event (shard_key, event_id, sequence, at, kind, sending_id, message_id)
SELECT $1, id, n, $4::timestamptz, 'delivered', $2::uuid, id
FROM (SELECT n, (left($5::text, 24) || lpad(to_hex(n), 12, '0'))::uuid AS id FROM generate_series(1, $3::int) n) x""",
    """
INSERT INTO callback (shard_key, callback_id, endpoint_id, sequence, event_id, state, attempts, created_at)
SELECT $1, id, 1, n, id, CASE WHEN n > $3 - 5 THEN 'waiting' WHEN n > $3 - 10 THEN 'failed' ELSE 'delivered' END, 0, $4
FROM (SELECT n, (left($5::text, 24) || lpad(to_hex(n), 12, '0'))::uuid AS id FROM generate_series(1, $3::int) n) x
WHERE $2::uuid IS NOT NULL""",
)
SENDING = UUID(FIRST)
STATEMENTS: list[tuple[str, str, tuple[object, ...]]] = [
    ("facts.sql", "waiting_callbacks", (1, 5)),
    ("facts.sql", "sendings_of_callbacks", ([SENDING],)),
    ("log.sql", "read_events", (ROWS - 5, 5)),
    ("replay.sql", "events_to_tell", (ROWS - 5, 5, "test", 1)),
    ("replay.sql", "failed_again", (0, 1, 5, str(MOMENT))),
    ("queue.sql", "record_callbacks", ([LAST_ID], ["delivered"], [1], [200], LAST_ID, LAST_ID, str(MOMENT))),
    ("queue.sql", "end_endpoint", (1, 0)),
    ("queue.sql", "end_endpoint", (2, 0)),
    ("endpoints.sql", "list_endpoints", (100,)),
]


async def fill(db: Database, tenant: Tenant) -> None:
    async with db.transaction() as tx:
        for statement in FILL:
            await tx.execute(statement, tenant.account_id, SENDING, ROWS, MOMENT, FIRST)


@pytest.mark.parametrize("has_statistics", [False, True])
async def test_statements_of_events_read_few_pages(db: Database, account: Tenant, *, has_statistics: bool) -> None:
    await fill(db, account)
    async with db.transaction() as tx:
        if has_statistics:
            await tx.execute("ANALYZE event, callback, message, sending")
    read: dict[str, int] = {}
    async with db.transaction() as tx:
        for file, name, arguments in STATEMENTS:
            values = ", ".join(map(_literal, (account.account_id, *arguments)))
            await tx.execute(f"PREPARE asked_{len(read)} AS {load_statements('carillon.events', file)[name]}")
            explained = await tx.fetchval(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked_{len(read)} ({values})"
            )
            read[f"{len(read)} {name}"] = pages(msgspec.json.decode(explained)[0]["Plan"])
    assert {name: count for name, count in read.items() if count > MOST_PAGES} == {}, read
