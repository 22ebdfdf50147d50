"""Signed calls that change something: each is carried out once, however often it arrives.

Whoever has recorded a request could send it again for as long as its date is accepted. A client's own retry is let
through: it comes within a minute. All times here are real ones, whatever the account's clock says.
"""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import BadCredentialsError
from carillon.kit.actor import Actor
from carillon.tenancy.accounts import OpenAccount, Operator, every_account, open_account

SQL = load_statements("carillon.tenancy", "signed_calls.sql")

RETRY = timedelta(minutes=1)
"""For how long a signature is accepted again."""
_DELETED_AT_ONCE = 1_000
_DELETER = Operator(name="signatures", source="worker")


async def remember_signed_call(tx: Tx, actor: Actor, signature: bytes, expires_at: datetime) -> None:
    """Remember an accepted signature until its date is too old. Raises BadCredentialsError for one of earlier."""
    await tx.execute(SQL["commit_without_waiting"])
    first = await tx.fetchval(SQL["remember_call"], actor.account_id, _digest(signature), tx.real_now, expires_at)
    if tx.real_now - first > RETRY:
        raise BadCredentialsError


def _digest(signature: bytes) -> UUID:
    return UUID(bytes=hashlib.sha256(signature).digest()[:16])


async def delete_signed_calls(db: Database) -> None:
    """Delete every account's signatures whose dates have become too old."""
    async for account_id in every_account(db, _DELETER):
        actor = await db.read(open_account, _DELETER, OpenAccount(account_id=account_id))
        while await db.run(_delete_expired, actor):
            pass


async def _delete_expired(tx: Tx, actor: Actor) -> bool:
    """Delete some; True when there may be more of them."""
    gone = await tx.fetch(SQL["delete_expired"], actor.account_id, tx.real_now, _DELETED_AT_ONCE)
    return len(gone) == _DELETED_AT_ONCE
