"""One connection to an SMSC: frames, sequence numbers, answers and their time-outs, enquire_link, unbind.

Nothing that a peer sends makes it raise: malformed messages are refused, unknown commands are answered with
generic_nack, and what can't be cut into PDUs ends the connection.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

import structlog

from carillon.carriers.smpp.pdu import (
    ALERT_NOTIFICATION,
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    GENERIC_NACK,
    HEADER,
    HEADER_SIZE,
    MOST_PDU,
    OUTBIND,
    RESPONSE,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    UNBIND,
    UNBIND_RESP,
    Bind,
    MalformedPduError,
    Message,
    decode_data_sm,
    decode_message,
    decode_message_id,
    deliver_response,
    encode_bind,
    pdu,
)
from carillon.carriers.smpp.pending import Submit
from carillon.carriers.smpp.statuses import (
    ESME_RINVCMDID,
    ESME_RINVCMDLEN,
    ESME_RINVMSGLEN,
    ESME_ROK,
    ESME_RUNKNOWNERR,
    status_name,
)

log = structlog.get_logger(__name__)

_DELIVERIES = frozenset({DELIVER_SM, DATA_SM})
_LAST_SEQUENCE = 0x7FFF_FFFF
# What waits to be read by the peer: one that sends and never reads is not to fill the memory.
_MOST_UNREAD = 4 * 1024**2
_MOST_TICK = 1.0
_UNBIND_SECONDS = 2.0


class BindRefusedError(Exception):
    """The SMSC refused the bind, or closed the connection instead of an answer."""


class Owner(Protocol):
    """What a session reports to. Nothing of it may raise."""

    def answered(self, submit: Submit, status: int, message_id: str) -> None: ...

    def unanswered(self, submit: Submit) -> None:
        """Take note that no answer came in time, or that the connection ended before it."""

    def received(self, session: "Session", response: int, sequence: int, message: Message) -> None:
        """Take a deliver_sm or data_sm, to be answered by `response`."""

    def has_room(self, session: "Session") -> None:
        """Use the session: it was bound, submits were answered, or it can be written to again."""

    def ended(self) -> None:
        """Take note that a session is over, after its submits were reported."""


class Session(asyncio.Protocol):
    """One bind on one connection. Make it, connect it, `bind` it, and `submit` until `closed` is done."""

    def __init__(self, owner: Owner, *, answer_seconds: float, enquire_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self._answer_seconds = answer_seconds
        self._enquire_seconds = enquire_seconds
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._sequence = 0
        self._pending: dict[int, Submit] = {}
        self._awaited: dict[int, asyncio.Future[int]] = {}
        self._heard = self._loop.time()
        self._enquired: float | None = None
        self._paused = False
        self._submits = False
        self._timer: asyncio.TimerHandle | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._others: Mapping[int, Callable[[int, int], None]] = {
            ENQUIRE_LINK: self._on_enquire,
            ENQUIRE_LINK_RESP: self._on_response,
            UNBIND: self._on_unbind,
            UNBIND_RESP: self._on_response,
            RESPONSE | BIND_RECEIVER: self._on_response,
            RESPONSE | BIND_TRANSMITTER: self._on_response,
            RESPONSE | BIND_TRANSCEIVER: self._on_response,
            GENERIC_NACK: self._on_nack,
        }

    @property
    def can_submit(self) -> bool:
        """Whether it is bound for submits, and the peer keeps up with what is written."""
        return self._submits and not self._paused

    @property
    def is_bound_to_submit(self) -> bool:
        """Whether it is bound for submits."""
        return self._submits

    @property
    def in_use(self) -> int:
        """How many submits are unanswered."""
        return len(self._pending)

    # What its owner does.

    async def bind(self, command: int, bind: Bind) -> None:
        """Bind. Raises BindRefusedError, and TimeoutError when no answer comes."""
        status = await self._ask(command, encode_bind(bind))
        if status != ESME_ROK:
            raise BindRefusedError(status_name(status))
        self._submits = command != BIND_RECEIVER
        self._tick()
        if self._submits:
            self._owner.has_room(self)

    def submit(self, submits: Sequence[Submit]) -> None:
        """Write submits, in one piece. Only while `can_submit`; the window is the owner's business."""
        now = self._loop.time()
        octets = []
        sequence = self._sequence
        for one in submits:
            sequence = sequence + 1 if sequence < _LAST_SEQUENCE else 1
            one.written_at = now
            self._pending[sequence] = one
            body = one.body
            octets.append(HEADER.pack(HEADER_SIZE + len(body), SUBMIT_SM, ESME_ROK, sequence))
            octets.append(body)
        self._sequence = sequence
        self.write(b"".join(octets))

    def write(self, octets: bytes) -> None:
        """Write PDUs; on a connection that is closed, do nothing."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(octets)
        if self._paused and transport.get_write_buffer_size() > _MOST_UNREAD:
            self._abort("the peer does not read")

    async def unbind(self) -> None:
        """End the session in order. What is unanswered is reported as such."""
        self._submits = False
        try:
            async with asyncio.timeout(_UNBIND_SECONDS):
                await self._ask(UNBIND, b"")
        except (BindRefusedError, TimeoutError):
            pass
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._submits = False
        if self._transport is not None:
            self._transport.close()

    # What the event loop does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the caller's
        self._submits = False
        if self._timer is not None:
            self._timer.cancel()
        for future in self._awaited.values():
            if not future.done():
                future.set_exception(BindRefusedError("the connection was closed"))
        self._awaited.clear()
        pending, self._pending = self._pending, {}
        for one in pending.values():
            self._owner.unanswered(one)
        self._owner.ended()
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._submits:
            self._owner.has_room(self)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        before = len(self._pending)
        try:
            self._rest = self._consume(self._rest + data if self._rest else data)
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection's end is the most that follows
            self._abort("a PDU could not be handled", failure=type(error).__name__)
        if len(self._pending) < before and self._submits:
            self._owner.has_room(self)

    # Inside.

    def _consume(self, data: bytes) -> bytes:
        """Handle all whole PDUs, and return what is left."""
        at, size = 0, len(data)
        pending, answered, unpack = self._pending, self._owner.answered, HEADER.unpack_from
        while size - at >= HEADER_SIZE:
            length, command, status, sequence = unpack(data, at)
            if not HEADER_SIZE <= length <= MOST_PDU:
                self.write(pdu(GENERIC_NACK, ESME_RINVCMDLEN, sequence))
                self._abort("a PDU has an impossible length")
                return b""
            end = at + length
            if end > size:
                break
            if command == SUBMIT_SM_RESP:
                one = pending.pop(sequence, None)
                if one is not None:
                    answered(one, status, decode_message_id(data, at + HEADER_SIZE, end))
            else:
                self._handle(command, status, sequence, data, at + HEADER_SIZE, end)
                if self._transport is None or self._transport.is_closing():
                    return b""
            at = end
        return data[at:]

    def _handle(self, command: int, status: int, sequence: int, data: bytes, start: int, end: int) -> None:  # noqa: PLR0913, PLR0917 - of the hot path
        if command in _DELIVERIES:
            self._on_deliver(command, sequence, data, start, end)
            return
        known = self._others.get(command)
        if known is not None:
            known(status, sequence)
        elif not command & RESPONSE and command not in {ALERT_NOTIFICATION, OUTBIND}:
            self.write(pdu(GENERIC_NACK, ESME_RINVCMDID, sequence))

    def _on_deliver(self, command: int, sequence: int, data: bytes, start: int, end: int) -> None:
        response = command | RESPONSE
        try:
            message = (decode_message if command == DELIVER_SM else decode_data_sm)(data, start, end)
        except MalformedPduError:
            log.warning("a malformed message was refused", command=hex(command))
            self.write(deliver_response(response, ESME_RINVMSGLEN, sequence))
            return
        self._owner.received(self, response, sequence, message)

    def _on_enquire(self, _: int, sequence: int) -> None:
        self.write(pdu(ENQUIRE_LINK_RESP, ESME_ROK, sequence))

    def _on_response(self, status: int, sequence: int) -> None:
        future = self._awaited.pop(sequence, None)
        if future is not None and not future.done():
            future.set_result(status)

    def _on_nack(self, status: int, sequence: int) -> None:
        status = status or ESME_RUNKNOWNERR
        one = self._pending.pop(sequence, None)
        if one is not None:
            self._owner.answered(one, status, "")
        else:
            self._on_response(status, sequence)

    def _on_unbind(self, _: int, sequence: int) -> None:
        log.info("the SMSC unbinds")
        self.write(pdu(UNBIND_RESP, ESME_ROK, sequence))
        self.close()

    async def _ask(self, command: int, body: bytes) -> int:
        """Send a command that is not a submit, and return the status of its answer."""
        if self._transport is None or self._transport.is_closing():
            raise BindRefusedError("the connection is closed")
        self._sequence = sequence = self._sequence + 1 if self._sequence < _LAST_SEQUENCE else 1
        future: asyncio.Future[int] = self._loop.create_future()
        self._awaited[sequence] = future
        self.write(pdu(command, ESME_ROK, sequence, body))
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await future
        finally:
            self._awaited.pop(sequence, None)

    def _tick(self) -> None:
        """Report what had no answer in time, and ask a peer that has been quiet whether it is there."""
        if self._transport is None or self._transport.is_closing():
            return
        now = self._loop.time()
        overdue = now - self._answer_seconds
        late = 0
        while self._pending:
            sequence, one = next(iter(self._pending.items()))  # in the order of their writing
            if one.written_at > overdue:
                break
            del self._pending[sequence]
            self._owner.unanswered(one)
            late += 1
        if late:
            log.warning("submits had no answer in time", submits=late)
            self._owner.has_room(self)
        self._enquire(now)
        shortest = min(self._answer_seconds, self._enquire_seconds)
        self._timer = self._loop.call_later(min(_MOST_TICK, shortest / 4), self._tick)

    def _enquire(self, now: float) -> None:
        if self._enquired is not None and self._heard >= self._enquired:
            self._enquired = None
        if self._enquired is not None:
            if now - self._enquired > self._answer_seconds:
                self._abort("the peer does not answer")
        elif now - self._heard > self._enquire_seconds:
            self._enquired = now
            self._sequence = self._sequence + 1 if self._sequence < _LAST_SEQUENCE else 1
            self.write(pdu(ENQUIRE_LINK, ESME_ROK, self._sequence))

    def _abort(self, why: str, **details: str) -> None:
        log.warning("a connection to an SMSC was cut", why=why, **details)
        self._submits = False
        if self._transport is not None:
            self._transport.abort()
