"""One contact through every dialect: what one dialect writes, all others read."""

from typing import Any

from tests.dialects.clients import DialectClients

PHONE, NATIONAL, MAIL = "972541110001", "0541110001", "ana@mail.example"


async def look(clients: DialectClients) -> dict[str, Any]:
    """Look at the contact through InforU."""
    found = await clients.inforu("GetContact", {"Type": "Phone", "Value": NATIONAL, "Configuration": "WithGroups"})
    (shown,) = found["Contacts"]["List"]
    return dict(shown)


async def test_a_contact_made_by_one_is_grouped_blocked_and_deleted_by_others(clients: DialectClients) -> None:
    made = await clients.inwise(
        "POST", "/contacts", {"mobile_number": PHONE, "email": MAIL, "fields": [{"name": "field1", "content": "Ana"}]}
    )
    contact_id = made.json()["id"]
    shown = await look(clients)
    assert (shown["ContactId"], shown["FirstName"], shown["PhoneStatusId"]) == (contact_id, "Ana", 1)
    listed = (await clients.nrs("GET", f"/contacts?phone={PHONE}")).json()["data"]
    assert [(one["id"], one["name"], one["email"]) for one in listed] == [(contact_id, "Ana", MAIL)]

    changed = {"email": MAIL, "phone": PHONE, "countryIso": "IL", "surname": "Levi", "groupsNames": ["Gold"]}
    assert (await clients.nrs("PUT", f"/contacts/{contact_id}", changed)).status_code == 200
    shown = await look(clients)
    assert (shown["LastName"], [group["GroupName"] for group in shown["Groups"]]) == ("Levi", ["Gold"])
    there = (await clients.inwise("GET", f"/contacts/{contact_id}")).json()
    assert there["groups_ids"] == [shown["Groups"][0]["GroupId"]]
    assert {"name": "field2", "content": "Levi"} in there["fields"]

    block = {"destination": PHONE, "reason": "sub_requested"}
    assert (await clients.apifon("POST", "/bounce/subscriber/block", block)).status_code == 201
    assert (await clients.nrs("PUT", "/v2/blacklist/mailing", {"recipient": MAIL})).status_code == 200
    shown = await look(clients)
    assert (shown["PhoneStatusId"], shown["EmailStatusId"]) == (-2, -2)
    blacklist = (await clients.nrs("GET", "/v2/blacklist/sms")).json()["data"]
    assert [one["recipient"] for one in blacklist] == [PHONE]
    assert (await clients.apifon("GET", f"/bounce/subscriber/{MAIL}")).json()["type"] == "EMAIL"
    # Written again through any of them, it stays blocked.
    await clients.inwise("POST", "/contacts", {"mobile_number": PHONE})
    await clients.inforu("CreateOrUpdateContacts", {"List": [{"PhoneNumber": NATIONAL, "FirstName": "Anat"}]})
    shown = await look(clients)
    assert (shown["FirstName"], shown["PhoneStatusId"]) == ("Anat", -2)

    lifted = {"ReactivationReason": "asked", "ReactivationName": "CRM", "List": [{"Type": "Phone", "Value": NATIONAL}]}
    await clients.inforu("ReactivateUnsubscribe", lifted)
    assert (await clients.apifon("GET", f"/bounce/subscriber/{PHONE}")).status_code == 404
    # A block through Apifon has unsubscribed it in the list too, and that stays until the list subscribes it again.
    assert (await look(clients))["PhoneStatusId"] == -2

    assert (await clients.nrs("DELETE", f"/contacts/{contact_id}")).status_code == 204
    assert (await clients.inwise("GET", f"/contacts/{contact_id}")).status_code == 404
    found = await clients.inforu("GetContact", {"Type": "Email", "Value": MAIL})
    assert found["Contacts"]["Count"] == 0
    # The block belongs to the address, not to the contact.
    assert (await clients.apifon("GET", f"/bounce/subscriber/{MAIL}")).status_code == 200


async def test_calls_that_are_blocked_do_not_stop_texts(clients: DialectClients) -> None:
    await clients.inforu("CreateOrUpdateContacts", {"List": [{"PhoneNumber": NATIONAL}]})
    assert (await clients.nrs("PUT", "/v2/blacklist/voice", {"recipient": PHONE})).status_code == 200
    assert (await look(clients))["PhoneStatusId"] == 1
    everything = {"Type": "All", "FromDate": "2000/01/01", "ToDate": "2999/01/01", "LastFetchedId": 0}
    history = await clients.inforu("GetUnsubscribeHistoryList", everything)
    assert history["Count"] == 0
    assert (await clients.apifon("GET", f"/bounce/subscriber/{PHONE}")).status_code == 404


