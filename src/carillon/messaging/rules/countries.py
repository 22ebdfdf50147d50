"""The rules of countries, as `countries.toml` has them."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryRules:
    """What a country asks of marketing messages.

    `hours` has the beginning and the end of the permitted hours by weekday (0 is Monday), in `zone`; a weekday without
    any has none. It is None where a country has no such rule. `observes_holidays`: public holidays have none, either.
    """

    code: str
    name: str
    calling_code: str
    zone: ZoneInfo
    hours: Mapping[int, tuple[time, time]] | None
    observes_holidays: bool
    unsubscribe_notice: str | None
    conditions: Sequence[str]


@cache
def country_rules() -> Mapping[str, CountryRules]:
    """Return the rules of all countries that have some, by ISO 3166 code."""
    text = files("carillon.messaging.rules").joinpath("countries.toml").read_text("utf-8")
    return {one["code"]: _rules(one) for one in tomllib.loads(text)["country"]}


def _rules(one: Mapping[str, object]) -> CountryRules:
    hours, conditions = one.get("hours"), one["conditions"]
    if not (hours is None or isinstance(hours, dict)) or not isinstance(conditions, list):
        raise TypeError(f"the rules of {one['code']} can't be read")
    notice = one.get("unsubscribe_notice")
    return CountryRules(
        code=str(one["code"]),
        name=str(one["name"]),
        calling_code=str(one["calling_code"]),
        zone=ZoneInfo(str(one["zone"])),
        hours=None if hours is None else {WEEKDAYS.index(day): _span(span) for day, span in hours.items()},
        observes_holidays=bool(one["holidays"]),
        unsubscribe_notice=None if notice is None else str(notice),
        conditions=[str(condition) for condition in conditions],
    )


def _span(span: Sequence[str]) -> tuple[time, time]:
    begins, ends = map(time.fromisoformat, span)
    return begins, ends
