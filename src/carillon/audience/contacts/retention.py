"""The sweep of audiences that want it: contacts that did not change for long, or that nothing can reach."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from carillon.audience.contacts.delete import DeletionCause, delete_contact_ids
from carillon.audience.fields import REPEATED
from carillon.audience.locks import lock_audience
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.tenancy.accounts import OpenAccount, Operator, every_account, open_account
from carillon.workers.failures import logged

SQL = load_statements("carillon.audience.contacts", "retention.sql")

_SWEPT_AT_ONCE = 1_000
_SWEEPER = Operator(name="sweeper", source="worker")


async def sweep_audiences(db: Database) -> None:
    """Sweep the audiences of all accounts that want it (`sweep_audience`).

    A failure in one audience is logged, and left for the next run; the others are swept.
    """
    async for account_id in every_account(db, _SWEEPER):
        audiences: dict[int, int] = {}
        with logged("account_not_swept", account_id=account_id):
            audiences = await db.read(swept_audiences, account_id)
        for audience_id, days in audiences.items():
            with logged("audience_not_swept", account_id=account_id, audience_id=audience_id):
                await _sweep(db, OpenAccount(account_id=account_id, audience_id=audience_id), days)


async def _sweep(db: Database, where: OpenAccount, days: int) -> None:
    with suppress(NotFoundError):  # it was deleted meanwhile
        actor = await db.read(open_account, _SWEEPER, where)
        last: int | None = 0
        while last is not None:
            last = await db.run(sweep_audience, actor, SweepAudience(idle_days=days, after_id=last))


async def swept_audiences(tx: Tx, account_id: int) -> dict[int, int]:
    """Return the audiences of an account whose contacts are swept, with the days after which they are."""
    rows = await tx.fetch(SQL["swept_audiences"], account_id)
    return {row["audience_id"]: row["idle_days"] for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepAudience:
    """Delete some contacts of the actor's audience, in the order of their ids, from one on."""

    idle_days: int
    after_id: int = 0


async def sweep_audience(tx: Tx, actor: Actor, command: SweepAudience) -> int | None:
    """Delete contacts that did not change for more than so many days, and those that nothing can reach.

    A contact changes by an attribute, a status or a push token; it is reached by phone, e-mail, landline or token.
    Returns the last one's id when there may be more of them. Raises NotFoundError for `audience`.
    """
    await lock_audience(tx, actor)
    before = tx.now - timedelta(days=command.idle_days)
    where = (actor.account_id, actor.audience_id, before, list(REPEATED.values()), _SWEPT_AT_ONCE, command.after_id)
    found = [row["contact_id"] for row in await tx.fetch(SQL["idle_contacts"], *where)]
    await delete_contact_ids(tx, actor, found, cause=DeletionCause.IDLE)
    return found[-1] if len(found) == _SWEPT_AT_ONCE else None
