"""POST /contacts/batchInsert: the file, the mapping, and what becomes of the rows."""

import asyncio
from typing import Any

import pytest
from tests.dialects.inwise.wire import Wire, batch

from carillon.audience.groups import FindGroups, GroupKey, find_groups
from carillon.dialects.inwise import schemas

ALL = {"Email": "[Email]", "Mobile": "[MobileNumber]", "First": "1", "Last": "field2"}
EMAIL = {"Email": "[Email]"}
THREE = {key: ALL[key] for key in ("Email", "Mobile", "First")}


async def members(wire: Wire, group_id: int) -> int:
    query = FindGroups(by=GroupKey.ID, value=str(group_id))
    (group,) = await wire.runtime.db.read(find_groups, wire.account.actor, query)
    return group.members


async def refused(wire: Wire, body: dict[str, Any]) -> tuple[int, str]:
    return await wire.refusal("POST", "/contacts/batchInsert", json=body)


def counts(reply: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in reply.items() if name != "errors" and value}


async def test_a_file_is_written_before_the_answer(wire: Wire) -> None:
    group = await wire.group("From a file")
    csv_file = "Email,Mobile,First,Last\n,0524440001,Ori , Bar \nnir@example.com,0524440002,Nir,Gal"
    reply = await wire.insert(csv_file, ALL, group_id=str(group), country_code="972", trim_leading_zero=True)
    assert reply == {
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "skipped": 0,
        "failed": 0,
        "error_count": 0,
        "errors": [],
    }
    first, second = await wire.feed()
    assert (first["email"], first["mobile_number"]) == ("", "972524440001")
    assert first["fields"] == [{"name": "field1", "content": "Ori"}, {"name": "field2", "content": "Bar"}]
    assert (second["email"], second["mobile_number"]) == ("nir@example.com", "972524440002")
    assert first["groups_ids"] == second["groups_ids"] == [group]
    assert await members(wire, group) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_lines_end_in_any_way_and_blank_ones_do_not_count(wire: Wire, end: str) -> None:
    csv_file = end.join(["\ufeffEmail,First", "", "a@example.com,A", " , ", "b@example.com,B", ""])
    assert counts(await wire.insert(csv_file, {**EMAIL, "First": "1"})) == {"created": 2}


async def test_quoted_cells_hold_commas_quotes_and_line_ends(wire: Wire) -> None:
    csv_file = 'Email,First,Last\na@example.com,"Anna, ""the\r\nfirst""", "Bar"\nb@example.com,B,C\n'
    assert counts(await wire.insert(csv_file, {**EMAIL, "First": "1", "Last": "2"})) == {"created": 2}
    first, _ = await wire.feed()
    assert [one["content"] for one in first["fields"]] == ['Anna, "the\r\nfirst"', "Bar"]


async def test_a_bad_row_costs_only_itself_and_is_named(wire: Wire) -> None:
    rows = [
        "a@example.com,0524440001,A",
        "nonsense,,B",
        "c@example.com,12,C",
        ",,D",
        "e@example.com,0524440005,E,surplus",
        'f@example.com,"broken"quote,F',
        "g@example.com",
        'h@example.com,"never closed,H',
        "i@example.com,0524440009,I,,",
    ]
    reply = await wire.insert("Email,Mobile,First\n" + "\n".join(rows), THREE)
    assert counts(reply) == {"created": 4, "failed": 5, "error_count": 6}
    assert [(one["row"], one["field"], one["value"]) for one in reply["errors"]] == [
        (2, "[Email]", "nonsense"),
        (3, "[MobileNumber]", "12"),
        (4, "row", ""),
        (5, "row", ""),
        (6, "row", ""),
        (8, "row", ""),
    ]
    assert all(one["message"] for one in reply["errors"])
    assert [one["email"][0] for one in await wire.feed()] == ["a", "c", "g", "i"]


async def test_a_bad_field_costs_only_itself(wire: Wire) -> None:
    reply = await wire.insert("Email,Born,First\na@example.com,31/02/1990,A", {**EMAIL, "Born": "21", "First": "1"})
    assert counts(reply) == {"created": 1, "error_count": 1}
    assert (reply["errors"][0]["field"], reply["errors"][0]["value"]) == ("field21", "31/02/1990")


async def test_existing_contacts_are_changed_when_asked(wire: Wire) -> None:
    contact_id = await wire.save(email="a@example.com", fields=[{"name": "field1", "content": "Old"}])
    csv_file = "Email,First\na@example.com,New\na@example.com,New\nb@example.com,B"
    reply = await wire.insert(csv_file, {**EMAIL, "First": "1"}, updateExistingContacts=True)
    assert (reply["created"], reply["updated"] + reply["unchanged"], reply["skipped"]) == (1, 2, 0)
    assert await wire.fields(contact_id) == {"field1": "New"}
    again = await wire.insert(csv_file, {**EMAIL, "First": "1"}, updateExistingContacts=True)
    assert counts(again) == {"unchanged": 3}


