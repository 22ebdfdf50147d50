"""Times in columns that say since when somebody is not to be written to, as programs and spreadsheets write them."""

import polars as pl
import pytest

from carillon.audience.imports.column_names import plan_columns
from carillon.audience.imports.consent_words import Said, read_cell
from carillon.errors import InvalidInputError

TIMES = [
    *("45292", "45292.5", "45292,5", "45292.0", "45292.416666666664", "10000", "73415", " 45292 "),
    *("Mar 4, 2021", "4 Mar 2021", "March 4, 2021 10:00 AM", "4 March 2021", "04-Mar-2021", "Mar. 4th, 2021"),
    *("Thu, 04 Mar 2021 10:00:00 GMT", "sept 4 2021", "4-MAR-21", "2021-03-04 11:12:13", "04/03/2021"),
]


@pytest.mark.parametrize("text", TIMES)
def test_a_time_takes_away_since_then(text: str) -> None:
    assert read_cell("unsubscribed", text) is Said.UNSUBSCRIBED
    assert read_cell("blocked", text) is Said.BLOCKED


@pytest.mark.parametrize("kind", ["unsubscribed", "blocked"])
@pytest.mark.parametrize(
    "text",
    [
        *("NULL", "null", "N/A", "-", "9999", "73416", "99999", "123456", "-45292", "45292.5.1", "March", "4 Mar"),
        *("Mar 4", "Marvin 4, 2021", "4 Maria 2021", "32 Mar 2021", "44 Mar 2021", "045292", "Mar 4, 20211"),
    ],
)
def test_what_is_no_time_is_not_understood(kind: str, text: str) -> None:
    assert read_cell(kind, text) is None


def test_yes_and_no_go_on_being_that() -> None:
    assert [read_cell("unsubscribed", text) for text in ("1", "0", "1.0", "0.0")] == [
        Said.UNSUBSCRIBED,
        Said.NOTHING,
        Said.UNSUBSCRIBED,
        Said.NOTHING,
    ]
    assert read_cell("subscribed", "45292") is None
    assert read_cell("status", "Mar 4, 2021") is None


def test_the_times_of_a_column_are_understood_and_null_is_not() -> None:
    header = ["Email Address", "UNSUB_TIME"]
    consent = plan_columns(header, {}).consent
    rows = [(f"a{place}@x.example", text) for place, text in enumerate([*TIMES, None])]
    frame = pl.DataFrame(rows, schema=header, orient="row")
    consent.check(frame)
    assert consent.read(frame)["email_said"].to_list() == [Said.UNSUBSCRIBED] * len(TIMES) + [Said.NOTHING]
    with pytest.raises(InvalidInputError, match=r"UNSUB_TIME.*“NULL” isn't understood"):
        consent.check(pl.DataFrame([*rows, ("b@x.example", "NULL")], schema=header, orient="row"))
