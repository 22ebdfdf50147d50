"""Landing pages in SMS: each parameter of the reference's LANDING PAGE, what is answered, and where links lead."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from hypothesis import given
from structlog.testing import capture_logs
from tests.background import materialise_all
from tests.dialects.apifon.wire import Wire
from tests.dialects.fuzzing import bounded, leaves, trees
from tests.integration.messaging.sandbox import Sandbox
from tests.integration.receiving import LOOPBACK, telling, until
from tests.integration.scripted_http import OK, ScriptedServer, serving

from carillon.db.database import Tx
from carillon.dialects.apifon.callbacks import CALLBACK_FORMAT
from carillon.links.clicks import Clicks, tell_human_clicks_only
from carillon.links.pages import SavePage, save_page
from carillon.settings import Settings

SEND = "/services/api/v1/sms/send"
MANY = 12_000  # of which the background writes ten thousand at a time
NUMBER, OTHER = "306944000001", "306944000002"
URL = "https://shop.example/spring?id=7#top"
BROWSER = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"}

_TEXTS = "SELECT address, text, parts FROM message WHERE shard_key = $1 ORDER BY message_id"
_LINKS = "SELECT name, url, page_key, data, options, domain, message_id FROM link WHERE shard_key = $1 ORDER BY link_id"
_EVENTS = "SELECT message_id, data FROM event WHERE shard_key = $1 AND kind = 'clicked' ORDER BY sequence"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, max_body_bytes=8 * 1024**2, link_url="https://s.carillon.example", outbound_allow=LOOPBACK
    )


@pytest.fixture(autouse=True)
async def _sandbox(wire: Wire) -> None:
    statement = "UPDATE account SET sandbox = true WHERE account_id = $1"
    await wire.runtime.db.run(Tx.execute, statement, wire.account.account_id)


def request(*params: Mapping[str, Any], text: str = "See {apifon_lp}!", **more: Any) -> dict[str, Any]:
    """Write a body of sms/send, to a number for each of the params."""
    return {
        "subscribers": [{"number": f"30694400000{row}", "params": one} for row, one in enumerate(params, 1)],
        "message": {"text": text, "sender_id": "Apifon"},
        **more,
    }


async def sent(wire: Wire, landing: Mapping[str, Any]) -> tuple[str, str]:
    """Send a landing page, and give its code and its short URL."""
    results = (await wire.ok("POST", SEND, request({"apifon_lp": landing})))["results"]
    shown = results[NUMBER][0]["landing_pages"]["apifon_lp"]
    return shown["short_code"], shown["short_url"]


async def opened(wire: Wire, url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Open a URL as a phone's browser does."""
    return await wire.client.request(method, url, headers={**BROWSER, **headers})


async def rows(wire: Wire, statement: str) -> list[Any]:
    return await wire.runtime.db.read(Tx.fetch, statement, wire.account.account_id)


async def test_a_link_is_shortened_and_leads_to_its_url(wire: Wire) -> None:
    answer = await wire.ok(
        "POST", SEND, request({"apifon_lp": {"url": URL}, "name": "John"}, text="Hi {name}! {apifon_lp}")
    )
    (shown,) = answer["results"][NUMBER]
    code, short = shown["short_code"], shown["short_url"]
    assert short == f"https://s.carillon.example/{code}"
    assert len(code) == 10
    assert shown["landing_pages"] == {"apifon_lp": {"short_code": code, "short_url": short}}
    assert list(shown) == ["message_id", "custom_id", "length", "short_code", "short_url", "landing_pages"]
    text = f"Hi John! {short}"
    assert [tuple(row) for row in await rows(wire, _TEXTS)] == [(NUMBER, text, 1)]
    assert shown["length"] == len(text)
    reply = await opened(wire, short)
    assert reply.status_code == 302
    place, _, fragment = reply.headers["location"].partition("#")
    assert (place.startswith("https://shop.example/spring?id=7&"), fragment) == (True, "top")
    assert reply.headers["cache-control"] == "no-store"
    assert (await opened(wire, f"https://s.carillon.example/l/{code}")).status_code == 302


