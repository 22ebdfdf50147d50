"""What the simulated phones of the demo account get and write, on the terminal of `carillon serve`."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from carillon.cli.session import open_actor, operator
from carillon.cli.visible import visible, visible_address
from carillon.db.database import Database
from carillon.errors import CarillonError
from carillon.events.log import Event, follow, last_sequence
from carillon.kit.actor import Actor
from carillon.messaging.queries import Message, get_message
from carillon.messaging.sandbox import require_sandbox
from carillon.messaging.states import MessageState
from carillon.tenancy.accounts import ListAccounts, list_accounts

# A thousand messages at once would push all else off the screen.
_SHOWN_AT_ONCE = 20
_FIRST = ListAccounts(limit=1)


async def demo_actor(db: Database) -> Actor | None:
    """Return the demo account, which is the first one; None where the first one is no sandbox account."""
    accounts = (await db.read(list_accounts, operator(), _FIRST)).items
    if not accounts:
        return None
    actor = await open_actor(db, accounts[0].account_id)
    try:
        await db.read(require_sandbox, actor)
    except CarillonError:
        return None
    return actor


class DemoPhones:
    """A service that shows what the phones of an account get, from its start on (`workers.shape.Service`).

    It follows the account's events, and goes on where it stopped when it is started again. `show` gets lines that have
    texts of messages: they are for a terminal, never for a log.
    """

    def __init__(self, db: Database, actor: Actor, show: Callable[[str], None]) -> None:
        self._db = db
        self._actor = actor
        self._show = show
        self._last: int | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Show them until the event is set."""
        following = asyncio.create_task(self._follow())
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if following.done():
            following.result()
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following

    async def _follow(self) -> None:
        if self._last is None:
            self._last = await self._db.read(last_sequence, self._actor)
        async for events in follow(self._db, self._actor, self._last):
            for line in await self._lines(events):
                self._show(line)
            self._last = events[-1].sequence

    async def _lines(self, events: Sequence[Event]) -> list[str]:
        heard = [one for one in events if one.kind in {MessageState.DELIVERED, "reply"} and one.message_id]
        lines: list[str] = []
        for event in heard[:_SHOWN_AT_ONCE]:
            if event.kind == "reply":
                lines.append(_written(event))
            elif event.message_id is not None:
                lines.append(_got(await self._db.read(get_message, self._actor, event.message_id)))
        if len(heard) > _SHOWN_AT_ONCE:
            account = f"--account {self._actor.account_id}"
            lines.append(f"… and {len(heard) - _SHOWN_AT_ONCE:,} more: carillon sandbox inbox {account}")
        return lines


def _got(message: Message) -> str:
    return f"phone {visible_address(message.address)} got from {visible(message.sender)}: {visible(message.text)}"


def _written(event: Event) -> str:
    data = {name: visible(str(value)) for name, value in event.data.items()}
    return f"phone {visible_address(data.get('from'))} answers {data.get('to')}: {data.get('text')}"
