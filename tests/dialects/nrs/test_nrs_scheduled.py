"""Scheduled messages: listed, moved and deleted by their identifiers."""

import asyncio
from typing import Any

import pytest
from tests.background import materialise_all
from tests.dialects.nrs.wire import Wire

from carillon.db.database import Tx

pytestmark = pytest.mark.any_database

TOMORROW = "20250310093000"


@pytest.fixture(autouse=True)
async def sandbox(wire: Wire) -> None:
    await wire.runtime.db.run(
        Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", wire.account.account_id
    )


async def schedule(wire: Wire, *to: str, at: str = TOMORROW, **given: Any) -> Any:
    body = {"to": list(to), "from": "SAMPLE", "message": "This is a test", "scheduleDate": at, **given}
    reply = await wire.send("POST", "/sms", body)
    assert reply.status_code == 202, reply.text
    return reply.json()


async def listed(wire: Wire, **query: Any) -> dict[str, str]:
    """Return the moments of what is scheduled by identifier."""
    found = await wire.get("/scheduled", **query)
    return {one["guid"]: one["scheduled_at"] for one in found["result"]}


async def test_a_list_is_without_content_and_one_alone_with_it(wire: Wire) -> None:
    sent = await schedule(wire, "34666555444", "34666555445", campaignName="Spring")
    found = await wire.get("/scheduled")
    assert found["total"] == 2
    first, second = found["result"]
    assert list(first) == ["guid", "type", "sending_id", "created_at", "updated_at", "scheduled_at"]
    assert first["sending_id"] == second["sending_id"] == sent["sendingId"]
    alone = await wire.get("/scheduled", guid=first["guid"])
    assert alone == {
        "result": {
            "guid": first["guid"],
            "type": "SMS",
            "content": {
                "to": "34666555444",
                "from": "SAMPLE",
                "encoding": "gsm",
                "message": "This is a test",
                "campaignId": sent["campaignId"],
                "sendingId": sent["sendingId"],
            },
            "created_at": "2025-03-09 10:30:00",
            "updated_at": "2025-03-09 10:30:00",
            "scheduled_at": "2025-03-10 09:30:00",
        },
        "total": 1,
    }


async def test_a_list_is_filtered_by_identifiers_type_and_sending(wire: Wire) -> None:
    first = await schedule(wire, "34666555444", campaignName="A")
    await schedule(wire, "34666555445", "34666555446", campaignName="B")
    guids = list(await listed(wire))
    assert len(guids) == 3
    assert list(await listed(wire, sendingId=first["sendingId"])) == guids[:1]
    assert list(await listed(wire, type="sms")) == guids
    assert await listed(wire, type="MAILING") == {}
    assert (await wire.get("/scheduled", **{"guid[]": guids[1:]}))["total"] == 2
    assert (await wire.get("/scheduled", guid=",".join(guids)))["total"] == 3
    assert (await wire.refusal("GET", "/scheduled?type=FAX"))[:2] == (422, 422)


async def test_single_messages_of_a_sending_are_moved_and_the_others_stay(wire: Wire) -> None:
    await schedule(wire, "34666555444", "34666555445")
    one, other = await listed(wire)
    reply = await wire.send("PUT", "/scheduled", {"guid": int(one), "scheduleDate": "2025-03-09T12:00:00+00:00"})
    assert (reply.status_code, reply.json()) == (200, {"result": True, "updated": 1})
    assert await listed(wire) == {one: "2025-03-09 12:00:00", other: "2025-03-10 09:30:00"}
    expires = "SELECT expires_at FROM sending WHERE shard_key = $1"
    moment = await wire.runtime.db.read(Tx.fetchval, expires, wire.account.account_id)
    assert moment.isoformat() == "2025-03-10T17:30:00+00:00"  # the one that stays is not over before its moment


async def test_all_are_moved_without_an_identifier(wire: Wire) -> None:
    await schedule(wire, "34666555444", "34666555445")
    reply = await wire.send("PUT", "/scheduled", {"scheduleDate": "20250311000000"})
    assert reply.json() == {"result": True, "updated": 2}
    assert set((await listed(wire)).values()) == {"2025-03-11 00:00:00"}


async def test_what_is_moved_to_the_past_is_due_now(wire: Wire) -> None:
    await schedule(wire, "34666555444")
    assert (await wire.send("PUT", "/scheduled", {"scheduleDate": "20200101000000"})).json()["updated"] == 1
    due = "SELECT due_at FROM chunk WHERE account_id = $1"
    assert await wire.runtime.db.read(Tx.fetchval, due, wire.account.account_id) == wire.clock.now()


