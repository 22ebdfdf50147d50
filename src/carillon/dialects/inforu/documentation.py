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
from carillon.http.pages import HtmlPage, add

REQUEST_ROOT = "Inforu"

_TYPES: Mapping[type[inspect.Type], str] = {
    inspect.StrType: "string",
    inspect.IntType: "int",
    inspect.FloatType: "number",
    inspect.BoolType: "bool",
    inspect.ListType: "list",
    inspect.DictType: "object",
}


def show_page(operation: Operation, form: Format, path: str) -> HtmlPage:
    """Write the page in HTML: where to post, what, and what comes back."""
    page = HtmlPage(operation.name)
    body = page.body
    add(body, "h1", operation.title)
    add(body, "p", operation.summary)
    add(body, "h2", "Request")
    add(body, "pre", f"POST {path}\nContent-Type: application/{form}\nAuthorization: Basic base64(USER:TOKEN)")
    add(body, "p", "Without the header, send Auth with Username and Token beside Data.")
    add(body, "pre", sample_request(operation, form), id="request")
    add(body, "h2", "Parameters")
    _table(body, ("Name", "Type", "", "Meaning"), _parameter_rows(operation.request, "Data"))
    add(body, "h2", "Reply")
    for reply in operation.reply:
        add(body, "pre", _sample_flat(reply, form) if operation.is_flat else _sample_reply(reply, form, path))
    add(body, "h2", "Statuses")
    _table(body, ("HTTP", "StatusId", "StatusDescription"), _status_rows())
    if operation.notes:
        add(body, "h2", "Notes")
        notes = add(body, "ul")
        for note in operation.notes:
            add(notes, "li", note)
    return page


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


def _table(parent: ET.Element, heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    table = add(parent, "table")
    line = add(table, "tr")
    for head in heads:
        add(line, "th", head)
    for row in rows:
        line = add(table, "tr")
        for cell in row:
            add(line, "td", cell)
