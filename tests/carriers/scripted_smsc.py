"""An SMSC that does what a script says, in this process or in one of its own, also as real ones misbehave.

    python -m tests.carriers.scripted_smsc --port 2775 --book FILE --receipts at_once

Every message that it takes is a line of the book before it is answered: id, source, destination, esm_class,
data_coding, registered_delivery and user data in hexadecimal, parted by tabs. Receipts that were not acknowledged are
sent again, on the next bind if need be. It prints `listening PORT`, and ends in order on SIGTERM. With a book that is
there already its ids go on from it, and `--resend` sends all of its receipts again, as nobody knows which were
acknowledged before a kill.
"""

import argparse
import asyncio
import dataclasses
import os
import signal
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import uvloop
from tests.carriers.smsc_script import Form, Order, Radix, Receipts, Script, receipt_body, render_id

from carillon.carriers.smpp.pdu import (
    BIND_RECEIVER,
    BIND_TRANSMITTER,
    BINDS,
    DATA_SM_RESP,
    DELIVER_SM,
    DELIVER_SM_RESP,
    ENQUIRE_LINK,
    ENQUIRE_LINK_RESP,
    GENERIC_NACK,
    HEADER,
    HEADER_SIZE,
    RESPONSE,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    UNBIND,
    UNBIND_RESP,
    Bind,
    MalformedPduError,
    Message,
    decode_bind,
    decode_message,
    encode_message,
    pdu,
)
from carillon.carriers.smpp.statuses import (
    ESME_RBINDFAIL,
    ESME_RINVCMDID,
    ESME_RINVMSGLEN,
    ESME_RINVPASWD,
    ESME_ROK,
    ESME_RTHROTTLED,
)

__all__ = ["Order", "Peer", "Radix", "Receipts", "Script", "ScriptedSmsc", "Taken", "receipt_body", "render_id"]

_RECEIPT_WINDOW = 1000


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A message that was taken, in this process's memory."""

    number: int
    message: Message


