"""Turns over the accounts that have due work: first come, first served, one turn each, and again behind the others."""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from carillon.db.database import Database
from carillon.db.topics import Listener
from carillon.kit.ids import AccountId
from carillon.metrics import WorkMetrics
from carillon.workers.failures import log_failure
from carillon.workers.performer import Performer, Turn
from carillon.workers.shape import Claimed, Worker

# So many accounts are kept in mind for the time when those with due work can't be listed.
_MAX_KNOWN = 1_000
_LONGEST_REST_SECONDS = 30.0
# The most that an account's id has: ids are below 2^53.
_ID_DIGITS = 16


class OpenTurns:
    """The turns that this process gives, by their worker's name (`Database.process_state`)."""

    def __init__(self) -> None:
        self._of: dict[str, Turns] = {}

    @contextmanager
    def opened(self, name: str, turns: "Turns") -> Iterator[None]:
        """Let turns be taken during the block."""
        self._of[name] = turns
        try:
            yield
        finally:
            del self._of[name]

    def take(self, name: str, account_id: AccountId) -> "TakenTurn | None":
        """Take an account's turn at a worker, for work that is written as claimed; None where it isn't free."""
        turns = self._of.get(name)
        return turns.take(account_id) if turns else None


class TakenTurn:
    """A turn that somebody has taken: it is held up until it gets its work, or is given back."""

    def __init__(self, worker: Worker[Any, Any]) -> None:
        self.worker = worker
        self.work: asyncio.Future[Claimed | None] = asyncio.get_running_loop().create_future()

    def use(self, work: Claimed | None) -> None:
        """Have work performed that is claimed; None does without the turn."""
        if not self.work.done():  # it is cancelled when all turns have failed
            self.work.set_result(work)


class Turns:
    """Gives turns to accounts as they are woken, and as polling finds them.

    When the accounts can't be listed, because a node of a cluster is down, those that had work lately get turns all the
    same: theirs may be on other nodes. An account whose turn fails rests a while, and holds up no other.
    """

    def __init__(self, db: Database, worker: Worker[Any, Any], metrics: WorkMetrics, *, poll_seconds: float) -> None:
        self._db = db
        self._worker = worker
        self._performer = Performer(db, worker, metrics)
        self._poll_seconds = poll_seconds
        self._listener = Listener()
        self._waiting: dict[AccountId, None] = {}
        self._active: set[AccountId] = set()
        self._once_more: set[AccountId] = set()
        self._known: dict[AccountId, None] = {}
        self._rests = _Rests(poll_seconds)
        self._tasks = asyncio.TaskGroup()

    async def run(self, stopping: asyncio.Event) -> None:
        """Give turns until the process is stopping; those that are under way then are ended."""
        open_turns = self._db.process_state(OpenTurns)
        with self._db.topics.listen(self._worker.topic) as self._listener:
            async with self._tasks as turns:
                polling = turns.create_task(self._poll())
                turns.create_task(self._interrupt(stopping))
                with open_turns.opened(self._worker.name, self):
                    while not stopping.is_set():
                        while self._waiting and len(self._active) < self._worker.concurrency:
                            account_id = next(iter(self._waiting))
                            del self._waiting[account_id]
                            self._active.add(account_id)
                            turns.create_task(self._turn(account_id, self._performer.turn(account_id, stopping)))
                        woken = await self._listener.wait()
                        self._enqueue(_account_ids(woken))
                polling.cancel()

    def take(self, account_id: AccountId) -> TakenTurn | None:
        """Do what `OpenTurns.take` says."""
        is_busy = account_id in self._active or account_id in self._waiting
        if is_busy or len(self._active) >= self._worker.concurrency:
            return None
        taken = TakenTurn(self._worker)
        self._active.add(account_id)
        self._tasks.create_task(self._turn(account_id, self._perform(taken)))
        return taken

    async def _perform(self, taken: TakenTurn) -> Turn:
        """Perform what a turn was taken for, to its end: it is begun already. Nothing more is known to be due."""
        work = await taken.work
        if work is not None:
            await self._performer.perform([work], asyncio.Event())
        return Turn(claimed=0, done=0)

    async def _interrupt(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._listener.wake()

    async def _poll(self) -> None:
        while True:
            self._enqueue(await self._due_accounts())
            self._listener.wake()
            await asyncio.sleep(self._poll_seconds)

    async def _due_accounts(self) -> Iterable[AccountId]:
        try:
            due = await self._db.read(self._worker.due_accounts)
        except Exception as error:  # noqa: BLE001 - the rows are still there when it can be listed again
            log_failure("listing_failed", error, worker=self._worker.name)
            return list(self._known)
        self._learn(due)
        return due

    def _learn(self, accounts: Iterable[AccountId]) -> None:
        for account_id in accounts:
            self._known.pop(account_id, None)
            self._known[account_id] = None
        while len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def _enqueue(self, accounts: Iterable[AccountId]) -> None:
        for account_id in accounts:
            if account_id in self._active:
                self._once_more.add(account_id)
            elif not self._rests.is_resting(account_id):
                self._waiting.setdefault(account_id)

    async def _turn(self, account_id: AccountId, performing: Awaitable[Turn]) -> None:
        turn = Turn(claimed=0, done=0)
        try:
            turn = await performing
            self._rests.end(account_id)
        except Exception as error:  # noqa: BLE001 - as in `_due_accounts`
            log_failure("turn_failed", error, worker=self._worker.name, account_id=account_id)
            self._rests.begin(account_id)
        finally:
            self._active.discard(account_id)
        if turn.claimed:
            self._learn([account_id])
        if account_id in self._once_more or turn.claimed == self._worker.turn:
            self._once_more.discard(account_id)
            self._enqueue([account_id])
        self._listener.wake()


def _account_ids(keys: Iterable[str]) -> Iterator[AccountId]:
    """Read the accounts that a wake names. Other keys are ignored: any session of the database can send them."""
    for key in sorted(keys):
        if len(key) <= _ID_DIGITS and key.isascii() and key.isdecimal():
            yield AccountId(int(key))


class _Rests:
    """Accounts whose turns failed: each failure in a row doubles the rest."""

    def __init__(self, first_seconds: float) -> None:
        self._first_seconds = first_seconds
        self._of: dict[AccountId, tuple[float, float]] = {}

    def begin(self, account_id: AccountId) -> None:
        seconds = min(2 * self._of.get(account_id, (self._first_seconds / 2, 0))[0], _LONGEST_REST_SECONDS)
        self._of[account_id] = seconds, time.monotonic() + seconds

    def end(self, account_id: AccountId) -> None:
        self._of.pop(account_id, None)

    def is_resting(self, account_id: AccountId) -> bool:
        return self._of.get(account_id, (0, 0))[1] > time.monotonic()
