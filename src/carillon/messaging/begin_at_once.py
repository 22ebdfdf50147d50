"""Beginning what is accepted in the transaction that accepts it, where its account has nothing else under way.

Its chunks are written as claimed, with all their messages in flight, and are submitted when that is committed: one SMS
at an idle server waits for one commit, not for three transactions. The worker plans them while the database commits.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from carillon.carriers.contract import OutgoingMessage
from carillon.db.database import Database, Tx
from carillon.errors import UnavailableError
from carillon.kit.ids import AccountId
from carillon.messaging.chunks import Chunk, NewChunk, begun_chunk
from carillon.messaging.dispatch import DispatchWorker, worker_name
from carillon.messaging.placement import AccountFacts, Placement, Rows
from carillon.messaging.plan import BegunChunks, Commit, Plan, Task, encoding_of
from carillon.messaging.rules.quiet import permitted_at
from carillon.workers.shape import Worker
from carillon.workers.turns import OpenTurns


class BeginAtOnce:
    """The beginning of what one transaction accepts, which may be tried again: what is begun is so by one try alone."""

    def __init__(self, db: Database, account_id: AccountId) -> None:
        self._db = db
        self._account_id = account_id
        self._commit: asyncio.Future[Commit] | None = None

    def begin(
        self,
        tx: Tx,
        facts: AccountFacts,
        placements: Sequence[Placement],
        rows: Rows,
        chunks: Sequence[NewChunk],
    ) -> Sequence[NewChunk]:
        """Return the chunks as they are to be written: begun, where all of them can be submitted at once.

        They can where the account's turn at the worker is free, and their carriers run here, are up, and take all of
        them in their first slice.
        """
        if self._commit is not None:
            self._end(Commit.UNDONE)
            return chunks
        if not chunks or not facts.settings.is_active or not _are_due(tx.now, placements, rows, chunks):
            return chunks
        turn = self._db.process_state(OpenTurns).take(worker_name(chunks[0].traffic_class), self._account_id)
        if turn is None:
            return chunks
        work = None
        try:
            if _have_room(turn.worker, chunks):
                work = self._work(tx, facts, placements, rows, [begun_chunk(one) for one in chunks])
        finally:
            turn.use(work)
        return [replace(one, is_begun=True) for one in chunks] if work else chunks

    def _work(
        self, tx: Tx, facts: AccountFacts, placements: Sequence[Placement], rows: Rows, begun: Sequence[Chunk]
    ) -> BegunChunks:
        commit = self._commit = asyncio.get_running_loop().create_future()
        return BegunChunks(
            account_id=self._account_id,
            clock_offset=facts.settings.clock_offset,
            work_id=begun[0].chunk_id,
            attempt=1,
            due_at=tx.real_now,
            traffic_class=begun[0].traffic_class,
            chunks=begun,
            make_plan=partial(_plan_of, self._account_id, tx.now, placements, rows, begun),
            commit=commit,
        )

    async def committed(self) -> None:
        """Have what was begun submitted: it is committed. A single carrier has it before the caller is answered."""
        if self._end(Commit.DONE):
            await asyncio.sleep(0)  # the worker goes on in this turn of the event loop

    def failed(self, error: Exception) -> None:
        """Give the turn back; what was begun is let go first where it may be committed all the same."""
        self._end(Commit.UNKNOWN if isinstance(error, UnavailableError) else Commit.UNDONE)

    def _end(self, commit: Commit) -> bool:
        """Set the outcome of the transaction, once; False where nothing was begun, or the outcome is set already."""
        if self._commit is None or self._commit.done():
            return False
        self._commit.set_result(commit)
        return True


def _are_due(now: datetime, placements: Sequence[Placement], rows: Rows, chunks: Sequence[NewChunk]) -> bool:
    """Whether nothing keeps the messages from being submitted now: neither time, nor pace, nor their countries."""
    traffic_class = chunks[0].traffic_class
    return (
        all(one.due_at <= now and one.traffic_class is traffic_class for one in chunks)
        and all(one.per_second is None for one in placements)
        and all(permitted_at(number, now, traffic_class) <= now for number in rows.numbers if number)
    )


def _have_room(worker: Worker[Any, Any], chunks: Sequence[NewChunk]) -> bool:
    if not isinstance(worker, DispatchWorker):
        raise TypeError(f"{worker.name} dispatches nothing")
    messages: Counter[int] = Counter()
    for one in chunks:
        messages[one.carrier_id] += len(one.message_ids)
    return all(count <= worker.room(carrier_id) for carrier_id, count in messages.items())


def _text_of(placement: Placement) -> str:
    return placement.text if placement.shown is None else placement.shown


def _plan_of(
    account_id: AccountId, now: datetime, placements: Sequence[Placement], rows: Rows, begun: Sequence[Chunk]
) -> Plan:
    plan = Plan()
    row_of = {message_id: row for row, message_id in enumerate(rows.message_ids)}
    for chunk in begun:
        for row in (row_of[one] for one in chunk.message_ids):
            one = placements[rows.places[row]]
            text = rows.texts[row]
            message = OutgoingMessage(
                account_id=account_id,
                message_id=rows.message_ids[row],
                sender=one.sender,
                address=rows.numbers[row] or "",
                text=_text_of(one) if text is None else text,
                encoding=encoding_of(rows.encodings[row]),
                parts=rows.parts[row],
                traffic_class=one.traffic_class,
                validity=one.expires_at - now,
                flash=one.flash,
                channel=one.channel,
                content=one.content.with_button_url(rows.button_urls[row])
                if one.content and rows.button_urls
                else one.content,
            )
            task = Task(chunk=chunk, message=message, due_at=one.due_at, expires_at=one.expires_at)
            plan.tasks.setdefault(chunk.carrier_id, []).append(task)
    return plan
