"""`carillon price`."""

from typing import TYPE_CHECKING

import click

from carillon.billing.money import format_amount, format_percent, parse_amount, parse_percent
from carillon.billing.prices import (
    CHANNELS,
    Capture,
    DeletePrice,
    ListedPrice,
    ListPrices,
    SetPrice,
    delete_price,
    list_prices,
    set_price,
)
from carillon.cli.options import Id
from carillon.cli.session import Session, followed, operator, table, with_session

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """Set and list what messages cost."""


_channel = click.option("--channel", type=click.Choice(CHANNELS), required=True, help="What is sent.")
_account = click.option(
    "--account", "account_id", type=Id(), metavar="ID", help="The account. [default: every account without own prices]"
)
_prefix = click.option(
    "--prefix", default="", metavar="DIGITS", help="What the numbers begin with, as 30 or 3069. [default: any number]"
)


@group.command("set")
@click.argument("amount")
@_channel
@_account
@_prefix
@click.option("--vat", default="0", metavar="PERCENT", show_default=True, help="The VAT that comes on top.")
@click.option(
    "--capture",
    type=click.Choice([capture.value for capture in Capture]),
    default=Capture.SUBMIT.value,
    show_default=True,
    help="When it is owed: a carrier has taken the message, or it is delivered.",
)
@with_session
def set_(  # noqa: PLR0913 - one for each flag
    session: Session, *, amount: str, channel: str, account_id: int | None, prefix: str, vat: str, capture: str
) -> None:
    """Set what a part of a message costs.

    AMOUNT is in the currency of the account that sends it. The longest prefix counts, and for an account that has
    prices of its own on a channel only those. Numbers that no prefix fits can't be sent to; without any price on a
    channel, everything there is free. What was accepted before keeps its price.

    For example, for all numbers, for those of Greece, and for one account:

        carillon price set --channel sms 0.06

        carillon price set --channel sms --prefix 30 0.045 --vat 24

        carillon price set --channel sms --account 1 0.05 --capture delivery
    """
    command = SetPrice(
        channel=channel,
        amount=parse_amount(amount),
        prefix=prefix,
        account_id=account_id,
        vat=parse_percent(vat),
        capture=Capture(capture),
    )

    async def work(db: "Database") -> ListedPrice:
        price = await db.run(set_price, operator(), command)
        await followed()
        return price

    price = session.run(work)
    whose = "for every account" if price.account_id is None else f"for account {price.account_id}"
    where = f"numbers of {price.prefix}" if price.prefix else "any address"
    with_vat = f", VAT {format_percent(price.vat)} %" if price.vat else ""
    cost = f"{format_amount(price.amount)} a part{with_vat}, owed at {price.capture}"
    session.answer(_shown(price), f"{price.channel} to {where}, {whose}: {cost}.")


@group.command("list")
@_account
@with_session
def list_(session: Session, *, account_id: int | None) -> None:
    """List the prices: all of them, or those of one account and of every account.

    For example:

        carillon price list --account 1
    """
    prices = session.run(lambda db: db.read(list_prices, operator(), ListPrices(account_id=account_id)))
    rows = [_shown(price) for price in prices]
    session.answer(rows, table(rows, "There is no price: everything is free."))


@group.command
@_channel
@_account
@_prefix
@with_session
def delete(session: Session, *, channel: str, account_id: int | None, prefix: str) -> None:
    """Delete a price, named by channel, account and prefix.

    For example:

        carillon price delete --channel sms --prefix 30
    """
    command = DeletePrice(channel=channel, prefix=prefix, account_id=account_id)

    async def work(db: "Database") -> None:
        await db.run(delete_price, operator(), command)
        await followed()

    session.run(work)
    session.answer({"deleted": True}, "The price is deleted.")


def _shown(price: ListedPrice) -> dict[str, object]:
    return {
        "account_id": price.account_id,
        "channel": price.channel,
        "prefix": price.prefix,
        "amount": format_amount(price.amount),
        "vat": format_percent(price.vat),
        "capture": price.capture.value,
        "created_at": price.created_at,
    }
