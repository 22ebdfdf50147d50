import phonenumbers
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumber
from tests.unit.corpus import COUNTRIES, phones_of, seeded

from carillon.addresses.normalise import normalise_phones
from carillon.addresses.phone_readings import PhoneForm, phone_readings, read_ambiguous_phone
from carillon.addresses.phones import (
    MAX_PHONE_CHARACTERS,
    Phone,
    PhoneKind,
    PhoneQuality,
    PhoneReading,
    Validity,
    national_form,
    phone_digits,
    read_phone,
    region_of_calling_code,
)
from carillon.addresses.spreadsheets import has_fraction, has_lost_digits, has_second_number, is_date

# The numbers in the vendors' references, with what each stands for in its vendor's country.
VENDOR_SAMPLES = [
    ("InforU", "IL", "0589995551", "972589995551"),
    ("InforU", "IL", "0521234567", "972521234567"),
    ("InforU", "IL", "0509234567", "972509234567"),
    ("InforU", "IL", "0529998887", "972529998887"),
    ("InforU", "IL", "0509998887", "972509998887"),
    ("InforU", "IL", "0529999999", "972529999999"),
    ("InforU", "IL", "03-9415550", "97239415550"),
    ("Apifon", "GR", "306999999999", "306999999999"),
    ("Apifon", "GR", "306999999998", "306999999998"),
    ("Apifon", "GR", "306999999997", "306999999997"),
    ("Apifon", "GR", "306999999996", "306999999996"),
    ("Apifon", "GR", "306988888888", "306988888888"),
    ("Apifon", "GR", "30696999999998", "30696999999998"),
    ("Apifon", "GR", "+306999999999", "306999999999"),
    ("Apifon", "GR", "+306911111111", "306911111111"),
    ("Apifon", "GR", "+306922222222", "306922222222"),
    ("inwise", "IL", "972541111111", "972541111111"),
    ("inwise", "IL", "0541111111", "972541111111"),
    ("inwise", "IL", "0541111112", "972541111112"),
    ("360NRS", "ES", "34666555444", "34666555444"),
    ("360NRS", "ES", "3466666666", "3466666666"),
    ("360NRS", "ES", "34666666666", "34666666666"),
    ("360NRS", "ES", "900222222", "34900222222"),
    ("360NRS", "ES", "99000000000", "3499000000000"),
    ("Devino", "RU", "79100000000", "79100000000"),
]


def digits_of(value: str, country: str | None) -> str | None:
    reading = read_phone(value, country)
    return None if reading is None else reading.digits


@pytest.mark.parametrize(("vendor", "country", "value", "digits"), VENDOR_SAMPLES)
def test_every_sample_number_of_the_vendors_is_a_phone(vendor: str, country: str, value: str, digits: str) -> None:
    assert digits_of(value, country) == digits, vendor


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("050-765-4321", "IL", "972507654321"),
        ("(050) 7654321", "il", "972507654321"),
        ("  0507654321\r\n", "IL", "972507654321"),
        ("507654321", "IL", "972507654321"),
        ("+972 50 765 4321", "GR", "972507654321"),
        ("+972 (0)50 765 4321", "GR", "972507654321"),
        ("00972507654321", "GR", "972507654321"),
        ("011 972 50 765 4321", "US", "972507654321"),
        ("8 912 345-67-89", "RU", "79123456789"),
        ("02 1234 5678", "IT", "390212345678"),
        ("011 15-2345-6789", "AR", "5491123456789"),
        ("\u0660\u0665\u0660\u0667\u0666\u0665\u0664\u0663\u0662\u0661", "IL", "972507654321"),
        ("\uff10\uff15\uff10\uff17\uff16\uff15\uff14\uff13\uff12\uff11", "IL", "972507654321"),
        ("\uff0b972507654321", "GR", "972507654321"),
        ("\u200e050-7654321\u200f", "IL", "972507654321"),
    ],
)
def test_a_number_is_read_as_it_is_dialled_in_the_country(value: str, country: str, digits: str) -> None:
    assert digits_of(value, country) == digits


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "+", "-", "n/a", "123", "050", "1-800-FLOWERS", "tel:+972507654321", "050 xx 7654321"),
        *("0507654321 x12", "0507654321x12", "0507654321 ext. 5", "0507654321#12", "050,7654321", "050;7654321"),
        *("0507654321 / 0507654322", "05076543210000", "0507654321\u00b2", "050\u216a7654321", "050\x007654321"),
    ],
)
def test_texts_with_letters_or_extensions_or_a_wrong_length_are_no_phones(value: str) -> None:
    assert read_phone(value, "IL") is None


