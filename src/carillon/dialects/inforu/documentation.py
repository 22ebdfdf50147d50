"""The page that `GET …?view=json|xml` answers: a function's own documentation, from its types."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET  # builds and writes; it never parses

import msgspec
from msgspec import inspect

from carillon.dialects.inforu.bodies import REPLY_ROOT, Format
from carillon.dialects.inforu.calls import Operation
from carillon.dialects.inforu.errors import SUCCESS, statuses
from carillon.dialects.inforu.replies import OK, Envelope
from carillon.dialects.reading import parameters

REQUEST_ROOT = "Inforu"

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { background: #f4f4f4; padding: 1rem; overflow: auto; } table { border-collapse: collapse; }
th, td { border: 1px solid #ccc; padding: .25rem .5rem; text-align: left; vertical-align: top; }
"""
_TYPES: Mapping[type[inspect.Type], str] = {
    inspect.StrType: "string",
    inspect.IntType: "int",
    inspect.FloatType: "number",
    inspect.BoolType: "bool",
    inspect.ListType: "list",
    inspect.DictType: "object",
}


def show_page(operation: Operation, form: Format, path: str) -> bytes:
    """Write the page in HTML: where to post, what, and what comes back."""
    page = ET.Element("html", lang="en")
    head = _add(page, "head")
    _add(head, "meta", charset="utf-8")
    _add(head, "title", operation.name)
    _add(head, "style", _STYLE)
    body = _add(page, "body")
    _add(body, "h1", operation.title)
    _add(body, "p", operation.summary)
    _add(body, "h2", "Request")
    _add(body, "pre", f"POST {path}\nContent-Type: application/{form}\nAuthorization: Basic base64(USER:TOKEN)")
    _add(body, "p", "Without the header, send Auth with Username and Token beside Data.")
    _add(body, "pre", sample_request(operation, form), id="request")
    _add(body, "h2", "Parameters")
    _table(body, ("Name", "Type", "", "Meaning"), _parameter_rows(operation.request, "Data"))
    _add(body, "h2", "Reply")
    for reply in operation.reply:
        _add(body, "pre", _sample_flat(reply, form) if operation.is_flat else _sample_reply(reply, form, path))
    _add(body, "h2", "Statuses")
    _table(body, ("HTTP", "StatusId", "StatusDescription"), _status_rows())
    if operation.notes:
        _add(body, "h2", "Notes")
        notes = _add(body, "ul")
        for note in operation.notes:
            _add(notes, "li", note)
    markup: str = ET.tostring(page, encoding="unicode", method="html")
    return f"<!DOCTYPE html>\n{markup}".encode()


def sample_request(operation: Operation, form: Format) -> str:
    """Write a body that works when it is posted."""
    return _written({"Data": operation.sample}, REQUEST_ROOT, form)


def _sample_reply(reply: Any, form: Format, path: str) -> str:
    envelope = Envelope(
        status_id=SUCCESS.status_id,
        status_description=SUCCESS.description,
        detailed_description="",
        function_name=path.strip("/"),
        request_id="7cc1db79f42f43f5",
        data=_skeleton(inspect.type_info(reply)),
    )
    return _written(msgspec.to_builtins(envelope), REPLY_ROOT, form)


def _sample_flat(reply: Any, form: Format) -> str:
    shown = {"StatusId": SUCCESS.status_id, "StatusDescription": OK, "DetailedDescription": ""}
    return _written(_skeleton(inspect.type_info(reply)) | shown, REPLY_ROOT, form)


def _skeleton(kind: inspect.Type) -> Any:
    """Make a value of a type, with every key that there is."""
    match kind:
        case inspect.StructType(fields=fields):
            return {field.encode_name: _skeleton(field.type) for field in fields}
        case inspect.ListType(item_type=item):
            return [_skeleton(item)]
        case inspect.UnionType(types=types):
            return _skeleton(types[0])
        case inspect.IntType() | inspect.FloatType():
            return 0
        case inspect.StrType():
            return ""
    return None


def _written(value: Mapping[str, Any], root: str, form: Format) -> str:
    if form is Format.JSON:
        return json.dumps(value, indent=2, ensure_ascii=False)
    element = ET.Element(root)
    _grow(element, value)
    ET.indent(element)
    return ET.tostring(element, encoding="unicode")


def _grow(parent: ET.Element, value: object) -> None:
    if isinstance(value, Mapping):
        for name, member in value.items():
            for item in member if isinstance(member, list) else [member]:
                _grow(ET.SubElement(parent, name), item)
    elif value is not None:
        parent.text = str(value)


def _parameter_rows(request: type[msgspec.Struct], path: str) -> Iterator[tuple[str, ...]]:
    for one in parameters(request):
        name = f"{path}.{one.names[0]}"
        aliases = f" Also: {', '.join(one.names[1:])}." if one.names[1:] else ""
        yield (name, _TYPES[type(one.type)], "required" if one.required else "", f"{one.description}{aliases}")
        item = one.extra.get("item")
        if item is not None:
            yield from _parameter_rows(item, name if isinstance(one.type, inspect.DictType) else f"{name}[]")


def _status_rows() -> Iterator[tuple[str, ...]]:
    for status in statuses():
        yield (str(status.http_status), str(status.status_id), status.description)


def _add(parent: ET.Element, tag: str, text: str | None = None, /, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child


def _table(parent: ET.Element, heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    table = _add(parent, "table")
    line = _add(table, "tr")
    for head in heads:
        _add(line, "th", head)
    for row in rows:
        line = _add(table, "tr")
        for cell in row:
            _add(line, "td", cell)