async def test_system_parameters_name_the_message_and_nothing_of_the_recipient(wire: Wire) -> None:
    answer = await wire.ok("POST", SEND, request({"apifon_lp": {"url": URL}}))
    (shown,) = answer["results"][NUMBER]
    location = (await opened(wire, shown["short_url"])).headers["location"]
    assert parse_qs(urlsplit(location).query) == {
        "id": ["7"],
        "message_id": [shown["message_id"]],
        "request_id": [answer["request_id"]],
        "short_code": [shown["short_code"]],
    }
    assert NUMBER not in location


async def test_prevent_sys_params_leaves_the_url_as_it_is(wire: Wire) -> None:
    _, short = await sent(wire, {"url": URL, "prevent_sys_params": True})
    assert (await opened(wire, short)).headers["location"] == URL


async def test_a_deep_link_of_viber_is_led_to_without_parameters(wire: Wire) -> None:
    _, short = await sent(wire, {"url": "viber://pa?chatURI=shop"})
    assert (await opened(wire, short)).headers["location"] == "viber://pa?chatURI=shop"


async def test_without_redirect_a_page_of_ours_leads_on_by_get(wire: Wire) -> None:
    _, short = await sent(wire, {"url": URL, "redirect": False, "prevent_sys_params": True})
    reply = await opened(wire, short)
    assert (reply.status_code, "location" in reply.headers) == (200, False)
    assert f'<a href="{URL}"' in reply.text
    assert "<form" not in reply.text
    assert "script-src 'sha256-" in reply.headers["content-security-policy"]


async def test_method_post_sends_data_and_system_parameters_as_a_form(wire: Wire) -> None:
    landing = {"url": URL, "redirect": False, "method": "post", "data": {"name": 'A "B" <C>', "n": 5}}
    code, short = await sent(wire, landing)
    reply = await opened(wire, short)
    assert f'<form method="post" action="{URL}">' in reply.text
    assert 'name="name" value="A &quot;B&quot; &lt;C&gt;"' in reply.text
    assert 'name="n" value="5"' in reply.text
    assert f'name="short_code" value="{code}"' in reply.text
    assert "form-action http: https:;" in reply.headers["content-security-policy"]


async def test_no_url_is_a_part_of_the_policy_of_its_page(wire: Wire) -> None:
    policies = []
    for url, method in (("viber://shop;img-src*", "GET"), ("https://shop.example?;img-src*", "POST")):
        _, short = await sent(wire, {"url": url, "redirect": False, "method": method})
        policies.append((await opened(wire, short)).headers["content-security-policy"])
    assert [policy.partition("form-action ")[2].partition(";")[0] for policy in policies] == ["'none'", "http: https:"]
    assert not [policy for policy in policies if "shop" in policy or "*" in policy]


async def test_a_deep_link_of_viber_is_led_to_with_a_method_that_does_not_count(wire: Wire) -> None:
    _, short = await sent(wire, {"url": "viber://pa?chatURI=shop", "method": "POST"})
    assert (await opened(wire, short)).headers["location"] == "viber://pa?chatURI=shop"


async def test_method_counts_with_redirect_false_alone(wire: Wire) -> None:
    _, short = await sent(wire, {"url": URL, "method": "POST"})
    assert (await opened(wire, short)).status_code == 302


async def test_without_enable_tracking_clicks_are_not_recorded(wire: Wire) -> None:
    _, short = await sent(wire, {"url": URL, "enable_tracking": False})
    assert (await opened(wire, short)).status_code == 302
    await wire.runtime.db.process_state(Clicks).write(wire.runtime.db)
    assert await rows(wire, _EVENTS) == []


