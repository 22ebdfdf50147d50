"""What the dialects' fuzz tests share: values that break things, trees of them under known words, and bounds."""

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

HOSTILE: list[Any] = [
    *("", " ", "0", "1", "-1", "9007199254740993", "9" * 40, "1e400", "NaN", "\0", "\ud83d\ude00", "\u202e", "%"),
    *("\x1e\x1f", "\u2028", "2018-03-13", "31/12/9999", "0000-00-00", "x" * 5000),
    *(0, -1, 1, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**17, 10**30, 1e300, 0.5),
    *(None, True, [], {}, [[]], [{}], ["a", 1], {"a": {"b": [None]}}),
]

Trees = st.SearchStrategy[Any]


def bounded(examples: int) -> settings:
    """Bound a test whose examples share a database, perhaps on a busy machine: neither to shrink nor to time them."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def leaves(own: Collection[Any] = ()) -> Trees:
    """Return values, among them hostile ones and the dialect's own."""
    known = st.sampled_from([*own, *HOSTILE])
    return known | st.text(max_size=20) | st.integers() | st.floats() | st.booleans() | st.none()


def trees(names: Collection[str], own: Collection[Any] = ()) -> Trees:
    """Return lists and objects of such values, under known names and others."""
    keys = st.sampled_from(sorted(names)) | st.text(max_size=6)
    return st.recursive(
        leaves(own),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=25,
    )


def bodies(names: Collection[str], own: Collection[Any] = ()) -> Trees:
    """Return objects of known names and such trees."""
    return st.dictionaries(st.sampled_from(sorted(names)), trees(names, own), max_size=8)


def queries(names: Collection[str]) -> st.SearchStrategy[dict[str, str]]:
    """Return queries."""
    return st.dictionaries(st.sampled_from(sorted(names)) | st.text(max_size=6), st.text(max_size=12), max_size=5)


def escaped(value: object) -> str:
    """Write a value into a path or a query."""
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text.encode("utf-8", "replace"), safe="")


def escaped_query(query: dict[str, str]) -> str:
    """Write a query."""
    return "&".join(f"{escaped(name)}={escaped(value)}" for name, value in query.items())
