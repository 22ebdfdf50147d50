"""XML as another spelling of JSON's values: elements for keys, repeated elements for lists.

Reading refuses every document type declaration, and with it every entity of a document's own: there is nothing to
expand and nothing to fetch. Neither direction recurses deeper than `MAX_DEPTH`. A document is parsed a piece at a time,
so that no tag is longer than `MAX_TAG_BYTES`.
"""

import contextlib
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

MAX_TAG_BYTES = 65_536
"""Longer tags and comments are refused before they are whole: one of two million attributes took seconds."""

MAX_ATTRIBUTES = 100
"""Elements with more are refused; attributes don't count anyway."""

MAX_MEMBER_CHARACTERS = 4_096
"""What `read_xml_member` reads at most of it."""

_PIECE_BYTES = 16_384

# What XML 1.0 can't carry, not even as a character reference (section 2.2).
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Bare line ends would be read back as spaces in an attribute, and a carriage return as a line feed anywhere.
_IN_QUOTES = {'"': "&quot;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
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
        self._count += 1
        _require_bounds(len(self._open), self._count, attributes)
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


class _FoundError(Exception):
    """What was looked for is read."""


class _MemberReader:
    """Reads one member of the root, whatever its case, and nothing of the others."""

    def __init__(self, member: str) -> None:
        self._member = member
        self._depth = self._count = self._size = 0
        self._reader: _Reader | None = None

    @property
    def value(self) -> Tree:
        return self._reader.root if self._reader else None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        _require_bounds(self._depth, self._count, attributes)
        if self._depth == 1 and _local(name).lower() == self._member:
            self._reader = _Reader()
        self._depth += 1
        if self._reader:
            self._reader.start(name, attributes)

    def text(self, text: str) -> None:
        if self._reader:
            self._size += len(text)
            if self._size > MAX_MEMBER_CHARACTERS:
                raise XmlError("The text of an element is too long.")
            self._reader.text(text)

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._reader:
            self._reader.end(name)
            if self._depth == 1:
                raise _FoundError


def _require_bounds(depth: int, count: int, attributes: Mapping[str, str]) -> None:
    if depth == MAX_DEPTH:
        raise XmlError(f"Elements are nested more than {MAX_DEPTH} deep.")
    if count > MAX_ELEMENTS:
        raise XmlError(f"There are more than {MAX_ELEMENTS} elements.")
    if len(attributes) > MAX_ATTRIBUTES:
        raise XmlError(f"An element has more than {MAX_ATTRIBUTES} attributes.")


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
    _parse(document, reader)
    return reader.root


def read_xml_member(document: bytes, member: str) -> Tree:
    """Read the first child of the root that has a name, in any case, and nothing else; None without one.

    Its text is `MAX_MEMBER_CHARACTERS` long at most; what follows it isn't looked at. Raises XmlError.
    """
    reader = _MemberReader(member.lower())
    with contextlib.suppress(_FoundError):
        _parse(document, reader)
    return reader.value


def _parse(document: bytes, reader: "_Reader | _MemberReader") -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        for at in range(0, len(document), _PIECE_BYTES):
            parser.Parse(document[at : at + _PIECE_BYTES], False)  # noqa: FBT003 - the C function takes no keyword
            # Behind the last event is what isn't whole yet.
            if at - parser.CurrentByteIndex > MAX_TAG_BYTES:
                raise XmlError(f"A tag or comment is longer than {MAX_TAG_BYTES} bytes.")
        parser.Parse(b"", True)  # noqa: FBT003 - as above
    except expat.ExpatError as error:
        place = f"line {error.lineno}, column {error.offset + 1}"
        raise XmlError(f"{expat.errors.messages[error.code]} ({place})") from error
    except (LookupError, ValueError) as error:
        if isinstance(error, XmlError):
            raise
        raise XmlError("The encoding that it declares isn't known.") from error


def write_xml(root: str, value: object) -> bytes:
    """Write JSON's values (dict, list, str, int, float, bool, None) under a root element, in UTF-8.

    A list is its items as repeated elements, so an empty one leaves no element; None and "" are empty elements. What
    XML cannot carry becomes U+FFFD. Mapping keys must be names; they are the calling code's and are not checked.
    """
    parts = ['<?xml version="1.0" encoding="utf-8"?>']
    _write(parts, root, value)
    return "".join(parts).encode()


def spell_text(text: str) -> str:
    """Spell a text as it can stand in an element or between an attribute's quotes, of either kind.

    What XML can't carry becomes U+FFFD, as in `write_xml`.
    """
    return escape(_UNSPEAKABLE.sub("\ufffd", text), _IN_QUOTES)


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
