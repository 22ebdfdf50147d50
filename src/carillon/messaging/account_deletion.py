"""Deleting an account: what goes at once, what goes with its day, and what stays (docs/adr/0055)."""

from dataclasses import dataclass

from carillon.db.account_rows import delete_account_rows
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.tenancy import audit
from carillon.tenancy.accounts import AccountStatus

SQL = load_statements("carillon.messaging", "account_deletion.sql")

# The trail has no addresses and no texts; carriers are named by messages, and lose what is secret.
_KEPT = frozenset({"audit_entry", "carrier"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountContents:
    """What an account has: `unsent` messages keep it from being deleted; `sendings` go with their days."""

    audiences: int
    contacts: int
    suppressions: int
    credentials: int
    sendings: int
    unsent: int


async def account_contents(tx: Tx, actor: Actor) -> AccountContents:
    """Count what the actor's account has: a walk over its contacts."""
    tx.require_turn()
    row = await tx.fetchrow(SQL["contents"], actor.account_id)
    unsent = await tx.fetchval(SQL["unsent"], actor.account_id)
    return AccountContents(**dict(row.items() if row else ()), unsent=int(unsent))


async def require_deletable(tx: Tx, actor: Actor) -> None:
    """Require that the actor's account is closed and has no unsent messages.

    Raises NotFoundError for `account`, and InvalidInputError for `account`, which says what to do first.
    """
    status = await tx.fetchval(SQL["status"], actor.account_id)
    if status is None:
        raise NotFoundError("account", f"There is no account {actor.account_id}.")
    if status == AccountStatus.ACTIVE:
        way = f"carillon account status {actor.account_id} not_active"
        raise InvalidInputError("account", f"It is active, and its clients may be writing. Close it first: {way}")
    if unsent := int(await tx.fetchval(SQL["unsent"], actor.account_id)):
        way = f"carillon sending list --account {actor.account_id}, carillon sending cancel"
        raise InvalidInputError(
            "account", f"It has messages that are not sent yet ({unsent:,}). Cancel them first: {way}"
        )


async def delete_account(tx: Tx, actor: Actor) -> None:
    """Delete the actor's account, which must be closed: audiences, credentials, suppressions, money, routes.

    Its messages, events and callbacks are rows of days, and are dropped with these; nothing is sent, counted or called
    for them any more, and receipts that come for them are dropped. The audit trail stays.

    What is being accepted when the account is closed must be over: that is so after `REMEMBERED_SECONDS`. Raises what
    `require_deletable` does.
    """
    await tx.execute(SQL["hold_account"], actor.account_id)
    await require_deletable(tx, actor)
    await tx.execute(SQL["forget_sendings"], actor.account_id)
    await tx.execute(SQL["skip_callbacks"], actor.account_id, tx.now)
    await tx.execute(SQL["retire_carriers"], actor.account_id)
    gone = await delete_account_rows(tx, actor.account_id, kept=_KEPT)
    await audit.record(tx, actor, "account.delete", actor.account_id, {"rows": gone})
