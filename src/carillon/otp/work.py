"""What becomes of passwords in time: hedged, ended, deleted; and what superseded ones were sent by is ended."""

from datetime import datetime
from functools import partial

from asyncpg import Record

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import UnavailableError
from carillon.kit.actor import Actor
from carillon.messaging.accept_sealed import SealedSends, sealed_sends
from carillon.messaging.account_clock import take_account_clock, worker_actor
from carillon.messaging.again import send_again
from carillon.messaging.sealed import forget_values
from carillon.otp.counters import Count, CounterKind, count
from carillon.otp.limits import take_limits
from carillon.otp.otps import KEPT, OTPS_DUE, OtpState
from carillon.routing.health import country_of
from carillon.tenancy.secrets import SecretBox
from carillon.workers.failures import log_failure
from carillon.workers.leases import ClaimedRows, DueRowsWorker, columns_of

SQL = load_statements("carillon.otp", "work.sql")

_NAME = ("dialect", "reference")
_KEY = (*_NAME, "claims")


class OtpWorker(DueRowsWorker):
    """Does what is due of passwords (`workers.shape.Worker`)."""

    name = "otp"
    topic = OTPS_DUE
    concurrency = 4
    accounts_due, claim_due, lease_held = SQL["accounts_with_otps"], SQL["claim_otps"], SQL["lease_otps"]
    key = _KEY

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    async def prepare(self, db: Database, work: ClaimedRows) -> Actor:
        """Say as whom passwords are sent again."""
        del db
        return worker_actor(work.account_id, work.clock_offset)

    async def perform(self, db: Database, work: ClaimedRows, prepared: Actor) -> int | None:
        """End what is over, and hedge what has not arrived."""
        for place in await db.run_at_once(_end_over, prepared, work):
            try:
                if await db.run_at_once(partial(_may_cost, place), prepared):
                    async with sealed_sends(db, prepared, self._box) as sends:
                        await db.run_at_once(partial(_hedge, place, sends), prepared)
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others are sent
                log_failure("hedge_failed", error, account_id=work.account_id)
                await db.run_at_once(partial(_end_hedge, place), prepared)
        return len(work.rows)


async def _end_over(tx: Tx, actor: Actor, work: ClaimedRows) -> list[tuple[str, str, int]]:
    """Delete what was kept long enough, end what is over and what was superseded; return what is to be hedged."""
    await take_account_clock(tx, actor.account_id)
    rows = await tx.fetch(SQL["lock_otps"], actor.account_id, *columns_of(work.rows, _KEY))
    gone = [row for row in rows if _deleted_at(row) <= tx.now]
    left = [row for row in rows if _deleted_at(row) > tx.now]
    hedged = [row for row in left if not _is_over(row, tx.now) and row["hedge_at"] and row["hedge_at"] <= tx.now]
    settled = [row for row in left if row not in hedged]
    if gone:
        await tx.execute(SQL["delete_otps"], actor.account_id, *columns_of(gone, _NAME))
    if settled:
        await tx.execute(SQL["settle_otps"], actor.account_id, *columns_of(settled, _NAME), tx.now, KEPT)
    forgotten = {one for row in rows for one in row["stale"]}
    forgotten |= {one for row in rows if _is_over(row, tx.now) for one in row["sendings"]}
    if forgotten:
        await forget_values(tx, actor, sorted(forgotten))
    return [(row["dialect"], row["reference"], row["claims"]) for row in hedged]


async def _may_cost(place: tuple[str, str, int], tx: Tx, actor: Actor) -> bool:
    """Tell whether passwords to a recipient's country may cost more; where they may not, it is never sent again.

    In a transaction of its own: counters that many wait for are locked behind messages (`create.py`).
    """
    limits = await take_limits(tx, actor.account_id)
    rows = await tx.fetch(SQL["lock_otps"], actor.account_id, *([one] for one in place))
    if not rows:
        return False
    country = country_of(rows[0]["recipient"])
    spent = await count(tx, actor.account_id, [Count(kind=CounterKind.COUNTRY_SPEND, subject=country, by=0)])
    if spent[CounterKind.COUNTRY_SPEND] < limits.spend_of(country):
        return True
    await _end_hedge(place, tx, actor)
    return False


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


async def _end_hedge(place: tuple[str, str, int], tx: Tx, actor: Actor) -> None:
    """Send a password that can't be sent again never again."""
    await tx.execute(SQL["put_hedge"], actor.account_id, *place[:2], [], None)


def _is_over(row: Record, now: datetime) -> bool:
    return bool(row["state"] != OtpState.PENDING or row["expires_at"] <= now)


def _deleted_at(row: Record) -> datetime:
    ended_at: datetime = row["ended_at"] or row["expires_at"]
    return ended_at + KEPT
