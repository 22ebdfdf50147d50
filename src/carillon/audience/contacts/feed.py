"""Feeds: each credential reads the contacts that were made in its audience, once."""

from dataclasses import dataclass

from carillon.audience.contacts.contact import Contact
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience.contacts", "feed.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFeed:
    """Read the next contacts of the credential's feed."""

    limit: int = 1000
    with_groups: bool = False


async def read_feed(tx: Tx, actor: Actor, command: ReadFeed) -> list[Contact]:
    """Return the contacts made since the credential's last call, oldest first, and remember the last of them.

    None is skipped and none comes twice: an audience's ids are given out, and committed, in their order.
    Raises NotFoundError for `audience`.
    """
    place = await tx.fetchval(SQL["open_feed"], actor.account_id, actor.audience_id, actor.credential_id)
    if place is None:
        raise NotFoundError("audience")
    query = ContactQuery(after_id=place, limit=command.limit, with_groups=command.with_groups)
    page = await query_contacts(tx, actor, query)
    if page.items:
        await tx.execute(SQL["move_feed"], actor.account_id, actor.audience_id, actor.credential_id, page.last_id)
    return list(page.items)
