"""The routing of an account as it is now: read, and remembered for a moment.

What is remembered is at most `ROUTING_SECONDS` old, counted from before it was read, so whoever changes a carrier or a
route and waits that long knows that every process has followed: the command line does. Within the process of the change
it is followed at once, because the wake at its commit is looked at before anything that is remembered is used.
"""

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.db.topics import Listener
from carillon.errors import NotFoundError
from carillon.kit.ids import AccountId
from carillon.routing.carriers import CARRIERS
from carillon.routing.choice import CandidateRoute, Routing, UsableCarrier
from carillon.routing.routes import ROUTES

SQL = load_statements("carillon.routing", "current.sql")

ROUTING_SECONDS = 0.5
"""So long after a change of a carrier or a route another process may still go by what was before."""

_MAX_REMEMBERED = 2_000


async def load_routing(tx: Tx, account_id: AccountId, channel: str) -> Routing:
    """Read the routes and carriers of an account on a channel. Raises NotFoundError for `account`."""
    text: str | None = await tx.fetchval(SQL["load_routing"], account_id, channel)
    if text is None:
        raise NotFoundError("account", f"There is no account {account_id}.")
    return _routing(account_id, channel, text)


async def current_routing(db: Database, account_id: AccountId, channel: str) -> Routing:
    """Return what `load_routing` does, or did within the last `ROUTING_SECONDS`. Raises what it and `db.read` do."""
    return await db.process_state(_Remembered).routing(db, account_id, channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    is_sandbox: bool
    carriers: list[UsableCarrier]
    routes: list[CandidateRoute]


_decode = msgspec.json.Decoder(_Content).decode


@lru_cache(maxsize=_MAX_REMEMBERED)
def _routing(account_id: AccountId, channel: str, text: str) -> Routing:
    """Make the value of what was read; of the same text it is the same one, with the choices that it remembers."""
    content = _decode(text)
    return Routing(
        account_id=account_id,
        channel=channel,
        is_sandbox=content.is_sandbox,
        carriers=content.carriers,
        routes=content.routes,
    )


class _Remembered:
    """What a process has read lately, by account and channel, with when it began to be read."""

    def __init__(self) -> None:
        self._listening = ExitStack()
        self._listeners: list[Listener] = []
        self._read: dict[tuple[AccountId, str], tuple[float, asyncio.Task[Routing]]] = {}

    async def routing(self, db: Database, account_id: AccountId, channel: str) -> Routing:
        if not self._listeners:
            self._listeners = [self._listening.enter_context(db.topics.listen(topic)) for topic in (CARRIERS, ROUTES)]
        if any([listener.take() for listener in self._listeners]):  # noqa: C419 - each is taken
            self._read.clear()
        key, now = (account_id, channel), time.monotonic()
        began, task = self._read.get(key, (0.0, None))
        if task is None or now - began > ROUTING_SECONDS or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.create_task(db.read(load_routing, account_id, channel))
            if len(self._read) >= _MAX_REMEMBERED:
                self._read.clear()
            self._read[key] = now, task
        # Others may wait for it too: whoever goes away doesn't end it.
        return await asyncio.shield(task)
