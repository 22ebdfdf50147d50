"""Sending again what one recipient has not got yet, by a carrier that has not had it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.traffic import TrafficClass
from carillon.messaging.accept_sealed import SealedSends
from carillon.messaging.options import read_content, read_fallback
from carillon.messaging.plan import encoding_of
from carillon.messaging.sealed import open_values
from carillon.messaging.sendings import MAX_VALIDITY, AcceptedSending, Recipients, Send
from carillon.messaging.states import MessageState
from carillon.text.placeholders import PlaceholderStyle

SQL = load_statements("carillon.messaging", "again.sql")


async def send_again(
    tx: Tx, actor: Actor, sending_ids: Sequence[UUID], sends: SealedSends, *, expires_at: datetime
) -> AcceptedSending | None:
    """Send the last of some sendings to one recipient again, by the next carrier of its route; or what would follow it.

    None where one of them has arrived, or where each carrier of the route has had it. Its events go to the same URL.
    Raises what `send` does.
    """
    rows = await tx.fetch(SQL["sent_so_far"], actor.account_id, sending_ids)
    if not rows or any(row["state"] == MessageState.DELIVERED for row in rows):
        return None
    waiting = await tx.fetch(SQL["carriers_of_chunks"], actor.account_id, sending_ids)
    carriers = {row["carrier_id"] for row in [*rows, *waiting]} - {None}
    last = rows[-1]
    values = open_values(sends.box, actor.account_id, last["sending_id"], last["sealed"])
    again = await sends.send(tx, actor, _command(last, sorted(carriers), expires_at), values)
    return again if again.is_written else None


def _command(last: Record, carriers: Sequence[int], expires_at: datetime) -> Send:
    """Say what is sent: the same, or the SMS that would follow an instant message."""
    fallback = read_fallback(last["fallback"]) if last["second_channel"] is None else None
    same = {"channel": last["channel"], "sender": last["sender"], "text": last["text"]}
    return Send(
        **(same if fallback is None else {"sender": fallback.sender, "text": fallback.text}),
        dialect=last["dialect"],
        traffic_class=TrafficClass(last["traffic_class"]),
        placeholders=PlaceholderStyle.BRACES,
        encodings=fallback.encodings if fallback else (encoding_of(last["encoding"]),),
        content=None if fallback else read_content(last["content"]),
        recipients=Recipients(addresses=[last["address"]], are_digits=True),
        validity=MAX_VALIDITY,
        expires_at=expires_at,
        reference=last["reference"],
        callback_url=last["url"],
        avoids=carriers,
        only_if_any=True,
    )
