"""Who calls: the key in X-API-Key, into an actor."""

from carillon.dialects.contract import Services
from carillon.errors import BadCredentialsError, MissingCredentialsError
from carillon.http.request import Request
from carillon.kit.actor import Actor
from carillon.tenancy.authentication import Login
from carillon.tenancy.credentials import CredentialFormat

DIALECT = "inwise"
CREDENTIAL_FORMAT = CredentialFormat()

_MAX_CHARACTERS = 1_000


async def authenticate(services: Services, request: Request) -> Actor:
    """Authenticate the caller. Raises MissingCredentialsError without a key, and what `Authenticator` raises.

    The reference names no rate, so there is none but a credential's own.
    """
    key = request.headers.get("x-api-key", "").strip()
    if not key:
        raise MissingCredentialsError
    if len(key) > _MAX_CHARACTERS:
        raise BadCredentialsError
    login = Login.from_key(DIALECT, key, remote_address=request.remote_address)
    return await services.authenticator.authenticate(login)
