"""The functions on unsubscribes."""

from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.inforu.wire import Wire

EVER = {"FromDate": "2000/01/01", "ToDate": "2099/12/31"}


def phone(value: str) -> dict[str, str]:
    return {"Type": "Phone", "Value": value}


def email(value: str) -> dict[str, str]:
    return {"Type": "Email", "Value": value}


async def unsubscribe(wire: Wire, *items: dict[str, Any], **more: str) -> Any:
    return await wire.data("Unsubscribe", {"UnsubscribeReason": "asked by mail", "List": list(items), **more})


async def reactivate(wire: Wire, *items: dict[str, Any], **more: str) -> Any:
    return await wire.data("ReactivateUnsubscribe", {"ReactivationReason": "asked again", "List": list(items), **more})


async def test_addresses_are_unsubscribed_whether_or_not_a_contact_has_them(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001", "Email": "tal@example.com"})
    outcome = await unsubscribe(wire, phone("0521110001"), email("TAL@example.com"), email("other@example.com"))
    assert outcome == {"Success": {"Count": 3}, "Failed": {"Count": 0, "List": []}}
    shown = await wire.get("0521110001")
    assert (shown["PhoneStatusId"], shown["EmailStatusId"]) == (-2, -2)
    await wire.add({"Email": "other@example.com"})
    assert (await wire.get("other@example.com", "Email"))["EmailStatusId"] == -2


async def test_what_is_no_address_is_listed_as_failed_as_it_was_given(wire: Wire) -> None:
    outcome = await unsubscribe(wire, phone("052-1110001"), phone("12"), email("nobody"))
    assert outcome["Success"] == {"Count": 1}
    assert outcome["Failed"] == {"Count": 2, "List": [phone("12"), email("nobody")]}


UNUSABLE: list[tuple[object, dict[str, str]]] = [
    ({"Type": "Fax", "Value": "0521110009"}, {"Type": "Fax", "Value": "0521110009"}),
    ({"type": "Phone", "VALUE": {"a": 1}}, {"Type": "Phone", "Value": '{"a":1}'}),
    ({"Type": ["Phone"], "Value": 5}, {"Type": '["Phone"]', "Value": "5"}),
    ({"Type": "Email", "Value": None}, {"Type": "Email", "Value": ""}),
    ({"Value": "0521110009"}, {"Type": "", "Value": "0521110009"}),
    ("0521110009", {"Type": "", "Value": "0521110009"}),
    (7, {"Type": "", "Value": "7"}),
]


@pytest.mark.parametrize(("item", "shown"), UNUSABLE)
async def test_an_item_that_cannot_be_used_fails_alone(wire: Wire, item: object, shown: dict[str, str]) -> None:
    data = {"UnsubscribeReason": "x", "List": [item, phone("0521110001")]}
    for function in ("Unsubscribe", "ReactivateUnsubscribe"):
        outcome = await wire.data(function, data)
        assert outcome == {"Success": {"Count": 1}, "Failed": {"Count": 1, "List": [shown]}}
    await wire.data("Unsubscribe", data)
    checked = await wire.data("CheckIfUnsubscribe", {"List": [item, phone("0521110001"), phone("0521110002")]})
    assert checked["Unsubscribe"]["List"] == [phone("0521110001")]
    assert checked["NotUnsubscribe"]["List"] == [shown, phone("0521110002")]


async def test_unsubscribing_twice_is_a_success_and_one_line_of_history(wire: Wire) -> None:
    await unsubscribe(wire, phone("0521110001"))
    assert (await unsubscribe(wire, phone("0521110001"), phone("0521110001")))["Success"] == {"Count": 2}
    assert (await wire.data("GetUnsubscribeHistory", phone("0521110001")))["Count"] == 1


async def test_reactivating_gives_the_status_back_and_fails_what_is_not_unsubscribed(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001"})
    await unsubscribe(wire, phone("0521110001"))
    outcome = await reactivate(wire, phone("0521110001"), phone("0521110002"))
    assert outcome == {"Success": {"Count": 1}, "Failed": {"Count": 1, "List": [phone("0521110002")]}}
    assert (await wire.get("0521110001"))["PhoneStatusId"] == 1


async def test_an_unsubscribe_outlives_its_contact(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001"})
    await unsubscribe(wire, phone("0521110001"))
    await wire.data("DeleteContacts", {"List": [phone("0521110001")]})
    await wire.add({"PhoneNumber": "0521110001"})
    assert (await wire.get("0521110001"))["PhoneStatusId"] == -2


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("UnsubscribeReason", "UnsubscribeName"),
        ("ReactivationReason", "ReactivationName"),
        ("ReactivateReason", "ReactivateName"),
        ("unsubscribereason", "UNSUBSCRIBENAME"),
    ],
)
@pytest.mark.parametrize("function", ["Unsubscribe", "ReactivateUnsubscribe"])
async def test_either_spelling_of_the_reason_and_the_name_is_taken(
    wire: Wire, function: str, reason: str, name: str
) -> None:
    if function == "ReactivateUnsubscribe":
        await unsubscribe(wire, phone("0521110001"))
    done = await wire.data(function, {reason: "any reason", name: "Shop", "List": [phone("0521110001")]})
    assert done["Success"]["Count"] == 1
    entry = (await wire.data("GetUnsubscribeHistory", phone("0521110001")))["List"][0]
    assert (entry["ActionReason"], entry["DoActionName"]) == ("any reason", "Shop")


async def test_the_own_name_of_a_parameter_wins_over_its_alias(wire: Wire) -> None:
    await unsubscribe(wire, phone("0521110001"), ReactivationReason="alias")
    (entry,) = (await wire.data("GetUnsubscribeHistory", phone("0521110001")))["List"]
    assert entry["ActionReason"] == "asked by mail"


async def test_history_is_newest_first_in_the_form_of_the_reference(wire: Wire) -> None:
    await unsubscribe(wire, phone("0521110001"), UnsubscribeName="CRM")
    wire.clock.moment += timedelta(days=40, hours=5)
    await reactivate(wire, phone("0521110001"))
    history = await wire.data("GetUnsubscribeHistory", {"Type": "Phone", "Value": "+972 52 111 0001"})
    assert history == {
        "Count": 2,
        "List": [
            {
                "Type": "Phone",
                "Value": "0521110001",
                "Action": "Reactivate",
                "ActionDateTime": "18/04/2025 18:30:00",
                "ActionSource": "API",
                "ActionReason": "asked again",
                "DoActionName": "API",
            },
            {
                "Type": "Phone",
                "Value": "0521110001",
                "Action": "Unsubscribe",
                "ActionDateTime": "09/03/2025 12:30:00",
                "ActionSource": "API",
                "ActionReason": "asked by mail",
                "DoActionName": "CRM",
            },
        ],
    }
    assert list(history["List"][0])[3:5] == ["ActionDateTime", "ActionSource"]


async def test_history_goes_by_time_even_where_ids_do_not(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001", "Email": "tal@example.com", "ContactRefId": "crm-1"})
    moment = wire.clock.moment
    for days, item in ((3, phone("0521110001")), (1, email("tal@example.com"))):
        wire.clock.moment = moment + timedelta(days=days)
        await unsubscribe(wire, item)
    # Another process, whose ids are later and whose clock is behind.
    wire.clock.moment = moment + timedelta(days=2)
    await reactivate(wire, phone("0521110001"))
    by_address = await wire.data("GetUnsubscribeHistory", phone("0521110001"))
    assert [one["Action"] for one in by_address["List"]] == ["Unsubscribe", "Reactivate"]
    by_contact = await wire.data("GetUnsubscribeHistory", {"Type": "ContactRefId", "Value": "crm-1"})
    assert [one["ActionDateTime"][:2] for one in by_contact["List"]] == ["12", "11", "10"]


@pytest.mark.parametrize("blank", ["", "  ", None])
async def test_a_blank_name_is_the_default(wire: Wire, blank: object) -> None:
    data = {"UnsubscribeReason": "x", "UnsubscribeName": blank, "List": [phone("0521110001")]}
    await wire.data("Unsubscribe", data)
    assert (await wire.data("GetUnsubscribeHistory", phone("0521110001")))["List"][0]["DoActionName"] == "API"


async def test_history_and_check_take_a_contact_by_its_ids(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001", "Email": "tal@example.com", "ContactRefId": "crm-1"})
    await wire.add({"PhoneNumber": "0521110002", "ContactRefId": "crm-2"})
    await unsubscribe(wire, email("tal@example.com"))
    await unsubscribe(wire, phone("0521110001"))
    contact_id = (await wire.get("0521110001"))["ContactId"]
    by_ref = {"Type": "ContactRefId", "Value": "crm-1"}
    by_id = {"Type": "ContactId", "Value": contact_id}
    for key in (by_ref, by_id):
        history = await wire.data("GetUnsubscribeHistory", key)
        assert [one["Type"] for one in history["List"]] == ["Phone", "Email"]
    others = [{"Type": "ContactRefId", "Value": "crm-2"}, {"Type": "ContactId", "Value": "404"}]
    checked = await wire.data("CheckIfUnsubscribe", {"List": [by_ref, by_id, *others]})
    assert checked["Unsubscribe"]["List"] == [by_ref, {"Type": "ContactId", "Value": str(contact_id)}]
    assert checked["NotUnsubscribe"] == {"Count": 2, "List": others}


async def test_history_of_an_unknown_address_is_empty(wire: Wire) -> None:
    for key in (phone("0521110001"), phone("no"), email("x@example.com"), {"Type": "ContactId", "Value": "1"}):
        assert await wire.data("GetUnsubscribeHistory", key) == {"Count": 0, "List": []}


async def test_check_sorts_every_item_in_the_order_asked(wire: Wire) -> None:
    await unsubscribe(wire, phone("0521110001"), email("tal@example.com"))
    items = [phone("052-111-0001"), phone("0521110002"), email("Tal@example.com"), phone("bad"), phone("0521110001")]
    checked = await wire.data("CheckIfUnsubscribe", {"List": items})
    assert list(checked) == ["Unsubscribe", "NotUnsubscribe"]
    assert checked["Unsubscribe"] == {"Count": 3, "List": [items[0], items[2], items[4]]}
    assert checked["NotUnsubscribe"] == {"Count": 2, "List": [items[1], items[3]]}


async def test_the_unsubscribe_list_shows_what_still_is_unsubscribed(wire: Wire) -> None:
    await unsubscribe(wire, phone("0521110001"), phone("0521110002"), email("tal@example.com"))
    wire.clock.moment += timedelta(days=2)
    await unsubscribe(wire, phone("0521110003"))
    await reactivate(wire, phone("0521110001"))
    listed = await wire.data("GetUnsubscribeList", {**EVER, "Type": "phone"})
    assert list(listed) == ["LastFetchedId", "Count", "List"]
    assert listed["List"] == [
        {"Type": "Phone", "Value": "0521110002", "UnsubscribeDatetime": "2025-03-09 12:30:00"},
        {"Type": "Phone", "Value": "0521110003", "UnsubscribeDatetime": "2025-03-11 12:30:00"},
    ]
    first_day = {"FromDate": "2025/03/09", "ToDate": "2025/03/10", "Type": "Phone"}
    page = await wire.data("GetUnsubscribeList", first_day)
    assert [one["Value"] for one in page["List"]] == ["0521110002"]
    rest = await wire.data("GetUnsubscribeList", {**EVER, "Type": "Phone", "LastFetchedId": page["LastFetchedId"]})
    assert [one["Value"] for one in rest["List"]] == ["0521110003"]
    emails = await wire.data("GetUnsubscribeList", {**EVER, "Type": "Email"})
    assert [one["Value"] for one in emails["List"]] == ["tal@example.com"]


async def test_the_unsubscribe_list_has_phones_and_addresses_without_a_type(wire: Wire) -> None:
    given = [phone("0521110001"), email("tal@example.com"), phone("0521110002"), email("gil@example.com")]
    for one in given:
        await unsubscribe(wire, one)
    found: list[str] = []
    last = 0
    while page := (reply := await wire.data("GetUnsubscribeList", {**EVER, "LastFetchedId": last}))["List"]:
        found += [one["Value"] for one in page]
        last = reply["LastFetchedId"]
    assert found == [one["Value"] for one in given]


async def test_the_history_list_filters_on_type_action_and_dates(wire: Wire) -> None:
    await unsubscribe(wire, phone("0521110001"), email("tal@example.com"))
    wire.clock.moment += timedelta(days=2)
    await reactivate(wire, phone("0521110001"))

    async def actions(**data: object) -> list[str]:
        listed = await wire.data("GetUnsubscribeHistoryList", data)
        assert list(listed) == ["LastFetchedId", "Count", "List"]
        assert listed["Count"] == len(listed["List"])
        return [f"{one['Action']} {one['Type']}" for one in listed["List"]]

    everything = ["Unsubscribe Email", "Unsubscribe Phone", "Reactivate Phone"]
    assert sorted(await actions()) == sorted(everything)
    assert sorted(await actions(Type="All", Action="all")) == sorted(everything)
    assert sorted(await actions(Type="Phone/Email", Action="Unsubscribe/Reactivate/All")) == sorted(everything)
    assert await actions(Type="Email") == ["Unsubscribe Email"]
    assert await actions(Type="Phone", Action="Reactivate") == ["Reactivate Phone"]
    assert await actions(FromDate="10/03/2025", ToDate="11/03/2025") == ["Reactivate Phone"]
    assert len(await actions(ToDate="09/03/2025")) == 2


@pytest.mark.parametrize("function", ["DeleteContacts", "Unsubscribe", "ReactivateUnsubscribe", "CheckIfUnsubscribe"])
async def test_a_hundred_items_are_taken_and_one_more_is_refused(wire: Wire, function: str) -> None:
    items = [phone(f"052{number:07}") for number in range(101)]
    reason = {"UnsubscribeReason": "many"}
    assert (await wire.refusal(function, {**reason, "List": items}))[:2] == (403, -2010)
    await wire.data(function, {**reason, "List": items[:100]})
