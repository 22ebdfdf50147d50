"""The site at which short links are opened: `/l/CODE` at the installation's address, `/CODE` at a domain for links.

Opening a link is a GET or a HEAD, and changes nothing but what is recorded of it: whoever scans links unsubscribes
nobody, and confirms nobody.
"""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus

from carillon import errors
from carillon.db.database import Database
from carillon.errors import CallerError, CarillonError, InvalidInputError
from carillon.http.request import Method, Reply, Request
from carillon.http.site import AtOnce, Endpoint, Handler, Site, Then
from carillon.kit.ids import AccountId
from carillon.links import answers
from carillon.links.addresses import PATH, LinkAddresses
from carillon.links.clicks import Clicks, Visit
from carillon.links.codes import CODE_CHARACTERS
from carillon.links.lookup import Link, LinkLookup
from carillon.links.pages import template_of
from carillon.links.visitors import MAX_AGENT_CHARACTERS, reasons_in
from carillon.message_metrics import MessageMetrics

_SPELLING = re.compile(rf"(?:/l)?/([0-9A-Za-z]{{{CODE_CHARACTERS}}})(/{answers.HIDDEN})?/?")
_TARGET = re.compile(rf"(?:/l)?/([0-9A-Za-z]{{{CODE_CHARACTERS}}})/?".encode())
_NOWHERE = "This link leads nowhere: it has expired, or nobody has made it."
_UNAVAILABLE_SECONDS = "5"
_PAGE_SECONDS = 3.0
_MAX_PAGES = 1_000


class _Pages:
    """The templates of landing pages that a process has read in the last seconds."""

    def __init__(self) -> None:
        self._templates: dict[tuple[AccountId, str], tuple[str | None, float]] = {}

    async def template(self, db: Database, account_id: AccountId, key: str) -> str | None:
        known = self._templates.get((account_id, key))
        if known is not None and known[1] > time.monotonic():
            return known[0]
        template = await db.read(template_of, account_id, key)
        if len(self._templates) >= _MAX_PAGES:
            self._templates.clear()
        self._templates[account_id, key] = (template, time.monotonic() + _PAGE_SECONDS)
        return template


def links_site(db: Database) -> Site:
    """Make the site of short links."""
    opening = _Opening(db)
    hidden = f"{PATH}{{code}}/{answers.HIDDEN}"
    methods: tuple[Method, ...] = ("GET", "HEAD")
    endpoints: list[Endpoint[Handler]] = []
    for one in methods:
        endpoints += [
            Endpoint(method=one, path=f"{PATH}{{code}}", function="follow", handle=opening.follow),
            Endpoint(method=one, path=hidden, function="follow_hidden", handle=opening.follow_hidden),
        ]
    return Site(
        name="links",
        endpoints=endpoints,
        canonical_path=_canonical_path,
        present_error=_present_error,
        at_once=AtOnce(
            function="follow",
            target=_TARGET,
            look_for=opening.look_for,
            leads_to=opening.follow_at_once,
            headers={"Content-Type": answers.HTML, **answers.ALWAYS},
        ),
    )


class _Opening:
    """Answers whoever opens a link, and records it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._addresses = db.process_state(LinkAddresses)
        self._lookup = db.process_state(LinkLookup)
        self._clicks = db.process_state(Clicks)
        self._metrics = db.process_state(MessageMetrics)
        self._pages = _Pages()

    async def follow(self, request: Request) -> Reply:
        """Lead on, and record who was led."""
        link = await self._find(request)
        if link is None:
            return answers.nothing(HTTPStatus.NOT_FOUND, _NOWHERE)
        if link.url is not None:
            self._record(link, request.method, request.headers, request.remote_address)
            return answers.lead_on(link) if link.leads_on else answers.redirect(link)
        template = await self._pages.template(self._db, link.account_id, link.page_key or "")
        if template is None:
            return answers.nothing(HTTPStatus.NOT_FOUND, _NOWHERE)
        self._record(link, request.method, request.headers, request.remote_address)
        try:
            return answers.landing_page(link, template)
        except InvalidInputError:  # with these values it needs more than it may
            return answers.nothing(HTTPStatus.NOT_FOUND, _NOWHERE)

    async def follow_hidden(self, request: Request) -> Reply:
        """Record who follows what nobody sees; landing pages alone have it."""
        link = await self._find(request)
        if link is not None and link.page_key is not None:
            self._record(link, request.method, request.headers, request.remote_address, is_hidden=True)
        return answers.nothing(HTTPStatus.NOT_FOUND, _NOWHERE)

    def look_for(self, code: str, then: Then) -> bool:
        """Look for a link that is not remembered."""
        return self._lookup.look_for(self._db, code, then)

    def follow_at_once(self, code: str, headers: Mapping[str, str], address: str) -> str | None:
        """Lead on from a link that is remembered; pages of ours are no redirects."""
        link = self._lookup.remembered(code)
        if link is None or link.url is None or link.leads_on or not self._leads(link, headers):
            return None
        self._record(link, "GET", headers, address)
        return answers.url_of(link)

    async def _find(self, request: Request) -> Link | None:
        link = await self._lookup.find(self._db, request.segments["code"])
        return link if link is not None and self._leads(link, request.headers) else None

    def _leads(self, link: Link, headers: Mapping[str, str]) -> bool:
        """Whether a link leads on, now and where it was asked for."""
        if not self._addresses.leads(headers.get("host", ""), link.domain):
            return False
        return link.expires_at is None or link.expires_at > self._db.clock.now() + link.clock_offset

    def _record(
        self, link: Link, method: str, headers: Mapping[str, str], address: str, *, is_hidden: bool = False
    ) -> None:
        if not link.is_tracked:
            return
        visit = Visit(
            link=link,
            at=self._db.clock.now(),
            address=address,
            agent=headers.get("user-agent", "")[:MAX_AGENT_CHARACTERS],
            reasons=reasons_in(method, headers),
            is_hidden=is_hidden,
        )
        self._clicks.take(visit, self._metrics)


def _canonical_path(path: str) -> str | None:
    found = _SPELLING.fullmatch(path)
    if found is not None:
        return f"{PATH}{found[1]}{found[2] or ''}"
    return path if path.startswith(PATH) else None


def _present_error(_request: Request, error: CarillonError) -> Reply:
    if isinstance(error, errors.NoSuchMethodError):
        reply = answers.nothing(HTTPStatus.METHOD_NOT_ALLOWED, "A link is opened by GET.")
        return Reply(
            status=reply.status,
            body=reply.body,
            media_type=reply.media_type,
            headers={**reply.headers, "Allow": ", ".join(error.allowed)},
        )
    if isinstance(error, CallerError):
        return answers.nothing(HTTPStatus.NOT_FOUND, _NOWHERE)
    is_away = isinstance(error, errors.UnavailableError | errors.OverloadedError | errors.SchemaMismatchError)
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_away else HTTPStatus.INTERNAL_SERVER_ERROR
    reply = answers.nothing(status, "This can't be answered now. Try again in a few seconds.")
    headers = {**reply.headers, "Retry-After": _UNAVAILABLE_SECONDS} if is_away else reply.headers
    return Reply(status=reply.status, body=reply.body, media_type=reply.media_type, headers=headers)
