"""Who calls: the key in X-API-Key, into an actor."""

from carillon.dialects.contract import Services
from carillon.errors import BadCredentialsError, MissingCredentialsError
from carillon.http.request import Request
from carillon.kit.actor import Actor
from carillon.tenancy.authentication import Login
from carillon.tenancy.credentials import CredentialFormat

DIALECT = "inwise"
CREDENTIAL_FORMAT = CredentialFormat()

CALLS_PER_SECOND = 100.0
"""For credentials that have no rate of their own; the reference names none."""

_MAX_CHARACTERS = 1_000


async def authenticate(services: Services, request: Request) -> Actor:
    """Authenticate the caller. Raises MissingCredentialsError without a key, and what `Authenticator` raises."""
    key = request.headers.get("x-api-key", "").strip()
    if not key:
        raise MissingCredentialsError
    if len(key) > _MAX_CHARACTERS:
        raise BadCredentialsError
    login = Login.from_key(DIALECT, key, remote_address=request.remote_address, calls_per_second=CALLS_PER_SECOND)
    return await services.authenticator.authenticate(login)
