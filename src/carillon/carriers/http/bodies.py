"""A request's body by a template: the placeholders stand in values, which are spelt as the format needs it."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlencode

import msgspec

from carillon.carriers.http.placeholders import Filling, fill, require_placeholders
from carillon.carriers.options import invalid_option
from carillon.kit.xml import XmlError, read_xml, spell_text

Body = Callable[[Filling], bytes]

OPTION = "body"
_AS_NUMBER = ":number}"


def read_body(template_format: str, template: str) -> Body:
    """Read a body's template. Raises InvalidInputError."""
    return _READERS[template_format](template)


def _json(template: str) -> Body:
    """In texts: `"{to}"`. One that is a placeholder alone, as `"{parts:number}"`, becomes a number if it has one."""
    try:
        tree = msgspec.json.decode(template)
    except (msgspec.DecodeError, RecursionError):
        raise invalid_option(OPTION, "is not JSON") from None
    _require_in_texts(tree)
    return lambda filling: msgspec.json.encode(_filled(tree, filling))


def _require_in_texts(node: object) -> None:
    if isinstance(node, dict):
        for value in node.values():
            _require_in_texts(value)
    elif isinstance(node, list):
        for value in node:
            _require_in_texts(value)
    elif isinstance(node, str):
        require_placeholders(OPTION, _without_number(node))


def _without_number(text: str) -> str:
    return text.removesuffix(_AS_NUMBER) + "}" if text.endswith(_AS_NUMBER) else text


def _filled(node: object, filling: Filling) -> object:
    if isinstance(node, dict):
        return {key: _filled(value, filling) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, filling) for value in node]
    if not isinstance(node, str):
        return node
    if not node.endswith(_AS_NUMBER):
        return fill(node, filling)
    text = fill(_without_number(node), filling)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else text


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
