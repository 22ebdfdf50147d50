"""Making short links: codes for targets, and their rows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import repeat
from uuid import UUID

import msgspec

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.links.addresses import LinkAddresses
from carillon.links.codes import day_of, link_id_of
from carillon.links.targets import LinkTarget, check_url, host_of

SQL = load_statements("carillon.links", "shorten.sql")

MAX_URLS = 1_000
"""So many URLs are shortened in one call."""

# Codes of so many take a millisecond: more are made in a thread. Up to so many rows one statement is quicker than COPY.
_FEW = 300
_COLUMNS = (
    *("shard_key", "link_id", "sending_id", "message_id", "name", "url", "page_key", "data", "options", "domain"),
    "expires_at",
)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeLink:
    """A link that has its code, and no row yet. `row` is the caller's, `name` the placeholder that it stands for."""

    row: int
    name: str
    link_id: UUID
    code: str
    url: str = field(repr=False)
    target: LinkTarget = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOwner:
    """Whose links are: a sending's, and a message's of it."""

    sending_id: UUID | None = None
    message_id: UUID | None = None


async def make_links(db: Database, actor: Actor, wanted: Sequence[tuple[int, str, LinkTarget]]) -> list[MadeLink]:
    """Give targets codes: rows, names and targets, in their order.

    Raises InvalidInputError for `domain` that is not the account's, and for `page` that it has not got.
    """
    if not wanted:
        return []
    numbers = await db.read(_numbers_for, actor, wanted)
    addresses = db.process_state(LinkAddresses)
    addresses.last_account = max(addresses.last_account, actor.account_id)
    day = day_of(db.clock.now())
    few = len(wanted) <= _FEW
    make = (addresses, actor.account_id, day, numbers, wanted)
    return _made(*make) if few else await asyncio.to_thread(_made, *make)


def _made(
    addresses: LinkAddresses, account_id: int, day: int, numbers: range, wanted: Sequence[tuple[int, str, LinkTarget]]
) -> list[MadeLink]:
    codes = addresses.codes.make(account_id, day, numbers)
    return [
        MadeLink(
            row=row,
            name=name,
            link_id=link_id_of(day, number),
            code=code,
            url=addresses.url_of(code, target.domain),
            target=target,
        )
        for (row, name, target), number, code in zip(wanted, numbers, codes, strict=True)
    ]


async def _numbers_for(tx: Tx, actor: Actor, wanted: Sequence[tuple[int, str, LinkTarget]]) -> range:
    """Require that the targets are the account's, and take numbers for them."""
    hosts = {host_of(domain) for _, _, target in wanted if (domain := target.domain) is not None}
    if hosts:
        usable = {row["host"] for row in await tx.fetch(SQL["usable_domains"], actor.account_id, sorted(hosts))}
        if not tx.process_state(LinkAddresses).is_chosen or hosts - usable:
            raise InvalidInputError("domain", "Nobody has shown that this domain is the account's.")
    pages = {key for _, _, target in wanted if (key := target.page_key) is not None}
    if pages:
        known = {row["page_key"] for row in await tx.fetch(SQL["known_pages"], actor.account_id, sorted(pages))}
        if pages - known:
            raise InvalidInputError("page", "The account has no such landing page.")
    return await tx.ids.take("link", len(wanted))


async def write_links(
    tx: Tx, actor: Actor, links: Sequence[tuple[MadeLink, LinkOwner]], *, expires_at: datetime | None = None
) -> None:
    """Write the rows of links."""
    if not links:
        return
    targets = [link.target for link, _ in links]
    columns: list[list[object]] = [
        [link.link_id for link, _ in links],
        [owner.sending_id for _, owner in links],
        [owner.message_id for _, owner in links],
        [link.name for link, _ in links],
        [target.url for target in targets],
        [target.page_key for target in targets],
        [_encode(target.data).decode() if target.data else None for target in targets],
        [target.options for target in targets],
        [target.domain for target in targets],
        [expires_at] * len(links),
    ]
    if len(links) <= _FEW:
        await tx.execute(SQL["add_links"], actor.account_id, *columns)
    else:
        await tx.copy_records("link", _COLUMNS, list(zip(repeat(actor.account_id), *columns, strict=False)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shorten:
    """Shorten URLs that are no message's; they lead nowhere after `expires_in`."""

    urls: Sequence[str] = field(repr=False)
    domain: str | None = None
    expires_in: timedelta | None = None


async def shorten(db: Database, actor: Actor, command: Shorten) -> list[MadeLink | None]:
    """Shorten URLs, each on its own: None where a link must not lead there (`check_url`).

    Raises InvalidInputError for `urls` that are more than MAX_URLS, and for `domain`.
    """
    if len(command.urls) > MAX_URLS:
        raise InvalidInputError("urls", f"These are {MAX_URLS} URLs at most.")
    wanted: list[tuple[int, str, LinkTarget]] = []
    for row, url in enumerate(command.urls):
        try:
            wanted.append((row, "", LinkTarget(url=check_url(url), domain=command.domain)))
        except InvalidInputError:
            continue
    made = await make_links(db, actor, wanted)
    await db.run(_write_shortened, actor, made, command.expires_in)
    by_row = {one.row: one for one in made}
    return [by_row.get(row) for row in range(len(command.urls))]


async def _write_shortened(tx: Tx, actor: Actor, made: Sequence[MadeLink], expires_in: timedelta | None) -> None:
    expires_at = tx.now + expires_in if expires_in is not None else None
    await write_links(tx, actor, [(one, LinkOwner()) for one in made], expires_at=expires_at)
