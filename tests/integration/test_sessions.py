"""Acquired connections: as many as there are, whole when they come back, and closed in the end."""

import asyncio

import asyncpg
import pytest

from carillon.db.concurrency import AccountConcurrency
from carillon.db.sessions import SessionPool
from carillon.kit.ids import AccountId

PID = "SELECT pg_backend_pid()"


async def session_pool_of(dsn: str, size: int) -> SessionPool:
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=size + 1)
    return SessionPool(pool, AccountConcurrency(1), AccountConcurrency(size))


async def test_a_connection_that_was_released_whole_is_acquired_again(dsn: str) -> None:
    session_pool = await session_pool_of(dsn, 3)
    pids = set()
    for _ in range(5):
        async with session_pool.session() as session:
            pids.add(await session.connection.fetchval(PID))
    assert len(pids) == 1
    await session_pool.close()


async def test_no_more_are_acquired_than_there_are_and_who_waits_gets_the_next(dsn: str) -> None:
    session_pool = await session_pool_of(dsn, 2)
    most = acquired = 0

    async def borrow() -> None:
        nonlocal most, acquired
        async with session_pool.session() as session:
            acquired += 1
            most = max(most, acquired)
            await session.connection.execute("SELECT pg_sleep(0.01)")
            acquired -= 1

    await asyncio.gather(*(borrow() for _ in range(20)))
    assert (most, acquired) == (2, 0)
    await session_pool.close()


async def test_what_has_no_account_does_not_wait_for_what_has_one(dsn: str) -> None:
    session_pool = await session_pool_of(dsn, 1)
    async with session_pool.session(AccountId(1)), session_pool.session() as session:
        assert await session.connection.fetchval("SELECT 1") == 1
    await session_pool.close()


async def test_a_connection_that_broke_off_is_replaced(dsn: str) -> None:
    session_pool = await session_pool_of(dsn, 1)
    async with session_pool.session() as session:
        first = await session.connection.fetchval(PID)
    with pytest.raises(asyncpg.PostgresError):  # that it was told to go, or that it is gone
        async with session_pool.session() as session:
            await session.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    async with session_pool.session() as session:
        assert await session.connection.fetchval(PID) != first
    await session_pool.close()


async def test_a_connection_that_breaks_off_while_nobody_has_it_is_replaced(dsn: str) -> None:
    session_pool = await session_pool_of(dsn, 1)
    other = await asyncpg.connect(dsn)
    async with session_pool.session() as session:
        first = await session.connection.fetchval(PID)
        gone = asyncio.get_running_loop().create_future()
        session.connection.add_termination_listener(lambda _connection: gone.set_result(None))
    await other.execute("SELECT pg_terminate_backend($1)", first)
    await asyncio.wait_for(gone, 10)
    async with session_pool.session() as session:
        assert await session.connection.fetchval(PID) != first
    await other.close()
    await session_pool.close()


async def test_a_transaction_that_was_left_open_is_rolled_back(dsn: str) -> None:
    session_pool = await session_pool_of(dsn, 1)
    async with session_pool.session() as session:
        await session.connection.execute("BEGIN; CREATE TABLE left_behind ()")
    async with session_pool.session() as session:
        assert not session.connection.is_in_transaction()
        assert await session.connection.fetchval("SELECT to_regclass('left_behind')") is None
    await session_pool.close()


async def test_a_statement_that_was_cancelled_leaves_a_connection_that_works(dsn: str) -> None:
    session_pool = await session_pool_of(dsn, 1)

    async def dawdle() -> None:
        async with session_pool.session() as session:
            await session.connection.execute("SELECT pg_sleep(60)")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(dawdle(), 0.2)
    async with session_pool.session() as session:
        assert await session.connection.fetchval("SELECT 1") == 1
    await session_pool.close()


async def test_closing_closes_what_is_idle(dsn: str) -> None:
    session_pool = await session_pool_of(dsn, 2)
    other = await asyncpg.connect(dsn)
    async with session_pool.session() as session, session_pool.session():
        first = await session.connection.fetchval(PID)
    await session_pool.close()
    alive = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)"
    while await other.fetchval(alive, first):  # noqa: ASYNC110 - the server tells nobody when a backend has ended
        await asyncio.sleep(0.01)
    await other.close()


async def test_statements_are_prepared_once_for_each_session(dsn: str) -> None:
    session_pool = await session_pool_of(dsn, 1)
    statements = []
    for text in (PID, PID, "SELECT 1"):
        async with session_pool.session() as session:
            statements.append(await session.prepared(text))
    assert statements[0] is statements[1] is not statements[2]
    await session_pool.close()


async def test_no_session_keeps_more_statements_than_the_limit(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carillon.db.sessions._MAX_PREPARED", 3)
    session_pool = await session_pool_of(dsn, 1)
    async with session_pool.session() as session:
        for number in range(10):
            assert await (await session.prepared(f"SELECT {number}")).fetchval() == number
        assert await (await session.prepared("SELECT count(*) FROM pg_prepared_statements")).fetchval() <= 4
    await session_pool.close()