def test_the_shape_is_seven_to_fifteen_digits() -> None:
    assert digits_of("+972123", None) is None
    assert digits_of("+9721234", None) == "9721234"
    assert digits_of("+972123456789012", None) == "972123456789012"
    assert digits_of("+9721234567890123", None) is None


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("501234579.0", "IL", "972501234579"),
        ("501234579,0", "IL", "972501234579"),  # of a country that writes decimals with a comma
        ("972501234567.00", "IL", "972501234567"),
        ("+972501234567.0", "GR", "972501234567"),  # a plus put before a decimal
        ("0501234579.0", "IL", "972501234579"),
        ("972501234567.000", "IL", "972501234567"),
        ("5.01234579E8", "IL", "972501234579"),
        ("5,01234579e+08", "IL", "972501234579"),
        ("9.72545550001E+11", "GR", "972545550001"),
        ("5.0123457900E8", "IL", "972501234579"),
        ("9.72501E+11", "IL", None),
        ("5.0123457E8", "IL", None),  # of a digit that is not written nobody knows whether it was 0
        ("5.012345795E8", "IL", None),
        ("123456.0", "IL", None),
        ("0541234.000", "IL", "972541234000"),  # a group of a number's own digits
        ("050.1234567", "IL", "972501234567"),
    ],
)
def test_a_spreadsheets_number_is_the_digits_that_it_was_made_of(value: str, country: str, digits: str | None) -> None:
    assert digits_of(value, country) == digits == phone_digits(value, country)
    assert has_lost_digits(value) is (digits is None and "E" in value)
    assert not has_fraction(value)


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("054 280 0001.0", "IL", "972542800001"),
        ("054-280-0001,00", "IL", "972542800001"),
        ("+49 151 1234570.0", "DE", "491511234570"),
        ("151.1234571", "DE", "491511234571"),
        ("151 1234 5678.0", "DE", "4915112345678"),
        ("(0151) 1234573.0", "DE", "491511234573"),
        ("(0151 1234573.0)", "DE", "491511234573"),
        ("0151/1234575.0", "DE", "491511234575"),
        ("1 511 234 576.00", "DE", "491511234576"),
        ("1\u00a0511\u00a0234\u00a0576 ,00", "DE", "491511234576"),  # as a French spreadsheet shows it
        ("\u0660\u0665\u0664\u0662\u0668\u0660\u0660\u0660\u0660\u0661.0", "IL", "972542800001"),
        ("\u0660\u0665\u0664\u0662\u0668\u0660\u0660\u0660\u0660\u0661\u066b\u0660", "IL", "972542800001"),
        ("\uff10\uff15\uff14\uff12\uff18\uff10\uff10\uff10\uff10\uff11\uff0e\uff10", "IL", "972542800001"),
        ("501.234.592", "IL", "972501234592"),
        ("050.123.45.67", "IL", "972501234567"),
        ("01.23.45.67.00", "FR", "33123456700"),
        ("+33 (0)1.23.45.67.00", "FR", "33123456700"),
        ("1511234589.0.0", "DE", None),
        ("1511234589.00.00", "DE", None),
        ("+49 151.1234570.00", "DE", None),
        ("054.280 0001.0", "IL", None),
    ],
)
def test_zeros_behind_a_grouped_number_are_no_digits_of_it(value: str, country: str, digits: str | None) -> None:
    assert digits_of(value, country) == digits == phone_digits(value, country)
    assert has_fraction(value) is (digits is None)


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("542,700,008", "IL", "972542700008"),
        ("1,511,234,578.00", "DE", "491511234578"),
        ("1.511.234.578,00", "DE", "491511234578"),
        ("972,542,700,008", "GR", "972542700008"),
        ("542,700,008.5", "IL", None),
        ("1.511.234.578,50", "DE", None),
        ("054,270,000", "IL", None),
        ("54,27,00,008", "IL", None),
        ("542700,008", "IL", None),
    ],
)
def test_a_number_that_a_spreadsheet_parted_by_thousands_is_mended(
    value: str, country: str, digits: str | None
) -> None:
    assert digits_of(value, country) == digits == phone_digits(value, country)
    assert has_fraction(value) is value.endswith(("8.5", ",50"))


