"""What several commands ask for in the same way."""

from collections.abc import Callable
from typing import Any

import click

MAX_ID = 2**53 - 1


class Id(click.ParamType[int]):
    """An id: a whole number from 1 to 2^53 - 1, which is what every client of the APIs can read."""

    name = "integer"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it, or fail as a wrong use."""
        try:
            number = int(value)
        except ValueError:
            number = 0
        if not 0 < number <= MAX_ID:
            self.fail(f"{value!r} is not an id: a whole number from 1 to {MAX_ID}.", param, ctx)
        return number


def account_option(sentence: str = "The account.") -> Callable[[Any], Any]:
    """Ask for the account, as `account_id`."""
    return click.option("--account", "account_id", type=Id(), required=True, metavar="ID", help=sentence)


def audience_option(sentence: str, *, default: str = "the default one") -> Callable[[Any], Any]:
    """Ask for one of the account's audiences, as `audience_id`."""
    return click.option("--audience", "audience_id", type=Id(), metavar="ID", help=f"{sentence} [default: {default}]")
