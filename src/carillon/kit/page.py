"""Paging: by key, where the cost of a page doesn't grow with its depth, and by number, where it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Items in the order of their keys, and the key of the last of them (the one asked from, when there are none)."""

    items: Sequence[Item]
    last_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedPage:
    """A page by its number, from 1, as some vendors ask for it: what comes before it is walked over."""

    number: int = 1
    size: int = 100

    @property
    def offset(self) -> int:
        """How many items come before it."""
        return (self.number - 1) * self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Generic[Item]):
    """Some of a list's items, and how many it has in all."""

    items: Sequence[Item]
    total: int