async def test_a_template_id_shows_the_landing_page_with_the_recipients_data(wire: Wire) -> None:
    page = SavePage(key="spring", template="<html><body><h1>Hi {{ name }}!</h1></body></html>")
    await wire.runtime.db.run(save_page, wire.account.actor, page)
    _, short = await sent(wire, {"url": "spring", "data": {"name": "<John>"}})
    reply = await opened(wire, short)
    assert reply.status_code == 200
    assert "<h1>Hi &lt;John&gt;!</h1>" in reply.text
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_template_that_is_not_there_is_refused(wire: Wire) -> None:
    reply = await wire.call("POST", SEND, request({"apifon_lp": {"url": "summer"}}))
    assert (reply.status_code, list(reply.json()["error_details"])) == (403, ["params.url"])
    assert await rows(wire, _TEXTS) == []


async def test_many_landing_pages_have_a_link_each_and_the_first_is_shown_in_the_old_way(wire: Wire) -> None:
    params = {
        "apifon_lp_company": {"url": "https://a.example", "method": "GET"},
        "apifon_lp_privacy": {"url": "https://b.example", "method": "GET"},
    }
    text = "Rules: {apifon_lp_privacy}. {apifon_lp_company} and {apifon_lp_company} again"
    (shown,) = (await wire.ok("POST", SEND, request(params, text=text)))["results"][NUMBER]
    company, privacy = (shown["landing_pages"][name]["short_url"] for name in params)
    assert company != privacy
    assert shown["short_url"] == company
    ((_, rendered, _),) = await rows(wire, _TEXTS)
    assert rendered == f"Rules: {privacy}. {company} and {company} again"


async def test_landing_parameters_that_the_text_does_not_name_are_not_shortened(wire: Wire) -> None:
    params = {"apifon_lp": {"url": URL}, "apifon_lp_other": {"url": "javascript:x"}, "name": "x"}
    (shown,) = (await wire.ok("POST", SEND, request(params)))["results"][NUMBER]
    assert list(shown["landing_pages"]) == ["apifon_lp"]
    (plain,) = (await wire.ok("POST", SEND, request(params, text="Hello!")))["results"][NUMBER]
    assert set(plain) == {"message_id", "custom_id", "length"}
    assert [row["name"] for row in await rows(wire, _LINKS)] == ["apifon_lp"]


async def test_each_recipient_has_a_link_of_its_own(wire: Wire) -> None:
    answer = await wire.ok("POST", SEND, request({"apifon_lp": {"url": URL}}, {"apifon_lp": {"url": URL}}))
    shown = [answer["results"][number][0] for number in (NUMBER, OTHER)]
    assert shown[0]["short_code"] != shown[1]["short_code"]
    assert [str(row["message_id"]) for row in await rows(wire, _LINKS)] == [one["message_id"] for one in shown]


async def test_the_same_number_with_the_same_links_is_sent_to_once(wire: Wire) -> None:
    body = request(*[{"apifon_lp": {"url": URL}}] * 2, {"apifon_lp": {"url": "https://b.example"}})
    for one in body["subscribers"]:
        one["number"] = NUMBER
    await wire.ok("POST", SEND, body)
    statement = "SELECT reason FROM message WHERE shard_key = $1 ORDER BY message_id"
    assert [row["reason"] for row in await rows(wire, statement)] == [None, "duplicate", None]


async def test_the_spam_window_knows_a_text_again_whose_links_lead_to_the_same(wire: Wire) -> None:
    window = "UPDATE account SET spam_window = '1 hour' WHERE account_id = $1"
    await wire.runtime.db.run(Tx.execute, window, wire.account.account_id)
    for url in (URL, URL, "https://b.example"):
        await wire.ok("POST", SEND, request({"apifon_lp": {"url": url}}))
    statement = "SELECT reason FROM message WHERE shard_key = $1 ORDER BY message_id"
    assert [row["reason"] for row in await rows(wire, statement)] == [None, "repeated", None]


