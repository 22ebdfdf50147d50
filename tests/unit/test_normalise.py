import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.unit.corpus import COUNTRIES, EMAIL_DOMAINS, EMAIL_FRAMES, EMAIL_LOCALS, emails, phones_of, seeded

from carillon.addresses.email_columns import common_emails, composed_emails
from carillon.addresses.emails import read_email
from carillon.addresses.normalise import ambiguous_phones, likely_phones, normalise_emails, normalise_phones
from carillon.addresses.phone_columns import PhoneColumn
from carillon.addresses.phone_readings import PhoneForm, phone_readings, read_ambiguous_phone
from carillon.addresses.phones import read_phone

PHONE_SCHEMA = {"digits": pl.String, "quality": pl.Int16, "region": pl.String}
EMAIL_SCHEMA = {"key": pl.String, "given": pl.String}
MANY = 220  # enough rows for passes over columns; fewer are read by the references themselves


def phones_by_reference(values: list[str | None], country: str | None) -> pl.DataFrame:
    readings = [None if value is None else read_phone(value, country) for value in values]
    rows = [(None, None, None) if r is None else (r.digits, r.quality, r.region) for r in readings]
    return pl.DataFrame(rows, schema=PHONE_SCHEMA, orient="row")


def emails_by_reference(values: list[str | None]) -> pl.DataFrame:
    readings = [None if value is None else read_email(value) for value in values]
    rows = [(None, None) if r is None else (r.key, r.given) for r in readings]
    return pl.DataFrame(rows, schema=EMAIL_SCHEMA, orient="row")


def texts(values: Sequence[str | None]) -> pl.Series:
    return pl.Series("anything", values, dtype=pl.String)


@pytest.mark.parametrize("country", [*COUNTRIES, "il", "ZZ", None])
def test_phones_of_a_column_are_what_the_reference_reads(country: str | None) -> None:
    rng = seeded(f"phones {country}")
    written_in = country if country in COUNTRIES else "IL"
    values: list[str | None] = [None, *phones_of(written_in, rng, 300)]
    rng.shuffle(values)
    expected = phones_by_reference(values, country)
    assert expected["digits"].null_count() < len(values)
    assert_frame_equal(normalise_phones(texts(values), country), expected)


# Numbers of spreadsheets: mended, with a fraction, negative; and phones whose groups look like them.
NUMBERS = tuple(
    f"{sign}{whole}{point}{fraction}"
    for sign in ("", "+", "-", " -", "\u00a0-", "- ")
    for whole in (
        *("972501234567", "501234567", "0501234567", "0501234", "5012345", "050123"),
        *("050 123 4567", "(050) 123/4567", "050\u00a0123-4567", "050.123.4567", "972 50.1234567", "501.234.567"),
        *("01.23.45.67", "972,501,234,567", "501,234,567", "50,123,4567", "501234567.0", "\u0660501234567"),
        *("972\u202f501\u202f234\u202f567", "612'345'678", "050\u2019123\u20094567", "501\u2007234 567", "'0501234567"),
    )
    for point in (".", ",", " ", "", ". ", "\u00a0,", "\uff0e")
    for fraction in ("", "0", "00", "000", "5", "25", "05", "567", "123456", "5E3")
)


@pytest.mark.parametrize("country", ["IL", "US", None])
def test_numbers_of_spreadsheets_in_a_column_are_what_the_reference_reads(country: str | None) -> None:
    values = list(NUMBERS)
    assert_frame_equal(normalise_phones(texts(values), country), phones_by_reference([*values], country))


AROUND = (
    *("[]", "()", "\u202a\u202c", '""', "''", "``", "<>"),
    *(f" {one}" for one in ",;.:-/*|~\u200b#x\u0665"),
    *",;.:/-~+",
)


@pytest.mark.parametrize("country", ["IL", "DE", None])
def test_numbers_of_spreadsheets_with_something_around_them_are_what_the_reference_reads(country: str | None) -> None:
    wholes = ("30765432", "0501234567", "+972501234567", "050 123-4567", "01.23.45.67", "542,700,008", "5.45111249")
    numbers = [one + end for one in wholes for end in (".0", ",00", ".000", ".5", "E8", "E+08", "E+008", "")]
    values = [f"{around[0].strip()}{one}{around[1:].strip()}" for one in numbers for around in AROUND]
    assert_frame_equal(normalise_phones(texts(values), country), phones_by_reference([*values], country))


