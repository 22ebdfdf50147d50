"""`carillon sending`."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from carillon.billing.money import format_amount
from carillon.cli.options import Moment, account_option, counted
from carillon.cli.session import Session, open_actor, table, with_session
from carillon.errors import InvalidInputError, NotFoundError
from carillon.messaging.queries import Sending, get_sending, list_sendings
from carillon.messaging.scheduling import (
    CancelSendings,
    cancel_sendings,
    pause_sending,
    reschedule_sending,
    resume_sending,
)
from carillon.messaging.states import SendingState

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.kit.actor import Actor

_LISTED = ("sending_id", "state", "sender", "recipients", "waiting", "submitted", "delivered", "created_at")
_COUNTERS = (
    *("excluded", "waiting", "submitted", "uncertain", "delivered", "undelivered", "expired", "rejected"),
    *("cancelled", "unknown"),
)


@click.group
def group() -> None:
    """List, show, pause, resume, reschedule and cancel what is sent."""


async def _actor(db: "Database", account_id: int) -> "Actor":
    return await open_actor(db, account_id)


@group.command("list")
@account_option()
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, the latest first."
)
@with_session
def list_(session: Session, *, account_id: int, limit: int) -> None:
    """List the latest sendings.

    For example:

        carillon sending list --account 1
    """

    async def work(db: "Database") -> list[Sending]:
        return await db.read(list_sendings, await _actor(db, account_id), limit=limit)

    found = session.run(work)
    rows = [{name: getattr(one, name) for name in _LISTED} for one in found]
    session.answer([_shown(one) for one in found], table(rows, "Nothing has been sent yet."))


@group.command
@click.argument("sending", type=click.UUID)
@account_option()
@with_session
def show(session: Session, *, sending: UUID, account_id: int) -> None:
    """Show a sending: where its recipients are.

    Whoever was asked for is in one of these: excluded (gets nothing; `carillon message list --sending` says why),
    waiting, submitted (a carrier has it), uncertain (nobody knows yet), or at an end: delivered, undelivered, expired,
    rejected, cancelled, unknown. For example:

        carillon sending show 0198c0de-7000-7000-8000-000000000001 --account 1
    """

    async def work(db: "Database") -> Sending:
        return await _found(db, await _actor(db, account_id), sending)

    answer_sending(session, session.run(work))


def _shown(sending: Sending) -> dict[str, Any]:
    return {
        **asdict(sending),
        "reserved": format_amount(sending.reserved),
        "captured": format_amount(sending.captured),
    }


async def _found(db: "Database", actor: "Actor", sending_id: UUID) -> Sending:
    try:
        return await db.read(get_sending, actor, sending_id)
    except NotFoundError as error:
        way = f"carillon sending list --account {actor.account_id}"
        raise NotFoundError("sending", f"There is no sending {sending_id}. The latest ones: {way}") from error


def require_to_come(db: "Database", actor: "Actor", at: datetime, advice: str) -> None:
    """Require a moment to be ahead of an account's clock. Raises InvalidInputError for `at`."""
    if at < db.clock.now() + actor.clock_offset:
        raise InvalidInputError("at", f"{at:%Y-%m-%d %H:%MZ} is over. {advice}")


def _progress(sending: Sending) -> str:
    """Say how many there will be, while they are being written."""
    if sending.state != SendingState.MATERIALISING:
        return ""
    return " so far" if sending.expected is None else f" of {sending.expected:,} so far"


def answer_sending(session: Session, sending: Sending) -> None:
    """Print a sending with its counters."""
    lines = [
        f"Sending {sending.sending_id} from {sending.sender}: {sending.state}",
        f"  {counted(sending.recipients, 'recipient')}{_progress(sending)}",
        *(f"  {getattr(sending, name):>9} {name}" for name in _COUNTERS if getattr(sending, name)),
    ]
    if sending.scheduled_at is not None:
        lines.append(f"  due at {sending.scheduled_at:%Y-%m-%d %H:%M:%SZ}")
    if sending.reserved or sending.captured:
        lines.append(f"  {format_amount(sending.captured)} paid, {format_amount(sending.reserved)} reserved")
    session.answer(_shown(sending), lines)


def _changing(name: str, change: Callable[..., Any], sentence: str) -> None:
    """Make the command of a change of state."""
    example = f"carillon sending {name} 0198c0de-7000-7000-8000-000000000001 --account 1"

    @group.command(name, help=f"{sentence}\n\nFor example:\n\n    {example}")
    @click.argument("sending", type=click.UUID)
    @account_option()
    @with_session
    def command(session: Session, *, sending: UUID, account_id: int) -> None:
        async def work(db: "Database") -> Sending:
            actor = await _actor(db, account_id)
            await _found(db, actor, sending)
            await db.run(change, actor, sending)
            return await db.read(get_sending, actor, sending)

        answer_sending(session, session.run(work))


@group.command
@click.argument("sending", type=click.UUID)
@account_option()
@click.option(
    "--at",
    type=Moment(),
    required=True,
    metavar="TIME",
    help="When: 2026-12-24T09:00, in UTC unless said otherwise.",
)
@with_session
def reschedule(session: Session, *, sending: UUID, account_id: int, at: datetime) -> None:
    """Move what is not submitted yet of a sending to another moment.

    Its validity begins anew then, and its pace is kept. For example, a day later:

        carillon sending reschedule 0198c0de-7000-7000-8000-000000000001 --account 1 --at 2026-12-25T09:00
    """

    async def work(db: "Database") -> Sending:
        actor = await _actor(db, account_id)
        await _found(db, actor, sending)
        require_to_come(db, actor, at, "A sending can be moved to a moment that is still to come.")
        await db.run(reschedule_sending, actor, sending, at)
        return await db.read(get_sending, actor, sending)

    answer_sending(session, session.run(work))


async def _cancel(tx: Any, actor: "Actor", sending_id: UUID) -> int:
    return await cancel_sendings(tx, actor, CancelSendings(sending_ids=[sending_id]))


_changing(
    "pause",
    pause_sending,
    "Pause a sending: what no worker has claimed yet waits. What a carrier has is not held up, and validity goes on "
    "meanwhile: what waits beyond it expires.",
)
_changing("resume", resume_sending, "Resume a paused sending: what waits is due again.")
_changing(
    "cancel",
    _cancel,
    "Cancel what is not submitted yet of a sending. What it would have cost is released; what a carrier has can't be "
    "called back, and still gets its receipt.",
)
