"""E-mails as links and with names, and dates as spreadsheets count them."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from carillon.audience.field_types import CANONICAL
from carillon.audience.imports.cell_forms import read_cell_forms, take_errors


def read(attribute: str, *cells: str | None) -> list[str | None]:
    frame = pl.DataFrame({"column": cells}, schema={"column": pl.String})
    return read_cell_forms(frame, {"column": attribute}, CANONICAL)["column"].to_list()


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("mailto:ana@mail.example", "ana@mail.example"),
        ("MAILTO: Ana@mail.example?subject=Good%20day", "Ana@mail.example"),
        ("Ana Or <ana@mail.example>", "ana@mail.example"),
        ('"Or, Ana" <ana@mail.example> ', "ana@mail.example"),
        ("<ana@mail.example>", "ana@mail.example"),
        ("Ana <mailto:ana@mail.example>", "ana@mail.example"),
        ("mailto:ana%2Bnews@mail.example", "ana+news@mail.example"),
        ("mailto:ana%40mail.example", "ana@mail.example"),
        ("Ana <MAILTO:ana%2bnews%40mail.example?body=50%25>", "ana+news@mail.example"),
        ("mailto:ana%3Fx@mail.example?subject=a%40b", "ana?x@mail.example"),
        ("mailto:%D7%90@mail.example", "\u05d0@mail.example"),
        ("mailto:ana%20or@mail.example", "ana or@mail.example"),  # which is no e-mail
        ("mailto:ana%@mail.example", "ana%@mail.example"),
        ("mailto:ana%FF@mail.example", "mailto:ana%FF@mail.example"),  # no UTF-8
        ("mailto://ana@mail.example", "mailto://ana@mail.example"),
        ("ana%2Bnews@mail.example", "ana%2Bnews@mail.example"),  # which is in no link
        ("Ana <ana%2Bnews@mail.example>", "ana%2Bnews@mail.example"),
        ("mailto:ana", "mailto:ana"),
        ("ana@mail.example", "ana@mail.example"),
        ("Ana <ana@mail.example>, Ben <ben@mail.example>", "Ana <ana@mail.example>, Ben <ben@mail.example>"),
        ("http://mail.example", "http://mail.example"),
        ("a<b", "a<b"),
        ("", ""),
        (None, None),
    ],
)
def test_an_email_is_taken_out_of_a_link_and_from_behind_a_name(cell: str | None, address: str | None) -> None:
    assert read("email", cell) == [address]
    assert read("first_name", cell) == [cell]


@pytest.mark.parametrize("attribute", ["birth_date", "date1"])
@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("45292", "2024-01-01 00:00:00"),
        (" 45292.5 ", "2024-01-01 12:00:00"),
        ("45292.999999", "2024-01-02 00:00:00"),
        ("10000", "1927-05-18 00:00:00"),
        ("99999.25", "2173-10-13 06:00:00"),
        ("32874,5", "1990-01-01 12:00:00"),  # as European spreadsheets write it
    ],
)
def test_a_day_number_is_a_date_in_a_column_of_dates(attribute: str, cell: str, moment: str) -> None:
    assert read(attribute, cell) == [moment]
    assert datetime.fromisoformat(moment) - datetime(1899, 12, 30) == timedelta(  # noqa: DTZ001 - as spreadsheets count
        seconds=round(float(cell.replace(",", ".")) * 86_400)
    )


@pytest.mark.parametrize(
    "cell", ["1990", "010190", "20240101", "01234", "45292.", "45292,", "45,292", "-45292", "4.5E4", "2024-01-01", "x"]
)
def test_other_numbers_are_left_as_they_are(cell: str) -> None:
    assert read("birth_date", cell) == [cell]


def test_a_number_is_a_number_in_other_columns() -> None:
    assert read("number1", "45292") == ["45292"]
    assert read("phone", "45292") == ["45292"]


def test_an_error_of_a_spreadsheet_is_no_value_and_is_reported() -> None:
    frame = pl.DataFrame({"__line__": [2, 3, 4], "Id": ["#N/A", "#1", None], "Town": ["#¡REF!", "#ССЫЛКА!", "Haifa"]})
    left, errors = take_errors(frame, {"Id": "external_id", "Town": "city"})
    assert left.rows() == [(2, None, None), (3, "#1", None), (4, None, "Haifa")]
    assert [(one.row, one.field, one.value) for one in errors] == [
        *((2, "external_id", "#N/A"), (2, "city", "#¡REF!"), (3, "city", "#ССЫЛКА!")),
    ]
