"""Short links over the application: where they lead, what is recorded of it, and what a process keeps in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from hypothesis import Phase, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from tests.integration.receiving import LOOPBACK
from tests.integration.scripted_dns import dns_serving
from tests.integration.scripted_http import serving
from tests.support import OPERATOR, Tenant

from carillon import errors
from carillon.app import create_app
from carillon.db.database import Database, Tx
from carillon.dialects.registry import DIALECTS
from carillon.errors import InvalidInputError, NotFoundError, UnavailableError
from carillon.events.log import NewEvent, ReadEvents, read_events
from carillon.kit.clock import FixedClock
from carillon.kit.ids import AccountId
from carillon.links.addresses import LinkAddresses, UnknownAddressError
from carillon.links.clicks import Clicks, Visit
from carillon.links.codes import day_of
from carillon.links.domains import WELL_KNOWN, add_domain, list_domains, proof_name, remove_domain, verify_domain
from carillon.links.lookup import Link, LinkLookup
from carillon.links.pages import SavePage, get_template, list_pages, remove_page, save_page
from carillon.links.phones import short_links_in
from carillon.links.reports import LinkClicks, clicks_of_sending
from carillon.links.shorten import Shorten, shorten
from carillon.links.site import links_site
from carillon.links.targets import PLAIN, LinkColumn, Way
from carillon.links.visitors import Reason
from carillon.message_metrics import MessageMetrics
from carillon.messaging.accept import plan_send, send
from carillon.messaging.sendings import AcceptedSending, Recipients, Send
from carillon.outbound.client import HttpClient
from carillon.runtime import Runtime, compose
from carillon.settings import Settings
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account
from carillon.text.placeholders import PlaceholderStyle

BASE = "https://s.carillon.example"
URL = "https://shop.example/spring"
BROWSER = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, link_url=BASE, outbound_allow=LOOPBACK)


@pytest.fixture
async def runtime(db: Database, clock: FixedClock, settings: Settings) -> AsyncIterator[Runtime]:
    assert db.clock is clock
    async with HttpClient(settings.outbound_allow, connect_seconds=0.5) as outbound:
        yield compose(settings, db, outbound)


@pytest.fixture
async def client(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(runtime), client=("192.0.2.10", 4711))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers={"User-Agent": BROWSER}) as made:
        yield made


@pytest.fixture
async def other(db: Database) -> Tenant:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Others", country="GR"))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    return Tenant(account_id=made.account.account_id, audience_id=made.audience_id, actor=actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLink:
    """A short URL, and the code at its end."""

    url: str

    @property
    def code(self) -> str:
        return self.url.rpartition("/")[2]


async def made(db: Database, tenant: Tenant, **options: Any) -> ShortLink:
    (url,) = await shorten(db, tenant.actor, Shorten(urls=[URL], **options))
    assert url is not None
    return ShortLink(url=url)


def short(sending: AcceptedSending, name: str, row: int = 0) -> str:
    assert sending.links is not None
    return sending.links.urls[name][row]


async def sent(db: Database, tenant: Tenant, *names: str, count: int = 1, way: Way = PLAIN) -> AcceptedSending:
    """Send texts with a link for each of the names."""
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", tenant.account_id)
    names = names or ("link",)
    command = Send(
        sender="Shop",
        text=" ".join(f"{{{name}}}" for name in names),
        placeholders=PlaceholderStyle.BRACES,
        recipients=Recipients(
            addresses=[f"97254{number:07}" for number in range(count)],
            are_digits=True,
            links={
                name: LinkColumn(urls=[None if way.page_key else f"{URL}/{name}"] * count, way=way) for name in names
            },
        ),
    )
    return await send(db, tenant.actor, command)


async def sent_page(db: Database, tenant: Tenant, *, count: int = 1) -> AcceptedSending:
    """Send texts with a link to a landing page, which have been delivered."""
    await db.run(save_page, tenant.actor, SavePage(key="spring", template="<body><p>Hi</p></body>"))
    sending = await sent(db, tenant, "a", count=count, way=Way(page_key="spring"))
    await delivered(db, tenant, sending)
    return sending


async def delivered(db: Database, tenant: Tenant, sending: AcceptedSending) -> None:
    """Let its messages have been delivered a minute ago."""
    statement = """
    UPDATE message SET state = 'delivered', submitted_at = $3, final_at = $3 WHERE shard_key = $1 AND sending_id = $2"""
    moment = db.clock.now() - timedelta(minutes=1)
    await db.run(Tx.execute, statement, tenant.account_id, sending.sending_id, moment)


async def clicks(db: Database, tenant: Tenant) -> list[dict[str, Any]]:
    """Write what waits, and return what was recorded."""
    await db.process_state(Clicks).write(db)
    events = await db.read(read_events, tenant.actor, ReadEvents())
    return [dict(event.data) for event in events if event.kind == "clicked"]


# Where links lead.


async def test_a_link_leads_on_at_its_address_with_or_without_the_prefix(
    client: httpx.AsyncClient, db: Database, account: Tenant
) -> None:
    link = await made(db, account)
    assert link.url == f"{BASE}/{link.code}"
    for path in (f"/{link.code}", f"/l/{link.code}", f"/l/{link.code}/"):
        reply = await client.get(path)
        assert (reply.status_code, reply.headers["location"]) == (302, URL), path
        assert reply.headers["referrer-policy"] == "no-referrer"


async def test_what_a_caller_adds_changes_nothing_of_where_it_leads(
    client: httpx.AsyncClient, db: Database, account: Tenant
) -> None:
    link = await made(db, account)
    for added in ("?url=https://evil.example", "?next=//evil.example&redirect=1", "?//evil.example", "#@evil.example"):
        assert (await client.get(f"/{link.code}{added}")).headers["location"] == URL
    for path in (
        f"/l/{link.code}//evil.example",
        f"/l/{link.code}/https://evil.example",
        f"/l//evil.example/{link.code}",
    ):
        assert (await client.get(path)).status_code == 404, path


async def test_a_forged_code_leads_nowhere(client: httpx.AsyncClient, db: Database, account: Tenant) -> None:
    link = await made(db, account)
    reversed_code = link.code[::-1]
    for code in (reversed_code, "0" * 10, "z" * 10, link.code.swapcase(), link.code[:9], f"{link.code}0", "%00" * 10):
        reply = await client.get(f"/l/{code}")
        assert (reply.status_code, reply.headers["content-type"]) == (404, "text/html; charset=utf-8"), code
        assert "location" not in reply.headers


async def test_codes_that_nobody_made_are_not_looked_for(db: Database, runtime: Runtime, account: Tenant) -> None:
    link = await made(db, account)
    lookup, codes = LinkLookup(), db.process_state(LinkAddresses).codes
    today = day_of(db.clock.now())
    (foreign,) = codes.make(account.account_id + 1_000, today, [1])
    (old,) = codes.make(account.account_id, today - runtime.settings.link_kept_days - 2, [1])
    found = await lookup.find(db, link.code)
    assert found is not None

    async def never(*_: object) -> None:
        raise AssertionError("it looks")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "_look_for", never)
        for code in (foreign, old, "!" * 10, ""):
            assert await lookup.find(db, code) is None, code


async def test_links_that_are_opened_together_are_looked_for_together(
    db: Database, runtime: Runtime, account: Tenant
) -> None:
    assert runtime
    made_urls = await shorten(db, account.actor, Shorten(urls=[f"{URL}/{number}" for number in range(100)]))
    links = [ShortLink(url=url) for url in made_urls if url]
    lookup = LinkLookup()
    reads: list[object] = []
    real = db.read

    async def counting(operation: Any, *arguments: Any, **keywords: Any) -> Any:
        reads.append(operation)
        return await real(operation, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "read", counting)
        found = await asyncio.gather(*(lookup.find(db, one.code) for one in links * 3))
        again = await lookup.find(db, links[7].code)
    assert [one.url for one in found if one] == [f"{URL}/{number}" for number in range(100)] * 3
    assert len(reads) <= 2
    assert again == found[7]


async def test_what_is_asked_for_as_another_link_is_found_waits_for_nobody(
    db: Database, runtime: Runtime, account: Tenant
) -> None:
    assert runtime
    urls = await shorten(db, account.actor, Shorten(urls=[f"{URL}/{number}" for number in range(4)]))
    codes = [ShortLink(url=url).code for url in urls if url]
    lookup, found, loop = LinkLookup(), list[str](), asyncio.get_running_loop()
    addresses = db.process_state(LinkAddresses)
    addresses.last_account = max(addresses.last_account, account.account_id)
    are_found = asyncio.Event()

    def ask(place: int) -> None:
        assert lookup.look_for(db, codes[place], partial(note, place))

    def note(place: int) -> None:
        link = lookup.remembered(codes[place])
        found.append(link.url or "" if link else "")
        if place == 0:
            ask(1)
            loop.call_soon(ask, 2)
            loop.call_soon(loop.call_soon, ask, 3)
        if len(found) == len(codes):
            are_found.set()

    def fail() -> None:
        raise ValueError("it costs the others nothing")

    assert lookup.look_for(db, codes[0], fail)
    ask(0)
    await asyncio.wait_for(are_found.wait(), 10)
    assert sorted(found) == [f"{URL}/{number}" for number in range(4)]


async def test_answers_are_sent_behind_all_that_are_made_of_one_lookup(
    db: Database, runtime: Runtime, account: Tenant
) -> None:
    assert runtime
    urls = await shorten(db, account.actor, Shorten(urls=[f"{URL}/{number}" for number in range(3)]))
    codes = [ShortLink(url=url).code for url in urls if url]
    lookup, addresses, are_sent = LinkLookup(), db.process_state(LinkAddresses), asyncio.Event()
    addresses.last_account = max(addresses.last_account, account.account_id)
    steps: list[str] = []

    def answer(place: int) -> Callable[[], None]:
        steps.append("answered")
        return partial(note_sent, place)

    def note_sent(place: int) -> None:
        steps.append("sent")
        if place == 0:
            raise OSError("it costs the others nothing")
        if place == len(codes) - 1:
            are_sent.set()

    for place, code in enumerate(codes):
        assert lookup.look_for(db, code, partial(answer, place))
    await asyncio.wait_for(are_sent.wait(), 10)
    assert steps == ["answered"] * 3 + ["sent"] * 3


async def test_a_few_wait_for_the_lookups_before_them_and_many_do_not(
    db: Database, runtime: Runtime, account: Tenant
) -> None:
    assert runtime
    urls = await shorten(db, account.actor, Shorten(urls=[f"{URL}/{number}" for number in range(60)]))
    first, second, *others = [ShortLink(url=url).code for url in urls if url]
    lookup, may_read, real = LinkLookup(), asyncio.Event(), db.read
    reads = 0

    async def held(operation: Any, *arguments: Any, **keywords: Any) -> Any:
        nonlocal reads
        reads += 1
        if reads <= 2:
            await may_read.wait()
        return await real(operation, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("carillon.links.lookup._LONG_SECONDS", 60)
        patch.setattr(db, "read", held)
        finding = []
        for code in (first, second):
            finding.append(asyncio.create_task(lookup.find(db, code)))
            await asyncio.sleep(0.05)
        few = [asyncio.create_task(lookup.find(db, code)) for code in others[:20]]
        await asyncio.sleep(0.05)
        assert (reads, any(one.done() for one in few)) == (2, False)
        async with asyncio.timeout(10):
            many = await asyncio.gather(*(lookup.find(db, code) for code in others[20:]))
            assert all(many)
            assert all(await asyncio.gather(*few))
        assert not any(one.done() for one in finding)
        may_read.set()
        assert all(await asyncio.gather(*finding))


async def test_a_lookup_that_takes_long_holds_up_no_other(
    db: Database, runtime: Runtime, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runtime
    urls = await shorten(db, account.actor, Shorten(urls=[f"{URL}/{number}" for number in range(2)]))
    first, second = [ShortLink(url=url).code for url in urls if url]
    lookup, may_read, real = LinkLookup(), asyncio.Event(), db.read

    async def held(*arguments: Any, **keywords: Any) -> Any:
        monkeypatch.undo()
        await may_read.wait()
        return await real(*arguments, **keywords)

    monkeypatch.setattr(db, "read", held)
    finding = asyncio.create_task(lookup.find(db, first))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(10):
        assert await lookup.find(db, second) is not None
    assert not finding.done()
    may_read.set()
    assert await finding is not None


async def test_whoever_comes_last_behind_lookups_that_hang_waits_for_none_of_them(
    db: Database, runtime: Runtime, account: Tenant
) -> None:
    assert runtime
    urls = await shorten(db, account.actor, Shorten(urls=[f"{URL}/{number}" for number in range(3)]))
    first, second, last = [ShortLink(url=url).code for url in urls if url]
    lookup, may_read, real, reads = LinkLookup(), asyncio.Event(), db.read, list[object]()

    async def held(operation: Any, *arguments: Any, **keywords: Any) -> Any:
        reads.append(operation)
        if len(reads) <= 2:
            await may_read.wait()
        return await real(operation, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "read", held)
        finding = []
        for code in (first, second):
            finding.append(asyncio.create_task(lookup.find(db, code)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            assert await lookup.find(db, last) is not None
        assert (len(reads), any(one.done() for one in finding)) == (3, False)
        may_read.set()
        assert all(await asyncio.gather(*finding))


async def test_what_is_logged_of_links_clicks_and_events_names_nobody(
    db: Database, runtime: Runtime, account: Tenant
) -> None:
    assert runtime
    link = await db.process_state(LinkLookup).find(db, (await made(db, account)).code)
    assert link is not None
    visit = Visit(link=link, at=db.clock.now(), address="198.51.100.77", agent="Browser/7", reasons=())
    event = NewEvent(kind="reply", at=db.clock.now(), data={"text": "come at nine"})
    for shown in (repr(link), f"{[visit]}", str(visit), repr(event)):
        assert not [one for one in (URL, link.code, "198.51", "Browser", "nine") if one in shown], shown


async def test_a_database_that_is_away_is_503_and_no_caller_hangs(
    client: httpx.AsyncClient, db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await made(db, account)

    async def away(*_: object, **__: object) -> None:
        raise UnavailableError("It is away.")

    monkeypatch.setattr(db, "read", away)
    reply = await client.get(f"/{link.code}")
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
    monkeypatch.undo()
    assert (await client.get(f"/{link.code}")).status_code == 302


async def test_a_link_leads_nowhere_after_its_end_in_the_accounts_time(
    client: httpx.AsyncClient, db: Database, account: Tenant, clock: FixedClock
) -> None:
    link = await made(db, account, expires_in=timedelta(hours=1))
    assert (await client.get(f"/{link.code}")).status_code == 302
    clock.moment += timedelta(minutes=59)
    assert (await client.get(f"/{link.code}")).status_code == 302
    clock.moment += timedelta(minutes=1)
    assert (await client.get(f"/{link.code}")).status_code == 404


async def test_a_link_is_opened_by_get_and_head_alone(client: httpx.AsyncClient, db: Database, account: Tenant) -> None:
    link = await made(db, account)
    reply = await client.head(f"/{link.code}")
    assert (reply.status_code, reply.content) == (302, b"")
    for method in ("POST", "PUT", "DELETE"):
        refused = await client.request(method, f"/l/{link.code}")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_opening_every_link_of_everybody_unsubscribes_and_confirms_nobody(
    client: httpx.AsyncClient, db: Database, account: Tenant
) -> None:
    """Scanners open whatever they find."""
    counted = """
    SELECT (SELECT count(*) FROM suppression WHERE account_id = $1),
        (SELECT count(*) FROM consent WHERE account_id = $1),
        (SELECT count(*) FROM contact WHERE account_id = $1)"""
    before = await db.read(Tx.fetchrow, counted, account.account_id)
    sending = await sent(db, account, "stop", "confirm")
    for name in ("stop", "confirm"):
        for method in ("GET", "HEAD"):
            await client.request(method, short(sending, name))
    await clicks(db, account)
    assert await db.read(Tx.fetchrow, counted, account.account_id) == before


async def test_whatever_is_asked_for_is_no_failure(client: httpx.AsyncClient, db: Database, account: Tenant) -> None:
    link = await made(db, account)
    asked: list[tuple[str, str, str, str]] = []
    texts = st.text(max_size=20)

    @settings_of(max_examples=200, deadline=None, database=None, phases=[Phase.generate])
    @given(st.sampled_from(["/l/", f"/l/{link.code}", f"/{link.code}/"]), texts, texts, texts)
    def collect(before: str, path: str, host: str, agent: str) -> None:
        asked.append((before, path, host, agent))

    collect()
    for before, path, host, agent in asked:
        url = f"{before}{quote(path.encode('utf-8', 'replace'), safe='')}"
        headers = [
            (b"host", quote(host.encode("utf-8", "replace")).encode()),
            (b"user-agent", agent.encode("utf-8", "replace")),
        ]
        reply = await client.get(url, headers=headers)
        assert reply.status_code in {302, 400, 404}, url
        assert reply.headers.get("location", URL) == URL
    await clicks(db, account)


def test_no_dialect_has_a_path_that_links_have(db: Database) -> None:
    site = links_site(db)
    paths = [one.path for dialect in DIALECTS for one in dialect.routes]
    assert paths
    assert [path for path in paths if site.canonical_path(path) is not None] == []


@pytest.mark.parametrize("error", [errors.NotFoundError("x"), errors.BodyTooLargeError(), errors.ServiceError()])
def test_every_error_is_a_page(db: Database, error: errors.CarillonError) -> None:
    reply = links_site(db).present_error(None, error)  # type: ignore[arg-type]
    assert reply.media_type.startswith("text/html")
    assert reply.status in {404, 500}


# Domains.


async def test_a_domain_is_the_accounts_once_its_owner_has_published_the_token(
    runtime: Runtime, client: httpx.AsyncClient, db: Database, account: Tenant, other: Tenant
) -> None:
    published: list[bytes] = [b"nothing"]

    async def script(head: bytes, writer: asyncio.StreamWriter) -> None:
        assert head.startswith(f"GET {WELL_KNOWN} ".encode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(published[0]), published[0]))

    async with serving(script) as server:
        host = f"127.0.0.1:{server.port}"
        domain = f"http://{host}"
        added = await db.run(add_domain, account.actor, domain)
        assert await db.run(add_domain, account.actor, domain) == added
        with pytest.raises(InvalidInputError):
            await made(db, account, domain=domain)
        with pytest.raises(InvalidInputError):
            await verify_domain(db, account.actor, runtime.outbound, host)
        published[0] = added.token.encode() + b"\n"
        assert (await verify_domain(db, account.actor, runtime.outbound, host)).verified_at is not None
        # Another account's token at the same host is worth nothing any more.
        theirs = await db.run(add_domain, other.actor, domain)
        published[0] = theirs.token.encode()
        with pytest.raises(InvalidInputError):
            await verify_domain(db, other.actor, runtime.outbound, host)
    link = await made(db, account, domain=domain)
    assert link.url == f"{domain}/{link.code}"
    with pytest.raises(InvalidInputError):
        await made(db, other, domain=domain)
    assert (await client.get(f"/{link.code}", headers={"Host": host})).status_code == 302


async def test_a_domain_is_the_accounts_once_a_text_in_dns_is_the_token(
    runtime: Runtime, db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = "127.0.0.1:9"  # nobody serves a file there
    token = (await db.run(add_domain, account.actor, f"https://{host}")).token
    assert proof_name(host) == "_carillon-domain.127.0.0.1"
    check = (db, account.actor, runtime.outbound, host)
    halves = f'"{token[:9]}" "{token[9:]}"'
    others = [f'"{token}x"', '"v=spf1 -all"']
    for texts in ({}, {"127.0.0.1": [token]}, {proof_name(host): others}):
        async with dns_serving(texts) as server:
            with pytest.raises(InvalidInputError, match=r"TXT.* of _carillon-domain\.127\.0\.0\.1"):
                await verify_domain(*check, server)
    monkeypatch.setattr("carillon.outbound.dns.LIFETIME_SECONDS", 0.2)
    async with dns_serving({}, is_silent=True) as server:
        with pytest.raises(InvalidInputError):
            await asyncio.wait_for(verify_domain(*check, server), 2)
    async with dns_serving({proof_name(host): ['"v=spf1 -all"', halves]}) as server:
        assert (await verify_domain(*check, server)).verified_at is not None


async def test_no_link_leads_on_from_a_domain_that_is_not_its_own(
    client: httpx.AsyncClient, db: Database, account: Tenant, other: Tenant
) -> None:
    statement = "INSERT INTO link_domain VALUES ($1, 'go.shop.example', 'x', $2, $2)"
    await db.run(Tx.execute, statement, account.account_id, db.clock.now())
    own, foreign = await made(db, account, domain="https://go.shop.example"), await made(db, other)
    assert (await client.get(f"/{own.code}", headers={"Host": "GO.shop.example"})).status_code == 302
    assert (await client.get(f"/{own.code}")).status_code == 404
    for host in ("go.shop.example", "elsewhere.example", ""):
        assert (await client.get(f"/{foreign.code}", headers={"Host": host})).status_code == 404, host
    assert (await client.get(f"/{foreign.code}")).status_code == 302


async def test_domains_are_listed_and_removed(db: Database, runtime: Runtime, account: Tenant, other: Tenant) -> None:
    assert runtime
    await db.run(add_domain, account.actor, "https://go.shop.example")
    assert [one.host for one in await db.read(list_domains, account.actor)] == ["go.shop.example"]
    with pytest.raises(NotFoundError):
        await db.run(remove_domain, other.actor, "go.shop.example")
    await db.run(remove_domain, account.actor, "go.shop.example")
    assert await db.read(list_domains, account.actor) == []
    with pytest.raises(NotFoundError):
        await verify_domain(db, account.actor, runtime.outbound, "go.shop.example")


async def test_without_an_address_of_their_own_links_have_no_domains(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    compose(Settings(data_dir=tmp_path), db, HttpClient())
    with pytest.raises(InvalidInputError, match="link_url"):
        await db.run(add_domain, account.actor, "https://go.shop.example")


async def test_a_process_that_does_not_know_where_links_are_makes_none(db: Database, account: Tenant) -> None:
    with pytest.raises(UnknownAddressError):
        await made(db, account)


# Landing pages.


async def test_pages_are_kept_by_account(db: Database, account: Tenant, other: Tenant) -> None:
    await db.run(save_page, account.actor, SavePage(key="spring", template="<p>1</p>"))
    await db.run(save_page, account.actor, SavePage(key="spring", template="<p>22</p>"))
    assert await db.read(get_template, account.actor, "spring") == "<p>22</p>"
    assert [(one.key, one.characters) for one in await db.read(list_pages, account.actor)] == [("spring", 9)]
    for call in (get_template, remove_page):
        with pytest.raises(NotFoundError):
            await db.run(call, other.actor, "spring")
    with pytest.raises(InvalidInputError):
        await db.run(save_page, account.actor, SavePage(key="spring", template="{{"))
    await db.run(remove_page, account.actor, "spring")
    assert await db.read(list_pages, account.actor) == []


async def test_a_page_that_is_gone_or_needs_too_much_leads_nowhere(
    client: httpx.AsyncClient, db: Database, account: Tenant
) -> None:
    template = "{% for a in name %}{% for b in name %}{% for c in name %}x{% endfor %}{% endfor %}{% endfor %}"
    await db.run(save_page, account.actor, SavePage(key="spring", template=template))
    sending = await sent(db, account, way=Way(page_key="spring", data={"name": "x" * 9_000}))
    reply = await client.get(short(sending, "link", 0))
    assert reply.status_code == 404
    await db.run(remove_page, account.actor, "spring")
    assert (await client.get(short(sending, "link", 0))).status_code == 404


# Clicks.


async def test_clicks_of_people_and_machines_are_told_apart_with_reasons(
    client: httpx.AsyncClient, db: Database, account: Tenant, clock: FixedClock
) -> None:
    sending = await sent(db, account, "a")
    await delivered(db, account, sending)
    url = short(sending, "a", 0)
    await client.get(url)
    clock.moment += timedelta(seconds=10)
    await client.head(url)
    await client.get(url, headers={"Sec-Purpose": "prefetch"})
    await client.get(url, headers={"User-Agent": "WhatsApp/2.23"})
    found = await clicks(db, account)
    assert [(one["class"], one.get("reasons")) for one in found] == [
        ("human", None),
        ("machine", ["head"]),
        ("machine", ["prefetch"]),
        ("machine", ["known_machine"]),
    ]
    assert {(one["url"], one["name"], one["ip"]) for one in found} == {(f"{URL}/a", "a", "192.0.2.10")}


async def test_links_that_are_opened_all_at_once_are_a_machines(
    client: httpx.AsyncClient, db: Database, account: Tenant, clock: FixedClock
) -> None:
    sending = await sent(db, account, "a", "b", "c")
    await delivered(db, account, sending)
    urls = [short(sending, name) for name in "abc"]
    for url in urls:
        await client.get(url)
    assert [one["reasons"] for one in await clicks(db, account)] == [["all_at_once"]] * 3
    for url in urls[:2]:
        clock.moment += timedelta(seconds=5)
        await client.get(url)
    assert [one["class"] for one in await clicks(db, account)][3:] == ["human", "human"]


async def test_who_opens_a_link_before_the_message_is_there_is_a_machine(
    client: httpx.AsyncClient, db: Database, account: Tenant
) -> None:
    sending = await sent(db, account)
    await client.get(short(sending, "link", 0))
    assert [one["reasons"] for one in await clicks(db, account)] == [["too_soon"]]


async def test_who_follows_a_link_that_nobody_sees_is_a_machine(
    client: httpx.AsyncClient, db: Database, account: Tenant, clock: FixedClock
) -> None:
    sending = await sent_page(db, account)
    code, url = short(sending, "a").rpartition("/")[2], short(sending, "a")
    page = (await client.get(url)).text
    assert f'<a href="{code}/more"' in page
    assert page.index("/more") < page.index("</body>")
    assert [one["class"] for one in await clicks(db, account)] == ["human"]
    for hidden in (f"{BASE}/{code}/more", f"{BASE}/l/{code}/more"):
        assert (await client.get(hidden)).status_code == 404
    clock.moment += timedelta(seconds=10)
    await client.get(url)
    assert [one.get("reasons") for one in (await clicks(db, account))[1:]] == [["hidden_link"]] * 3


async def test_following_what_nobody_sees_tells_of_that_message_for_a_minute(
    client: httpx.AsyncClient, db: Database, account: Tenant, clock: FixedClock
) -> None:
    sending = await sent_page(db, account, count=2)
    await client.get(f"{short(sending, 'a')}/more")
    clock.moment += timedelta(seconds=60)
    await client.get(short(sending, "a"))
    await client.get(short(sending, "a", 1))
    clock.moment += timedelta(seconds=1)
    await client.get(short(sending, "a"))
    found = await clicks(db, account)
    assert [one["class"] for one in found] == ["machine", "machine", "human", "human"]


async def test_a_link_without_a_landing_page_has_nothing_that_nobody_sees(
    client: httpx.AsyncClient, db: Database, account: Tenant
) -> None:
    sending = await sent(db, account)
    await delivered(db, account, sending)
    assert (await client.get(f"{short(sending, 'link')}/more")).status_code == 404
    assert await clicks(db, account) == []
    await client.get(short(sending, "link"))
    assert [one["class"] for one in await clicks(db, account)] == ["human"]


async def test_clicks_are_in_the_accounts_time(
    client: httpx.AsyncClient, db: Database, account: Tenant, clock: FixedClock
) -> None:
    await db.run(Tx.execute, "UPDATE account SET clock_offset = '2 hours' WHERE account_id = $1", account.account_id)
    link = await made(db, account)
    await client.get(link.url)
    await clicks(db, account)
    (event,) = await db.read(read_events, account.actor, ReadEvents())
    assert event.at == clock.now() + timedelta(hours=2)


async def test_a_report_shows_people_and_machines_by_link(
    client: httpx.AsyncClient, db: Database, account: Tenant, other: Tenant, clock: FixedClock
) -> None:
    sending = await sent(db, account, "a", "b", count=3)
    await delivered(db, account, sending)
    for row in range(2):
        clock.moment += timedelta(seconds=5)
        await client.get(short(sending, "a", row))
    clock.moment += timedelta(seconds=5)
    await client.get(short(sending, "a", 0))
    await client.head(short(sending, "b", 2))
    await clicks(db, account)
    assert await db.run(clicks_of_sending, account.actor, sending.sending_id) == [
        LinkClicks(name="a", human=3, human_unique=2, machine=0, machine_unique=0),
        LinkClicks(name="b", human=0, human_unique=0, machine=1, machine_unique=1),
    ]
    assert await db.run(clicks_of_sending, other.actor, sending.sending_id) == []


async def test_what_cannot_be_written_waits_and_is_written_once(
    client: httpx.AsyncClient, db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await made(db, account)
    for _ in range(3):
        await client.get(link.url)

    async def away(*_: object, **__: object) -> None:
        raise UnavailableError("It is away.")

    monkeypatch.setattr(db, "run", away)
    waiting = db.process_state(Clicks)
    await waiting.write(db)
    assert len(waiting) == 3
    monkeypatch.undo()
    assert len(await clicks(db, account)) == 3
    assert len(await clicks(db, account)) == 3


async def test_a_click_is_recorded_once_where_the_connection_broke_in_the_commit(
    client: httpx.AsyncClient, db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await made(db, account)
    await client.get(link.url)
    real = db.run

    async def committed_unseen(*arguments: Any, **keywords: Any) -> None:
        await real(*arguments, **keywords)
        raise UnavailableError("The connection broke in the COMMIT.")

    monkeypatch.setattr(db, "run", committed_unseen)
    waiting = db.process_state(Clicks)
    for _ in range(2):
        await waiting.write(db)
        assert len(waiting) == 1
    monkeypatch.undo()
    await client.get(link.url)
    assert len(await clicks(db, account)) == 2
    assert len(waiting) == 0


async def test_the_first_link_that_a_scanner_opens_is_a_machines_too(
    client: httpx.AsyncClient, db: Database, account: Tenant
) -> None:
    sending = await sent(db, account, "a", "b")
    await delivered(db, account, sending)
    stopping = asyncio.Event()
    service = asyncio.create_task(db.process_state(Clicks).run(db, stopping))
    await client.get(short(sending, "a"))
    await asyncio.sleep(0.5)
    await client.get(short(sending, "b"))
    await asyncio.sleep(0.9)
    stopping.set()
    await service
    events = await db.read(read_events, account.actor, ReadEvents())
    assert [one.data["reasons"] for one in events if one.kind == "clicked"] == [["all_at_once"]] * 2


async def test_clicks_are_written_within_a_second_by_the_service(
    client: httpx.AsyncClient, db: Database, account: Tenant
) -> None:
    link = await made(db, account)
    stopping = asyncio.Event()
    service = asyncio.create_task(db.process_state(Clicks).run(db, stopping))
    await client.get(link.url)
    await asyncio.sleep(0.9)
    found = await db.read(read_events, account.actor, ReadEvents())
    await client.get(link.url)
    stopping.set()
    await service
    assert len(found) == 1
    assert len(await db.read(read_events, account.actor, ReadEvents())) == 2, "those of its end too"


async def test_a_process_keeps_a_bounded_number_of_clicks(
    db: Database, account: Tenant, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runtime
    monkeypatch.setattr("carillon.links.clicks.MAX_WAITING", 10)
    link = await db.process_state(LinkLookup).find(db, (await made(db, account)).code)
    assert link is not None
    waiting, metrics = Clicks(), MessageMetrics()
    for number in range(15):
        visit = Visit(link=link, at=db.clock.now(), address=str(number), agent="", reasons=(Reason.NO_AGENT,))
        waiting.take(visit, metrics)
    assert len(waiting) == 10
    assert await waiting.write(db) == 10
    events = await db.read(read_events, account.actor, ReadEvents())
    assert [event.data["ip"] for event in events] == [str(number) for number in range(5, 15)]
    lost = [sample.value for family in metrics.collect() for sample in family.samples if "lost" in sample.name]
    assert lost == [5.0]


async def test_a_click_on_a_link_whose_account_is_gone_is_dropped(db: Database, account: Tenant) -> None:
    link = Link(
        account_id=AccountId(10**6),
        link_id=UUID("0195f3a0-5c1e-7a2b-9d3c-1f2e3d4c5b6a"),
        code="x" * 10,
        sending_id=None,
        message_id=None,
        name="",
        url=URL,
        page_key=None,
        data={},
        options=8,
        domain=None,
        expires_at=None,
        clock_offset=timedelta(),
    )
    waiting = Clicks()
    waiting.take(Visit(link=link, at=db.clock.now(), address="", agent="", reasons=()), MessageMetrics())
    assert await waiting.write(db) == 1
    assert len(waiting) == 0
    assert account.account_id != link.account_id


# What is accepted.


async def test_a_plan_writes_no_link(db: Database, runtime: Runtime, account: Tenant) -> None:
    assert runtime
    command = Send(
        sender="Shop",
        text="{link}",
        placeholders=PlaceholderStyle.BRACES,
        recipients=Recipients(addresses=["972540000001"], are_digits=True, links={"link": LinkColumn(urls=[URL])}),
    )
    planned = await plan_send(db, account.actor, command)
    assert planned.links
    assert await db.read(Tx.fetchval, "SELECT count(*) FROM link WHERE shard_key = $1", account.account_id) == 0


async def test_short_links_in_a_text_are_found_and_others_are_not(
    db: Database, runtime: Runtime, account: Tenant, other: Tenant
) -> None:
    assert runtime
    own, foreign = await made(db, account), await made(db, other)
    text = f"{own.url}, ({foreign.url}) https://shop.example/abcdefghij {own.url}!"
    assert short_links_in(db, account.actor, text) == [own.url, own.url]


async def test_each_account_counts_its_links_apart(db: Database, runtime: Runtime, account: Tenant) -> None:
    assert runtime
    with contextlib.suppress(InvalidInputError):
        await shorten(db, account.actor, Shorten(urls=["x"] * 1_001))
    links = await shorten(db, replace(account.actor, name="x"), Shorten(urls=[URL, "javascript:x", URL]))
    assert [one is not None for one in links] == [True, False, True]


async def test_what_is_taken_while_the_service_writes_as_it_is_stopped_is_written(
    client: httpx.AsyncClient, db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, clicks = await made(db, account), db.process_state(Clicks)
    stopping, going_on, real, is_writing = asyncio.Event(), asyncio.Event(), db.run, asyncio.Event()

    async def held(*arguments: Any, **keywords: Any) -> Any:
        is_writing.set()
        await going_on.wait()
        return await real(*arguments, **keywords)

    await client.get(link.url)
    monkeypatch.setattr(db, "run", held)
    service = asyncio.create_task(clicks.run(db, stopping))
    await asyncio.wait_for(is_writing.wait(), 10)
    stopping.set()
    await client.get(link.url)
    going_on.set()
    await service
    assert len(clicks) == 0
    assert len(await db.read(read_events, account.actor, ReadEvents())) == 2
