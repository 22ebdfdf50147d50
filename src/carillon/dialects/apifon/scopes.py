"""The vendor's scopes against ours: a token has the vendor's, a credential that signs has ours."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from carillon.dialects.apifon.auth import VENDOR_SCOPES, authenticate
from carillon.dialects.contract import Services
from carillon.errors import MediaTypeError, ScopeMissingError
from carillon.http.request import Request
from carillon.kit.actor import Actor
from carillon.tenancy.scopes import Scope

OURS: Mapping[str, Scope] = {
    "readList": Scope.AUDIENCE_READ,
    "writeList": Scope.AUDIENCE_WRITE,
    "readSubscriber": Scope.AUDIENCE_READ,
    "writeSubscriber": Scope.AUDIENCE_WRITE,
    "smsGateway": Scope.MESSAGES_WRITE,
    "imGateway": Scope.MESSAGES_WRITE,
    "otpGateway": Scope.MESSAGES_WRITE,
    "accountInfo": Scope.MESSAGES_READ,
}


def available_scopes(actor: Actor) -> frozenset[str]:
    """Return the vendor's scopes that a credential may have: all of them unless it is limited."""
    if not actor.scopes:
        return frozenset(VENDOR_SCOPES)
    return frozenset(scope for scope, ours in OURS.items() if ours in actor.scopes)


def authenticate_for(scope: str, *, changes: bool) -> Callable[[Services, Request], Awaitable[Actor]]:
    """Make what lets callers in to endpoints that the reference requires a scope, or several, for.

    `changes` tells what changes something from what only reads, whatever its method.
    It raises ScopeMissingError, and MediaTypeError for a body that calls itself anything but JSON (Status Codes, 415).
    """

    async def authenticate_scoped(services: Services, request: Request) -> Actor:
        actor = await authenticate(services, request, changes=changes)
        if not request.body.is_empty and "json" not in request.headers.get("content-type", "json").lower():
            raise MediaTypeError
        if actor.scopes & set(VENDOR_SCOPES):  # a token's
            for one in scope.split():
                if one not in actor.scopes:
                    raise ScopeMissingError(one)
            return replace(actor, scopes=frozenset())
        return actor

    return authenticate_scoped
