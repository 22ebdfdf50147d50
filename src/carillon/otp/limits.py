"""What an account's one-time passwords are limited by: generous defaults, and what the account has instead."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta

from carillon.billing.money import format_amount, parse_amount
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import BadCredentialsError, InvalidInputError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.tenancy import audit

SQL = load_statements("carillon.otp", "limits.sql")

COUNTRY_SPEND = "country_spend"
_MOST = 1_000_000_000
_MAX_HEDGE_SECONDS = 600
_SENDER = re.compile(r"[0-9]{1,15}|[ -~]{1,11}")
_OF_COUNTRY = re.compile(rf"{COUNTRY_SPEND}\.[1-9][0-9]{{0,2}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of an account, under the names that people set them by; counts are of sliding windows.

    An hour: passwords to a recipient, to the numbers of a prefix (all of a number but its last four digits) and from a
    caller's network; checks of a recipient's passwords, whatever their references. `attempts` are those of a password
    whose caller names none, and of a reference that nobody has. A prefix of which so few percent are verified, of at
    least `conversion_after` passwords in a day, has `unconverted_sends` an hour. `country_spend` is what passwords to
    a country (a calling code) may cost in a day, in micro-units, `by_country` what it is for single ones.

    With `hedge_seconds` a password that has not arrived after them is sent again by the route's next carrier; 0 is
    never. `sender` is who passwords are from where the request says nothing.
    """

    recipient_sends: int = 10
    prefix_sends: int = 200
    network_sends: int = 20_000
    attempts: int = 5
    recipient_checks: int = 50
    conversion_percent: int = 20
    conversion_after: int = 50
    unconverted_sends: int = 10
    country_spend: int = 1_000_000_000
    hedge_seconds: int = 0
    sender: str = "OTP"
    by_country: Mapping[str, int] = field(default_factory=dict)

    def spend_of(self, country: str) -> int:
        """Return the ceiling of a country."""
        return self.by_country.get(country, self.country_spend)

    @property
    def hedge_after(self) -> timedelta | None:
        """After how long a password that has not arrived is sent again."""
        return timedelta(seconds=self.hedge_seconds) if self.hedge_seconds else None


DEFAULTS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLimit:
    """Set a limit, as people write it; None gives the default back."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLimit:
    """A limit as people read it."""

    name: str
    value: str
    is_default: bool


async def take_limits(tx: Tx, account_id: AccountId) -> Limits:
    """Return an account's limits, and take its clock. Raises BadCredentialsError where it was deleted."""
    row = await tx.fetchrow(SQL["limits_of"], account_id)
    if row is None:
        raise BadCredentialsError  # they are remembered for seconds, and the account was deleted meanwhile
    tx.adopt_clock(row["clock_offset"])
    return limits_from(row["names"], row["values"])


def limits_from(names: Sequence[str] | None, values: Sequence[str] | None) -> Limits:
    """Put what an account has set over the defaults."""
    if not names:
        return DEFAULTS
    found = dict(zip(names, values or (), strict=True))
    own = {name: _READERS[name](value) for name, value in found.items() if name in _READERS}
    prefix = f"{COUNTRY_SPEND}."
    by_country = {
        name.removeprefix(prefix): parse_amount(value) for name, value in found.items() if name.startswith(prefix)
    }
    return replace(DEFAULTS, **own, by_country=by_country)  # type: ignore[arg-type] # each reader gives its field's type


async def set_limit(tx: Tx, actor: Actor, command: SetLimit) -> None:
    """Set one of the actor's account's limits. Raises InvalidInputError for `name` and `value`."""
    name, value = command.name, command.value
    if name not in _READERS and not _OF_COUNTRY.fullmatch(name):
        known = ", ".join(_READERS)
        raise InvalidInputError("name", f"There is no limit {name}. There are: {known}, {COUNTRY_SPEND}.30 and so on.")
    if value is None:
        await tx.execute(SQL["unset_limit"], actor.account_id, name)
    else:
        _READERS.get(name, _amount)(value)
        await tx.execute(SQL["set_limit"], actor.account_id, name, value)
    await audit.record(tx, actor, "otp.limit", name, {"default": value is None})


async def show_limits(tx: Tx, actor: Actor) -> list[ShownLimit]:
    """List the limits of the actor's account."""
    limits = await take_limits(tx, actor.account_id)
    shown = {name: _written(name, value) for name, value in asdict(limits).items() if name in _READERS}
    default = {name: _written(name, value) for name, value in asdict(DEFAULTS).items() if name in _READERS}
    return [
        *(ShownLimit(name=name, value=value, is_default=value == default[name]) for name, value in shown.items()),
        *(
            ShownLimit(name=f"{COUNTRY_SPEND}.{country}", value=format_amount(amount), is_default=False)
            for country, amount in sorted(limits.by_country.items())
        ),
    ]


def _count(least: int, most: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and least <= int(value[:12]) <= most):
            raise InvalidInputError("value", f"It is a number from {least} to {most}.")
        return int(value)

    return read


def _amount(value: str) -> int:
    return parse_amount(value, field="value")


def _sender(value: str) -> str:
    if not _SENDER.fullmatch(value) or value != value.strip():
        raise InvalidInputError("value", "A sender has up to 15 digits, or up to 11 Latin characters.")
    return value


def _written(name: str, value: object) -> str:
    return format_amount(value) if name == COUNTRY_SPEND and isinstance(value, int) else str(value)


_READERS: Mapping[str, Callable[[str], int | str]] = {
    "recipient_sends": _count(1, _MOST),
    "prefix_sends": _count(1, _MOST),
    "network_sends": _count(1, _MOST),
    "attempts": _count(1, 100),
    "recipient_checks": _count(1, _MOST),
    "conversion_percent": _count(0, 100),
    "conversion_after": _count(1, _MOST),
    "unconverted_sends": _count(0, _MOST),
    COUNTRY_SPEND: _amount,
    "hedge_seconds": _count(0, _MAX_HEDGE_SECONDS),
    "sender": _sender,
}
