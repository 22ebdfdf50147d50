"""When a country lets marketing messages be sent (`countries.toml`).

It is asked of every marketing message, at the claim too: what a country permits at a moment is worked out once for all
messages of a claim.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache

from carillon.kit.traffic import TrafficClass
from carillon.messaging.rules.countries import CountryRules, country_rules

# Holidays that follow each other close no country for longer.
_MAX_DAYS = 31
_NO_WAIT = timedelta(0)


def permitted_at(address: str, now: datetime, traffic_class: TrafficClass) -> datetime:
    """Return the first moment, from `now` on, at which a message may be submitted to an address (E.164 digits)."""
    if traffic_class is not TrafficClass.MARKETING:
        return now
    code = _country_with_hours(address)
    return now if code is None else _opening(code, now)


def longest_wait(addresses: Iterable[str | None] | None, due_at: datetime, traffic_class: TrafficClass) -> timedelta:
    """Return how long the last of messages that are due at a moment has to wait for its country's hours.

    Where the addresses are not known yet (None) they may be of any country.
    """
    if traffic_class is not TrafficClass.MARKETING:
        return _NO_WAIT
    if addresses is None:
        codes: set[str | None] = set(_with_hours()[0].values())
    else:
        codes = {_country_with_hours(address) for address in addresses if address}
    return max((_opening(code, due_at) - due_at for code in codes if code is not None), default=_NO_WAIT)


@cache
def _with_hours() -> tuple[Mapping[str, str], frozenset[int]]:
    """Return the countries that have hours by calling code, and how long those codes are."""
    codes = {one.calling_code: one.code for one in country_rules().values() if one.hours is not None}
    return codes, frozenset(map(len, codes))


def _country_with_hours(address: str) -> str | None:
    codes, lengths = _with_hours()
    for length in lengths:
        if (code := codes.get(address[:length])) is not None:
            return code
    return None


@lru_cache(maxsize=256)
def _opening(code: str, now: datetime) -> datetime:
    rules = country_rules()[code]
    today = now.astimezone(rules.zone).date()
    for day in (today + timedelta(days=days) for days in range(_MAX_DAYS)):
        hours = _hours_on(rules, day)
        if hours is not None and now < hours[1]:
            return max(now, hours[0])
    raise AssertionError(f"{code} has no permitted hours for {_MAX_DAYS} days")


def _hours_on(rules: CountryRules, day: date) -> tuple[datetime, datetime] | None:
    span = (rules.hours or {}).get(day.weekday())
    if span is None or (rules.observes_holidays and day in _holidays(rules.code)):
        return None
    begins, ends = (datetime.combine(day, one, rules.zone).astimezone(UTC) for one in span)
    return begins, ends


@cache
def _holidays(code: str) -> Container[date]:
    # The package takes a third of a second: only where a message needs it.
    from holidays import country_holidays  # noqa: PLC0415

    return country_holidays(code)
