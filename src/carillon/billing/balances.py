"""An account's balance: credit comes in, a limit is set, and the journal says how it came about."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from carillon.billing.money import MAX_AMOUNT, format_amount
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.tenancy import audit

SQL = load_statements("carillon.billing", "balances.sql")

MAX_NOTE_CHARACTERS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account has, in micro-units of its currency.

    `available` may be below zero, down to `-credit_limit`; `reserved` is for messages that were accepted and are
    neither captured nor released yet.
    """

    available: int
    reserved: int
    credit_limit: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCredit:
    """Add to what is available, in micro-units; less than zero takes away. `note` stands in the journal."""

    amount: int
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCreditLimit:
    """Set how far below zero the account may go, in micro-units."""

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """An amount that moved from the ledger account `credit` to `debit`: outside, available, reserved, revenue, vat."""

    entry_id: UUID
    at: datetime
    kind: str
    debit: str
    credit: str
    amount: int
    sending_id: UUID | None
    note: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListJournal:
    """Ask for the newest entries, or those older than `before`, newest first."""

    before: UUID | None = None
    limit: int = 100


async def get_balance(tx: Tx, actor: Actor) -> Balance:
    """Tell what the actor's account has; one that never had credit has nothing. Raises NotFoundError for `account`."""
    row = await tx.fetchrow(SQL["get_balance"], actor.account_id)
    if row is None:
        raise NotFoundError("account")
    return Balance(**row)


async def add_credit(tx: Tx, actor: Actor, command: AddCredit) -> Balance:
    """Add credit to the actor's account, or take some away, with its journal entry.

    Raises InvalidInputError for `amount` (zero, more than the credit limit lets be taken away, a balance of more than
    MAX_AMOUNT) and `note` (over 500 characters).
    """
    note = command.note.strip() if command.note else None
    if note and (len(note) > MAX_NOTE_CHARACTERS or "\0" in note):
        raise InvalidInputError("note", f"A note has at most {MAX_NOTE_CHARACTERS} characters.")
    if command.amount == 0:
        raise InvalidInputError("amount", "Zero adds nothing.")
    balance = await _lock(tx, actor)
    if balance.available + command.amount < -balance.credit_limit and command.amount < 0:
        most = format_amount(balance.available + balance.credit_limit)
        raise InvalidInputError("amount", f"At most {most} {balance.currency} can be taken away.")
    if abs(balance.available + balance.reserved + command.amount) > MAX_AMOUNT:
        raise InvalidInputError("amount", f"A balance is at most {format_amount(MAX_AMOUNT)}.")
    await tx.execute(SQL["add_credit"], actor.account_id, command.amount)
    debit, credit = ("available", "outside") if command.amount > 0 else ("outside", "available")
    entry = (tx.new_uuid(), tx.now, debit, credit, abs(command.amount), note)
    await tx.execute(SQL["write_credit"], actor.account_id, *entry)
    await audit.record(tx, actor, "balance.credit", actor.account_id, {"amount": command.amount})
    return await get_balance(tx, actor)


async def set_credit_limit(tx: Tx, actor: Actor, command: SetCreditLimit) -> Balance:
    """Set the credit limit of the actor's account.

    Raises InvalidInputError for `limit`: below zero, above MAX_AMOUNT, or below what the account owes already.
    """
    if not 0 <= command.limit <= MAX_AMOUNT:
        raise InvalidInputError("limit", f"A credit limit is from 0 to {format_amount(MAX_AMOUNT)}.")
    balance = await _lock(tx, actor)
    if balance.available < -command.limit:
        owed = format_amount(-balance.available)
        raise InvalidInputError(
            "limit",
            f"The account owes {owed} {balance.currency}: the limit can be that, or more, until credit comes in.",
        )
    await tx.execute(SQL["set_credit_limit"], actor.account_id, command.limit)
    if balance.credit_limit != command.limit:
        detail = {"from": balance.credit_limit, "to": command.limit}
        await audit.record(tx, actor, "balance.limit", actor.account_id, detail)
    return await get_balance(tx, actor)


async def list_journal(tx: Tx, actor: Actor, query: ListJournal) -> list[JournalEntry]:
    """List an account's journal, newest first; the next page is asked with the last one's `entry_id`."""
    rows = await tx.fetch(SQL["list_entries"], actor.account_id, query.before, query.limit)
    return [JournalEntry(**row) for row in rows]


async def _lock(tx: Tx, actor: Actor) -> Balance:
    """Become the only one who changes the balance until the transaction ends, and make its row where there is none."""
    await tx.execute(SQL["open_balance"], actor.account_id)
    await tx.fetchrow(SQL["lock_balance"], actor.account_id)
    return await get_balance(tx, actor)
