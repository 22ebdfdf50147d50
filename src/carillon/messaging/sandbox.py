"""Sandbox accounts: their clock is moved, and what was due in between happens in its order."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from carillon.carriers.contract import Reply
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.events.log import last_sequence
from carillon.kit.actor import Actor
from carillon.kit.traffic import TrafficClass
from carillon.messaging.account_clock import take_account_clock
from carillon.messaging.chunks import CHUNKS_DUE
from carillon.messaging.materialisation import MATERIALISATIONS_DUE
from carillon.messaging.queries import next_due
from carillon.messaging.replies import take_reply
from carillon.messaging.simulated import SIMULATED_DUE
from carillon.tenancy.accounts import AdvanceClock, advance_clock

SQL = load_statements("carillon.messaging", "sandbox.sql")

# The server is woken and does what is due: how long it is waited for between two looks, and without progress.
_LOOK_SECONDS = 0.05
_MOST_SECONDS = 30.0
_MOMENT = timedelta(milliseconds=1)


async def require_sandbox(tx: Tx, actor: Actor) -> None:
    """Require a sandbox account. Raises InvalidInputError for `account`."""
    if not await tx.fetchval(SQL["is_sandbox"], actor.account_id):
        raise InvalidInputError(
            "account",
            "This is no sandbox account: its clock and phones are real. To make one: carillon account create --sandbox",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What a feature above this one does in time: when the next of it is due, and the topic of its worker."""

    next_due: Callable[[Tx, Actor], Awaitable[datetime | None]]
    topic: str


async def advance_sandbox(
    db: Database, actor: Actor, by: timedelta, others: Sequence[Timed] = ()
) -> AsyncIterator[datetime]:
    """Move an account's clock forward in steps, from one thing that is due to the next; yields each moment.

    Workers, of this process or another, do what is due at each step before the next one is made: messages, and what
    `others` do in time.
    Raises InvalidInputError for `account` and `by`.
    """
    await db.read(require_sandbox, actor)
    if by <= timedelta():
        raise InvalidInputError("by", "A clock is set forward only: give a positive span of time.")
    now = db.clock.now() + await db.read(_offset, actor)
    target = now + by
    while True:
        await _until_idle(db, actor, others)
        now = db.clock.now() + await db.read(_offset, actor)
        due_at = await _next_due(db, actor, others)
        step = min(due_at, target) if due_at is not None else target
        if step > now:
            await db.run(advance_clock, actor, AdvanceClock(by=step - now + _MOMENT))
        yield step
        if step >= target:
            break
    await _until_idle(db, actor, others)


async def reply_from(  # noqa: PLR0913 - what a reply has
    db: Database, actor: Actor, *, addresses: Sequence[str], to: str, text: str, media_url: str | None = None
) -> None:
    """Write a text, or send a file, as a simulated phone: the first of the addresses that got something from a sender.

    Raises InvalidInputError for `from` where none did.
    """
    await db.read(require_sandbox, actor)
    name = media_url.rpartition("/")[2] or None if media_url else None
    for address in addresses:
        reply = Reply(
            address=address, to=to, text=text, media_url=media_url, media_name=name, account_id=actor.account_id
        )
        if await take_reply(db, reply):
            return
    raise InvalidInputError(
        "from", f"This phone got no message from {to}. What phones got, and from whom: carillon sandbox inbox"
    )


async def _offset(tx: Tx, actor: Actor) -> timedelta:
    await take_account_clock(tx, actor.account_id)
    return tx.now - tx.real_now


async def _next_due(db: Database, actor: Actor, others: Sequence[Timed]) -> datetime | None:
    found = [await db.read(one, actor) for one in (next_due, *(other.next_due for other in others))]
    return min((one for one in found if one is not None), default=None)


async def _until_idle(db: Database, actor: Actor, others: Sequence[Timed]) -> None:
    """Wake workers until nothing is due. Raises InvalidInputError for `account` where nobody works."""
    before, changed_at = None, time.monotonic()
    while True:
        now = db.clock.now() + await db.read(_offset, actor)
        due_at = await _next_due(db, actor, others)
        if due_at is None or due_at > now:
            return
        done = due_at, await db.read(last_sequence, actor)
        if done != before:
            before, changed_at = done, time.monotonic()
        elif time.monotonic() - changed_at > _MOST_SECONDS:
            raise InvalidInputError("account", f"What is due has not been done for {_MOST_SECONDS:.0f} seconds.")
        await db.run(_wake, actor, [one.topic for one in others])
        await asyncio.sleep(_LOOK_SECONDS)


async def _wake(tx: Tx, actor: Actor, others: Sequence[str]) -> None:
    topics = (*(CHUNKS_DUE[one] for one in TrafficClass), SIMULATED_DUE, MATERIALISATIONS_DUE, "callbacks_due")
    for topic in (*topics, *others):
        tx.wakes(topic, actor.account_id)
