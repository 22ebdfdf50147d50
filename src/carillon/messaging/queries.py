"""Looking at sendings and messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.messaging.sealed import open_text
from carillon.messaging.states import MessageState
from carillon.tenancy.secrets import SecretBox

SQL = load_statements("carillon.messaging", "queries.sql")

_LAST = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """An accepted request and its counters; money in micro-units.

    `expected` is how many recipients it will have, while these are being written and it is known.
    """

    sending_id: UUID
    campaign_id: int | None
    state: str
    dialect: str
    channel: str
    traffic_class: int
    sender: str
    text: str = field(repr=False)
    encoding: str | None
    reference: str | None
    scheduled_at: datetime | None
    expires_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    recipients: int
    excluded: int
    waiting: int
    submitted: int
    uncertain: int
    delivered: int
    undelivered: int
    expired: int
    rejected: int
    cancelled: int
    unknown: int
    parts: int
    reserved: int
    captured: int
    expected: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A row of the ledger; money in micro-units. Of two attempts it is the second."""

    message_id: UUID
    sending_id: UUID
    contact_id: int | None
    carrier_id: int | None
    state: str
    reason: str | None
    address: str = field(repr=False)
    parts: int
    encoding: str | None
    network: str | None
    price: int
    vat: int
    money: str
    submitted_at: datetime | None
    final_at: datetime | None
    seen_at: datetime | None
    channel: str
    sender: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that failed, of a message that was sent by another channel then; money in micro-units."""

    channel: str
    state: str
    reason: str | None
    carrier_id: int | None
    parts: int
    price: int
    vat: int
    money: str
    submitted_at: datetime | None
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMessages:
    """Ask for the latest messages: to one of some addresses (E.164 digits), of a sending, both, or all."""

    addresses: Sequence[str] = field(default=(), repr=False)
    sending_id: UUID | None = None
    before: UUID = _LAST
    limit: int = 100


async def list_sendings(tx: Tx, actor: Actor, *, before: UUID = _LAST, limit: int = 100) -> list[Sending]:
    """List sendings, the latest first."""
    return [Sending(**row) for row in await tx.fetch(SQL["list_sendings"], actor.account_id, before, limit)]


async def get_sending(tx: Tx, actor: Actor, sending_id: UUID) -> Sending:
    """Return a sending. Raises NotFoundError for `sending`."""
    row = await tx.fetchrow(SQL["get_sending"], actor.account_id, sending_id)
    if row is None:
        raise NotFoundError("sending")
    return Sending(**row)


async def get_message(tx: Tx, actor: Actor, message_id: UUID) -> Message:
    """Return a message. Raises NotFoundError for `message`."""
    row = await tx.fetchrow(SQL["get_message"], actor.account_id, message_id)
    if row is None:
        raise NotFoundError("message")
    return Message(**row)


async def list_attempts(tx: Tx, actor: Actor, message_id: UUID) -> list[Attempt]:
    """List the earlier attempts of a message: most have none."""
    return [Attempt(**row) for row in await tx.fetch(SQL["attempts_of"], actor.account_id, message_id)]


async def get_message_state(tx: Tx, actor: Actor, message_id: UUID) -> MessageState:
    """Return where a message is; what was accepted and is still to be written waits. Raises NotFoundError."""
    # In this order: what is written between the two reads is missed by neither.
    unwritten = await tx.fetchrow(SQL["find_unwritten"], actor.account_id, message_id)
    row = await tx.fetchrow(SQL["get_message"], actor.account_id, message_id)
    if row is not None:
        return MessageState(row["state"])
    if unwritten is None:
        raise NotFoundError("message")
    return MessageState.WAITING if unwritten["reason"] is None else MessageState.EXCLUDED


async def list_messages(tx: Tx, actor: Actor, query: ListMessages) -> list[Message]:
    """List messages, the latest first."""
    page = (query.before, query.limit)
    if query.addresses:
        rows = await tx.fetch(SQL["messages_to"], actor.account_id, query.addresses, query.sending_id, *page)
    elif query.sending_id is not None:
        rows = await tx.fetch(SQL["messages_of_sending"], actor.account_id, query.sending_id, *page)
    else:
        rows = await tx.fetch(SQL["latest_messages"], actor.account_id, *page)
    return [Message(**row) for row in rows]


async def next_due(tx: Tx, actor: Actor) -> datetime | None:
    """Tell when the next thing of the account is due, in its time; None where nothing is."""
    due_at: datetime | None = await tx.fetchval(SQL["next_due"], actor.account_id)
    return due_at


async def simulated_phones(
    tx: Tx, actor: Actor, box: SecretBox, *, addresses: Sequence[str] | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """List what phones got, the latest first; of a text with sealed values what arrived, until they are forgotten."""
    rows = await tx.fetch(SQL["inbox"], actor.account_id, addresses, limit)
    return [
        {
            **{name: value for name, value in row.items() if name not in {"sending_id", "sealed"}},
            "text": open_text(box, actor.account_id, row["sending_id"], row["text"], row["sealed"]),
        }
        for row in rows
    ]
