"""The codes of short links: ten letters and digits that carry an account, a day and a number, and that nobody can make.

A code is a number below 62^10 that a keyed permutation has made of those three: a Feistel network of AES over 60 bits,
gone round again where it leads out of that range. So codes of links that are made one after another have nothing in
common, and whoever makes one up gets a random account, day and number, which most often are none: that is known
without looking for a link. Pure.
"""

import string
from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, NamedTuple
from uuid import UUID

import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

CODE_CHARACTERS: Final = 10
ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
MAX_DAYS: Final = 2_000
"""So old can a link be whose code is read: days come again after 2,048."""

_ACCOUNT_BITS, _DAY_BITS, _NUMBER_BITS = 20, 11, 28
_NUMBERS = 1 << _NUMBER_BITS
_BITS = _ACCOUNT_BITS + _DAY_BITS + _NUMBER_BITS
MAX_ACCOUNT_ID: Final = (1 << _ACCOUNT_BITS) - 1

_BASE = len(ALPHABET)
_CODES = _BASE**CODE_CHARACTERS
_HALF_BITS = 30
_HALF = (1 << _HALF_BITS) - 1
_ROUNDS = 6
_ROUND_KEY_BYTES = 32
_WORD_BYTES = 8
_MILLISECONDS_OF_A_DAY = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Two characters at a time.
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_PAIR = len(_PAIRS)
# What a character's octet stands for, and what any other octet does.
_NONE = 255
_DIGITS = bytes(ALPHABET.index(chr(one)) if chr(one) in ALPHABET else _NONE for one in range(256))
_PAIR_COLUMN = pl.Series(_PAIRS, dtype=pl.String)
# From so many on columns are quicker.
_MANY = 300


class LinkKey(NamedTuple):
    """What a code carries: an account, a day (days since 1970, UTC) and a number below 2^28."""

    account_id: int
    day: int
    number: int

    @property
    def link_id(self) -> UUID:
        """The key of the link's row: a UUIDv7 of the day's midnight, so that its partition is known."""
        return link_id_of(self.day, self.number)


def link_id_of(day: int, number: int) -> UUID:
    """Return the key of the row of a link that was made on a day."""
    return UUID(int=day * _MILLISECONDS_OF_A_DAY << 80 | 0x7 << 76 | 0b10 << 62 | _cut(number))


def day_of(moment: datetime) -> int:
    """Return a moment's day, in days since 1970."""
    return (moment - _EPOCH).days


def _cut(number: int) -> int:
    return number & (_NUMBERS - 1)