async def test_what_devino_uploads_the_others_read_and_what_they_write_devino_shows(clients: DialectClients) -> None:
    (default,) = [one["contactGroupId"] for one in await clients.devino("GET", "/contact-groups")]
    contact = {"phone": PHONE, "email": MAIL, "fields": [{"name": "surname", "value": "Levi"}]}
    (replied,) = await clients.devino("POST", "/contacts/batch", {"contactGroupId": default, "contacts": [contact]})
    shown = await look(clients)
    assert (shown["LastName"], shown["ContactId"]) == ("Levi", int(replied["result"]["contactId"].split("-")[1], 16))
    await clients.inforu(
        "CreateOrUpdateContacts", {"List": [{"PhoneNumber": NATIONAL, "FirstName": "Anat", "Text3": "x"}]}
    )
    assert (await clients.nrs("PUT", "/v2/blacklist/sms", {"recipient": PHONE})).status_code == 200
    (shown,) = await clients.devino("GET", f"/contacts/http/range?contactGroupId={default}")
    assert {one["name"]: one["value"] for one in shown["fields"]} == {
        "name": ["Anat"],
        "surname": ["Levi"],
        "text3": ["x"],
    }
    assert [one["data"] for one in shown["unsubscribedData"]] == [PHONE]

    stop = await clients.devino("POST", "/contact-groups", {"name": "Stop", "type": "STOPLIST"})
    await clients.devino("POST", "/contacts/batch", {"contactGroupId": stop, "contacts": [{"email": MAIL}]})
    assert (await look(clients))["EmailStatusId"] == -2
    assert (await clients.apifon("GET", f"/bounce/subscriber/{MAIL}")).status_code == 200


async def test_a_contact_that_repeats_an_address_can_be_changed_by_the_others(clients: DialectClients) -> None:
    (default,) = [one["contactGroupId"] for one in await clients.devino("GET", "/contact-groups")]
    body = {"contactGroupId": default, "contacts": [{"phone": PHONE}, {"phone": PHONE, "email": MAIL}]}
    replied = await clients.devino("POST", "/contacts/batch", body)
    second = int(replied[1]["result"]["contactId"].split("-")[1], 16)
    change = {"id": second, "clear_existing_fields": True, "fields": [{"name": "field1", "content": "Ana"}]}
    assert (await clients.inwise("POST", "/contacts", change)).status_code == 200
    shown = await clients.devino("GET", f"/contacts/http/range?contactGroupId={default}")
    assert [(one["phone"], one["email"]) for one in shown] == [(PHONE, None), (None, MAIL)]


async def test_a_subscriber_of_a_list_is_the_contact_of_all(clients: DialectClients) -> None:
    (shown_list,) = (await clients.apifon("GET", "/list")).json()["results"]
    place = f"/list/{shown_list['id']}"
    field = {"name": "First Name", "type": "TEXT", "length": 40}
    assert (await clients.apifon("POST", f"{place}/field", field)).status_code == 201
    group = (await clients.apifon("POST", f"{place}/group", {"name": "Food", "type": "GROUP"})).headers["location"]
    options = f"{place}/{group.rpartition('/')[2]}/option"
    option = (await clients.apifon("POST", options, {"name": "Fish"})).headers["location"].rpartition("/")[2]
    subscriber = {"destination": NATIONAL, "email": MAIL, "subscriber_fields": {"FIRST_NAME": "Ana"}}
    made = await clients.apifon("POST", f"{place}/subscriber", {**subscriber, "groupOptions": [option]})
    assert made.status_code == 201

    shown = await look(clients)
    assert (shown["FirstName"], [one["GroupName"] for one in shown["Groups"]]) == ("Ana", ["Fish"])
    (listed,) = (await clients.nrs("GET", f"/contacts?phone={PHONE}")).json()["data"]
    await clients.inwise("POST", "/contacts", {"mobile_number": PHONE, "fields": [{"name": "field1", "content": "Jo"}]})
    assert (await clients.nrs("PUT", "/v2/blacklist/sms", {"recipient": PHONE})).status_code == 200

    asked = {"conditions": [{"name": "subscriber_fields.FIRST_NAME", "op": "eq", "vl": "Jo"}]}
    (found,) = (await clients.apifon("POST", f"{place}/subscriber/query", asked)).json()["results"]
    assert (found["id"], found["status"], found["email_status"]) == (
        f"{listed['id']:024x}",
        "UNSUBSCRIBED",
        "SUBSCRIBED",
    )
    assert found["groupOptions"] == [option]
    removed = await clients.apifon("DELETE", f"{place}/subscriber/{found['email_id']}?permanent=true")
    assert removed.status_code == 204
    assert (await clients.nrs("GET", f"/contacts/{listed['id']}")).status_code == 404


