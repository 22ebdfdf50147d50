"""Form tokens: what names a contact in the addresses of its public forms.

They are random, so that nobody finds another's form by counting, and made when they are first asked for: most contacts
never show a form.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "form_tokens.sql")

_BYTES = 24  # 192 random bits, in 32 characters that need no quoting in an address


@dataclass(frozen=True, slots=True, kw_only=True)
class FormTokens:
    """A contact's tokens: who is handed the one that unsubscribes does not see the contact by it."""

    profile: str = field(repr=False)
    unsubscribe: str = field(repr=False)


async def find_form_tokens(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> Mapping[int, FormTokens]:
    """Return the tokens of those of the contacts that have some, by contact."""
    rows = await tx.fetch(SQL["find_form_tokens"], actor.account_id, actor.audience_id, contact_ids)
    return {row["contact_id"]: FormTokens(profile=row["profile"], unsubscribe=row["unsubscribe"]) for row in rows}


async def make_form_tokens(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> Mapping[int, FormTokens]:
    """Make the tokens that are missing, and return those of all contacts that exist, by contact."""
    profiles, unsubscribes = ([_token(tx) for _ in contact_ids] for _ in range(2))
    await tx.execute(SQL["make_form_tokens"], actor.account_id, actor.audience_id, contact_ids, profiles, unsubscribes)
    return await find_form_tokens(tx, actor, contact_ids)


def _token(tx: Tx) -> str:
    return base64.urlsafe_b64encode(tx.random.randbytes(_BYTES)).decode()