class ScriptedSmsc:
    """The server. `taken` has what it took, unless it keeps the book only."""

    def __init__(self, script: Script | None = None, *, book: Path | None = None, remember: bool = True) -> None:
        self.script = script or Script()
        self.taken: list[Taken] = []
        self.binds: list[Bind] = []
        self.sessions: list[Peer] = []
        self.most_unanswered = 0
        self.overflows = 0
        self.receipts_acknowledged = 0
        self.answers: list[tuple[int, int]] = []  # of deliver_sm: sequence, status
        self.nacks: list[int] = []
        self.count = 0
        self.remember = remember
        # What a message's answer waits for: called with the destination.
        self.answering: Callable[[str], Awaitable[None]] | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self._receipts: deque[bytes] = deque()
        self._book = os.open(book, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if book else -1
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> int:
        """Listen on the loopback address, and return the port."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Peer(self), "127.0.0.1", port, ssl=tls, backlog=100
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for peer in list(self.sessions):
            peer.transport.abort()
        await asyncio.sleep(0)

    def read_book(self, book: Path, *, resend: bool) -> None:
        """Go on from a book."""
        for line in book.read_text("utf-8").splitlines():
            number, source, destination, _, _, asked, _ = line.split("\t")
            self.count += 1
            if resend and int(asked):
                message = Message(source=source, destination_ton=1, destination_npi=1, destination=destination)
                self._receipts.append(receipt_body(int(number), message, self.script))

    def write_book(self, lines: list[bytes]) -> None:
        if self._book >= 0 and lines:
            os.write(self._book, b"".join(lines))

    @property
    def receivers(self) -> "list[Peer]":
        return [peer for peer in self.sessions if peer.receives and not peer.transport.is_closing()]

    async def deliver(self, message: Message) -> int:
        """Send a deliver_sm, and return the status that it is answered with."""
        return await self.receivers[0].ask(DELIVER_SM, encode_message(message))

    def acknowledged(self, body: bytes) -> None:  # noqa: ARG002 - for who keeps what was acknowledged
        self.receipts_acknowledged += 1

    def queue_receipts(self, bodies: list[bytes]) -> None:
        self._receipts.extend(bodies)
        self.send_receipts()

    def send_receipts(self) -> None:
        for peer in self.receivers:
            if not self._receipts:
                return
            peer.send_receipts(self._receipts)


class Peer(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, smsc: ScriptedSmsc) -> None:
        self.smsc = smsc
        self.receives = False
        self.submits = False
        self._rest = b""
        self._sequence = 0
        self._unanswered = 0
        self._out: list[bytes] = []
        self._asked: dict[int, asyncio.Future[int]] = {}
        self._receipts_out: dict[int, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = cast("asyncio.Transport", transport)
        self.smsc.sessions.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.smsc.sessions.remove(self)
        for future in self._asked.values():
            future.cancel()
        self.smsc.queue_receipts(list(self._receipts_out.values()))
        self._receipts_out.clear()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        lines: list[bytes] = []
        answers: list[bytes] = []
        receipts: list[bytes] = []
        while len(data) - at >= HEADER_SIZE and not self.transport.is_closing():
            length, command, status, sequence = HEADER.unpack_from(data, at)
            if len(data) - at < length:
                break
            if command == SUBMIT_SM and self.smsc.answering is not None:
                self._on_gated(self.smsc.answering, sequence, data[at + HEADER_SIZE : at + length])
            elif command == SUBMIT_SM:
                self._on_submit(sequence, data, at + HEADER_SIZE, at + length, (lines, answers, receipts))
            else:
                self._on_other(command, status, sequence, data, at + HEADER_SIZE, at + length)
            at += length
        self._rest = data[at:]
        self.smsc.write_book(lines)
        if answers or receipts:
            self._answer(answers, receipts)

    def _on_submit(
        self, sequence: int, data: bytes, start: int, end: int, out: tuple[list[bytes], list[bytes], list[bytes]]
    ) -> None:
        smsc, script = self.smsc, self.smsc.script
        lines, answers, receipts = out
        self._unanswered += 1
        smsc.most_unanswered = max(smsc.most_unanswered, self._unanswered)
        try:
            message = decode_message(data, start, end)
        except MalformedPduError:
            answers.append(pdu(SUBMIT_SM_RESP, ESME_RINVMSGLEN, sequence))
            return
        status = self._status(message)
        if status != ESME_ROK:
            answers.append(pdu(SUBMIT_SM_RESP, status, sequence))
            return
        smsc.count += 1
        number = script.first_id + smsc.count
        if smsc.remember:
            smsc.taken.append(Taken(number=number, message=message))
        lines.append(
            b"%d\t%b\t%b\t%d\t%d\t%d\t%b\n"
            % (
                number,
                message.source.encode(),
                message.destination.encode(),
                message.esm_class,
                message.data_coding,
                message.registered_delivery,
                message.text.hex().encode(),
            )
        )
        if script.receipts != "none" and message.registered_delivery & 3:
            receipts += [receipt_body(number, message, script)] * script.receipt_copies
        if script.close_after and smsc.count % script.close_after == 0:
            self.transport.close()
        elif not script.silent_after or smsc.count < script.silent_after:
            if script.malformed_every and smsc.count % script.malformed_every == 0:
                answers.append(pdu(DELIVER_SM, ESME_ROK, 0x7000_0000, b"\0\1\1no end"))
            answers.append(
                pdu(SUBMIT_SM_RESP, ESME_ROK, sequence, render_id(number, script.answer_ids).encode() + b"\0")
            )

    def _on_gated(self, answering: Callable[[str], Awaitable[None]], sequence: int, body: bytes) -> None:
        answers: list[bytes] = []
        receipts: list[bytes] = []
        self._on_submit(sequence, body, 0, len(body), ([], answers, receipts))
        wait = answering(decode_message(body, 0, len(body)).destination)
        task = asyncio.create_task(self._answer_when_allowed(wait, answers, receipts))
        self.smsc.tasks.add(task)
        task.add_done_callback(self.smsc.tasks.discard)

    async def _answer_when_allowed(self, wait: Awaitable[None], answers: list[bytes], receipts: list[bytes]) -> None:
        await wait
        self._answer(answers, receipts)

    def _status(self, message: Message) -> int:
        smsc, script = self.smsc, self.smsc.script
        if not self.submits:
            return ESME_RBINDFAIL
        if script.window and self._unanswered > script.window:
            smsc.overflows += 1
            return ESME_RTHROTTLED
        if script.throttle_every and (smsc.count + 1) % script.throttle_every == 0:
            smsc.count += 1
            return ESME_RTHROTTLED
        return next((one for end, one in script.statuses.items() if message.destination.endswith(end)), ESME_ROK)

    def _answer(self, answers: list[bytes], receipts: list[bytes]) -> None:
        script = self.smsc.script
        loop = asyncio.get_running_loop()
        if script.answer_order == "reversed":
            answers.reverse()
        if script.receipts == "before":
            self.smsc.queue_receipts(receipts)
        if script.answer_seconds:
            loop.call_later(script.answer_seconds, self._write_answers, answers)
        else:
            self._write_answers(answers)
        if script.receipts == "at_once":
            self.smsc.queue_receipts(receipts)
        elif script.receipts == "delayed" and receipts:
            loop.call_later(script.receipt_seconds, self.smsc.queue_receipts, receipts)

    def _write_answers(self, answers: list[bytes]) -> None:
        self._unanswered -= len(answers)
        if answers and not self.transport.is_closing():
            self.transport.write(b"".join(answers))

    def _on_other(self, command: int, status: int, sequence: int, data: bytes, start: int, end: int) -> None:  # noqa: PLR0913, PLR0917
        if command in {DELIVER_SM_RESP, DATA_SM_RESP}:
            self._on_delivered(status, sequence)
        elif command in BINDS:
            self._on_bind(command, sequence, decode_bind(data, start, end))
        elif command == ENQUIRE_LINK:
            if not self.smsc.script.silent_after or self.smsc.count < self.smsc.script.silent_after:
                self.transport.write(pdu(ENQUIRE_LINK_RESP, ESME_ROK, sequence))
        elif command == UNBIND:
            self.transport.write(pdu(UNBIND_RESP, ESME_ROK, sequence))
            self.transport.close()
        elif command == GENERIC_NACK:
            self.smsc.nacks.append(status)
        elif command & RESPONSE:
            self._resolve(sequence, status)
        else:
            self.transport.write(pdu(GENERIC_NACK, ESME_RINVCMDID, sequence))

    def _on_bind(self, command: int, sequence: int, bind: Bind) -> None:
        self.smsc.binds.append(bind)
        script = self.smsc.script
        if script.password and bind.password != script.password:
            self.transport.write(pdu(command | RESPONSE, ESME_RINVPASWD, sequence))
            return
        self.receives = command != BIND_TRANSMITTER
        self.submits = command != BIND_RECEIVER
        self.transport.write(pdu(command | RESPONSE, ESME_ROK, sequence, b"scripted\0"))
        self.smsc.send_receipts()

    def _on_delivered(self, status: int, sequence: int) -> None:
        body = self._receipts_out.pop(sequence, None)
        if body is None:
            self.smsc.answers.append((sequence, status))
            self._resolve(sequence, status)
            return
        if status == ESME_ROK:
            self.smsc.acknowledged(body)
            if len(self._receipts_out) < _RECEIPT_WINDOW // 2:
                self.smsc.send_receipts()
        else:
            # As real ones do, it waits before it comes again.
            asyncio.get_running_loop().call_later(0.2, self.smsc.queue_receipts, [body])

    def _resolve(self, sequence: int, status: int) -> None:
        future = self._asked.pop(sequence, None)
        if future is not None and not future.done():
            future.set_result(status)

    def _next(self) -> int:
        self._sequence = self._sequence % 0x7FFF_FFFF + 1
        return self._sequence

    async def ask(self, command: int, body: bytes) -> int:
        """Send a command and return the status of its answer."""
        sequence = self._next()
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked[sequence] = future
        self.transport.write(pdu(command, ESME_ROK, sequence, body))
        return await future

    def send_receipts(self, waiting: deque[bytes]) -> None:
        out = []
        while waiting and len(self._receipts_out) < _RECEIPT_WINDOW:
            sequence, body = self._next(), waiting.popleft()
            self._receipts_out[sequence] = body
            out.append(pdu(DELIVER_SM, ESME_ROK, sequence, body))
        self.transport.write(b"".join(out))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A scripted SMSC.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--book", type=Path)
    parser.add_argument("--resend", action="store_true")
    choices = {
        "receipts": Receipts,
        "answer_ids": Radix,
        "receipt_ids": Radix,
        "answer_order": Order,
        "receipt_form": Form,
    }
    for one in dataclasses.fields(Script):
        if one.name in {"statuses", "states"}:
            continue
        parser.add_argument(
            f"--{one.name.replace('_', '-')}",
            type=type(one.default),
            default=one.default,
            choices=get_args(choices[one.name]) if one.name in choices else None,
        )
    parser.add_argument("--status", action="append", default=[], metavar="DIGITS:NUMBER")
    parser.add_argument("--state", action="append", default=[], metavar="DIGITS:STATE")
    return parser.parse_args()


async def _main(arguments: argparse.Namespace) -> None:
    given = vars(arguments)
    port, book, resend = given.pop("port"), given.pop("book"), given.pop("resend")
    statuses = {end: int(status, 0) for end, status in (one.split(":") for one in given.pop("status"))}
    states = dict(one.split(":") for one in given.pop("state"))
    smsc = ScriptedSmsc(Script(**given, statuses=statuses, states=states), book=book, remember=False)
    if book is not None:
        smsc.read_book(book, resend=resend)
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    print("listening", await smsc.start(port), flush=True)
    await stop.wait()
    await smsc.close()
    print(
        f"taken {smsc.count} receipts {smsc.receipts_acknowledged} most_unanswered {smsc.most_unanswered}", flush=True
    )


if __name__ == "__main__":
    uvloop.run(_main(_arguments()))