# What may stand before and behind a number: brackets, quotes, marks of direction, and what parts cells and lines.
AROUND = (
    *(
        ("[", "]"),
        ("(", ")"),
        ("\u202a", "\u202c"),
        ('"', '"'),
        ("'", "'"),
        ("`", "`"),
        ("<", ">"),
        ("\u200b", "\u200b"),
    ),
    *(("", one) for one in (",", ";", ".", ":", "-", "/", "*", "|", "~", ".,")),
    *((one, "") for one in (",", ";", ".", ":", "/", "*", "|", "~")),
)


@pytest.mark.parametrize(("before", "behind"), AROUND)
@pytest.mark.parametrize(
    ("number", "country", "digits"),
    [
        ("30765432.0", "DE", "4930765432"),
        ("30765432,00", "DE", "4930765432"),
        ("545111249.000", "IL", "972545111249"),
        ("+972545111249.0", "GR", "972545111249"),
        ("054-511-1249.00", "IL", "972545111249"),
        ("545,111,249.00", "IL", "972545111249"),
        ("542,700,008", "IL", "972542700008"),
        ("5.45111249E8", "IL", "972545111249"),
        ("30765432.5", "DE", None),
        ("545111249.25", "IL", None),
        ("545111249.123", "IL", None),
        ("+97250123456.7", "IL", None),
        ("542,700,008.5", "IL", None),
        ("612 345 678.50", "ES", None),
        ("054 511 1249.5", "IL", None),
        ("9.72545E+11", "IL", None),
    ],
)
def test_what_stands_around_a_decimal_makes_no_other_number_of_it(
    before: str, behind: str, number: str, country: str, digits: str | None
) -> None:
    value = f"{before}{number}{behind}"
    assert digits_of(value, country) == digits == phone_digits(value, country)
    assert has_lost_digits(value) is (digits is None and "E" in number)
    assert has_fraction(value) is (digits is None and "E" not in number)


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("03.1234567", "IL", "97231234567"),
        ("054.511.1249", "IL", "972545111249"),
        ("054.511.12.49", "IL", "972545111249"),
        ("+49 30 1234.5678", "DE", "493012345678"),
        ("(02) 123.4567", "IL", "97221234567"),
        ("(02) 123.45.67;", "IL", "97221234567"),
        ("[01.23.45.67.00]", "FR", "33123456700"),
        ("(0541234.000)", "IL", "972541234000"),
        ("+972.54.511.1249,", "IL", "972545111249"),
        ("(-050-1234567)", "IL", "972501234567"),
        ("/-0501234567", "IL", "972501234567"),
    ],
)
def test_points_that_part_a_phone_make_no_decimal_of_it(value: str, country: str, digits: str) -> None:
    assert digits_of(value, country) == digits == phone_digits(value, country)
    assert not has_fraction(value)


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("9.72545111233e+011", "IL", "972545111233"),
        ("545.111235E+06", "IL", "972545111235"),
        ("545111237.0E0", "IL", "972545111237"),
        ("0.545111237E+9", "IL", "972545111237"),
        ("+9.72545111233E+11", "GR", "972545111233"),
        ("\u0665.\u0664\u0665\u0661\u0661\u0661\u0662\u0664\u0669E\u0668", "IL", "972545111249"),
        ("9.72545e+011", "IL", None),
        ("545.11E+06", "IL", None),
        ("54511123E1", "IL", None),
        ("\u0669.\u0667\u0662\u0665E+\u0661\u0661", "IL", None),
    ],
)
def test_a_power_of_ten_of_any_form_is_mended_or_refused_with_its_cause(
    value: str, country: str, digits: str | None
) -> None:
    assert digits_of(value, country) == digits == phone_digits(value, country)
    assert has_lost_digits(value) is (digits is None)


