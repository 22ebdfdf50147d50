"""Waiting until a sending is over, with its progress."""

import asyncio
import time
from typing import TYPE_CHECKING
from uuid import UUID

import click

from carillon.cli.options import counted
from carillon.cli.progress import Progress
from carillon.messaging.queries import Sending, get_sending
from carillon.messaging.states import SendingState

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.kit.actor import Actor

_LOOK_SECONDS = 0.3
# A worker looks for due work more often than that.
_STILL_SECONDS = 10.0


async def wait_for_sending(db: "Database", actor: "Actor", sending_id: UUID) -> Sending:
    """Wait until nothing of a sending is to be done, and return it. Says so where nobody seems to work on it."""
    shown = Progress()
    before: tuple[int, ...] = ()
    moved_at = time.monotonic()
    has_warned = False
    try:
        while True:
            found = await db.read(get_sending, actor, sending_id)
            if found.state in {SendingState.FINISHED, SendingState.CANCELLED} or found.state == SendingState.PAUSED:
                return found
            counters = _counters(found)
            if counters != before:
                before, moved_at = counters, time.monotonic()
            elif not has_warned and found.waiting and time.monotonic() - moved_at > _STILL_SECONDS:
                shown.clear()
                click.echo(_nothing_moves(found), err=True)
                has_warned = True
            shown.update(lambda: progress_line(found))  # noqa: B023 - it is called here
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        shown.clear()


def progress_line(sending: Sending) -> str:
    """Write how many there are so far, and where they are."""
    so_far = " so far" if sending.state == SendingState.MATERIALISING else ""
    ended = sending.recipients - sending.waiting - sending.submitted - sending.uncertain
    share = ended / sending.recipients if sending.recipients else 0.0
    places = [f"{sending.waiting:,} waiting", f"{sending.submitted:,} with a carrier"]
    if sending.uncertain:
        places.append(f"{sending.uncertain:,} uncertain")
    places.append(f"{sending.delivered:,} delivered")
    return f"{counted(sending.recipients, 'recipient')}{so_far}: {', '.join(places)}, {share:.0%} at an end"


def _counters(sending: Sending) -> tuple[int, ...]:
    return (sending.recipients, sending.waiting, sending.submitted, sending.uncertain, sending.delivered)


def _nothing_moves(sending: Sending) -> str:
    if sending.scheduled_at is not None:
        return f"It is due at {sending.scheduled_at:%Y-%m-%d %H:%M:%SZ}. Ctrl-C stops the waiting, and not the sending."
    return "Nothing moves: is `carillon serve` running? Ctrl-C stops the waiting, and not the sending."
