"""Looking for links by their codes: they are remembered, and those that come together are looked for together.

A row is never changed, so that one is remembered for minutes. What hasn't been found, and what ends by its account's
clock, which may be moved, is looked for again after some seconds.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TypeVar, cast
from uuid import UUID

import msgspec
import structlog
from asyncpg import Record

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.links.addresses import LinkAddresses
from carillon.links.codes import LinkKey, day_of
from carillon.links.targets import LEADS_ON, POSTS, SYSTEM_PARAMETERS, TRACKED

log = structlog.get_logger(__name__)

SQL = load_statements("carillon.links", "lookup.sql")

_SECONDS, _SOME_SECONDS = 600.0, 3.0
_MAX_REMEMBERED = 50_000
_MAX_TOGETHER = 500
# A statement costs the database what forty links in it do: what comes while two are under way is looked for together by
# the next one, and by a third beside them where so many wait, or so long after the latest has begun.
_FEW_LOOKING, _MANY_QUEUED, _LONG_SECONDS, _MAX_LOOKING = 2, 40, 0.05, 3
# Codes of accounts that are not there cost a query so often.
_ACCOUNTS_SECONDS = 0.25

_Outcome = TypeVar("_Outcome")
_Take = Callable[["Link | Exception | None"], Callable[[], None] | None]

_NO_DATA: Mapping[str, str] = MappingProxyType({})
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Link(msgspec.Struct, kw_only=True, gc=False):
    """A link as it is opened. `clock_offset` is its account's.

    It is made for each that is looked for, and remembered by the ten thousands: hence a struct, which takes a third of
    a dataclass's time, and isn't tracked by the garbage collector, which would walk them all and hold everybody up.
    """

    account_id: AccountId
    link_id: UUID
    code: str
    sending_id: UUID | None
    message_id: UUID | None
    name: str
    url: str | None
    page_key: str | None
    data: Mapping[str, str]
    options: int
    domain: str | None
    expires_at: datetime | None
    clock_offset: timedelta

    def __repr__(self) -> str:
        """Name it, without where it leads."""
        return f"Link(account_id={self.account_id}, link_id={self.link_id})"

    @property
    def leads_on(self) -> bool:
        """Whether a page of ours leads to the URL."""
        return bool(self.options & LEADS_ON)

    @property
    def posts(self) -> bool:
        """Whether that page sends a form."""
        return bool(self.options & POSTS)

    @property
    def has_system_parameters(self) -> bool:
        """Whether the URL is told which message it was in."""
        return bool(self.options & SYSTEM_PARAMETERS)

    @property
    def is_tracked(self) -> bool:
        """Whether it is recorded who opens it."""
        return bool(self.options & TRACKED)


class LinkLookup:
    """What a process remembers of links (`Database.process_state`)."""

    def __init__(self) -> None:
        # By code, which is a key's only spelling; those that nobody has opened for the longest are forgotten first.
        self._remembered: OrderedDict[str, tuple[Link | None, float]] = OrderedDict()
        self._waiting: dict[LinkKey, tuple[str, list[_Take]]] = {}
        # Of those that wait, what nobody looks for yet, and who looks for others; the latest may be about to begin.
        self._queued: deque[LinkKey] = deque()
        self._looking: set[asyncio.Task[None]] = set()
        self._is_beginning = False
        self._began_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._accounts_until = 0.0
        self._counting: asyncio.Task[None] | None = None

    async def find(self, db: Database, code: str) -> Link | None:
        """Find a link; None for a code that nobody has made, and for a link that is gone. Raises UnavailableError."""
        if (link := self.remembered(code)) is not None:
            return link
        addresses = db.process_state(LinkAddresses)
        key = _read(db, addresses, code)
        if key is None:
            return None
        if key.account_id > addresses.last_account and not await self._is_account(db, addresses, key.account_id):
            return None
        known = self._remembered.get(code)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        found: asyncio.Future[Link | None] = asyncio.get_running_loop().create_future()
        self._look_up(db, key, code, partial(_end, found))
        return await found

    def remembered(self, code: str) -> Link | None:
        """Return a link that needs not be looked for; None for any other."""
        known = self._remembered.get(code)
        if known is None or known[1] <= time.monotonic():
            return None
        self._remembered.move_to_end(code)
        return known[0]

    def look_for(self, db: Database, code: str, then: Callable[[], Callable[[], None] | None]) -> bool:
        """Begin to look for a link that may be there: `then` is called when that is known.

        False for one that needs not be looked for, and for one that nobody has made.
        """
        if code in self._remembered:
            return False
        addresses = db.process_state(LinkAddresses)
        key = _read(db, addresses, code)
        if key is None or key.account_id > addresses.last_account:
            return False
        self._look_up(db, key, code, lambda _: then())
        return True

    def _look_up(self, db: Database, key: LinkKey, code: str, take: _Take) -> None:
        """Have a link looked for, and `take` called with it, or with what failed."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting[1].append(take)
            return
        self._waiting[key] = (code, [take])
        self._queued.append(key)
        self._begin(db)

    def _begin(self, db: Database) -> None:
        """Have what is queued looked for, now or when that has been under way for long."""
        is_enough = len(self._queued) < _MANY_QUEUED and time.monotonic() - self._began_at < _LONG_SECONDS
        if not self._is_beginning and len(self._looking) < (_FEW_LOOKING if is_enough else _MAX_LOOKING):
            self._is_beginning = True
            self._looking.add(asyncio.create_task(self._look(db)))
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LONG_SECONDS, self._begin_late, db)

    def _begin_late(self, db: Database) -> None:
        self._timer = None
        if self._queued:
            self._begin(db)

    async def _is_account(self, db: Database, addresses: LinkAddresses, account_id: int) -> bool:
        """Look whether there can be an account that this process knows nothing of, a few times a second at most."""
        if self._counting is None and self._accounts_until < time.monotonic():
            self._counting = asyncio.create_task(self._count_accounts(db, addresses))
        if self._counting is not None:
            await asyncio.shield(self._counting)
        return account_id <= addresses.last_account

    async def _count_accounts(self, db: Database, addresses: LinkAddresses) -> None:
        try:
            addresses.last_account = max(addresses.last_account, await db.read(_last_account))
            self._accounts_until = time.monotonic() + _ACCOUNTS_SECONDS
        finally:
            self._counting = None

    async def _look(self, db: Database) -> None:
        """Look for what is queued, in turns, until nothing is."""
        self._is_beginning = False
        try:
            while self._queued:
                self._began_at = time.monotonic()
                of_days: dict[tuple[int, int], list[LinkKey]] = {}
                for key in (self._queued.popleft() for _ in range(min(len(self._queued), _MAX_TOGETHER))):
                    of_days.setdefault((key.account_id, key.day), []).append(key)
                first, *others = of_days.values()
                if others:
                    await asyncio.gather(*(self._look_for(db, keys) for keys in (first, *others)))
                else:
                    await self._look_for(db, first)
        finally:
            # At once, and not when the task is done: what is queued in between would wait for nobody.
            self._looking.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _look_for(self, db: Database, keys: Sequence[LinkKey]) -> None:
        codes = {key: self._waiting[key][0] for key in keys}
        try:
            found = await db.read(_find, AccountId(keys[0].account_id), keys, codes)
        except Exception as error:  # noqa: BLE001 - it is each caller's to raise
            self._give(dict.fromkeys(keys, error))
            return
        now = time.monotonic()
        outcomes: dict[LinkKey, Link | Exception | None] = {}
        for key, code in codes.items():
            link = outcomes[key] = found.get(key)
            lasts = link is not None and link.expires_at is None
            self._remembered[code] = (link, now + (_SECONDS if lasts else _SOME_SECONDS))
        self._give(outcomes)
        while len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    def _give(self, outcomes: Mapping[LinkKey, Link | Exception | None]) -> None:
        """Call what takes the outcomes, and behind all of it what that has returned."""
        taken = [_called(take, outcome) for key, outcome in outcomes.items() for take in self._waiting.pop(key)[1]]
        for last in taken:
            if last is not None:
                _called(last)


