"""`carillon sandbox`."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from carillon.cli.durations import Duration
from carillon.cli.options import account_option, phones_of
from carillon.cli.session import Session, open_actor, table, with_session
from carillon.cli.visible import visible_address
from carillon.errors import InvalidInputError
from carillon.tenancy.secrets import SecretBox

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.kit.actor import Actor


@click.group
def group() -> None:
    """Move a sandbox account's clock, and see its simulated phones."""


@group.command
@click.argument("by", type=Duration())
@account_option("The sandbox account.")
@with_session
def advance(session: Session, *, by: timedelta, account_id: int) -> None:
    """Move the account's clock forward BY 90s, 30m, 2h or 1d12h.

    Schedules, quiet hours, retries, receipts, callbacks and expiries that are due by then happen now, in their order:
    each step is printed with its events as it is done. A clock can't be set back. For example, to see what becomes of a
    message that is due tomorrow:

        carillon sandbox advance 1d --account 1
    """
    advanced = session.run(lambda db: _advance(session, db, account_id, by))
    now = advanced.steps[-1].at
    steps = [{"at": one.at, "events": one.events} for one in advanced.steps if one.events]
    session.answer({"now": now, "steps": steps}, f"It is {_written(now)} in account {account_id}.")


@dataclass(frozen=True, slots=True)
class _Step:
    """A moment at which the clock stood, and how many events of each kind happened there."""

    at: datetime
    events: dict[str, int]


@dataclass(slots=True)
class _Advanced:
    """What a move of the clock has led to, until now."""

    steps: list[_Step] = field(default_factory=list)
    last: int = 0


async def _advance(session: Session, db: "Database", account_id: int, by: timedelta) -> _Advanced:
    from carillon.events.log import last_sequence  # noqa: PLC0415 - half a second that `--help` must not take
    from carillon.messaging.sandbox import Timed, advance_sandbox  # noqa: PLC0415 - as above
    from carillon.otp.otps import OTPS_DUE  # noqa: PLC0415 - as above
    from carillon.otp.queries import next_otp_due  # noqa: PLC0415 - as above

    actor = await open_actor(db, account_id)
    advanced = _Advanced(last=await db.read(last_sequence, actor))
    at: datetime | None = None
    passwords = Timed(next_due=next_otp_due, topic=OTPS_DUE)
    async with _working(db, session):
        async for moment in advance_sandbox(db, actor, by, [passwords]):
            # What was due at the moment before is done by now.
            await _note(session, db, actor, advanced, at or moment)
            at = moment
    if at is not None:
        await _note(session, db, actor, advanced, at)
    return advanced


async def _note(session: Session, db: "Database", actor: "Actor", advanced: _Advanced, at: datetime) -> None:
    """Note a step with its events, and print it."""
    from carillon.events.log import ReadEvents, read_events  # noqa: PLC0415 - as above

    kinds: Counter[str] = Counter()
    while found := await db.read(read_events, actor, ReadEvents(after=advanced.last)):
        kinds.update(event.kind for event in found)
        advanced.last = found[-1].sequence
    advanced.steps.append(_Step(at, dict(kinds)))
    if kinds and not session.as_json:
        click.echo(f"{_written(at)}  {', '.join(f'{count:,} {kind}' for kind, count in kinds.items())}")


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%SZ}"


@asynccontextmanager
async def _working(db: "Database", session: Session) -> AsyncIterator[None]:
    """Do the work of sandbox accounts in this process meanwhile, whether or not a server runs."""
    from carillon.background import sandbox_work  # noqa: PLC0415 - as above
    from carillon.metrics import Metrics  # noqa: PLC0415 - as above
    from carillon.outbound.client import HttpClient  # noqa: PLC0415 - as above
    from carillon.workers.host import run_background  # noqa: PLC0415 - as above

    stopping = asyncio.Event()
    async with HttpClient(session.settings.outbound_allow) as outbound:
        background = sandbox_work(db, outbound, SecretBox(session.settings.secret_key_path))
        host = asyncio.create_task(run_background(db, background, Metrics().work, stopping, poll_seconds=0.2))
        try:
            yield
        finally:
            stopping.set()
            await host


@group.command
@account_option("The sandbox account.")
@click.option("--phone", metavar="NUMBER", help="Of this phone only.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, the latest first."
)
@with_session
def inbox(session: Session, *, account_id: int, phone: str | None, limit: int) -> None:
    """Show what the simulated network has taken for its phones, the latest first; state says whether it arrived.

    content is what an instant message shows beside its text; links are the short links in both, which a
    running server answers. For example:

        carillon sandbox inbox --account 1

        carillon sandbox inbox --account 1 --phone 0541234567
    """
    from carillon.links.phones import short_links_in  # noqa: PLC0415 - as above
    from carillon.messaging.instant import describe_content  # noqa: PLC0415 - as above
    from carillon.messaging.options import read_content  # noqa: PLC0415 - as above
    from carillon.messaging.queries import simulated_phones  # noqa: PLC0415 - as above
    from carillon.messaging.sandbox import require_sandbox  # noqa: PLC0415 - as above

    box = SecretBox(session.settings.secret_key_path)

    async def work(db: "Database") -> list[dict[str, Any]]:
        actor = await open_actor(db, account_id)
        await db.read(require_sandbox, actor)
        addresses = phones_of(phone, actor.country, field="phone") if phone else None
        rows = await db.read(simulated_phones, actor, box, addresses=addresses, limit=limit)
        for row in rows:
            button_url = row.pop("button_url")
            row["content"] = describe_content(read_content(row["content"]), button_url)
            row["links"] = short_links_in(db, actor, f"{row['text']} {button_url or ''}")
        return rows

    rows = session.run(work)
    shown = [row | {"address": visible_address(row["address"])} for row in rows]
    session.answer(rows, table(shown, "No phone got anything yet."))


@group.command
@account_option("The sandbox account.")
@click.option("--from", "phone", required=True, metavar="NUMBER", help="The phone that writes.")
@click.option("--to", "sender", required=True, metavar="SENDER", help="The sender that it answers.")
@click.option("--media", "media_url", metavar="URL", help="A picture, video or file, instead of a text.")
@click.argument("text", required=False, default="")
@with_session
def reply(  # noqa: PLR0913 - one for each flag
    session: Session, *, account_id: int, phone: str, sender: str, media_url: str | None, text: str
) -> None:
    """Write TEXT from a simulated phone, to a sender that it got something from.

    It is an event (`carillon events`), and goes to the client's URL for replies where the message named one. STOP
    suppresses the number for the account, START ends that. For example:

        carillon sandbox reply --account 1 --from 0541234567 --to Blue STOP
    """
    from carillon.messaging.sandbox import reply_from  # noqa: PLC0415 - as above

    async def work(db: "Database") -> None:
        actor = await open_actor(db, account_id)
        addresses = phones_of(phone, actor.country, field="from")
        await reply_from(db, actor, addresses=addresses, to=sender, text=text, media_url=media_url)

    if bool(text) == bool(media_url):
        raise InvalidInputError("text", "A phone answers with TEXT, or with --media; not both.")
    session.run(work)
    session.answer({"from": phone, "to": sender}, f"{phone} has answered {sender}.")
