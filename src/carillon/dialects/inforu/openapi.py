"""The functions as OpenAPI describes them, from their table and their types."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import inspect

from carillon.dialects.inforu import replies
from carillon.dialects.inforu.calls import Operation
from carillon.dialects.inforu.errors import SUCCESS, statuses
from carillon.dialects.inforu.schemas import Request
from carillon.dialects.reading import parameters

_PREFIX = "inforu."
_SCHEME = f"{_PREFIX}basic"
_REF = "#/components/schemas/"
_AUTH = {
    "type": "object",
    "description": "In the stead of the Authorization header.",
    "properties": {"Username": {"type": "string"}, "Token": {"type": "string"}},
    "required": ["Username", "Token"],
}


def describe(operations: Sequence[Operation]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return OpenAPI's `paths` and `components` for POST of every operation."""
    types = [kind for one in operations for kind in (one.request, *one.reply)]
    rows = [p.extra["item"] for one in operations for p in parameters(one.request) if "item" in p.extra]
    named, schemas = msgspec.json.schema_components(
        (*types, *rows, replies.Envelope, replies.FlatReply), ref_template=f"{_REF}{_PREFIX}{{name}}"
    )
    refs = dict(zip((*types, *rows, replies.Envelope, replies.FlatReply), named, strict=True))
    for one in operations:
        _sharpen(schemas, one.request, refs)
    paths = {one.paths[0]: {"post": _operation(one, refs)} for one in operations}
    components = {
        "schemas": {f"{_PREFIX}{name}": schema for name, schema in schemas.items()},
        "securitySchemes": {_SCHEME: {"type": "http", "scheme": "basic", "description": "User name and API token."}},
    }
    return paths, components


def _sharpen(schemas: dict[str, Any], request: type[msgspec.Struct], refs: dict[Any, Any]) -> None:
    """Say what the types leave open so that every request can be read: what is required, and how many items."""
    schema = schemas[request.__name__]
    schema["required"] = []
    # Unknown names are ignored.
    schema.pop("additionalProperties", None)
    for one in parameters(request):
        shape = schema["properties"][one.names[0]]
        if one.required:
            schema["required"].append(one.names[0])
            shape.pop("default", None)
            shape["minItems" if shape.get("type") == "array" else "minLength"] = 1
        if "limit" in one.extra:
            shape["maxItems"] = one.extra["limit"]
        if "item" in one.extra and isinstance(one.type, inspect.DictType):
            schema["properties"][one.names[0]] = {**refs[one.extra["item"]], "description": one.description}
            _sharpen(schemas, one.extra["item"], refs)
        elif "item" in one.extra:
            shape["items"] = refs[one.extra["item"]]
            if issubclass(one.extra["item"], Request):
                _sharpen(schemas, one.extra["item"], refs)


def _operation(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    data = [refs[kind] for kind in operation.reply]
    request = {
        "type": "object",
        "properties": {"Auth": _AUTH, "Data": refs[operation.request]},
        "required": ["Data"] if any(one.required for one in parameters(operation.request)) else [],
        "example": {"Data": operation.sample},
    }
    return {
        "tags": ["InforU"],
        "operationId": f"{_PREFIX}{operation.name}",
        "summary": operation.title,
        "description": operation.summary,
        "security": [{_SCHEME: []}, {}],
        "parameters": [
            {
                "name": "view",
                "in": "query",
                "description": "The reply's format; without it, the request's.",
                "schema": {"type": "string", "enum": ["json", "xml"]},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": request}, "application/xml": {"schema": {"type": "object"}}},
        },
        "responses": {
            "200": _response("Success, or a negative StatusId", _shape(operation, data, refs)),
            **{str(code): _response(text, _shape(operation, [], refs)) for code, text in _refusals().items()},
        },
    }


def _refusals() -> dict[int, str]:
    texts: dict[int, list[str]] = {}
    for status in statuses():
        if status.http_status != SUCCESS.http_status:
            texts.setdefault(status.http_status, []).append(f"{status.status_id}: {status.description}")
    return {code: ", ".join(dict.fromkeys(lines)) for code, lines in sorted(texts.items())}


def _shape(operation: Operation, data: list[dict[str, Any]], refs: dict[Any, Any]) -> dict[str, Any]:
    """Describe what a reply is: its `data` in an envelope, or flat; without any a refusal."""
    if operation.is_flat:
        return {"anyOf": [*data, refs[replies.FlatReply]]}
    found = {"anyOf": [*data, {"type": "null"}]} if data else {"type": "null"}
    return {"allOf": [refs[replies.Envelope], {"type": "object", "properties": {"Data": found}}]}


def _response(text: str, shape: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": text,
        "content": {
            "application/json": {"schema": shape},
            "application/xml": {"schema": {"type": "object"}},
        },
    }