# Of other countries without a plus, of new ranges, and ambiguous.
FOREIGN = (
    *("447911123456", "33612345678", "12025550123", "306912345678", "4915112345678", "3466666666", "3212345678"),
    *("4572345678", "98748683", "0541110001", "541110001", "687751234", "9723466666667"),
    *("4915053253819", "62812179635", "38343481876", "468120753", "972621112225", "62218990177", "62 812 179635"),
    *("99000000000", "6941234567", "2101234567", "+99000000000", "0099000000000", "999", "+2100000"),
    *("٤٤ 07911123456", "(0) 44 7911 123456", "(+44) 7911123456", "0044 7911123456"),
    *("(201) 555-0123", "(212) 555-0199", "(305) 555-0188", "[44] 7911 123456", "1 (201) 555-0123", "(00201) 5550123"),
    *(
        "(\u0662\u0660\u0661) \u0665\u0665\u0665-\u0660\u0661\u0662\u0663",
        "(\u0660\u0665\u0660) \u0667\u0666\u0665\u0664\u0663\u0662\u0661",
        "(972) 50-765-4321",
        "(49) 151 12345678",
        "(62) 812 179635",
        "(46) 8120753",
    ),
    *("\u202a(201) 555 0123\u202c", "(1) 201 555 0123", "(3) 466 66666 66", "\uff08201\uff09 5550123"),
)


@pytest.mark.parametrize("country", ["IL", "ES", "US", "GR", "DE", "ID", "SE", "XK"])
@pytest.mark.parametrize("count", [20, 300])
def test_plain_phones_of_a_column_are_what_the_reference_reads(country: str, count: int) -> None:
    values = [*FOREIGN, *phones_of(country, seeded(f"plain {country}"), count)]
    read = ambiguous_phones(texts([None, *values]), country)
    assert read.rows() == [(None, None), *(read_ambiguous_phone(value, country) for value in values)]


@pytest.mark.parametrize(
    ("country", "given", "plain", "other"),
    [
        ("IL", "447911123456", "+447911123456", None),
        ("IL", "972541110001", "+972541110001", None),
        ("IL", "0541110001", "+972541110001", None),
        ("IL", "541110001", "+972541110001", "541110001"),
        ("IL", "3466666666", "+9723466666666", "3466666666"),
        ("US", "4534609716", "+4534609716", None),  # an area code that the plan doesn't know, and Denmark's
        ("DE", "31614854445", "+31614854445", None),
        ("US", "3212345678", "+13212345678", "3212345678"),
        ("US", "447911123456", "+447911123456", None),
        ("GR", "6912345678", "+306912345678", "6912345678"),
        (
            "ES",
            "99000000000",
            "+99000000000",
            None,
        ),  # no calling code begins so, and Spain has no such length
        ("ES", "0099000000000", "+99000000000", None),
        ("IL", "99000000000", "+97299000000000", "99000000000"),  # a length that Israel's plan has
        ("FR", "3466666666", "+3466666666", None),  # too short for Spain, too long for France
        ("GR", "6941234567", "+306941234567", "6941234567"),
        ("IL", "nobody", "nobody", None),
    ],
)
def test_a_number_without_a_plus_is_what_the_plans_know_best(
    country: str, given: str, plain: str, other: str | None
) -> None:
    assert read_ambiguous_phone(given, country) == (plain, other)


@pytest.mark.parametrize("country", ["AD", "GG", "SM", "NF", "IL"])
def test_short_numbers_of_a_column_are_what_the_reference_reads(country: str) -> None:
    values: list[str | None] = [str(number) for number in (*range(0, 10**6, 4321), 312345, 812345, 200000)]
    expected = phones_by_reference(values, country)
    assert (expected["digits"].null_count() < len(values)) is (country != "IL")
    assert_frame_equal(normalise_phones(texts(values), country), expected)


def test_phones_of_many_countries_in_one_column_are_what_the_reference_reads() -> None:
    rng = seeded("mixed")
    values: list[str | None] = [value for country in COUNTRIES for value in phones_of(country, rng, 30)]
    for country in ("IL", None):
        assert_frame_equal(normalise_phones(texts(values), country), phones_by_reference(values, country))


