"""Spans of time as people type them: 90s, 30m, 2h, 1d, 1d12h."""

import re
from datetime import timedelta

import click

_PART = re.compile(r"(\d{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOST = timedelta(days=400)


class Duration(click.ParamType[timedelta]):
    """A span of time, 400 days at most."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it, or fail as a wrong use."""
        parts = _PART.findall(value)
        if not parts or "".join(f"{number}{unit}" for number, unit in parts) != value:
            self.fail(f"{value!r} is not a span of time: write 90s, 30m, 2h or 1d12h.", param, ctx)
        found = timedelta(seconds=sum(int(number) * _SECONDS[unit] for number, unit in parts))
        if found > _MOST:
            self.fail(f"{value!r} is longer than {_MOST.days} days.", param, ctx)
        return found
