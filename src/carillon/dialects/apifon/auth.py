"""Who calls: a signature over the request (ApifonWS), or a bearer token from the OAuth2 endpoints.

The string to sign and what clients vary in it: vendors.md, Apifon, HMAC.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from carillon.dialects.contract import Services
from carillon.errors import BadCredentialsError, MissingCredentialsError
from carillon.http.request import Request
from carillon.kit.actor import Actor
from carillon.tenancy.authentication import SignedLogin, TokenLogin
from carillon.tenancy.credentials import CredentialFormat

DIALECT = "apifon"
# A client signs (token, secret) or asks for a bearer (client_id, client_secret): the names are one, the secrets two.
CREDENTIAL_FORMAT = CredentialFormat(name="client_id", secret="client_secret", signing=("token", "secret"))  # noqa: S106 - names of fields

VENDOR_SCOPES: Sequence[str] = (
    "accountInfo",
    "readLanding",
    "readList",
    "writeList",
    "readSubscriber",
    "writeSubscriber",
    "smsGateway",
    "imGateway",
    "otpGateway",
    "openid",
)

CALLS_PER_SECOND = 100.0
"""For credentials that have no rate of their own; the reference has a 429 and no figure."""

_MAX_CHARACTERS = 1_000
# How far a client's clock may be ahead of ours: a server's clock that is set back by an hour refuses nobody. How far
# its date may be behind is `signature_age_seconds`.
_AHEAD = timedelta(minutes=90)


async def authenticate(services: Services, request: Request, *, changes: bool = False) -> Actor:
    """Authenticate the caller by what its Authorization header shows.

    A signature of a call that `changes` something is accepted once, but for a client's retry.
    Raises MissingCredentialsError when there is none of the two kinds, and what `Authenticator` raises.
    """
    scheme, _, shown = request.headers.get("authorization", "").strip().partition(" ")
    shown = shown.strip()
    if len(shown) > _MAX_CHARACTERS:
        raise BadCredentialsError
    match scheme.lower():
        case "apifonws":
            login = await _signed(services, request, shown, changes=changes)
            return await services.authenticator.authenticate_signed(login)
        case "bearer":
            bearer = TokenLogin(
                dialect=DIALECT,
                token=shown,
                remote_address=request.remote_address,
                calls_per_second=CALLS_PER_SECOND,
            )
            return await services.authenticator.authenticate_token(bearer)
    raise MissingCredentialsError


async def _signed(services: Services, request: Request, shown: str, *, changes: bool) -> SignedLogin:
    """Read what was signed: the body too, but no body of a caller that names no key of ours or is elsewhere."""
    token, _, signature = shown.partition(":")
    date = request.headers.get("x-apifonws-date", "")
    moment = _read_date(date)
    if not -_AHEAD <= services.db.clock.now() - moment <= services.signature_age:
        raise BadCredentialsError
    try:
        given = base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise BadCredentialsError from None
    key_name = token.strip()
    await services.authenticator.require_key(DIALECT, key_name, request.remote_address)
    head = f"{request.method}\n{request.raw_path}\n".encode()
    return SignedLogin(
        dialect=DIALECT,
        key_name=key_name,
        message=head + await request.body.read() + f"\n{date}".encode("latin-1", "replace"),
        signature=given,
        remote_address=request.remote_address,
        remember_until=moment + services.signature_age if changes else None,
        calls_per_second=CALLS_PER_SECOND,
    )


def _read_date(date: str) -> datetime:
    """Read a signature's date. Raises BadCredentialsError for what is none."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        raise BadCredentialsError from None
    # -0000, as some mail libraries write it, is UTC too; they read it as a time without a zone.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