async def own_links_in(db: Database, actor: Actor, text: str) -> dict[str, str]:
    """Return the URLs in a text that are short links of the account's to URLs, and where they lead.

    Those that a message has, that end, or that begin with a domain of its own are left out: no other link can stand in
    their places.
    """
    addresses, lookup = db.process_state(LinkAddresses), db.process_state(LinkLookup)
    found: dict[str, str] = {}
    for url, code in addresses.links_in(text):
        link = await lookup.find(db, code) if addresses.urls_of([code], [None]) == [url] else None
        if link is None or link.account_id != actor.account_id or link.url is None or link.options != TRACKED:
            continue
        if link.message_id is None and link.sending_id is None and link.domain is None and link.expires_at is None:
            found[url] = link.url
    return found


def _read(db: Database, addresses: LinkAddresses, code: str) -> LinkKey | None:
    """Read a code; None for one that nobody has made, and for one of a day that is gone."""
    today = day_of(db.clock.now())
    key = addresses.codes.read(code, today)
    return None if key is None or key.day < today - addresses.keeps_days else key


def _called(one: Callable[..., _Outcome], *arguments: object) -> _Outcome | None:
    try:
        return one(*arguments)
    except Exception:
        log.exception("link_not_taken")  # and the others that wait have theirs
        return None


def _end(waiting: "asyncio.Future[Link | None]", outcome: Link | Exception | None) -> None:
    if waiting.done():  # cancelled
        return
    if isinstance(outcome, Exception):
        waiting.set_exception(outcome)
    else:
        waiting.set_result(outcome)


async def _last_account(tx: Tx) -> int:
    return int(await tx.fetchval(SQL["last_account"]))


async def _find(
    tx: Tx, account_id: AccountId, keys: Sequence[LinkKey], codes: Mapping[LinkKey, str]
) -> dict[LinkKey, Link]:
    # In the order of their numbers, as they are of one day: values of UUIDs are slow to compare.
    by_id = {key.link_id: key for key in sorted(keys)}
    ids = list(by_id)
    rows = await tx.fetch(SQL["find_links"], account_id, ids, ids[0], ids[-1])
    return {(key := by_id[row["link_id"]]): _link(account_id, codes[key], row) for row in rows}


def _link(account_id: AccountId, code: str, row: Record) -> Link:
    # In the order of `find_links`: names cost as much again as the link.
    link_id, sending_id, message_id, name, url, page_key, data, options, domain, expires_at, clock_offset = row.values()
    return Link(
        account_id=account_id,
        link_id=link_id,
        code=code,
        sending_id=sending_id,
        message_id=message_id,
        name=name,
        url=url,
        page_key=page_key,
        data=_decode(data) if data else _NO_DATA,
        options=options,
        domain=domain,
        expires_at=expires_at,
        clock_offset=clock_offset,
    )
