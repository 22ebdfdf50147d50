"""Every domain error as inwise reports it: an HTTP status, and a body of a message and the same number.

The reference has one refusal, the 422 of a conflict, whose sentence is kept. The other statuses are ours.
"""

from collections.abc import Mapping

import msgspec

from carillon import errors
from carillon.dialects.refusing import refusal_headers
from carillon.dialects.rest import MEDIA_TYPE
from carillon.http.request import Reply, Request

TABLE: Mapping[type[errors.CarillonError], int] = {
    errors.MissingCredentialsError: 401,
    errors.BadCredentialsError: 401,
    errors.AddressNotAllowedError: 401,
    errors.AccountNotActiveError: 403,
    errors.AccountLockedError: 403,
    errors.ScopeMissingError: 403,
    errors.NotFoundError: 404,
    errors.NoSuchPathError: 404,
    errors.NoSuchMethodError: 405,
    errors.BodyTooLargeError: 413,
    errors.RateLimitedError: 429,
    errors.CallerError: 422,
    errors.UnavailableError: 503,
    errors.SchemaMismatchError: 503,
    errors.ServiceError: 500,
    errors.CarillonError: 500,
}

# What the engine's fields are called here, where a refusal is about one of them.
FIELD_NAMES: Mapping[str, str] = {
    "phone": "mobile_number",
    "first_name": "field1",
    "last_name": "field2",
    "birth_date": "field21",
    **{f"text{number}": f"field{number}" for number in range(3, 21)},
}

_KEYS = {"email": "email", "phone": "mobile number", "external_id": "external ID"}
_OURS = {500: "Internal error.", 503: "The service is not available just now."}


class Refusal(msgspec.Struct):
    """The body of a refusal."""

    message: str
    code: int


def present_error(_request: Request, error: errors.CarillonError) -> Reply:
    status = status_of(error)
    body = msgspec.json.encode(Refusal(message=_message(error, status), code=status))
    return Reply(
        status=status, body=body, media_type=MEDIA_TYPE, headers=refusal_headers(error, status, 'ApiKey realm="inwise"')
    )


def status_of(error: errors.CarillonError) -> int:
    """Find the status of an error's class, or of the nearest class that it descends from."""
    if isinstance(error, errors.NotFoundError) and error.subject == "group":
        return TABLE[errors.CallerError]  # the body names it, not the address
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def _message(error: errors.CarillonError, status: int) -> str:
    match error:
        case errors.KeyConflictError(owners=owners):
            return "".join(
                f"The {name} exists for contact ID #{owners[key]}." for key, name in _KEYS.items() if key in owners
            )
        case errors.InvalidInputError(field=field) | errors.TooManyItemsError(field=field) if field:
            return f"{FIELD_NAMES.get(field, field)}: {error.message}"
        case errors.CallerError():
            return error.message
    return _OURS[status]
