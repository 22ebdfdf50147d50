"""`carillon verify`."""

import asyncio
import time
from typing import TYPE_CHECKING

import click

from carillon.audience.verify import verify_audiences
from carillon.cli.options import Id
from carillon.cli.progress import Progress
from carillon.cli.session import Session, open_actor, operator, with_session
from carillon.kit.actor import Actor
from carillon.kit.books import BookDifference
from carillon.messaging.verify import verify_account
from carillon.otp.queries import verify_otps
from carillon.tenancy.accounts import every_account

if TYPE_CHECKING:
    from carillon.db.database import Database

_LOOK_SECONDS = 0.2


@click.command
@click.option("--account", "account_id", type=Id(), metavar="ID", help="One account. [default: all]")
@with_session
def verify(session: Session, *, account_id: int | None) -> None:
    """Verify the books: messages, counters, money, events, audiences.

    For every sending, whoever was asked for must be excluded, waiting, with a carrier, uncertain or at an end; what
    waits must be in a chunk that a worker will find; balances must be the sums of their journal; and each state must
    have its event. The codes of one-time passwords that are over must be gone. Groups must have as many members as
    they say, and a status must say that its address is suppressed exactly where it is. Nothing is changed, and all is
    compared as of one moment, so that it may run beside a working server: some seconds for a million messages.

    What differs is printed, and then the exit code is 1. For example:

        carillon verify

        carillon verify --account 1
    """
    found = session.run(lambda db: _verify_all(session, db, account_id))
    differences = [
        {"account_id": account, "check": one.check, "subject": one.subject, "difference": one.difference}
        for account, of_account in found
        for one in of_account
    ]
    lines = [
        f"account {one['account_id']}, {one['check']}: {one['subject']}: {one['difference']}" for one in differences
    ]
    books = f"account {found[0][0]}" if len(found) == 1 else f"{len(found)} accounts"
    session.answer(differences, lines or [f"The books of {books} are right."])
    if differences:
        raise SystemExit(1)


async def _verify_all(
    session: Session, db: "Database", account_id: int | None
) -> list[tuple[int, list[BookDifference]]]:
    accounts = [account_id] if account_id else [one async for one in every_account(db, operator())]
    found: list[tuple[int, list[BookDifference]]] = []
    shown = Progress()
    began = time.monotonic()
    days = session.settings.retention_days
    try:
        for place, one in enumerate(accounts, 1):
            actor = await open_actor(db, one)
            verifying = asyncio.create_task(_verify(db, actor, days))
            while not verifying.done():
                shown.update(lambda: f"account {one}, {place} of {len(accounts)}, {time.monotonic() - began:.0f} s")  # noqa: B023 - it is called here
                await asyncio.wait({verifying}, timeout=_LOOK_SECONDS)
            found.append((one, verifying.result()))
    finally:
        shown.clear()
    return found


async def _verify(db: "Database", actor: Actor, retention_days: int) -> list[BookDifference]:
    return [
        *await db.run(verify_account, actor, retention_days=retention_days),
        *await db.read(verify_otps, actor),
        *await db.run(verify_audiences, actor),
    ]
