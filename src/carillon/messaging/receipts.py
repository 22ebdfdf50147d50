"""Receipts: matched to their messages, whatever their order and number, and applied; what matches nothing is parked.

A receipt is matched by what it names itself, else by its reference: in the memory of the process that submitted, then
among all references. A message whose submit had no answer has none, and is found by its numbers. A receipt that comes
before its submit's answer waits until answers that are under way are committed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from asyncpg import Record

from carillon.carriers.contract import Receipt, ReceiptState, Reply
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import UnavailableError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, first_uuid_of
from carillon.messaging.account_clock import take_account_clock, worker_actor
from carillon.messaging.inbound import decode_inbound, encode_inbound
from carillon.messaging.ledger import Move, move_messages
from carillon.messaging.references import KnownReferences, until_recorded
from carillon.messaging.replies import take_reply
from carillon.messaging.states import MessageState
from carillon.workers.failures import log_failure

log = structlog.get_logger(__name__)

SQL = load_statements("carillon.messaging", "receipts.sql")

# A carrier waits for its acknowledgement meanwhile.
_WAIT_SECONDS = 2.0
_PARKED_FOR = timedelta(days=3)
_FIRST_PAUSE = timedelta(seconds=1)
# Validity is 48 hours at most, and receipts are parked for three days. Of older messages only those have receipts that
# were scheduled: they are looked for when none of these is found, in all partitions that are kept.
_LATELY = timedelta(days=8)
_PARKED_AT_ONCE = 500

_STATES = {
    ReceiptState.DELIVERED: MessageState.DELIVERED,
    ReceiptState.SEEN: MessageState.DELIVERED,
    ReceiptState.UNDELIVERED: MessageState.UNDELIVERED,
    ReceiptState.EXPIRED: MessageState.EXPIRED,
    ReceiptState.REJECTED: MessageState.REJECTED,
    ReceiptState.UNKNOWN: MessageState.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    account_id: AccountId
    message_id: UUID
    carrier_id: int
    receipt: Receipt


class ReceivedMessages:
    """Takes what carriers receive (`carriers.contract.Inbox`)."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known = db.process_state(KnownReferences)

    async def take(self, carrier_id: int, received: Sequence[Receipt | Reply]) -> None:
        """Apply receipts and record replies; what matches no message is parked. Returns when all are committed."""
        left = await self._apply(carrier_id, received, patient=True)
        if left:
            await self._db.run(_park, carrier_id, left)

    async def match_parked(self, _db: Database) -> None:
        """Match what is parked once more (a periodic job)."""
        while rows := await self._db.run(_claim_parked):
            by_carrier: dict[int, list[Record]] = {}
            for row in rows:
                by_carrier.setdefault(row["carrier_id"], []).append(row)
            for carrier_id, of_carrier in by_carrier.items():
                await self._match_parked_of(carrier_id, of_carrier)
            if len(rows) < _PARKED_AT_ONCE:
                return

    async def _match_parked_of(self, carrier_id: int, rows: Sequence[Record]) -> None:
        """Match what is parked of a carrier together; one that can't be taken holds up no other."""
        left = set(range(len(rows)))
        try:
            received = [decode_inbound(row["content"]) for row in rows]
            unmatched = {id(one) for one in await self._apply(carrier_id, received, patient=False)}
            left = {place for place, one in enumerate(received) if id(one) in unmatched}
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - it is tried again, later each time
            if len(rows) > 1:
                for row in rows:
                    await self._match_parked_of(carrier_id, [row])
                return
            log_failure("parked_inbound_failed", error, carrier_id=carrier_id)
        now = self._db.clock.now()
        over = [place for place in left if rows[place]["expires_at"] <= now]
        if over:
            log.warning("inbound_matches_nothing", carrier_id=carrier_id, count=len(over))
        ended = [row["inbound_id"] for place, row in enumerate(rows) if place not in left or place in over]
        if ended:
            await self._db.run(_unpark, ended)

    async def _apply(
        self, carrier_id: int, received: Sequence[Receipt | Reply], *, patient: bool
    ) -> list[Receipt | Reply]:
        """Apply what can be matched; return the rest.

        Receipts may be applied again. A reply may not: one that fails is among the rest, and those beside it are taken.
        """
        receipts = [one for one in received if isinstance(one, Receipt) and one.state in _STATES]
        matches, left = await self._match(carrier_id, receipts, patient=patient)
        by_account: dict[AccountId, list[_Match]] = {}
        for match in matches:
            by_account.setdefault(match.account_id, []).append(match)
        # One after another: their locks are another account's each, and a batch is mostly of one.
        for account_id, of_account in sorted(by_account.items()):
            await self._db.run_at_once(_apply_receipts, worker_actor(account_id), of_account)
        replies = [one for one in received if isinstance(one, Reply)]
        return [*left, *[one for one in replies if not await self._take_reply(carrier_id, one)]]

    async def _take_reply(self, carrier_id: int, reply: Reply) -> bool:
        try:
            return await take_reply(self._db, reply)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - it is parked
            log_failure("reply_failed", error, carrier_id=carrier_id)
            return False

    async def _match(
        self, carrier_id: int, receipts: Sequence[Receipt], *, patient: bool
    ) -> tuple[list[_Match], list[Receipt]]:
        under_way = self._known.unrecorded(carrier_id)
        found, left = self._match_known(carrier_id, receipts)
        if left:
            more, left = await self._db.read(_match_stored, carrier_id, left, "find_references")
            found += more
        if left and patient:
            await until_recorded(under_way, _WAIT_SECONDS)
            more, left = self._match_known(carrier_id, left)
            found += more
        if left:
            more, left = await self._db.read(_match_stored, carrier_id, left, "find_older_references")
            found += more
        if left:
            more, left = await self._db.read(_match_uncertain, carrier_id, left)
            found += more
        return found, left

    def _match_known(self, carrier_id: int, receipts: Sequence[Receipt]) -> tuple[list[_Match], list[Receipt]]:
        found: list[_Match] = []
        left: list[Receipt] = []
        for receipt in receipts:
            if receipt.account_id is not None and receipt.message_id is not None:
                owner: tuple[AccountId, UUID] | None = (receipt.account_id, receipt.message_id)
            else:
                owner = self._known.find(carrier_id, receipt.reference)
            if owner is None:
                left.append(receipt)
            else:
                found.append(_Match(account_id=owner[0], message_id=owner[1], carrier_id=carrier_id, receipt=receipt))
        return found, left


