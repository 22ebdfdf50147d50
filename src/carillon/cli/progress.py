"""Progress of long work, on standard error: standard output is for the answer."""

import sys
import time
from collections.abc import Callable

import click

_LINE_SECONDS = 5.0  # between plain lines
_REDRAW_SECONDS = 0.2  # of the line on a terminal


class Progress:
    """One line that changes on a terminal, a plain line now and then elsewhere."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._due = time.monotonic() + (0 if self._on_terminal else _LINE_SECONDS)

    def update(self, line: Callable[[], str]) -> None:
        """Show where the work is, if it is time to; only then the line is made."""
        now = time.monotonic()
        if now < self._due:
            return
        if self._on_terminal:
            click.echo(f"\r{line()}\x1b[K", nl=False, err=True)
            self._due = now + _REDRAW_SECONDS
        else:
            click.echo(line(), err=True)
            self._due = now + _LINE_SECONDS

    def clear(self) -> None:
        """Take the line off a terminal, so that something else can be printed."""
        if self._on_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)
