"""Amounts: read and written exactly, VAT, prices by prefix, and who is paid for when credit ends."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.billing.ledger import affordable
from carillon.billing.money import (
    MAX_AMOUNT,
    MAX_VAT,
    UNIT,
    format_amount,
    format_percent,
    parse_amount,
    parse_percent,
    vat_of,
)
from carillon.billing.prices import FREE, Capture, Price, Prices
from carillon.errors import InvalidInputError


def price(amount: int, vat: int = 0) -> Price:
    return Price(amount=amount, vat=vat, capture=Capture.SUBMIT)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.045", 45_000),
        ("9864", 9864 * UNIT),
        ("0", 0),
        ("0.000001", 1),
        (" 1.50 ", 1_500_000),
        ("999999999999.999999", MAX_AMOUNT),
        ("0012", 12 * UNIT),
    ],
)
def test_a_decimal_text_is_read_exactly(text: str, amount: int) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(
    "text", ["", ".", "1.", ".5", "0,045", "1e3", "-1", "+1", "1000000000000", "0.0000001", "1 000", "٣", "inf", "0x1"]
)
def test_what_is_no_amount_is_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not an amount") as raised:
        parse_amount(text, field="limit")
    assert raised.value.field == "limit"


def test_a_sign_is_read_where_it_may_stand() -> None:
    assert parse_amount("-0.5", signed=True) == -500_000
    assert parse_amount("+0.5", signed=True) == 500_000
    assert parse_amount("-0", signed=True) == 0


@given(st.integers(-MAX_AMOUNT, MAX_AMOUNT))
def test_what_is_written_is_read_again_as_it_was(amount: int) -> None:
    assert parse_amount(format_amount(amount), signed=True) == amount
    assert parse_amount(format_amount(amount, decimals=2), signed=True) == amount


def test_an_amount_has_no_more_decimals_than_it_takes_and_as_many_as_are_asked_for() -> None:
    assert [format_amount(one) for one in (0, 45_000, 9864 * UNIT, -1_500_000, -1)] == [
        "0",
        "0.045",
        "9864",
        "-1.5",
        "-0.000001",
    ]
    assert [format_amount(one, decimals=1) for one in (0, 9864 * UNIT, 45_000)] == ["0.0", "9864.0", "0.045"]


def test_a_percentage_is_read_into_millionths() -> None:
    assert [parse_percent(text) for text in ("24", "5.5", "0", "100", "0.0001", "24 %")] == [
        240_000,
        55_000,
        0,
        MAX_VAT,
        1,
        240_000,
    ]
    assert [format_percent(one) for one in (240_000, 55_000, 0, MAX_VAT, 1)] == ["24", "5.5", "0", "100", "0.0001"]


@pytest.mark.parametrize("text", ["-1", "100.0001", "101", "1.00001", "a", "", "%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a percentage"):
        parse_percent(text)


def test_vat_is_of_a_message_s_parts_together_and_is_rounded_half_up() -> None:
    assert vat_of(45_000, 240_000) == 10_800
    assert [vat_of(amount, 500_000) for amount in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert [vat_of(amount, 100_000) for amount in (4, 5, 14, 15)] == [0, 1, 1, 2]
    assert price(1, 500_000).of_parts(3) == (3, 2)


# Prices ---------------------------------------------------------------------------------------------------------------


def test_without_prices_everything_is_free() -> None:
    assert Prices({}).of(["30691", "a@mail.example", ""]) == [FREE] * 3
    assert Prices({}).all_free
    assert FREE.of_parts(7) == (0, 0)


def test_the_longest_prefix_counts_and_where_none_fits_there_is_no_price() -> None:
    prices = Prices({"30": price(1), "3069": price(2), "972": price(3)})
    assert prices.of(["306912345678", "302101234567", "972541110001", "34600000000", "3"]) == [
        price(2),
        price(1),
        price(3),
        None,
        None,
    ]
    assert not prices.all_free


def test_an_empty_prefix_fits_every_address() -> None:
    prices = Prices({"": price(1), "30": price(2)})
    assert prices.of(["3069", "44", "", "a@mail.example"]) == [price(2), price(1), price(1), price(1)]


def test_free_for_some_is_not_free_for_all() -> None:
    assert not Prices({"30": price(0)}).all_free
    assert Prices({"": price(0), "30": price(0)}).all_free


PREFIXES = st.text("0123", max_size=5)


@given(st.dictionaries(PREFIXES, st.integers(0, 9).map(price), min_size=1), st.lists(st.text("0123", max_size=8)))
def test_a_price_is_what_the_plain_search_finds(by_prefix: dict[str, Price], addresses: list[str]) -> None:
    def plain(address: str) -> Price | None:
        fitting = [prefix for prefix in by_prefix if address.startswith(prefix)]
        return by_prefix[max(fitting, key=len)] if fitting else None

    prices = Prices(by_prefix)
    assert prices.of(addresses) == [plain(address) for address in addresses]
    assert prices.of(addresses) == [plain(address) for address in addresses]  # as they are remembered


def test_a_thousand_addresses_are_priced_within_a_millisecond() -> None:
    prices = Prices({str(prefix): price(prefix) for prefix in range(1, 2000)})
    addresses = [f"3069{number:08}" for number in range(1000)]
    rounds = []
    for _ in range(20):
        begin = perf_counter()
        prices.of(addresses)
        rounds.append(perf_counter() - begin)
    assert min(rounds) < 0.001


def test_what_is_remembered_of_long_prefixes_is_bounded() -> None:
    prices = Prices({"": price(1), "1" * 15: price(2)})
    prices.of([f"{number:015}" for number in range(150_000)])
    assert len(prices._by_head) <= prices._by_head._KEPT


# Credit ---------------------------------------------------------------------------------------------------------------


def test_credit_ends_at_the_first_who_does_not_fit_and_what_is_free_is_sent_regardless() -> None:
    assert affordable(10, [4, 4, 4, 1, 0]) == [True, True, False, False, True]
    assert affordable(0, [0, 0]) == [True, True]
    assert affordable(5, []) == []
    assert affordable(-1, [0, 1]) == [True, False]
