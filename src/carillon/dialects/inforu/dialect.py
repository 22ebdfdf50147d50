"""From a request to an envelope: authenticate, read, run, present; and the dialect as it is mounted."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import msgspec

from carillon.dialects.contract import Dialect, Services
from carillon.dialects.inforu import auth
from carillon.dialects.inforu.bodies import Format, Wrapped, open_document, wanted_format, write_envelope
from carillon.dialects.inforu.callbacks import CALLBACKS
from carillon.dialects.inforu.calls import Call, Operation
from carillon.dialects.inforu.coverage import coverage_of
from carillon.dialects.inforu.documentation import show_page
from carillon.dialects.inforu.errors import SUCCESS, Status, detail_of, headers_of, status_of
from carillon.dialects.inforu.examples import first_calls
from carillon.dialects.inforu.mapping import Presenter
from carillon.dialects.inforu.openapi import describe
from carillon.dialects.inforu.operations import OPERATIONS
from carillon.dialects.inforu.replies import Envelope, FlatReply
from carillon.dialects.reading import require
from carillon.errors import CarillonError, InvalidInputError
from carillon.http.pages import page_reply
from carillon.http.request import Reply, Request
from carillon.http.site import Endpoint
from carillon.tenancy.scopes import require_scope

_BEGINNING_BYTES = 1_000

# The reference's samples name functions without the version, too.
_PATHS = {path.lower(): one.paths[0] for one in OPERATIONS for path in one.paths}
# What the vendor has functions below, those of its first API included; /api/rest is not InforU's.
_OURS = re.compile(r"/(api(?!/rest(/|$))|inforufrontend|sendmessagexml\.ashx)(/|$)")
_OPERATIONS = {one.paths[0].lower(): one for one in OPERATIONS}


def canonical_path(path: str) -> str | None:
    """Return the path in `routes` for any case and for a slash at the end; None for a path that isn't ours.

    One that is below ours and no function's is returned as it is, in lower case: it is refused in the envelope.
    """
    lowered = unquote(path).rstrip("/").lower()
    return _PATHS.get(lowered) or (lowered if _OURS.match(lowered) else None)


def _serve(operation: Operation) -> Callable[[Services, Request], Awaitable[Reply]]:
    decoder: msgspec.json.Decoder[Wrapped[Any]] = msgspec.json.Decoder(Wrapped[operation.request])  # type: ignore[name-defined] # the type is a value here

    async def handle(services: Services, request: Request) -> Reply:
        actor, opened = await auth.authenticate(services, request)
        require_scope(actor, operation.scope)
        await request.body.read(actor.account_id)

        def read(content: bytes) -> tuple[Any, Format]:
            document = opened or open_document(request, content)
            return document.data(operation.request, decoder), wanted_format(request, document)

        asked, form = await request.body.decode(read)
        require(asked, "Data")
        call = Call(services=services, actor=actor, show=Presenter.of(actor), remote_address=request.remote_address)
        answer = await operation.handle(call, asked)
        if isinstance(answer, FlatReply):
            return _written(answer, form, SUCCESS)
        return _reply(request, form, SUCCESS, data=answer)

    return handle


def _reply(request: Request, form: Format, status: Status, *, data: object = None, detail: str = "") -> Reply:
    envelope = Envelope(
        status_id=status.status_id,
        status_description=status.description,
        detailed_description=detail,
        function_name=request.path.strip("/"),
        request_id=request.request_id,
        data=data,
    )
    return _written(envelope, form, status)


def _written(envelope: Envelope | FlatReply, form: Format, status: Status) -> Reply:
    body, media_type = write_envelope(envelope, form)
    return Reply(status=status.http_status, body=body, media_type=media_type)


def present_error(request: Request, error: CarillonError) -> Reply:
    """Put an error into the envelope, in the format that the caller expects."""
    status = status_of(error)
    operation = _OPERATIONS.get((canonical_path(request.path) or "").lower())
    try:
        # Its beginning tells its format.
        form = wanted_format(request, open_document(request, request.body.content[:_BEGINNING_BYTES]))
    except InvalidInputError:
        form = wanted_format(request, None)
    detail = detail_of(error, operation.field_names if operation else {})
    if operation and operation.is_flat:
        flat = FlatReply(status_id=status.status_id, status_description=status.description, detailed_description=detail)
        return replace(_written(flat, form, status), headers=headers_of(error))
    return replace(_reply(request, form, status, detail=detail), headers=headers_of(error))


def _document(operation: Operation) -> Callable[[Services, Request], Awaitable[Reply]]:
    async def handle(_services: Services, request: Request) -> Reply:
        return page_reply(show_page(operation, wanted_format(request, None), request.path))

    return handle


DIALECT = Dialect(
    name=auth.DIALECT,
    credential_format=auth.CREDENTIAL_FORMAT,
    routes=(
        *(Endpoint(method="POST", path=one.paths[0], function=one.name, handle=_serve(one)) for one in OPERATIONS),
        *(
            Endpoint(method="GET", path=one.paths[0], function=f"{one.name} (documentation)", handle=_document(one))
            for one in OPERATIONS
        ),
    ),
    canonical_path=canonical_path,
    present_error=present_error,
    describe=lambda: describe(OPERATIONS),
    coverage=lambda: coverage_of(OPERATIONS),
    first_calls=first_calls,
    callbacks=CALLBACKS,
)
