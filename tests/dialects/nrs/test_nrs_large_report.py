"""A report of very many events is written in the memory of a page of them."""

import asyncio
import os
import time
import tracemalloc
from typing import Any

import pytest
from tests.dialects.clients import basic
from tests.dialects.nrs.wire import Wire

from carillon.app import create_app
from carillon.db.database import Tx

pytestmark = pytest.mark.any_database

MESSAGES = int(os.environ.get("CARILLON_TEST_MESSAGES", "10000"))
"""Each has two events."""

PREFIX = "01957a74-5840-7000-8000-"  # of the tests' moment
LARGE = f"""
WITH campaign AS (
    INSERT INTO campaign (account_id, campaign_id, sending_number, name, name_key, channel, created_at, updated_at)
    SELECT $1, 1, 1, 'Large', 'large', 'sms', $2, $2
), sending AS (
    INSERT INTO sending (shard_key, sending_id, campaign_id, state, dialect, channel, traffic_class, sender, text,
        options, validity, expires_at, created_at, recipients)
    SELECT $1, '{PREFIX}000000000000'::uuid, 1, 'active', 'nrs', 'sms', 3, 'Shop', 'Hello',
        '{{}}', '1 day', $2, $2, $3::int
), message AS (
    INSERT INTO message (shard_key, message_id, sending_id, price, vat, parts, state, money, address)
    SELECT $1, ('{PREFIX}' || lpad(to_hex(i), 12, '0'))::uuid, '{PREFIX}000000000000'::uuid, 0, 0, 1, 'delivered',
        'none', (34600000000 + i)::text
    FROM generate_series(1, $3) AS i
)
INSERT INTO event (shard_key, event_id, sequence, at, kind, sending_id, message_id, data)
SELECT $1, ('{PREFIX}' || lpad(to_hex(i), 12, '0'))::uuid, i, $2, (ARRAY['submitted', 'delivered'])[1 + i % 2],
    '{PREFIX}000000000000'::uuid, ('{PREFIX}' || lpad(to_hex((i + 1) / 2), 12, '0'))::uuid, '{{"was": "waiting"}}'
FROM generate_series(1, $3 * 2) AS i
"""  # noqa: S608 - a constant


async def test_the_memory_does_not_grow_with_the_report(wire: Wire) -> None:
    db, account_id = wire.runtime.db, wire.account.account_id
    await db.run(Tx.execute, LARGE, account_id, wire.clock.now(), MESSAGES)
    path = b"/api/rest/sendings/1/reports/events"
    headers = [(b"authorization", basic(wire.username, wire.password).encode())]
    scope = {"type": "http", "method": "GET", "path": path.decode(), "raw_path": path, "headers": headers}
    lines = size = 0

    async def receive() -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        nonlocal lines, size
        body = message.get("body", b"")
        lines, size = lines + body.count(b"\n"), size + len(body)

    app = create_app(wire.runtime)
    tracemalloc.start()
    began = time.monotonic()
    try:
        await app({**scope, "scheme": "http", "query_string": b"", "client": ("192.0.2.10", 1)}, receive, send)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"{lines} lines, {size} octets, {peak / 2**20:.1f} MiB, {time.monotonic() - began:.1f} s")
    assert lines == 1 + 2 * MESSAGES
    assert peak < 20 * 2**20  # a page, its lines, and what the first use of parts of the program keeps
