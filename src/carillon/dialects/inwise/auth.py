"""Who calls: the key in X-API-Key, into an actor."""

from carillon.dialects.mount import Incoming, Services
from carillon.errors import BadCredentialsError, MissingCredentialsError
from carillon.kit.actor import Actor
from carillon.tenancy.authentication import Login
from carillon.tenancy.credentials import KeyWords

DIALECT = "inwise"
KEY_WORDS = KeyWords()

_MAX_CHARACTERS = 1_000


async def authenticate(services: Services, incoming: Incoming) -> Actor:
    """Let the caller in. Raises MissingCredentialsError without a key, and what `Authenticator` raises.

    The reference names no rate, so there is none but a credential's own.
    """
    key = incoming.headers.get("x-api-key", "").strip()
    if not key:
        raise MissingCredentialsError
    if len(key) > _MAX_CHARACTERS:
        raise BadCredentialsError
    login = Login.from_key(DIALECT, key, remote_address=incoming.remote_address)
    return await services.authenticator.authenticate(login)
