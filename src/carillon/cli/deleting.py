"""What every command that deletes does first: it shows what goes, and asks, or wants --yes."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from carillon.cli import asking
from carillon.errors import InvalidInputError


def yes_option() -> Callable[[Any], Any]:
    """Ask for the consent beforehand, as `yes`."""
    return asking.yes_option("Delete without asking.")


def confirm_deletion(lines: Sequence[str], *, yes: bool) -> None:
    """Show on standard error what a deletion takes with it; on a terminal, ask.

    Raises InvalidInputError for `yes` where nobody can be asked.
    """
    if yes:
        return
    click.echo("\n".join(lines), err=True)
    if not asking.can_ask():
        raise InvalidInputError("yes", "Nothing is deleted without --yes.")
    click.confirm("Delete it?", abort=True, err=True)
