"""The lists: spans of time, filters, paging."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.dialects.inforu.wire import Wire

from carillon.app import create_app
from carillon.settings import Settings

EVER = {"FromDate": "2000/01/01", "ToDate": "2099/12/31"}


async def phones(wire: Wire, **more: object) -> list[str]:
    found = await wire.data("GetContactList", {**EVER, **more})
    assert found["Count"] == len(found["List"])
    return [contact["PhoneNumber"] for contact in found["List"]]


async def add_at(wire: Wire, moment: datetime, phone: str, **more: Any) -> None:
    wire.clock.moment = moment
    await wire.add({"PhoneNumber": phone, **more})


async def test_a_list_has_the_keys_of_the_reference_and_whole_contacts_without_groups(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001", "AddToGroupName": "Alpha", "Text20": "last"})
    found = await wire.data("GetContactList", EVER)
    assert list(found) == ["LastFetchedId", "Count", "List"]
    (contact,) = found["List"]
    assert found["LastFetchedId"] == contact["ContactId"]
    assert contact["Text20"] == "last"
    assert contact["Date8"] is None
    assert "Groups" not in contact


async def test_to_date_includes_its_whole_day_in_the_accounts_zone(wire: Wire) -> None:
    # Israel is two hours ahead in winter: its 15 December is from 22:00 UTC to 22:00 UTC.
    await add_at(wire, datetime(2024, 12, 14, 21, 59, 59, tzinfo=UTC), "0521110001")
    await add_at(wire, datetime(2024, 12, 14, 22, 0, 0, tzinfo=UTC), "0521110002")
    await add_at(wire, datetime(2024, 12, 15, 21, 59, 59, tzinfo=UTC), "0521110003")
    await add_at(wire, datetime(2024, 12, 15, 22, 0, 0, tzinfo=UTC), "0521110004")
    assert await phones(wire, FromDate="2024/12/15", ToDate="2024/12/15") == ["0521110002", "0521110003"]


@pytest.mark.parametrize(
    "day",
    [
        "2024/12/15",
        "2024-12-15",
        "15/12/2024",
        "15.12.2024",
        "2024-12-15T00:00:00",
        "2024-12-15 00:00",
        "15/12/2024 0:00",
    ],
)
async def test_dates_are_read_in_every_spelling(wire: Wire, day: str) -> None:
    await add_at(wire, datetime(2024, 12, 15, 12, tzinfo=UTC), "0521110001")
    await add_at(wire, datetime(2024, 12, 17, 12, tzinfo=UTC), "0521110002")
    assert await phones(wire, FromDate=day, ToDate=day) == ["0521110001"]


async def test_a_time_of_day_counts_where_it_is_given(wire: Wire) -> None:
    await add_at(wire, datetime(2024, 12, 15, 8, 0, 0, tzinfo=UTC), "0521110001")
    await add_at(wire, datetime(2024, 12, 15, 9, 0, 0, tzinfo=UTC), "0521110002")
    assert await phones(wire, ToDate="2024/12/15 10:00:00") == ["0521110001"]
    assert await phones(wire, FromDate="2024-12-15T08:00:01Z", ToDate="2024-12-15T09:00:00+00:00") == ["0521110002"]


async def test_the_smallest_and_the_largest_dates_of_dot_net_are_from_ever_and_for_ever(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001"})
    assert await phones(wire, FromDate="0001-01-01T00:00:00", ToDate="9999-12-31T23:59:59.9999999") == ["0521110001"]


async def test_filter_by_chooses_between_creation_and_update(wire: Wire) -> None:
    await add_at(wire, datetime(2024, 1, 10, 12, tzinfo=UTC), "0521110001")
    await add_at(wire, datetime(2024, 2, 10, 12, tzinfo=UTC), "0521110001", FirstName="Tal")
    january = {"FromDate": "2024/01/01", "ToDate": "2024/01/31"}
    assert await phones(wire, **january) == ["0521110001"]
    assert await phones(wire, **january, FilterBy="createddate") == ["0521110001"]
    assert await phones(wire, **january, FilterBy="CreatedDate/UpdatedDate") == ["0521110001"]
    assert await phones(wire, **january, FilterBy="UpdatedDate") == []
    refusal = await wire.refusal("GetContactList", {**january, "FilterBy": "BirthDate"})
    assert refusal == (200, -400, "Data.FilterBy: This is one of CreatedDate, UpdatedDate.")


async def test_only_the_contacts_of_a_group_are_listed_when_asked(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001", "AddToGroupName": "Alpha"}, {"PhoneNumber": "0521110002"})
    group_id = (await wire.group("Alpha"))["GroupId"]
    assert await phones(wire, OnlyForGroupId=str(group_id)) == ["0521110001"]
    for none in (0, None, ""):
        assert len(await phones(wire, OnlyForGroupId=none)) == 2
    for unknown in (999, -5, 2**60):
        refusal = await wire.refusal("GetContactList", {**EVER, "OnlyForGroupId": unknown})
        assert refusal == (200, -404, "There is no such group.")


async def test_pages_follow_the_last_fetched_id_and_end_with_an_empty_one(wire: Wire) -> None:
    small = replace(wire.runtime, settings=Settings(list_page_size=2))
    transport = httpx.ASGITransport(create_app(small))
    async with httpx.AsyncClient(transport=transport, base_url="http://carillon.example") as client:
        paged = replace(wire, client=client)
        await wire.add(*({"PhoneNumber": f"052111000{number}", "AddToGroupName": f"G{number}"} for number in range(5)))
        for function, data in (("GetContactList", EVER), ("GetGroupList", {})):
            seen: list[int] = []
            last: int | None = None
            for expected in (2, 2, 1, 0):
                page = await paged.data(function, {**data, "LastFetchedId": last})
                assert page["Count"] == expected
                seen += [item.get("ContactId", item.get("GroupId")) for item in page["List"]]
                last = page["LastFetchedId"]
            assert seen == sorted(set(seen))
            assert len(seen) == 5
            assert last == seen[-1]


@pytest.mark.parametrize("last", [None, 0, "0", "", -7])
async def test_a_list_starts_at_the_beginning_without_a_last_fetched_id(wire: Wire, last: object) -> None:
    await wire.add({"PhoneNumber": "0521110001"})
    assert await phones(wire, LastFetchedId=last) == ["0521110001"]


async def test_a_last_fetched_id_beyond_every_id_gives_none_and_itself(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001"})
    found = await wire.data("GetContactList", {**EVER, "LastFetchedId": 10**17})
    assert (found["Count"], found["List"], found["LastFetchedId"]) == (0, [], 2**53 - 1)


async def test_a_span_that_ends_before_it_begins_is_empty(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001"})
    assert await phones(wire, FromDate="2030/01/01", ToDate="2020/01/01") == []


async def test_the_group_list_filters_on_dates_and_type(wire: Wire) -> None:
    await wire.data("CreateOrUpdateGroup", {"GroupName": "Old"})
    wire.clock.moment += timedelta(days=10)
    await wire.data("CreateOrUpdateGroup", {"GroupName": "New"})

    async def names(**data: object) -> list[str]:
        found = await wire.data("GetGroupList", data)
        assert list(found) == ["LastFetchedId", "Count", "List"]
        return [group["GroupName"] for group in found["List"]]

    assert await names() == ["Old", "New"]
    assert await names(FromDate="2025/03/09", ToDate="2025/03/09") == ["Old"]
    assert await names(FromDate="2025/03/10") == ["New"]
    assert await names(ToDate="09/03/2025") == ["Old"]
    assert await names(Type="regular") == ["Old", "New"]
    assert await names(Type="ALL") == ["Old", "New"]
    assert await names(Type="Dynamic") == []
