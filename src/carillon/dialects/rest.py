"""What the dialects share that speak JSON over paths and methods: a table of operations drives all the rest.

An operation names what it reads (structs for `reading`), what it answers and how the reference calls its parameters;
routing, OpenAPI and the coverage page are made of that.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec

from carillon.dialects.contract import Handler, OperationRunner, Services
from carillon.dialects.coverage import Covered, coverage_page
from carillon.dialects.reading import parameters, read_request, require, require_few_values
from carillon.errors import InvalidInputError
from carillon.http.request import Method, Reply, Request
from carillon.http.site import Endpoint
from carillon.kit.actor import Actor
from carillon.kit.networks import Network
from carillon.tenancy.scopes import Scope, require_scope
from carillon.tenancy.secrets import SecretBox

MEDIA_TYPE = "application/json; charset=utf-8"
_REF = "#/components/schemas/"
# PHP's http_build_query numbers the items of a list: guid[0]=1&guid[1]=3.
_ITEM = re.compile(r"\[[0-9]*\]\Z")


class Nothing(msgspec.Struct):
    """What an operation reads that has no parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of an authenticated caller; `query` and `body` are of the operation's structs."""

    db: OperationRunner
    actor: Actor
    request: Request
    query: Any
    body: Any
    box: SecretBox
    outbound_allow: Sequence[Network] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an operation answers; `data` None is an empty body. A `stream` is of the `media_type` that it has."""

    data: object = None
    status: int = 200
    stream: AsyncGenerator[bytes, None] | None = field(default=None, repr=False)
    media_type: str = MEDIA_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An endpoint.

    `media_type` is of what it streams. `permission` is what the vendor's own scopes call it, `reference` the parameters
    that its reference names for it, `notes` the deviations.
    """

    method: Method
    path: str
    title: str
    summary: str
    scope: Scope
    permission: str = ""
    handle: Callable[[Call], Awaitable[Answer]]
    query: type[msgspec.Struct] = Nothing
    body: type[msgspec.Struct] = Nothing
    reply: Any = None
    media_type: str = MEDIA_TYPE
    status: int = 200
    reference: Sequence[str] = ()
    sample: Mapping[str, Any] | None = None
    notes: Sequence[str] = ()


def route_of(operation: Operation, authenticate: Callable[[Services, Request], Awaitable[Actor]]) -> Endpoint[Handler]:
    """Make an operation's route: authenticate, read, run, write."""

    async def handle(services: Services, request: Request) -> Reply:
        actor = await authenticate(services, request)
        require_scope(actor, operation.scope)
        query = read_request(operation.query, read_query(request.query))
        body: msgspec.Struct = Nothing()
        if operation.body is not Nothing:
            await request.body.read(actor.account_id)

            def read(content: bytes) -> msgspec.Struct:
                return read_request(operation.body, read_json(content, has_few_values=request.body.has_few_values))

            body = await request.body.decode(read)
        require(query)
        require(body)
        call = Call(
            db=services.db,
            actor=actor,
            request=request,
            query=query,
            body=body,
            box=services.box,
            outbound_allow=services.outbound_allow,
        )
        return json_reply(await operation.handle(call))

    handler: Handler = handle
    return Endpoint(method=operation.method, path=operation.path, function=operation.title, handle=handler)


def json_reply(answer: Answer) -> Reply:
    body = b"" if answer.data is None else msgspec.json.encode(answer.data)
    return Reply(
        status=answer.status, body=body, media_type=answer.media_type, headers=answer.headers, stream=answer.stream
    )


def read_query(query: str) -> dict[str, Any]:
    """Take a query apart; a name that occurs again, or ends in [] or [0], has a list. Raises InvalidInputError."""
    try:
        pairs = parse_qs(query, keep_blank_values=True, max_num_fields=1_000)
    except ValueError as error:
        raise InvalidInputError("query", "It has too many parameters.") from error
    found: dict[str, Any] = {}
    for given, values in pairs.items():
        name = _ITEM.sub("", given)
        if name in found:
            listed = found[name] if isinstance(found[name], list) else [found[name]]
            found[name] = [*listed, *values]
        else:
            found[name] = values if len(values) > 1 or name != given else values[0]
    return found


def read_json(body: bytes, *, has_few_values: bool = False) -> object:
    """Decode a body; an empty one is None. Raises InvalidInputError for `body`.

    `has_few_values` where they have been counted already.
    """
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        return None
    if not has_few_values:
        require_few_values(text, "body")
    try:
        return msgspec.json.decode(text)
    except RecursionError as error:
        raise InvalidInputError("body", "This is not JSON that can be read: it is nested too deep.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError("body", f"This is not JSON that can be read: {error}.") from error


def describe_operations(
    name: str, operations: Sequence[Operation], security: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return OpenAPI's `paths` and `components`; `security` is the dialect's security scheme."""
    types = {one for operation in operations for one in (operation.body, operation.reply) if one not in {None, Nothing}}
    ordered = sorted(types, key=str)
    named, schemas = msgspec.json.schema_components(ordered, ref_template=f"{_REF}{name}.{{name}}")
    refs = dict(zip(ordered, named, strict=True))
    paths: dict[str, Any] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(name, one, refs)
    components = {
        "schemas": {f"{name}.{title}": _open(schema) for title, schema in schemas.items()},
        "securitySchemes": {f"{name}.key": dict(security)},
    }
    return paths, components


def _open(schema: dict[str, Any]) -> dict[str, Any]:
    schema.pop("additionalProperties", None)  # unknown names are ignored
    return schema


def _described(name: str, operation: Operation, refs: Mapping[Any, Any]) -> dict[str, Any]:
    segments = [part.strip("{}") for part in operation.path.split("/") if part.startswith("{")]
    asked = [
        {"name": one, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for one in segments
    ] + [
        {"name": one.names[0], "in": "query", "required": one.required, "description": one.description,
         "schema": {"type": "string"}}
        for one in parameters(operation.query)
    ]  # fmt: skip
    described: dict[str, Any] = {
        "tags": [name],
        "operationId": f"{name}.{operation.title}",
        "summary": operation.title,
        "description": operation.summary,
        "security": [{f"{name}.key": []}],
        "parameters": asked,
        "responses": {str(operation.status): {"description": "Success"}, "default": {"description": "A refusal"}},
    }
    if operation.body is not Nothing:
        content: dict[str, Any] = {"schema": refs[operation.body]}
        if operation.sample is not None:
            content["example"] = operation.sample
        described["requestBody"] = {"content": {"application/json": content}}
    if operation.reply is not None:
        reply = {"schema": refs[operation.reply]}
        described["responses"][str(operation.status)]["content"] = {"application/json": reply}
    elif operation.media_type != MEDIA_TYPE:
        described["responses"][str(operation.status)]["content"] = {
            operation.media_type: {"schema": {"type": "string"}}
        }
    return described


def coverage_of(head: str, operations: Sequence[Operation]) -> str:
    """Write the coverage page."""
    covered = [
        Covered(
            title=one.title,
            path=f"{one.method} {one.path}",
            summary=one.summary,
            reads=(("query: ", one.query), ("", one.body)),
            reference=one.reference,
            notes=one.notes,
            permission=one.permission,
        )
        for one in operations
    ]
    return coverage_page(head, covered)
