"""Typographic characters are replaced where that spares UCS-2, and nowhere else."""

import pytest
from hypothesis import given
from tests.unit.sms_texts import texts

from carillon.text.encodings import Encoding, can_encode
from carillon.text.typography import replace_typographic


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u201cIt\u2019s\u201d \u2013 now\u2026", '"It\'s" - now...'),
        ("\u00ab10\u00a0\u20ac\u00bb", '"10 €"'),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("a\tb\u2028c", "a b\nc"),
        ("don`t, don\u00b4t", "don't, don't"),
        ("\u2022 one\n\u2022 two", "* one\n* two"),
        ("e\u0301te\u0301", "été"),  # composed: é is in GSM
        ("\ufb01ne", "fine"),
        ("coração \u2014 não", "coração - não"),  # fits GSM-PT then
        ("ordinary [text]", "ordinary [text]"),
        ("", ""),
    ],
)
def test_what_becomes_of_a_text(text: str, expected: str) -> None:
    assert replace_typographic(text) == expected


@pytest.mark.parametrize(
    "text", ["\u201cЖизнь\u201d", "hi \u2013 😀", "नम\u200dस्ते", "👩\u200d👧", "שלום \u2013 \u201cא\u201d"]
)
def test_a_text_that_needs_ucs2_anyway_keeps_its_typography(text: str) -> None:
    assert replace_typographic(text) == text


@given(texts)
def test_a_text_is_replaced_only_when_that_spares_ucs2_and_once_is_enough(text: str) -> None:
    replaced = replace_typographic(text)
    if replaced != text:
        assert not can_encode(text, Encoding.GSM)
        assert can_encode(replaced, Encoding.GSM_PT)
    assert replace_typographic(replaced) == replaced