@pytest.mark.parametrize(
    ("landing", "place"),
    [
        ("https://shop.example", "apifon_lp"),
        ({}, "apifon_lp.url"),
        ({"url": ""}, "apifon_lp.url"),
        ({"url": "javascript:alert(1)"}, "apifon_lp.url"),
        ({"url": "https://a@evil.example"}, "apifon_lp.url"),
        ({"url": URL, "method": "PUT"}, "apifon_lp.method"),
        ({"url": "viber://pa?chatURI=shop", "method": "POST", "redirect": False}, "apifon_lp.url"),
        ({"url": URL, "redirect": "perhaps"}, "apifon_lp.redirect"),
        ({"url": URL, "data": "x"}, "apifon_lp.data"),
        ({"url": URL, "data": {"x": {"y": 1}}}, "apifon_lp.data"),
        ({"url": URL, "landing_domain": "go.shop.example"}, "apifon_lp.landing_domain"),
    ],
)
async def test_wrong_landing_pages_are_403_with_their_place(wire: Wire, landing: object, place: str) -> None:
    reply = await wire.call("POST", SEND, request({"apifon_lp": landing}))
    assert (reply.status_code, reply.json()["result_info"]["status_code"]) == (403, 403), reply.text
    assert list(reply.json()["error_details"]) == [f"subscribers[0].params.{place}"]
    assert await rows(wire, _TEXTS) == []
    assert await rows(wire, _LINKS) == []


async def test_a_text_with_a_place_for_a_link_goes_to_nobody_without_one(wire: Wire) -> None:
    reply = await wire.call("POST", SEND, request({"apifon_lp": {"url": URL}}, {"name": "x"}))
    assert (reply.status_code, list(reply.json()["error_details"])) == (403, ["subscribers[1].params.apifon_lp"])
    body = request({"apifon_lp": {"url": URL}})
    body["message"]["dc"] = 1
    reply = await wire.call("POST", SEND, body)
    assert (reply.status_code, list(reply.json()["error_details"])) == (403, ["message.text"])
    assert await rows(wire, _TEXTS) == []


async def test_a_domain_that_is_nobodys_is_refused(wire: Wire) -> None:
    landing = {"url": URL, "landing_domain": "https://go.shop.example"}
    reply = await wire.call("POST", SEND, request({"apifon_lp": landing}))
    assert (reply.status_code, list(reply.json()["error_details"])) == (403, ["params.landing_domain"])


async def test_links_of_many_recipients_are_answered_at_once_and_written_with_their_messages(wire: Wire) -> None:
    body = request(text="See {apifon_lp_a} or {apifon_lp_b}")
    body["subscribers"] = [
        {
            "number": f"3069{number:08d}",
            "params": {
                "apifon_lp_a": {"url": f"https://shop.example/a/{number}"},
                "apifon_lp_b": {
                    "url": f"https://shop.example/b/{number}",
                    "data": {"n": number},
                    "prevent_sys_params": number % 2 == 0,
                },
            },
        }
        for number in range(MANY)
    ]
    answer = await wire.ok("POST", SEND, body)
    pages = [one["landing_pages"] for (one,) in answer["results"].values()]
    assert len({page["short_code"] for one in pages for page in one.values()}) == 2 * MANY
    assert [list(one) for one in pages[:1]] == [["apifon_lp_a", "apifon_lp_b"]]
    await materialise_all(wire.runtime.db, wire.account.account_id)
    for number in (0, 1, MANY - 1):
        number_of = f"3069{number:08d}"
        (shown,) = answer["results"][number_of]
        first, second = (shown["landing_pages"][f"apifon_lp_{one}"]["short_url"] for one in "ab")
        text = "SELECT text FROM message WHERE shard_key = $1 AND address = $2"
        rendered = await wire.runtime.db.read(Tx.fetchval, text, wire.account.account_id, number_of)
        assert rendered == f"See {first} or {second}"
        assert shown["length"] == len(rendered)
        location = (await opened(wire, first)).headers["location"]
        assert location.startswith(f"https://shop.example/a/{number}?message_id={shown['message_id']}&")
        location = (await opened(wire, second)).headers["location"]
        assert location.partition("?")[0] == f"https://shop.example/b/{number}"
        assert ("?" in location) == (number % 2 == 1)
    assert len(await rows(wire, _LINKS)) == 2 * MANY
    kept = "SELECT data FROM link WHERE shard_key = $1 AND name = 'apifon_lp_b' AND url = 'https://shop.example/b/7'"
    assert await wire.runtime.db.read(Tx.fetchval, kept, wire.account.account_id) == '{"n": "7"}'


