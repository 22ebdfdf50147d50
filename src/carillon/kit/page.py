"""Paging by key: the cost of a page doesn't grow with its depth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Items in the order of their keys, and the key of the last of them (the one asked from, when there are none)."""

    items: Sequence[Item]
    last_id: int
