"""Who calls: HTTP Basic, into an actor."""

from carillon.dialects.basic_auth import read_basic
from carillon.dialects.contract import Services
from carillon.errors import MissingCredentialsError
from carillon.http.request import Request
from carillon.kit.actor import Actor
from carillon.tenancy.authentication import Login
from carillon.tenancy.credentials import CredentialFormat

DIALECT = "nrs"
CREDENTIAL_FORMAT = CredentialFormat(name="username", secret="password")  # noqa: S106 - the name of a field

CALLS_PER_SECOND = 100.0
"""For credentials that have no rate of their own; the reference names none."""


async def authenticate(services: Services, request: Request) -> Actor:
    """Authenticate the caller.

    Raises MissingCredentialsError when there is no Basic header that can be decoded, and what `Authenticator` raises.
    """
    found = read_basic(request)
    if found is None:
        raise MissingCredentialsError
    username, password = found
    login = Login(
        dialect=DIALECT,
        key_name=username,
        secret=password,
        remote_address=request.remote_address,
        calls_per_second=CALLS_PER_SECOND,
    )
    return await services.authenticator.authenticate(login)
