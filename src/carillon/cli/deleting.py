"""What every command that deletes does first: it shows what goes, and asks, or wants --yes."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from carillon.errors import InvalidInputError


def yes_option() -> Callable[[Any], Any]:
    """Ask for the consent beforehand, as `yes`."""
    return click.option("--yes", is_flag=True, help="Delete without asking.")


def confirm_deletion(lines: Sequence[str], *, yes: bool) -> None:
    """Show on standard error what a deletion takes with it; on a terminal, ask.

    Raises InvalidInputError for `yes` where nobody can be asked.
    """
    if yes:
        return
    click.echo("\n".join(lines), err=True)
    if not _can_ask():
        raise InvalidInputError("yes", "Nothing is deleted without --yes.")
    click.confirm("Delete it?", abort=True, err=True)


def _can_ask() -> bool:
    return sys.stdin.isatty()
