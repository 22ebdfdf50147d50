"""`carillon message`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from carillon.billing.money import format_amount
from carillon.cli.options import account_option, phones_of
from carillon.cli.session import Session, open_actor, table, with_session
from carillon.cli.visible import visible_address
from carillon.errors import NotFoundError
from carillon.messaging.queries import Attempt, ListMessages, Message, get_message, list_attempts, list_messages

if TYPE_CHECKING:
    from carillon.db.database import Database

_LISTED = ("message_id", "address", "state", "reason", "parts", "submitted_at", "final_at")


@click.group
def group() -> None:
    """Look at messages: what became of each."""


@group.command
@click.argument("message", type=click.UUID)
@account_option()
@with_session
def show(session: Session, *, message: UUID, account_id: int) -> None:
    """Show a message, with its text.

    state is where it is, and reason why it ended so: suppressed, unknown_subscriber, no_route … What it was sent by
    before, and failed, is below. What happened to it, step by step, is in `carillon events`. For example:

        carillon message show 0198c0de-7000-7000-8000-000000000001 --account 1
    """

    async def work(db: "Database") -> tuple[Message, list[Attempt]]:
        actor = await open_actor(db, account_id)
        try:
            return await db.read(get_message, actor, message), await db.read(list_attempts, actor, message)
        except NotFoundError as error:
            way = f"carillon message list --account {account_id} --to NUMBER"
            raise NotFoundError("message", f"There is no message {message}. To look for it: {way}") from error

    found, attempts = session.run(work)
    shown = _shown(found)
    for_people = shown | {"address": visible_address(found.address)}
    lines = [f"{name + ':':<14} {value}" for name, value in for_people.items() if value is not None]
    lines += [f"{'before:':<14} {one.channel} {one.state}, {one.reason}, at {one.ended_at}" for one in attempts]
    session.answer({**shown, "attempts": [_shown(one) for one in attempts]}, lines)


@group.command("list")
@account_option()
@click.option("--to", "address", metavar="NUMBER", help="To this number only, as it is dialled or international.")
@click.option("--sending", type=click.UUID, metavar="SENDING", help="Of this sending only.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, the latest first."
)
@with_session
def list_(session: Session, *, account_id: int, address: str | None, sending: UUID | None, limit: int) -> None:
    """List the latest messages.

    For example, whatever became of those to a number, and who got nothing of a sending, and why:

        carillon message list --account 1 --to 0541234567

        carillon message list --account 1 --sending 0198c0de-7000-7000-8000-000000000001 --limit 1000
    """

    async def work(db: "Database") -> list[Message]:
        actor = await open_actor(db, account_id)
        to = phones_of(address, actor.country, field="to") if address else ()
        return await db.read(list_messages, actor, ListMessages(addresses=to, sending_id=sending, limit=limit))

    found = session.run(work)
    rows = [{name: getattr(one, name) for name in _LISTED} | {"address": visible_address(one.address)} for one in found]
    session.answer([_shown(one) for one in found], table(rows, "There is no such message."))


def _shown(one: Message | Attempt) -> dict[str, Any]:
    return {**asdict(one), "price": format_amount(one.price), "vat": format_amount(one.vat)}
