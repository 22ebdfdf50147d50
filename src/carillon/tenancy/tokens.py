"""Tokens: what a credential's client is given for a while, in place of its secret (OAuth 2, client credentials).

They are held against the real time, whatever the account's clock says.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

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
    """Issue a token for the actor's credential; `scopes` are its dialect's, none of them: everything."""

    scopes: Sequence[str]
    lifetime: timedelta


async def issue_token(tx: Tx, actor: Actor, command: IssueToken) -> str:
    """Make a token. Earlier ones stay valid until they expire; some that have expired are deleted."""
    # It carries the account, so that it is found without asking all of them (scale.md, Tables 6).
    token = f"{actor.account_id:x}-{new_secret(tx.random)}"
    await tx.execute(SQL["drop_expired"], actor.account_id, actor.credential_id, tx.real_now, _SWEPT_AT_ONCE)
    await tx.execute(
        SQL["add_token"],
        actor.account_id,
        hash_token(token),
        actor.credential_id,
        list(command.scopes),
        tx.real_now + command.lifetime,
    )
    return token


async def revoke_token(tx: Tx, actor: Actor, token: str) -> None:
    """End a token of the actor's credential; one that isn't there has ended already."""
    await tx.execute(SQL["drop_token"], actor.account_id, hash_token(token), actor.credential_id)


def account_of(token: str) -> AccountId | None:
    """Parse the account that a token carries; None for what can't be a token."""
    head, dash, _ = token.partition("-")
    if not (dash and token.isascii() and len(token) <= _MAX_CHARACTERS and 0 < len(head) <= 14):  # noqa: PLR2004 - 2^53
        return None
    try:
        return AccountId(int(head, 16))
    except ValueError:
        return None


def hash_token(token: str) -> bytes:
    """Hash a token as it is stored."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
