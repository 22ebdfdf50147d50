"""CreateOrUpdateGroup, DeleteGroup, GetGroup."""

import pytest
from tests.dialects.inforu.wire import Wire

GROUP_KEYS = [
    "GroupId",
    "GroupTypeId",
    "GroupNumber",
    "GroupName",
    "Description",
    "CountActiveContacts",
    "CountActiveContactsMail",
    "CountActiveContactsSms",
    "CountActiveContactsDevice1",
    "CountActiveContactsDevice2",
    "CountNonBlockedContactsInfoMail",
    "CountNonBlockedContactsInfoSms",
    "DateCreated",
    "UpdateDate",
]


async def make(wire: Wire, name: str, *phones: str) -> int:
    made = await wire.data("CreateOrUpdateGroup", {"GroupName": name})
    if phones:
        await wire.add(*({"PhoneNumber": phone, "AddToGroupName": name} for phone in phones))
    return int(made["GroupId"])


async def test_creating_a_group_answers_the_whole_group(wire: Wire) -> None:
    made = await wire.data("CreateOrUpdateGroup", {"GroupName": " Alpha ", "Description": "the first"})
    assert list(made) == GROUP_KEYS
    assert made == {
        **dict.fromkeys(GROUP_KEYS, 0),
        "GroupId": made["GroupId"],
        "GroupTypeId": 1,
        "GroupNumber": 1,
        "GroupName": "Alpha",
        "Description": "the first",
        "DateCreated": "2025-03-09 12:30:00",
        "UpdateDate": "2025-03-09 12:30:00",
    }


async def test_numbers_count_up_and_names_may_repeat(wire: Wire) -> None:
    for name in ("Alpha", "Alpha", "Beta"):
        await make(wire, name)
    found = await wire.data("GetGroup", {"GetGroupBy": "GroupName", "Value": "alpha"})
    assert [(one["GroupNumber"], one["GroupName"]) for one in found["List"]] == [(1, "Alpha"), (2, "Alpha")]


async def test_a_group_is_renamed_by_its_id_and_keeps_its_description(wire: Wire) -> None:
    made = await wire.data("CreateOrUpdateGroup", {"GroupName": "Alpha", "Description": "the first"})
    renamed = await wire.data("CreateOrUpdateGroup", {"GroupName": "Omega", "GroupId": made["GroupId"]})
    assert (renamed["GroupNumber"], renamed["GroupName"], renamed["Description"]) == (1, "Omega", "the first")


@pytest.mark.parametrize("group_id", [12345, -1, 2**53, 10**17])
async def test_an_unknown_group_cannot_be_renamed(wire: Wire, group_id: int) -> None:
    refusal = await wire.refusal("CreateOrUpdateGroup", {"GroupName": "Alpha", "GroupId": group_id})
    assert refusal == (200, -404, "There is no such group.")


@pytest.mark.parametrize("by", ["GroupId", "GroupNumber", "GroupName", "groupname"])
async def test_a_group_is_found_by_id_number_and_name(wire: Wire, by: str) -> None:
    await make(wire, "Alpha")
    group_id = await make(wire, "Beta")
    value: object = {"GroupId": group_id, "GroupNumber": 2}.get(by, "beta")
    found = await wire.data("GetGroup", {"GetGroupBy": by, "Value": value})
    assert list(found) == ["Count", "List"]
    assert (found["Count"], found["List"][0]["GroupId"]) == (1, group_id)
    assert list(found["List"][0]) == GROUP_KEYS


@pytest.mark.parametrize(
    ("by", "value"), [("GroupId", "77"), ("GroupId", "x"), ("GroupNumber", 10**30), ("GroupName", "?")]
)
async def test_no_group_found_is_a_success_of_none(wire: Wire, by: str, value: object) -> None:
    assert await wire.data("GetGroup", {"GetGroupBy": by, "Value": value}) == {"Count": 0, "List": []}


