"""Values of a text that stand nowhere readable: they are sealed beside the sending, and opened when it is submitted."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.messaging.scheduling import CancelSendings, cancel_sendings
from carillon.tenancy.secrets import SecretBox
from carillon.text.placeholders import PlaceholderStyle, Template

SQL = load_statements("carillon.messaging", "sealed.sql")

GONE = b""
"""What is stored in the place of values that were forgotten."""

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(dict[str, str])


def seal_values(box: SecretBox, account_id: AccountId, values: Mapping[str, str], sending_id: UUID) -> bytes:
    """Seal the values of a sending's placeholders."""
    return box.seal(_encode(values).decode(), context=_context(account_id, sending_id))


def open_values(box: SecretBox, account_id: AccountId, sending_id: UUID, sealed: bytes | None) -> Mapping[str, str]:
    """Open a sending's values; none where it has none, or they are gone. Raises SecretKeyError."""
    if not sealed:
        return {}
    return _decoder.decode(box.open(sealed, context=_context(account_id, sending_id)))


def open_text(box: SecretBox, account_id: AccountId, sending_id: UUID, text: str, sealed: bytes | None) -> str:
    """Put a sending's sealed values into a text. Raises SecretKeyError."""
    values = open_values(box, account_id, sending_id, sealed)
    return Template.parse(text, PlaceholderStyle.BRACES).render(values) if values else text


async def forget_values(tx: Tx, actor: Actor, sending_ids: Sequence[UUID]) -> None:
    """Cancel what waits of sendings, and forget their values: what is not submitted by now never is.

    It locks what `cancel_sendings` does, in its order.
    """
    open_ids = [row["sending_id"] for row in await tx.fetch(SQL["sendings_with_values"], actor.account_id, sending_ids)]
    if not open_ids:
        return
    if await tx.fetchval(SQL["have_waiting"], actor.account_id, open_ids):
        await cancel_sendings(tx, actor, CancelSendings(sending_ids=open_ids))
    await tx.execute(SQL["forget_values"], actor.account_id, open_ids)


def _context(account_id: AccountId, sending_id: UUID) -> str:
    return f"sending {account_id}/{sending_id}"
