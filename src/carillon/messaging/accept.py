"""Accepting: a request becomes a sending, its messages and its chunks in one transaction, and then it is answered.

Requests of one account that come while a transaction of it is under way are accepted together in the next one: a
thousand small requests a second cost no more commits than the disk can make, and wait for no lock but their own.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from carillon.db.database import Database, Tx
from carillon.db.sessions import AssumptionError
from carillon.errors import CallerError, UnavailableError
from carillon.events.log import append_events
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.messaging.accept_many import MAX_RECIPIENTS_AT_ONCE, accept_many, is_large
from carillon.messaging.begin_at_once import BeginAtOnce
from carillon.messaging.campaigns import check_campaign_name
from carillon.messaging.contact_fields import with_contact_fields
from carillon.messaging.ledger import fail_rows
from carillon.messaging.placement import AccountSettings, ChannelFacts, KnownSettings, account_facts, channel_facts
from carillon.messaging.placing import place_rows
from carillon.messaging.prepare import PreparedSend, prepare_send
from carillon.messaging.sending_rows import (
    accepted_of,
    campaigns_of,
    count_campaigns,
    placement_of,
    rows_of,
    write_sendings,
)
from carillon.messaging.sendings import AcceptedSending, Send
from carillon.messaging.short_links import with_links, write_links_of

_MAX_TOGETHER = 500
# Reading numbers and rendering texts of so many recipients takes some milliseconds: in a thread.
_FEW = 200


async def send(db: Database, actor: Actor, command: Send) -> AcceptedSending:
    """Accept a request: it is committed, with a row for everybody whom it names, when this returns.

    A request to groups, or to very many, is committed as a sending whose messages are written in the background.

    Raises InvalidInputError and MissingInputError for `text`, `reference`, `campaign`, `scheduled_at`, `per_second`,
    the URLs, and a link's `domain` or `page`, and NotFoundError for `group`: then nothing is written. What is wrong
    with one recipient excludes that one (`AcceptedSending.failures`).
    """
    prepared = await _prepared(db, actor, command)
    if is_large(command):
        return await db.run(accept_many, actor, prepared)
    return await db.process_state(_AcceptQueues).accept(db, actor, prepared)


async def plan_send(db: Database, actor: Actor, command: Send) -> AcceptedSending:
    """Tell what `send` would accept, and write nothing. Raises what it does."""
    prepared = await _prepared(db, actor, command)
    try:
        async with db.transaction(actor) as tx:
            if is_large(command):
                planned = await accept_many(tx, actor, prepared)
            else:
                channels = await channel_facts(db, actor.account_id, [prepared.command.channel])
                (planned,) = await accept_sendings(tx, actor, channels, [prepared], [actor])
            raise _PlannedError(planned)  # noqa: TRY301 - it undoes the transaction
    except _PlannedError as error:
        return error.planned


async def _prepared(db: Database, actor: Actor, command: Send) -> PreparedSend:
    """Do what is done of a request before its transaction."""
    if command.contact_fields and command.recipients.addresses:
        command = await with_contact_fields(db, actor, command)
    if command.campaign is not None:
        check_campaign_name(command.campaign)
    command, own, shared = await with_links(db, actor, command)
    if own is not None and not is_large(command):
        await own.codes.made()  # its texts are rendered now
    prepare = partial(
        prepare_send, command, actor.country, links=own, shared_links=shared, renders=not is_large(command)
    )
    return await asyncio.to_thread(prepare) if len(command.recipients.addresses) > _FEW else prepare()


class _PlannedError(Exception):
    """Undoes the transaction of a plan."""

    def __init__(self, planned: AcceptedSending) -> None:
        super().__init__()
        self.planned = planned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    actor: Actor
    prepared: PreparedSend
    answer: "asyncio.Future[AcceptedSending]" = field(compare=False)


class _AcceptQueues:
    """The requests that wait for their transaction, by account."""

    def __init__(self) -> None:
        self._waiting: dict[AccountId, deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, db: Database, actor: Actor, prepared: PreparedSend) -> AcceptedSending:
        answer: asyncio.Future[AcceptedSending] = asyncio.get_running_loop().create_future()
        queue = self._waiting.get(actor.account_id)
        one = _Waiting(actor=actor, prepared=prepared, answer=answer)
        if queue is None:
            self._waiting[actor.account_id] = deque([one])
            task = asyncio.create_task(self._work(db, actor.account_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            queue.append(one)
        return await answer

    async def _work(self, db: Database, account_id: AccountId) -> None:
        queue = self._waiting[account_id]
        while queue:
            together = [queue.popleft()]
            messages = len(together[0].prepared.numbers)
            while queue and len(together) < _MAX_TOGETHER and messages < MAX_RECIPIENTS_AT_ONCE:
                messages += len(queue[0].prepared.numbers)
                together.append(queue.popleft())
            await _accept_together(db, together)
        del self._waiting[account_id]


async def _accept_together(db: Database, together: Sequence[_Waiting]) -> None:
    """Accept requests in one transaction; where it fails for the sake of one, each in its own."""
    actors = [one.actor for one in together]
    beginning = BeginAtOnce(db, actors[0].account_id)
    try:
        accepted = await _accept(db, [one.prepared for one in together], actors, beginning)
    except Exception as error:  # noqa: BLE001 - it is each caller's to raise
        beginning.failed(error)
        if len(together) > 1 and not isinstance(error, UnavailableError):
            for one in together:
                await _accept_together(db, [one])
            return
        for one in together:
            if not one.answer.done():
                one.answer.set_exception(error)
        return
    await beginning.committed()
    for one, outcome in zip(together, accepted, strict=True):
        if not one.answer.done():
            one.answer.set_result(outcome)


async def _accept(
    db: Database, requests: Sequence[PreparedSend], actors: Sequence[Actor], beginning: BeginAtOnce
) -> list[AcceptedSending]:
    """Accept requests of one account in one transaction.

    What is only read is assumed first where few are written to: then all of it is one statement. Whatever is wrong with
    that, it is done once more by what is read.
    """
    actor = actors[0]
    channels = await channel_facts(db, actor.account_id, [one.command.channel for one in requests])
    known = db.process_state(KnownSettings).of(actor.account_id)
    if known and sum(len(one.numbers) for one in requests) <= _FEW:
        try:
            return await db.run(accept_sendings, actor, channels, requests, actors, beginning, known)
        except (AssumptionError, CallerError):
            pass
    return await db.run(accept_sendings, actor, channels, requests, actors, beginning)


async def accept_sendings(  # noqa: PLR0913, PLR0917 - what is accepted, and for whom
    tx: Tx,
    actor: Actor,
    channels: Mapping[str, ChannelFacts],
    requests: Sequence[PreparedSend],
    actors: Sequence[Actor],
    beginning: BeginAtOnce | None = None,
    assumed: AccountSettings | None = None,
) -> list[AcceptedSending]:
    """Accept requests of one account in their order. Raises InvalidInputError for `scheduled_at`, `per_second`.

    AssumptionError when the transaction ends, where settings are assumed and it does not hold (`AccountFacts`).
    """
    facts = await account_facts(tx, actor, channels, assumed)
    placements = [await placement_of(tx, one, request) for one, request in zip(actors, requests, strict=True)]
    rows = rows_of(tx, requests)
    begin = partial(beginning.begin, tx, facts, placements, rows) if beginning else None
    events = await place_rows(tx, actor, facts, placements, rows, begin=begin)
    campaigns = await campaigns_of(tx, actor, requests, placements)
    if any(one.is_written for one in placements):
        await write_sendings(tx, actors, requests, placements, campaigns)
        events += await fail_rows(tx, actor.account_id, rows)
        await count_campaigns(tx, actor, requests, placements, campaigns)
        await write_links_of(tx, actor, placements, rows)
    if events:
        await append_events(tx, actor.account_id, events)
    return [
        accepted_of(tx, request, placements[place], rows, place, campaigns) for place, request in enumerate(requests)
    ]
