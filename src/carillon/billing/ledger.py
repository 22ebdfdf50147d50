"""The ledger: money is reserved when a message is accepted, and captured or released later.

Double entry: each journal row moves an amount from one ledger account to another (outside, available, reserved,
revenue, vat), in the statement that moves the balance, so that the balance is the journal's sum at all times.

Each function locks the account's balance row until the transaction ends, so that an account's reservations are one
after the other: it is called as late as can be, after every other row that the transaction locks. What costs nothing
touches neither the balance nor the journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.ids import AccountId

SQL = load_statements("carillon.billing", "ledger.sql")

# More than any balance and credit limit together (`money.MAX_AMOUNT`), and still a bigint.
_MORE_THAN_ANY = 4 * 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a sending is to reserve, in micro-units with VAT. Raises ValueError for less than nothing."""

    sending_id: UUID
    amount: int

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError("less than nothing can't be reserved")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientCosts:
    """What each recipient of a sending costs, in the order in which they are served, in micro-units with VAT."""

    sending_id: UUID
    costs: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of money that a sending has reserved, in micro-units: `captured` is without `captured_vat`.

    Raises ValueError for less than nothing.
    """

    sending_id: UUID
    captured: int = 0
    captured_vat: int = 0
    released: int = 0

    def __post_init__(self) -> None:
        if min(self.captured, self.captured_vat, self.released) < 0:
            raise ValueError("less than nothing can't be settled")


async def available_for(tx: Tx, account_id: AccountId) -> int:
    """Lock the account's balance and return what can be reserved: what is available and the credit limit together."""
    available: int | None = await tx.fetchval(SQL["lock_available"], account_id)
    return available or 0


async def reserve(tx: Tx, account_id: AccountId, reservations: Sequence[Reservation]) -> list[bool]:
    """Reserve for sendings in their order, each all or nothing, and tell which were reserved.

    One that doesn't fit doesn't keep a smaller one behind it from being reserved. It is one statement where all fit.
    """
    if await _reserve_all(tx, account_id, reservations):
        return [True] * len(reservations)
    left = await available_for(tx, account_id)
    fits: list[bool] = []
    for one in reservations:
        fits.append(one.amount == 0 or one.amount <= left)
        left -= one.amount if fits[-1] else 0
    await _reserve_known(tx, account_id, [one for one, fit in zip(reservations, fits, strict=True) if fit])
    return fits


async def reserve_recipients(tx: Tx, account_id: AccountId, requests: Sequence[RecipientCosts]) -> list[list[bool]]:
    """Reserve for the recipients of many requests in their order, and tell of each recipient whether it is paid for.

    When credit ends within a request, its recipients up to there are paid for whole, and none behind them but those
    that cost nothing; the requests behind it may have what is left. It is one statement where all fit.
    """
    whole = [Reservation(sending_id=one.sending_id, amount=sum(one.costs)) for one in requests]
    if await _reserve_all(tx, account_id, whole):
        return [[True] * len(one.costs) for one in requests]
    left = await available_for(tx, account_id)
    paid: list[list[bool]] = []
    reservations: list[Reservation] = []
    for one in requests:
        paid.append(affordable(left, one.costs))
        amount = sum(cost for cost, is_paid in zip(one.costs, paid[-1], strict=True) if is_paid)
        left -= amount
        reservations.append(Reservation(sending_id=one.sending_id, amount=amount))
    await _reserve_known(tx, account_id, reservations)
    return paid


def affordable(available: int, costs: Sequence[int]) -> list[bool]:
    """Tell of each recipient, in order, whether it is paid for: all until credit ends, and what costs nothing."""
    return [cost == 0 or total <= available for cost, total in zip(costs, accumulate(costs), strict=True)]


async def settle(tx: Tx, account_id: AccountId, settlements: Sequence[Settlement]) -> None:
    """Capture and release what sendings have reserved: a set of journal rows for each of them, in one statement.

    A capture moves reserved money to revenue and to VAT, a release back to what is available. A message is settled
    once, which is its caller's to see to (`message.money`). Raises asyncpg's CheckViolationError for more than the
    account has reserved, and LookupError where it has no balance.
    """
    moves = [
        (one.sending_id, debit, amount)
        for one in settlements
        for debit, amount in (("revenue", one.captured), ("vat", one.captured_vat), ("available", one.released))
        if amount
    ]
    if not moves:
        return
    released = sum(one.released for one in settlements)
    sending_ids, debits, amounts = (list(column) for column in zip(*moves, strict=True))
    entry_ids = [tx.new_uuid() for _ in moves]
    totals = (released, sum(amounts))
    rows = (entry_ids, sending_ids, debits, amounts)
    if await tx.fetchval(SQL["settle"], account_id, tx.now, *totals, *rows) is None:
        raise LookupError("the account has no balance, so it has reserved nothing")


async def _reserve_known(tx: Tx, account_id: AccountId, reservations: Sequence[Reservation]) -> None:
    """Reserve what is known to fit, as the balance is locked."""
    if not await _reserve_all(tx, account_id, reservations):
        raise RuntimeError("the balance has changed while it was locked")


async def _reserve_all(tx: Tx, account_id: AccountId, reservations: Sequence[Reservation]) -> bool:
    """Reserve all or nothing."""
    paid = [one for one in reservations if one.amount]
    if not paid:
        return True
    total = sum(one.amount for one in paid)
    if total > _MORE_THAN_ANY:
        return False
    entry_ids = [tx.new_uuid() for _ in paid]
    rows = (entry_ids, [one.sending_id for one in paid], [one.amount for one in paid])
    return await tx.fetchval(SQL["reserve"], account_id, tx.now, total, *rows) is not None