def test_ordinary_phones_are_decided_without_the_reference() -> None:
    rng = seeded("ordinary")
    heads = ("050", "+97250", "0097250", "97250", "052-", "+30694", "+34 612-", "+7 912 ", "+44 (0)7400")
    lengths = (7, 7, 7, 7, 7, 7, 6, 7, 6)
    values = [
        head + "".join(rng.choices("0123456789", k=length))
        for head, length in zip(heads, lengths, strict=True)
        for _ in range(MANY)
    ]
    column = PhoneColumn(texts(values), "IL")
    assert column.decided.height == len(values)
    assert column.undecided.is_empty()


def test_emails_of_a_column_are_what_the_reference_reads() -> None:
    values: list[str | None] = [None, *emails(seeded("emails"), 4000)]
    expected = emails_by_reference(values)
    assert expected["key"].null_count() < len(values)
    assert expected["given"].null_count() < len(values)
    assert_frame_equal(normalise_emails(texts(values)), expected)


def test_ordinary_emails_are_decided_without_the_reference() -> None:
    values = [
        f"{name}{n}@{domain}" for name in ("a.b", "Anna_") for domain in ("x.com", "b-c.co.il") for n in range(MANY)
    ]
    decided, undecided = common_emails(texts(values))
    assert decided.height == len(values)
    assert undecided.is_empty()


def test_addresses_of_odd_domains_are_decided_by_their_parts() -> None:
    domains = (
        "bücher.example",
        "xn--bcher-kva.example",
        "דוגמה.com",
        "почта.рф",
        "MAIL。Example.com",
        "l" * 60 + ".com",
    )
    values = [f"{name}{n}@{domain}" for name in ("Info", "анна") for domain in domains for n in range(30)]
    refused = [f"anna@{domain}" for domain in ("bücher.test", "xn--a.com", "a..com", "-é.com")]
    column = texts([*values, *refused])
    decided, undecided = composed_emails(column, pl.arange(column.len(), dtype=pl.UInt32, eager=True))
    assert decided["row"].sort().to_list() == [*range(len(values))]
    assert undecided.is_empty()


def test_white_space_around_an_odd_address_is_what_python_strips() -> None:
    space = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
    around = [f"{char}anna@bücher.example{char}" for char in (*space, "\u200b", "\u180e", "\ufeff")]
    values = [*around, *(["anna@bücher.example"] * MANY)]
    assert_frame_equal(normalise_emails(texts(values)), emails_by_reference([*values]))
    assert normalise_emails(texts(values))["key"].null_count() == 3


@pytest.mark.parametrize("domain", ["bücher.de", "xn--bcher-kva.de", "bb.de", "BÜCHER。de", "é" * 20 + ".e\u0301.de"])
@pytest.mark.parametrize("character", ["a", "é", "e\u0301", "\u2126", "\U0001d49c"])
def test_the_size_of_a_whole_address_is_limited_as_the_reference_limits_it(domain: str, character: str) -> None:
    values: list[str | None] = [character * count + "@" + domain for count in range(1, 260)]
    expected = emails_by_reference(values)
    assert 0 < expected["key"].null_count() < len(values)
    assert_frame_equal(normalise_emails(texts(values)), expected)


PHONE_LIKE = st.text(
    "0123456789+-() ./'\u2019\u066c\u00a0\u202f\u0660\u0665\u0667\uff10\uff15x,;#*~\u200f\t\n", max_size=24
)
PHONE_LIKE |= st.from_regex(
    r"[+-]?\(?[1-9]?[0-9]{1,3}(([ .,/\-'\u2019\u2009\u202f]|\) |\u00a0)[0-9]{2,4}){1,4}"
    r" ?[.,\uff0e\u066b] ?[0\u0660]{1,3}\)?",
    fullmatch=True,
)
PHONE_LIKE |= st.from_regex(
    r"[+0]?[0-9]{1,12}[.,][0-9]{0,4}0|[0-9]([.,][0-9]{1,14})?[eE][+]?[01]?[0-9]", fullmatch=True
)
PHONE_LIKE |= st.from_regex(
    r"[(\[\"'`;:,./*|~\u200b\u202a\u0665+-]{0,2}[0-9]{5,11}[.,][0-9]{1,3}[)\]\"'`;:,./*|~>\u200b\u202c\u0665-]{0,2}",
    fullmatch=True,
)
PHONE_LIKE |= st.from_regex(
    r"[ (\[\u202a]{0,2}[(\[][0-9\u0660\u0662]{1,4}[)\]][ -]?[0-9]{3,4}[ -]?[0-9]{3,6}", fullmatch=True
)
EMAIL_LIKE = st.from_regex(r"[ -~]{1,12}@[a-zA-Z0-9.\-]{1,12}\.[a-zA-Z]{1,5}", fullmatch=True)