SEPARATORS = ("\u00a0", "\u202f", "\u2009", "\u2007", "\u2019", "'", "\u066c")


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize(
    ("groups", "country", "digits"),
    [
        ("972 501 234 567", "IL", "972501234567"),  # as LibreOffice and Excel write it in French, or in Swiss German
        ("06 12 34 56 78", "FR", "33612345678"),
        ("+41 79 123 45 67", "CH", "41791234567"),
        ("\u0669\u0667\u0662 \u0665\u0660\u0661 \u0662\u0663\u0664 \u0665\u0666\u0667", "IL", "972501234567"),
        ("612 345 678,00", "ES", "34612345678"),
        ("612 345 678.00", "ES", "34612345678"),
        ("612 345 678,50", "ES", None),
        ("612 345 678.50", "ES", None),  # with the fraction's digits it would be an Australian's
        ("612 345 678.5", "ES", None),
    ],
)
def test_thousands_may_be_parted_as_any_locale_parts_them(
    separator: str, groups: str, country: str, digits: str | None
) -> None:
    value = groups.replace(" ", separator)
    assert digits_of(value, country) == digits == phone_digits(value, country)
    assert has_fraction(value) is (digits is None)


@pytest.mark.parametrize("apostrophe", ["'", "\u2019"])
def test_an_apostrophe_before_or_behind_a_number_parts_nothing(apostrophe: str) -> None:
    assert digits_of(f"{apostrophe}0501234567", "IL") == "972501234567"
    assert digits_of(f"0501234567{apostrophe}", "IL") == "972501234567"
    assert digits_of(f"050{apostrophe} 1234567", "IL") is None
    assert digits_of(f"5{apostrophe}11", "US") is None  # a person's height


FRACTIONS = (
    *("0545111249.000", "+972545111249.000"),  # behind so many digits no group of three is left of a phone
    *(
        "97250123456.7",
        "97250123456,7",
        "501234579.25",
        "501234579.05",
        "501234901.5",
        "501234901.123456",
        " 5012345.5 ",
    ),
    *("+97250123456.7", "0501234579.5", "0501234.56"),
    *("0.541234567", "0,123456789", "0.5"),
)


@pytest.mark.parametrize("value", FRACTIONS)
@pytest.mark.parametrize("country", ["IL", None])
def test_a_number_with_a_fraction_is_no_phone(value: str, country: str | None) -> None:
    assert digits_of(value, country) is None
    assert phone_digits(value, country) is None
    assert has_fraction(value.strip())


@pytest.mark.parametrize("value", ["2024-01-01", " 2026-12-31 ", "1987-05-12", "“2024-01-01”"])
@pytest.mark.parametrize("country", ["IL", "DK", None])
def test_a_day_is_no_phone(value: str, country: str | None) -> None:
    assert is_date(value)
    assert digits_of(value, country) is None
    assert phone_digits(value, country) is None


@pytest.mark.parametrize("value", ["02-024-0101", "2024-13-01", "054-2024-01-01", "20240101"])
def test_other_groups_of_digits_are_no_day(value: str) -> None:
    assert not is_date(value)


@pytest.mark.parametrize("value", ["6209876543.0", "6209876543", "6 20 987 6543", "06209876543", "+36209876543"])
def test_a_trunk_prefix_of_two_digits_may_lose_its_zero(value: str) -> None:
    assert digits_of(value, "HU") == "36209876543"
    assert phone_digits(value, "HU") == "36209876543"


