"""Amounts of money: integer micro-units, millionths of an account's currency. Pure.

Amounts are never floats. VAT is computed for each message, on the price of all its parts, and rounded half up to a
micro-unit: what an account pays is then the sum over its messages, however they are grouped in sendings and chunks.
"""

import re

from carillon.errors import InvalidInputError

UNIT = 1_000_000
"""Micro-units in one unit of a currency."""

MAX_AMOUNT = 10**18 - 1
"""The most that a text can say, and that a balance holds: 999,999,999,999.999999. Sums of a few fit into 64 bits."""

_WHOLE_DIGITS = 12
_DECIMALS = 6
_AMOUNT = re.compile(rf"([+-]?)([0-9]{{1,{_WHOLE_DIGITS}}})(?:\.([0-9]{{1,{_DECIMALS}}}))?")

_MILLIONTHS_IN_PERCENT = 10_000
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,4}))?")
MAX_VAT = 100 * _MILLIONTHS_IN_PERCENT
"""The highest VAT: as much as the amount itself, in millionths."""


def parse_amount(text: str, *, field: str = "amount", signed: bool = False) -> int:
    """Read a decimal text (`0.045`, `9864`) into micro-units, exactly; a sign is taken where it is `signed`.

    Raises InvalidInputError for `field`: no such number, more than 12 digits before or 6 behind the point.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or (found[1] and not signed):
        raise InvalidInputError(
            field,
            f"{text!r} is not an amount: digits with a point before the decimals, as in 0.045; at most "
            f"{_WHOLE_DIGITS} digits before the point and {_DECIMALS} behind it.",
        )
    sign, whole, decimals = found.groups(default="")
    amount = int(whole) * UNIT + int(decimals.ljust(_DECIMALS, "0"))
    return -amount if sign == "-" else amount


def format_amount(amount: int, *, decimals: int = 0) -> str:
    """Write micro-units as a decimal text with no more decimals than it takes, and `decimals` of them at least."""
    whole, rest = divmod(abs(amount), UNIT)
    behind = f"{rest:0{_DECIMALS}}".rstrip("0").ljust(decimals, "0")
    return f"{'-' if amount < 0 else ''}{whole}{'.' if behind else ''}{behind}"


def parse_percent(text: str, *, field: str = "vat") -> int:
    """Read a percentage (`24`, `5.5`) into millionths.

    Raises InvalidInputError for `field`: no such number, more than 100, more than 4 decimals.
    """
    found = _PERCENT.fullmatch(text.strip().removesuffix("%").rstrip())
    millionths = -1
    if found is not None:
        whole, decimals = found.groups(default="")
        millionths = int(whole) * _MILLIONTHS_IN_PERCENT + int(decimals.ljust(4, "0"))
    if not 0 <= millionths <= MAX_VAT:
        raise InvalidInputError(field, f"{text!r} is not a percentage: 0 to 100, with at most 4 decimals, as in 5.5.")
    return millionths


def format_percent(millionths: int) -> str:
    """Write millionths as a percentage with no more decimals than it takes."""
    return format_amount(millionths * (UNIT // _MILLIONTHS_IN_PERCENT))


def vat_of(amount: int, vat: int) -> int:
    """Return the VAT on an amount, `vat` millionths of it, rounded half up to a micro-unit."""
    return (amount * vat + UNIT // 2) // UNIT