SCRIPTS = ("abzXYZ09-", "éüßÏİı", "ά\u03c3\u03c2ΣΩ", "жЯёд", "אבת1", "عربي٣", "ไทย", "हिन्दी", "漢字かなカナ", "한글")
ODD_CHARACTERS = "\u0301\u200d\u00ad\u0338ⓐ\uff21㎏ﬁ"
LETTERS = st.one_of(*(st.text(script, min_size=1, max_size=8) for script in SCRIPTS))
LETTERS |= st.text("".join(SCRIPTS) + ODD_CHARACTERS, max_size=8)
LABELS = LETTERS | LETTERS.map(str.upper) | LETTERS.map(lambda text: f"xn--{text.encode('punycode').decode()}")
LABELS |= st.sampled_from(("com", "test", "ONION", "xn--p1ai", "рф", "example", "", "l" * 63, "é" * 57, "é" * 58))
DOTS = st.sampled_from((".", ".", ".", "\u3002", "\uff0e", "\uff61", "..", "\u2024"))
DOMAINS = st.builds(
    lambda labels, dots, tail: "".join(a + b for a, b in zip(labels, dots, strict=True)) + tail,
    st.lists(LABELS, min_size=3, max_size=3),
    st.lists(DOTS | st.just(""), min_size=3, max_size=3),
    st.sampled_from(("", "", "com", "de", "рф", ".", "local")),
)
LOCALS = st.text("aZ9._+-'!\"\\ <>@(),é\u0301Σ\u03c3\u03c2אЖ漢İ\u00ad\u200b\u0338\U0001f600\u00a0", max_size=10)
LOCALS |= st.sampled_from((*EMAIL_LOCALS, "ΟΔΟΣ", "INFO", "info", "é" * 100, "e\u0301" * 70))
HARD_EMAILS = st.builds(
    lambda local, domain, frame: frame.replace("{}", f"{local}@{domain}"),
    LOCALS,
    DOMAINS | st.sampled_from(EMAIL_DOMAINS),
    st.sampled_from(EMAIL_FRAMES),
)


def repeated(values: list[str]) -> list[str | None]:
    """Repeat a short list until passes over columns are worth their while for each of its values."""
    return [*values] * (MANY // len(values) + 1)


@settings(deadline=None, max_examples=60)
@given(st.lists(PHONE_LIKE | st.text(), min_size=1, max_size=15), st.sampled_from((*COUNTRIES, None)))
def test_any_texts_are_the_phones_that_the_reference_reads(values: list[str], country: str | None) -> None:
    many = repeated(values)
    assert_frame_equal(normalise_phones(texts(many), country), phones_by_reference(many, country))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.from_regex(r"\+?[0-9]{4,18}", fullmatch=True), min_size=1, max_size=15),
    st.sampled_from((*COUNTRIES, None)),
)
def test_any_digits_are_the_phones_that_the_reference_reads(values: list[str], country: str | None) -> None:
    many = repeated(values)
    assert_frame_equal(normalise_phones(texts(many), country), phones_by_reference(many, country))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.from_regex(r"\+?[0-9]{4,18}", fullmatch=True) | PHONE_LIKE, min_size=1, max_size=15),
    st.sampled_from(COUNTRIES),
)
def test_any_ambiguous_texts_of_a_column_are_what_the_reference_reads(values: list[str], country: str) -> None:
    many = repeated(values)
    read = {value: read_ambiguous_phone(value, country) for value in values}
    assert ambiguous_phones(texts(many), country).rows() == [read[str(value)] for value in many]


def readings_of_column(values: list[str], country: str) -> list[tuple[str, ...]]:
    column = texts(values)
    likely, alternatives = likely_phones(column, normalise_phones(column, country), country)
    read = zip(likely["digits"], (alternatives.get(place) for place in range(len(values))), strict=True)
    return [tuple(digits for digits in both if digits is not None) for both in read]


