"""The SMPP carrier: binds that share what waits, outcomes of messages from the answers to their parts."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from random import Random, SystemRandom

import structlog

from carillon.carriers.contract import Failed, Inbox, Outcome, OutgoingMessage
from carillon.carriers.failures import Failure
from carillon.carriers.smpp.deliveries import Deliveries, Unanswered, answer
from carillon.carriers.smpp.link import Link
from carillon.carriers.smpp.message_ids import MessageIds
from carillon.carriers.smpp.options import BindMode, Endpoint, SmppOptions, parse_options, parse_url
from carillon.carriers.smpp.pdu import BIND_RECEIVER, BIND_TRANSCEIVER, BIND_TRANSMITTER, Message
from carillon.carriers.smpp.pending import Call, PendingMessage, Submit
from carillon.carriers.smpp.receipts import ReceiptReader, is_receipt
from carillon.carriers.smpp.replies import CompleteReply, Progress, Replies
from carillon.carriers.smpp.session import Session
from carillon.carriers.smpp.statuses import ESME_ROK, ESME_RX_T_APPN, failure_of, status_name
from carillon.carriers.smpp.submit import SubmitEncoder, UnsendableError
from carillon.carriers.window import Waiting, limits

log = structlog.get_logger(__name__)

_COMMANDS = {
    BindMode.TRANSCEIVER: (BIND_TRANSCEIVER,),
    BindMode.PAIR: (BIND_TRANSMITTER, BIND_RECEIVER),
}
_TICK_SECONDS = 1.0
_DRAIN_SECONDS = 5.0
_DRAIN_STEP = 0.02
_UNAVAILABLE = Failed(failure=Failure.UNAVAILABLE)


def make_smpp(  # noqa: PLR0913 - what a carrier is made of
    carrier_id: int, url: str, secret: str, options: Mapping[str, str], inbox: Inbox, *, random: Random | None = None
) -> "SmppCarrier":
    """Make a carrier of what an operator set. Raises InvalidInputError, whose field is `url`, `secret` or an option."""
    return SmppCarrier(carrier_id, parse_url(url, secret), parse_options(options), inbox, random or SystemRandom())


class SmppCarrier:
    """Submits over N binds that take from one queue, and hands receipts and replies to the inbox.

    A message's reference is its last part's. When some parts were taken and one was refused for a while, that part is
    submitted again here, since the engine would repeat the whole message.
    """

    def __init__(self, carrier_id: int, endpoint: Endpoint, options: SmppOptions, inbox: Inbox, random: Random) -> None:
        self.carrier_id = carrier_id
        self.window = options.binds * options.window
        self._options = options
        self._limits = limits(options.window)
        self._encoder = SubmitEncoder(options, random)
        self._ids = MessageIds(options.receipt_ids)
        self._receipts = ReceiptReader(options, self._ids)
        self._replies = Replies(options.default_alphabet, lambda: datetime.now(UTC))
        self._deliveries = Deliveries(carrier_id, inbox)
        self._waiting: Waiting[Submit] = Waiting()
        # Messages with parts that are submitted again after a while.
        self._delayed: dict[PendingMessage, asyncio.TimerHandle] = {}
        self._stopping = False
        self._receiving = True
        self._links = [
            Link(endpoint, options, command=command, make_session=self._make_session, random=random)
            for _ in range(options.binds)
            for command in _COMMANDS[options.bind_mode]
        ]

    @property
    def is_up(self) -> bool:
        return not self._stopping and next(self._bound(), None) is not None

    @property
    def in_use(self) -> int:
        """How many submits are unanswered, all binds together."""
        return sum(session.in_use for session in self._bound())

    async def run(self, stopping: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(link.run()) for link in self._links]
        stop = asyncio.create_task(stopping.wait())
        try:
            while not stop.done():
                await asyncio.wait({stop}, timeout=_TICK_SECONDS)
                self._settle_replies(*self._replies.overdue(loop.time()))
            await self._drain()
        finally:
            self._stopping = True
            for task in (stop, *tasks):
                task.cancel()
            await asyncio.gather(stop, *tasks, return_exceptions=True)
            self._fail_waiting()

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        if not self.is_up:
            return [_UNAVAILABLE] * len(messages)
        call = Call(len(messages), asyncio.get_running_loop().create_future())
        for index, message in enumerate(messages):
            try:
                bodies = self._encoder.bodies(message)
            except UnsendableError as error:
                call.settle(index, error.failed)
                continue
            traffic_class = message.traffic_class
            self._waiting.add(traffic_class, PendingMessage(call, index, traffic_class, bodies).parts)
        self._write_waiting()
        try:
            if call.missing:
                await call.done
        except asyncio.CancelledError:
            call.cancelled = True
            raise
        return call.outcomes

    # What sessions report (session.Owner).

    def answered(self, submit: Submit, status: int, message_id: str) -> None:
        message = submit.message
        if status == ESME_ROK:
            message.taken += 1
            if submit.is_last and message_id and self._options.registered_delivery:
                message.reference = self._ids.of_answer(message_id)
        else:
            failed = Failed(failure=failure_of(status, self._options.statuses), code=status_name(status))
            message.refused.append((submit, failed))
        message.unanswered -= 1
        if not message.unanswered:
            self._settle(message)

    def unanswered(self, submit: Submit) -> None:
        message = submit.message
        message.is_lost = True
        message.unanswered -= 1
        if not message.unanswered:
            self._settle(message)

    def has_room(self, session: Session) -> None:
        if session.can_submit and self._waiting:
            self._write(session, None)

    def ended(self) -> None:
        if not self.is_up:
            self._fail_waiting()

    def received(self, session: Session, response: int, sequence: int, message: Message) -> None:
        unanswered = Unanswered(session, response, sequence)
        if not self._receiving:
            answer([unanswered], ESME_RX_T_APPN)
        elif not is_receipt(message):
            self._receive_reply(unanswered, message)
        elif (receipt := self._receipts.read(message)) is not None:
            self._deliveries.add(receipt, (unanswered,))
        else:
            log.warning("a receipt names no message", carrier_id=self.carrier_id)
            answer([unanswered], ESME_ROK)

    # Inside.

    def _make_session(self) -> Session:
        return Session(self, answer_seconds=self._options.answer_seconds, enquire_seconds=self._options.enquire_seconds)

    def _bound(self) -> Iterator[Session]:
        return (link.session for link in self._links if link.session is not None and link.session.is_bound_to_submit)

    def _write_waiting(self) -> None:
        """Spread what waits over the binds, those with the most room first."""
        sessions = sorted((one for one in self._bound() if one.can_submit), key=lambda one: one.in_use)
        for index, session in enumerate(sessions):
            if not self._waiting:
                break
            self._write(session, -(-len(self._waiting) // (len(sessions) - index)))

    def _write(self, session: Session, most: int | None) -> None:
        submits: list[Submit] = []
        while taken := self._waiting.take(self._limits, session.in_use + len(submits), most):
            live = [one for one in taken if not one.message.call.cancelled]
            submits += live
            if len(live) == len(taken):
                break
        if submits:
            session.submit(submits)

    def _settle(self, message: PendingMessage) -> None:
        outcome = message.outcome()
        if outcome is None and self._stopping:
            outcome = message.failed_for_good()
        if outcome is not None:
            message.settle(outcome)
            return
        delay = 2.0 ** (message.attempts - 1)
        self._delayed[message] = asyncio.get_running_loop().call_later(delay, self._submit_again, message)

    def _submit_again(self, message: PendingMessage) -> None:
        del self._delayed[message]
        self._waiting.add(message.traffic_class, message.take_refused())
        self._write_waiting()
        if not self.is_up:
            self._fail_waiting()

    def _fail_waiting(self) -> None:
        for submit in self._waiting.take_all():
            submit.message.refused.append((submit, _UNAVAILABLE))
            submit.message.unanswered -= 1
            if not submit.message.unanswered:
                self._settle(submit.message)

    def _receive_reply(self, unanswered: Unanswered, message: Message) -> None:
        found = self._replies.add(message, unanswered, asyncio.get_running_loop().time())
        if isinstance(found, CompleteReply):
            self._deliveries.add(found.reply, found.unanswered)
        elif found is Progress.REPEATED:
            answer([unanswered], ESME_ROK)

    def _settle_replies(self, refused: Sequence[Unanswered], complete: Sequence[CompleteReply]) -> None:
        answer(refused, ESME_RX_T_APPN)
        for one in complete:
            self._deliveries.add(one.reply, one.unanswered)

    async def _drain(self) -> None:
        """Take no more, wait a little for what is unanswered, hand over what came, and unbind."""
        sessions = [link.session for link in self._links if link.session is not None]
        self._stopping = True
        self._fail_waiting()
        for message, timer in list(self._delayed.items()):
            timer.cancel()
            message.settle(message.failed_for_good())
        self._delayed.clear()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _DRAIN_SECONDS
        while self.in_use and loop.time() < deadline:  # noqa: ASYNC110 - for a moment, at the end
            await asyncio.sleep(_DRAIN_STEP)
        self._receiving = False
        self._settle_replies(*self._replies.close())
        await self._deliveries.finish()
        await asyncio.gather(*(session.unbind() for session in sessions))
