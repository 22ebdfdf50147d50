"""What becomes of passwords in time: hedged, ended, deleted; and what superseded ones were sent by is ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from asyncpg import Record

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.messaging.accept_sealed import SealedSends, sealed_sends
from carillon.messaging.account_clock import take_account_clock, worker_actor
from carillon.messaging.again import send_again
from carillon.messaging.sealed import forget_values
from carillon.otp.counters import Count, CounterKind, count
from carillon.otp.limits import take_limits
from carillon.otp.otps import KEPT, OTPS_DUE, OtpState
from carillon.routing.health import country_of
from carillon.tenancy.secrets import SecretBox
from carillon.workers.shape import Claimed

SQL = load_statements("carillon.otp", "work.sql")

_LEASE = timedelta(seconds=10)
# As in audience/uploads/queue.py: what ends later was begun before the clock was set back.
_LONGEST_LEASE = timedelta(minutes=1)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedOtps(Claimed):
    """Passwords of an account that are due together, and held: `places` are dialects, references and claims."""

    places: Sequence[tuple[str, str, int]]


class OtpWorker:
    """Does what is due of passwords (`workers.shape.Worker`)."""

    name = "otp"
    topic = OTPS_DUE
    lease = _LEASE
    max_attempts = 1_000_000
    turn = 1
    concurrency = 4
    keeps_order = False

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        """List the accounts that have due passwords."""
        rows = await tx.fetch(SQL["accounts_with_otps"], *_leased(tx))
        return [AccountId(row["account_id"]) for row in rows]

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[ClaimedOtps]:
        """Take what is due of an account."""
        del limit
        rows = await db.run_statement(_claim, account_id)
        if not rows:
            return []
        first = min(rows, key=lambda row: (row["due_at"], row["otp_id"]))
        offset: timedelta = first["clock_offset"]
        return [
            ClaimedOtps(
                account_id=account_id,
                clock_offset=offset,
                work_id=first["otp_id"],
                attempt=1,
                due_at=first["due_at"] - offset,
                places=sorted((row["dialect"], row["reference"], row["claims"]) for row in rows),
            )
        ]

    async def renew(self, tx: Tx, held: Sequence[ClaimedOtps]) -> None:
        """Extend leases."""
        for work in held:
            await tx.execute(SQL["renew_otps"], work.account_id, *_columns(work), tx.real_now + _LEASE)

    async def prepare(self, db: Database, work: ClaimedOtps) -> Actor:
        """Say as whom passwords are sent again."""
        del db
        return worker_actor(work.account_id, work.clock_offset)

    async def perform(self, db: Database, work: ClaimedOtps, prepared: Actor) -> int | None:
        """End what is over, and hedge what has not arrived."""
        for place in await db.run_at_once(_end_over, prepared, work):
            async with sealed_sends(db, prepared, self._box) as sends:
                await db.run_at_once(partial(_hedge, place, sends), prepared)
        return len(work.places)

    async def reschedule(self, tx: Tx, work: ClaimedOtps, *, counts: bool) -> None:
        """Let it be claimed again when its lease ends."""
        del tx, work, counts

    async def fail(self, tx: Tx, work: ClaimedOtps) -> None:
        """Let it be claimed again when its lease ends."""
        del tx, work

    async def release(self, tx: Tx, held: Sequence[ClaimedOtps]) -> None:
        """Let go what was not begun."""
        for work in held:
            await tx.execute(SQL["renew_otps"], work.account_id, *_columns(work), None)


def _leased(tx: Tx) -> tuple[datetime, datetime]:
    return tx.real_now, tx.real_now + _LONGEST_LEASE


def _columns(work: ClaimedOtps) -> tuple[list[str], list[str], list[int]]:
    return [one[0] for one in work.places], [one[1] for one in work.places], [one[2] for one in work.places]


async def _claim(tx: Tx, account_id: AccountId) -> list[Record]:
    now, latest = _leased(tx)
    return await tx.fetch(SQL["claim_otps"], account_id, now, latest, _AT_ONCE, now + _LEASE)


async def _end_over(tx: Tx, actor: Actor, work: ClaimedOtps) -> list[tuple[str, str, int]]:
    """Delete what was kept long enough, end what is over and what was superseded; return what is to be hedged."""
    await take_account_clock(tx, actor.account_id)
    rows = await tx.fetch(SQL["lock_otps"], actor.account_id, *_columns(work))
    gone = [row for row in rows if _deleted_at(row) <= tx.now]
    left = [row for row in rows if _deleted_at(row) > tx.now]
    hedged = [row for row in left if not _is_over(row, tx.now) and row["hedge_at"] and row["hedge_at"] <= tx.now]
    settled = [row for row in left if row not in hedged]
    if gone:
        await tx.execute(SQL["delete_otps"], actor.account_id, *_named(gone))
    if settled:
        await tx.execute(SQL["settle_otps"], actor.account_id, *_named(settled), tx.now, KEPT)
    forgotten = {one for row in rows for one in row["stale"]}
    forgotten |= {one for row in rows if _is_over(row, tx.now) for one in row["sendings"]}
    if forgotten:
        await forget_values(tx, actor, sorted(forgotten))
    return [(row["dialect"], row["reference"], row["claims"]) for row in hedged]


async def _hedge(place: tuple[str, str, int], sends: SealedSends, tx: Tx, actor: Actor) -> None:
    """Send a password again by its route's next carrier, unless it has arrived; without one, never again."""
    limits = await take_limits(tx, actor.account_id)
    rows = await tx.fetch(SQL["lock_otps"], actor.account_id, *([one] for one in place))
    if not rows or _is_over(rows[0], tx.now):
        return  # it is another's by now, or its end is due
    row = rows[0]
    again = await send_again(tx, actor, row["sendings"], sends, expires_at=row["expires_at"])
    hedge_at = tx.now + limits.hedge_after if again and limits.hedge_after else None
    sendings = [again.sending_id] if again else []
    await tx.execute(SQL["put_hedge"], actor.account_id, *place[:2], sendings, hedge_at)
    if again and again.cost:
        spent = Count(kind=CounterKind.COUNTRY_SPEND, subject=country_of(row["recipient"]), by=again.cost)
        await count(tx, actor.account_id, [spent])


def _named(rows: Sequence[Record]) -> tuple[list[str], list[str]]:
    return [row["dialect"] for row in rows], [row["reference"] for row in rows]


def _is_over(row: Record, now: datetime) -> bool:
    return bool(row["state"] != OtpState.PENDING or row["expires_at"] <= now)


def _deleted_at(row: Record) -> datetime:
    ended_at: datetime = row["ended_at"] or row["expires_at"]
    return ended_at + KEPT