@pytest.mark.parametrize("country", ["IL", "ES", "US", "GR", "DE", "ID", "SE"])
def test_one_number_has_the_readings_that_it_has_in_a_column_of_a_file(country: str) -> None:
    values = [*FOREIGN, *phones_of(country, seeded(f"single {country}"), 100)]
    form = PhoneForm.NATIONAL_IF_VALID
    assert [phone_readings(one, country, form) for one in values] == readings_of_column(values, country)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.from_regex(r"\+?[0-9]{4,18}", fullmatch=True) | PHONE_LIKE, min_size=1, max_size=15),
    st.sampled_from(COUNTRIES),
)
def test_any_digits_have_the_readings_that_they_have_in_a_column_of_a_file(values: list[str], country: str) -> None:
    many = [str(one) for one in repeated(values)]
    read = {value: phone_readings(value, country, PhoneForm.NATIONAL_IF_VALID) for value in values}
    assert readings_of_column(many, country) == [read[value] for value in many]


@settings(deadline=None, max_examples=50)
@given(st.lists(EMAIL_LIKE | st.emails() | st.text(), min_size=1, max_size=15))
def test_any_texts_are_the_emails_that_the_reference_reads(values: list[str]) -> None:
    many = repeated(values)
    assert_frame_equal(normalise_emails(texts(many)), emails_by_reference(many))


@settings(deadline=None, max_examples=100)
@given(st.lists(HARD_EMAILS, min_size=1, max_size=30))
def test_hard_addresses_are_the_emails_that_the_reference_reads(values: list[str]) -> None:
    many = [*values, *[None] * MANY]  # of which the reference reads each value once
    assert_frame_equal(normalise_emails(texts(many)), emails_by_reference(many))


@pytest.mark.parametrize("height", [0, 1, 2, MANY])
def test_columns_of_nulls_give_nulls(height: int) -> None:
    for nulls in (texts([None] * height), pl.Series([None] * height, dtype=pl.Null)):
        phones, addresses = normalise_phones(nulls, "IL"), normalise_emails(nulls)
        assert phones.schema == PHONE_SCHEMA
        assert addresses.schema == EMAIL_SCHEMA
        assert phones.height == addresses.height == height
        assert phones.null_count().sum_horizontal().to_list() == [3 * height]
        assert addresses.null_count().sum_horizontal().to_list() == [2 * height]


def test_columns_of_garbage_give_nulls() -> None:
    garbage = texts(["", "none", "\x00", "דוד", "-"] * MANY)
    assert normalise_phones(garbage, "IL")["digits"].null_count() == garbage.len()
    assert normalise_emails(garbage)["key"].null_count() == garbage.len()


@pytest.mark.parametrize("count", [1, MANY])
def test_rows_keep_their_order_whatever_decides_them(count: int) -> None:
    phones = texts(["0507654321", "x", "+30 691 2345678", None, "0\u066507654322", "972-507654323"] * count)
    digits = ["972507654321", None, "306912345678", None, "972507654322", "972507654323"]
    assert normalise_phones(phones, "IL")["digits"].to_list() == digits * count
    addresses = texts(["Anna@example.com", "x", "דוד@example.com", None, "b@example.com"] * count)
    keys = ["anna@example.com", None, "דוד@example.com", None, "b@example.com"]
    assert normalise_emails(addresses)["key"].to_list() == keys * count


@pytest.mark.parametrize("count", [1, MANY])
def test_huge_values_are_neither_phones_nor_addresses(count: int) -> None:
    huge = "1" * 1_000_000
    values = texts(
        [huge, f"{huge}@example.com", "\u05d0" * 1_000_000, " " * 1_000_000] + ["0507654321", "a@b.com"] * count
    )
    assert normalise_phones(values, "IL")["digits"].drop_nulls().to_list() == ["972507654321"] * count
    assert normalise_emails(values)["key"].drop_nulls().to_list() == ["a@b.com"] * count


def test_a_slice_of_a_chunked_column_is_read_like_a_whole_one() -> None:
    values: list[str | None] = [*phones_of("GR", seeded(5), MANY)]
    chunked = pl.concat([texts(values), texts(values)], rechunk=False)
    expected = phones_by_reference(values + values, "GR")
    assert_frame_equal(normalise_phones(chunked.slice(100, MANY), "GR"), expected.slice(100, MANY))


def test_threads_do_not_disturb_each_other() -> None:
    columns = {country: texts([*phones_of(country, seeded(9), MANY)]) for country in COUNTRIES[:12]}
    alone = {country: normalise_phones(column, country) for country, column in columns.items()}
    with ThreadPoolExecutor(6) as threads:
        together = dict(zip(columns, threads.map(lambda c: normalise_phones(columns[c], c), columns), strict=True))
    for country, frame in alone.items():
        assert_frame_equal(together[country], frame)
