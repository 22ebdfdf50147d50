"""Making short links: codes for targets, and their rows."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import repeat
from uuid import UUID

import msgspec

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.links.addresses import LinkAddresses
from carillon.links.codes import day_of, link_id_of
from carillon.links.targets import PLAIN, LinkColumn, ShortLinks, check_url, host_of

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


class Codes:
    """The codes and short URLs of links: made when they are first asked for, or in a thread before that."""

    def __init__(self, make: Callable[[], ShortLinks]) -> None:
        self._make = make
        self._made: ShortLinks | None = None
        self._coming: asyncio.Future[ShortLinks] | None = None

    @property
    def short(self) -> ShortLinks:
        """They themselves."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def begin(self) -> None:
        """Begin to make them in a thread: best when the event loop is about to wait for the database."""
        if self._made is None and self._coming is None:
            self._coming = asyncio.get_running_loop().run_in_executor(None, self._make)

    async def made(self) -> None:
        """Wait until they are made."""
        self.begin()
        if self._coming is not None:
            self._made = await self._coming


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeLinks:
    """Links that have their codes, by placeholder; they have no rows yet.

    Their numbers, of a day, count from `first` on: those of the first placeholder's column, then the next one's, each
    as long as `count`. `rows` are those of the columns here, which may be a part of them. `sample` are the short URLs
    of the first row: any other's with the same domain is as long.
    """

    day: int
    first: int
    count: int
    rows: range
    columns: Mapping[str, LinkColumn] = field(repr=False)
    sample: Mapping[str, str] = field(repr=False)
    codes: Codes = field(repr=False)

    @property
    def short(self) -> ShortLinks:
        """The codes and short URLs. Of very many, on the event loop, `Codes.made` comes first."""
        return self.codes.short

    def link_ids(self, place: int) -> list[UUID]:
        """Return the keys of the links of a placeholder, by its place."""
        start = self.first + place * self.count
        return [link_id_of(self.day, start + row) for row in self.rows]


