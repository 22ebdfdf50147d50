"""Whether an account's books balance: what is stored as a sum against the journal that it is the sum of."""

from dataclasses import dataclass
from uuid import UUID

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.ids import AccountId

SQL = load_statements("carillon.billing", "reconciliation.sql")

MAX_DIFFERENCES = 100
"""So many sendings whose sums differ are reported of an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A stored sum, `recorded` (micro-units), which should be `expected`.

    `subject` is `balance.available`, `balance.reserved`, `sending.reserved` or `sending.captured`; a
    `balance.available` below the credit limit should be that limit below zero at least.
    """

    subject: str
    recorded: int
    expected: int
    sending_id: UUID | None = None


async def check_balances(tx: Tx, account_id: AccountId) -> list[Difference]:
    """Compare an account's balance, and what its sendings have reserved and captured, with the journal.

    It takes the time of reading the account's journal and sendings. Each comparison is one statement, whose snapshot
    has no transaction in part: it may run beside the account's work.
    """
    return [*await _compare_balance(tx, account_id), *await _compare_sendings(tx, account_id)]


async def _compare_balance(tx: Tx, account_id: AccountId) -> list[Difference]:
    row = await tx.fetchrow(SQL["compare_balance"], account_id)
    if row is None:
        raise AssertionError("an aggregate has one row")
    found = [
        Difference(subject=f"balance.{name}", recorded=row[name], expected=int(row[f"journal_{name}"]))
        for name in ("available", "reserved")
        if row[name] != row[f"journal_{name}"]
    ]
    if row["available"] < -row["credit_limit"]:
        lowest = -row["credit_limit"]
        found.append(Difference(subject="balance.available", recorded=row["available"], expected=lowest))
    return found


async def _compare_sendings(tx: Tx, account_id: AccountId) -> list[Difference]:
    return [
        Difference(
            subject=f"sending.{name}",
            recorded=row[name],
            expected=int(row[f"journal_{name}"]),
            sending_id=row["sending_id"],
        )
        for row in await tx.fetch(SQL["compare_sendings"], account_id, MAX_DIFFERENCES)
        for name in ("reserved", "captured")
        if row[name] is not None and row[name] != row[f"journal_{name}"]
    ]
