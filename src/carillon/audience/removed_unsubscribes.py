"""Which addresses were unsubscribed in an audience when their contacts were removed or left them: kept as digests.

What a contact had said outlives it (docs/adr/0054): whoever brings the address again finds it unsubscribed there.
"""

from collections.abc import Sequence

from carillon.audience.suppressions import Channel
from carillon.db.database import Tx
from carillon.db.sql import load_statements, one_text
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "removed_unsubscribes.sql")


async def remember_unsubscribed(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> None:
    """Keep which addresses of contacts, that are about to be removed, are unsubscribed in the locked audience.

    One that is subscribed by now is forgotten.
    """
    await tx.execute(SQL["keep_of_contacts"], actor.account_id, actor.audience_id, tx.now, contact_ids)


async def remember_replaced(
    tx: Tx, actor: Actor, channel: Channel, addresses: Sequence[str], statuses: Sequence[int]
) -> None:
    """Keep which of the normalised addresses, that contacts have no more, they were unsubscribed at.

    `statuses` are SubscriptionStatus as contacts store it. One that was subscribed is forgotten.
    """
    where = (actor.account_id, actor.audience_id, tx.now, channel)
    await tx.execute(SQL["keep_of_addresses"], *where, addresses, statuses)


async def removed_channels(tx: Tx, actor: Actor) -> set[Channel]:
    """Return the channels on which the audience keeps any digest: of most audiences none."""
    rows = await tx.fetch(SQL["channels"], actor.account_id, actor.audience_id)
    return {Channel(row["channel"]) for row in rows}


async def removed_unsubscribed(tx: Tx, actor: Actor, channel: Channel, addresses: Sequence[str]) -> set[str]:
    """Return those of the normalised addresses whose contact was unsubscribed when it was removed or left it."""
    where = (actor.account_id, actor.audience_id, channel)
    return {row["address"] for row in await tx.fetch(SQL["unsubscribed_among"], *where, one_text(addresses))}


async def forget_audience(tx: Tx, actor: Actor) -> None:
    """Forget the digests of an audience that is deleted."""
    await tx.execute(SQL["delete_all"], actor.account_id, actor.audience_id)