def test_digits_that_no_lost_zero_explains_are_read_as_before() -> None:
    assert digits_of("612345678", "HU") == "3612345678"
    assert digits_of("447911123456", "HU") == "447911123456"


@pytest.mark.parametrize("value", ["0507654321,0507654322", "0507654321.0507654322", "+972507654321,+972507654322"])
def test_two_numbers_are_neither_a_phone_nor_a_fraction(value: str) -> None:
    assert digits_of(value, "IL") is None
    assert not has_fraction(value)


@pytest.mark.parametrize("value", ["-501234580", "-972501234580", "-0501234580", " -972501234580", "-501234580.5"])
@pytest.mark.parametrize("country", ["IL", None])
def test_a_negative_number_is_no_phone(value: str, country: str | None) -> None:
    assert digits_of(value, country) is None
    assert phone_digits(value, country) is None


@pytest.mark.parametrize("value", ["0501234.567", "050.1234567", "5012.34567", "-050-1234567", "05.01.23.45.67"])
def test_a_dot_between_groups_of_a_phones_digits_makes_no_fraction(value: str) -> None:
    assert digits_of(value, "IL") == "972501234567"


@pytest.mark.parametrize("value", ["1234", "123456", "000123456", "012345", "+97212", "(12) 34-56"])
def test_fewer_than_seven_significant_digits_are_no_phone(value: str) -> None:
    assert read_phone(value, "IL") is None
    assert read_phone(value, None) is None


def test_a_short_number_that_a_plan_has_is_a_phone() -> None:
    assert digits_of("312345", "AD") == "376312345"
    assert digits_of("312345", "IL") is None


@pytest.mark.parametrize(
    "value", ["1111111111", "0555555555", "+1111111111", "22-222-2222", "0000000000", "00 777 7777"]
)
def test_one_digit_repeated_is_no_phone(value: str) -> None:
    for country in ("IL", "ES", "US", None):
        assert read_phone(value, country) is None
        assert phone_digits(value, country) is None


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("447911123456", "ES", "447911123456"),
        ("44 7911 123456", "IL", "447911123456"),
        ("8613912345678", "IL", "8613912345678"),  # too long for a number of Israel
        ("07911123456", "ES", "3407911123456"),  # a single zero is of no international number
        ("612345678", "ES", "34612345678"),
        ("3466666666", "IL", "9723466666666"),  # valid in neither way
        ("2015550123", "US", "12015550123"),
    ],
)
def test_digits_that_are_valid_internationally_alone_are_international(value: str, country: str, digits: str) -> None:
    assert digits_of(value, country) == digits == phone_digits(value, country)


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("4915112345678", "DE", "4915112345678"),  # 04915 is an area there
        ("49 151 12345678", "DE", "4915112345678"),
        ("62812345678", "ID", "62812345678"),
        ("38343481876", "XK", "38343481876"),
        ("972621112225", "IL", "972621112225"),  # no valid number in either way
        ("04915112345678", "DE", "494915112345678"),  # it says that it is dialled there
        ("468120753", "SE", "46468120753"),  # a spreadsheet's form of 046-812 07 53; neither is a mobile one
        ("4911234567", "DE", "494911234567"),
        ("97234567", "IL", "97297234567"),
    ],
)
def test_digits_with_the_countrys_own_calling_code_are_international_where_that_is_known_as_well(
    value: str, country: str, digits: str
) -> None:
    reading = read_phone(value, country)
    assert (reading.digits if reading else None) == digits


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("(201) 555-0123", "ES", None),  # an Egyptian's, with a plus
        ("(201) 555-0123", "IL", "9722015550123"),  # of a length that Israel has
        ("(201) 555-0123", "FR", None),
        ("(212) 555-0199", "ES", None),
        ("(305) 555-0188", "FR", None),
        ("[201] 555-0123", "ES", None),
        ("tel: (201) 555-0123", "ES", None),
        ("\u202a( 201 )5550123\u202c", "ES", None),
        ("(\u0662\u0660\u0661) \u0665\u0665\u0665-\u0660\u0661\u0662\u0663", "ES", None),
        ("(201) 555-0123", "US", "12015550123"),
        ("(91) 234 56 78", "ES", "34912345678"),
        ("(3) 123-4567", "IL", "97231234567"),
        ("(972) 50-765-4321", "IL", "972507654321"),
        ("(49) 151 12345678", "DE", "4915112345678"),
        ("(305) 555-0188", "IL", "9723055550188"),
        ("1 (201) 555-0123", "ES", "12015550123"),
        ("(+1) 201 555-0123", "ES", "12015550123"),
        ("+1 (201) 555-0123", "ES", "12015550123"),
        ("(001) 201 555-0123", "ES", "12015550123"),
        ("(050) 765-4321", "IL", "972507654321"),
        ("(0) 50 765 4321", "IL", "972507654321"),
        ("(12015550123)", "ES", "12015550123"),
    ],
)
def test_a_number_that_begins_with_an_area_code_in_brackets_is_the_countrys_or_none(
    value: str, country: str, digits: str | None
) -> None:
    assert digits_of(value, country) == digits == phone_digits(value, country)
    for form in PhoneForm:
        readings = phone_readings(value, country, form)
        assert readings[:1] == (() if digits is None else (digits,))
        if "(001" not in value and "(1201" not in value:
            assert len(readings) <= 1


