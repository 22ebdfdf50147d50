"""Wakes between processes, by LISTEN and NOTIFY on the coordinator: a hint, as polling is the truth.

A process sends its wakes after they are committed, many in one statement, on a connection of its own. A NOTIFY inside
the transactions would make their COMMITs wait for each other (docs/adr/0023).
"""

import asyncio
from functools import partial

import asyncpg

from carillon.db.database import Database
from carillon.db.sql import load_statements
from carillon.db.topics import Listener, Topics

SQL = load_statements("carillon.db", "hints.sql")

_CHANNEL = "carillon"
# Hints that come meanwhile go together.
_PAUSE_SECONDS = 0.02
# So often a connection on which nothing happens is tried: it may have broken without a sign.
_TRY_SECONDS = 30.0
_TIMEOUT_SECONDS = 10.0


async def exchange_hints(db: Database, stopping: asyncio.Event) -> None:
    """Send this process's wakes to the others and receive theirs, until the event is set.

    Raises UnavailableError when the server can't be reached, and what asyncpg does when the connection breaks.
    """
    async with db.control_connection() as connection:
        try:
            with db.topics.outgoing() as outbox:
                await _exchange(connection, db.topics, outbox, stopping)
        finally:
            connection.terminate()


async def _exchange(connection: asyncpg.Connection, topics: Topics, outbox: Listener, stopping: asyncio.Event) -> None:
    connection.add_termination_listener(lambda _: outbox.wake())
    await connection.add_listener(_CHANNEL, partial(_receive, topics))
    ending = asyncio.create_task(_wake_when(stopping, outbox))
    try:
        while not stopping.is_set():
            hints = await outbox.wait(_TRY_SECONDS)
            await connection.execute(SQL["notify"], _CHANNEL, sorted(hints), timeout=_TIMEOUT_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        ending.cancel()


async def _wake_when(stopping: asyncio.Event, outbox: Listener) -> None:
    await stopping.wait()
    outbox.wake()


def _receive(topics: Topics, connection: asyncpg.Connection, sender: int, _channel: str, hint: str) -> None:
    topic, _, key = hint.partition(" ")
    if sender != connection.get_server_pid():
        topics.receive(topic, key)
