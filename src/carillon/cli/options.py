"""What several commands ask for in the same way."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from carillon.errors import InvalidInputError

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


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601, in UTC where it doesn't say otherwise."""

    name = "moment"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it, or fail as a wrong use."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2031-12-31 or 2031-12-31T18:00+02:00.", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def account_option(sentence: str = "The account.") -> Callable[[Any], Any]:
    """Ask for the account, as `account_id`."""
    return click.option("--account", "account_id", type=Id(), required=True, metavar="ID", help=sentence)


def audience_option(sentence: str, *, default: str = "the default one") -> Callable[[Any], Any]:
    """Ask for one of the account's audiences, as `audience_id`."""
    return click.option("--audience", "audience_id", type=Id(), metavar="ID", help=f"{sentence} [default: {default}]")


def country_option() -> Callable[[Any], Any]:
    """Ask for the country by whose plan phones without a calling code are read, as `country`."""
    return click.option(
        "--country", metavar="ISO2", help="Read national phones as dialled there. [default: the audience's country]"
    )


def page_options(noun: str, *, most: int = 10_000) -> Callable[[Any], Any]:
    """Ask for a page of a list that is in the order of its ids, as `limit` and `after_id`."""

    def asked(command: Any) -> Any:
        after = click.option(
            "--after",
            "after_id",
            type=click.IntRange(0, MAX_ID),
            default=0,
            metavar="ID",
            help=f"Only those after the {noun} of this id.",
        )
        limit = click.option(
            "--limit", type=click.IntRange(1, most), default=100, show_default=True, help=f"How many {noun}s."
        )
        return limit(after(command))

    return asked


def phones_of(given: str, country: str, *, field: str) -> tuple[str, ...]:
    """Read a number as any send of an account in a country does, as E.164 digits: dialled there, and international.

    APIs differ in which reading goes first where both are numbers. Raises InvalidInputError.
    """
    from carillon.addresses.phone_readings import PhoneForm, phone_readings  # noqa: PLC0415 - `--help` needs none of it

    digits = phone_readings(given, country, PhoneForm.INTERNATIONAL_FIRST)
    if not digits:
        sentence = f"{given!r} is no phone number: write +972541234567, or as it is dialled in {country}."
        raise InvalidInputError(field, sentence)
    return digits


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Write how many there are of something; `plural` is that of a noun to which more than an s is added."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or f'{noun}s'}"