def test_an_area_code_in_brackets_has_no_other_reading() -> None:
    assert read_ambiguous_phone("(201) 555-0123", "ES") == ("(201) 555-0123", None)
    assert read_ambiguous_phone("(212) 555-0199", "IL") == ("+9722125550199", None)
    assert read_ambiguous_phone("(201) 555-0123", "US") == ("+12015550123", None)
    assert digits_of("(972) 50-765-4321", None) == "972507654321"  # where there is no country to dial in


def test_a_text_longer_than_the_limit_is_no_phone_though_it_is_mostly_space() -> None:
    number = "0507654321"
    assert digits_of(" " * (MAX_PHONE_CHARACTERS - len(number)) + number, "IL") == "972507654321"
    assert digits_of(" " * (MAX_PHONE_CHARACTERS - len(number) + 1) + number, "IL") is None


@pytest.mark.parametrize("country", [None, "", "ZZ", "AQ", "XX"])
def test_without_a_known_country_digits_are_read_as_international(country: str | None) -> None:
    for value in ("972507654321", "+972507654321", "00972507654321", "972-50-765-4321", "(972) 507654321"):
        assert digits_of(value, country) == "972507654321"
    assert digits_of("0507654321", country) is None
    assert digits_of("99000000000", country) == "99000000000"  # though no calling code begins so


@pytest.mark.parametrize("country", ["ES", "IL", "US", "FI", None])
@pytest.mark.parametrize(
    "value", ["+99000000000", " +990 0000 0000", "(+990) 000-00000", "\uff0b\u0669\u0669000000000"]
)
def test_an_international_number_needs_no_known_calling_code(country: str | None, value: str) -> None:
    reading = read_phone(value, country)
    assert reading is not None
    assert reading.digits == "99000000000"
    assert PhoneQuality.decode(reading.quality) == (Validity.NOT_POSSIBLE, PhoneKind.UNKNOWN)
    assert reading.region is None
    assert national_form(reading.digits, country or "ES") == "+99000000000"


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        ("0099000000000", "ES", "99000000000"),
        ("01199000000000", "US", "99000000000"),
        ("0099000000000", None, "99000000000"),
        ("+990000", "ES", None),
        ("+9900000000000000", "ES", None),
        ("+0990000000", "ES", None),
        ("+99000000000#5", "ES", None),
        ("+99000000000;5", None, None),
    ],
)
def test_a_number_of_no_plan_has_the_shape_of_every_number(value: str, country: str | None, digits: str | None) -> None:
    assert digits_of(value, country) == digits


