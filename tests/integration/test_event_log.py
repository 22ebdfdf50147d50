"""The event log: numbers without a gap, in the order of the commits, whoever appends at the same time."""

import asyncio
import contextlib
import random
from datetime import timedelta
from uuid import UUID

import pytest
from tests.support import MOMENT, Tenant, until_somebody_waits

from carillon.db.database import Database, Tx
from carillon.events.log import CALLBACKS_DUE, NewEvent, ReadEvents, append_events, follow, last_sequence, read_events
from carillon.kit.ids import AccountId

SENDING, MESSAGE = UUID(int=1), UUID(int=2)


def events(*kinds: str) -> list[NewEvent]:
    return [NewEvent(kind=kind, at=MOMENT) for kind in kinds]


async def kinds_after(db: Database, account: Tenant, after: int, limit: int = 1_000) -> list[tuple[int, str]]:
    found = await db.read(read_events, account.actor, ReadEvents(after=after, limit=limit))
    return [(event.sequence, event.kind) for event in found]


async def test_events_are_numbered_from_one_and_read_as_they_were_written(db: Database, account: Tenant) -> None:
    reply = NewEvent(
        kind="reply",
        at=MOMENT + timedelta(seconds=5),
        sending_id=SENDING,
        message_id=MESSAGE,
        data={"from": "306900000001", "text": 'é, "yes" \\ {a,b} NULL', "parts": 2},
    )
    assert await db.run(append_events, account.account_id, [*events("submitted"), reply]) == 2
    assert await db.run(append_events, account.account_id, events("delivered")) == 3
    first, second, third = await db.read(read_events, account.actor, ReadEvents())
    assert (first.sequence, first.kind, first.at, first.sending_id, first.data) == (1, "submitted", MOMENT, None, {})
    assert (second.sequence, second.at, second.sending_id, second.message_id) == (2, reply.at, SENDING, MESSAGE)
    assert second.data == reply.data
    assert (third.sequence, third.kind) == (3, "delivered")
    assert first.event_id < second.event_id < third.event_id


async def test_a_reader_goes_on_after_a_number(db: Database, account: Tenant) -> None:
    await db.run(append_events, account.account_id, events("a", "b", "c"))
    assert await kinds_after(db, account, 0, limit=2) == [(1, "a"), (2, "b")]
    assert await kinds_after(db, account, 2) == [(3, "c")]
    assert await kinds_after(db, account, 3) == []


async def test_nothing_appended_takes_no_number(db: Database, account: Tenant) -> None:
    assert await db.run(append_events, account.account_id, []) == 0
    await db.run(append_events, account.account_id, events("a"))
    assert await db.run(append_events, account.account_id, []) == 1
    assert await db.read(last_sequence, account.actor) == 1


async def test_accounts_have_sequences_of_their_own(db: Database, account: Tenant) -> None:
    await db.run(append_events, account.account_id, events("a"))
    assert await db.run(append_events, AccountId(account.account_id + 1), events("b")) == 1
    assert await kinds_after(db, account, 0) == [(1, "a")]


async def test_what_is_rolled_back_leaves_no_gap(db: Database, account: Tenant) -> None:
    async def fail(tx: Tx) -> None:
        await append_events(tx, account.account_id, events("a", "b"))
        raise LookupError

    with pytest.raises(LookupError):
        await db.run(fail)
    assert await db.run(append_events, account.account_id, events("c")) == 1


async def test_who_appends_behind_another_waits_until_that_one_is_committed(db: Database, account: Tenant) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with db.transaction() as tx:
            await append_events(tx, account.account_id, events("first"))
            second = tasks.create_task(db.run(append_events, account.account_id, events("second")))
            await until_somebody_waits(tx)
            assert await kinds_after(db, account, 0) == []
        assert await second == 2
    assert await kinds_after(db, account, 0) == [(1, "first"), (2, "second")]


async def test_a_reader_never_misses_a_smaller_number_while_many_append(db: Database, account: Tenant) -> None:
    shuffle = random.Random(7)  # noqa: S311 - of a test
    writers, each = 6, 25
    seen: list[int] = []

    async def write() -> None:
        for _ in range(each):
            fails = shuffle.random() < 0.2

            async def append(tx: Tx, *, fails: bool = fails) -> None:
                await append_events(tx, account.account_id, events(*["x"] * shuffle.randint(1, 4)))
                await asyncio.sleep(shuffle.random() * 0.003)
                if fails:
                    raise LookupError

            with contextlib.suppress(LookupError):
                await db.run(append)

    async def read(writing: list[asyncio.Task[None]]) -> None:
        while True:
            ended = all(task.done() for task in writing)
            found = await kinds_after(db, account, seen[-1] if seen else 0, limit=7)
            seen.extend(sequence for sequence, _ in found)
            if ended and not found:
                return

    async with asyncio.TaskGroup() as tasks:
        writing = [tasks.create_task(write()) for _ in range(writers)]
        tasks.create_task(read(writing))
    assert seen == list(range(1, await db.read(last_sequence, account.actor) + 1))
    assert len(seen) > writers * each / 2


async def test_a_follower_gets_what_is_there_and_then_what_comes(db: Database, account: Tenant) -> None:
    await db.run(append_events, account.account_id, events("old", "new"))
    following = follow(db, account.actor, 1)
    assert [event.kind for event in await anext(following)] == ["new"]
    waiting = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await db.run(append_events, account.account_id, events("newer", "newest"))
    async with asyncio.timeout(0.4):  # it is woken, and does not look when the half second is over
        assert [event.sequence for event in await waiting] == [3, 4]
    await following.aclose()  # type: ignore[attr-defined]


async def test_an_event_with_an_endpoint_leaves_a_callback_and_makes_the_endpoint_due(
    db: Database, account: Tenant
) -> None:
    make = (
        "INSERT INTO callback_endpoint (account_id, endpoint_id, dialect, purpose, url, url_hash, created_at, due_at)"
        " VALUES ($1, 7, 'd', 'status', 'u', $2, $3, NULL), ($1, 8, 'd', 'reply', 'u', $2, $3, $4)"
    )
    earlier = MOMENT - timedelta(minutes=1)
    await db.run(Tx.fetch, make, account.account_id, UUID(int=5), MOMENT, earlier)
    new = [NewEvent(kind="a", at=MOMENT, endpoint_id=7), NewEvent(kind="b", at=MOMENT)]
    new += [NewEvent(kind="c", at=MOMENT, endpoint_id=endpoint_id) for endpoint_id in (8, 7)]
    with db.topics.listen(CALLBACKS_DUE) as listener:
        await db.run(append_events, account.account_id, new)
        assert await listener.wait(1) == {str(account.account_id)}
    rows = await db.read(
        Tx.fetch,
        "SELECT c.endpoint_id, c.sequence, c.state, e.kind FROM callback c JOIN event e USING (shard_key, event_id)"
        " WHERE shard_key = $1 ORDER BY c.sequence",
        account.account_id,
    )
    waiting = [(7, 1, "waiting", "a"), (8, 3, "waiting", "c"), (7, 4, "waiting", "c")]
    assert [tuple(row) for row in rows] == waiting
    due = await db.read(Tx.fetch, "SELECT endpoint_id, due_at FROM callback_endpoint ORDER BY 1")
    assert [tuple(row) for row in due] == [(7, MOMENT), (8, earlier)]
