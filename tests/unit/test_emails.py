import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.corpus import emails, seeded

from carillon.addresses.emails import MAX_EMAIL_CHARACTERS, Email, EmailReading, read_email


@pytest.mark.parametrize(
    ("value", "key", "spelling"),
    [
        ("anna@example.com", "anna@example.com", None),
        ("  Anna.Levi@Example.COM\r\n", "anna.levi@example.com", "Anna.Levi@example.com"),
        ("anna@EXAMPLE.com", "anna@example.com", None),
        ("INFO@example.com", "info@example.com", None),  # RFC 2142's names have no case
        ("o'neil+tag@example.co.uk", "o'neil+tag@example.co.uk", None),
        ("josé@example.com", "josé@example.com", None),
        ("jose\u0301@example.com", "josé@example.com", None),
        ("anna@münchen.de", "anna@münchen.de", None),
        ("anna@xn--mnchen-3ya.de", "anna@münchen.de", None),
        ("Ünal@example.com", "ünal@example.com", "Ünal@example.com"),
        ("anna@cohen.example.com", "anna@cohen.example.com", None),
    ],
)
def test_an_address_has_a_lower_cased_key_and_keeps_its_spelling(value: str, key: str, spelling: str | None) -> None:
    assert read_email(value) == EmailReading(key, spelling)


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "anna", "anna@", "@example.com", "anna@example", "anna@@example.com", "anna@exam ple.com"),
        *("anna..levi@example.com", ".anna@example.com", "anna.@example.com", "anna@-example.com", "anna@example.c1"),
        *('"anna levi"@example.com', "Anna <anna@example.com>", "anna@[127.0.0.1]", "mailto:a b@example.com"),
        *("anna@shop.test", "anna@printer.local", "anna@shop.invalid", "anna@site.onion", "anna@10.in-addr.arpa"),
        *("anna@localhost", "anna@" + "l" * 64 + ".com", "a" * 250 + "@example.com", "anna\x00@example.com"),
    ],
)
def test_texts_that_the_validator_refuses_are_no_addresses(value: str) -> None:
    assert read_email(value) is None


def test_a_text_longer_than_the_limit_is_no_address_though_it_is_mostly_space() -> None:
    address = "anna@example.com"
    assert read_email(" " * (MAX_EMAIL_CHARACTERS - len(address)) + address) == EmailReading(address, None)
    assert read_email(" " * (MAX_EMAIL_CHARACTERS - len(address) + 1) + address) is None


def test_a_key_reads_as_itself() -> None:
    readings = [reading for value in emails(seeded(3), 400) if (reading := read_email(value))]
    assert len(readings) > 300
    for reading in readings:
        assert read_email(reading.key) == EmailReading(reading.key, None)
        assert read_email(reading.given or reading.key) == reading


def test_neither_an_email_nor_a_reading_shows_its_address() -> None:
    email = Email("anna.levi@example.com", "Anna.Levi@example.com")
    reading = EmailReading("anna.levi@example.com", "Anna.Levi@example.com")
    for shown in (repr(email), str(email), f"{email}", repr([email]), repr(reading), f"{reading!s:>60}"):
        assert "a…@…com" in shown
        assert "nna" not in shown
        assert "example" not in shown
    assert repr(email) == "Email('a…@…com')"


def test_an_email_is_written_to_as_it_was_given() -> None:
    assert Email("anna@example.com").address == "anna@example.com"
    assert Email("anna@example.com", "Anna@example.com").address == "Anna@example.com"


@pytest.mark.parametrize("key", ["", "anna", "Anna@example.com"])
def test_an_email_refuses_what_is_no_key_without_showing_it(key: str) -> None:
    with pytest.raises(ValueError, match="lower-cased address") as refusal:
        Email(key)
    assert not key or key not in str(refusal.value)


@given(st.text(max_size=400) | st.emails())
def test_any_text_is_an_address_with_a_lower_cased_key_or_none(text: str) -> None:
    reading = read_email(text)
    if reading is not None:
        assert Email(reading.key, reading.given).key == reading.key.lower()
