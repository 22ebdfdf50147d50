"""`carillon events`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from carillon.cli.options import account_option
from carillon.cli.session import Session, open_actor, with_session
from carillon.cli.visible import visible, visible_address
from carillon.events.log import Event, ReadEvents, follow, last_sequence, read_events

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.kit.actor import Actor

_LATEST = 20
_PAGE = 1_000
# What else an event says may be an address or a text.
_SHOWN = frozenset(
    {
        *("reason", "network", "channel", "carrier_id", "code", "parts", "was"),
        *("class", "reasons", "name", "page", "browser", "os"),
    }
)
_MASK = "…"


@click.command
@account_option()
@click.option(
    "--after",
    type=click.IntRange(min=0),
    metavar="SEQUENCE",
    help=f"All events after this number; 0 is all that there are. [default: the latest {_LATEST}]",
)
@click.option("--follow", "-f", "follows", is_flag=True, help="Then go on, and print events as they happen.")
@click.option("--addresses", is_flag=True, help="Show addresses and texts, which are masked otherwise.")
@with_session
def events(session: Session, *, account_id: int, after: int | None, follows: bool, addresses: bool) -> None:
    """Print what happened to an account's messages.

    Each event has a number, and the numbers have no gaps: a program that remembers the last number that it has
    processed goes on after it, and misses nothing. Events are kept as long as retention_days says. With --json each
    event is an object on a line of its own.

    For example, everything so far and what comes, for another program:

        carillon events --account 1 --after 0 --follow --json
    """

    async def print_all(db: "Database") -> None:
        actor = await open_actor(db, account_id)
        last = await _print_after(session, db, actor, after, addresses=addresses)
        if follows:
            async for found in follow(db, actor, last):
                _print(session, found, addresses=addresses)

    try:
        session.run(print_all)
    except KeyboardInterrupt:
        if not follows:
            raise


async def _print_after(session: Session, db: "Database", actor: "Actor", after: int | None, *, addresses: bool) -> int:
    """Print the events after a number, or the latest ones, and return the number of the last."""
    last = max(await db.read(last_sequence, actor) - _LATEST, 0) if after is None else after
    while found := await db.read(read_events, actor, ReadEvents(after=last, limit=_PAGE)):
        _print(session, found, addresses=addresses)
        last = found[-1].sequence
    return last


def _print(session: Session, found: Sequence[Event], *, addresses: bool) -> None:
    lines = _objects(found, addresses=addresses) if session.as_json else _lines(found, addresses=addresses)
    click.echo("\n".join(lines if session.as_json else map(visible, lines)))


def _objects(found: Sequence[Event], *, addresses: bool) -> Iterator[str]:
    for event in found:
        shown = {
            "sequence": event.sequence,
            "at": event.at,
            "kind": event.kind,
            "sending_id": event.sending_id,
            "message_id": event.message_id,
            "data": _data(event, addresses=addresses),
        }
        yield msgspec.json.encode(shown).decode()


def _lines(found: Sequence[Event], *, addresses: bool) -> Iterator[str]:
    for event in found:
        data = " ".join(
            f"{key}={visible_address(str(value)) if key == 'from' else value}"
            for key, value in _data(event, addresses=addresses).items()
        )
        about = event.message_id or event.sending_id or "-"
        yield f"{event.sequence:>9}  {event.at:%Y-%m-%d %H:%M:%SZ}  {event.kind:<12}  {about}  {data}".rstrip()


def _data(event: Event, *, addresses: bool) -> Mapping[str, object]:
    if addresses:
        return event.data
    return {key: value if key in _SHOWN else _MASK for key, value in event.data.items()}