class LinkCodes:
    """Makes and reads codes with the keys that `derive` gives for its rounds, which are used for nothing else.

    The keys are asked for when the first code is made or read; what that raises is raised there.
    """

    def __init__(self, derive: Callable[[str], bytes]) -> None:
        self._derive = derive

    @cached_property
    def _keys(self) -> Sequence[bytes]:
        keys = [self._derive(f"short links {one}") for one in range(_ROUNDS)]
        if any(len(one) != _ROUND_KEY_BYTES for one in keys):
            raise ValueError("A round's key has 32 bytes.")
        return keys

    @cached_property
    def _backwards(self) -> Sequence[Callable[[bytes], bytes]]:
        """What enciphers in the rounds of single codes, from the last on, for the event loop's thread alone."""
        return [_cipher(key).update for key in reversed(self._keys)]

    def make(self, account_id: int, day: int, numbers: Sequence[int]) -> list[str]:
        """Make the codes of an account's numbers on a day; many at once cost less than a microsecond each."""
        if account_id > MAX_ACCOUNT_ID:
            raise ValueError("Codes carry account ids below 2^20.")
        head = (account_id << _DAY_BITS | day % (1 << _DAY_BITS)) << _NUMBER_BITS
        values = self._permuted(array("Q", _headed(head, numbers)))
        outside = _beyond(values, range(len(values)))
        while outside:
            again = self._permuted(array("Q", [values[place] for place in outside]))
            for place, value in zip(outside, again, strict=True):
                values[place] = value
            outside = _beyond(values, outside)
        return list(map(_written, values)) if len(values) < _MANY else _written_together(values)

    def _permuted(self, values: "array[int]") -> "array[int]":
        """Go round the network once with each of the values, all of them together in few calls."""
        size = _WORD_BYTES * len(values)
        # All words as one number: what is shifted out of one into its neighbour is masked.
        mask = int.from_bytes(array("Q", [_HALF]).tobytes() * len(values), "little")
        words = int.from_bytes(values.tobytes(), "little")
        left, right = words >> _HALF_BITS & mask, words & mask
        blocks = array("Q", bytes(2 * size))
        for key in self._keys:
            blocks[::2] = array("Q", right.to_bytes(size, "little"))
            mixed = array("Q", _cipher(key).update(blocks.tobytes()))[::2].tobytes()
            left, right = right, left ^ (int.from_bytes(mixed, "little") & mask)
        return array("Q", (left << _HALF_BITS | right).to_bytes(size, "little"))

    def read(self, code: str, today: int) -> LinkKey | None:
        """Return what a code carries; None for one that was not made with the keys, or more than MAX_DAYS ago."""
        value = _read(code)
        if value is None:
            return None
        value = self._undone(value)
        while value >= _CODES:
            value = self._undone(value)
        if value >> _BITS:
            return None
        day_then = value >> _NUMBER_BITS & ((1 << _DAY_BITS) - 1)
        account_id = value >> (_NUMBER_BITS + _DAY_BITS)
        # Processes' clocks may differ around midnight.
        age = (today + 1 - day_then) % (1 << _DAY_BITS)
        if not account_id or age > MAX_DAYS:
            return None
        return LinkKey(account_id, today + 1 - age, _cut(value))

    def _undone(self, value: int) -> int:
        left, right = value >> _HALF_BITS, value & _HALF
        for enciphered in self._backwards:
            mixed = int.from_bytes(enciphered(left.to_bytes(2 * _WORD_BYTES, "little")), "little")
            left, right = right ^ (mixed & _HALF), left
        return left << _HALF_BITS | right


def _cipher(key: bytes) -> CipherContext:
    # A block cipher as the round's function: no block is ever shown.
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - as said above


def _headed(head: int, numbers: Sequence[int]) -> Sequence[int]:
    if isinstance(numbers, range) and numbers and numbers.step == 1 and _cut(numbers[0]) + len(numbers) <= _NUMBERS:
        return range(head | _cut(numbers[0]), (head | _cut(numbers[0])) + len(numbers))
    return [head | _cut(one) for one in numbers]


def _beyond(values: "array[int]", places: Sequence[int]) -> list[int]:
    return [place for place in places if values[place] >= _CODES]


def _written(value: int) -> str:
    value, fifth = divmod(value, _PAIR)
    value, fourth = divmod(value, _PAIR)
    value, third = divmod(value, _PAIR)
    first, second = divmod(value, _PAIR)
    return _PAIRS[first] + _PAIRS[second] + _PAIRS[third] + _PAIRS[fourth] + _PAIRS[fifth]


def _written_together(values: "array[int]") -> list[str]:
    left = pl.Series(values, dtype=pl.UInt64)
    pairs: list[pl.Series] = []
    for _ in range(CODE_CHARACTERS // 2):
        pairs.append(_PAIR_COLUMN.gather((left % _PAIR).cast(pl.UInt32)))
        left //= _PAIR
    named = {str(place): pair for place, pair in enumerate(reversed(pairs))}
    return pl.DataFrame(named).select(pl.concat_str(list(named))).to_series().to_list()


def _read(code: str) -> int | None:
    digits = code.encode("latin-1", "replace").translate(_DIGITS)
    if len(digits) != CODE_CHARACTERS or _NONE in digits:
        return None
    value = 0
    for digit in digits:
        value = value * _BASE + digit
    return value
