"""One carrier's part of a turn of dispatch: slice by slice, what it gets is submitted and what it answers recorded."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from carillon.carriers.contract import Accepted, Carrier, Failed, Later, Outcome
from carillon.carriers.failures import Consequence, Failure
from carillon.db.database import Database, Tx
from carillon.errors import NotFoundError, UnavailableError
from carillon.kit.actor import Actor
from carillon.kit.traffic import TrafficClass
from carillon.messaging.chunks import ClaimedChunks, LeftOver, end_chunks, write_left_over
from carillon.messaging.ledger import Move, move_messages
from carillon.messaging.plan import Plan, Task, later, name_in_flight, slices, uncertain_until
from carillon.messaging.references import KnownReferences
from carillon.messaging.simulated import keep_for_later
from carillon.messaging.states import MessageState
from carillon.routing.current import current_routing
from carillon.routing.health import Health

# A turn ends after so long, whatever is left: other accounts wait.
_TURN_SECONDS = 5.0
_RETRY = timedelta(seconds=5)
_LONGEST_RETRY = timedelta(minutes=5)
# For a carrier that is away: what waits for it costs it nothing.
_LONGEST_WAIT = timedelta(seconds=15)
_DATABASE_PAUSE_SECONDS = 1.0


class Carriers(Protocol):
    """The carriers that this process runs."""

    def ids(self) -> Sequence[int]:
        """Return those for which it takes work: those that it runs, and those that nobody may run any more."""
        ...

    def get(self, carrier_id: int) -> Carrier | None:
        """Return one that runs here."""
        ...

    def most_at_once(self, carrier_id: int) -> int | None:
        """Return how many messages its rates let a carrier have in a moment; None where there are no rates."""
        ...

    async def acquire(self, carrier_id: int, sender: str, traffic_class: TrafficClass, messages: int) -> None:
        """Wait until the rates of a carrier and a sender allow so many messages."""
        ...

    def throttled(self, carrier_id: int, pause: timedelta) -> None:
        """Slow a carrier down that has said that it gets too much."""
        ...

    def answered(self, carrier_id: int, addresses: Sequence[str], outcomes: Sequence[Outcome], seconds: float) -> None:
        """Note how a carrier answered, for its health."""
        ...


@dataclass(slots=True, kw_only=True)
class _Answers:
    """What a slice's outcomes lead to."""

    moves: list[Move] = field(default_factory=list)
    left_over: list[LeftOver] = field(default_factory=list)
    later: list[Later] = field(default_factory=list)


async def insist(db: Database, record: Callable[[Tx, Actor], Awaitable[None]], actor: Actor) -> None:
    """Record what is known nowhere else, however long the database is away.

    Where a COMMIT has broken it is recorded twice, which must change nothing.
    """
    while True:
        try:
            await db.run_at_once(record, actor)
        except UnavailableError:
            await asyncio.sleep(_DATABASE_PAUSE_SECONDS)
        else:
            return


