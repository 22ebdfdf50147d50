"""Accepting, in a caller's transaction and beside its rows, a text with values that stand nowhere readable."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from carillon.billing.prices import CHANNELS
from carillon.db.database import Database, Tx
from carillon.errors import UnavailableError
from carillon.kit.actor import Actor
from carillon.messaging.accept import accept_sendings
from carillon.messaging.begin_at_once import BeginAtOnce
from carillon.messaging.placement import ChannelFacts, channel_facts
from carillon.messaging.prepare import prepare_send
from carillon.messaging.sealed import seal_values
from carillon.messaging.sendings import AcceptedSending, Send
from carillon.tenancy.secrets import SecretBox


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSends:
    """What accepts in one transaction, which may be tried several times (`sealed_sends`)."""

    box: SecretBox = field(repr=False)
    channels: Mapping[str, ChannelFacts]
    beginning: BeginAtOnce

    async def send(self, tx: Tx, actor: Actor, command: Send, values: Mapping[str, str]) -> AcceptedSending:
        """Accept a request to a few; once in a transaction.

        Of its text the placeholders of `values`, written `{key}`, are stored as they are written; the values are
        sealed, put into the text when it is submitted, and gone when they are forgotten (`sealed.py`). Raises what
        `accept.send` does.
        """
        prepared = prepare_send(command, actor.country, values)
        if values:
            prepared = replace(prepared, seal=partial(seal_values, self.box, actor.account_id, values))
        (accepted,) = await accept_sendings(tx, actor, self.channels, [prepared], [actor], self.beginning)
        return accepted


@asynccontextmanager
async def sealed_sends(
    db: Database, actor: Actor, box: SecretBox, channels: Iterable[str] = CHANNELS
) -> AsyncIterator[SealedSends]:
    """Yield what accepts on channels in a transaction of the block; it is submitted when the block ends well."""
    beginning = BeginAtOnce(db, actor.account_id)
    facts = await channel_facts(db, actor.account_id, channels)
    try:
        yield SealedSends(box=box, channels=facts, beginning=beginning)
    except Exception as error:
        beginning.failed(error)
        raise
    except BaseException:  # cancelled, perhaps in the COMMIT
        beginning.failed(UnavailableError())
        raise
    await beginning.committed()
