"""What one client says after another has brought many rows stands, whichever dialects they speak."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
from tests.background import process_uploads, uploads_processed
from tests.dialects.clients import DialectClients

from carillon.db.database import Database

PHONE, NATIONAL = "972541110001", "0541110001"


@pytest.fixture
async def working(db: Database) -> AsyncIterator[None]:
    """Let a worker begin a while after the rows are accepted, and work until the test ends."""
    ended = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.3)
        async with uploads_processed(db):
            await ended.wait()

    task = asyncio.create_task(work())
    yield
    ended.set()
    await asyncio.wait_for(task, timeout=20)


async def by_inforu(clients: DialectClients) -> None:
    people = [{"PhoneNumber": f"05411{number:05d}", "FirstName": "Old"} for number in range(10_000, 10_020)]
    people.append({"PhoneNumber": NATIONAL, "FirstName": "Old"})
    await clients.inforu("CreateOrUpdateContacts", {"List": people})


async def by_apifon(clients: DialectClients) -> None:
    (shown,) = (await clients.apifon("GET", "/list")).json()["results"]
    place = f"/list/{shown['id']}"
    added = await clients.apifon("POST", f"{place}/field", {"name": "First name", "type": "TEXT", "length": 20})
    assert added.status_code == 201
    people: list[dict[str, object]] = [{"destination": f"+9725411{number:05d}"} for number in range(10_000, 10_020)]
    people.append({"destination": f"+{PHONE}", "subscriber_fields": {"FIRST_NAME": "Old"}})
    asked = {"subscribers": people, "update_on_duplicate": True}
    assert (await clients.apifon("POST", f"{place}/subscriber/bulk", asked)).status_code == 200


async def then_nrs(clients: DialectClients) -> None:
    body = {"phone": PHONE, "countryIso": "IL", "name": "New", "groupsNames": ["Food"]}
    assert (await clients.nrs("POST", "/contacts", body)).status_code == 201


async def then_inwise(clients: DialectClients) -> None:
    body = {"mobile_number": PHONE, "fields": [{"name": "field1", "content": "New"}]}
    assert (await clients.inwise("POST", "/contacts", body)).status_code == 200


async def then_inwises_batch(clients: DialectClients) -> None:
    columns = [("tel", "[MobileNumber]"), ("name", "field1")]
    body = {
        "csv_file": f"tel,name\n{PHONE},New",
        "fields_mapping": [{"file_column_name": column, "field_name": field} for column, field in columns],
        "updateExistingContacts": True,
    }
    assert (await clients.inwise("POST", "/contacts/batchInsert", body)).status_code == 200


async def then_devino_finds_it_there(clients: DialectClients) -> None:
    """Devino's clients only add: whoever is among the many is there already."""
    (shown,) = await clients.devino("GET", "/contact-groups")
    body = {"contactGroupId": shown["contactGroupId"], "duplicateCheckField": "phone", "contacts": [{"phone": PHONE}]}
    (replied,) = await clients.devino("POST", "/contacts/batch", body)
    assert replied["code"] == "REJECTED"
    await then_inwise(clients)


FIRST: Mapping[str, Callable[[DialectClients], Awaitable[None]]] = {"inforu": by_inforu, "apifon": by_apifon}
THEN: Mapping[str, Callable[[DialectClients], Awaitable[None]]] = {
    "nrs": then_nrs,
    "inwise": then_inwise,
    "inwise's batch": then_inwises_batch,
    "devino": then_devino_finds_it_there,
}


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize("then", THEN)
@pytest.mark.parametrize("first", FIRST)
async def test_last_write_wins_over_an_earlier_upload(clients: DialectClients, first: str, then: str) -> None:
    await FIRST[first](clients)
    await THEN[then](clients)
    found = await clients.inforu("GetContact", {"Type": "Phone", "Value": NATIONAL})
    (contact,) = found["Contacts"]["List"]
    assert contact["FirstName"] == "New"


@pytest.mark.parametrize("is_lifted", [False, True])
async def test_a_block_of_apifons_comes_after_an_upload_that_is_still_queued(
    clients: DialectClients, db: Database, *, is_lifted: bool
) -> None:
    await by_inforu(clients)
    path = "/bounce/subscriber"
    assert (await clients.apifon("POST", f"{path}/block", {"destination": PHONE, "reason": "other"})).status_code == 201
    for lifts_now in (is_lifted, not is_lifted):
        if lifts_now:
            assert (await clients.apifon("DELETE", f"{path}/unblock/{PHONE}")).status_code == 204
        await process_uploads(db)
        (audience,) = (await clients.apifon("GET", "/list")).json()["results"]
        query = {"conditions": [{"name": "destination", "op": "eq", "vl": PHONE}]}
        found = (await clients.apifon("POST", f"/list/{audience['id']}/subscriber/query", query)).json()["results"]
        assert [one["status"] for one in found] == ["UNSUBSCRIBED"]
