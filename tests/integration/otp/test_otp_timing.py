"""A check takes as long for a code that is nearly right as for one that is not at all."""

import random
import statistics
import time
from datetime import timedelta

from tests.integration.otp.passwords import Passwords

from carillon.kit.ids import AccountId
from carillon.otp.codes import digest_of, is_among

KEY, ACCOUNT = b"k" * 32, AccountId(1)
RIGHT = "482913570264"
ROUNDS = 4_000
CHECKS = 250


def differs(taken: dict[str, list[float]]) -> bool:
    """Whether the medians of two kinds are further apart than their own spread explains."""
    # What interrupts a round is no part of it.
    kept = [sorted(times)[: len(times) * 9 // 10] for times in taken.values()]
    first, second = map(statistics.median, kept)
    return abs(first - second) > statistics.pstdev([one for times in kept for one in times]) / 2


def seconds_of(code: str, digests: list[bytes]) -> float:
    began = time.perf_counter()
    is_among(digest_of(KEY, ACCOUNT, "test", "login", code), digests)
    return time.perf_counter() - began


def test_no_part_of_a_code_that_is_right_shows_in_how_long_its_check_takes() -> None:
    """Rounds of both kinds in random order; the difference of their medians is less than its own spread explains."""
    near, far = RIGHT[:-1] + "5", "x" * len(RIGHT)
    digests = [digest_of(KEY, ACCOUNT, "test", "login", one) for one in (RIGHT, "111111111111")]
    taken: dict[str, list[float]] = {near: [], far: []}
    order = [near, far] * ROUNDS
    random.Random(7).shuffle(order)  # noqa: S311 - no secret is made
    for code in order[:200]:
        seconds_of(code, digests)
    for code in order:
        taken[code].append(seconds_of(code, digests))
    assert not differs(taken)


async def test_a_whole_check_takes_as_long_for_a_code_that_is_nearly_right(passwords: Passwords) -> None:
    await passwords.limit("recipient_checks", "1000000")
    made = await passwords.create(length=12, text=None, validity=timedelta(hours=1), max_attempts=2 * CHECKS + 50)
    near, far = made.code[:-1] + ("1" if made.code[-1] != "1" else "2"), "Z" * 12
    taken: dict[str, list[float]] = {near: [], far: []}
    order = [near, far] * CHECKS
    random.Random(7).shuffle(order)  # noqa: S311 - no secret is made
    for code in [near, far] * 20:
        await passwords.check(code)
    for code in order:
        began = time.perf_counter()
        assert await passwords.verdict(code) == "wrong"
        taken[code].append(time.perf_counter() - began)
    assert not differs(taken)


def test_a_digest_is_found_in_any_place_and_nowhere_else() -> None:
    digests = [digest_of(KEY, ACCOUNT, "test", "login", str(one)) for one in range(5)]
    assert all(is_among(one, digests) for one in digests)
    assert not is_among(digest_of(KEY, ACCOUNT, "test", "login", "5"), digests)
    assert not is_among(digests[0], [])


def test_a_digest_belongs_to_its_key_account_dialect_and_reference() -> None:
    place = (KEY, ACCOUNT, "test", "login", "1234")
    others = [
        (b"o" * 32, *place[1:]), (KEY, AccountId(2), *place[2:]), (KEY, ACCOUNT, "testl", "ogin", "1234"),
        (KEY, ACCOUNT, "test", "login1", "234"), (KEY, ACCOUNT, "test", "login", "1235"),
    ]  # fmt: skip
    assert len({digest_of(*one) for one in (place, *others)}) == 6