async def test_groups_of_the_other_dialects_are_subgroups_of_a_list(clients: DialectClients) -> None:
    (shown_list,) = (await clients.apifon("GET", "/list")).json()["results"]
    assert shown_list["groups"] == []
    place = f"/list/{shown_list['id']}"
    await clients.inforu("CreateOrUpdateContacts", {"List": [{"PhoneNumber": NATIONAL, "AddToGroupName": "Gold"}]})
    gold = (await look(clients))["Groups"][0]["GroupId"]
    made = await clients.nrs("POST", "/groups", {"name": "Silver"})
    silver = made.json()["data"]["id"]
    (shown_list,) = (await clients.apifon("GET", "/list")).json()["results"]
    (held,) = shown_list["groups"]
    assert held == {
        "name": "Groups", "field": "GROUPS", "type": "GROUP", "internal": True, "selectionType": "MULTIPLE",
        "options": [{"name": "Gold", "field": f"GROUP_{gold}"}, {"name": "Silver", "field": f"GROUP_{silver}"}],
        "formHidden": True, "groupOptionsOrientation": "VERTICAL",
    }  # fmt: skip
    assert (await clients.apifon("GET", f"{place}/group/GROUPS")).json() == held
    (subscriber,) = (await clients.apifon("GET", f"{place}/subscriber")).json()["results"]
    assert subscriber["groupOptions"] == [f"GROUP_{gold}"]

    where = f"{place}/subscriber/{subscriber['destination_id']}"
    assert (await clients.apifon("PUT", where, {"groupOptions": [f"GROUP_{silver}"]})).status_code == 204
    assert [one["GroupName"] for one in (await look(clients))["Groups"]] == ["Silver"]
    rows = [{"destination": NATIONAL, "groupOptions": [f"GROUP_{gold}", f"GROUP_{silver}", "GROUP_999999"]}]
    asked = {"subscribers": rows, "update_on_duplicate": True}
    assert (await clients.apifon("POST", f"{place}/subscriber/bulk", asked)).status_code == 200
    assert [one["GroupName"] for one in (await look(clients))["Groups"]] == ["Gold", "Silver"]
    asked = {"conditions": [{"name": "groupOptions", "op": "eq", "vl": f"GROUP_{gold}"}]}
    found = (await clients.apifon("POST", f"{place}/subscriber/query", asked)).json()
    assert found["meta"]["total"] == 1


async def test_subgroups_that_another_dialect_made_are_renamed_added_and_removed(clients: DialectClients) -> None:
    (shown_list,) = (await clients.apifon("GET", "/list")).json()["results"]
    place = f"/list/{shown_list['id']}"
    assert (await clients.apifon("GET", f"{place}/group/GROUPS")).status_code == 404
    gold = (await clients.nrs("POST", "/groups", {"name": "Gold"})).json()["data"]["id"]
    renamed = await clients.apifon("PUT", f"{place}/GROUPS/GROUP_{gold}", {"name": "Platinum"})
    assert renamed.status_code == 200
    assert (await clients.nrs("GET", f"/groups/{gold}")).json()["data"]["name"] == "Platinum"
    added = await clients.apifon("POST", f"{place}/GROUPS/option", {"name": "Silver"})
    assert added.status_code == 201
    silver = int(added.headers["location"].rpartition("_")[2])
    assert (await clients.nrs("GET", f"/groups/{silver}")).json()["data"]["name"] == "Silver"
    assert (await clients.apifon("DELETE", f"{place}/GROUPS/GROUP_{gold}")).status_code == 204
    assert (await clients.nrs("GET", f"/groups/{gold}")).status_code == 404
    for method, body in (("PUT", {"name": "Mine", "type": "GROUP"}), ("DELETE", None)):
        assert (await clients.apifon(method, f"{place}/group/GROUPS", body)).status_code == 400
    unknown = {"destination": NATIONAL, "groupOptions": [f"GROUP_{gold}"]}
    assert (await clients.apifon("POST", f"{place}/subscriber", unknown)).status_code == 400