class CarrierRun:
    """One carrier's part of a turn."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a turn is made of
        self,
        db: Database,
        work: ClaimedChunks,
        actor: Actor,
        plan: Plan,
        carrier_id: int,
        carrier: Carrier | None,
        carriers: Carriers,
        window: int,
    ) -> None:
        self._window = window
        self._db = db
        self._work = work
        self._actor = actor
        self._plan = plan
        self._carrier_id = carrier_id
        self._carrier = carrier
        self._carriers = carriers
        self._known = db.process_state(KnownReferences)
        self._submitted = 0
        self.place = work.account_id, carrier_id
        self.is_stranded = False
        """Whether the carrier was down, and no other one can take what is due for it."""

    async def run(self) -> int:
        """Submit slice by slice, until all are or the turn is over. Returns how many were submitted."""
        began = time.monotonic()
        parts = list(slices(self._plan.tasks[self._carrier_id], self._window))
        for number, tasks in enumerate(parts):
            kept = {task.chunk.chunk_id for task in self._plan.tasks[self._carrier_id]}
            held = [task for task in tasks if task.chunk.chunk_id in kept]
            over = time.monotonic() - began > _TURN_SECONDS
            rest = [task for part in parts[number + 1 :] for task in part]
            following = [] if over or not rest else list(parts[number + 1])
            with self._known.recording(self._carrier_id):
                answers = await self._submit(held)
                self._plan.left_over += answers.left_over
                if over:
                    self._plan.left_over += [later(one.chunk, one.message.message_id, one.chunk.due_at) for one in rest]
                await insist(self._db, partial(self._record, answers, following), self._actor)
                self._remember(answers)
            if not following:
                break
        return self._submitted

    async def _submit(self, tasks: Sequence[Task]) -> _Answers:
        outcomes: Sequence[Outcome]
        if self._carrier is None or not self._carrier.is_up:
            outcomes = [Failed(failure=Failure.UNAVAILABLE)] * len(tasks)
        else:
            for sender, count in Counter(task.message.sender for task in tasks).items():
                await self._carriers.acquire(self._carrier_id, sender, self._work.traffic_class, count)
            began = time.monotonic()
            messages = [task.message for task in tasks]
            outcomes = await self._carrier.submit(messages)
            seconds = time.monotonic() - began
            self._carriers.answered(self._carrier_id, [one.address for one in messages], outcomes, seconds)
        answers = _Answers()
        for task, outcome in zip(tasks, outcomes, strict=True):
            self._answer(answers, task, outcome)
        if any(isinstance(one, Failed) and one.failure.consequence is Consequence.FAIL_OVER for one in outcomes):
            await self._fail_over(answers)
        return answers

    def _answer(self, answers: _Answers, task: Task, outcome: Outcome) -> None:
        now = self._db.clock.now() + self._work.clock_offset
        message_id = task.message.message_id
        answers.later += outcome.later
        if isinstance(outcome, Accepted):
            self._submitted += 1
            answers.moves.append(
                Move(
                    message_id=message_id,
                    state=MessageState.SUBMITTED,
                    at=now,
                    taken=True,
                    carrier_id=self._carrier_id,
                    reference=outcome.reference,
                )
            )
            return
        consequence = outcome.failure.consequence
        if consequence is Consequence.REFUSE:
            state, reason = MessageState.REJECTED, outcome.failure
            answers.moves.append(
                Move(
                    message_id=message_id,
                    state=state,
                    at=now,
                    reason=reason,
                    carrier_id=self._carrier_id,
                    code=outcome.code,
                )
            )
        elif consequence is Consequence.LOSE:
            answers.moves.append(
                Move(
                    message_id=message_id,
                    state=MessageState.UNCERTAIN,
                    at=now,
                    reason=Failure.LOST,
                    carrier_id=self._carrier_id,
                )
            )
            until = uncertain_until(now, self._work.traffic_class, task.due_at, task.expires_at)
            answers.left_over.append(later(task.chunk, message_id, until))
        else:
            if consequence is Consequence.THROTTLE:
                self._carriers.throttled(self._carrier_id, outcome.retry_after or timedelta(seconds=1))
            answers.left_over.append(_retried(task, outcome, now, self._carrier_id))

    async def _fail_over(self, answers: _Answers) -> None:
        """Give what the carrier could not take to the next one of each route that has not failed yet."""
        first = self._plan.tasks[self._carrier_id][0]
        try:
            routing = await current_routing(self._db, self._work.account_id, first.chunk.channel)
        except (UnavailableError, NotFoundError):
            return  # they wait for this carrier: nothing keeps the other outcomes from being recorded
        health = self._db.process_state(Health)
        senders = {task.message.message_id: task.message for task in self._plan.tasks[self._carrier_id]}
        has_other = False
        for place, one in enumerate(answers.left_over):
            message = senders[one.message_id]
            if self._carrier_id not in one.tried:
                continue
            choice = routing.choose([message.address], sender=message.sender, traffic_class=self._work.traffic_class)
            (route,) = health.arrange(choice, [message.address], traffic_class=self._work.traffic_class)
            others = [carrier for carrier in route or () if carrier not in one.tried]
            has_other = has_other or bool(others)
            now = self._db.clock.now() + self._work.clock_offset
            answers.left_over[place] = LeftOver(
                chunk=one.chunk,
                message_id=one.message_id,
                due_at=now if others else one.due_at,
                carrier_id=others[0] if others else (route or (self._carrier_id,))[0],
                attempts=one.attempts,
                tried=one.tried if others else (),
            )
        self.is_stranded = not has_other and (self._carrier is None or not self._carrier.is_up)

    async def _record(self, answers: _Answers, following: Sequence[Task], tx: Tx, actor: Actor) -> None:
        """Record a slice's outcomes, and what is in flight next; with nothing next, end the chunks."""
        account_id = self._work.account_id
        if following:
            self._plan.keep_held(following, await name_in_flight(tx, self._work, following))
        else:
            await self._end(tx)
        if answers.later:
            await keep_for_later(tx, actor, self._carrier_id, answers.later)
        if answers.moves:
            await move_messages(tx, account_id, answers.moves)

    def _remember(self, answers: _Answers) -> None:
        """Receipts of what is committed can be matched from now on."""
        for move in answers.moves:
            if move.reference is not None:
                self._known.remember(self._carrier_id, move.reference, self._work.account_id, move.message_id)

    async def _end(self, tx: Tx) -> None:
        chunks = [one for one in self._work.chunks if one.carrier_id == self._carrier_id]
        busy = {task.chunk.chunk_id for task in self._plan.tasks[self._carrier_id]}
        mine = [one for one in chunks if one.chunk_id in busy]
        ended = await end_chunks(tx, self._work.account_id, mine)
        left = [one for one in self._plan.left_over if one.chunk.chunk_id in ended]
        await write_left_over(tx, self._work.account_id, left)


def _retried(task: Task, outcome: Failed, now: datetime, carrier_id: int) -> LeftOver:
    attempts = task.chunk.attempts + 1
    fails_over = outcome.failure.consequence is Consequence.FAIL_OVER
    longest = _LONGEST_WAIT if fails_over else _LONGEST_RETRY
    pause = outcome.retry_after or min(_RETRY * 2 ** min(attempts - 1, 10), longest)
    return LeftOver(
        chunk=task.chunk,
        message_id=task.message.message_id,
        due_at=now + pause,
        carrier_id=carrier_id,
        attempts=attempts,
        tried=(*task.chunk.tried, carrier_id) if fails_over else task.chunk.tried,
    )