def test_the_quality_tells_validity_kind_and_region() -> None:
    def judged(value: str, country: str) -> tuple[Validity, PhoneKind, str | None]:
        reading = read_phone(value, country)
        assert reading is not None
        return (*PhoneQuality.decode(reading.quality), reading.region)

    assert judged("0507654321", "IL") == (Validity.VALID, PhoneKind.MOBILE, "IL")
    assert judged("03-9415550", "IL") == (Validity.VALID, PhoneKind.FIXED, "IL")
    assert judged("0521234567", "IL") == (Validity.POSSIBLE, PhoneKind.UNKNOWN, "IL")
    assert judged("3466666666", "ES") == (Validity.NOT_POSSIBLE, PhoneKind.UNKNOWN, "ES")
    assert judged("201-555-0123", "US") == (Validity.VALID, PhoneKind.FIXED_OR_MOBILE, "US")
    assert judged("+1 876 210 1234", "IL") == (Validity.VALID, PhoneKind.MOBILE, "JM")
    assert judged("+800 1234 5678", "IL") == (Validity.VALID, PhoneKind.TOLL_FREE, "001")
    assert judged("+1 999 999 9999", "IL") == (Validity.POSSIBLE, PhoneKind.UNKNOWN, None)


def test_a_quality_is_a_small_integer_that_can_be_taken_apart() -> None:
    qualities = [PhoneQuality(validity, kind) for validity in Validity for kind in PhoneKind]
    encoded = [quality.encode() for quality in qualities]
    assert len(set(encoded)) == len(qualities)
    assert min(encoded) >= 0
    assert max(encoded) <= 127
    assert [PhoneQuality.decode(code) for code in encoded] == qualities
    for wrong in (-1, 11, 48):
        with pytest.raises(ValueError, match="is not a valid"):
            PhoneQuality.decode(wrong)


def test_every_kind_of_the_library_has_its_name_here() -> None:
    values = set(phonenumbers.PhoneNumberType.values()) - {phonenumbers.PhoneNumberType.UNKNOWN}
    assert values == set(PhoneKind) - {PhoneKind.UNKNOWN}


def test_neither_a_phone_nor_a_reading_shows_its_number() -> None:
    phone, reading = Phone("972507654321"), PhoneReading("972507654321", 33, "IL")
    for shown in (repr(phone), str(phone), f"{phone}", repr([phone]), repr(reading), f"{reading!s:>60}"):
        assert "972…21" in shown
        assert "5076" not in shown
    assert repr(phone) == "Phone('972…21')"


@pytest.mark.parametrize(
    "digits", ["", "0507654321", "123456", "1234567890123456", "+972507654321", "97250765432\uff11"]
)
def test_a_phone_refuses_what_is_no_e164_number_without_showing_it(digits: str) -> None:
    with pytest.raises(ValueError, match="7 to 15 digits") as refusal:
        Phone(digits)
    assert not digits or digits not in str(refusal.value)


def test_phones_are_values() -> None:
    assert Phone("972507654321") == Phone("972507654321")
    assert len({Phone("972507654321"), Phone("972507654321"), Phone("972507654322")}) == 2


