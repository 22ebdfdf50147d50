"""What simulated phones do with the links in their messages: they open them, as a browser would."""

from collections.abc import Sequence
from datetime import datetime

from carillon.db.database import Database
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.links.addresses import LinkAddresses
from carillon.links.clicks import Clicks, Visit
from carillon.links.codes import day_of
from carillon.links.lookup import LinkLookup

# Of those that are for documentation (RFC 5737).
_ADDRESS = "192.0.2.14"
_AGENT = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"


def short_links_in(db: Database, actor: Actor, text: str) -> list[str]:
    """Return the URLs of the account's short links in a text."""
    addresses = db.process_state(LinkAddresses)
    today = day_of(db.clock.now())
    found = [(url, addresses.codes.read(code, today)) for url, code in addresses.links_in(text)]
    return [url for url, key in found if key is not None and key.account_id == actor.account_id]


async def open_links(db: Database, account_id: AccountId, opened: Sequence[tuple[str, datetime]]) -> int:
    """Open an account's short links, each at a moment in real time; return how many were some.

    It is recorded when this returns. What is no link of the account is left alone.
    """
    addresses, lookup = db.process_state(LinkAddresses), db.process_state(LinkLookup)
    visits: list[Visit] = []
    for url, at in opened:
        for _, code in addresses.links_in(url):
            link = await lookup.find(db, code)
            if link is None or link.account_id != account_id or not link.is_tracked:
                continue
            if link.expires_at is None or link.expires_at > at + link.clock_offset:
                visits.append(Visit(link=link, at=at, address=_ADDRESS, agent=_AGENT, reasons=()))
    await db.process_state(Clicks).record(db, account_id, visits)
    return len(visits)