async def make_links(db: Database, actor: Actor, columns: Mapping[str, LinkColumn]) -> MadeLinks | None:
    """Give links codes; None where there are none. The columns are of one length.

    Raises InvalidInputError for `domain` that is not the account's, and for `page` that it has not got.
    """
    count = max((len(one.urls) for one in columns.values()), default=0)
    if not count:
        return None
    numbers = await db.read(_numbers_for, actor, columns)
    addresses = db.process_state(LinkAddresses)
    addresses.last_account = max(addresses.last_account, actor.account_id)
    day = day_of(db.clock.now())
    numbered = Numbered(account_id=actor.account_id, day=day, first=numbers.start, count=count)
    if len(numbers) <= _FEW:
        return with_codes(addresses, numbered, range(count), columns)
    codes = Codes(partial(_short_links, addresses, numbered, range(count), columns))
    sample = _short_links(addresses, numbered, range(1), columns)
    return _made(numbered, range(count), columns, sample, codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """An account's numbers of links, as `MadeLinks` has them."""

    account_id: int
    day: int
    first: int
    count: int


def with_codes(
    addresses: LinkAddresses, numbered: Numbered, rows: range, columns: Mapping[str, LinkColumn]
) -> MadeLinks:
    """Return the codes of links whose numbers are known; the columns are those of `rows`. It is safe in threads."""
    codes = Codes(partial(_short_links, addresses, numbered, rows, columns))
    return _made(numbered, rows, columns, codes.short, codes)


def _made(
    numbered: Numbered, rows: range, columns: Mapping[str, LinkColumn], sample: ShortLinks, codes: Codes
) -> MadeLinks:
    given = {"day": numbered.day, "first": numbered.first, "count": numbered.count}
    first = {name: urls[0] for name, urls in sample.urls.items() if urls}
    return MadeLinks(**given, rows=rows, columns=columns, sample=first, codes=codes)


def _short_links(
    addresses: LinkAddresses, numbered: Numbered, rows: range, columns: Mapping[str, LinkColumn]
) -> ShortLinks:
    codes: dict[str, Sequence[str]] = {}
    urls: dict[str, Sequence[str]] = {}
    for place, (name, column) in enumerate(columns.items()):
        start = numbered.first + place * numbered.count
        numbers = range(start + rows.start, start + rows.stop)
        codes[name] = addresses.codes.make(numbered.account_id, numbered.day, numbers)
        urls[name] = addresses.urls_of(codes[name], column.domains[: len(rows)])
    return ShortLinks(codes=codes, urls=urls)


async def _numbers_for(tx: Tx, actor: Actor, columns: Mapping[str, LinkColumn]) -> range:
    """Require that domains and pages are the account's, and take numbers for the links."""
    ways = [way for column in columns.values() for way in column.distinct_ways]
    hosts = {host_of(way.domain) for way in ways if way.domain is not None}
    if hosts:
        usable = {row["host"] for row in await tx.fetch(SQL["usable_domains"], actor.account_id, sorted(hosts))}
        if not tx.process_state(LinkAddresses).is_chosen or hosts - usable:
            raise InvalidInputError("domain", "Nobody has shown that this domain is the account's.")
    pages = {way.page_key for way in ways if way.page_key is not None}
    if pages:
        known = {row["page_key"] for row in await tx.fetch(SQL["known_pages"], actor.account_id, sorted(pages))}
        if pages - known:
            raise InvalidInputError("page", "The account has no such landing page.")
    return await tx.ids.take("link", sum(len(column.urls) for column in columns.values()))


async def write_links(  # noqa: PLR0913 - whose they are
    tx: Tx,
    actor: Actor,
    made: MadeLinks,
    *,
    sending_id: UUID | None = None,
    message_ids: Sequence[UUID] | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Write the rows of links: a sending's, or nobody's; and of a message each, or nobody's."""
    for place, (name, column) in enumerate(made.columns.items()):
        ways = column.ways
        await _write_column(
            tx,
            actor,
            [
                made.link_ids(place),
                [sending_id] * len(made.rows),
                message_ids or [None] * len(made.rows),
                [name] * len(made.rows),
                column.urls,
                [way.page_key for way in ways],
                [_encode(way.data).decode() if way.data else None for way in ways],
                [way.options for way in ways],
                [way.domain for way in ways],
                [expires_at] * len(made.rows),
            ],
        )


async def _write_column(tx: Tx, actor: Actor, columns: Sequence[Sequence[object]]) -> None:
    if len(columns[0]) <= _FEW:
        tx.defer(SQL["add_links"], actor.account_id, *columns)
    else:
        await tx.copy_records("link", _COLUMNS, list(zip(repeat(actor.account_id), *columns, strict=False)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shorten:
    """Shorten URLs that are no message's; they lead nowhere after `expires_in`."""

    urls: Sequence[str] = field(repr=False)
    domain: str | None = None
    expires_in: timedelta | None = None


async def shorten(db: Database, actor: Actor, command: Shorten) -> list[str | None]:
    """Return the short URL of each URL, or None where a link must not lead there (`check_url`).

    Raises InvalidInputError for `urls` that are more than MAX_URLS, and for `domain`.
    """
    if len(command.urls) > MAX_URLS:
        raise InvalidInputError("urls", f"These are {MAX_URLS} URLs at most.")
    urls = [_checked(url) for url in command.urls]
    right = [url for url in urls if url is not None]
    way = replace(PLAIN, domain=command.domain)
    made = await make_links(db, actor, {"": LinkColumn(urls=right, way=way)})
    if made is None:
        return [None] * len(urls)
    await made.codes.made()
    await db.run(_write_shortened, actor, made, command.expires_in)
    short = iter(made.short.urls[""])
    return [None if url is None else next(short) for url in urls]


def _checked(url: str) -> str | None:
    try:
        return check_url(url)
    except InvalidInputError:
        return None


async def _write_shortened(tx: Tx, actor: Actor, made: MadeLinks, expires_in: timedelta | None) -> None:
    await write_links(tx, actor, made, expires_at=tx.now + expires_in if expires_in is not None else None)