@pytest.mark.parametrize("options", [{}, {"updateExistingContacts": False}, {"updateExistingContacts": None}])
async def test_existing_contacts_are_left_alone_otherwise(wire: Wire, options: dict[str, Any]) -> None:
    group = await wire.group("Imported")
    contact_id = await wire.save(email="a@example.com", mobile_number="0524440001")
    rows = ["A@example.com,,New", "b@example.com,0524440001,New", "c@example.com,0524440003,C", "c@example.com,,D"]
    reply = await wire.insert(
        "Email,Mobile,First\n" + "\n".join(rows),
        THREE,
        group_id=group,
        **options,
    )
    assert counts(reply) == {"created": 1, "skipped": 3}
    shown = await wire.show(contact_id)
    assert (shown["email"], shown["fields"], shown["groups_ids"]) == ("a@example.com", [], [])
    _, made = await wire.feed()
    assert (made["email"], made["fields"]) == ("c@example.com", [{"name": "field1", "content": "C"}])
    assert await members(wire, group) == 1


async def test_batches_at_once_create_each_contact_once_and_change_none(wire: Wire) -> None:
    async def insert(number: int) -> Any:
        rows = "".join(f"n{row}@example.com,{number}\n" for row in range(60))
        return await wire.insert("Email,First\n" + rows, {**EMAIL, "First": "1"})

    replies = await asyncio.gather(*(insert(number) for number in range(8)))
    assert sorted(one["created"] for one in replies) == [0] * 7 + [60]
    assert sum(one["skipped"] for one in replies) == 7 * 60
    contacts = await wire.feed()
    assert len(contacts) == 60
    assert len({one["fields"][0]["content"] for one in contacts}) == 1


async def test_a_blank_cell_leaves_what_the_contact_has(wire: Wire) -> None:
    contact_id = await wire.save(
        email="a@example.com", mobile_number="0524440001", fields=[{"name": "field1", "content": "Ada"}]
    )
    csv_file = "Email,Mobile,First,Last\na@example.com,, ,Bar"
    await wire.insert(csv_file, ALL, updateExistingContacts=True)
    shown = await wire.show(contact_id)
    assert shown["mobile_number"] == "972524440001"
    assert await wire.fields(contact_id) == {"field1": "Ada", "field2": "Bar"}


async def test_columns_that_are_not_mapped_do_not_count_and_names_are_found_in_any_case(wire: Wire) -> None:
    csv_file = "x, EMAIL ,First\n1,a@example.com,A"
    assert counts(await wire.insert(csv_file, {"email": "[EMAIL]"})) == {"created": 1}
    (contact,) = await wire.feed()
    assert contact["fields"] == []


@pytest.mark.parametrize("group", [None, "", "0", 0, " "])
async def test_without_a_group_nothing_is_joined(wire: Wire, group: object) -> None:
    await wire.insert("Email\na@example.com", EMAIL, group_id=group)
    (contact,) = await wire.feed()
    assert contact["groups_ids"] == []


async def test_a_group_is_found_by_its_id_though_others_have_its_name(wire: Wire) -> None:
    first, second = await wire.group("Same"), await wire.group("Same")
    await wire.insert("Email\na@example.com", EMAIL, group_id=second)
    assert (await members(wire, first), await members(wire, second)) == (0, 1)
    await wire.insert("Email\na@example.com", EMAIL, group_id=second, updateExistingContacts=True)
    assert await members(wire, second) == 1


async def test_an_unknown_group_refuses_the_whole_file(wire: Wire) -> None:
    body = batch("Email\na@example.com", EMAIL, group_id=987654)
    assert await refused(wire, body) == (422, "There is no group 987654.")
    assert await wire.feed() == []


