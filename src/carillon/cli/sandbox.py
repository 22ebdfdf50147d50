"""`carillon sandbox`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from carillon.cli.durations import Duration
from carillon.cli.options import account_option
from carillon.cli.session import Session, operator, table, with_session
from carillon.tenancy.accounts import OpenAccount, open_account

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """Move a sandbox account's clock, and see what its simulated phones got."""


@group.command
@click.argument("by", type=Duration())
@account_option("The sandbox account.")
@with_session
def advance(session: Session, *, by: timedelta, account_id: int) -> None:
    """Move the account's clock forward BY 90s, 30m, 2h or 1d12h.

    Schedules, expiries, retries and receipts that are due by then happen now, in their order. For example:

        carillon sandbox advance 2h --account 1
    """
    from carillon.messaging.sandbox import advance_sandbox  # noqa: PLC0415 - half a second that `--help` must not take

    async def work(db: "Database") -> datetime:
        actor = await db.read(open_account, operator(), OpenAccount(account_id=account_id))
        async with _working(db, session):
            moments = [one async for one in advance_sandbox(db, actor, by)]
        return moments[-1]

    moment = session.run(work)
    session.answer({"now": moment}, f"It is {moment:%Y-%m-%d %H:%M:%SZ} in account {account_id}.")


@asynccontextmanager
async def _working(db: "Database", session: Session) -> AsyncIterator[None]:
    """Do the work of sandbox accounts in this process meanwhile, whether or not a server runs."""
    from carillon.background import sandbox_work  # noqa: PLC0415 - as above
    from carillon.metrics import Metrics  # noqa: PLC0415 - as above
    from carillon.outbound.client import HttpClient  # noqa: PLC0415 - as above
    from carillon.workers.host import run_background  # noqa: PLC0415 - as above

    stopping = asyncio.Event()
    async with HttpClient(session.settings.outbound_allow) as outbound:
        background = sandbox_work(db, outbound)
        host = asyncio.create_task(run_background(db, background, Metrics().work, stopping, poll_seconds=0.2))
        try:
            yield
        finally:
            stopping.set()
            await host


@group.command
@account_option("The sandbox account.")
@click.option("--phone", metavar="NUMBER", help="Of this phone only.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, the latest first."
)
@with_session
def inbox(session: Session, *, account_id: int, phone: str | None, limit: int) -> None:
    """Show what the simulated phones got.

    For example:

        carillon sandbox inbox --account 1
    """
    from carillon.messaging.queries import simulated_phones  # noqa: PLC0415 - as above
    from carillon.messaging.sandbox import require_sandbox  # noqa: PLC0415 - as above

    async def work(db: "Database") -> list[dict[str, Any]]:
        actor = await db.read(open_account, operator(), OpenAccount(account_id=account_id))
        await db.read(require_sandbox, actor)
        address = phone.lstrip("+") if phone else None
        return [dict(row) for row in await db.read(simulated_phones, actor, address=address, limit=limit)]

    rows = session.run(work)
    session.answer(rows, table(rows, "No phone got anything yet."))


@group.command
@account_option("The sandbox account.")
@click.option("--from", "phone", required=True, metavar="NUMBER", help="The phone that writes.")
@click.option("--to", "sender", required=True, metavar="SENDER", help="The sender that it answers.")
@click.argument("text")
@with_session
def reply(session: Session, *, account_id: int, phone: str, sender: str, text: str) -> None:
    """Write TEXT from a simulated phone to the sender of a message that it got.

    For example:

        carillon sandbox reply --account 1 --from 972541234567 --to Blue STOP
    """
    from carillon.messaging.sandbox import reply_from  # noqa: PLC0415 - as above

    async def work(db: "Database") -> None:
        actor = await db.read(open_account, operator(), OpenAccount(account_id=account_id))
        await reply_from(db, actor, address=phone.lstrip("+"), to=sender, text=text)

    session.run(work)
    session.answer({"from": phone, "to": sender}, f"{phone} has answered {sender}.")
