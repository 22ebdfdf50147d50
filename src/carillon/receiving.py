"""The site at which HTTP providers tell of their messages: receipts and replies, at URLs that carry a token.

The token says whose message it is and is all that a provider proves; it is in the path, which no log has.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import msgspec

from carillon import errors
from carillon.carriers.contract import Inbox
from carillon.carriers.http.inbound import InboundRequest, InboundTemplate, read_inbound
from carillon.carriers.http.tokens import PATH, CallbackTokens
from carillon.errors import CarillonError, NotFoundError
from carillon.http.request import Method, Reply, Request
from carillon.http.site import Endpoint, Site
from carillon.kit.ids import AccountId

# How the requests of a carrier are read; None for one that is not there any more, or is of another kind.
Templates = Callable[[int], Awaitable[InboundTemplate | None]]

_LIMIT_BYTES = 262_144
_UNAVAILABLE_SECONDS = "5"

# The first line that fits: kinds overlap. What is missing is a server's failure, so that the provider tries again.
_STATUSES: Mapping[type[CarillonError], HTTPStatus] = {
    errors.NoSuchMethodError: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.NoSuchPathError: HTTPStatus.NOT_FOUND,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.RateLimitedError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.CallerError: HTTPStatus.BAD_REQUEST,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SchemaMismatchError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CarillonError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def receiving_site(tokens: CallbackTokens, templates: Templates, inbox: Inbox) -> Site:
    """Make the site under `/carriers/`."""

    async def receive(request: Request) -> Reply:
        """Answer when the inbox has committed what came."""
        token = tokens.read(request.segments["token"])
        template = None if token is None else await templates(token.carrier_id)
        if token is None or template is None:
            raise NotFoundError("carrier")
        await request.body.read(AccountId(token.account_id) if token.account_id else None, limit=_LIMIT_BYTES)
        received = await request.body.decode(
            lambda body: read_inbound(
                InboundRequest(query=request.query, body=body, headers=request.headers), template, token
            )
        )
        await inbox.take(token.carrier_id, received)
        return Reply(status=HTTPStatus.OK, body=template.answer.encode(), media_type="text/plain; charset=utf-8")

    methods: tuple[Method, ...] = ("GET", "POST", "PUT")
    return Site(
        name="carriers",
        endpoints=[
            Endpoint(method=method, path=f"{PATH}{{token}}", function="receive", handle=receive) for method in methods
        ],
        canonical_path=_canonical_path,
        present_error=_present_error,
    )


def _canonical_path(path: str) -> str | None:
    return path.rstrip("/") if path.startswith(PATH) else None


def _present_error(_request: Request, error: CarillonError) -> Reply:
    status = next(status for kind, status in _STATUSES.items() if isinstance(error, kind))
    headers = {"Retry-After": _UNAVAILABLE_SECONDS} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    if isinstance(error, errors.NoSuchMethodError):
        headers = {"Allow": ", ".join(error.allowed)}
    # The text of what is ours is for the log only.
    text = error.message if isinstance(error, errors.CallerError) else status.phrase
    content = {"status": status.value, "error": text}
    return Reply(status=status, body=msgspec.json.encode(content), media_type="application/json", headers=headers)
