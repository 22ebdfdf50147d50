"""`carillon message`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from carillon.billing.money import format_amount
from carillon.cli.options import account_option
from carillon.cli.session import Session, operator, table, with_session
from carillon.messaging.queries import ListMessages, Message, get_message, list_messages
from carillon.tenancy.accounts import OpenAccount, open_account

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

    For example:

        carillon message show 0198c0de-7000-7000-8000-000000000001 --account 1
    """

    async def work(db: "Database") -> Message:
        actor = await db.read(open_account, operator(), OpenAccount(account_id=account_id))
        return await db.read(get_message, actor, message)

    found = _shown(session.run(work))
    session.answer(found, [f"{name + ':':<14} {value}" for name, value in found.items() if value is not None])


@group.command("list")
@account_option()
@click.option("--to", "address", metavar="ADDRESS", help="To this number only, in international digits.")
@click.option("--sending", type=click.UUID, help="Of this sending only.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, the latest first."
)
@with_session
def list_(session: Session, *, account_id: int, address: str | None, sending: UUID | None, limit: int) -> None:
    """List the latest messages.

    For example:

        carillon message list --account 1 --to 972541234567
    """
    query = ListMessages(address=address.lstrip("+") if address else None, sending_id=sending, limit=limit)

    async def work(db: "Database") -> list[Message]:
        actor = await db.read(open_account, operator(), OpenAccount(account_id=account_id))
        return await db.read(list_messages, actor, query)

    found = session.run(work)
    rows = [{name: getattr(one, name) for name in _LISTED} for one in found]
    session.answer([_shown(one) for one in found], table(rows, "There is no such message."))


def _shown(message: Message) -> dict[str, Any]:
    return {**asdict(message), "price": format_amount(message.price), "vat": format_amount(message.vat)}
