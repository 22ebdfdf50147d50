"""The pool and the one transaction, with connections that are really cut and locks that are really held."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.support import OPERATOR, Cluster, Tenant, until_somebody_waits

from carillon.db import retries
from carillon.db.concurrency import AccountConcurrency
from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError, OverloadedError, TooExpensiveError, UnavailableError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.readiness import Readiness, readiness
from carillon.tenancy.accounts import CreateAccount, create_account

RENAME = "UPDATE account SET name = name || $2 WHERE account_id = $1"
NAME = "SELECT name FROM account WHERE account_id = $1"


async def own_name(tx: Tx, actor: Actor) -> str | None:
    name: str | None = await tx.fetchval(NAME, actor.account_id)
    return name


class Cut:
    """An operation whose connection is killed by the server, the first `times` times that it runs."""

    def __init__(self, cluster: Cluster, times: int) -> None:
        self.cluster = cluster
        self.times = times
        self.attempts = 0

    async def __call__(self, tx: Tx, account_id: int) -> str:
        self.attempts += 1
        await tx.execute(RENAME, account_id, "!")
        if self.attempts <= self.times:
            await self.cluster.admin.execute(
                "SELECT pg_terminate_backend($1, 5000)", await tx.fetchval("SELECT pg_backend_pid()")
            )
        return str(await tx.fetchval(NAME, account_id))


async def name_of(db: Database, account_id: int) -> str:
    async def read(tx: Tx) -> str:
        return str(await tx.fetchval(NAME, account_id))

    return await db.read(read)


async def test_work_whose_connection_is_cut_is_done_again_and_once(
    db: Database, account: Tenant, cluster: Cluster
) -> None:
    cut = Cut(cluster, times=2)
    assert await db.run(cut, account.account_id) == "Testers!"
    assert cut.attempts == 3
    assert await name_of(db, account.account_id) == "Testers!"


async def test_work_that_is_always_cut_is_unavailable_and_leaves_nothing(
    db: Database, account: Tenant, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "RETRY_SECONDS", 0.5)
    cut = Cut(cluster, times=100)
    with pytest.raises(UnavailableError):
        await db.run(cut, account.account_id)
    assert cut.attempts > 2
    assert db.outages.within(10)
    assert not db.outages.storage_failed_within(10)
    assert await name_of(db, account.account_id) == "Testers"


NOTE = "INSERT INTO note (account_id, text) SELECT $1, $2"


@pytest.fixture
async def notes(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("CREATE TABLE note (account_id bigint, text text CHECK (text <> 'bad'))")


async def notes_of(db: Database) -> list[str]:
    rows = await db.read(Tx.fetch, "SELECT text FROM note ORDER BY text")
    return [row["text"] for row in rows]


@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize("is_begun", [False, True])
async def test_what_is_deferred_is_written_together_in_the_transaction_or_as_one_by_itself(
    db: Database, account: Tenant, *, is_begun: bool
) -> None:
    async def note(tx: Tx, *texts: str) -> int | None:
        if is_begun:
            await tx.execute(RENAME, account.account_id, "!")
        (row,) = await tx.fetch_early("SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS writes")
        assert row["writes"] is is_begun is tx.is_begun
        for text in texts:
            tx.defer(NOTE, account.account_id, text)
        if not texts:
            raise InvalidInputError("text", "There is none.")
        return None

    await db.run(note, "a", "b")
    with pytest.raises(asyncpg.CheckViolationError):
        await db.run(note, "c", "bad")
    with pytest.raises(InvalidInputError):
        await db.run(note)
    assert await notes_of(db) == ["a", "b"]
    assert await name_of(db, account.account_id) == ("Testers!" if is_begun else "Testers")


@pytest.mark.usefixtures("notes")
async def test_a_deferred_statement_that_is_a_transaction_and_breaks_is_not_done_again(
    db: Database, account: Tenant, cluster: Cluster
) -> None:
    attempts = 0

    async def note(tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        (row,) = await tx.fetch_early("SELECT pg_backend_pid() AS pid")
        tx.defer(NOTE, account.account_id, "a")
        await cluster.admin.execute("SELECT pg_terminate_backend($1, 5000)", row["pid"])

    with pytest.raises(UnavailableError, match="COMMIT"):
        await db.run(note)
    assert attempts == 1


async def test_work_whose_connection_breaks_in_the_commit_is_not_done_again(db: Database, account: Tenant) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            "CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
        )
        await tx.execute(
            "CREATE CONSTRAINT TRIGGER break_off AFTER UPDATE ON account DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION break_off()"
        )
    attempts = 0

    async def rename(tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        await tx.execute(RENAME, account.account_id, "!")

    with pytest.raises(UnavailableError, match="COMMIT"):
        await db.run(rename)
    assert attempts == 1
    assert await name_of(db, account.account_id) == "Testers"


async def test_reading_over_cut_connections_is_done_again(
    db: Database, account: Tenant, cluster: Cluster, dsn: str
) -> None:
    await cluster.admin.execute(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = $1",
        urlsplit(dsn).path[1:],
    )
    assert await name_of(db, account.account_id) == "Testers"


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        await Database.connect("postgresql://nobody@127.0.0.1:1/nothing")


async def test_what_an_operation_refuses_passes_through_untried_again_and_undone(db: Database, account: Tenant) -> None:
    attempts = 0

    async def refuse(tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        await tx.execute(RENAME, account.account_id, "?")
        tx.wakes("work", account.account_id)
        raise InvalidInputError("name", "No.")

    with db.topics.listen("work") as listener:
        with pytest.raises(InvalidInputError):
            await db.run(refuse)
        assert attempts == 1
        assert await name_of(db, account.account_id) == "Testers"
        assert await listener.wait(0) == set()


@pytest.mark.parametrize(
    ("statement", "argument"),
    [(RENAME, "not a number"), ("SELECT 1 / $1::int", 0), ("SELECT nothing FROM account WHERE account_id = $1", 1)],
)
async def test_a_wrong_statement_or_argument_is_not_tried_again(db: Database, statement: str, argument: object) -> None:
    attempts = 0

    async def fail(tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        await tx.fetch(statement, argument, *(["?"] if statement is RENAME else []))

    with pytest.raises(asyncpg.PostgresError):
        await db.run(fail)
    assert attempts == 1


async def test_workers_are_told_of_work_only_when_it_is_durable(db: Database, account: Tenant) -> None:
    with db.topics.listen("work") as listener, db.topics.listen("work", "4711") as other:

        async def bring(tx: Tx) -> set[str]:
            await tx.execute(RENAME, account.account_id, "?")
            tx.wakes("work", account.account_id)
            return await listener.wait(0)

        assert await db.run(bring) == set()
        assert await listener.wait(0) == {str(account.account_id)}
        assert await other.wait(0) == set()


async def test_two_transactions_that_lock_each_other_out_both_end_well(db: Database, account: Tenant) -> None:
    first_attempts = asyncio.Barrier(2)
    attempts = 0

    async def lock_both(tx: Tx, first: str, second: str) -> None:
        nonlocal attempts
        attempts += 1
        meets = attempts <= 2
        await tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", first)
        if meets:
            await first_attempts.wait()
        await tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", second)
        await tx.execute(RENAME, account.account_id, first)

    await asyncio.gather(db.run(lock_both, "a", "b"), db.run(lock_both, "b", "a"))
    assert attempts == 3
    assert sorted(await name_of(db, account.account_id)) == sorted("Testersab")


async def test_writers_that_wait_leave_connections_to_readers_and_to_other_accounts(
    db: Database, account: Tenant, dsn: str
) -> None:
    async def rename(tx: Tx, actor: Actor, addition: str) -> None:
        await tx.execute(RENAME, actor.account_id, addition)

    other = await db.run(create_account, OPERATOR, CreateAccount(name="Others", country="IL"))
    neighbour = replace(account.actor, account_id=other.account.account_id)
    few = await Database.connect(dsn, size=4)
    try:
        async with db.transaction() as tx:
            await rename(tx, account.actor, "!")
            waiting = [asyncio.create_task(few.run(rename, account.actor, "?")) for _ in range(12)]
            await until_somebody_waits(tx)
            async with asyncio.timeout(10):
                await few.run(rename, neighbour, "!")
                assert await few.read(Tx.fetchval, NAME, account.account_id) == "Testers"
        await asyncio.gather(*waiting)
    finally:
        await few.close()
    assert await name_of(db, account.account_id) == "Testers!" + "?" * 12
    assert await name_of(db, neighbour.account_id) == "Others!"


async def test_an_account_that_reads_all_the_time_leaves_connections_to_the_others(
    db: Database, account: Tenant
) -> None:
    most = running = 0
    full, ended = asyncio.Event(), asyncio.Event()

    async def dawdle(_tx: Tx, _actor: Actor) -> None:
        nonlocal most, running
        running += 1
        most = max(most, running)
        if most == 4:
            full.set()
        await ended.wait()
        running -= 1

    neighbour = replace(account.actor, account_id=AccountId(account.account_id + 1))
    busy = [asyncio.create_task(db.read(dawdle, account.actor)) for _ in range(20)]
    async with asyncio.timeout(10):
        await full.wait()
        assert await db.read(own_name, neighbour) is None
        assert await name_of(db, account.account_id) == "Testers"  # as an authentication, without an account
    ended.set()
    await asyncio.gather(*busy)
    assert most == 4  # of the eight


async def test_who_waits_for_a_connection_for_too_long_is_told_so(
    db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db._session_pool, "_of_accounts", AccountConcurrency(1, wait_seconds=0.05))
    async with db.transaction(account.actor):
        with pytest.raises(OverloadedError):
            await db.read(own_name, account.actor)
    assert await db.read(own_name, account.actor) == "Testers"


async def test_an_account_has_one_expensive_read_at_a_time_and_waits_without_a_connection(
    db: Database, account: Tenant
) -> None:
    running: list[int] = []
    most: list[list[int]] = []
    both, ended = asyncio.Event(), asyncio.Event()

    async def walk(tx: Tx, actor: Actor) -> None:
        tx.require_turn()
        running.append(actor.account_id)
        most.append(sorted(running))
        if len(running) == 2:
            both.set()
        await ended.wait()
        running.remove(actor.account_id)

    actors = [replace(account.actor, account_id=AccountId(account.account_id + number)) for number in range(3)]
    walks = [asyncio.create_task(db.read(walk, actor)) for actor in actors for _ in range(10)]
    async with asyncio.timeout(10):
        await both.wait()
        assert await db.read(own_name, account.actor) == "Testers"
    ended.set()
    await asyncio.gather(*walks)
    assert max(map(len, most)) == 2
    assert all(len(set(at_once)) == len(at_once) for at_once in most)


async def test_an_expensive_read_that_takes_too_long_is_refused_and_its_connection_goes_on(
    db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carillon.db.database.EXPENSIVE_SECONDS", 0.1)

    async def walk(tx: Tx, _actor: Actor) -> None:
        tx.require_turn()
        await tx.fetchval("SELECT pg_sleep(60)")

    async with asyncio.timeout(10):
        for _ in range(3):
            with pytest.raises(TooExpensiveError):
                await db.read(walk, account.actor)
        assert await db.read(own_name, account.actor) == "Testers"


@pytest.mark.parametrize("state", ["53100", "53200", "58030"])
@pytest.mark.parametrize("way", ["read", "run"])
async def test_a_server_without_room_or_memory_is_unavailable_at_once(db: Database, state: str, way: str) -> None:
    attempts = 0

    async def fail(tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        await tx.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '{state}'; END $$")

    run = db.read if way == "read" else db.run
    with pytest.raises(UnavailableError):
        await run(fail)
    assert attempts == 1
    assert db.outages.storage_failed_within(10)
    assert await readiness(db) == Readiness(status="unavailable")


async def test_a_server_without_a_free_slot_is_tried_again(db: Database) -> None:
    attempts = 0

    async def fail(tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 4:
            await tx.execute("DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53300'; END $$")

    await db.run(fail)
    assert attempts == 4
    assert (await readiness(db)).status == "ok"


async def test_ids_of_two_pools_never_meet(db: Database, dsn: str) -> None:
    async def take(tx: Tx, count: int) -> range:
        return await tx.ids.take("contact", count)

    other = await Database.connect(dsn, size=4)
    try:
        ranges = await asyncio.gather(
            *(pool.run(take, count) for pool in (db, other) for count in (1, 7, 400, 2_500, 1, 999, 60))
        )
    finally:
        await other.close()
    assert all(len(taken) > 0 and taken.step == 1 for taken in ranges)
    ordered = sorted(ranges, key=lambda taken: taken.start)
    assert ordered[0].start >= 1
    assert all(before.stop <= after.start for before, after in pairwise(ordered))


async def test_ids_that_people_type_have_no_gaps(db: Database, dsn: str) -> None:
    async def take(tx: Tx) -> int:
        return (await tx.ids.take("account"))[0]

    other = await Database.connect(dsn)
    try:
        assert [await pool.run(take) for pool in (db, other, db, other)] == [1, 2, 3, 4]
    finally:
        await other.close()


async def test_ids_are_handed_out_while_every_connection_is_in_a_transaction(db: Database, account: Tenant) -> None:
    everyone_is_in = asyncio.Barrier(8)  # as many as callers have connections

    async def take(tx: Tx, _actor: Actor) -> int:
        await tx.fetchval("SELECT 1")
        await everyone_is_in.wait()
        return (await tx.ids.take("contact"))[0]

    actors = [account.actor, replace(account.actor, account_id=AccountId(account.account_id + 1))]
    async with asyncio.timeout(30):
        taken = await asyncio.gather(*(db.run_at_once(take, actor) for actor in actors for _ in range(4)))
    assert len(set(taken)) == 8


async def test_a_statement_that_takes_too_long_is_cancelled(dsn: str) -> None:
    impatient = await Database.connect(dsn, statement_timeout=0.2)

    async def dawdle(tx: Tx) -> None:
        await tx.execute("SELECT pg_sleep(60)")

    try:
        with pytest.raises(UnavailableError, match="statement_timeout_seconds"):
            await impatient.run(dawdle)
    finally:
        await impatient.close()


async def test_a_statement_may_take_its_time_where_no_limit_is_set(db: Database) -> None:
    async def limit(tx: Tx) -> str:
        return str(await tx.fetchval("SHOW statement_timeout"))

    assert await db.run(limit) == "0"


@pytest.mark.parametrize("way", ["read", "run"])
async def test_a_statement_that_was_prepared_before_a_migration_is_prepared_anew(db: Database, way: str) -> None:
    async def look(tx: Tx) -> list[str]:
        return [*(await tx.fetch("SELECT * FROM changing"))[0].keys()]

    async def change(tx: Tx, statement: str) -> None:
        await tx.execute(statement)

    run = db.read if way == "read" else db.run
    await db.run(change, "CREATE TABLE changing AS SELECT 1 AS one")
    assert await run(look) == ["one"]
    await db.run(change, "ALTER TABLE changing ADD COLUMN two int")
    assert await run(look) == ["one", "two"]
    await db.run(change, "DROP TABLE changing")


@pytest.mark.parametrize(
    ("message", "met"),
    [
        ('duplicate key value violates unique constraint "access_token_pkey_102013"', asyncpg.UniqueViolationError),
        ("could not find a shard", asyncpg.InternalServerError),
    ],
)
@pytest.mark.parametrize("form", ["csv", "records"])
async def test_a_duplicate_that_copy_meets_on_another_node_is_a_duplicate(
    db: Database, message: str, met: type[Exception], form: str
) -> None:
    """Citus answers so for what happens in a shard on another node: the message is kept, the SQLSTATE is not."""
    async with db.transaction() as tx:
        await tx.execute(
            "CREATE FUNCTION fail_as_a_shard() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION USING MESSAGE = '{message}', ERRCODE = 'XX000'; END $$"
        )
        await tx.execute(
            "CREATE TRIGGER fail BEFORE INSERT ON membership FOR EACH ROW EXECUTE FUNCTION fail_as_a_shard()"
        )

    async def copy(tx: Tx) -> None:
        columns = ("account_id", "group_id", "contact_id")
        if form == "csv":
            await tx.copy_csv("membership", columns, [b"1,1,1\n"])
        else:
            await tx.copy_records("membership", columns, [(1, 1, 1)])

    with pytest.raises(asyncpg.PostgresError) as raised:
        await db.run(copy)
    assert type(raised.value) is met
