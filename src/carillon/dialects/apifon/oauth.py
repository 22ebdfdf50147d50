"""The OAuth2 endpoints: a token for the client's credential, and its end (vendors.md, Apifon, OAuth2)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from carillon.dialects.apifon.auth import CALLS_PER_SECOND, DIALECT, VENDOR_SCOPES
from carillon.dialects.apifon.scopes import available_scopes
from carillon.dialects.contract import Services
from carillon.dialects.reading import read_text
from carillon.dialects.rest import MEDIA_TYPE, read_json, read_query
from carillon.errors import CallerError, InvalidInputError, MissingCredentialsError, RateLimitedError
from carillon.http.request import Reply, Request
from carillon.kit.actor import Actor
from carillon.tenancy.authentication import Login
from carillon.tenancy.tokens import IssueToken, issue_token, revoke_token

LIFETIME = timedelta(hours=1)
GRANT = "client_credentials"

_MAX_CHARACTERS = 1_000
# Of a request that shows a credential, which nobody has checked yet.
_MAX_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class _Refusal(Exception):  # noqa: N818 - it is an answer
    """An OAuth error: its name (RFC 6749, section 5.2), a sentence, and the status."""

    name: str
    description: str
    status: int = 400


async def token(services: Services, request: Request) -> Reply:
    """Issue a token for a credential; parameters are in the query, a form, JSON or a Basic header."""
    try:
        asked = await _parameters(request)
        actor = await _client(services, request, asked)
        _check_grant(asked.get("grant_type", GRANT))
        scopes = _scopes(asked.get("scope") or asked.get("scopes") or "", actor)
        command = IssueToken(scopes=scopes, lifetime=LIFETIME)
        given = await services.db.run_at_once(issue_token, actor, command)
    except _Refusal as refusal:
        return _refused(refusal)
    answer = {
        "access_token": given,
        "token_type": "Bearer",
        "expires_in": int(LIFETIME.total_seconds()),
        "scope": " ".join(scopes),
    }
    return _reply(200, answer)


async def revoke(services: Services, request: Request) -> Reply:
    """End a token of the client's own; one that has ended already is no mistake (RFC 7009, section 2.2)."""
    try:
        asked = await _parameters(request)
        actor = await _client(services, request, asked)
    except _Refusal as refusal:
        return _refused(refusal)
    token = asked.get("token", "")
    await services.db.run_at_once(revoke_token, actor, token)
    services.authenticator.forget_token(DIALECT, token)
    return _reply(200, {})


async def _parameters(request: Request) -> dict[str, str]:
    """Gather the parameters; what stands in the body goes before what stands in the query."""
    content = await request.body.read(limit=_MAX_BYTES)
    found: dict[str, Any] = read_query(request.query)
    content_type = request.headers.get("content-type", "").lower()
    try:
        if "json" in content_type:
            body = read_json(content)
            found |= body if isinstance(body, Mapping) else {}
        elif content:
            found |= read_query(content.decode("utf-8", "replace").strip())
        return {name: read_text(value, name)[:_MAX_CHARACTERS] for name, value in found.items() if value is not None}
    except InvalidInputError as error:
        raise _Refusal("invalid_request", f"{error.field}: {error.message}") from error


async def _client(services: Services, request: Request, asked: Mapping[str, str]) -> Actor:
    name, secret = asked.get("client_id", ""), asked.get("client_secret", "")
    scheme, _, shown = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "basic":
        name, secret = _from_basic(shown)
    login = Login(
        dialect=DIALECT,
        key_name=name,
        secret=secret,
        remote_address=request.remote_address,
        calls_per_second=CALLS_PER_SECOND,
    )
    try:
        if not (name and secret):
            raise MissingCredentialsError
        return await services.authenticator.authenticate(login)
    except RateLimitedError:
        raise
    except CallerError as error:
        raise _Refusal("invalid_client", error.message, 401) from error


def _from_basic(shown: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(shown.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return unquote_plus(name), unquote_plus(secret)


def _check_grant(grant: str) -> None:
    if grant != GRANT:
        raise _Refusal("unsupported_grant_type", f"Only {GRANT} is served.")


def _scopes(text: str, actor: Actor) -> list[str]:
    """Read the scopes that are asked for; none of them means all that the credential may have."""
    allowed = available_scopes(actor)
    asked = text.replace(",", " ").split()
    for scope in asked:
        if scope not in VENDOR_SCOPES:
            raise _Refusal("invalid_scope", f"There is no scope {scope[:50]}.")
        if scope not in allowed:
            raise _Refusal("invalid_scope", f"This client may not have the scope {scope}.")
    return [scope for scope in VENDOR_SCOPES if scope in (asked or allowed)]


def _refused(refusal: _Refusal) -> Reply:
    body = {"error": refusal.name, "error_description": refusal.description}
    headers = {"WWW-Authenticate": 'Basic realm="Apifon"'} if refusal.name == "invalid_client" else {}
    return _reply(refusal.status, body, headers)


def _reply(status: int, content: object, headers: Mapping[str, str] | None = None) -> Reply:
    head = {"Cache-Control": "no-store", **(headers or {})}
    return Reply(status=status, body=msgspec.json.encode(content), media_type=MEDIA_TYPE, headers=head)
