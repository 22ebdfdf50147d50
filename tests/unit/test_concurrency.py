"""Who may have one of what there are few of, and who is next."""

import asyncio

import pytest

from carillon.db.concurrency import AccountConcurrency
from carillon.errors import OverloadedError
from carillon.kit.ids import AccountId

BUSY, QUIET, THIRD = map(AccountId, (1, 2, 3))


async def waiting(concurrency: AccountConcurrency, account_id: AccountId) -> "asyncio.Task[None]":
    """Begin to wait for one."""
    task = asyncio.create_task(concurrency.take(account_id))
    await asyncio.sleep(0)
    return task


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_account_has_its_share_and_no_more() -> None:
    concurrency = AccountConcurrency(4, 2)
    assert [concurrency.take_at_once(BUSY) for _ in range(3)] == [True, True, False]
    assert [concurrency.take_at_once(QUIET) for _ in range(3)] == [True, True, False]
    assert not concurrency.take_at_once(THIRD)  # as all are taken
    concurrency.give_back(BUSY)
    assert concurrency.take_at_once(THIRD)


async def test_who_waits_is_served_in_the_order_of_its_account() -> None:
    concurrency = AccountConcurrency(1)
    await concurrency.take(BUSY)
    first, second = [await waiting(concurrency, BUSY) for _ in range(2)]
    concurrency.give_back(BUSY)
    await settle()
    assert (first.done(), second.done()) == (True, False)
    concurrency.give_back(BUSY)
    await second


async def test_the_account_that_has_fewest_is_next() -> None:
    concurrency = AccountConcurrency(4, 3)
    for account_id in (BUSY, BUSY, QUIET, QUIET):
        await concurrency.take(account_id)
    busy = [await waiting(concurrency, BUSY) for _ in range(3)]
    quiet = await waiting(concurrency, QUIET)
    third = await waiting(concurrency, THIRD)
    concurrency.give_back(QUIET)
    await settle()
    assert (third.done(), quiet.done()) == (True, False)
    concurrency.give_back(BUSY)
    await settle()
    assert (busy[0].done(), quiet.done()) == (True, False)  # one each: it has waited for longer
    concurrency.give_back(THIRD)
    await settle()
    assert (busy[1].done(), quiet.done()) == (False, True)
    for task in busy:
        task.cancel()


async def test_an_account_that_has_just_ended_goes_behind_one_that_had_no_turn() -> None:
    concurrency = AccountConcurrency(2, 1)
    for account_id in (BUSY, QUIET):
        await concurrency.take(account_id)
    busy, quiet, third = [await waiting(concurrency, one) for one in (BUSY, QUIET, THIRD)]
    concurrency.give_back(BUSY)
    await settle()
    assert (busy.done(), quiet.done(), third.done()) == (False, False, True)
    concurrency.give_back(QUIET)
    await settle()
    assert (busy.done(), quiet.done()) == (True, False)  # its last turn began before the other one's
    quiet.cancel()


async def test_the_turns_of_a_thousand_accounts_are_remembered() -> None:
    concurrency = AccountConcurrency(1)
    for number in range(2_000):
        async with concurrency.turn(AccountId(number)):
            pass
    assert len(concurrency._last) == 1_000


async def test_busy_accounts_take_turns_and_starve_no_other() -> None:
    concurrency = AccountConcurrency(2)
    served: list[AccountId] = []

    async def work(account_id: AccountId, times: int) -> None:
        for _ in range(times):
            async with concurrency.turn(account_id):
                served.append(account_id)
                await asyncio.sleep(0.001)

    callers = [work(account_id, 20) for account_id in (BUSY, QUIET) for _ in range(10)]
    await asyncio.gather(*callers, work(THIRD, 20))
    # One of five or six turns is its, not one of twenty-one: it is through long before the others.
    last = max(place for place, one in enumerate(served) if one == THIRD)
    assert last < 130


async def test_a_wait_that_is_too_long_is_an_overload_and_leaves_nothing() -> None:
    concurrency = AccountConcurrency(1, wait_seconds=0.01)
    await concurrency.take(BUSY)
    with pytest.raises(OverloadedError):
        await concurrency.take(QUIET)
    concurrency.give_back(BUSY)
    assert concurrency.take_at_once(THIRD)


async def test_who_is_cancelled_while_it_waits_or_is_granted_one_takes_none() -> None:
    concurrency = AccountConcurrency(1)
    await concurrency.take(BUSY)
    gone, granted = await waiting(concurrency, QUIET), await waiting(concurrency, QUIET)
    gone.cancel()
    concurrency.give_back(BUSY)  # the first is cancelled, so the second has it
    granted.cancel()  # before it knows
    await asyncio.gather(gone, granted, return_exceptions=True)
    assert concurrency.take_at_once(THIRD)


async def test_a_block_gives_back_whatever_ends_it() -> None:
    concurrency = AccountConcurrency(1)
    turn = concurrency.turn(BUSY)
    for _ in range(2):
        with pytest.raises(ValueError, match="over"):
            async with turn:
                raise ValueError("over")
    assert concurrency.take_at_once(BUSY)
