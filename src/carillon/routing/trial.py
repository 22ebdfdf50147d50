"""One test message through a carrier, step by step: what `carillon carrier test` shows.

The carrier is made and run here, for this message alone, with one connection: nothing is written to the database, and
the messages of others are left to the processes that run the carrier.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from urllib.parse import SplitResult, urlsplit

from carillon.carriers.contract import Accepted, Carrier, Outcome, OutgoingMessage, Receipt, ReceiptState, Reply
from carillon.carriers.registry import CarrierConfig, Surroundings, make_carrier
from carillon.errors import InvalidInputError
from carillon.kit.ids import AccountId, UuidFactory
from carillon.kit.traffic import TrafficClass
from carillon.text.segments import choose_encoding, count_parts

_CONNECT_SECONDS = 10.0
_POLL_SECONDS = 0.02
_END_SECONDS = 5.0
_DEFAULT_PORTS = {"smpp": 2775, "smpps": 3550, "smtp": 25, "smtps": 465, "http": 80, "https": 443}
# Of these the connection is made by the first message, by a client that checks the address itself.
_CONNECTED_LATER = {"http", "https"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: whether it went well, what came of it, and how many seconds it took."""

    name: str
    ok: bool
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMessage:
    """The test message; so many seconds are waited for the carrier to be up, and again for a receipt."""

    channel: str
    address: str = field(repr=False)
    sender: str
    text: str = field(repr=False)
    seconds: float


async def try_carrier(config: CarrierConfig, around: Surroundings, message: TrialMessage) -> AsyncIterator[Step]:
    """Yield the steps as they are taken; the last one is the first that fails, or a receipt.

    `around` has what the carrier's kind needs; its inbox is not used. Raises InvalidInputError for `text`.
    """
    outgoing = _outgoing(message)
    inbox = _Received()
    if config.kind == "smpp":
        config = replace(config, options={**config.options, "binds": "1"})
    async for step in _reach(config.url):
        yield step
        if not step.ok:
            return
    carrier = make_carrier(config, replace(around, inbox=inbox))
    stopping = asyncio.Event()
    running = asyncio.create_task(carrier.run(stopping))
    try:
        step = await _until_up(config.kind, carrier, running, message.seconds)
        yield step
        if not step.ok:
            return
        began = time.perf_counter()
        (outcome,) = await carrier.submit([outgoing])
        yield _submitted(outcome, began)
        if isinstance(outcome, Accepted):
            async for step in _receipts(outcome, inbox, message.seconds):
                yield step
    finally:
        stopping.set()
        await asyncio.wait({running}, timeout=_END_SECONDS)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class _Received:
    """An inbox that keeps what comes."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Receipt | Reply] = asyncio.Queue()

    async def take(self, carrier_id: int, received: Sequence[Receipt | Reply]) -> None:
        del carrier_id
        for one in received:
            self.queue.put_nowait(one)


def _outgoing(message: TrialMessage) -> OutgoingMessage:
    encoding = choose_encoding(message.text)
    if encoding is None:
        raise InvalidInputError("text", "The text can't be sent in any encoding.")
    return OutgoingMessage(
        account_id=AccountId(0),
        message_id=UuidFactory(SystemRandom()).make(datetime.now(UTC)),
        sender=message.sender,
        address=message.address,
        text=message.text,
        encoding=encoding,
        parts=count_parts(message.text, encoding),
        traffic_class=TrafficClass.TRANSACTIONAL,
        validity=timedelta(hours=1),
        channel=message.channel,
    )


async def _reach(url: str) -> AsyncIterator[Step]:
    """Look up the URL's host and, where it is dialled directly, connect to its port once."""
    target = urlsplit(url)
    if not target.hostname:
        return
    port = target.port or _DEFAULT_PORTS.get(target.scheme, 0)
    began = time.perf_counter()
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.hostname, port, type=1)
    except OSError as error:
        yield _step("resolve", began, f"{target.hostname} has no address: {error.strerror}", ok=False)
        return
    addresses = dict.fromkeys(str(one[4][0]) for one in found)
    yield _step("resolve", began, f"{target.hostname} is {', '.join(addresses)}")
    if target.scheme not in _CONNECTED_LATER:
        yield await _connect(target, port)


async def _connect(target: SplitResult, port: int) -> Step:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(target.hostname, port)
    except TimeoutError:
        return _step("connect", began, f"port {port} doesn't answer: is a firewall between?", ok=False)
    except OSError as error:
        return _step("connect", began, f"port {port} refuses: {error.strerror}", ok=False)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return _step("connect", began, f"port {port} answers")


async def _until_up(kind: str, carrier: Carrier, running: asyncio.Task[None], seconds: float) -> Step:
    name, began = "bind" if kind == "smpp" else "start", time.perf_counter()
    while not carrier.is_up and not running.done() and time.perf_counter() - began < seconds:  # noqa: ASYNC110 - see contract
        await asyncio.sleep(_POLL_SECONDS)
    if carrier.is_up:
        return _step(name, began, f"ready for {carrier.window} messages at once")
    if running.done() and not running.cancelled() and (error := running.exception()):
        return _step(name, began, f"it has failed: {type(error).__name__}", ok=False)
    return _step(name, began, "it is not up: its log lines say why (user, password, allowed addresses)", ok=False)


def _submitted(outcome: Outcome, began: float) -> Step:
    if isinstance(outcome, Accepted):
        reference = "no receipts will come" if outcome.reference is None else f"reference {outcome.reference}"
        return _step("submit", began, f"accepted, {reference}")
    code = f", code {outcome.code}" if outcome.code else ""
    return _step("submit", began, f"{outcome.failure}{code}: {outcome.failure.consequence.value}", ok=False)


async def _receipts(outcome: Accepted, inbox: _Received, seconds: float) -> AsyncIterator[Step]:
    """Yield receipts until a final one; those that the simulator would send later come at once, with their time."""
    began = time.perf_counter()
    for later in outcome.later:
        if isinstance(later.inbound, Receipt):
            yield _receipt(later.inbound, later.after.total_seconds())
    if outcome.reference is None or outcome.later:
        return
    try:
        async with asyncio.timeout(seconds):
            while True:
                received = await inbox.queue.get()
                if isinstance(received, Receipt):
                    yield _receipt(received, time.perf_counter() - began)
                    if received.state is not ReceiptState.ACCEPTED:
                        return
    except TimeoutError:
        yield _step("receipt", began, "none yet: it may come later, or to a process that runs the carrier")


def _receipt(receipt: Receipt, seconds: float) -> Step:
    parts = [receipt.state.value]
    if receipt.failure is not None:
        parts.append(receipt.failure.value)
    if receipt.code:
        parts.append(f"code {receipt.code}")
    if receipt.network:
        parts.append(f"network {receipt.network}")
    return Step(name="receipt", ok=True, detail=", ".join(parts), seconds=seconds)


def _step(name: str, began: float, detail: str, *, ok: bool = True) -> Step:
    return Step(name=name, ok=ok, detail=detail, seconds=time.perf_counter() - began)
