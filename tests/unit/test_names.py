"""What may be a name."""

import pytest

from carillon.errors import InvalidInputError
from carillon.kit.names import changed_name, checked_name


@pytest.mark.parametrize(
    "name", ["Food", "\u05de\u05d6\u05d5\u05df", "\u0995\u200d\u09b7", "a\u00a0b", "\U0001f41d", "n" * 20]
)
def test_what_is_seen_is_a_name(name: str) -> None:
    assert checked_name(f"  {name} ", 20) == name


@pytest.mark.parametrize(
    "name", ["", " ", "\u200b", "\u2060\u00ad", "n" * 21, "two\nlines", "a\0b", "\ud800", "a\u202eb", "a\u2028b"]
)
def test_what_is_not_seen_or_turns_the_text_around_is_none(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        checked_name(name, 20)
    assert refused.value.field == "name"


def test_what_has_a_name_already_may_keep_it() -> None:
    assert changed_name(" a\u202eb", "a\u202eb", 20) == "a\u202eb"
    with pytest.raises(InvalidInputError):
        changed_name("a\u202ec", "a\u202eb", 20)
    with pytest.raises(InvalidInputError):
        changed_name("a\u202eb", None, 20)
