"""`carillon otp`."""

from typing import TYPE_CHECKING

import click

from carillon.billing.money import format_amount
from carillon.cli.options import account_option
from carillon.cli.session import Session, open_actor, table, with_session
from carillon.cli.visible import visible_address
from carillon.otp.counters import CounterKind, ListCounters, ListedCounter, list_counters
from carillon.otp.limits import SetLimit, ShownLimit, set_limit, show_limits

if TYPE_CHECKING:
    from carillon.db.database import Database

_OF_PHONES = frozenset({CounterKind.RECIPIENT_SENDS.value, CounterKind.RECIPIENT_CHECKS.value})


@click.group
def group() -> None:
    """See and set what limits one-time passwords, and what is counted."""


@group.group
def limits() -> None:
    """See and set the limits of an account's one-time passwords."""


@limits.command
@account_option("The account.")
@with_session
def show(session: Session, *, account_id: int) -> None:
    """Show an account's limits, those by default too.

    Counts are of the last hour: passwords to a recipient (recipient_sends), to the numbers that are the same but for
    their last four digits (prefix_sends) and from a caller's network (network_sends); checks of a recipient's passwords
    (recipient_checks). A password has so many attempts, unless its request says how many. Where of conversion_after
    passwords to such numbers in a day less than conversion_percent were verified, they get unconverted_sends.
    country_spend is what the passwords to a country may cost in a day. With hedge_seconds a password that has not
    arrived after them is sent again by the route's next carrier; 0 is never. sender is who they are from where the
    request does not say. For example:

        carillon otp limits show --account 1
    """

    async def work(db: "Database") -> list[ShownLimit]:
        actor = await open_actor(db, account_id)
        return await db.read(show_limits, actor)

    rows = [{"name": one.name, "value": one.value, "default": one.is_default} for one in session.run(work)]
    session.answer(rows, table(rows, "There are no limits."))


@limits.command("set")
@account_option("The account.")
@click.argument("name")
@click.argument("value", required=False)
@click.option("--default", "to_default", is_flag=True, help="Give the default back.")
@with_session
def set_(session: Session, *, account_id: int, name: str, value: str | None, to_default: bool) -> None:
    """Set the limit NAME of an account to VALUE.

    country_spend is in the account's currency; with a calling code behind it, it is that country's alone. For example:

        carillon otp limits set --account 1 recipient_sends 5

        carillon otp limits set --account 1 country_spend.30 250

        carillon otp limits set --account 1 recipient_sends --default
    """
    if (value is None) != to_default:
        raise click.UsageError("Give a VALUE, or --default.")

    async def work(db: "Database") -> None:
        actor = await open_actor(db, account_id)
        await db.run(set_limit, actor, SetLimit(name=name, value=value))

    session.run(work)
    session.answer({"name": name, "value": value}, f"{name} is {'the default' if value is None else value}.")


@group.command
@account_option("The account.")
@click.option("--kind", type=click.Choice([kind.value for kind in CounterKind]), help="What is counted. [default: all]")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="How many, those with the most first.",
)
@with_session
def counts(session: Session, *, account_id: int, kind: str | None, limit: int) -> None:
    """Show what was counted in the last hour, or day: what an account's limits are held against.

    prefix_day and prefix_verified are of a day: the passwords to numbers that are the same but for their last four
    digits, and how many of them were verified. So is country_spend, an amount. For example, who gets the most:

        carillon otp counts --account 1 --kind recipient_sends
    """
    query = ListCounters(kind=CounterKind(kind) if kind else None, limit=limit)

    async def work(db: "Database") -> list[ListedCounter]:
        actor = await open_actor(db, account_id)
        return await db.read(list_counters, actor, query)

    rows = [{"kind": one.kind.value, "subject": one.subject, "count": _shown(one)} for one in session.run(work)]
    shown = [row | {"subject": visible_address(row["subject"])} if row["kind"] in _OF_PHONES else row for row in rows]
    session.answer(rows, table(shown, "Nothing was counted lately."))


def _shown(counter: ListedCounter) -> str:
    if counter.kind is CounterKind.COUNTRY_SPEND:
        return format_amount(round(counter.in_window))
    return f"{counter.in_window:.1f}".removesuffix(".0")
