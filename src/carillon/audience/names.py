"""Keys that are derived from the names which people give to parts of an audience."""

import re
import unicodedata
from collections.abc import Collection

_KEY_CHARACTERS = 60


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
