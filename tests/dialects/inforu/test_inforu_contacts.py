"""CreateOrUpdateContacts, CheckJobStatusByToken, DeleteContacts, GetContact, GetFields."""

import re
from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.inforu.wire import Wire

TOKEN = re.compile(r"BodyPart_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CONTACT_KEYS = [
    "ContactId",
    "ContactRefId",
    "Email",
    "EmailStatusId",
    "PhoneNumber",
    "PhoneStatusId",
    "DateCreated",
    "UpdateDate",
    "FirstName",
    "LastName",
    "GenderId",
    "BirthDate",
    "AdditionalDate",
    *(f"Text{number}" for number in range(1, 21)),
    *(f"Number{number}" for number in range(1, 5)),
    *(f"Date{number}" for number in range(1, 9)),
    "Device1StatusId",
    "Device2StatusId",
]


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    """Rows, new, updated, existing, failed, errors."""
    names = ("Rows", "ContactsNew", "ContactsUpdates", "ContactsExisting", "RowsFailed", "CountErrors")
    return tuple(report[name] for name in names)


def errors(report: dict[str, Any]) -> list[tuple[object, ...]]:
    return [(one["RowNumber"], one["ErrorCode"], one["FieldName"], one["ErrorValue"]) for one in report["Errors"]]


async def test_up_to_ten_rows_are_answered_finally(wire: Wire) -> None:
    report = await wire.add(*({"PhoneNumber": f"05211100{number:02}"} for number in range(10)))
    assert list(report) == [
        "UploadToken",
        "Rows",
        "ContactsUpdates",
        "ContactsNew",
        "ContactsExisting",
        "RowsFailed",
        "CountErrors",
        "Errors",
    ]
    assert TOKEN.fullmatch(report["UploadToken"])
    assert counts(report) == (10, 10, 0, 0, 0, 0)
    assert report["Errors"] == []
    assert await wire.data("CheckJobStatusByToken", {"RequestToken": report["UploadToken"]}) == report


async def test_more_than_ten_rows_are_stored_and_processed_later(wire: Wire) -> None:
    rows = [{"PhoneNumber": f"05211100{number:02}", "Email": "bad@"} for number in range(11)]
    accepted = await wire.data("CreateOrUpdateContacts", {"List": rows})
    assert list(accepted) == ["RequestToken"]
    token = accepted["RequestToken"]
    assert TOKEN.fullmatch(token)
    assert (await wire.refusal("CheckJobStatusByToken", {"RequestToken": token.upper()}))[:2] == (403, -2015)
    assert await wire.count("0521110000") == 0
    assert (await wire.refusal("CheckJobStatusByToken", {"RequestToken": token}))[:2] == (403, -2015)
    assert await wire.process_upload() == 1
    report = await wire.data("CheckJobStatusByToken", {"RequestToken": token})
    assert report["UploadToken"] == token
    assert counts(report) == (11, 11, 0, 0, 0, 11)
    assert await wire.count("0521110010") == 1


async def test_5000_rows_are_taken_and_one_more_is_refused(wire: Wire) -> None:
    rows = [{"PhoneNumber": f"052{number:07}"} for number in range(5001)]
    assert (await wire.refusal("CreateOrUpdateContacts", {"List": rows}))[:2] == (403, -2011)
    token = (await wire.data("CreateOrUpdateContacts", {"List": rows[:5000]}))["RequestToken"]
    assert await wire.process_upload() == 1
    assert counts(await wire.data("CheckJobStatusByToken", {"RequestToken": token})) == (5000, 5000, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "token", ["sjhjsbbjujjnjbjb", "BodyPart_", "BodyPart_00000000-0000-7000-8000-000000000000", "x\ny", "0" * 5000]
)
async def test_an_unknown_or_malformed_token_is_not_found(wire: Wire, token: str) -> None:
    assert (await wire.refusal("CheckJobStatusByToken", {"RequestToken": token}))[:2] == (403, -2014)