async def test_whatever_a_landing_page_is_it_is_accepted_or_refused(wire: Wire) -> None:
    names = ("url", "data", "redirect", "method", "prevent_sys_params", "landing_domain", "enable_tracking")
    bodies: list[Any] = []

    @bounded(150)
    @given(trees(names, [URL, "viber://x", "POST", "https://go.shop.example", "spring"]) | leaves())
    def collect(landing: Any) -> None:
        bodies.append(landing)

    collect()
    for landing in bodies:
        body = json.dumps(request({"apifon_lp": landing})).encode("utf-8", "replace")
        reply = await wire.call("POST", SEND, body)
        assert reply.status_code in {200, 400, 403}, (landing, reply.text)


async def test_no_log_line_has_a_code_or_a_url(wire: Wire) -> None:
    with capture_logs() as lines:
        code, short = await sent(wire, {"url": URL})
        await opened(wire, short)
        await wire.runtime.db.process_state(Clicks).write(wire.runtime.db)
    logged = repr(lines)
    assert code not in logged
    assert "shop.example" not in logged


async def test_a_click_is_an_event_of_its_message(wire: Wire) -> None:
    answer = await wire.ok("POST", SEND, request({"apifon_lp": {"url": URL}}))
    (shown,) = answer["results"][NUMBER]
    statement = "UPDATE message SET submitted_at = $2 WHERE shard_key = $1"
    moment = wire.clock.now() - timedelta(minutes=1)
    await wire.runtime.db.run(Tx.execute, statement, wire.account.account_id, moment)
    await opened(wire, shown["short_url"])
    await wire.runtime.db.process_state(Clicks).write(wire.runtime.db)
    ((message_id, data),) = await rows(wire, _EVENTS)
    assert str(message_id) == shown["message_id"]
    assert msgspec.json.decode(data) == {
        "url": URL,
        "class": "human",
        "short_code": shown["short_code"],
        "name": "apifon_lp",
        "ip": "192.0.2.10",
        "browser": "Chrome_126_0",
        "os": "Android_14",
    }


@pytest.mark.parametrize(("only_human", "codes"), [(False, [4, 7, 11, 11]), (True, [4, 7, 11])])
async def test_opened_links_go_to_the_callback_url_as_the_account_wants_it(
    wire: Wire, codes: list[int], *, only_human: bool
) -> None:
    db = wire.runtime.db
    sandbox = Sandbox(db, wire.account.actor)
    await db.run(tell_human_clicks_only, wire.account.actor, only=only_human)
    async with serving(answer_ok) as receiver:
        body = request({"apifon_lp": {"url": URL, "prevent_sys_params": True}}, callback_url=f"{receiver.url}/c")
        body["subscribers"][0]["number"] = "306944009914"
        answer = await wire.ok("POST", SEND, body)
        (shown,) = answer["results"]["306944009914"]
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=1))
        await opened(wire, shown["short_url"], "HEAD")
        await db.process_state(Clicks).write(db)
        async with telling(db, CALLBACK_FORMAT):
            await until(lambda: called(receiver, len(codes)))
    data = [one for body in receiver.bodies for one in msgspec.json.decode(body)["data"]]
    assert [one["status"]["code"] for one in data] == codes
    assert data[2]["metadata"]["class"] == "human"
    assert data[2]["metadata"]["short_code"] == shown["short_code"]
    assert data[2]["metadata"]["url"] == URL
    assert [one["metadata"]["class"] for one in data[3:]] == ["machine"] * (len(codes) - 3)
    kinds = [msgspec.json.decode(row["data"])["class"] for row in await rows(wire, _EVENTS)]
    assert kinds == ["human", "machine"]


async def answer_ok(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def called(receiver: ScriptedServer, count: int) -> bool:
    return sum(len(msgspec.json.decode(one)["data"]) for one in receiver.bodies) >= count
