"""`carillon balance`."""

from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import UUID

import click

from carillon.billing.balances import (
    AddCredit,
    Balance,
    JournalEntry,
    ListJournal,
    SetCreditLimit,
    add_credit,
    get_balance,
    list_journal,
    set_credit_limit,
)
from carillon.billing.money import format_amount, parse_amount
from carillon.cli.options import account_option
from carillon.cli.session import Session, open_actor, table, with_session

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """Show an account's money, add to it, and read its journal."""


@group.command
@account_option()
@with_session
def show(session: Session, *, account_id: int) -> None:
    """Show what the account has.

    That is: what is available, what is reserved for messages on their way, and how far below zero it may go.

    For example:

        carillon balance show --account 1
    """

    async def work(db: "Database") -> Balance:
        actor = await open_actor(db, account_id)
        return await db.read(get_balance, actor)

    _answer(session, account_id, session.run(work))


@group.command
@click.argument("amount")
@account_option()
@click.option("--note", metavar="TEXT", help="What it is, for the journal: the number of an invoice.")
@with_session
def add(session: Session, *, amount: str, account_id: int, note: str | None) -> None:
    """Add AMOUNT to what the account has, in its currency.

    Below zero it takes away what was added by mistake; -- keeps the sign from being read as a flag.

    For example:

        carillon balance add 250 --account 1 --note "invoice 17"

        carillon balance add --account 1 -- -50.5
    """
    command = AddCredit(amount=parse_amount(amount, signed=True), note=note)

    async def work(db: "Database") -> Balance:
        actor = await open_actor(db, account_id)
        return await db.run(add_credit, actor, command)

    _answer(session, account_id, session.run(work))


@group.command
@click.argument("amount")
@account_option()
@with_session
def limit(session: Session, *, amount: str, account_id: int) -> None:
    """Let the account go AMOUNT below zero, and no further.

    0 is prepayment: what is not covered is excluded, for lack of credit.

    For example:

        carillon balance limit 100 --account 1
    """
    command = SetCreditLimit(limit=parse_amount(amount, field="limit"))

    async def work(db: "Database") -> Balance:
        actor = await open_actor(db, account_id)
        return await db.run(set_credit_limit, actor, command)

    _answer(session, account_id, session.run(work))


@group.command
@account_option()
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many entries.")
@click.option("--before", type=click.UUID, metavar="ENTRY_ID", help="Only entries older than this one.")
@with_session
def journal(session: Session, *, account_id: int, limit: int, before: UUID | None) -> None:
    """List what has moved, newest first.

    Each amount goes from the ledger account `credit` to the ledger account `debit`.

    The ledger accounts are outside, available, reserved, revenue and vat.

    For example:

        carillon balance journal --account 1 --limit 20
    """

    async def work(db: "Database") -> list[JournalEntry]:
        actor = await open_actor(db, account_id)
        return await db.read(list_journal, actor, ListJournal(before=before, limit=limit))

    rows = [{**asdict(entry), "amount": format_amount(entry.amount)} for entry in session.run(work)]
    session.answer(rows, table(rows, f"Nothing has moved in account {account_id} yet."))


def _answer(session: Session, account_id: int, balance: Balance) -> None:
    amounts = {name: format_amount(getattr(balance, name)) for name in ("available", "reserved", "credit_limit")}
    session.answer(
        {"account_id": account_id, **amounts, "currency": balance.currency},
        [
            f"available     {amounts['available']} {balance.currency}",
            f"reserved      {amounts['reserved']} {balance.currency}",
            f"credit limit  {amounts['credit_limit']} {balance.currency}",
        ],
    )
