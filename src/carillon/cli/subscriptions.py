"""`carillon subscription`."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from carillon.billing.subscriptions import (
    CHANNELS,
    AddSubscription,
    ChangeSubscription,
    Subscription,
    add_subscription,
    change_subscription,
    list_subscriptions,
)
from carillon.cli.options import Id, Moment, account_option
from carillon.cli.session import Session, open_actor, table, with_session

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """Give senders messages that are paid for already."""


@group.command
@click.argument("total", type=click.IntRange(0))
@account_option()
@click.option("--channel", type=click.Choice(CHANNELS), default="im", show_default=True, help="What is sent.")
@click.option("--sender", required=True, metavar="S", help="The sender, as messages name it.")
@click.option("--from", "starts_at", type=Moment(), required=True, metavar="TIME", help="When it begins.")
@click.option("--until", "ends_at", type=Moment(), required=True, metavar="TIME", help="When it is over.")
@click.option("--shared", is_flag=True, help="The sender is not the account's alone: beyond TOTAL nothing is sent.")
@with_session
def add(  # noqa: PLR0913 - one for each flag
    session: Session,
    *,
    total: int,
    account_id: int,
    channel: str,
    sender: str,
    starts_at: datetime,
    ends_at: datetime,
    shared: bool,
) -> None:
    """Give a sender TOTAL messages in a span of time.

    They are used before money. When they are used up, or outside of the span, messages of the sender are paid for
    where the channel has a price, and not sent otherwise. Times are in UTC unless they say otherwise.

    For example:

        carillon subscription add 5000 --account 1 --sender Blue --from 2026-12-01 --until 2027-01-01
    """
    command = AddSubscription(
        channel=channel, sender=sender, total=total, starts_at=starts_at, ends_at=ends_at, shared=shared
    )
    _answer(session, _run(session, account_id, lambda db, actor: db.run(add_subscription, actor, command)))


@group.command("list")
@account_option()
@with_session
def list_(session: Session, *, account_id: int) -> None:
    """List an account's subscriptions, the latest first.

    For example:

        carillon subscription list --account 1
    """
    found = _run(session, account_id, lambda db, actor: db.read(list_subscriptions, actor))
    rows = [asdict(one) for one in found]
    session.answer(rows, table(rows, f"Account {account_id} has no subscription yet."))


@group.command
@click.argument("subscription_id", type=Id())
@account_option()
@with_session
def disable(session: Session, *, subscription_id: int, account_id: int) -> None:
    """Disable the subscription SUBSCRIPTION_ID: while it would count, its sender sends nothing.

    For example:

        carillon subscription disable 1 --account 1
    """
    _change(session, account_id, subscription_id, disabled=True)


@group.command
@click.argument("subscription_id", type=Id())
@account_option()
@with_session
def enable(session: Session, *, subscription_id: int, account_id: int) -> None:
    """Enable the subscription SUBSCRIPTION_ID again.

    For example:

        carillon subscription enable 1 --account 1
    """
    _change(session, account_id, subscription_id, disabled=False)


def _change(session: Session, account_id: int, subscription_id: int, *, disabled: bool) -> None:
    command = ChangeSubscription(subscription_id=subscription_id, disabled=disabled)
    _answer(session, _run(session, account_id, lambda db, actor: db.run(change_subscription, actor, command)))


def _run(session: Session, account_id: int, work: "Callable[[Database, Any], Awaitable[Any]]") -> Any:
    async def done(db: "Database") -> Any:
        actor = await open_actor(db, account_id)
        return await work(db, actor)

    return session.run(done)


def _answer(session: Session, one: Subscription) -> None:
    state = "disabled" if one.disabled else f"{one.total - one.used:,} of {one.total:,} left"
    span = f"{one.starts_at:%Y-%m-%d %H:%M} to {one.ends_at:%Y-%m-%d %H:%M} UTC"
    session.answer(one, f"Subscription {one.subscription_id}: {one.channel} from {one.sender}, {span}, {state}.")
