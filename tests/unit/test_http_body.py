"""Bodies: read once, when they are asked for, within the process's budget, and decoded beside other calls."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from carillon.errors import BodyTooLargeError, InvalidInputError, OverloadedError
from carillon.http.body import SMALL_BYTES, Body, BodyBudget
from carillon.kit.ids import AccountId

LARGEST = 1_000_000


def body_in(budget: BodyBudget, *chunks: bytes, announced: str | None = None) -> tuple[Body, list[bytes]]:
    """A body that comes in chunks, and what of them has been taken."""
    taken: list[bytes] = []

    async def receive() -> dict[str, Any]:
        chunk = chunks[len(taken)]
        taken.append(chunk)
        return {"type": "http.request", "body": chunk, "more_body": len(taken) < len(chunks)}

    return Body(receive, announced, budget), taken


def budget() -> BodyBudget:
    return BodyBudget(8 * LARGEST, LARGEST)


async def test_nothing_is_read_before_it_is_asked_for_and_it_is_read_once() -> None:
    body, taken = body_in(budget(), b"ab", b"cd")
    assert (body.content, taken) == (b"", [])
    assert [await body.read(), await body.read(AccountId(1))] == [b"abcd", b"abcd"]
    assert len(taken) == 2


@pytest.mark.parametrize(
    ("chunks", "announced", "is_empty"), [([b""], "0", True), ([b"x"], "1", False), ([b""], None, False)]
)
async def test_whether_it_is_empty_is_known_before_it_is_read(
    chunks: Sequence[bytes],
    announced: str | None,
    is_empty: bool,  # noqa: FBT001 - parametrized
) -> None:
    body, _ = body_in(budget(), *chunks, announced=announced)
    assert body.is_empty == is_empty
    await body.read()
    assert body.is_empty == (chunks == [b""])


async def test_a_body_that_is_announced_as_too_large_is_not_read() -> None:
    body, taken = body_in(budget(), b"x", announced=str(LARGEST + 1))
    with pytest.raises(BodyTooLargeError):
        await body.read()
    assert taken == []


async def test_a_body_in_chunks_is_read_up_to_the_limit() -> None:
    body, taken = body_in(budget(), *[b"x" * 100_000] * 100)
    with pytest.raises(BodyTooLargeError):
        await body.read()
    assert len(taken) == 11


async def test_a_reader_may_set_a_lower_limit() -> None:
    body, _ = body_in(budget(), b"x" * 101, announced="101")
    with pytest.raises(BodyTooLargeError):
        await body.read(limit=100)


async def test_who_hangs_up_before_the_end_is_refused() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(InvalidInputError):
        await Body(receive, "5", budget()).read()


async def test_callers_that_are_not_authenticated_have_a_quarter_of_the_budget() -> None:
    shared = budget()
    large = str(LARGEST)
    first, second, third = (body_in(shared, b"x" * LARGEST, announced=large) for _ in range(3))
    await first[0].read()
    await second[0].read()
    with pytest.raises(OverloadedError):
        await third[0].read()
    assert third[1] == []
    of_account, _ = body_in(shared, b"x" * LARGEST, announced=large)
    await of_account.read(AccountId(7))
    first[0].release()
    await body_in(shared, b"x" * LARGEST, announced=large)[0].read()


async def test_an_account_has_half_of_the_budget_and_all_together_have_it_whole() -> None:
    shared = budget()

    async def read(owner: int) -> Body:
        body, _ = body_in(shared, b"x" * LARGEST, announced=str(LARGEST))
        await body.read(AccountId(owner))
        return body

    of_one = [await read(1) for _ in range(4)]
    with pytest.raises(OverloadedError):
        await read(1)
    for _ in range(4):
        await read(2)
    with pytest.raises(OverloadedError):
        await read(3)
    of_one[0].release()
    of_one[0].release()  # nothing is given back twice
    await read(3)
    with pytest.raises(OverloadedError):
        await read(4)


async def test_a_body_for_which_there_is_no_room_is_not_read() -> None:
    shared = BodyBudget(4 * LARGEST, LARGEST)
    await body_in(shared, b"x" * LARGEST, announced=str(LARGEST))[0].read()
    body, taken = body_in(shared, b"x" * 100_000, announced="100000")
    with pytest.raises(OverloadedError):
        await body.read()
    assert taken == []


async def test_large_bodies_of_strangers_leave_room_for_small_ones() -> None:
    """A customer's credential may be in its body, and until that is read it is a stranger's."""
    shared = BodyBudget(64 * LARGEST, 4 * LARGEST)
    sized: list[tuple[int, str | None]] = [(14 * 10**5, str(14 * 10**5)), (10**5, str(4 * LARGEST)), (10**5, None)]
    waiting = [asyncio.create_task(slow_body(shared, 14 * 10**5, first=14 * 10**5).read()) for _ in range(10)]
    await asyncio.sleep(0)
    for size, announced in sized:
        with pytest.raises(OverloadedError):
            await body_in(shared, b"x" * size, b"", announced=announced)[0].read()
    for _ in range(20):
        assert await body_in(shared, b"x" * 100_000, announced="100000")[0].read()
    with pytest.raises(OverloadedError):
        await body_in(shared, b"x" * 100_000, announced="100000")[0].read()
    for one in waiting:
        one.cancel()


async def test_what_is_announced_and_does_not_come_takes_no_room() -> None:
    shared = BodyBudget(4 * LARGEST, LARGEST)
    waiting = [asyncio.create_task(slow_body(shared, LARGEST).read()) for _ in range(5)]
    await asyncio.sleep(0)
    assert await body_in(shared, b"x" * LARGEST, announced=str(LARGEST))[0].read()
    for one in waiting:
        one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]


async def test_a_body_that_comes_slowly_goes_for_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carillon.http.body._SLOW_SECONDS", 0.05)
    shared = BodyBudget(4 * LARGEST, LARGEST)
    slow = asyncio.create_task(slow_body(shared, LARGEST, first=5_000).read())
    large = slow_body(shared, LARGEST, first=LARGEST // 2)
    waiting = asyncio.create_task(large.read())
    await asyncio.sleep(0.1)
    monkeypatch.setattr("carillon.http.body._SLOW_BYTES_PER_SECOND", 10 * LARGEST)
    assert await body_in(shared, b"x" * LARGEST, announced=str(LARGEST))[0].read()
    with pytest.raises(OverloadedError):
        await waiting
    assert not slow.done()  # it holds nothing that is counted
    slow.cancel()


async def test_a_slow_body_never_goes_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carillon.http.body._SLOW_SECONDS", 0.0)
    monkeypatch.setattr("carillon.http.body._SLOW_BYTES_PER_SECOND", 1e12)
    shared = BodyBudget(4 * LARGEST, LARGEST)
    fixed, _ = body_in(shared, b"x" * (LARGEST // 2))
    await fixed.read()
    slow, _ = body_in(shared, *[b"x" * (LARGEST // 3)] * 2)
    with pytest.raises(OverloadedError):
        await slow.read()
    slow.release()
    fixed.release()
    for _ in range(2):  # what was counted is given back, and no more
        whole, _ = body_in(shared, b"x" * LARGEST, announced=str(LARGEST))
        await whole.read()
        other, _ = body_in(shared, b"x" * 70_000, announced="70000")
        with pytest.raises(OverloadedError):
            await other.read()
        whole.release()


def slow_body(budget: BodyBudget, announced: int, first: int = 10) -> Body:
    """A body of which a first part comes, and then nothing."""
    parts = [b"x" * first]

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": parts.pop(), "more_body": True}

    return Body(receive, str(announced), budget)


async def test_what_is_decoded_is_counted_until_the_request_ends() -> None:
    shared = BodyBudget(64 * LARGEST, LARGEST)
    bodies = [body_in(shared, b"[1" + b",1" * 100_000 + b"]")[0] for _ in range(4)]
    for body in bodies:
        await body.read(AccountId(1))
    for body in bodies[:3]:
        await body.decode(len)
    with pytest.raises(OverloadedError):
        await bodies[3].decode(len)
    bodies[0].release()
    await bodies[3].decode(len)


async def test_a_body_is_its_account_s_once_its_caller_is_authenticated() -> None:
    shared = budget()
    bodies = [body_in(shared, b"x" * LARGEST, announced=str(LARGEST))[0] for _ in range(4)]
    for body in bodies:
        await body.read()
        await body.read(AccountId(5))
    for body in bodies:
        body.release()
    for number in range(8):
        await body_in(shared, b"x" * LARGEST, announced=str(LARGEST))[0].read(AccountId(number // 4))


async def test_chunks_are_counted_as_they_come() -> None:
    shared = BodyBudget(4 * LARGEST, LARGEST)
    first, _ = body_in(shared, *[b"x" * 100_000] * 10)
    await first.read()
    second, taken = body_in(shared, *[b"x" * 100_000] * 10)
    with pytest.raises(OverloadedError):
        await second.read()
    assert len(taken) == 1


async def test_small_bodies_are_not_counted() -> None:
    shared = BodyBudget(0, SMALL_BYTES)
    for _ in range(100):
        await body_in(shared, b"x" * SMALL_BYTES, announced=str(SMALL_BYTES))[0].read()


async def test_a_large_body_is_decoded_in_a_thread_and_a_small_one_at_once() -> None:
    threads: list[int] = []

    def decode(content: bytes) -> int:
        threads.append(threading.get_ident())
        return len(content)

    for size in (SMALL_BYTES, SMALL_BYTES + 1):
        body, _ = body_in(budget(), b"x" * size)
        await body.read()
        assert await body.decode(decode) == size
    here = threading.get_ident()
    assert [one == here for one in threads] == [True, False]


async def test_two_large_bodies_are_decoded_at_once() -> None:
    shared, at_once, most, lock = budget(), 0, 0, threading.Lock()

    def decode(_content: bytes) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.05)
        with lock:
            at_once -= 1

    bodies = [body_in(shared, b"x" * 100_000)[0] for _ in range(6)]
    for number, body in enumerate(bodies):
        await body.read(AccountId(number))
    await asyncio.gather(*(body.decode(decode) for body in bodies))
    assert most == 2
