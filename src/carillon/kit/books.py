"""What `carillon verify` finds: differences between books that have to agree."""

from dataclasses import dataclass

MAX_SHOWN = 100
"""So many differences of a kind are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDifference:
    """Something that does not agree: what, of which id, and how in words."""

    check: str
    subject: str
    difference: str
