"""The URL shortener: URLs in batches, each with an error of its own."""

from pathlib import Path
from typing import Any

import pytest
from tests.dialects.nrs.wire import Wire

from carillon.db.database import Tx
from carillon.links.shorten import MAX_URLS
from carillon.settings import Settings

pytestmark = pytest.mark.any_database

PATH = "/shortener/shorten"
BROWSER = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, public_url="https://sms.carillon.example")


async def shorten(wire: Wire, *urls: object) -> list[Any]:
    reply = await wire.send("POST", PATH, {"urls": list(urls)})
    assert reply.status_code == 200, reply.text
    assert list(reply.json()) == ["data"]
    return list(reply.json()["data"])


async def test_urls_are_shortened_in_their_order_and_one_that_is_none_has_an_error(wire: Wire) -> None:
    first, wrong, second = await shorten(
        wire, {"longUrl": "https://example.com/a"}, {"longUrl": "invalidUrl"}, {"longUrl": "https://example.com/b"}
    )
    assert wrong == {"longUrl": "invalidUrl", "shortUrl": None, "error": True}
    assert list(first) == ["longUrl", "shortUrl", "error"]
    assert (first["error"], second["error"]) == (False, False)
    for one in (first, second):
        assert one["shortUrl"].startswith("https://sms.carillon.example/l/")
        reply = await wire.client.get(one["shortUrl"], headers=BROWSER)
        assert (reply.status_code, reply.headers["location"]) == (302, one["longUrl"])


@pytest.mark.parametrize(
    ("item", "echoed"),
    [
        ({}, None),
        ({"longUrl": None}, None),
        ({"longUrl": 5}, None),
        ({"longUrl": ["a"]}, None),
        ({"longUrl": ""}, ""),
        ({"LONGURL": "invalidUrl"}, "invalidUrl"),
        ({"longUrl": "a\0b"}, "a\0b"),
        ("", None),
        ("x", None),
        (5, None),
        (None, None),
        (["a"], None),
    ],
)
async def test_what_is_no_url_has_an_error_with_what_was_given_and_no_other_suffers(
    wire: Wire, item: object, echoed: str | None
) -> None:
    wrong, right = await shorten(wire, item, {"longUrl": "https://example.com"})
    assert wrong == {"longUrl": echoed, "shortUrl": None, "error": True}
    assert right["error"] is False


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil.example", "https://good@evil.example", "ftp://a.example"]
)
async def test_a_link_leads_to_no_open_redirect(wire: Wire, url: str) -> None:
    assert await shorten(wire, {"longUrl": url}) == [{"longUrl": url, "shortUrl": None, "error": True}]


async def test_the_same_url_has_another_link_each_time(wire: Wire) -> None:
    one, other = await shorten(wire, *[{"longUrl": "https://example.com"}] * 2)
    assert one["shortUrl"] != other["shortUrl"]


async def test_urls_are_required(wire: Wire) -> None:
    empty: list[dict[str, object]] = [{}, {"urls": []}]
    for body in empty:
        reply = await wire.send("POST", PATH, body)
        assert (reply.status_code, list(reply.json())) == (422, ["error"]), reply.text


async def test_more_urls_than_fit_are_refused_and_nothing_is_written(wire: Wire) -> None:
    reply = await wire.send("POST", PATH, {"urls": [{"longUrl": "https://example.com"}] * (MAX_URLS + 1)})
    assert reply.status_code == 422
    statement = "SELECT count(*) FROM link WHERE shard_key = $1"
    assert await wire.runtime.db.read(Tx.fetchval, statement, wire.account.account_id) == 0
