"""Placeholders of texts are replaced by values, once, and nothing else is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.errors import InvalidInputError
from carillon.text.placeholders import (
    MAX_KEY_CHARACTERS,
    MAX_PLACEHOLDERS,
    MAX_RENDERED_CHARACTERS,
    MAX_TEMPLATE_CHARACTERS,
    PlaceholderStyle,
    Template,
)

BRACES, FIELDS = PlaceholderStyle.BRACES, PlaceholderStyle.FIELDS


@pytest.mark.parametrize(
    ("style", "text", "values", "expected"),
    [
        (BRACES, "Hello {name}!", {"name": "Ann"}, "Hello Ann!"),
        (BRACES, "{a}{b}{a}", {"a": "1", "b": "2"}, "121"),
        (BRACES, "{unknown} {Name}", {"name": "Ann"}, "{unknown} {Name}"),
        (BRACES, "{a} {b}", {"a": "{b}", "b": "{a}"}, "{b} {a}"),
        (BRACES, "{{a}} {} { {a", {"a": "x", "": "y"}, "{x} {} { {a"),
        (BRACES, "{first name} {a.b-c}", {"first name": "Ann", "a.b-c": "x"}, "Ann x"),
        (BRACES, "{a}", {"a": ""}, ""),
        (BRACES, "[#a#]", {"a": "x"}, "[#a#]"),
        (BRACES, "{line\nbreak}", {"line\nbreak": "x"}, "x"),
        (FIELDS, "Hi [#FirstName#], [#Other#]", {"FirstName": "Ann"}, "Hi Ann, [#Other#]"),
        (FIELDS, "[#שם#] {a}", {"שם": "דנה", "a": "x"}, "דנה {a}"),
        (FIELDS, "[[#a#]] [##] [#a# ]", {"a": "x", "": "y"}, "[x] [##] [#a# ]"),
    ],
)
def test_rendering(style: PlaceholderStyle, text: str, values: dict[str, str], expected: str) -> None:
    assert Template.parse(text, style).render(values) == expected


def test_the_keys_are_those_that_are_written() -> None:
    assert Template.parse("{a} {b} {a}", BRACES).keys == {"a", "b"}
    assert Template.parse("[#A#] {b}", FIELDS).keys == {"A"}
    assert Template.parse("none", FIELDS).keys == frozenset()


@given(
    st.text(alphabet="{}[#]ab \n"),
    st.sampled_from(PlaceholderStyle),
    st.dictionaries(st.text("ab"), st.text("{}ab#[]")),
)
def test_rendering_is_one_pass_of_the_pattern(text: str, style: PlaceholderStyle, values: dict[str, str]) -> None:
    template = Template.parse(text, style)
    assert template.render({}) == text
    pattern = r"\{([^{}]+)\}" if style is BRACES else r"\[#([^\[\]#]+)#\]"
    assert template.render(values) == re.sub(pattern, lambda found: values.get(found[1], found[0]), text)


def test_a_text_beyond_the_limits_is_refused() -> None:
    for text in ("a" * (MAX_TEMPLATE_CHARACTERS + 1), "{a}" * (MAX_PLACEHOLDERS + 1)):
        with pytest.raises(InvalidInputError) as caught:
            Template.parse(text, BRACES)
        assert caught.value.field == "text"
    assert Template.parse("{a}" * MAX_PLACEHOLDERS, BRACES).render({"a": "b"}) == "b" * MAX_PLACEHOLDERS


def test_values_that_make_a_text_too_long_are_refused() -> None:
    template = Template.parse("{a}" * MAX_PLACEHOLDERS, BRACES)
    most = MAX_RENDERED_CHARACTERS // MAX_PLACEHOLDERS
    assert len(template.render({"a": "x" * most})) == MAX_RENDERED_CHARACTERS
    with pytest.raises(InvalidInputError, match="with its values"):
        template.render({"a": "x" * (most + 1)})


def test_what_is_longer_than_a_key_is_text() -> None:
    longest, longer = "k" * MAX_KEY_CHARACTERS, "k" * (MAX_KEY_CHARACTERS + 1)
    assert Template.parse(f"{{{longest}}}{{{longer}}}", BRACES).keys == {longest}


def test_a_template_shows_no_text() -> None:
    assert "secret" not in repr(Template.parse("secret", BRACES))
