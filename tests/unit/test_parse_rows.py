"""Rows are read the same one by one and by columns, and every problem is told with its row, field and value."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon.audience.field_types import CANONICAL
from carillon.audience.upsert import parse
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import Batch, ContactRow, RowError

texts = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "",
            "  ",
            "054-1110001",
            "+972541110002",
            "x",
            "Ana@Mail.example",
            "\x1c5",
            "7",
            "+08.50",
            "1e5",
            "2020-02-30",
            "31/12/2019",
            "2021-5-6 7:08",
            "2021-05-06T07:08:09Z",
            "F",
            "a\0b",
            'say "hi"\\\n',
            "שלום",
            "t" * 5000,
            "\u2003wide\u2003",
        ]
    ),
    st.text(max_size=12),
)
rows = st.builds(
    ContactRow,
    phone=texts,
    email=texts,
    external_id=texts,
    landline=texts,
    device_token=texts,
    device_platform=st.sampled_from([None, "IOS", "android", "windows"]),
    fields=st.dictionaries(st.sampled_from([*list(CANONICAL)[:8], "number1", "date1", "shoe_size"]), texts, max_size=4),
    add_to=st.lists(st.sampled_from(["", "Gold", " Gold ", "g" * 300]), max_size=2),
)


def read_by(few: int, given_rows: list[ContactRow], patch: pytest.MonkeyPatch) -> Batch:
    with patch.context() as context:
        context.setattr(parse, "_FEW", few)
        return read_rows(given_rows, "IL")


@settings(max_examples=300, deadline=None)
@given(given_rows=st.lists(rows, max_size=6))
def test_rows_are_read_the_same_one_by_one_and_by_columns(given_rows: list[ContactRow]) -> None:
    patch = pytest.MonkeyPatch()
    plain, columns = read_by(1000, given_rows, patch), read_by(-1, given_rows, patch)
    assert _sorted(plain.frame.to_dicts()) == _sorted(columns.frame.to_dicts())
    assert plain.frame.schema == columns.frame.schema
    assert _by_row(plain.errors) == _by_row(columns.errors)
    assert (plain.failed, plain.moves, plain.size) == (columns.failed, columns.moves, columns.size)


def _sorted(values: list[dict[str, object]]) -> list[dict[str, object]]:
    # The order of a patch's fields has no meaning.
    for value in values:
        for name in ("patch", "unset"):
            text = value[name]
            value[name] = sorted(str(text).strip("{}").split(",")) if text is not None else None
    return values


def _by_row(errors: object) -> list[tuple[int, str, str, str]]:
    assert isinstance(errors, list)
    return sorted((error.row, error.field, error.code, error.value) for error in errors)


@pytest.mark.parametrize("few", [1000, -1])
def test_every_problem_names_its_row_field_and_value(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_by(
        few,
        [
            ContactRow(phone="0541110001", email="nobody", fields={"birth_date": "31/02/2001", "shoe_size": "41"}),
            ContactRow(phone="twelve"),
            ContactRow(fields={"city": "Lod"}),
            ContactRow(external_id="e" * 256, phone="0541110002"),
            ContactRow(external_id="crm\x01", phone="0541110003", landline="\n0\n1", fields={"city": "a\0b"}),
            ContactRow(phone="0541110004", fields={"city": "c" * 4001}),
            ContactRow(phone="0541110005", device_token="token", device_platform="Windows"),
            ContactRow(phone="0541110006", device_token="token"),
            ContactRow(phone="0541110007", device_token="d" * 1025, device_platform="IOS"),
        ],
        monkeypatch,
    )
    found = {(error.row, error.field, error.code, error.value[:10]) for error in read.errors}
    assert found == {
        (1, "email", "invalid", "nobody"),
        (1, "birth_date", "invalid", "31/02/2001"),
        (1, "shoe_size", "unknown_field", "41"),
        (2, "phone", "invalid", "twelve"),
        (3, "row", "missing_key", ""),
        (4, "external_id", "too_long", "eeeeeeeeee"),
        (5, "external_id", "invalid", "crm\x01"),
        (5, "landline", "invalid", "0\n1"),
        (5, "city", "invalid", "a\ufffdb"),
        (6, "city", "too_long", "cccccccccc"),
        (7, "device_platform", "invalid", "Windows"),
        (8, "device_platform", "invalid", ""),
        (9, "device_token", "too_long", "dddddddddd"),
    }
    assert read.failed == {2, 3}
    assert read.frame["row"].to_list() == [1, 4, 5, 6, 7, 8, 9]


def test_a_row_that_its_dialect_could_not_read_is_reported_and_left_out() -> None:
    failure = RowError(1, "row", "missing_key", "", "Nothing to go by.")
    unread = RowError(2, "city", "invalid", "{}", "A text belongs here.")
    read = read_rows(
        [ContactRow(phone="0541110001", failure=failure), ContactRow(phone="0541110002", errors=[unread])], "IL"
    )
    assert (read.size, sorted(read.failed), list(read.errors)) == (2, [1], [failure, unread])
    assert read.frame["phone"].to_list() == ["972541110002"]
