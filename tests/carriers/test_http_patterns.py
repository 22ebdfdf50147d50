"""Regular expressions of a bounded time, and other places where values stand."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.carriers.http.patterns import BoundedPattern, PatternError
from carillon.carriers.http.reading import Document, read_place
from carillon.errors import InvalidInputError

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"ID: ([0-9a-f-]+)", "OK ID: 12ab-9 more", "12ab-9"),
        (r"^0: (\w+)$", "0: abc", "abc"),
        (r"^0: (\w+)$", "0: abc\n", None),
        (r"^0", "0", PatternError),
        (r"id=(\d{3})\d*;?", "id=12345;", "123"),
        (r"id=(\d{2,})", "id=12345", "12345"),
        (r"\(([^)]*)\)", "sent (a.b) (c)", "a.b"),
        (r"a\.b([.-]?)x", "a.b-x", "-"),
        (r"(.*)id", "x id", None),  # a repetition gives nothing back
        (r"\s+(\S+)", "a  bc", "bc"),
        (r"(", "", PatternError),
        (r"(a)(b)", "", PatternError),
        (r"(a)+", "", PatternError),
        (r"(?:a)(b)", "", PatternError),
        (r"(a|b)", "", PatternError),
        (r"(a**)", "", PatternError),
        (r"(a*?)", "", PatternError),
        (r"(a)\1", "", PatternError),
        (r"(a{257})", "", PatternError),
        (r"(a{2,999})", "", PatternError),
        (r"([a)", "", PatternError),
        (r"([z-a])", "", PatternError),
        (r"(a{3,2})", "", PatternError),
        (r"a^(b)", "", PatternError),
        (r"\Z(b)", "", PatternError),
        (r"\b(b)", "", PatternError),
        (r"(" + 200 * "a" + ")", "", PatternError),
    ],
)
def test_an_expression_finds_its_group_or_is_refused(pattern: str, text: str, found: object) -> None:
    if found is PatternError:
        with pytest.raises(PatternError):
            BoundedPattern(pattern)
        return
    assert BoundedPattern(pattern).find(text) == found


# From the worst that there is: each character fits each repetition, and the end never comes.
@pytest.mark.parametrize(
    "pattern", ["(" + 60 * "a*" + ")b", "(" + 28 * ".{0,9}" + ")b", r"(\w+\w+\w+\w+\w+\w+\w+)\s", "(a+)b$"]
)
def test_no_expression_takes_long_on_any_text(pattern: str) -> None:
    compiled = BoundedPattern(pattern)
    began = time.perf_counter()
    assert compiled.find(1_000_000 * "a" + "!") is None
    assert time.perf_counter() - began < 5


@given(st.text(alphabet="ab.*+?{}()[]^$|\\d19,-", max_size=30))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    try:
        compiled = BoundedPattern(text)
    except PatternError:
        return
    compiled.find("ab19.")
    re.compile(text)  # what is taken is an expression in the usual sense, too


JSON = b'{"data": [{"id": 17, "ok": true, "x/y": "slash", "none": null, "price": 0.5, "": "empty"}], "e~f": "t"}'
XML = b"<r><data><id>17</id></data><data><id> 18 </id></data><one>1</one></r>"


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("json:/data/0/id", "17"),
        ("json:/data/id", "17"),  # the first, where no number chooses
        ("json:/data/0/ok", "true"),
        ("json:/data/0/x~1y", "slash"),
        ("json:/data/0/price", "0.5"),
        ("json:/data/0/none", None),
        ("json:/data/0/", "empty"),
        ("json:/e~0f", "t"),
        ("json:/data/1/id", None),
        ("json:/data/99999999999999999999", None),
        ("json:/data", None),
        ("json:", None),
        ("json:/data/0/id/more", None),
        ('regex:id\\": (\\d+)', "17"),
        ("header:X-Id", "h1"),
        ("param:id", "p1"),
        ("xml:data/id", None),
    ],
)
def test_a_value_is_found_where_it_stands_in_json(place: str, found: str | None) -> None:
    document = Document(body=JSON, headers={"x-id": "h1"}, params={"id": "p1"})
    assert read_place("reference", place).find(document) == found


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("xml:one", "1"),
        ("xml:data/1/id", " 18 "),
        ("xml:data/id", "17"),
        ("xml:data/2/id", None),
        ("xml:two", None),
        ("json:/one", None),
        ("text", XML.decode()),
    ],
)
def test_a_value_is_found_where_it_stands_in_xml(place: str, found: str | None) -> None:
    assert read_place("reference", place).find(Document(body=XML)) == found


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[" * 100_000, b'{"a":', b"<a><b></a>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"]
)
@pytest.mark.parametrize("place", ["json:/a", "xml:a", "regex:(a)b", "header:a", "param:a"])
def test_what_is_malformed_has_no_values(place: str, body: bytes) -> None:
    assert read_place("reference", place).find(Document(body=body)) is None


def test_a_list_has_its_items_and_each_is_read_from_there() -> None:
    place, inner = read_place("items", "json:/data"), read_place("id", "json:/id")
    assert [inner.find(one) for one in place.find_items(Document(body=JSON))] == ["17"]
    place, inner = read_place("items", "xml:data"), read_place("id", "xml:id")
    assert [inner.find(one) for one in place.find_items(Document(body=XML))] == ["17", " 18 "]
    assert place.find_items(Document(body=JSON)) == []


def test_a_value_has_nothing_that_no_database_stores() -> None:
    document = Document(body=rb'{"a": "x\u0000y"}', params={"a": "x\ud83dy"})
    assert read_place("a", "json:/a").find(document) == "x\ufffdy"
    assert read_place("a", "param:a").find(document) == "x\ufffdy"


def test_a_very_long_value_is_none() -> None:
    assert read_place("reference", "text").find(Document(body=b"a" * 5_000)) is None


@pytest.mark.parametrize("text", ["", "id", "yaml:a", "json:id", "xml:a//b", "header:", "param:", "regex:a", "text:a"])
def test_a_place_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"The option reference "):
        read_place("reference", text)
