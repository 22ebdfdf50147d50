"""Wakes between processes by NOTIFY, over connections that are really cut."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from tests.support import Cluster, Tenant

from carillon.db.database import Database, Tx
from carillon.db.hints import exchange_hints
from carillon.metrics import Metrics
from carillon.workers.host import run_background
from carillon.workers.shape import Background, Service


@pytest.fixture
async def other(dsn: str) -> AsyncIterator[Database]:
    """Another process's pool."""
    database = await Database.connect(dsn, size=2)
    yield database
    await database.close()


@pytest.fixture
async def exchanging(db: Database, other: Database) -> AsyncIterator[None]:
    """Both processes exchange hints meanwhile."""
    stopping = asyncio.Event()
    hosts = [
        run_background(
            one,
            Background(services=[Service(name="hints", run=partial(exchange_hints, one))]),
            Metrics().work,
            stopping,
            poll_seconds=1,
        )
        for one in (db, other)
    ]
    running = asyncio.gather(*hosts)
    yield
    stopping.set()
    await asyncio.wait_for(running, timeout=20)


async def wake(tx: Tx, *keys: object) -> None:
    for key in keys:
        tx.wakes("work", key)


async def heard(db: Database, other: Database, *keys: object) -> set[str]:
    """Wake in one process until the other one hears, and return all that it hears in a while."""
    with other.topics.listen("work") as listener:
        found: set[str] = set()
        async with asyncio.timeout(20):
            while not found:
                await db.run(wake, *keys)
                found = await listener.wait(0.1)
        return found | await listener.wait(0.1)


@pytest.mark.usefixtures("exchanging")
async def test_a_wake_reaches_listeners_of_other_processes_and_comes_back_to_none(
    db: Database, other: Database
) -> None:
    assert await heard(db, other, 7, "x") == {"7", "x"}
    assert await heard(other, db, 8) == {"8"}
    with db.topics.listen("work") as listener:
        await db.run(wake, 9)
        assert await listener.wait(0) == {"9"}
        assert await listener.wait(0.3) == set()  # it isn't woken again by its own hint


@pytest.mark.usefixtures("exchanging")
async def test_hints_are_exchanged_again_after_their_connections_were_cut(
    db: Database, other: Database, cluster: Cluster
) -> None:
    await heard(db, other, 7)
    pids = {row["pid"] for row in await db.read(Tx.fetch, "SELECT pid FROM pg_stat_activity")}
    own = {row["pid"] for row in await db.read(Tx.fetch, "SELECT pg_backend_pid() AS pid")}
    await cluster.admin.execute(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
        "WHERE datname = $1 AND pid = ANY ($2::int[])",
        await db.read(Tx.fetchval, "SELECT current_database()"),
        sorted(pids - own),
    )
    assert await heard(db, other, 8) == {"8"}


async def test_without_an_exchange_wakes_stay_in_their_process(db: Database, other: Database, account: Tenant) -> None:
    with other.topics.listen("work") as listener:
        await db.run(wake, account.account_id)
        assert await listener.wait(0.2) == set()
