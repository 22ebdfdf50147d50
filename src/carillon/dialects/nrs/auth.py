"""Who calls: HTTP Basic, into an actor."""

from carillon.dialects.basic import read_basic
from carillon.dialects.mount import Incoming, Services
from carillon.errors import MissingCredentialsError
from carillon.kit.actor import Actor
from carillon.tenancy.authentication import Login
from carillon.tenancy.credentials import KeyWords

DIALECT = "nrs"
KEY_WORDS = KeyWords(name="username", secret="password")  # noqa: S106 - the name of a field


async def authenticate(services: Services, incoming: Incoming) -> Actor:
    """Let the caller in; the reference knows no rate.

    Raises MissingCredentialsError when there is no Basic header that can be decoded, and what `Authenticator` raises.
    """
    found = read_basic(incoming)
    if found is None:
        raise MissingCredentialsError
    username, password = found
    login = Login(dialect=DIALECT, key_name=username, secret=password, remote_address=incoming.remote_address)
    return await services.authenticator.authenticate(login)
