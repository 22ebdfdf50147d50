"""Placeholders of texts: `{key}` as Apifon writes them, `[#Field#]` as InforU does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from carillon.errors import InvalidInputError

MAX_TEMPLATE_CHARACTERS: Final = 1_000_000
MAX_PLACEHOLDERS: Final = 1_000
"""Places in one text, of the same key or of different ones."""

MAX_KEY_CHARACTERS: Final = 100
"""What is longer is text."""

MAX_RENDERED_CHARACTERS: Final = 1_000_000
"""Characters of a text whose placeholders are replaced."""


class PlaceholderStyle(StrEnum):
    """How placeholders are written."""

    BRACES = "braces"  # {key}
    FIELDS = "fields"  # [#Field#]


_MARKS: Final = {PlaceholderStyle.BRACES: ("{", "}"), PlaceholderStyle.FIELDS: ("[#", "#]")}
_PATTERNS: Final = {
    PlaceholderStyle.BRACES: re.compile(rf"\{{([^{{}}]{{1,{MAX_KEY_CHARACTERS}}})\}}"),
    PlaceholderStyle.FIELDS: re.compile(rf"\[#([^\[\]#]{{1,{MAX_KEY_CHARACTERS}}})#\]"),
}


@dataclass(frozen=True, slots=True)
class Template:
    """A text in pieces. Those at odd places are placeholders as they are written, `_slots` has their keys."""

    _pieces: tuple[str, ...] = field(repr=False)
    _slots: tuple[tuple[int, str], ...]

    @classmethod
    def parse(cls, text: str, style: PlaceholderStyle) -> Self:
        """Take a text apart. Keys are as they are written: blanks and capitals count.

        Raises InvalidInputError for `text` beyond a million characters or a thousand placeholders.
        """
        if len(text) > MAX_TEMPLATE_CHARACTERS:
            raise InvalidInputError("text", f"The text has more than {MAX_TEMPLATE_CHARACTERS} characters.")
        pieces = _PATTERNS[style].split(text)
        if len(pieces) // 2 > MAX_PLACEHOLDERS:
            raise InvalidInputError("text", f"The text has more than {MAX_PLACEHOLDERS} placeholders.")
        slots = tuple((place, pieces[place]) for place in range(1, len(pieces), 2))
        before, after = _MARKS[style]
        for place, key in slots:
            pieces[place] = before + key + after
        return cls(tuple(pieces), slots)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the placeholders."""
        return frozenset(key for _, key in self._slots)

    def render(self, values: Mapping[str, str]) -> str:
        """Put values in the places of their keys; what looks like a placeholder in a value is text.

        A placeholder without a value stays as it is written. Raises InvalidInputError for `text` where the whole would
        be over a million characters.
        """
        pieces = list(self._pieces)
        for place, key in self._slots:
            value = values.get(key)
            if value is not None:
                pieces[place] = value
        if sum(map(len, pieces)) > MAX_RENDERED_CHARACTERS:
            raise InvalidInputError(
                "text", f"The text has more than {MAX_RENDERED_CHARACTERS} characters with its values."
            )
        return "".join(pieces)
