"""Names that people give to parts of an audience, and the keys that are derived from them."""

import re
import unicodedata
from collections.abc import Collection

from carillon.errors import InvalidInputError

_KEY_CHARACTERS = 60


def checked_name(given: str, limit: int) -> str:
    """Strip a name and check it. Raises InvalidInputError for `name`: blank, too long or with NUL."""
    name = given.strip()
    if not name or len(name) > limit or "\0" in name:
        raise InvalidInputError("name", f"A name has 1 to {limit} characters.")
    return name


def free_key(name: str, taken: Collection[str], prefix: str = "") -> str:
    """Derive a key from a name: its capitals, with _ for what is no letter or digit, and a number where that is taken.

    "First name" becomes FIRST_NAME, or FIRST_NAME_2.
    """
    plain = capitals(name) or "FIELD"
    spelling, number = prefix + plain, 2
    while spelling in taken:
        spelling, number = f"{prefix}{plain}_{number}", number + 1
    return spelling


def capitals(name: str) -> str:
    """Write a name in capitals, with _ for what is no letter or digit; "" where it has neither."""
    plain = unicodedata.normalize("NFKC", name).upper()
    return re.sub(r"\W+", "_", plain).strip("_")[:_KEY_CHARACTERS].strip("_")
