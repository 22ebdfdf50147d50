"""`carillon verify`."""

from typing import TYPE_CHECKING

import click

from carillon.cli.options import Id
from carillon.cli.session import Session, operator, with_session
from carillon.messaging.verify import BookDifference, verify_account
from carillon.tenancy.accounts import OpenAccount, every_account, open_account

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.command
@click.option("--account", "account_id", type=Id(), metavar="ID", help="One account. [default: all]")
@with_session
def verify(session: Session, *, account_id: int | None) -> None:
    """Verify the books: messages against counters, money, events.

    It changes nothing, may run beside a working server, prints what differs, and then exits with 1. For example:

        carillon verify

        carillon verify --account 1
    """

    async def work(db: "Database") -> list[tuple[int, list[BookDifference]]]:
        accounts = [account_id] if account_id else [one async for one in every_account(db, operator())]
        found: list[tuple[int, list[BookDifference]]] = []
        for one in accounts:
            actor = await db.read(open_account, operator(), OpenAccount(account_id=one))
            days = session.settings.retention_days
            found.append((one, await db.run(verify_account, actor, retention_days=days)))
        return found

    found = session.run(work)
    differences = [
        {"account_id": account, "check": one.check, "subject": one.subject, "difference": one.difference}
        for account, of_account in found
        for one in of_account
    ]
    lines = [
        f"account {one['account_id']}, {one['check']}: {one['subject']}: {one['difference']}" for one in differences
    ]
    session.answer(differences, lines or [f"The books of {len(found)} accounts are right."])
    if differences:
        raise SystemExit(1)
