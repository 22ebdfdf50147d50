"""Unsubscriptions: when, through what, by whom and why contacts have unsubscribed from their audience, by channel.

A contact whose own status is unsubscribed has one, whatever lies over that status; it goes when the status does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "unsubscriptions.sql")

ContactChannel = tuple[int, str]
"""A contact's id and a channel, sms or email."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscription:
    """When a contact has unsubscribed on a channel, through what, by whom, and why where that is known.

    `last_said_at` is later where it was said once more.
    """

    unsubscribed_at: datetime
    source: str
    actor: str
    reason: str | None
    said_again_at: datetime | None = None

    @property
    def last_said_at(self) -> datetime:
        """The last time that it was said."""
        return self.said_again_at or self.unsubscribed_at


NO_ORIGINS: Mapping[ContactChannel, Unsubscription] = {}


async def record_unsubscriptions(
    tx: Tx,
    actor: Actor,
    contact_ids: Sequence[int],
    *,
    reason: str | None = None,
    origins: Mapping[ContactChannel, Unsubscription] = NO_ORIGINS,
) -> None:
    """Keep how contacts of the locked audience, whose statuses have just changed, came to be unsubscribed.

    It was now, by the actor and for the reason, or as `origins` say. What is kept already stays, and goes where a
    contact isn't unsubscribed any more.
    """
    if not contact_ids:
        return
    given = [(*key, one.unsubscribed_at, one.source, one.actor, one.reason) for key, one in origins.items()]
    columns = [list(column) for column in zip(*given, strict=True)] or [[]] * 6
    now = (tx.now, actor.source, actor.name, reason)
    await tx.execute(SQL["record"], actor.account_id, actor.audience_id, contact_ids, *now, *columns)


async def say_again(tx: Tx, actor: Actor, said: Sequence[ContactChannel]) -> None:
    """Keep that contacts of the locked audience, which are unsubscribed already, have said so now."""
    if said:
        columns = [list(column) for column in zip(*said, strict=True)]
        await tx.execute(SQL["say_again"], actor.account_id, actor.audience_id, tx.now, *columns)


async def unsubscriptions_of(
    tx: Tx, actor: Actor, contact_ids: Sequence[int]
) -> Mapping[ContactChannel, Unsubscription]:
    """Return the unsubscriptions of contacts."""
    rows = await tx.fetch(SQL["unsubscriptions_of"], actor.account_id, actor.audience_id, contact_ids)
    return {(row["contact_id"], row["channel"]): _unsubscription(row) for row in rows}


async def any_unsubscription(tx: Tx, actor: Actor, channel: str) -> bool:
    """Tell whether any contact of the audience has unsubscribed on a channel."""
    return bool(await tx.fetchval(SQL["any_unsubscription"], actor.account_id, actor.audience_id, channel))


def _unsubscription(row: Record) -> Unsubscription:
    return Unsubscription(
        unsubscribed_at=row["unsubscribed_at"],
        source=row["source"],
        actor=row["actor"],
        reason=row["reason"],
        said_again_at=row["said_again_at"],
    )