async def test_a_bad_email_beside_a_good_phone_keeps_the_row(wire: Wire) -> None:
    report = await wire.add({"PhoneNumber": "0521110001", "Email": "cohen@test"})
    assert counts(report) == (1, 1, 0, 0, 0, 1)
    assert report["Errors"] == [
        {
            "RowNumber": 1,
            "ErrorCode": -92,
            "FieldName": "Email",
            "ActualFieldName": "Email",
            "ErrorValue": "cohen@test",
            "ErrorMessage": "UploadError.InvalidValueForFieldEmail",
        }
    ]
    assert (await wire.get("0521110001"))["Email"] is None


async def test_an_international_number_of_no_plan_is_shown_and_found_with_its_plus(wire: Wire) -> None:
    assert counts(await wire.add({"PhoneNumber": "+99000000000"})) == (1, 1, 0, 0, 0, 0)
    shown = (await wire.get("+99000000000"))["PhoneNumber"]
    assert shown == "+99000000000"
    assert counts(await wire.add({"PhoneNumber": shown})) == (1, 0, 0, 1, 0, 0)


async def test_digits_that_are_valid_internationally_alone_are_an_international_number(wire: Wire) -> None:
    for value in ("447911123456", "44 7911 123456", "+447911123456"):
        assert counts(await wire.add({"PhoneNumber": value}))[0] == 1
        assert (await wire.get(value))["PhoneNumber"] == "+447911123456"
    assert await wire.count("447911123456") == 1


@pytest.mark.parametrize("value", ["1111111111", "12345", "9.72501E+11"])
async def test_what_people_type_for_a_phone_and_what_spreadsheets_round_is_none(wire: Wire, value: str) -> None:
    report = await wire.add({"PhoneNumber": value, "Email": "a@mail.example"})
    assert errors(report) == [(1, -92, "PhoneNumber", value)]
    assert (await wire.get("a@mail.example", "Email"))["PhoneNumber"] is None


async def test_an_unchanged_contact_counts_as_existing(wire: Wire) -> None:
    row = {"PhoneNumber": "0521110001", "FirstName": "Tal"}
    assert counts(await wire.add(row)) == (1, 1, 0, 0, 0, 0)
    assert counts(await wire.add(row)) == (1, 0, 0, 1, 0, 0)
    assert counts(await wire.add({**row, "FirstName": "Gal"})) == (1, 0, 1, 0, 0, 0)


@pytest.mark.parametrize(
    "row",
    [
        {"FirstName": "Nobody"},
        {"ContactRefId": "crm-1"},
        {"FirebaseToken": "token", "Platform": "IOS"},
        {"Email": "delete"},
        {"Email": " ", "PhoneNumber": ""},
        {},
    ],
)
async def test_a_row_without_a_key_fails_alone(wire: Wire, row: dict[str, Any]) -> None:
    report = await wire.add({"PhoneNumber": "0521110001"}, row)
    assert counts(report) == (2, 1, 0, 0, 1, 1)
    assert errors(report) == [(2, -95, "Row", "")]


async def test_a_row_whose_only_key_is_bad_fails(wire: Wire) -> None:
    report = await wire.add({"PhoneNumber": "12"}, {"Email": "nobody"})
    assert counts(report) == (2, 0, 0, 0, 2, 2)
    assert errors(report) == [(1, -92, "PhoneNumber", "12"), (2, -92, "Email", "nobody")]


