"""Prices: what a part of a message costs, by account, channel and the digits that an address begins with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from asyncpg import Record

from carillon.billing.money import MAX_VAT, UNIT, vat_of
from carillon.db.database import Database, Tx
from carillon.db.remembered import Remembered
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId
from carillon.tenancy import audit
from carillon.tenancy.accounts import OpenAccount, Operator, open_account

SQL = load_statements("carillon.billing", "prices.sql")

PRICES = "prices"
"""The topic of changed prices; its keys are accounts, 0 for those of every account."""

CHANNELS = ("sms", "im", "email", "voice")

MAX_PART_PRICE = 1_000_000 * UNIT
"""The highest price of a part: with it, a million recipients of a single part are below MAX_AMOUNT."""

MAX_PREFIX_DIGITS = 15  # as many as an E.164 number has

# Below this account stand the prices of every account that has none of its own on the channel.
_EVERY_ACCOUNT = AccountId(0)


class Capture(StrEnum):
    """When a message's reserved price becomes revenue."""

    SUBMIT = "submit"  # a carrier has taken it
    DELIVERY = "delivery"  # a receipt says delivered; else the reservation is released


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Of one part: `amount` in micro-units, without `vat`, which is in millionths of the amount."""

    amount: int
    vat: int
    capture: Capture

    def cost(self, parts: int) -> tuple[int, int]:
        """Return a message's price for all its parts, without VAT, and the VAT on it (rounded as in `money`)."""
        price = self.amount * parts
        return price, vat_of(price, self.vat)


FREE = Price(amount=0, vat=0, capture=Capture.SUBMIT)


class _ByHead(dict[str, Price | None]):
    """The price of addresses by their first digits, as many as the longest prefix has; found ones are kept."""

    _KEPT = 100_000  # heads of long prefixes are as many as there are addresses

    def __init__(self, by_prefix: dict[str, Price]) -> None:
        super().__init__()
        self._by_prefix = by_prefix
        self._lengths = sorted({len(prefix) for prefix in by_prefix}, reverse=True)

    def __missing__(self, head: str) -> Price | None:
        if len(self) >= self._KEPT:
            self.clear()
        prefixes = (head[:length] for length in self._lengths)
        found = next((self._by_prefix[prefix] for prefix in prefixes if prefix in self._by_prefix), None)
        self[head] = found
        return found


class Prices:
    """The prices that count for one account on one channel, by prefix.

    Without any, everything is free. With some, an address that no prefix fits has no price: it can't be sent to.
    """

    def __init__(self, by_prefix: dict[str, Price]) -> None:
        self.is_set = bool(by_prefix)
        """Whether there are any."""
        by_prefix = dict(by_prefix) or {"": FREE}
        self._head_digits = max(map(len, by_prefix))
        self._by_head = _ByHead(by_prefix)
        self.is_free = not any(price.amount for price in by_prefix.values()) and "" in by_prefix
        """Whether no address costs anything, so that nothing has to be reserved."""

    def of(self, addresses: Sequence[str]) -> list[Price | None]:
        """Return the price of the longest prefix that each address begins with; None where none fits."""
        by_head, digits = self._by_head, self._head_digits
        return [by_head[address[:digits]] for address in addresses]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPrice:
    """Set what a part costs on a channel, to addresses that begin with `prefix`, from now on.

    `account_id` is None for every account that has no price of its own on the channel. `amount` is in micro-units,
    `vat` in millionths of it.
    """

    channel: str
    amount: int
    prefix: str = ""
    account_id: int | None = None
    vat: int = 0
    capture: Capture = Capture.SUBMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePrice:
    """Name a price that no longer counts."""

    channel: str
    prefix: str = ""
    account_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrices:
    """Ask for all prices, or for those of one account and of every account."""

    account_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPrice:
    """A price as it was set; `account_id` is None where it is every account's."""

    account_id: AccountId | None
    channel: str
    prefix: str
    amount: int
    vat: int
    capture: Capture
    created_at: datetime


