"""Ids, landlines and numbers as spreadsheets and columns of floats write them."""

import polars as pl
import pytest

from carillon.audience.field_types import CANONICAL
from carillon.audience.imports.spoilt_numbers import mend_numbers


def read(attribute: str, cell: str | None, *, is_export: bool = False) -> tuple[str | None, list[str]]:
    frame = pl.DataFrame({"__line__": [2], "Cell": [cell]}, schema={"__line__": pl.Int64, "Cell": pl.String})
    mended, errors = mend_numbers(frame, {"Cell": attribute}, CANONICAL, is_export=is_export)
    assert all((one.row, one.field, one.code, one.value) == (2, attribute, "invalid", cell) for one in errors)
    return mended["Cell"].item(), [one.message for one in errors]


@pytest.mark.parametrize(
    "cell",
    [
        *("9.72545E+11", "9,72545E+11", "9.72545111233E+11", "1e+20", "2.412345678901234e+16", "545.1E+06"),
        *(" 1E+015 ", "9.72545E11", "1.7841400008460056e16"),
    ],
)
def test_an_id_with_a_power_of_ten_is_refused_with_the_cause(cell: str) -> None:
    left, (reason,) = read("external_id", cell)
    assert left is None
    assert reason.startswith("A spreadsheet, or a column of floats, kept only some digits of this id")


@pytest.mark.parametrize(
    "cell", ["1e5", "9E11", "12e10", "A1E+5", "1.5.E+3", "E+5", "1E+5x", "x1E+5", "1E-5", "1.10", ""]
)
def test_other_ids_stay_as_they_are(cell: str) -> None:
    assert read("external_id", cell) == (cell, [])


@pytest.mark.parametrize(
    ("cell", "whole"),
    [
        *(("17.0", "17"), ("0.0", "0"), ("-3.0", "-3"), (" 17.0 ", "17"), ("9007199254740991.0", "9007199254740991")),
        *(("017.0", "017.0"), ("17.00", "17.00"), ("17,0", "17,0"), ("1.2.0", "1.2.0"), ("v17.0", "v17.0")),
    ],
)
def test_a_whole_decimal_is_the_id_of_its_digits_but_in_an_export(cell: str, whole: str) -> None:
    assert read("external_id", cell) == (whole, [])
    assert read("external_id", cell, is_export=True) == (cell.strip(), [])


@pytest.mark.parametrize("cell", ["9007199254740992.0", "1234567890123456789012.0"])
def test_an_id_that_a_float_rounded_is_refused(cell: str) -> None:
    left, (reason,) = read("external_id", cell)
    assert left is None
    assert "a column of floats" in reason


@pytest.mark.parametrize(
    ("cell", "landline"),
    [
        *(("501234579.0", "501234579"), ("+97235551234,00", "+97235551234"), ("9.7235551234E+10", "97235551234")),
        *(("03-555 1234", "03-555 1234"), ("03.5551234", "03.5551234"), ("5E4", "5E4"), ("ask for Ana", "ask for Ana")),
        *(("[37654321.0]", "[37654321]"), ("37,654,321", "37654321"), ("1234.0", "1234")),
    ],
)
def test_a_landline_is_mended_where_nothing_was_lost(cell: str, landline: str) -> None:
    assert read("landline", cell) == (landline, [])


@pytest.mark.parametrize("cell", ["9.7203E+11", "9,7203e+011", "9E+11", "9.72E11"])
def test_a_landline_that_lost_digits_is_refused_with_the_cause(cell: str) -> None:
    left, (reason,) = read("landline", cell)
    assert left is None
    assert reason.startswith("A spreadsheet rounded this number")


@pytest.mark.parametrize("cell", ["37654321.5", "(03) 5551234.5", "-37654321", "035551234/35"])
def test_a_landline_with_a_fraction_or_another_behind_it_is_refused_with_the_cause(cell: str) -> None:
    left, (reason,) = read("landline", cell)
    assert left is None
    assert reason.startswith("A spreadsheet reckoned with this number, or there are two in the cell")


@pytest.mark.parametrize("attribute", ["external_id", "landline"])
def test_an_export_has_its_powers_of_ten_as_they_are(attribute: str) -> None:
    assert read(attribute, "9.7203E+11", is_export=True) == ("9.7203E+11", [])


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1.23456789012345E+16", "12345678901234500"),
        ("1e-07", "0.0000001"),
        ("1E+99", "1" + 99 * "0"),
        ("1E5x", "1E5x"),
    ],
)
def test_a_number_of_a_field_is_written_out(cell: str, number: str) -> None:
    assert read("number1", cell) == (number, [])
    assert read("first_name", cell) == (cell, [])


def test_cells_without_a_value_stay_so() -> None:
    for attribute in ("external_id", "landline", "number1"):
        assert read(attribute, None) == (None, [])
