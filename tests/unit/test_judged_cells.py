"""Columns whose cells say who may be written to stop the import, wherever in the file and however deep they say it."""

import json
from collections.abc import Sequence

import polars as pl
import pytest

from carillon.audience.imports.consent_words import read_cell, takes_away
from carillon.audience.imports.judged_cells import JudgedCells, judged_cells
from carillon.errors import InvalidInputError

ACTIVE = ["active"] * 20


def judge(*chunks: Sequence[str | None], column: str = "State", fields: dict[str, str] | None = None) -> JudgedCells:
    unknown = [] if fields else [column]
    judged = judged_cells(unknown, fields or {}, {"SMS": "phone"} if column == "SMS" else {})
    for cells in chunks:
        judged.check(pl.DataFrame({column: cells}, schema={column: pl.String}))
    return judged


def refused(*chunks: Sequence[str | None], column: str = "State", fields: dict[str, str] | None = None) -> str:
    with pytest.raises(InvalidInputError) as error:
        judge(*chunks, column=column, fields=fields)
    assert error.value.field == "map"
    assert f'--map "{column}=-"' in error.value.message
    return error.value.message


@pytest.mark.parametrize(
    "before",
    [
        [ACTIVE],
        [ACTIVE, ACTIVE],
        [[None, None], [None, ""], ACTIVE],
        [["unknown", "none"]],
        [[*ACTIVE, "Tel Aviv"], ["Haifa"]],
        [["confirmed", "pending"]],
    ],
)
def test_statuses_are_judged_to_the_end_of_the_file(before: list[list[str | None]]) -> None:
    assert judge(*before).is_open
    assert "such as “unsubscribed”" in refused(*before, ["active", "unsubscribed"])


def test_what_has_been_read_counts_with_what_comes() -> None:
    refused(["active"] * 95, ["Haifa"] * 4 + ["unsubscribed"])
    judge(["active"] * 5, ["Haifa"] * 50 + ["unsubscribed"])


@pytest.mark.parametrize("cells", [["Tel Aviv", "Haifa"], ["active", "Ana", "Ben"], ["1", "2"], ["yes", "no"]])
def test_of_a_column_of_something_else_no_more_is_read(cells: list[str]) -> None:
    assert not judge(cells).is_open


def test_statuses_and_words_that_nobody_writes_of_anything_else_stop_from_half_of_the_cells_on() -> None:
    customers = ["active"] * 80 + ["cancelled"] * 12
    assert "“bounced”" in refused([*customers, *["bounced"] * 4, *["complained"] * 4])
    assert "“opted out”" in refused(["active", "Ana", "opted out", "Ben"])
    judge(["active", "Ana", "opted out", "Ben", "Dan"])


@pytest.mark.parametrize(
    "cells",
    [
        ["active"] * 80 + ["cancelled"] * 20,
        ["active"] * 40 + ["lead"] * 40 + ["inactive"] * 20,
        ["paid", "pending", "cancelled", "removed"],
        ["Cancelled"] * 9 + ["waiting"],
        ["shipped", "invalid", "blocked", "deleted"],
        ["stop", "disabled", "left", "right"],
    ],
)
def test_customers_and_orders_have_words_of_statuses_as_well(cells: list[str]) -> None:
    judge(cells)


def test_cancelled_takes_away_in_a_column_of_statuses() -> None:
    assert read_cell("status", "Cancelled") is read_cell("status", "unsubscribed")
    assert read_cell("status", "canceled") is read_cell("status", "unsubscribed")


def test_a_column_called_like_an_address_is_judged_by_its_answers() -> None:
    assert '--map "SMS=sms_subscribed"' in refused(["yes", "yes"], [None, "no"], column="SMS")
    refused(["Subscribed", "Opted out"], column="SMS")
    assert not judge(["0501234567", None], column="SMS").is_open
    assert judge(["yes", "1"], column="SMS").is_open


LISTMONK = [{"name": "Weekly", "status": "active", "subscription_status": "unsubscribed"}]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (LISTMONK, "subscription_status"),
        ([{"subscription_status": 3}], '"subscription_status": 3'),
        ({"unsubscribed": True}, '"unsubscribed": true'),
        ({"email": "unsubscribed"}, '"unsubscribed"'),
        ({"email": {"status": "UNSUBSCRIBED"}}, "UNSUBSCRIBED"),
        (["VIP", "Unsubscribed"], "Unsubscribed"),
        ({"a": [{"b": {"sms_opt_out": "1"}}]}, "sms_opt_out"),
        ({"newsletter": {"weekly": False}}, "newsletter"),
        ({"newsletter": False}, "newsletter"),
        ({"email_status": 3}, "email_status"),
        ({"do not contact before": "noon"}, "do not contact before"),
        ({"confirmed": False}, "confirmed"),
        ({"sms": False, "email": True}, '"sms": false'),
        ([{"Email": "no"}], "Email"),
        ({"tags": ['a "quoted" one', "отписан"]}, "отписан"),
        ({'"odd\\': "x", "Blacklisted": "2024-05-06"}, "Blacklisted"),
    ],
)
def test_consent_within_objects_and_lists_stops(value: object, found: str) -> None:
    cell = json.dumps(value, ensure_ascii=False)
    assert found in refused(["{}", None], [cell], column="extra")
    assert found in refused([json.dumps(value, ensure_ascii=False, indent=1)], column="extra")
    assert '--map "text1=fields.text1"' in refused([cell], column="text1", fields={"text1": "fields.text1"})


@pytest.mark.parametrize(
    "value",
    [
        {"city": "Haifa", "orders": [{"status": "paid"}, {"status": "cancelled"}]},
        {"unsubscribed": False, "blacklisted": None, "newsletter": True, "active": True},
        {"confirmed": True, "verified": "yes"},
        [1, 2.5, -3e5, None, True],
        ["VIP", "Stopover", "removed a sofa"],
        {"subscription": {"plan": "pro"}},
        {"subscribed_at": "2024-05-06"},
        {"sms": True, "email": "a@mail.example", "phone": 0, "mobile": "+972541110001"},
    ],
)
def test_other_objects_and_lists_are_left_out(value: object) -> None:
    assert judge([json.dumps(value)], column="extra").is_open


def test_only_objects_and_lists_are_read_on_for_what_is_in_them() -> None:
    assert not judge(["Tel Aviv, {unsubscribed}"], column="extra").is_open


def test_objects_among_other_cells_are_read_where_they_are_known_to_be() -> None:
    judged = judged_cells(["extra"], {}, {})
    judged.mixed = {"extra"}
    judged.check(pl.DataFrame({"extra": ["Tel Aviv"]}))
    with pytest.raises(InvalidInputError, match="objects or lists"):
        judged.check(pl.DataFrame({"extra": ['{"unsubscribed": true}']}))


def test_words_that_take_are_known_by_themselves() -> None:
    assert [word for word in ("Unsubscribed", "BOUNCED", "pending", "active", "Haifa") if takes_away(word)] == [
        "Unsubscribed",
        "BOUNCED",
    ]