async def test_counters_tell_whom_each_channel_reaches(wire: Wire) -> None:
    await wire.add(
        {"PhoneNumber": "0521110001", "Email": "a@example.com", "AddToGroupName": "Alpha"},
        {"PhoneNumber": "0521110002", "AddToGroupName": "Alpha"},
        {"ContactRefId": "crm-3", "FirebaseToken": "t3", "Platform": "IOS", "AddToGroupName": "Alpha"},
        {"ContactRefId": "crm-4", "FirebaseToken": "t4", "Platform": "ANDROID", "AddToGroupName": "Alpha"},
    )
    phone = {"Type": "Phone", "Value": "0521110002"}
    await wire.data("Unsubscribe", {"UnsubscribeReason": "asked", "List": [phone]})
    group = await wire.group("Alpha")
    assert {key: value for key, value in group.items() if key.startswith("Count")} == {
        "CountActiveContacts": 3,
        "CountActiveContactsMail": 1,
        "CountActiveContactsSms": 1,
        "CountActiveContactsDevice1": 1,
        "CountActiveContactsDevice2": 1,
        "CountNonBlockedContactsInfoMail": 1,
        "CountNonBlockedContactsInfoSms": 1,
    }
    await wire.data("ReactivateUnsubscribe", {"ReactivationReason": "asked", "List": [phone]})
    assert (await wire.group("Alpha"))["CountActiveContactsSms"] == 2


async def test_deleting_by_name_deletes_every_group_of_the_name_and_keeps_contacts(wire: Wire) -> None:
    first, second = await make(wire, "Alpha", "0521110001"), await make(wire, "ALPHA")
    await make(wire, "Beta")
    gone = await wire.data("DeleteGroup", {"DeleteGroupBy": "GroupName", "Value": "alpha"})
    assert gone == {
        "Count": 2,
        "Configuration": "WithoutDeleteContacts",
        "List": [
            {"GroupId": first, "GroupNumber": 1, "GroupName": "Alpha"},
            {"GroupId": second, "GroupNumber": 2, "GroupName": "ALPHA"},
        ],
    }
    assert await wire.count("0521110001") == 1
    assert (await wire.get("0521110001"))["Groups"] == []


async def test_deleting_with_contacts_deletes_them_from_everywhere(wire: Wire) -> None:
    group_id = await make(wire, "Alpha", "0521110001", "0521110002")
    await wire.add({"PhoneNumber": "0521110001", "AddToGroupName": "Beta"})
    data = {"DeleteBy": "GroupId", "Value": str(group_id), "Configuration": "withdeletecontacts"}
    assert (await wire.data("DeleteGroup", data))["Configuration"] == "WithDeleteContacts"
    assert await wire.count("0521110001") == 0
    assert (await wire.group("Beta"))["CountActiveContacts"] == 0


async def test_deleting_only_empty_groups_spares_the_others(wire: Wire) -> None:
    await make(wire, "Alpha", "0521110001")
    empty = await make(wire, "Alpha")
    data = {"DeleteGroupBy": "GroupName", "Value": "Alpha", "Configuration": "EmptyGroupOnly"}
    gone = await wire.data("DeleteGroup", data)
    assert [group["GroupId"] for group in gone["List"]] == [empty]
    assert (await wire.refusal("DeleteGroup", data))[:2] == (200, -409)
    assert (await wire.group("Alpha"))["CountActiveContacts"] == 1


async def test_deleting_by_number(wire: Wire) -> None:
    await make(wire, "Alpha")
    assert (await wire.data("DeleteGroup", {"DeleteGroupBy": "GroupNumber", "Value": 1}))["Count"] == 1


async def test_deleting_what_is_not_there_says_so(wire: Wire) -> None:
    refusal = await wire.refusal("DeleteGroup", {"DeleteGroupBy": "GroupId", "Value": "1"})
    assert refusal == (200, -404, "There is no such group.")
