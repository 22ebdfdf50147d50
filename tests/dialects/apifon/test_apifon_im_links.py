"""Landing pages in instant messages and in the SMS behind them."""

from typing import Any

import pytest
from tests.dialects.apifon.wire import Wire

from carillon.db.database import Tx

SEND = "/services/api/v1/im/send"
NUMBER = "306944000001"


@pytest.fixture(autouse=True)
async def _sandbox(wire: Wire) -> None:
    statement = "UPDATE account SET sandbox = true WHERE account_id = $1"
    await wire.runtime.db.run(Tx.execute, statement, wire.account.account_id)


def request(params: dict[str, Any], text: str, sms: str | None = None) -> dict[str, Any]:
    """Write a body of im/send."""
    behind = {"message": {"text": sms, "sender_id": "Shop"}} if sms is not None else {}
    return {
        "im_channels": [{"sender_id": "Shop", "text": text}],
        "subscribers": [{"number": NUMBER, "params": params}],
        **behind,
    }


async def test_links_of_both_texts_lead_on_and_one_that_both_have_is_one(wire: Wire) -> None:
    params = {
        "apifon_lp_company": {"url": "https://shop.example"},
        "apifon_lp_privacy": {"url": "https://shop.example/privacy"},
        "name": "John",
    }
    body = request(params, "Hi {name}: {apifon_lp_privacy}", "{apifon_lp_company} {apifon_lp_privacy}")
    (shown,) = (await wire.ok("POST", SEND, body))["results"][NUMBER]
    statement = "SELECT text, fallback ->> 'text' AS sms FROM message WHERE shard_key = $1"
    (row,) = await wire.runtime.db.read(Tx.fetch, statement, wire.account.account_id)
    assert row["text"] == f"Hi John: {shown['short_url']}"
    of_sms_alone, of_both = row["sms"].split()
    assert of_both == shown["short_url"] != of_sms_alone
    targets = [(await wire.client.get(url)).headers["location"].partition("?")[0] for url in (of_sms_alone, of_both)]
    assert targets == ["https://shop.example", "https://shop.example/privacy"]


async def test_a_button_leads_to_a_link_of_the_recipients_own(wire: Wire) -> None:
    params = {"apifon_lp": {"url": "https://shop.example/table", "redirect": True}}
    body = request(params, "Your table")
    body["im_channels"][0]["actions"] = [{"title": "See", "target_url": "{apifon_lp}"}]
    (shown,) = (await wire.ok("POST", SEND, body))["results"][NUMBER]
    assert list(shown["landing_pages"]) == ["apifon_lp"]
    statement = "SELECT text, state, button_url FROM message WHERE shard_key = $1"
    (row,) = await wire.runtime.db.read(Tx.fetch, statement, wire.account.account_id)
    assert row["button_url"] == shown["short_url"]
    assert (row["text"], row["state"] != "excluded") == (None, True)
    assert (await wire.client.get(row["button_url"])).status_code == 302


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({}, "subscribers[0].params.apifon_lp"),
        ({"apifon_lp": {"url": "javascript:x"}}, "subscribers[0].params.apifon_lp.url"),
    ],
)
async def test_a_place_without_a_link_is_refused(wire: Wire, params: dict[str, Any], place: str) -> None:
    button = request(params, "Hello")
    button["im_channels"][0]["actions"] = [{"title": "See", "target_url": "{apifon_lp}"}]
    for body in (request(params, "{apifon_lp}"), request(params, "Hello", "{apifon_lp}"), button):
        reply = await wire.call("POST", SEND, body)
        assert (reply.status_code, list(reply.json()["error_details"])) == (403, [place])
