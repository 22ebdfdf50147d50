"""Who calls: HTTP Basic, or `Auth` in the body, into an actor."""

from carillon.dialects.basic_auth import read_basic
from carillon.dialects.contract import Services
from carillon.dialects.inforu.bodies import Document, open_document
from carillon.errors import BadCredentialsError, InvalidInputError, MissingCredentialsError
from carillon.http.request import Request
from carillon.kit.actor import Actor
from carillon.tenancy.authentication import Login
from carillon.tenancy.credentials import CredentialFormat

DIALECT = "inforu"
CREDENTIAL_FORMAT = CredentialFormat(name="username", secret="token")  # noqa: S106 - the name of a field

CALLS_PER_SECOND = 30.0
"""The vendor's limit, for credentials that have none of their own."""

_MAX_CHARACTERS = 1_000


async def authenticate(services: Services, request: Request) -> tuple[Actor, Document | None]:
    """Authenticate the caller. A Basic header counts when there is one, and the body isn't read; its `Auth` only else.

    Returns the actor, and the body where it has been opened.

    Raises MissingCredentialsError when there is neither or it can't be decoded, and what `Authenticator` raises.
    """
    basic = read_basic(request)
    if basic is None:
        await request.body.read()
        username, token, document = await request.body.decode(lambda content: _from_body(request, content))
    else:
        (username, token), document = basic, None
    # No credential has such a name, and PostgreSQL takes no NUL.
    if "\0" in username or len(username) > _MAX_CHARACTERS or len(token) > _MAX_CHARACTERS:
        raise BadCredentialsError
    login = Login(
        dialect=DIALECT,
        key_name=username,
        secret=token,
        remote_address=request.remote_address,
        calls_per_second=CALLS_PER_SECOND,
    )
    return await services.authenticator.authenticate(login), document


def _from_body(request: Request, content: bytes) -> tuple[str, str, Document]:
    try:
        document = open_document(request, content)
        found = document.credentials()
    except InvalidInputError as error:
        # Without a credential a caller learns no more than this of how bodies are read.
        raise MissingCredentialsError(
            f"No Basic Authorization header was sent, and {error.field} can't be read."
        ) from error
    if found is None:
        raise MissingCredentialsError
    return *found, document
