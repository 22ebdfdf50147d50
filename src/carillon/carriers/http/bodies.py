"""A request's body by a template: the placeholders stand in values, which are spelt as the format needs it."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode

import msgspec

from carillon.carriers.http.placeholders import Filling, fill, require_placeholders
from carillon.carriers.options import invalid_option
from carillon.kit.xml import XmlError, read_xml, spell_text

Body = Callable[[Filling], bytes]

OPTION = "body"
# What may stand behind the name of a placeholder that is alone in its text: whether it is a number, and whether it is
# left out where it is empty.
_SUFFIXES: Mapping[str, tuple[bool, bool]] = {
    ":number}": (True, False),
    ":optional}": (False, True),
    ":optional_number}": (True, True),
}
_MISPLACED = re.compile(r"\{[a-z_]+:[^{}]*\}")
_LEFT_OUT = object()


def read_body(template_format: str, template: str) -> Body:
    """Read a body's template. Raises InvalidInputError."""
    return _READERS[template_format](template)


def plain_placeholders(template: str) -> str:
    """Return a template whose placeholders have their names alone, for who looks which there are."""
    for suffix in _SUFFIXES:
        template = template.replace(suffix, "}")
    return template


def _json(template: str) -> Body:
    """In texts: `"{to}"`.

    One that is a placeholder alone, as `"{parts:number}"`, becomes a number if it has one. One with `:optional` or
    `:optional_number` is left out with its key where it is empty, and so is what has nothing else in it.
    """
    try:
        tree = msgspec.json.decode(template)
    except (msgspec.DecodeError, RecursionError):
        raise invalid_option(OPTION, "is not JSON") from None
    _require_in_texts(tree)
    return lambda filling: msgspec.json.encode(_document(tree, filling))


def _require_in_texts(node: object) -> None:
    if isinstance(node, dict):
        for value in node.values():
            _require_in_texts(value)
    elif isinstance(node, list):
        for value in node:
            _require_in_texts(value)
    elif isinstance(node, str):
        template, *_ = _without_suffix(node)
        if _MISPLACED.search(template):
            raise invalid_option(
                OPTION, "has :number, :optional and :optional_number only in a placeholder that is alone in its text"
            )
        require_placeholders(OPTION, template)


def _without_suffix(text: str) -> tuple[str, bool, bool]:
    for suffix, (as_number, is_optional) in _SUFFIXES.items():
        if text.endswith(suffix):
            return text.removesuffix(suffix) + "}", as_number, is_optional
    return text, False, False


def _document(tree: object, filling: Filling) -> object:
    found = _filled(tree, filling)
    return {} if found is _LEFT_OUT else found


def _filled(node: object, filling: Filling) -> object:
    if isinstance(node, dict):
        members = {key: _filled(value, filling) for key, value in node.items()}
        kept = {key: value for key, value in members.items() if value is not _LEFT_OUT}
        return kept if kept or not members else _LEFT_OUT
    if isinstance(node, list):
        items = [_filled(value, filling) for value in node]
        left = [value for value in items if value is not _LEFT_OUT]
        return left if left or not items else _LEFT_OUT
    if not isinstance(node, str):
        return node
    template, as_number, is_optional = _without_suffix(node)
    text = fill(template, filling)
    if is_optional and not text:
        return _LEFT_OUT
    return int(text) if as_number and _is_number(text) else text


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER


def _form(template: str) -> Body:
    """As `to={to}&text={text}`, percent-encoded where the texts between the placeholders need it."""
    require_placeholders(OPTION, template)
    try:
        pairs = parse_qsl(template, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise invalid_option(OPTION, "is not of the form name=value&name=value") from None
    return lambda filling: urlencode([(name, fill(value, filling)) for name, value in pairs]).encode()


def _xml(template: str) -> Body:
    require_placeholders(OPTION, template)
    try:
        read_xml(template.encode())
    except XmlError:
        raise invalid_option(OPTION, "is not XML") from None
    return lambda filling: fill(template, filling, spell_text).encode()


def _none(template: str) -> Body:
    if template:
        raise invalid_option(OPTION, "is only for the formats json, form and xml")
    return lambda _filling: b""


_LONGEST_NUMBER = 15  # what a double keeps exactly
_READERS: Mapping[str, Callable[[str], Body]] = {"json": _json, "form": _form, "xml": _xml, "none": _none}

MEDIA_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "application/xml; charset=utf-8",
}
"""The Content-Type of each format that has a body."""

FORMATS = tuple(_READERS)
"""What the option `format` can be."""
