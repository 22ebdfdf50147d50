"""Many subscribers at once: accepted before they are written, and processed by the policy of the call."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from tests.background import uploads_processed, write_claimed
from tests.dialects.apifon.wire import HOST, Wire, values_of

from carillon.audience.groups import DeleteGroups, GroupKey, delete_groups
from carillon.audience.uploads.queue import LEASE, MAX_ATTEMPTS, claim_uploads
from carillon.audience.uploads.report import failed_uploads, retry_upload
from carillon.db import ordering
from carillon.db.database import Database

MAIL = "ana@mail.example"


@pytest.fixture
def db(own_db: Database) -> Database:
    """Counted is what a worker of all accounts does: no other test's uploads may be among it."""
    return own_db


def number(place: int) -> str:
    return f"3069100{place:05d}"


def people(first: int = 0, count: int = 11, **more: Any) -> list[dict[str, Any]]:
    """More rows than are written before the reply."""
    return [{"destination": f"+{number(place)}", **more} for place in range(first, first + count)]


def path(place: str, address: str) -> str:
    return f"{place}/subscriber/{hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()}"


async def status(wire: Wire, place: str) -> list[Any]:
    return values_of(await wire.ok("GET", place), "status", "total_subscribers")


async def test_many_are_stored_before_the_reply_and_the_list_is_updating_until_they_are_written(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.bulk(place, *people())
    assert await status(wire, place) == ["UPDATING", 0]
    assert await wire.process_upload() == 1
    assert await status(wire, place) == ["IDLE", 11]


async def test_a_few_are_written_before_the_reply(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.bulk(place, *people(count=10))
    assert await status(wire, place) == ["IDLE", 10]


async def test_a_few_wait_behind_the_many_that_came_before_them(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.bulk(place, *people(status="SUBSCRIBED"))
    await wire.bulk(place, *people(count=1, status="UNSUBSCRIBED"), update_on_duplicate=True)
    assert await status(wire, place) == ["UPDATING", 0]
    assert await wire.process_upload() == 2
    assert (await wire.ok("GET", path(place, number(0))))["status"] == "UNSUBSCRIBED"


@pytest.mark.parametrize(("asked", "expected"), [("true", ["UNSUBSCRIBED", MAIL]), ("false", ["SUBSCRIBED", None])])
async def test_those_that_are_there_when_the_rows_are_written_are_changed_only_when_asked_to(
    wire: Wire, asked: str, expected: list[Any]
) -> None:
    place = await wire.made_list()
    await wire.contact(f"+{number(0)}", None, actor=wire.inside(place))
    first = {"destination": f"+{number(0)}", "status": "UNSUBSCRIBED", "email": MAIL}
    await wire.bulk(place, first, *people(1), update_on_duplicate=asked)
    await wire.process_upload()
    shown = await wire.ok("GET", path(place, number(0)))
    assert [shown["status"], shown.get("email")] == expected
    assert await status(wire, place) == ["IDLE", 12]


async def test_a_row_that_is_blocked_before_the_rows_are_written_is_left_out(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.bulk(place, *people(), {"destination": f"+{number(50)}", "email": MAIL})
    for address in (number(0), MAIL):
        await wire.block(address)
    await wire.process_upload()
    assert (await wire.refusal("GET", path(place, number(0))))[0] == 404
    assert values_of(await wire.ok("GET", path(place, MAIL)), "status", "email_status") == [
        "SUBSCRIBED",
        "UNSUBSCRIBED",
    ]
    assert await status(wire, place) == ["IDLE", 11]


async def test_fields_and_subgroups_that_are_removed_before_the_rows_are_written_cost_only_themselves(
    wire: Wire,
) -> None:
    place = await wire.made_list()
    for name in ("Visits", "Points"):
        await wire.ok("POST", f"{place}/field", {"name": name, "type": "NUMBER", "length": 9}, 201)
    made = await wire.call("POST", f"{place}/group", {"name": "Food", "type": "GROUP", "selectionType": "MULTIPLE"})
    group = made.headers["location"].removeprefix(HOST)
    options = group.replace("/group/", "/")
    await wire.ok("POST", f"{options}/options", {"name": ["Fish", "Meat"]}, 201)
    fish, meat = [one["field"] for one in (await wire.ok("GET", group))["options"]]
    fields = {"VISITS": 1, "POINTS": 2}
    await wire.bulk(place, *people(20))
    deletion = DeleteGroups(by=GroupKey.NAME, value="Meat")
    removing = asyncio.gather(
        wire.ok("DELETE", f"{place}/field/VISITS", None, 204),
        wire.runtime.db.run(delete_groups, wire.inside(place), deletion),
    )
    await asyncio.sleep(0.2)  # so that both wait for the first rows, and not for the second
    await wire.bulk(place, *people(subscriber_fields=fields, groupOptions=[fish, meat]))
    first, second = await claim_uploads(wire.runtime.db, wire.account.account_id, 8)
    await write_claimed(wire.runtime.db, first)
    await removing
    await write_claimed(wire.runtime.db, second)
    shown = await wire.ok("GET", path(place, number(10)))
    assert values_of(shown, "subscriber_fields", "groupOptions") == [{"POINTS": 2}, [fish]]


async def test_what_is_said_of_a_subscriber_after_the_many_stands(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.bulk(place, *people())
    await wire.process_upload()
    await wire.bulk(place, *people(status="SUBSCRIBED"), update_on_duplicate=True)
    async with uploads_processed(wire.runtime.db):
        await wire.ok("POST", f"{path(place, number(0))}/unsubscribe", None, 204)
        await wire.bulk(place, *people(20))
        await wire.ok("PUT", path(place, number(1)), {"status": "UNSUBSCRIBED"}, 204)
        await wire.bulk(place, *people(40))
        assert (await wire.call("POST", f"{place}/subscriber", {"destination": f"+{number(40)}"})).status_code == 409
        await wire.bulk(place, *people(60))
        await wire.ok("DELETE", f"{path(place, number(60))}?permanent=true", None, 204)
    assert [(await wire.ok("GET", path(place, number(one))))["status"] for one in (0, 1)] == ["UNSUBSCRIBED"] * 2
    assert await status(wire, place) == ["IDLE", 43]


async def test_a_change_behind_many_that_take_too_long_is_refused_for_now(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "WAIT_SECONDS", 0.2)
    place = await wire.made_list()
    await wire.bulk(place, *people(count=1))
    await wire.bulk(place, *people())
    for asked in (("POST", f"{path(place, number(0))}/unsubscribe"), ("DELETE", path(place, number(0)))):
        assert (await wire.refusal(*asked))[0] == 503
    assert (await wire.ok("GET", path(place, number(0))))["status"] == "SUBSCRIBED"
    await wire.ok("POST", f"{await wire.made_list(title='Other')}/subscriber", people(count=1)[0], 201)


@pytest.mark.parametrize(
    "given",
    [
        5,
        "x",
        ["x", None, 1],
        [[]],
        True,
        {"destination": f"+{number(0)}"},
        {"subscriber": {"destination": f"+{number(0)}"}},
        {"subscriber": [{"destination": f"+{number(0)}"}]},
        {"subscriber": []},
    ],
)
async def test_subscribers_that_are_no_list_of_objects_are_400(wire: Wire, given: Any) -> None:
    place = await wire.made_list()
    asked = {"subscribers": given}
    message = {"subscribers": "A list of objects belongs here."}
    assert await wire.refusal("POST", f"{place}/subscriber/bulk", asked) == (400, message)


async def test_a_list_that_php_has_made_an_object_is_a_list(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.ok("POST", f"{place}/subscriber/bulk", {"subscribers": {"0": people(0)[0], "2": people(1)[0]}})
    assert await status(wire, place) == ["IDLE", 2]


async def test_many_whose_worker_died_are_written_once_on_their_terms(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.bulk(place, *people(status="UNSUBSCRIBED"))
    assert len(await claim_uploads(wire.runtime.db, wire.account.account_id, 8)) == 1
    assert await wire.process_upload() == 0
    assert await status(wire, place) == ["UPDATING", 0]
    wire.clock.moment += LEASE + timedelta(seconds=1)
    assert await wire.process_upload() == 1
    assert values_of(await wire.ok("GET", place), "status", "total_subscribers", "active_subscribers") == [
        "IDLE",
        11,
        0,
    ]


async def test_a_list_is_corrupted_while_its_latest_import_has_failed(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.bulk(place, *people())
    for _ in range(MAX_ATTEMPTS):
        await claim_uploads(wire.runtime.db, wire.account.account_id, 8)
        wire.clock.moment += LEASE + timedelta(seconds=1)
    await wire.process_upload()
    assert await status(wire, place) == ["CORRUPTED", 0]
    (failed,) = await wire.runtime.db.read(failed_uploads, wire.account.actor)
    await wire.bulk(place, *people(count=1))
    assert await status(wire, place) == ["IDLE", 1]
    await wire.runtime.db.run(retry_upload, wire.account.actor, failed.import_id)
    assert await wire.process_upload() == 1
    assert await status(wire, place) == ["IDLE", 11]


async def test_a_list_is_removed_with_what_was_to_be_written(wire: Wire) -> None:
    for _ in range(3):
        place = await wire.made_list()
        calls = (wire.call("POST", f"{place}/subscriber/bulk", {"subscribers": people()}) for _ in range(5))
        removed, *replies = await asyncio.gather(wire.call("DELETE", place), *calls)
        assert removed.status_code == 204
        assert {reply.status_code for reply in replies} <= {200, 404}
        assert await wire.process_upload() == 0
        async with wire.runtime.db.transaction() as tx:
            waiting = "SELECT count(*) FROM contact_import WHERE account_id = $1 AND state <> 'done'"
            assert await tx.fetchval(waiting, wire.account.account_id) == 0


@pytest.mark.parametrize("is_one_call", [True, False])
async def test_an_ambiguous_number_is_one_that_waits_to_be_written_too(wire: Wire, is_one_call: bool) -> None:  # noqa: FBT001
    place = await wire.made_list()
    first = [{"destination": "+3466666666", "status": "UNSUBSCRIBED"}, *people(count=20)]
    second = [{"destination": "3466666666", "email": "ana@mail.example"}] * 11
    for rows in ([*first, *second],) if is_one_call else (first, second):
        await wire.bulk(place, *rows, update_on_duplicate=True)
    while await wire.process_upload():
        pass
    shown = await wire.ok("GET", path(place, "3466666666"))
    assert values_of(shown, "destination", "status", "email") == ["3466666666", "UNSUBSCRIBED", "ana@mail.example"]
    assert (await wire.ok("GET", place))["total_subscribers"] == 21


@pytest.mark.parametrize("given", [{}, []])
async def test_an_empty_list_is_400(wire: Wire, given: Any) -> None:
    place = await wire.made_list()
    message = {"subscribers": "This is required."}
    assert await wire.refusal("POST", f"{place}/subscriber/bulk", {"subscribers": given}) == (400, message)
