"""Bodies: read once, when they are asked for, within the process's budget, and decoded beside other calls."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from carillon.errors import BodyTooLargeError, InvalidInputError, OverloadedError
from carillon.http.body import SMALL_BYTES, Body, BodyBudget

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
    assert [await body.read(), await body.read(1)] == [b"abcd", b"abcd"]
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
    await third[0].read(7)  # an account
    first[0].release()
    await body_in(shared, b"x" * LARGEST, announced=large)[0].read()


async def test_an_account_has_half_of_the_budget_and_all_together_have_it_whole() -> None:
    shared = budget()

    async def read(owner: int) -> Body:
        body, _ = body_in(shared, b"x" * LARGEST, announced=str(LARGEST))
        await body.read(owner)
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


async def test_a_body_is_its_account_s_once_its_caller_is_authenticated() -> None:
    shared = budget()
    bodies = [body_in(shared, b"x" * LARGEST, announced=str(LARGEST))[0] for _ in range(4)]
    for body in bodies:
        await body.read()
        await body.read(5)
    for body in bodies:
        body.release()
    for number in range(8):
        await body_in(shared, b"x" * LARGEST, announced=str(LARGEST))[0].read(number // 4)


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
        await body.read(number)
    await asyncio.gather(*(body.decode(decode) for body in bodies))
    assert most == 2
