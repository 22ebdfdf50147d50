"""XML as another spelling of JSON's values: elements for keys, repeated elements for lists.

Reading refuses every document type declaration, and with it every entity of a document's own: there is nothing to
expand and nothing to fetch. Neither direction recurses deeper than `MAX_DEPTH`.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias
from xml.parsers import expat  # nothing is expanded or fetched: see `_refuse`
from xml.sax.saxutils import escape  # writes text, reads nothing

Tree: TypeAlias = "str | dict[str, Tree] | list[Tree] | None"

MAX_DEPTH = 32
"""Deeper documents are refused; what a vendor's client sends is five elements deep."""

MAX_ELEMENTS = 500_000
"""Longer documents are refused: 5,000 rows with every field that a vendor has are 300,000 elements."""

# What XML 1.0 can't carry, not even as a character reference (section 2.2).
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NIL = {"true", "1"}


class XmlError(ValueError):
    """The text isn't XML that we read; the message says why and where."""


class _Reader:
    """Builds the tree from the parser's events, with a stack of its own."""

    def __init__(self) -> None:
        self.root: Tree = None
        self._open: list[dict[str, Tree]] = []
        self._texts: list[list[str]] = []
        self._nil: list[bool] = []
        self._count = 0

    def start(self, _name: str, attributes: dict[str, str]) -> None:
        if len(self._open) == MAX_DEPTH:
            raise XmlError(f"Elements are nested more than {MAX_DEPTH} deep.")
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise XmlError(f"There are more than {MAX_ELEMENTS} elements.")
        self._open.append({})
        self._texts.append([])
        self._nil.append(any(_local(key) == "nil" and value in _NIL for key, value in attributes.items()))

    def text(self, text: str) -> None:
        self._texts[-1].append(text)

    def end(self, name: str) -> None:
        children, parts, nil = self._open.pop(), self._texts.pop(), self._nil.pop()
        value: Tree = None
        if children:
            value = children
        elif not nil:
            text = "".join(parts)
            value = "" if text.isspace() else text
        if not self._open:
            self.root = value
            return
        siblings, key = self._open[-1], _local(name)
        if key not in siblings:
            siblings[key] = value
        elif isinstance(earlier := siblings[key], list):
            earlier.append(value)
        else:
            siblings[key] = [earlier, value]


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse(*_: object) -> None:
    raise XmlError("A document type declaration (<!DOCTYPE …>) isn't accepted.")


def read_xml(document: bytes) -> Tree:
    """Read the root element's value; its name does not matter.

    An element with children is a mapping (text between them is dropped), one that occurs again beside itself is a list,
    any other is its text; `xsi:nil="true"` is None. Attributes and namespaces do not count. Raises XmlError.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(document, True)  # noqa: FBT003 - the C function takes no keyword
    except expat.ExpatError as error:
        place = f"line {error.lineno}, column {error.offset + 1}"
        raise XmlError(f"{expat.errors.messages[error.code]} ({place})") from error
    except (LookupError, ValueError) as error:
        if isinstance(error, XmlError):
            raise
        raise XmlError("The encoding that it declares isn't known.") from error
    return reader.root


def write_xml(root: str, value: object) -> bytes:
    """Write JSON's values (dict, list, str, int, float, bool, None) under a root element, in UTF-8.

    A list is its items as repeated elements, so an empty one leaves no element; None and "" are empty elements. What
    XML cannot carry becomes U+FFFD. Mapping keys must be names; they are the calling code's and are not checked.
    """
    parts = ['<?xml version="1.0" encoding="utf-8"?>']
    _write(parts, root, value)
    return "".join(parts).encode()


def _write(parts: list[str], name: str, value: object) -> None:
    if isinstance(value, Mapping):
        parts.append(f"<{name}>")
        for key, item in value.items():
            _write(parts, key, item)
        parts.append(f"</{name}>")
    elif isinstance(value, list | tuple):
        for item in value:
            _write(parts, name, item)
    elif value is None or value == "":
        parts.append(f"<{name}/>")
    else:
        parts.append(f"<{name}>{_spelt(value)}</{name}>")


def _spelt(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # A bare carriage return would be read back as a line feed (XML 1.0, section 2.11).
    return escape(_UNSPEAKABLE.sub("\ufffd", str(value)), {"\r": "&#13;"})
