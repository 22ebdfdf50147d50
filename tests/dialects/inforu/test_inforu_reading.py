"""The pure parts: dates, the tolerant reading, rows and tokens."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.audience.upsert.rows import ContactRow
from carillon.dialects.inforu import schemas
from carillon.dialects.inforu.mapping_dates import read_since, read_until, show_history_moment, show_moment
from carillon.dialects.inforu.mapping_rows import read_rows, read_token, show_token
from carillon.dialects.inforu.operations import OPERATIONS
from carillon.dialects.reading import parameters, read_request
from carillon.errors import InvalidInputError, JobNotFoundError

JERUSALEM = ZoneInfo("Asia/Jerusalem")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2024/07/01", "2024-06-30T21:00:00", "2024-07-01T21:00:00"),
        ("1/7/2024", "2024-06-30T21:00:00", "2024-07-01T21:00:00"),
        (" 2024-07-01 ", "2024-06-30T21:00:00", "2024-07-01T21:00:00"),
        ("2024-01-01", "2023-12-31T22:00:00", "2024-01-01T22:00:00"),
        ("2024-01-01 10:30", "2024-01-01T08:30:00", "2024-01-01T08:30:01"),
        ("2024-01-01T10:30:15.123", "2024-01-01T08:30:15", "2024-01-01T08:30:16"),
        ("2024-01-01T10:30:15Z", "2024-01-01T10:30:15", "2024-01-01T10:30:16"),
        ("2024-01-01T10:30:15-0500", "2024-01-01T15:30:15", "2024-01-01T15:30:16"),
        # The day on which the clocks go forward has 23 hours.
        ("2025-03-28", "2025-03-27T22:00:00", "2025-03-28T21:00:00"),
        ("0001-01-01", "1899-12-31T21:39:20", "1900-01-01T21:39:20"),
        ("9999-12-31", "2999-12-30T22:00:00", "2999-12-31T22:00:00"),
    ],
)
def test_a_date_is_a_span_in_the_accounts_zone(text: str, since: str, until: str) -> None:
    assert read_since(text, JERUSALEM, "F") == datetime.fromisoformat(since).replace(tzinfo=UTC)
    assert read_until(text, JERUSALEM, "F") == datetime.fromisoformat(until).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "2024",
        "2024-13-01",
        "32/01/2024",
        "2024-02-30",
        "01/02/24",
        "2024-01-01 25:00",
        "2024-01-01 noon",
        "٢٠٢٤-01-01",
    ],
)
def test_what_is_no_date_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        read_since(text, JERUSALEM, "Data.FromDate")
    assert refusal.value.field == "Data.FromDate"


@given(st.text())
def test_no_text_breaks_the_reading_of_dates(text: str) -> None:
    try:
        moment = read_until(text, JERUSALEM, "F")
    except InvalidInputError:
        return
    assert moment is None or moment.tzinfo is UTC


def test_blank_dates_are_absent() -> None:
    assert read_since(None, JERUSALEM, "F") is None
    assert read_until(" ", JERUSALEM, "F") is None


def test_moments_are_shown_in_the_accounts_zone() -> None:
    moment = datetime(2025, 7, 1, 22, 5, 9, 123456, tzinfo=UTC)
    assert show_moment(moment, JERUSALEM) == "2025-07-02 01:05:09"
    assert show_history_moment(moment, JERUSALEM) == "02/07/2025 01:05:09"


@pytest.mark.parametrize("function", OPERATIONS, ids=lambda one: one.name)
@given(tree=JSON)
def test_any_tree_is_read_or_refused(function: Any, tree: object) -> None:
    names = [one.names[0] for one in parameters(function.request)]
    for given_tree in (tree, dict.fromkeys(names, tree)):
        try:
            asked = read_request(function.request, given_tree)
        except InvalidInputError:
            continue
        # What the tolerant reading gives is what the strict decoding would take.
        assert msgspec.json.decode(msgspec.json.encode(asked), type=function.request) == asked


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), st.integers(0, 2**53 - 1))
def test_the_tolerant_reading_agrees_with_the_strict_one(text: str, number: int) -> None:
    tree = {"GroupName": text, "GroupId": number, "Description": text}
    strict = msgspec.json.decode(msgspec.json.encode(tree), type=schemas.CreateOrUpdateGroup)
    assert read_request(schemas.CreateOrUpdateGroup, tree) == strict
    assert read_request(schemas.CreateOrUpdateGroup, {k.upper(): v for k, v in tree.items()}) == strict
    assert read_request(schemas.CreateOrUpdateGroup, {**tree, "GroupId": f" {number} "}) == strict


@pytest.mark.parametrize(
    ("given_value", "read"),
    [(5, 5), ("5", 5), (5.0, 5), ("", None), (None, None), (" +7 ", 7), ("-1", -1)],
)
def test_whole_numbers_are_read_from_any_spelling(given_value: object, read: int | None) -> None:
    assert read_request(schemas.GetGroupList, {"LastFetchedId": given_value}).last_fetched_id == read


@pytest.mark.parametrize("given_value", [True, 5.5, "5.5", "x", [1], {"a": 1}, 10**30, "1_000"])
def test_what_is_no_whole_number_is_refused(given_value: object) -> None:
    with pytest.raises(InvalidInputError):
        read_request(schemas.GetGroupList, {"LastFetchedId": given_value})


def row(**values: object) -> ContactRow:
    (read,) = read_rows([values]).rows
    return read


def test_rows_take_texts_numbers_and_booleans() -> None:
    read = row(Phone=521110001, Text1=True, Text2=1.50, Text3=2.0, Number1="5", ContactRefId=77)
    assert (read.phone, read.external_id) == ("521110001", "77")
    assert read.fields == {"text1": "true", "text2": "1.5", "text3": "2", "number1": "5"}


def test_only_what_was_said_is_in_a_row() -> None:
    assert row(Email="a@example.com", FirstName="", Text1=None, Text2=" ") == ContactRow(
        email="a@example.com", fields={}
    )


def test_rows_keep_their_values_to_themselves_between_one_another() -> None:
    one, two = read_rows([{"Phone": "1", "Text1": "a"}, {"Phone": "2", "Text2": "b"}]).rows
    assert (one.fields, two.fields) == ({"text1": "a"}, {"text2": "b"})


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["Phone", "Email", "text1", "AddToGroupName", "HandleEvents", "X"]), JSON),
        max_size=5,
    )
)
def test_any_row_is_mapped_or_fails_alone(rows: list[dict[str, Any]]) -> None:
    upload = read_rows(rows)
    assert len(upload.rows) == len(rows)
    for number, read in enumerate(upload.rows, 1):
        assert read.failure is None or (read.failure.row == number and "\0" not in read.failure.value)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(read), type=ContactRow) == read


@given(st.uuids())
def test_a_token_reads_back(upload_id: UUID) -> None:
    assert read_token(show_token(upload_id)) == upload_id
    assert read_token(f" {upload_id} ") == upload_id
    assert read_token(show_token(upload_id).swapcase()) == upload_id


@given(st.text())
def test_no_text_breaks_the_reading_of_tokens(text: str) -> None:
    try:
        assert isinstance(read_token(text), UUID)
    except JobNotFoundError:
        return
