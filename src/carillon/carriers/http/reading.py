"""Where a value stands in what a provider sends: a reply to us, or a request of its own.

A place is written as `json:/data/0/id` (a JSON pointer, RFC 6901), `xml:message/id` (elements under the root, whose
own name does not matter; a number chooses among repeated ones), `header:X-Message-Id`, `param:id` (a query's or a
form's), `regex:id=([0-9]+)` (see `patterns.py`) or `text` (the whole body).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import msgspec

from carillon.carriers.http.patterns import BoundedPattern, PatternError
from carillon.carriers.options import invalid_option
from carillon.kit.xml import XmlError, read_xml

_LONGEST_VALUE = 4_096
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_ROOT = object()


@dataclass(frozen=True, kw_only=True)
class Document:
    """What was received. `headers` have lower-case names.

    `item` is one of several in it: `json:` and `xml:` start there.
    """

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    item: object = field(default=_ROOT, repr=False)

    @cached_property
    def json(self) -> object:
        """Its JSON, or None."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    @cached_property
    def xml(self) -> object:
        """The value of its root element, or None."""
        try:
            return read_xml(self.body)
        except XmlError:
            return None

    @cached_property
    def text(self) -> str:
        """Its body as text; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value stands."""

    find_node: Callable[[Document], object]

    def find(self, document: Document) -> str | None:
        """Return the value as text; None where it is absent, null, or a list or an object, or is very long.

        What no database stores as text (NUL, half of a surrogate pair) becomes U+FFFD.
        """
        value = self.find_node(document)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        if not isinstance(value, str) or len(value) > _LONGEST_VALUE:
            return None
        return _NOT_STORABLE.sub("\ufffd", value)

    def find_items(self, document: Document) -> list[Document]:
        """Return a document for each item of the list that stands there; a single value is a list of one."""
        value = self.find_node(document)
        if value is None:
            return []
        return [replace(document, item=item) for item in (value if isinstance(value, list) else [value])]


def read_place(option: str, text: str) -> Place:
    """Read how a place is written. Raises InvalidInputError, which names the option."""
    kind, _, path = text.partition(":")
    maker = _MAKERS.get(kind)
    if maker is None:
        raise invalid_option(option, f"begins with one of {', '.join(_MAKERS)}")
    try:
        return Place(find_node=maker(path))
    except PatternError as error:
        raise invalid_option(option, str(error)) from None


def read_optional_place(options: Mapping[str, str], name: str) -> Place | None:
    """Read the place that an option names, if it is given. Raises InvalidInputError."""
    text = options.get(name)
    return None if text is None else read_place(name, text)


def _json(path: str) -> Callable[[Document], object]:
    if path and not path.startswith("/"):
        raise PatternError("has to be a JSON pointer, which begins with / after json:")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]
    return lambda document: _walk(document.json if document.item is _ROOT else document.item, steps)


def _xml(path: str) -> Callable[[Document], object]:
    steps = path.split("/") if path else []
    if "" in steps:
        raise PatternError("has an empty step in its path")
    return lambda document: _walk(document.xml if document.item is _ROOT else document.item, steps)


def _header(name: str) -> Callable[[Document], object]:
    key = _named(name).lower()
    return lambda document: document.headers.get(key)


def _param(name: str) -> Callable[[Document], object]:
    key = _named(name)
    return lambda document: document.params.get(key)


def _regex(text: str) -> Callable[[Document], object]:
    pattern = BoundedPattern(text)
    return lambda document: pattern.find(document.text)


def _text(rest: str) -> Callable[[Document], object]:
    if rest:
        raise PatternError("has nothing after text")
    return lambda document: document.text.strip()


def _named(name: str) -> str:
    if not name:
        raise PatternError("has to have a name after the colon")
    return name


_MAKERS: Mapping[str, Callable[[str], Callable[[Document], object]]] = {
    "json": _json,
    "xml": _xml,
    "header": _header,
    "param": _param,
    "regex": _regex,
    "text": _text,
}


def _walk(node: object, steps: Sequence[str]) -> object:
    for step in steps:
        if isinstance(node, list):
            if step.isdecimal() and step.isascii():
                node = node[int(step)] if len(step) < _INDEX_DIGITS and int(step) < len(node) else None
                continue
            node = node[0] if node else None
        if not isinstance(node, dict):
            return None
        node = node.get(step)
    return node


_INDEX_DIGITS = 6
