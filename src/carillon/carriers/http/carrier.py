"""The carrier of an HTTP provider: a request for each message."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from carillon.carriers.contract import Failed, Outcome, OutgoingMessage
from carillon.carriers.failures import Failure
from carillon.carriers.http.provider import Provider
from carillon.carriers.http.tokens import CallbackUrls
from carillon.carriers.http.window import Window
from carillon.outbound.client import HttpClient
from carillon.outbound.exchange import HttpRequest, OutboundError

log = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
_END_SECONDS = 5.0


class HttpCarrier:
    """Submits each message with a request; at most `window` of them are unanswered at once.

    After a call that could not be made, or that the provider answered with being unavailable, it is down for a second,
    doubled each time up to half a minute, and then tries again. Without `callbacks` the placeholder `{callback}` is
    empty.
    """

    def __init__(
        self, carrier_id: int, provider: Provider, client: HttpClient, callbacks: CallbackUrls | None = None
    ) -> None:
        self.carrier_id = carrier_id
        self.window = provider.window
        self._provider = provider
        self._client = client
        self._callbacks = callbacks if "callback" in provider.request.placeholders else None
        self._room = Window(self.window)
        self._pause = 0.0
        self._down_until = 0.0
        self._stopping = self._ended = False
        self._calls: set[asyncio.Task[Any]] = set()

    @property
    def is_up(self) -> bool:
        """Whether the provider is thought to answer."""
        return not self._stopping and asyncio.get_running_loop().time() >= self._down_until

    @property
    def in_use(self) -> int:
        """How many requests are unanswered."""
        return self._room.in_use

    async def run(self, stopping: asyncio.Event) -> None:
        """Wait for the event, then for the calls that are under way; those that take longer are lost."""
        try:
            await stopping.wait()
        finally:
            self._stopping = True
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=_END_SECONDS)
            self._ended = True
            for call in late:
                call.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        """Submit messages, and return their outcomes in the same order."""
        return list(await asyncio.gather(*(self._submit(message) for message in messages)))

    async def _submit(self, message: OutgoingMessage) -> Outcome:
        await self._room.acquire(message.traffic_class)
        try:
            if not self.is_up:
                return Failed(failure=Failure.UNAVAILABLE)
            request = self._request(message)
            if isinstance(request, Failed):
                return request
            outcome = await self._call(request, message)
            self._note(outcome)
            return outcome
        finally:
            self._room.release()

    def _request(self, message: OutgoingMessage) -> HttpRequest | Failed:
        try:
            callback = "" if self._callbacks is None else self._callbacks.of_message(self.carrier_id, message)
            return self._provider.request.build(message, callback=callback, secret=self._provider.secret)
        except UnicodeError:  # half of a surrogate pair
            return Failed(failure=Failure.TEXT_INVALID)
        except Exception as error:  # noqa: BLE001 - a submit raises nothing
            self._log(error)
            return Failed(failure=Failure.UNAVAILABLE)

    async def _call(self, request: HttpRequest, message: OutgoingMessage) -> Outcome:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - `submit` makes one for each message
        self._calls.add(task)
        try:
            reply = await self._client.send(request)
            return self._provider.answers.read(
                reply, str(message.message_id) if self._provider.names_messages else None
            )
        except OutboundError as error:
            return self._provider.answers.read_broken(error)
        except asyncio.CancelledError:
            if not self._ended:
                raise
            return Failed(failure=Failure.LOST)
        except Exception as error:  # noqa: BLE001 - a submit raises nothing
            self._log(error)
            return Failed(failure=Failure.LOST)
        finally:
            self._calls.discard(task)

    def _note(self, outcome: Outcome) -> None:
        """Be down for a while after a provider that was not there; of calls that were under way together, once."""
        if not isinstance(outcome, Failed) or outcome.failure is not Failure.UNAVAILABLE:
            if not (isinstance(outcome, Failed) and outcome.failure is Failure.LOST):
                self._pause = self._down_until = 0.0
            return
        if self.is_up:
            self._pause = min(max(2 * self._pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            self._down_until = asyncio.get_running_loop().time() + self._pause

    def _log(self, error: Exception) -> None:
        log.error("submit_failed", carrier_id=self.carrier_id, error=type(error).__name__)
