"""Endpoints: one for each dialect, purpose and URL; which URLs may be one."""

import asyncio
from datetime import timedelta
from ipaddress import ip_network

import pytest
from tests.support import MOMENT, Tenant, until_somebody_waits

from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError
from carillon.events.endpoints import MAX_URL_CHARACTERS, check_callback_url, endpoint_for, list_endpoints
from carillon.kit.clock import FixedClock

URL = "https://shop.example/hook?key=1"
LOOPBACK = (ip_network("127.0.0.0/8"),)


async def test_a_dialect_purpose_and_url_have_one_endpoint(db: Database, account: Tenant) -> None:
    async def made(dialect: str, purpose: str, url: str) -> int:
        return await db.run(endpoint_for, account.account_id, dialect, purpose, url)

    first = await made("apifon", "status", URL)
    assert await made("apifon", "status", URL) == first
    others = [await made("nrs", "status", URL), await made("apifon", "reply", URL), await made("apifon", "status", "u")]
    assert len({first, *others}) == 4
    listed = await db.read(list_endpoints, account.actor)
    assert (listed[0].endpoint_id, listed[0].dialect, listed[0].purpose) == (first, "apifon", "status")
    assert (listed[0].due_at, listed[0].waiting, listed[0].failed, listed[0].failures) == (None, 0, 0, 0)
    assert "shop" not in repr(listed)


async def test_transactions_that_make_the_same_endpoint_at_once_get_one(db: Database, account: Tenant) -> None:
    place = (account.account_id, "apifon", "status", URL)
    async with asyncio.TaskGroup() as tasks:
        async with db.transaction() as tx:
            first = await endpoint_for(tx, *place)
            second = tasks.create_task(db.run(endpoint_for, *place))
            await until_somebody_waits(tx)
        assert await second == first


async def test_an_endpoint_that_is_rolled_back_is_not_remembered(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    place = (account.account_id, "apifon", "status", URL)
    rolled_back: list[int] = []

    async def fail(tx: Tx) -> None:
        rolled_back.extend([await endpoint_for(tx, *place), await endpoint_for(tx, *place)])
        raise LookupError

    with pytest.raises(LookupError):
        await db.run(fail)
    assert rolled_back[0] == rolled_back[1]
    made = await db.run(endpoint_for, *place)
    assert made not in rolled_back
    clock.moment = MOMENT + timedelta(minutes=1)
    assert await db.run(endpoint_for, *place) == made
    await db.run(Tx.fetch, "DELETE FROM callback_endpoint WHERE account_id = $1", account.account_id)
    assert await db.run(endpoint_for, *place) == made, "a process remembers what was committed"


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/hook",
        "https://shop.example:8443/hook?a=1#part",
        "https://93.184.216.34/",
        "https://127.0.0.1:1/",
        "http://127.0.0.1:1/",
        "http://localhost:8080/hook",
    ],
)
def test_a_url_that_https_is_asked_of_is_taken(url: str) -> None:
    assert check_callback_url(url, https_only=True, allow=LOOPBACK) == url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://shop.example/hook", "https://"),
        ("http://93.184.216.34/", "https://"),
        ("https://10.0.0.1/", "neither public"),
        ("https://[::1]/", "neither public"),
        ("https://2130706433/", "number"),
        ("ftp://shop.example/", "http"),
        ("https://user@shop.example/", "user"),
        ("https://shop.example/a b", "spaces"),
        ("hook", "form"),
        ("", "form"),
        ("https://shop.example/" + "x" * MAX_URL_CHARACTERS, "characters"),
    ],
)
def test_a_url_that_can_not_be_called_is_refused(url: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as refused:
        check_callback_url(url, https_only=True, allow=LOOPBACK)
    assert refused.value.field == "callback_url"


def test_plain_http_is_taken_where_nothing_forbids_it() -> None:
    assert check_callback_url("http://shop.example/", https_only=False, allow=())
    for private in ("http://127.0.0.1/", "http://localhost/", "http://[::ffff:10.0.0.1]/"):
        with pytest.raises(InvalidInputError, match="neither public"):
            check_callback_url(private, https_only=False, allow=())