@pytest.mark.parametrize(
    ("digits", "country", "national"),
    [
        ("972521234567", "IL", "0521234567"),
        ("972521234567", "il", "0521234567"),
        ("97239415550", "IL", "039415550"),
        ("9721800123456", "IL", "1800123456"),
        ("34612345678", "ES", "612345678"),
        ("306912345678", "GR", "6912345678"),
        ("79123456789", "RU", "89123456789"),
        ("447412345678", "GB", "07412345678"),
        ("12015550123", "US", "2015550123"),
        ("390212345678", "IT", "0212345678"),
        ("36201234567", "HU", "06201234567"),
        ("5491123456789", "AR", "0111523456789"),
        ("972521234567", "GR", "+972521234567"),
        ("306912345678", "IL", "+306912345678"),
        ("972521234567", "ZZ", "+972521234567"),
        ("9720101683007", "IL", "+9720101683007"),  # its national form would begin an international call
    ],
)
def test_a_number_is_written_as_it_is_dialled_in_its_country(digits: str, country: str, national: str) -> None:
    assert national_form(digits, country) == national


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_national_form_reads_back_as_the_same_number(country: str) -> None:
    accepted = {digits for value in phones_of(country, seeded(country), 60) if (digits := digits_of(value, country))}
    assert accepted
    for digits in accepted:
        # Some numbers of no allocated range have no form at all that the parser reads as that number.
        if digits_of(f"+{digits}", country) == digits:
            assert digits_of(national_form(digits, country), country) == digits


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_plainly_dialled_digits_are_read_without_the_parser_as_the_parser_reads_them(country: str) -> None:
    rng = seeded(country)
    code = str(phonenumbers.country_code_for_region(country))
    example = phonenumbers.national_significant_number(phonenumbers.example_number(country) or PhoneNumber())
    heads = ("", "0", "1", "8", code, f"+{code}", f"00{code}", f"+{code}0", f"{code}0")
    texts = [rng.choice(heads) + "".join(rng.choices("0123456789", k=rng.randrange(3, 13))) for _ in range(60)]
    near = [f"{example[:-2]}{rng.randrange(1000)}" for _ in range(20)]
    texts += [head + nsn for head in heads for nsn in (example, *near)]
    assert [phone_digits(text, country) for text in texts] == [digits_of(text, country) for text in texts]


@given(st.text(max_size=300), st.sampled_from((*COUNTRIES, None)))
def test_any_text_is_a_phone_of_the_right_shape_or_none(text: str, country: str | None) -> None:
    reading = read_phone(text, country)
    assert phone_digits(text, country) == (None if reading is None else reading.digits)
    if reading is not None:
        assert Phone(reading.digits)
        assert PhoneQuality.decode(reading.quality).encode() == reading.quality


@pytest.mark.parametrize(
    ("code", "region"),
    [
        ("972", "IL"),
        (" +972 ", "IL"),
        ("00972", "IL"),
        ("1", "US"),
        ("7", "RU"),
        ("44", "GB"),
        # Of no country, of nobody, and no codes at all.
        *[(code, None) for code in ("800", "888", "0", "999", "9720", "", "+", "IL", "-1", "97 2", "\u0663\u0660")],
    ],
)
def test_a_calling_code_leads_to_the_country_by_whose_plan_it_is_dialled(code: str, region: str | None) -> None:
    assert region_of_calling_code(code) == region


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        *(("612 34 56 78/79", "ES", None), ("612345678 1/2", "ES", None), ("612345678/79", "FR", None)),
        *(("030 1234567/8", "DE", None), ("+34 612345678 / 9", "ES", None), ("612345678/679", "NL", None)),
        *(("030/1234567", "DE", "49301234567"), ("0664/123 45 67", "AT", "436641234567")),
        *(("06/12/34/56/78", "FR", "33612345678"), ("+43 664/1234567", "AT", "436641234567")),
    ],
)
@pytest.mark.parametrize("others", [0, 300])
def test_two_numbers_of_a_cell_are_none(value: str, country: str, digits: str | None, others: int) -> None:
    assert digits_of(value, country) == digits
    column = normalise_phones(pl.Series([value] * (others + 1)), country)
    assert set(column["digits"].to_list()) == {digits}
    assert has_second_number(value) is (digits is None)


@pytest.mark.parametrize(
    ("value", "country", "digits"),
    [
        *(("06 1234 56.00", "IT", None), ("8 (495) 123-45.00", "RU", None), ("612 34 57.00", "ES", None)),
        *(("+34 612 34 56.00", "ES", None), ("612 345 678.00", "ES", "34612345678")),
        *(("054-511-1249.00", "IL", "972545111249"), ("01.23.45.67.00", "FR", "33123456700")),
    ],
)
@pytest.mark.parametrize("others", [0, 300])
def test_two_zeros_behind_a_short_group_may_be_digits_and_are_not_guessed(
    value: str, country: str, digits: str | None, others: int
) -> None:
    column = normalise_phones(pl.Series([value] * (others + 1)), country)
    assert {digits_of(value, country), *column["digits"].to_list()} == {digits}
