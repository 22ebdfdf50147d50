"""Lists, endpoint by endpoint."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.dialects.apifon.wire import LISTS, Wire, values_of
from tests.support import OPERATOR, new_key

from carillon.audience.audiences import CreateAudience, create_audience
from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.uploads.accept import AcceptUpload, accept_upload
from carillon.audience.upsert.rows import ContactRow
from carillon.dialects.apifon.mapping import epoch_milliseconds
from carillon.tenancy.accounts import CreateAccount, create_account
from carillon.tenancy.credentials import create_credential

PLAIN = {"title": "Guests", "type": "ADVANCED", "prefix": "+30"}
FULL = {
    **PLAIN,
    "description": "Who stays with us",
    "campaign_defaults": {
        "from": "desk@hotel.example",
        "sender_id": "HotelDesk",
        "viber_sender_id": "Hotel",
        "sender_name": "The desk",
        "reply_to": "answers@hotel.example",
    },
    "gdpr_properties": {"gdpr_compliant": True, "legal_text": "Terms", "title": "Purposes", "description": "We write"},
    "double_optin": {"mobile": True, "email": False, "review_mobile_details": True},
}


async def test_a_list_is_made_and_shown_whole(wire: Wire) -> None:
    reply = await wire.call("POST", LISTS, FULL)
    assert (reply.status_code, reply.content) == (201, b"")
    place = reply.headers["location"].removeprefix("http://carillon.example")
    shown = await wire.ok("GET", place)
    now = epoch_milliseconds(wire.clock.now())
    form_id = shown["form_id"]
    base = f"http://carillon.example/listmanager/{wire.account.account_id}"
    query = f"l={shown['id']}&f={form_id}"
    assert {name: value for name, value in shown.items() if name != "meta"} == {
        **FULL,
        "id": place.rpartition("/")[2],
        "status": "IDLE",
        "account_id": wire.account.account_id,
        "date_created": now,
        "date_updated": now,
        "total_subscribers": 0,
        "active_subscribers": 0,
        "active_email_subscribers": 0,
        "form_id": form_id,
        "groups": [],
        "subscriber_fields": [],
        "gdpr_fields": [],
        "brand_name": "Testers",
        "company_name": "Testers",
        "form_urls": {
            "SUBSCRIBE_MOBILE": f"{base}/subscribe?{query}&c=mobile",
            "UNSUBSCRIBE_MOBILE": f"{base}/unsubscribe?{query}&c=mobile",
            "SUBSCRIBE_EMAIL": f"{base}/subscribe?{query}&c=email",
            "UNSUBSCRIBE_EMAIL": f"{base}/unsubscribe?{query}&c=email",
            "SUBSCRIBE": f"{base}/subscribe?{query}",
        },
    }


async def test_what_is_optional_has_defaults(wire: Wire) -> None:
    shown = await wire.ok("GET", await wire.made_list(double_optin={}, gdpr_properties=None))
    assert (shown["description"], shown["campaign_defaults"], shown["gdpr_properties"]) == ("", {}, {})
    assert shown["double_optin"] == {"mobile": False, "email": False, "review_mobile_details": False}


@pytest.mark.parametrize("more", [{}, FULL])
async def test_a_list_is_taken_back_as_it_is_shown(wire: Wire, more: dict[str, Any]) -> None:
    place = await wire.made_list(**more)
    shown = await wire.ok("GET", place)
    # The vendor's SDK writes the whole list to change its title, with keys of its own.
    await wire.ok("PUT", place, {"etag": shown["meta"]["ETag"], **shown, "title": "Visitors"}, 204)
    again = await wire.ok("GET", place)
    assert {**again, "title": None, "date_updated": None, "meta": None} == {
        **shown,
        "title": None,
        "date_updated": None,
        "meta": None,
    }


async def test_the_accounts_default_list_is_taken_back_as_it_is_shown(wire: Wire) -> None:
    [shown] = (await wire.ok("GET", LISTS))["results"]
    await wire.ok("PUT", f"{LISTS}/{shown['id']}", {**shown, "title": "Visitors"}, 204)


@pytest.mark.parametrize(("prefix", "shown_as"), [("30", "+30"), ("0030", "+30"), (" +357 ", "+357")])
async def test_a_prefix_is_taken_in_its_spellings(wire: Wire, prefix: str, shown_as: str) -> None:
    assert (await wire.ok("GET", await wire.made_list(prefix=prefix)))["prefix"] == shown_as


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\u2028b"}, "title"),
        ({"title": "a\tb"}, "title"),
        ({"title": None}, "title"),
        ({"type": None}, "type"),
        ({"type": "MOBILE"}, "type"),
        ({"prefix": None}, "prefix"),
        ({"prefix": "+999"}, "prefix"),
        ({"prefix": "Greece"}, "prefix"),
        ({"description": "x" * 4001}, "description"),
        ({"description": ["x"]}, "description"),
        ({"campaign_defaults": "x"}, "campaign_defaults"),
        ({"campaign_defaults": {"sender_id": "x" * 12}}, "campaign_defaults.sender_id"),
        ({"campaign_defaults": {"sender_id": "1" * 17}}, "campaign_defaults.sender_id"),
        ({"campaign_defaults": {"from": "nobody"}}, "campaign_defaults.from"),
        ({"campaign_defaults": {"reply_to": "@"}}, "campaign_defaults.reply_to"),
        ({"campaign_defaults": {"sender_name": "x" * 4001}}, "campaign_defaults.sender_name"),
        ({"campaign_defaults": {"sender_name": {}}}, "campaign_defaults.sender_name"),
        ({"gdpr_properties": {"title": "a", "description": "b"}}, "gdpr_properties.legal_text"),
        ({"gdpr_properties": {"gdpr_compliant": "perhaps"}}, "gdpr_properties.gdpr_compliant"),
        ({"double_optin": {"review_mobile_details": True}}, "double_optin.review_mobile_details"),
        ({"double_optin": []}, "double_optin"),
    ],
)
async def test_what_a_list_cannot_be_is_400_and_named(wire: Wire, change: dict[str, Any], field: str) -> None:
    status, details = await wire.refusal("POST", LISTS, {**PLAIN, **change})
    assert (status, list(details)) == (400, [field])


async def test_a_sender_has_eleven_characters_or_sixteen_digits(wire: Wire) -> None:
    for sender in ("HotelDesk22", "1" * 16):
        await wire.made_list(campaign_defaults={"sender_id": sender})


async def test_lists_come_in_pages_of_twenty_with_links(wire: Wire) -> None:
    for number in range(21):
        await wire.made_list(title=f"List {number:02d}")
    body = await wire.ok("GET", LISTS)
    assert (len(body["results"]), body["meta"]) == (20, {"page": 1, "size": 20, "total": 22})
    link = "http://carillon.example" + LISTS + "?page={}&size=20"
    assert body["links"] == {"prev": "", "next": link.format(2), "first": link.format(1), "last": link.format(2)}
    assert [one["title"] for one in body["results"][:3]] == ["Default", "List 00", "List 01"]
    body = await wire.ok("GET", f"{LISTS}/?fields=title,id&size=2&sort=title&sort_dir=DESC&type=ADVANCED")
    assert [list(one) for one in body["results"]] == [["id", "title"]] * 2
    assert [one["title"] for one in body["results"]] == ["List 20", "List 19"]


@pytest.mark.parametrize("sort", ["id", "title", "prefix", "date_created", "date_updated"])
async def test_lists_are_sorted_by_any_of_these(wire: Wire, sort: str) -> None:
    for number, title in enumerate("bca"):
        wire.clock.moment += timedelta(minutes=1)
        await wire.made_list(title=title, prefix=f"+3{number}")
    results = (await wire.ok("GET", f"{LISTS}?sort={sort}&sort_dir=asc"))["results"]
    by_country = {"+30": "GR", "+31": "NL", "+32": "BE", "+972": "IL"}
    values = [by_country[one["prefix"]] if sort == "prefix" else one[sort] for one in results]
    assert values == sorted(values)
    assert len(values) == 4


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sort=status", "sort"),
        ("sort_dir=up", "sort_dir"),
        ("page=0", "page"),
        ("size=201", "size"),
        ("type=X", "type"),
    ],
)
async def test_a_page_that_cannot_be_is_400(wire: Wire, query: str, field: str) -> None:
    status, details = await wire.refusal("GET", f"{LISTS}?{query}")
    assert (status, list(details)) == (400, [field])


async def test_there_are_no_lists_of_another_type(wire: Wire) -> None:
    body = await wire.ok("GET", f"{LISTS}?type=MOBILE")
    assert (body["results"], body["meta"]["total"]) == ([], 0)


async def test_a_list_of_another_api_is_shown_with_its_countrys_prefix(wire: Wire) -> None:
    made = await wire.runtime.db.run(create_audience, wire.account.actor, CreateAudience(name="Shop", country="CY"))
    shown = await wire.ok("GET", f"{LISTS}/{made.audience_id}")
    assert (shown["title"], shown["prefix"], shown["status"]) == ("Shop", "+357", "IDLE")


async def test_a_tag_saves_the_list_until_it_changes(wire: Wire) -> None:
    place = await wire.made_list()
    reply = await wire.call("GET", f"{place}?fields=title")
    assert reply.json() == {"title": "Guests"}
    tag = reply.headers["etag"]
    assert (await wire.ok("GET", place))["meta"]["ETag"] == tag.strip('"')
    again = await wire.call("GET", place, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await wire.ok("PUT", place, {"title": "Visitors", "prefix": "+30"}, 204)
    assert (await wire.call("GET", place, headers={"If-None-Match": tag})).status_code == 200


async def test_a_reply_that_can_have_no_body_says_nothing_of_one(wire: Wire) -> None:
    place = await wire.made_list()
    unchanged = await wire.call("GET", place, headers={"If-None-Match": "*"})
    changed = await wire.call("PUT", place, PLAIN)
    assert [unchanged.status_code, changed.status_code] == [304, 204]
    for reply in (unchanged, changed):
        assert not {"content-length", "content-type", "transfer-encoding"} & set(reply.headers)
    made = await wire.call("POST", LISTS, PLAIN)
    assert (made.status_code, made.headers["content-length"]) == (201, "0")


async def test_a_list_that_has_changed_is_neither_changed_nor_removed_under_an_old_tag(wire: Wire) -> None:
    place = await wire.made_list()
    tag = (await wire.call("GET", place)).headers["etag"]
    assert (await wire.call("PUT", place, {**PLAIN, "title": "New"}, headers={"If-Match": tag})).status_code == 204
    for method in ("PUT", "DELETE"):
        assert (await wire.refusal(method, place, PLAIN, headers={"If-Match": tag}))[0] == 412
    tag = (await wire.call("GET", place)).headers["etag"]
    assert (await wire.call("DELETE", place, headers={"If-Match": tag})).status_code == 204


async def test_a_change_leaves_what_it_does_not_give(wire: Wire) -> None:
    place = (await wire.call("POST", LISTS, FULL)).headers["location"].removeprefix("http://carillon.example")
    wire.clock.moment += timedelta(minutes=1)
    reply = await wire.call("PUT", place, {"title": "Visitors", "prefix": "+357", "description": ""})
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers["location"] == reply.headers["content-location"] == f"http://carillon.example{place}"
    shown = await wire.ok("GET", place)
    assert (shown["title"], shown["prefix"], shown["description"]) == ("Visitors", "+357", "")
    assert {name: shown[name] for name in ("campaign_defaults", "gdpr_properties", "double_optin")} == {
        name: FULL[name] for name in ("campaign_defaults", "gdpr_properties", "double_optin")
    }
    assert shown["date_updated"] - shown["date_created"] == 60_000


@pytest.mark.parametrize(("body", "field"), [({"title": "x"}, "prefix"), ({"prefix": "+30"}, "title"), ([1], "body")])
async def test_a_change_needs_title_and_prefix(wire: Wire, body: Any, field: str) -> None:
    status, details = await wire.refusal("PUT", await wire.made_list(), body)
    assert (status, list(details)) == (400, [field])


async def test_a_list_is_updating_while_an_import_runs_and_corrupted_when_the_last_one_failed(wire: Wire) -> None:
    place = f"{LISTS}/{wire.account.audience_id}"
    rows = [ContactRow(phone="0541110001")]
    upload = await wire.runtime.db.run(accept_upload, wire.account.actor, AcceptUpload(rows=rows))
    assert (await wire.ok("GET", place))["status"] == "UPDATING"
    async with wire.runtime.db.transaction() as tx:
        await tx.execute(
            "UPDATE contact_import SET state = 'failed' WHERE account_id = $1 AND import_id = $2",
            wire.account.account_id,
            upload,
        )
    assert (await wire.ok("GET", place))["status"] == "CORRUPTED"


async def test_a_list_counts_its_subscribers(wire: Wire) -> None:
    await wire.contact("0541110001", "ana@mail.example")
    await wire.contact("0541110002", None, sms=SubscriptionStatus.UNSUBSCRIBED)
    await wire.contact(None, "ben@mail.example")
    shown = await wire.ok("GET", f"{LISTS}/{wire.account.audience_id}")
    assert values_of(shown, "total_subscribers", "active_subscribers", "active_email_subscribers") == [3, 1, 2]


async def test_a_list_is_removed_with_everything_in_it(wire: Wire) -> None:
    place = await wire.made_list()
    actor = wire.inside(place)
    await wire.contact("0541110001", "ana@mail.example", actor=actor, group="Food")
    await wire.runtime.db.run(accept_upload, actor, AcceptUpload(rows=[ContactRow(phone="0541110009")]))
    reply = await wire.call("DELETE", place)
    assert (reply.status_code, reply.content) == (204, b"")
    assert await wire.refusal("GET", place) == (404, {"list": "There is no such list."})
    async with wire.runtime.db.transaction() as tx:
        for table in ("contact", "contact_group", "contact_import"):
            statement = f"SELECT count(*) FROM {table} WHERE account_id = $1 AND audience_id = $2"  # noqa: S608 - ours
            assert await tx.fetchval(statement, actor.account_id, actor.audience_id) == 0
        members = await tx.fetchval("SELECT count(*) FROM membership WHERE account_id = $1", actor.account_id)
        assert members == 0


async def test_an_id_has_24_hexadecimal_digits_and_is_taken_in_decimals_too(wire: Wire) -> None:
    number = int(wire.account.audience_id)
    shown = await wire.ok("GET", f"{LISTS}/{number}")
    assert shown["id"] == f"{number:024x}"
    assert await wire.ok("GET", f"{LISTS}/{shown['id'].upper()}") == shown
    for other in ("f" * 24, "0" * 24, "x" * 24, "-" + "0" * 22 + "1", f"{number:023x}", f"{number:025x}", "0x1"):
        assert (await wire.refusal("GET", f"{LISTS}/{other}"))[0] == 404


async def test_lists_that_credentials_need_stay(wire: Wire) -> None:
    assert (await wire.refusal("DELETE", f"{LISTS}/{wire.account.audience_id}"))[1].keys() == {"list_id"}
    place = await wire.made_list()
    command = new_key("nrs", audience_id=wire.inside(place).audience_id)
    await wire.runtime.db.run(create_credential, wire.account.actor, command, wire.runtime.secret_box)
    assert (await wire.refusal("DELETE", place))[0] == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("list_id", ["999", "x", "9" * 30, "%00"])
async def test_a_list_that_is_not_there_is_404(wire: Wire, method: str, list_id: str) -> None:
    assert (await wire.refusal(method, f"{LISTS}/{list_id}", PLAIN))[0] == 404


async def test_a_list_of_another_account_is_404(wire: Wire) -> None:
    other = await wire.runtime.db.run(create_account, OPERATOR, CreateAccount(name="Others", country="GR"))
    for method in ("GET", "PUT", "DELETE"):
        assert (await wire.refusal(method, f"{LISTS}/{other.audience_id}", PLAIN))[0] == 404
    assert (await wire.ok("GET", LISTS))["meta"]["total"] == 1


async def test_twenty_callers_at_once_make_twenty_lists(wire: Wire) -> None:
    places = await asyncio.gather(*(wire.made_list() for _ in range(20)))
    assert len(set(places)) == 20


@pytest.mark.parametrize("title", ["Summer\u00a0sale", "\U0001f468\u200d\U0001f469\u200d\U0001f467 Family", "می‌خواهم"])
async def test_a_title_may_have_joiners_and_any_space(wire: Wire, title: str) -> None:
    place = await wire.made_list(title=title)
    assert (await wire.ok("GET", place))["title"] == title


async def test_the_addresses_in_form_urls_open_as_a_page_that_says_that_the_form_is_not_there_yet(
    client: httpx.AsyncClient,
) -> None:
    for form in ("subscribe", "unsubscribe", "profile", "profile/unsubscribe"):
        path = f"/listmanager/1/{form}?l=1&f=2&c=mobile&u=secret"
        assert (await client.post(path, data={"email": "a@example.org"})).status_code == 501
        reply = await client.get(path)
        assert (reply.status_code, reply.headers["content-type"]) == (501, "text/html; charset=utf-8")
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "This form is not available" in reply.text
        assert "secret" not in reply.text
