"""HTTP Basic authentication, which several dialects share."""

import base64
import binascii

from carillon.errors import MissingCredentialsError
from carillon.http.request import Request


def read_basic(request: Request) -> tuple[str, str] | None:
    """Return the user name and the password of the Authorization header; None where it is absent or of another scheme.

    Raises MissingCredentialsError when they can't be decoded.
    """
    scheme, _, encoded = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise MissingCredentialsError from error
    username, colon, password = decoded.partition(":")
    if not colon:
        raise MissingCredentialsError
    return username, password