async def test_a_key_of_another_contact_stays_where_it_is(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001"}, {"Email": "tal@example.com"})
    report = await wire.add({"PhoneNumber": "0521110001", "Email": "tal@example.com", "FirstName": "Tal"})
    assert counts(report)[2] == 1
    assert errors(report) == [(1, -94, "Email", "tal@example.com")]


async def test_phone_is_an_alias_that_phone_number_overrides(wire: Wire) -> None:
    await wire.add({"Phone": "0521110001"}, {"Phone": "0521110002", "PhoneNumber": "0521110003"})
    await wire.add({"PhoneNumber": "0521110005", "Phone": "0521110004"}, {"PhoneNumber": "", "Phone": "0521110006"})
    found = [await wire.count(f"052111000{number}") for number in range(1, 7)]
    assert found == [1, 0, 1, 0, 1, 1]


async def test_all_fixed_fields_are_written_and_shown(wire: Wire) -> None:
    row = {
        "ContactRefId": "crm-77",
        "PhoneNumber": "+972-52-111-0001",
        "Email": "Tal.Cohen@example.com",
        "FirstName": "טל",
        "LastName": "כהן",
        "GenderId": 2,
        "BirthDate": "31/12/1990",
        "AdditionalDate": "2001-02-03",
        **{f"Text{number}": f"text {number}" for number in range(1, 21)},
        **{f"Number{number}": number * 10 for number in range(1, 5)},
        **{f"Date{number}": f"2020/05/{number:02} 10:20:30" for number in range(1, 9)},
    }
    assert counts(await wire.add(row)) == (1, 1, 0, 0, 0, 0)
    shown = await wire.get("crm-77", "ContactRefId")
    assert list(shown) == [*CONTACT_KEYS, "Groups"]
    assert shown == {
        **row,
        "ContactId": shown["ContactId"],
        "Email": "Tal.Cohen@example.com",
        "EmailStatusId": 1,
        "PhoneNumber": "0521110001",
        "PhoneStatusId": 1,
        # The account is Israel's, in winter.
        "DateCreated": "2025-03-09 12:30:00",
        "UpdateDate": "2025-03-09 12:30:00",
        "BirthDate": "1990-12-31",
        **{f"Date{number}": f"2020-05-{number:02} 10:20:30" for number in range(1, 9)},
        "Device1StatusId": -3,
        "Device2StatusId": -3,
        "Groups": [],
    }


async def test_a_bare_contact_has_all_keys_with_nulls_as_in_the_sample(wire: Wire) -> None:
    await wire.add({"Email": "tal@example.com"})
    found = await wire.data("GetContact", {"Type": "Email", "Value": "TAL@EXAMPLE.COM"})
    assert list(found["Contacts"]) == ["Count", "List"]
    (shown,) = found["Contacts"]["List"]
    assert list(shown) == CONTACT_KEYS
    filled = {key: value for key, value in shown.items() if value is not None}
    assert filled == {
        "ContactId": shown["ContactId"],
        "Email": "tal@example.com",
        "EmailStatusId": 1,
        "PhoneStatusId": 0,
        "DateCreated": "2025-03-09 12:30:00",
        "UpdateDate": "2025-03-09 12:30:00",
        "BirthDate": "",
        "AdditionalDate": "",
        "Device1StatusId": -3,
        "Device2StatusId": -3,
    }


@pytest.mark.parametrize("blank", ["", "   ", None])
async def test_blank_and_null_values_leave_what_is_there(wire: Wire, blank: object) -> None:
    row = {"PhoneNumber": "0521110001", "Email": "tal@example.com", "FirstName": "Tal", "Number1": 5, "Text1": "a"}
    await wire.add(row)
    gone = dict.fromkeys(("Email", "FirstName", "Number1", "Text1", "AddToGroupName", "GenderId"), blank)
    assert counts(await wire.add({"PhoneNumber": "0521110001", **gone})) == (1, 0, 0, 1, 0, 0)
    shown = await wire.get("0521110001")
    assert {key: shown[key] for key in row} == row


async def test_delete_takes_an_address_away(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001", "Email": "tal@example.com", "ContactRefId": "crm-1"})
    assert counts(await wire.add({"PhoneNumber": "0521110001", "Email": "delete"})) == (1, 0, 1, 0, 0, 0)
    shown = await wire.get("0521110001")
    assert (shown["Email"], shown["EmailStatusId"]) == (None, 0)
    assert counts(await wire.add({"ContactRefId": "crm-1", "PhoneNumber": "DELETE"})) == (1, 0, 1, 0, 0, 0)
    assert (await wire.get("crm-1", "ContactRefId"))["PhoneNumber"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("GenderId", "3"),
        ("BirthDate", "yesterday"),
        ("Date3", "2020-13-01"),
        ("Number2", "many"),
    ],
)
async def test_a_bad_field_keeps_the_row_and_is_reported(wire: Wire, field: str, value: str) -> None:
    report = await wire.add({"PhoneNumber": "0521110001", field: value, "FirstName": "Tal"})
    assert counts(report) == (1, 1, 0, 0, 0, 1)
    assert errors(report) == [(1, -92, field, value)]
    assert report["Errors"][0]["ErrorMessage"] == f"UploadError.InvalidValueForField{field}"
    assert (await wire.get("0521110001"))["FirstName"] == "Tal"


async def test_a_gender_of_zero_counts_as_absent(wire: Wire) -> None:
    for gender in (0, "0"):
        report = await wire.add({"PhoneNumber": "0521110001", "GenderId": gender})
        assert report["CountErrors"] == 0
    assert (await wire.get("0521110001"))["GenderId"] is None


UNREADABLE = [({"a": None}, '{"a":null}'), ([1, "x"], '[1,"x"]'), ("a\0b", "a\ufffdb")]


@pytest.mark.parametrize(("value", "shown"), UNREADABLE)
async def test_a_value_that_no_field_can_take_costs_only_its_field(wire: Wire, value: object, shown: str) -> None:
    row = {"PhoneNumber": "0521110001", "FirstName": value, "HandleEvents": "maybe", "LastName": "Levi"}
    report = await wire.add(row, {"PhoneNumber": "0521110002"})
    assert counts(report) == (2, 2, 0, 0, 0, 2)
    assert errors(report) == [(1, -92, "FirstName", shown), (1, -92, "HandleEvents", "maybe")]
    assert await wire.data("CheckJobStatusByToken", {"RequestToken": report["UploadToken"]}) == report
    kept = await wire.get("0521110001")
    assert (kept["FirstName"], kept["LastName"]) == (None, "Levi")


@pytest.mark.parametrize(("value", "shown"), UNREADABLE)
async def test_a_key_that_cannot_be_read_fails_its_row_when_there_is_no_other(
    wire: Wire, value: object, shown: str
) -> None:
    await wire.add({"PhoneNumber": "0521110002"})
    report = await wire.add({"Email": value, "Text1": [2]}, {"Email": value, "PhoneNumber": "0521110002"})
    assert counts(report) == (2, 0, 0, 1, 1, 3)
    assert sorted(errors(report)) == [
        (1, -92, "Email", shown),
        (1, -92, "Text1", "[2]"),
        (2, -92, "Email", shown),
    ]


async def test_what_is_no_row_fails_alone(wire: Wire) -> None:
    report = await wire.data("CreateOrUpdateContacts", {"List": [1, {"PhoneNumber": "0521110001"}, None, "x", [2]]})
    assert counts(report) == (5, 1, 0, 0, 4, 4)
    assert errors(report) == [
        (1, -92, "Row", "1"),
        (3, -92, "Row", "null"),
        (4, -92, "Row", "x"),
        (5, -92, "Row", "[2]"),
    ]


@pytest.mark.parametrize("rows", [1, 60])
async def test_a_control_character_where_none_belongs_is_an_invalid_value(wire: Wire, rows: int) -> None:
    given = [{"PhoneNumber": f"05211100{number:02}"} for number in range(rows)]
    given[0]["ContactRefId"] = "crm\t1"
    report = await wire.data("CreateOrUpdateContacts", {"List": given})
    if "RequestToken" in report:
        await wire.process_upload()
        report = await wire.data("CheckJobStatusByToken", report)
    assert counts(report) == (rows, rows, 0, 0, 0, 1)
    assert errors(report) == [(1, -92, "ContactRefId", "crm\t1")]


@pytest.mark.parametrize(("field", "length"), [("ContactRefId", 256), ("Text5", 4001), ("AddToGroupName", 201)])
async def test_an_over_long_value_keeps_the_row_and_is_reported(wire: Wire, field: str, length: int) -> None:
    report = await wire.add({"PhoneNumber": "0521110001", field: "r" * length})
    assert counts(report) == (1, 1, 0, 0, 0, 1)
    assert errors(report) == [(1, -93, field, "r" * 200)]
    assert report["Errors"][0]["ErrorMessage"] == f"UploadError.ValueTooLongForField{field}"


async def test_a_firebase_token_alone_goes_with_a_reference_id(wire: Wire) -> None:
    row = {"ContactRefId": "crm-1", "FirebaseToken": "push-token", "Platform": "ANDROID"}
    assert counts(await wire.add(row)) == (1, 1, 0, 0, 0, 0)
    shown = await wire.get("crm-1", "ContactRefId")
    assert (shown["Device1StatusId"], shown["Device2StatusId"]) == (1, -3)
    await wire.add({**row, "FirebaseToken": "other-token", "Platform": "ios"})
    shown = await wire.get("crm-1", "ContactRefId")
    assert (shown["Device1StatusId"], shown["Device2StatusId"]) == (1, 1)


@pytest.mark.parametrize("platform", [None, "", "WINDOWS"])
async def test_a_firebase_token_without_a_platform_is_reported(wire: Wire, platform: object) -> None:
    report = await wire.add({"PhoneNumber": "0521110001", "FirebaseToken": "push-token", "Platform": platform})
    assert counts(report) == (1, 1, 0, 0, 0, 1)
    assert errors(report) == [(1, -92, "Platform", platform or "")]


async def test_groups_are_joined_by_name_made_when_missing_and_left(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001", "AddToGroupName": "Alpha"})
    await wire.add({"PhoneNumber": "0521110001", "AddToGroupName": ["Beta", None, " alpha ", ""]})
    assert [group["GroupName"] for group in (await wire.get("0521110001"))["Groups"]] == ["Alpha", "Beta"]
    await wire.add({"PhoneNumber": "0521110001", "RemoveFromGroupName": "ALPHA"})
    (left,) = (await wire.get("0521110001"))["Groups"]
    beta = await wire.group("Beta")
    assert left == {"GroupId": beta["GroupId"], "GroupNumber": 2, "GroupName": "Beta"}


async def test_handle_events_is_recorded_with_the_upload(wire: Wire) -> None:
    rows: list[dict[str, Any]] = [{"PhoneNumber": "0521110001"}, {"PhoneNumber": "0521110002", "HandleEvents": True}]
    await wire.add(*rows)
    await wire.data("CreateOrUpdateContacts", {"List": rows, "HandleEvents": "true"})
    async with wire.runtime.db.transaction() as tx:
        kept = await tx.fetch(
            "SELECT options::text FROM contact_import WHERE account_id = $1 ORDER BY import_id", wire.account.account_id
        )
    assert [row[0] for row in kept] == ['{"handle_events_rows": [2]}', '{"handle_events": true}']


async def test_one_contact_alone_may_stand_in_the_stead_of_the_list(wire: Wire) -> None:
    assert counts(await wire.data("CreateOrUpdateContacts", {"List": {"PhoneNumber": "0521110001"}}))[0] == 1


async def test_the_update_date_moves_and_the_creation_date_stays(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001"})
    wire.clock.moment += timedelta(hours=3)
    await wire.add({"PhoneNumber": "0521110001", "FirstName": "Tal"})
    shown = await wire.get("0521110001")
    assert (shown["DateCreated"], shown["UpdateDate"]) == ("2025-03-09 12:30:00", "2025-03-09 15:30:00")


@pytest.mark.parametrize("kind", ["Phone", "phone", "PhoneNumber", "Email", "ContactRefId", "ContactId"])
async def test_a_contact_is_found_by_each_key(wire: Wire, kind: str) -> None:
    await wire.add({"PhoneNumber": "0521110001", "Email": "tal@example.com", "ContactRefId": "crm-1"})
    contact_id = (await wire.get("0521110001"))["ContactId"]
    value = {
        "email": "tal@example.com",
        "contactrefid": "crm-1",
        "contactid": contact_id,  # a number, as GetContact shows it
    }.get(kind.lower(), "972521110001")
    found = await wire.data("GetContact", {"Type": kind, "Value": value, "Configuration": "WithoutGroups"})
    (shown,) = found["Contacts"]["List"]
    assert shown["ContactId"] == contact_id
    assert "Groups" not in shown


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Phone", "0529999999"),
        ("Phone", "no phone"),
        ("Email", "@"),
        ("ContactId", "-1"),
        ("ContactId", 10**30),
        ("ContactRefId", "x"),
    ],
)
async def test_nothing_found_is_a_success_of_none(wire: Wire, kind: str, value: object) -> None:
    found = await wire.data("GetContact", {"Type": kind, "Value": value})
    assert found == {"Contacts": {"Count": 0, "List": []}}


async def test_deleting_takes_contacts_out_of_all_groups(wire: Wire) -> None:
    await wire.add(
        {"PhoneNumber": "0521110001", "AddToGroupName": "Alpha"},
        {"Email": "tal@example.com", "AddToGroupName": "Alpha"},
        {"PhoneNumber": "0521110003", "ContactRefId": "crm-3"},
        {"PhoneNumber": "0521110004"},
    )
    items = [
        {"Type": "Phone", "Value": "0521110001"},
        {"Type": "Phone", "Value": "0521110001"},
        {"Type": "email", "Value": "Tal@example.com"},
        {"Type": "ContactRefId", "Value": "crm-3"},
        {"Type": "ContactId", "Value": 999},
        {"Type": "Phone", "Value": "none"},
        {"Type": "Fax", "Value": "0521110004"},
        {"Type": "Phone", "Value": {"Value": "0521110004"}},
        {"Type": "Phone"},
        "0521110004",
        None,
    ]
    assert await wire.data("DeleteContacts", {"List": items}) == {"DeletedCount": 3}
    assert (await wire.group("Alpha"))["CountActiveContacts"] == 0
    assert await wire.count("0521110004") == 1


async def test_get_fields_describes_every_field_of_the_contact_object(wire: Wire) -> None:
    listed = await wire.data("GetFields")
    assert listed["Count"] == len(listed["List"])
    assert list(listed["List"][0]) == ["FieldId", "ActualFieldName", "Caption", "FieldType"]
    types = {one["ActualFieldName"]: one["FieldType"] for one in listed["List"]}
    derived = {"ContactId", "EmailStatusId", "PhoneStatusId", "DateCreated", "UpdateDate"}
    assert set(types) == {key for key in CONTACT_KEYS if key not in derived and not key.startswith("Device")}
    assert (types["Text1"], types["BirthDate"], types["GenderId"], types["Number1"]) == (
        "string",
        "date",
        "gender",
        "int",
    )
    assert len({one["FieldId"] for one in listed["List"]}) == listed["Count"]


async def test_a_reference_of_zero_is_none(wire: Wire) -> None:
    # A number that was never set, as .NET writes it: two people are two.
    for number in (1, 2):
        row = {"PhoneNumber": f"052111000{number}", "Email": f"p{number}@mail.example", "ContactRefId": 0}
        assert (await wire.add(row))["ContactsNew"] == 1
