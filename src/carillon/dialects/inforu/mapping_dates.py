"""Dates in InforU's spellings, in the account's time zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from carillon.errors import InvalidInputError

_YEAR_FIRST = re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?:[T ]+(?P<rest>.+))?", re.ASCII)
_DAY_FIRST = re.compile(r"(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4})(?:[T ]+(?P<rest>.+))?", re.ASCII)
_TIME = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?", re.ASCII
)

# .NET's DateTime.MinValue and MaxValue stand for no limit: years outside become the first or the last.
_FIRST_YEAR, _LAST_YEAR = 1900, 2999
_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_TO_SECONDS = len("yyyy-MM-dd HH:mm:ss")


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return an IANA zone."""
    return ZoneInfo(name)


def show_moment(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment as `yyyy-MM-dd HH:mm:ss`."""
    return str(moment.astimezone(zone))[:_TO_SECONDS]


def show_history_moment(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment as `dd/MM/yyyy HH:mm:ss` (InforU reference, Get Unsubscribe History)."""
    return f"{moment.astimezone(zone):%d/%m/%Y %H:%M:%S}"


def read_since(text: str | None, zone: ZoneInfo, field: str) -> datetime | None:
    """Read FromDate: the first moment that counts, in UTC; None for a blank. Raises InvalidInputError."""
    wall = _read(text, zone, field)
    return None if wall is None else _in_utc(wall, zone)


def read_moment(text: str | None, zone: ZoneInfo, field: str) -> datetime | None:
    """Read a moment, in UTC; a date alone is its midnight, a blank is None. Raises InvalidInputError."""
    return read_since(text, zone, field)


def read_until(text: str | None, zone: ZoneInfo, field: str) -> datetime | None:
    """Read ToDate: the first moment, in UTC, that counts no more; None for a blank. Raises InvalidInputError.

    A date includes its whole day, and so does midnight, which is how many clients write a date; any other time
    includes its second.
    """
    wall = _read(text, zone, field)
    if wall is None:
        return None
    return _in_utc(wall + (_DAY if wall.time() == time() else _SECOND), zone)


def _in_utc(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _read(text: str | None, zone: ZoneInfo, field: str) -> datetime | None:
    """Read a date with an optional time as wall time in the zone."""
    text = (text or "").strip()
    if not text:
        return None
    parts = _YEAR_FIRST.fullmatch(text) or _DAY_FIRST.fullmatch(text)
    wall = None
    if parts is not None:
        year = min(max(int(parts["year"]), _FIRST_YEAR), _LAST_YEAR)
        try:
            day = date(year, int(parts["month"]), int(parts["day"]))
            wall = _with_time(day, parts["rest"], zone)
        except ValueError:
            wall = None
    if wall is None:
        raise InvalidInputError(field, "This is not a date such as 2018/12/15, 2018-12-15 or 15/12/2018.")
    return wall


def _with_time(day: date, rest: str | None, zone: ZoneInfo) -> datetime | None:
    if rest is None:
        return datetime.combine(day, time())
    parts = _TIME.fullmatch(rest.strip())
    if parts is None:
        return None
    clock = time(int(parts["hour"]), int(parts["minute"]), int(parts["second"] or 0))
    wall = datetime.combine(day, clock)
    if not parts["zone"]:
        return wall
    offset = parts["zone"].replace("Z", "+00:00")
    return datetime.fromisoformat(f"{wall.isoformat()}{offset}").astimezone(zone).replace(tzinfo=None)
