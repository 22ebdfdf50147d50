"""What callbacks say: the events that wait for an endpoint, with their messages and sendings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.events.format import CallbackFacts, MessageFacts, SendingFacts
from carillon.events.log import Event
from carillon.kit.actor import Actor

SQL = load_statements("carillon.events", "facts.sql")

_decode = msgspec.json.decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where facts are told: an endpoint, and what of its account callbacks say."""

    endpoint_id: int
    dialect: str
    purpose: str
    url: str = field(repr=False)
    currency: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A callback that waits, since `created_at`. `facts` is None where its event has gone."""

    callback_id: UUID
    attempts: int
    created_at: datetime
    facts: CallbackFacts | None


async def waiting_callbacks(tx: Tx, actor: Actor, place: Place, limit: int) -> list[Waiting]:
    """Read the oldest callbacks that wait for an endpoint, in the order of their events."""
    rows = await tx.fetch(SQL["waiting_callbacks"], actor.account_id, place.endpoint_id, limit)
    wanted = sorted({row["sending_id"] for row in rows if row["sending_id"]})
    found = await tx.fetch(SQL["sendings_of_callbacks"], actor.account_id, wanted) if wanted else []
    sendings = {row["sending_id"]: (_sending(row), row["text"]) for row in found}
    return [_waiting(actor, place, row, sendings) for row in rows]


def _waiting(actor: Actor, place: Place, row: Record, sendings: dict[UUID, tuple[SendingFacts, str]]) -> Waiting:
    sending, text = sendings.get(row["sending_id"], (None, ""))
    data = _decode(row["data"]) if row["data"] else {}
    facts = CallbackFacts(
        account_id=actor.account_id,
        currency=place.currency,
        time_zone=place.time_zone,
        purpose=place.purpose,
        url=place.url,
        event=Event(
            sequence=row["sequence"],
            event_id=row["event_id"],
            at=row["at"],
            kind=row["kind"],
            sending_id=row["sending_id"],
            message_id=row["message_id"],
            data=data,
        ),
        message=None if row["address"] is None else _message(row, sending, text, data.get("channel")),
        sending=sending,
    )
    return Waiting(
        callback_id=row["callback_id"],
        attempts=row["attempts"],
        created_at=row["created_at"],
        facts=None if row["kind"] is None else facts,
    )


def _message(row: Record, sending: SendingFacts | None, text: str, channel: str | None) -> MessageFacts:
    """Show a message by the attempt that an event is of: the second one's events name their channel."""
    is_first = row["channel"] is not None and channel is None
    return MessageFacts(
        message_id=row["message_id"],
        contact_id=row["contact_id"],
        address=row["address"],
        text=text if row["text"] is None else row["text"],
        state=row["state"],
        reason=row["reason"],
        price=row["first_price"] if is_first else row["price"],
        vat=row["first_vat"] if is_first else row["vat"],
        parts=row["parts"],
        network=None if is_first else row["network"],
        submitted_at=row["submitted_at"],
        final_at=row["final_at"],
        guid=row["guid"],
        custom=_decode(row["custom"]) if row["custom"] else None,
        channel=channel or (sending.channel if sending else ""),
        sender=_sender(sending, channel),
    )


def _sender(sending: SendingFacts | None, channel: str | None) -> str:
    if sending is None:
        return ""
    fallback = sending.options.get("fallback")
    return str(fallback["sender"]) if channel and isinstance(fallback, Mapping) else sending.sender


def _sending(row: Record) -> SendingFacts:
    return SendingFacts(
        sending_id=row["sending_id"],
        dialect=row["dialect"],
        channel=row["channel"],
        traffic_class=row["traffic_class"],
        sender=row["sender"],
        credential_id=row["credential_id"],
        campaign_id=row["campaign_id"],
        campaign_name=row["campaign_name"] or "",
        reference=row["reference"],
        created_at=row["created_at"],
        options=_decode(row["options"]),
    )


def same_sending(group: Sequence[Waiting], then: Waiting) -> bool:
    """Whether a callback is of the same sending as those before it. They have been read together."""
    first = group[-1].facts if group else None
    return bool(first and first.sending and then.facts and then.facts.sending is first.sending)