async def set_price(tx: Tx, operator: Operator, command: SetPrice) -> ListedPrice:
    """Set a price, in the place of the one that the same account, channel and prefix had.

    It counts for what is accepted from now on: a message keeps the price that it was accepted with. Raises
    InvalidInputError for `channel`, `prefix` (not digits, or any on e-mail), `amount` and `vat`; NotFoundError for
    `account`.
    """
    _check_place(command.channel, command.prefix)
    if not 0 <= command.amount <= MAX_PART_PRICE:
        raise InvalidInputError("amount", f"A part costs from 0 to {MAX_PART_PRICE // UNIT}.")
    if not 0 <= command.vat <= MAX_VAT:
        raise InvalidInputError("vat", "VAT is from 0 to 100 percent.")
    actor = await _owner(tx, operator, command.account_id)
    place = (actor.account_id, command.channel, command.prefix)
    tx.wakes(PRICES, actor.account_id)
    await tx.execute(SQL["set_price"], *place, command.amount, command.vat, command.capture, tx.real_now)
    detail = {"prefix": command.prefix, "amount": command.amount, "vat": command.vat, "capture": command.capture}
    await audit.record(tx, actor, "price.set", command.channel, detail)
    return ListedPrice(
        account_id=actor.account_id or None,
        channel=command.channel,
        prefix=command.prefix,
        amount=command.amount,
        vat=command.vat,
        capture=command.capture,
        created_at=tx.real_now,
    )


async def delete_price(tx: Tx, operator: Operator, command: DeletePrice) -> None:
    """Delete a price. Raises NotFoundError for `price` and `account`."""
    actor = await _owner(tx, operator, command.account_id)
    place = (actor.account_id, command.channel, command.prefix)
    if await tx.fetchval(SQL["delete_price"], *place) is None:
        raise NotFoundError("price")
    tx.wakes(PRICES, actor.account_id)
    await audit.record(tx, actor, "price.delete", command.channel, {"prefix": command.prefix})


async def list_prices(tx: Tx, operator: Operator, query: ListPrices) -> list[ListedPrice]:
    """List prices by account (every account's first), channel and prefix. Raises NotFoundError for `account`."""
    if query.account_id is None:
        rows = await tx.fetch(SQL["list_prices"])
    else:
        actor = await _owner(tx, operator, query.account_id)
        rows = await tx.fetch(SQL["list_account_prices"], actor.account_id)
    return [
        ListedPrice(**{**row, "account_id": row["account_id"] or None, "capture": Capture(row["capture"])})
        for row in rows
    ]


async def load_prices(tx: Tx, account_id: AccountId, channel: str) -> Prices:
    """Load the prices that count for an account on a channel: its own where it has any there, else every account's."""
    rows = await tx.fetch(SQL["load_prices"], account_id, channel)
    own = [row for row in rows if row["account_id"] != _EVERY_ACCOUNT]
    return Prices(_by_prefix(own or rows))


async def current_prices(db: Database, account_id: AccountId, channel: str) -> Prices:
    """Return what `load_prices` does, or did a moment ago (`Remembered`). Raises what `db.read` does."""
    return await db.process_state(_RememberedPrices).of(db, account_id, channel)


class _RememberedPrices(Remembered[Prices]):
    def __init__(self) -> None:
        super().__init__((PRICES,), load_prices)


def _by_prefix(rows: Iterable[Record]) -> dict[str, Price]:
    return {row["prefix"]: Price(amount=row["amount"], vat=row["vat"], capture=Capture(row["capture"])) for row in rows}


def _check_place(channel: str, prefix: str) -> None:
    if channel not in CHANNELS:
        raise InvalidInputError("channel", f"{channel!r} is not a channel: {', '.join(CHANNELS)}.")
    if not prefix:
        return
    if channel == "email":
        raise InvalidInputError("prefix", "E-mail addresses have no prefix: its price is the same for all of them.")
    if not (prefix.isascii() and prefix.isdecimal() and len(prefix) <= MAX_PREFIX_DIGITS):
        raise InvalidInputError(
            "prefix",
            f"{prefix!r} is not a prefix: 1 to {MAX_PREFIX_DIGITS} digits of an international number, as 3069.",
        )


async def _owner(tx: Tx, operator: Operator, account_id: int | None) -> Actor:
    """Return the actor in whose account's trail a change is recorded; every account's changes have one of their own."""
    if account_id is not None:
        return await open_account(tx, operator, OpenAccount(account_id=account_id))
    return Actor(
        account_id=_EVERY_ACCOUNT, audience_id=AudienceId(0), name=operator.name, source=operator.source, country=""
    )
