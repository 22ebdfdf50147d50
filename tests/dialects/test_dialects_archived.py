"""A subscriber that Apifon's client has archived: for the other dialects it is gone, until one of them writes it."""

from collections.abc import Awaitable, Callable

import pytest
from tests.dialects.clients import DialectClients

PHONE, NATIONAL, MAIL = "972541110001", "0541110001", "ana@mail.example"
OTHER = "972541110002"


async def archive(clients: DialectClients) -> tuple[str, int]:
    """Make two contacts in a group and archive one; give the place of the list, and the id of the archived one."""
    (shown_list,) = (await clients.apifon("GET", "/list")).json()["results"]
    place = f"/list/{shown_list['id']}"
    for phone in (NATIONAL, "0541110002"):
        await clients.inforu("CreateOrUpdateContacts", {"List": [{"PhoneNumber": phone, "AddToGroupName": "Food"}]})
    (subscriber, _) = (await clients.apifon("GET", f"{place}/subscriber")).json()["results"]
    removed = await clients.apifon("DELETE", f"{place}/subscriber/{subscriber['destination_id']}")
    assert removed.status_code == 204
    return place, int(subscriber["id"], 16)


async def members(clients: DialectClients) -> int:
    found = await clients.inforu("GetGroupList", {})
    return int(found["List"][0]["CountActiveContacts"])


async def is_archived(clients: DialectClients, place: str) -> bool:
    shown = (await clients.apifon("GET", f"{place}/subscriber")).json()["results"]
    return bool(next(one["archived"] for one in shown if one["destination"] == PHONE))


async def test_the_other_dialects_do_not_show_who_is_archived(clients: DialectClients) -> None:
    place, contact_id = await archive(clients)
    assert await is_archived(clients, place)
    found = await clients.inforu("GetContact", {"Type": "Phone", "Value": NATIONAL})
    assert found["Contacts"]["Count"] == 0
    span = {"FromDate": "2000/01/01", "ToDate": "2099/12/31", "LastFetchedId": 0}
    assert [one["PhoneNumber"] for one in (await clients.inforu("GetContactList", span))["List"]] == ["0541110002"]
    assert await members(clients) == 1

    listed = (await clients.nrs("GET", "/contacts")).json()
    assert [one["phone"] for one in listed["data"]] == [OTHER]
    assert listed["meta"]["pagination"]["total"] == 1
    assert (await clients.nrs("GET", f"/contacts?phone={PHONE}")).json()["data"] == []
    assert (await clients.nrs("GET", f"/contacts/{contact_id}")).status_code == 404

    assert (await clients.inwise("GET", f"/contacts/{contact_id}")).status_code == 404
    assert [one["mobile_number"] for one in (await clients.inwise("GET", "/contacts")).json()] == [OTHER]

    (shown_list,) = await clients.devino("GET", "/contact-groups")
    assert shown_list["contactsCount"] == "1"
    ranged = await clients.devino("GET", f"/contacts/http/range?contactGroupId={shown_list['contactGroupId']}")
    assert [one["phone"] for one in ranged] == [OTHER]


async def by_inforu(clients: DialectClients, _contact_id: int) -> None:
    await clients.inforu("CreateOrUpdateContacts", {"List": [{"PhoneNumber": NATIONAL}]})


async def by_nrs(clients: DialectClients, _contact_id: int) -> None:
    body = {"phone": PHONE, "countryIso": "IL", "email": MAIL, "groupsNames": ["Food"]}
    assert (await clients.nrs("POST", "/contacts", body)).status_code == 201


async def by_nrs_by_id(clients: DialectClients, contact_id: int) -> None:
    body = {"phone": PHONE, "countryIso": "IL", "email": MAIL, "groupsNames": ["Food"]}
    assert (await clients.nrs("PUT", f"/contacts/{contact_id}", body)).status_code == 200


async def by_inwise(clients: DialectClients, _contact_id: int) -> None:
    assert (await clients.inwise("POST", "/contacts", {"mobile_number": PHONE})).status_code == 200


async def by_inwises_batch(clients: DialectClients, _contact_id: int) -> None:
    body = {
        "csv_file": f"tel\n{PHONE}",
        "fields_mapping": [{"file_column_name": "tel", "field_name": "[MobileNumber]"}],
    }
    made = await clients.inwise("POST", "/contacts/batchInsert", body)
    assert (made.status_code, made.json()["updated"]) == (200, 1), made.text


async def by_devino(clients: DialectClients, _contact_id: int) -> None:
    (shown,) = await clients.devino("GET", "/contact-groups")
    body = {"contactGroupId": shown["contactGroupId"], "duplicateCheckField": "phone", "contacts": [{"phone": PHONE}]}
    (added,) = await clients.devino("POST", "/contacts/batch", body)
    assert added["code"] == "OK"


@pytest.mark.parametrize("write", [by_inforu, by_nrs, by_nrs_by_id, by_inwise, by_inwises_batch, by_devino])
async def test_whoever_writes_an_archived_contact_brings_it_back(
    clients: DialectClients, write: Callable[[DialectClients, int], Awaitable[None]]
) -> None:
    place, contact_id = await archive(clients)
    await write(clients, contact_id)
    assert not await is_archived(clients, place)
    assert (await clients.inwise("GET", f"/contacts/{contact_id}")).json()["mobile_number"] == PHONE
    assert await members(clients) == 2


async def test_deleting_by_an_address_takes_an_archived_contact_too(clients: DialectClients) -> None:
    place, _ = await archive(clients)
    gone = await clients.inforu("DeleteContacts", {"List": [{"Type": "Phone", "Value": NATIONAL}]})
    assert gone["DeletedCount"] == 1
    left = (await clients.apifon("GET", f"{place}/subscriber")).json()["results"]
    assert [one["destination"] for one in left] == [OTHER]
