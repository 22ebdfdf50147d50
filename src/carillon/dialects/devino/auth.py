"""Who calls: `Authorization: Key <apikey>`, or HTTP Basic with the key as password, into an actor."""

from carillon.dialects.basic_auth import read_basic
from carillon.dialects.contract import Services
from carillon.errors import BadCredentialsError, MissingCredentialsError
from carillon.http.request import Request
from carillon.kit.actor import Actor
from carillon.tenancy.authentication import Login
from carillon.tenancy.credentials import CredentialFormat

DIALECT = "devino"
CREDENTIAL_FORMAT = CredentialFormat()

CALLS_PER_SECOND = 100.0
"""For credentials that have no rate of their own; the reference names none."""

_MAX_CHARACTERS = 1_000


async def authenticate(services: Services, request: Request) -> Actor:
    """Authenticate the caller.

    Raises MissingCredentialsError without a header that can be read, and what `Authenticator` raises.
    """
    key = _key(request)
    if not key:
        raise MissingCredentialsError
    if len(key) > _MAX_CHARACTERS:
        raise BadCredentialsError
    login = Login.from_key(DIALECT, key, remote_address=request.remote_address, calls_per_second=CALLS_PER_SECOND)
    return await services.authenticator.authenticate(login)


def _key(request: Request) -> str:
    scheme, _, rest = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "key":
        return rest.strip()
    pair = read_basic(request)
    return pair[1] if pair else ""