async def test_they_are_deleted_by_body_or_query(wire: Wire) -> None:
    sent = await schedule(wire, *(f"3466655544{one}" for one in range(5)))
    guids = list(await listed(wire))
    reply = await wire.send("DELETE", "/scheduled", {"guid": [int(guids[0]), guids[1]]})
    assert (reply.status_code, reply.json()) == (200, {"result": True, "deleted": 2})
    assert (await wire.send("DELETE", f"/scheduled?guid={guids[2]}")).json() == {"result": True, "deleted": 1}
    assert (await wire.send("DELETE", "/scheduled", {})).json() == {"result": True, "deleted": 2}
    assert await listed(wire) == {}
    assert await wire.get(f"/sms/{sent['result'][0]['id']}") == {"id": sent["result"][0]["id"], "status": "cancelled"}


async def test_an_empty_list_names_none(wire: Wire) -> None:
    await schedule(wire, "34666555444")
    assert (await wire.send("DELETE", "/scheduled", {"guid": []})).json() == {"result": True, "deleted": 0}
    reply = await wire.send("PUT", "/scheduled", {"guid": [], "scheduleDate": TOMORROW})
    assert reply.json() == {"result": True, "updated": 0}
    assert len(await listed(wire)) == 1


@pytest.mark.parametrize(
    ("method", "body", "code"),
    [
        ("PUT", {"guid": "x", "scheduleDate": TOMORROW}, 120),
        ("PUT", {"guid": [[]], "scheduleDate": "x"}, 120),
        ("PUT", {"guid": 999_999_999, "scheduleDate": TOMORROW}, 120),
        ("DELETE", {"guid": ["x"]}, 120),
        ("DELETE", {"guid": 999_999_999}, 120),
        ("PUT", {}, 121),
        ("PUT", {"scheduleDate": "soon"}, 121),
        ("PUT", {"scheduleDate": "20290101000000"}, 121),
    ],
)
async def test_mistakes_have_their_codes(wire: Wire, method: str, body: Any, code: int) -> None:
    await schedule(wire, "34666555444")
    status, found, _ = await wire.refusal(method, "/scheduled", body)
    assert (status, found) == (400, code)


async def test_an_identifier_of_which_nothing_waits_is_120(wire: Wire) -> None:
    assert await wire.refusal("GET", "/scheduled?guid=999999999") == (400, 120, "Invalid GUID")


async def test_the_messages_of_other_accounts_stay_hidden(wire: Wire) -> None:
    other = await wire.other_account()
    await schedule(wire, "34666555444")
    (guid,) = await listed(wire)
    assert (await other.get("/scheduled"))["total"] == 0
    assert (await other.refusal("DELETE", "/scheduled", {"guid": guid}))[1] == 120
    assert list(await listed(wire)) == [guid]


async def test_a_query_may_number_the_items_of_a_list_as_php_does(wire: Wire) -> None:
    await schedule(wire, "34666555444", "34666555445", "34666555446")
    first, second, third = await listed(wire)
    assert list(await listed(wire, **{"guid[0]": first, "guid[1]": third})) == [first, third]
    assert list(await listed(wire, **{"guid[0]": first, "guid[]": third})) == [first, third]
    gone = await wire.send("DELETE", f"/scheduled?guid%5B0%5D={first}&guid%5B1%5D={third}")
    assert gone.json() == {"result": True, "deleted": 2}
    assert list(await listed(wire)) == [second]


async def test_what_an_updates_query_names_is_all_that_is_moved(wire: Wire) -> None:
    await schedule(wire, "34666555444", "34666555445")
    first, second = await listed(wire)
    moved = await wire.send("PUT", f"/scheduled?guid={first}", {"scheduleDate": "20250311093000"})
    assert moved.json() == {"result": True, "updated": 1}
    assert await listed(wire) == {first: "2025-03-11 09:30:00", second: "2025-03-10 09:30:00"}


MANY = [f"346{number:08}" for number in range(5_001)]


async def test_a_message_of_a_large_request_can_be_looked_at_before_it_is_written(wire: Wire) -> None:
    sent = await schedule(wire, *MANY)
    shown = await wire.get(f"/sms/{sent['result'][-1]['id']}")
    assert shown == {"id": sent["result"][-1]["id"], "status": "pending"}


async def test_messages_of_a_large_request_are_written_before_all_are_deleted(wire: Wire) -> None:
    await schedule(wire, *MANY)
    async with asyncio.TaskGroup() as tasks:
        deleting = tasks.create_task(wire.send("DELETE", "/scheduled"))
        await asyncio.sleep(0.2)
        assert not deleting.done()
        await materialise_all(wire.runtime.db, wire.account.account_id)
    assert deleting.result().json() == {"result": True, "deleted": 5_001}
    assert (await wire.get("/scheduled"))["total"] == 0
