"""The codes of short links: ten characters that carry an account, and that nobody can count through or make."""

import hashlib
import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.kit.ids import first_uuid_of
from carillon.links.codes import ALPHABET, MAX_ACCOUNT_ID, MAX_DAYS, LinkCodes, LinkKey, day_of, link_id_of

pytestmark = pytest.mark.any_database

TODAY = 20_500
MILLION = 1_000_000


def codes_of(installation: str = "this one") -> LinkCodes:
    return LinkCodes(lambda purpose: hashlib.sha256((installation + purpose).encode()).digest())


@pytest.fixture(scope="module")
def million() -> list[str]:
    return codes_of().make(7, TODAY, range(1, MILLION + 1))


def test_a_million_codes_have_ten_characters_and_are_all_different(million: list[str]) -> None:
    assert len(set(million)) == MILLION
    assert {len(code) for code in million} == {10}
    assert set("".join(million[:10_000])) == set(ALPHABET)


def test_characters_are_spread_evenly_at_every_place(million: list[str]) -> None:
    # Of 62^10 codes those below 2^59.54 exist, and that is all of them: the first place is even, too.
    for place in range(10):
        counts = Counter(code[place] for code in million)
        expected = MILLION / len(ALPHABET)
        chi = sum((counts[one] - expected) ** 2 / expected for one in ALPHABET)
        # 61 degrees of freedom: 1 in 10^8 is beyond.
        assert chi < 61 + 6 * math.sqrt(2 * 61) + 12, f"place {place}: {chi}"


def test_what_follows_a_code_tells_nothing_of_it(million: list[str]) -> None:
    """Neighbours share characters at a place as often as any two codes, and sort before each other as often."""
    shared = sum(one[place] == other[place] for one, other in pairwise(million) for place in range(10))
    expected = 10 * MILLION / len(ALPHABET)
    assert abs(shared - expected) < 6 * math.sqrt(expected)
    rising = sum(one < other for one, other in pairwise(million))
    assert abs(rising - MILLION / 2) < 6 * math.sqrt(MILLION / 4)


def test_numbers_that_differ_in_one_bit_have_codes_that_differ_everywhere() -> None:
    codes = codes_of()
    pairs = [codes.make(7, TODAY, [number, number ^ 1 << bit]) for number in range(0, 4_000, 8) for bit in range(28)]
    same = sum(one == other for pair in pairs for one, other in zip(*pair, strict=True))
    expected = len(pairs) * 10 / len(ALPHABET)
    assert abs(same - expected) < 6 * math.sqrt(expected)


def test_links_of_different_accounts_and_days_have_nothing_in_common() -> None:
    codes = codes_of()
    made = [code for account in range(1, 101) for day in range(100) for code in codes.make(account, TODAY - day, [1])]
    assert len(set(made)) == 10_000
    assert max(Counter(code[:3] for code in made).values()) < 6


@given(st.integers(1, MAX_ACCOUNT_ID), st.integers(0, MAX_DAYS - 1), st.integers(0, (1 << 28) - 1))
def test_a_code_is_read_as_what_it_was_made_of(account_id: int, age: int, number: int) -> None:
    codes = codes_of()
    (code,) = codes.make(account_id, TODAY - age, [number])
    assert codes.read(code, TODAY) == LinkKey(account_id, TODAY - age, number)


def test_codes_that_are_made_up_are_told_apart_without_looking_for_them() -> None:
    """Of an installation with ten thousand accounts whose links live a year, less than one in 500 could be a link."""
    codes, chance = codes_of(), random.Random(7)  # noqa: S311 - a guesser's
    made_up = ("".join(chance.choices(ALPHABET, k=10)) for _ in range(50_000))
    possible = [
        key
        for code in made_up
        if (key := codes.read(code, TODAY)) and key.account_id <= 10_000 and key.day > TODAY - 365
    ]
    assert len(possible) < 100


def test_another_installations_codes_are_nothing_here(million: list[str]) -> None:
    codes = codes_of("another one")
    found = [key for code in million[:20_000] if (key := codes.read(code, TODAY)) and key.account_id == 7]
    assert not [key for key in found if key.day == TODAY]


def test_a_code_with_one_character_changed_is_another_accounts_or_nobodys(million: list[str]) -> None:
    codes = codes_of()
    for code in million[:500]:
        for place in range(10):
            other = code[:place] + ALPHABET[(ALPHABET.index(code[place]) + 1) % 62] + code[place + 1 :]
            key = codes.read(other, TODAY)
            assert key is None or (key.account_id, key.day) != (7, TODAY)


@pytest.mark.parametrize("code", ["", "short", "elevenchars", "ten chars!", "ñañañañaña", "../../../..", "0" * 11])
def test_what_is_no_code_is_none(code: str) -> None:
    assert codes_of().read(code, TODAY) is None


def test_a_link_of_tomorrow_is_read_as_clocks_differ_and_a_later_one_is_not() -> None:
    codes = codes_of()
    (tomorrow,), (later,) = codes.make(7, TODAY + 1, [1]), codes.make(7, TODAY + 2, [1])
    assert codes.read(tomorrow, TODAY) == LinkKey(7, TODAY + 1, 1)
    assert codes.read(later, TODAY) is None


def test_the_row_of_a_link_lies_in_the_partition_of_its_day() -> None:
    key = LinkKey(7, TODAY, 5)
    assert first_uuid_of_day(TODAY) <= key.link_id < first_uuid_of_day(TODAY + 1)
    assert key.link_id == link_id_of(TODAY, 5)
    assert key.link_id.version == 7


def first_uuid_of_day(day: int) -> UUID:
    midnight = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    assert day_of(midnight) == day
    return first_uuid_of(midnight)


def test_an_account_that_no_code_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="account ids"):
        codes_of().make(MAX_ACCOUNT_ID + 1, TODAY, [1])


def test_keys_that_are_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LinkCodes(lambda _purpose: b"short").make(7, TODAY, [1])