@pytest.mark.parametrize(
    ("options", "mobile", "shown"),
    [
        ({}, "0524440001", "972524440001"),
        ({"country_code": ""}, "0524440001", "972524440001"),
        ({"country_code": 972, "trim_leading_zero": True}, "524440001", "972524440001"),
        ({"country_code": "+30"}, "6912345678", "306912345678"),
        ({"country_code": "0030", "trim_leading_zero": True}, "06912345678", "306912345678"),
        ({"country_code": "30"}, "+972524440001", "972524440001"),
        ({"country_code": "30", "trim_leading_zero": True}, "00972524440001", "972524440001"),
    ],
)
async def test_local_numbers_are_read_with_the_code(
    wire: Wire, options: dict[str, Any], mobile: str, shown: str
) -> None:
    await wire.insert(f"M\n{mobile}", {"M": "[MobileNumber]"}, **options)
    (contact,) = await wire.feed()
    assert contact["mobile_number"].removeprefix("+") == shown


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"csv_file": "", "fields_mapping": [{}]}, "csv_file"),
        ({"csv_file": " \n"}, "csv_file"),
        ({"csv_file": ["a"]}, "csv_file"),
        (batch("", EMAIL), "csv_file"),
        (batch("\n\n,,\n", EMAIL), "csv_file"),
        (batch('"Email\na@example.com', EMAIL), "csv_file"),
        (batch("Email\na\0@example.com", EMAIL), "csv_file"),
        (batch("Email\na@example.com", {}), "fields_mapping"),
        (batch("First\nA", {"First": "1"}), "fields_mapping"),
        (batch("Email\nA", {"Email": ""}), "fields_mapping[0].field_name"),
        (batch("Email\nA", {"": "[Email]"}), "fields_mapping[0].file_column_name"),
        (batch("Email\nA", {"Mail": "[Email]"}), "fields_mapping[0].file_column_name"),
        (batch("Email\nA", {**EMAIL, "First": "22"}), "fields_mapping[1].field_name"),
        (batch("Email\nA", {**EMAIL, "First": "[Phone]"}), "fields_mapping[1].field_name"),
        (batch("Email,B\nA", {**EMAIL, "B": "[email]"}), "fields_mapping[1].field_name"),
        ({"csv_file": "Email\nA", "fields_mapping": ["Email"]}, "fields_mapping[0]"),
        (batch("Email\nA", EMAIL, country_code="xx"), "country_code"),
        (batch("Email\nA", EMAIL, group_id="XXXXXX"), "group_id"),
        (batch("Email\nA", EMAIL, group_id={}), "group_id"),
        (batch("Email\nA", EMAIL, updateExistingContacts="maybe"), "updateExistingContacts"),
    ],
)
async def test_what_concerns_the_whole_file_is_refused_by_name(wire: Wire, body: dict[str, Any], place: str) -> None:
    status, message = await refused(wire, body)
    assert status == 422
    assert message.startswith(f"{place}: "), message


async def test_a_file_has_a_limit_of_rows(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    assert schemas.MAX_ROWS == 50_000
    monkeypatch.setattr("carillon.dialects.inwise.mapping_files.MAX_ROWS", 3)
    assert counts(await wire.insert("Email\n" + "a@example.com\n" * 3, EMAIL)) == {"created": 1, "skipped": 2}
    status, message = await refused(wire, batch("Email\n" + "a@example.com\n" * 4, EMAIL))
    assert (status, message) == (422, "csv_file: The file has more than 3 rows.")


async def test_the_row_after_an_open_quote_is_the_next_line(wire: Wire) -> None:
    lines = ['"a@example.com', "b@example.com", '"c@example.com"', '"d@example.com', 'e@example.com"', '"f', ""]
    reply = await wire.insert("Email\n" + "\n".join(lines), EMAIL)
    # The first quote is open until d's, after which a line goes on; d's is closed in e's line.
    assert counts(reply) == {"created": 2, "failed": 3, "error_count": 3}
    assert [(one["row"], one["field"]) for one in reply["errors"]] == [(1, "row"), (4, "[Email]"), (5, "row")]
    assert sorted(one["email"] for one in await wire.feed()) == ["b@example.com", "c@example.com"]


async def test_a_file_full_of_open_quotes_is_refused(wire: Wire) -> None:
    status, message = await refused(wire, batch("Email\n" + 'a,"b"c\n' * 101, EMAIL))
    assert (status, message.startswith("csv_file: ")) == (422, True)
    assert counts(await wire.insert("Email\n" + 'a,"b"c\n' * 100, EMAIL)) == {"failed": 100, "error_count": 100}


async def test_only_the_first_errors_are_told_and_all_are_counted(wire: Wire) -> None:
    reply = await wire.insert("Email\n" + "nobody\n" * 1_200, EMAIL)
    assert (reply["failed"], reply["error_count"], len(reply["errors"])) == (1_200, 1_200, 1_000)


async def test_a_file_of_many_rows_is_written_whole(wire: Wire) -> None:
    group = await wire.group("Many")
    rows = [f"n{number}@example.com,{521000000 + number},N{number}" for number in range(12_000)]
    body = "Email,Mobile,First\n" + "\n".join(rows)
    options = {"group_id": group, "country_code": "972"}
    assert counts(await wire.insert(body, THREE, **options)) == {"created": 12_000}
    assert await members(wire, group) == 12_000
    assert counts(await wire.insert(body, THREE, **options)) == {"skipped": 12_000}
    assert counts(await wire.insert(body, THREE, updateExistingContacts=True)) == {"unchanged": 12_000}