async def _apply_receipts(tx: Tx, actor: Actor, matches: Sequence[_Match]) -> None:
    if not await take_account_clock(tx, actor.account_id):
        return  # nobody counts them any more, and their rows go with their day
    moves = [
        Move(
            message_id=match.message_id,
            state=_STATES[match.receipt.state],
            at=tx.now,
            taken=True,
            reason=match.receipt.failure,
            carrier_id=match.carrier_id,
            network=match.receipt.network,
            code=match.receipt.code,
            seen=match.receipt.state is ReceiptState.SEEN,
        )
        for match in matches
    ]
    await move_messages(tx, actor.account_id, moves)


async def _match_stored(
    tx: Tx, carrier_id: int, receipts: Sequence[Receipt], statement: str
) -> tuple[list[_Match], list[Receipt]]:
    """Match by references; of messages that a carrier has given the same one, the latest is meant."""
    references = sorted({receipt.reference for receipt in receipts if receipt.reference})
    lately = first_uuid_of(tx.real_now - _LATELY)
    rows = await tx.fetch(SQL[statement], carrier_id, references, lately) if references else []
    owners = {row["reference"]: (AccountId(row["account_id"]), row["message_id"]) for row in rows}
    return _matched(carrier_id, receipts, owners, lambda receipt: receipt.reference)


async def _match_uncertain(tx: Tx, carrier_id: int, receipts: Sequence[Receipt]) -> tuple[list[_Match], list[Receipt]]:
    """Match by its number a receipt of a message whose submit had no answer: the oldest such message of the number."""
    numbers = sorted({receipt.address for receipt in receipts if receipt.address})
    if not numbers:
        return [], list(receipts)
    rows = await tx.fetch(SQL["find_uncertain"], numbers, first_uuid_of(tx.real_now - _LATELY), carrier_id)
    owners = {row["address"]: (AccountId(row["account_id"]), row["message_id"]) for row in reversed(rows)}
    return _matched(carrier_id, receipts, owners, lambda receipt: receipt.address or "")


def _matched(
    carrier_id: int,
    receipts: Sequence[Receipt],
    owners: Mapping[str, tuple[AccountId, UUID]],
    key: Callable[[Receipt], str],
) -> tuple[list[_Match], list[Receipt]]:
    found = [
        _Match(account_id=owners[key(one)][0], message_id=owners[key(one)][1], carrier_id=carrier_id, receipt=one)
        for one in receipts
        if key(one) in owners
    ]
    return found, [one for one in receipts if key(one) not in owners]


async def _park(tx: Tx, carrier_id: int, received: Sequence[Receipt | Reply]) -> None:
    now = tx.real_now
    ids = [tx.new_uuid() for _ in received]
    references = [one.reference if isinstance(one, Receipt) else "" for one in received]
    content = [encode_inbound(one) for one in received]
    await tx.execute(SQL["park"], carrier_id, now, now + _FIRST_PAUSE, now + _PARKED_FOR, ids, references, content)


async def _claim_parked(tx: Tx) -> list[Record]:
    return await tx.fetch(SQL["claim_parked"], tx.real_now, _PARKED_AT_ONCE)


async def _unpark(tx: Tx, inbound_ids: Sequence[UUID]) -> None:
    await tx.execute(SQL["unpark"], inbound_ids)
