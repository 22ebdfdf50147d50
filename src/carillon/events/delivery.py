"""Delivery to one endpoint: its callbacks in their order, one call at a time, over a connection that is kept.

No transaction is open while a call is made. What was delivered is recorded in batches, so a process that dies leaves
some calls unrecorded: whoever claims the endpoint makes them again, from the first of them on.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

import structlog

from carillon.db.database import Database
from carillon.events.facts import Waiting, same_sending, waiting_callbacks
from carillon.events.format import CallbackFacts, CallbackFormat, CallbackRequest
from carillon.events.queue import (
    Ended,
    HeldEndpoint,
    HeldEndpoints,
    end_endpoint,
    record_callbacks,
    record_failure,
    release_endpoint,
)
from carillon.events.retries import attempts_made, pause_after, rest_after
from carillon.outbound.client import HttpClient
from carillon.outbound.exchange import HttpRequest, OutboundError
from carillon.workers.failures import log_failure

log = structlog.get_logger(__name__)

# Read first, when nobody knows whether the endpoint answers: many may hang at once, and what was read waits in memory.
_LOADED_FIRST = 20
_LOADED = 200
_RECORDED = 50
_RECORDED_SECONDS = 0.25
_MAX_REPLY_BYTES = 256 * 1024


class _Answer(NamedTuple):
    """What became of a call; `is_permanent`: it would fail again whenever it is made."""

    is_success: bool
    status: int | None
    is_permanent: bool = False


class Delivery:
    """A turn of one endpoint: `run` ends when `ends_at` (monotonic) has passed, an attempt fails, or nothing waits."""

    def __init__(  # noqa: PLR0913 - each is another thing
        self,
        db: Database,
        client: HttpClient,
        callback_format: CallbackFormat,
        held: HeldEndpoints,
        endpoint: HeldEndpoint,
        *,
        ends_at: float,
    ) -> None:
        self._db = db
        self._client = client
        self._format = callback_format
        self._held = held
        self._endpoint = endpoint
        self._ends_at = ends_at
        self._ended: list[Ended] = []
        self._recorded_at = time.monotonic()
        self._calls = 0

    async def run(self) -> int:
        """Deliver, and release the endpoint. Returns the number of calls that succeeded. Raises LostLeaseError."""
        actor, place = self._held.actor, self._endpoint.place
        was_empty = False
        while True:
            limit = max(self._format.max_batch, _LOADED if self._calls else _LOADED_FIRST)
            waiting = await self._db.read(waiting_callbacks, actor, place, limit)
            if waiting and not await self._tell(waiting):
                break
            if not waiting and await self._db.run_at_once(end_endpoint, actor, self._endpoint):
                break
            # Empty twice: somebody appends just now, who wakes the worker when it is for this endpoint.
            if time.monotonic() > self._ends_at or (was_empty and not waiting):
                await self._db.run_at_once(release_endpoint, actor, self._endpoint)
                break
            was_empty = not waiting
        return self._calls

    async def _tell(self, waiting: Sequence[Waiting]) -> bool:
        """Tell callbacks in their order; False when one has failed, and the endpoint is released until it is due."""
        for told, group in _groups(self._format, waiting):
            if not told:
                self._end(group, "skipped", None)
                continue
            await self._hold()
            answer = await self._call([one.facts for one in group if one.facts is not None])
            if answer.is_success:
                self._endpoint.failures = 0
                self._calls += 1
                self._end(group, "delivered", answer.status, more=1)
            elif answer.is_permanent:
                self._endpoint.failures += 1
                self._end(group, "failed", answer.status, more=1)
            else:
                await self._fail(group, answer.status)
                return False
            if time.monotonic() > self._ends_at:
                break
        await self._record()
        return True

    def _end(self, group: Sequence[Waiting], state: str, status: int | None, *, more: int = 0) -> None:
        for one in group:
            self._ended.append(
                Ended(callback_id=one.callback_id, state=state, attempts=one.attempts + more, http_status=status)
            )

    async def _hold(self) -> None:
        """Record from time to time, and whenever the lease might end before a call does."""
        now = time.monotonic()
        is_late = now - self._recorded_at > _RECORDED_SECONDS and self._ended
        if is_late or len(self._ended) >= _RECORDED or now + self._format.timeout_seconds > self._endpoint.safe_until:
            await self._record()

    async def _record(self) -> None:
        await self._db.run_at_once(record_callbacks, self._held.actor, self._endpoint, self._ended)
        self._log_failed()
        self._ended = []
        self._recorded_at = time.monotonic()

    async def _fail(self, group: Sequence[Waiting], status: int | None) -> None:
        schedule, endpoint, now = self._format.schedule, self._endpoint, self._now()
        pauses = []
        for one in group:
            attempts = attempts_made(
                schedule, one.attempts, failures=endpoint.failures, waiting_since=one.created_at, now=now
            )
            pause = pause_after(schedule, attempts)
            state = "failed" if pause is None else "waiting"
            pauses += [] if pause is None else [pause]
            self._ended.append(Ended(callback_id=one.callback_id, state=state, attempts=attempts, http_status=status))
        endpoint.failures += 1
        due_at = now + (pauses[0] if pauses else rest_after(endpoint.failures))
        await self._db.run_at_once(record_failure, self._held.actor, endpoint, self._ended, due_at)
        self._log_failed()

    def _log_failed(self) -> None:
        count = sum(one.state == "failed" for one in self._ended)
        if count:
            ids = {"account_id": self._held.account_id, "endpoint_id": self._endpoint.place.endpoint_id}
            log.warning("callbacks_failed", count=count, **ids)

    def _now(self) -> datetime:
        return self._db.clock.now() + self._held.clock_offset

    async def _call(self, facts: Sequence[CallbackFacts]) -> _Answer:
        try:
            request = self._request(self._format.render(facts))
        except Exception as error:  # noqa: BLE001 - it has failed, so that those behind it are sent
            ids = {"account_id": self._held.account_id, "sequence": facts[0].event.sequence}
            log_failure("callback_not_rendered", error, dialect=self._format.dialect, **ids)
            return _Answer(is_success=False, status=None, is_permanent=True)
        try:
            reply = await self._client.send(request)
        except OutboundError as error:
            # With a status it has been answered, whatever is wrong with the body.
            is_success = error.status is not None and self._format.is_success(error.status)
            return _Answer(is_success=is_success, status=error.status, is_permanent=error.failure.is_permanent)
        return _Answer(is_success=self._format.is_success(reply.status), status=reply.status)

    def _request(self, rendered: CallbackRequest) -> HttpRequest:
        content_type = () if rendered.content_type is None else (("Content-Type", rendered.content_type),)
        return HttpRequest(
            method=rendered.method,
            url=_with_query(self._endpoint.place.url, rendered.query),
            headers=(*content_type, *rendered.headers),
            body=rendered.body,
            timeout_seconds=self._format.timeout_seconds,
            max_reply_bytes=_MAX_REPLY_BYTES,
        )


def _groups(callback_format: CallbackFormat, waiting: Sequence[Waiting]) -> Iterator[tuple[bool, list[Waiting]]]:
    """Put together what is told in one call, and yield apart, with False, what is not told."""
    group: list[Waiting] = []
    for one in waiting:
        is_reported = one.facts is not None and callback_format.tells(one.facts)
        is_alone = one.facts is not None and callback_format.stands_alone(one.facts)
        joins = is_reported and not is_alone and same_sending(group, one) and _is_alike(callback_format, group, one)
        if joins and len(group) < callback_format.max_batch:
            group.append(one)
            continue
        if group:
            yield True, group
            group = []
        if is_reported and is_alone:
            yield True, [one]
        elif is_reported:
            group = [one]
        else:
            yield False, [one]
    if group:
        yield True, group


def _is_alike(callback_format: CallbackFormat, group: Sequence[Waiting], then: Waiting) -> bool:
    kinds = {callback_format.kind_of(one.facts) for one in (group[-1], then) if one.facts is not None}
    return len(kinds) == 1


def _with_query(url: str, query: Sequence[tuple[str, str]]) -> str:
    if not query:
        return url
    base, hash_mark, fragment = url.partition("#")
    return f"{base}{'&' if '?' in base else '?'}{urlencode(query)}{hash_mark}{fragment}"
