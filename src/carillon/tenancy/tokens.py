"""Tokens: what a credential's client is given for a while, in the stead of its secret (OAuth 2, client credentials)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.tenancy.secrets import new_secret

SQL = load_statements("carillon.tenancy", "tokens.sql")

_MAX_CHARACTERS = 200
_SWEPT_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueToken:
    """Give the actor's credential a token; `scopes` are in its dialect's words, none of them: everything."""

    scopes: Sequence[str]
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundToken:
    """Whose a token is, and what it may be used for."""

    account_id: AccountId
    credential_id: int
    scopes: frozenset[str]
    expires_at: datetime = field(repr=False)


async def issue_token(tx: Tx, actor: Actor, command: IssueToken) -> str:
    """Make a token. Earlier ones stay valid until they expire; some that have expired are deleted."""
    # It carries the account, so that it is found without asking all of them (scale.md, Tables 6).
    token = f"{actor.account_id:x}-{new_secret()}"
    await tx.execute(SQL["drop_expired"], actor.account_id, actor.credential_id, tx.now, _SWEPT_AT_ONCE)
    await tx.execute(
        SQL["add_token"],
        actor.account_id,
        _hash(token),
        actor.credential_id,
        list(command.scopes),
        tx.now + command.lifetime,
    )
    return token


async def find_token(tx: Tx, token: str) -> FoundToken | None:
    """Find a token that hasn't expired."""
    account_id = _account_of(token)
    if account_id is None:
        return None
    row = await tx.fetchrow(SQL["find_token"], account_id, _hash(token))
    if row is None or row["expires_at"] <= tx.now:
        return None
    return FoundToken(
        account_id=account_id,
        credential_id=row["credential_id"],
        scopes=frozenset(row["scopes"]),
        expires_at=row["expires_at"],
    )


async def revoke_token(tx: Tx, actor: Actor, token: str) -> None:
    """End a token of the actor's credential; one that isn't there has ended already."""
    await tx.execute(SQL["drop_token"], actor.account_id, _hash(token), actor.credential_id)


def _account_of(token: str) -> AccountId | None:
    head, dash, _ = token.partition("-")
    if not (dash and token.isascii() and len(token) <= _MAX_CHARACTERS and 0 < len(head) <= 14):  # noqa: PLR2004 - 2^53
        return None
    try:
        return AccountId(int(head, 16))
    except ValueError:
        return None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
