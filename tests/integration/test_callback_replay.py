"""Replay: what has failed for good is told again, or all events are, in their order and once for each run."""

from datetime import timedelta

import pytest
from tests.integration.receiving import (
    all_ended,
    append,
    due,
    endpoint,
    make_sending,
    receiving,
    states,
    telling,
    until,
)
from tests.support import MOMENT, Tenant

from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError, NotFoundError
from carillon.events.replay import Replay, Replayed, replay
from carillon.kit.clock import FixedClock

FAIL = "UPDATE callback SET state = 'failed', attempts = 4, http_status = 500, ended_at = $1 WHERE sequence = ANY ($2)"


async def end_as_failed(db: Database, *sequences: int) -> None:
    await db.run(Tx.fetch, FAIL, MOMENT, sequences)


async def test_what_failed_after_a_number_is_reported_again_in_order(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    async with receiving() as receiver:
        url = await endpoint(db, account, receiver.url)
        await append(db, account, url, *["delivered"] * 5)
        async with telling(db):
            await until(lambda: all_ended(db))
            await end_as_failed(db, 1, 3, 5)
            clock.moment += timedelta(hours=1)
            replayed = await db.run(replay, account.actor, Replay(after=1))
            await until(lambda: all_ended(db))
    assert replayed == Replayed(callbacks=2, go_on_after=None)
    assert receiver.received == [[n] for n in (1, 2, 3, 4, 5, 3, 5)]
    assert (await states(db))[0] == (1, "failed", 4, 500)


async def test_it_concerns_one_endpoint_where_one_is_named_and_goes_on_in_steps(db: Database, account: Tenant) -> None:
    first, second = await endpoint(db, account, "https://a.example/"), await endpoint(db, account, "https://b.example/")
    for _ in range(3):
        await append(db, account, first, "delivered")
        await append(db, account, second, "delivered")
    await end_as_failed(db, 1, 2, 3, 4, 5, 6)
    one = await db.run(replay, account.actor, Replay(after=0, endpoint_id=second))
    assert one == Replayed(callbacks=3, go_on_after=None)
    assert [state for _, state, *_ in await states(db)] == ["failed", "waiting"] * 3
    step = await db.run(replay, account.actor, Replay(after=0, limit=2))
    assert step.callbacks == 2
    assert step.go_on_after is not None
    rest = await db.run(replay, account.actor, Replay(after=step.go_on_after, limit=2))
    assert rest == Replayed(callbacks=1, go_on_after=None)
    assert {state for _, state, *_ in await states(db)} == {"waiting"}


async def test_everything_is_reported_from_the_log_also_what_never_was(db: Database, account: Tenant) -> None:
    sending_id, _ = await make_sending(db, account)
    async with receiving() as receiver, receiving() as other:
        url, other_url = await endpoint(db, account, receiver.url), await endpoint(db, account, other.url)
        await append(db, account, url, "delivered", "untold")
        await append(db, account, None, "delivered", sending=sending_id)
        await append(db, account, other_url, "delivered", sending=sending_id)
        async with telling(db):
            await until(lambda: all_ended(db))
            await db.run(Tx.fetch, "DELETE FROM callback WHERE sequence = 1")
            command = Replay(after=0, endpoint_id=url, everything=True, limit=3)
            first = await db.run(replay, account.actor, command)
            assert first == Replayed(callbacks=3, go_on_after=3)
            rest = await db.run(replay, account.actor, Replay(after=3, endpoint_id=url, everything=True))
            assert rest == Replayed(callbacks=1, go_on_after=None)
            await until(lambda: all_ended(db))
            again = await db.run(replay, account.actor, Replay(after=3, endpoint_id=url, everything=True))
            assert again.callbacks == 1
            await until(lambda: all_ended(db))
    assert sorted(receiver.received[:4]) == [[1], [1], [3], [4]]
    assert receiver.received[-1] == [4]
    assert other.received == [[4]]
    assert [(sequence, state) for sequence, state, *_ in await states(db)] == [
        (1, "delivered"),
        (2, "skipped"),
        (3, "delivered"),
        (4, "delivered"),
        (4, "delivered"),
    ]


async def test_what_waits_already_is_left_as_it_is(db: Database, account: Tenant, clock: FixedClock) -> None:
    url = await endpoint(db, account, "https://a.example/")
    await append(db, account, url, "delivered")
    await db.run(Tx.fetch, "UPDATE callback SET attempts = 2")
    clock.moment += timedelta(hours=1)
    for command in (Replay(after=0), Replay(after=0, endpoint_id=url, everything=True)):
        assert await db.run(replay, account.actor, command) == Replayed(callbacks=0, go_on_after=None)
    assert await states(db) == [(1, "waiting", 2, None)]
    assert await due(db) == [(MOMENT, 0)]


async def test_an_endpoint_has_to_be_the_accounts_and_named_for_everything(db: Database, account: Tenant) -> None:
    with pytest.raises(NotFoundError):
        await db.run(replay, account.actor, Replay(after=0, endpoint_id=99))
    with pytest.raises(InvalidInputError):
        await db.run(replay, account.actor, Replay(after=0, everything=True))
