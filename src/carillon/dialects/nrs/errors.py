"""Every domain error in 360NRS's envelope: code, HTTP status and description, in one total table.

The codes of the reference ("Errors") are kept. What it has no code for gets the HTTP status as its code, as the
reference's own 422 does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from carillon import errors
from carillon.dialects.refusing import refusal_headers
from carillon.dialects.rest import MEDIA_TYPE
from carillon.http.request import Reply, Request


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line of the table; without a description it is the error's own. `is_ours`: not in the reference."""

    code: int
    http_status: int
    description: str = ""
    is_ours: bool = False


INVALID_JSON = Refusal(125, 400, "Invalid JSON")
# Of sends. Of several the lowest code is answered.
NO_VALID_RECIPIENTS = Refusal(102, 400, "No valid recipients")
UNKNOWN_USER = Refusal(103, 401, "Username or password unknown")
TEXT_MISSING = Refusal(104, 400, "Text message missing")
TEXT_TOO_LONG = Refusal(105, 400, "Text message too long")
SENDER_MISSING = Refusal(106, 400, "Sender missing")
SENDER_TOO_LONG = Refusal(107, 400, "Sender too long")
INVALID_SCHEDULE = Refusal(108, 400, "No valid Datetime for send")
URL_INCORRECT = Refusal(109, 400, "Notification URL incorrect")
TOO_MANY_PARTS = Refusal(110, 400, "Exceeded maximum parts allowed or incorrect number of parts")
NO_CREDIT = Refusal(111, 402, "Not enough credits")
INVALID_CODING = Refusal(113, 400, "Invalid coding")
SENDER_NOT_VERIFIED = Refusal(115, 400, "Sender is not verified")
INVALID_EXPIRATION = Refusal(119, 400, "Invalid expiration date")
INVALID_GUID = Refusal(120, 400, "Invalid GUID")
INVALID_NEW_SCHEDULE = Refusal(121, 400, "Invalid scheduled date")
EMPTY_CAMPAIGN_NAME = Refusal(126, 400, "Empty campaign name")

# What a part of a request is called that can't be read at all, where the reference has a code for it.
UNREADABLE: Mapping[str, Refusal] = {"parts": TOO_MANY_PARTS}


class RefusedError(errors.InvalidInputError):
    """A request is refused with a code of the reference."""

    code = "refused"

    def __init__(self, refusal: Refusal) -> None:
        super().__init__("", refusal.description)
        self.refusal = refusal


TABLE: Mapping[type[errors.CarillonError], Refusal] = {
    errors.MissingCredentialsError: Refusal(103, 401, "Username or password unknown"),
    errors.BadCredentialsError: Refusal(103, 401, "Username or password unknown"),
    errors.AddressNotAllowedError: Refusal(112, 401, "IP address not allowed"),
    errors.InvalidInputError: Refusal(422, 422),
    errors.TooManyItemsError: Refusal(422, 422),
    errors.KeyConflictError: Refusal(422, 422),
    errors.AccountNotActiveError: Refusal(403, 403, is_ours=True),
    errors.AccountLockedError: Refusal(403, 403, is_ours=True),
    errors.ScopeMissingError: Refusal(403, 403, is_ours=True),
    errors.NotFoundError: Refusal(404, 404, is_ours=True),
    errors.NoSuchPathError: Refusal(404, 404, is_ours=True),
    errors.NoSuchMethodError: Refusal(405, 405, is_ours=True),
    errors.BodyTooLargeError: Refusal(413, 413, is_ours=True),
    errors.RateLimitedError: Refusal(429, 429, is_ours=True),
    errors.CallerError: Refusal(422, 422),
    errors.UnavailableError: Refusal(503, 503, "Service unavailable", is_ours=True),
    errors.SchemaMismatchError: Refusal(503, 503, "Service unavailable", is_ours=True),
    errors.ServiceError: Refusal(101, 500, "Internal Database error"),
    errors.CarillonError: Refusal(101, 500, "Internal Database error"),
}

_OF_SENDS = (
    *(NO_VALID_RECIPIENTS, TEXT_MISSING, TEXT_TOO_LONG, SENDER_MISSING, SENDER_TOO_LONG, INVALID_SCHEDULE),
    *(URL_INCORRECT, TOO_MANY_PARTS, NO_CREDIT, INVALID_CODING, SENDER_NOT_VERIFIED, INVALID_EXPIRATION),
    *(INVALID_GUID, INVALID_NEW_SCHEDULE, EMPTY_CAMPAIGN_NAME),
)

# What operations name in their errors, part by part: labelled_fields.0.label is customFields.0.key.
FIELD_NAMES: Mapping[str, str] = {
    "first_name": "name",
    "last_name": "surname",
    "country": "countryIso",
    "external_id": "externalId",
    "group": "groupsNames",
    "address": "recipient",
    "labelled_fields": "customFields",
    "label": "key",
}
_NOT_FOUND = {"suppression": "The recipient is not on the blacklist."}

_CHALLENGE = 'Basic realm="360NRS", charset="UTF-8"'


def present_error(_request: Request, error: errors.CarillonError) -> Reply:
    """Put an error into the envelope."""
    refusal = refusal_of(error)
    description = refusal.description or _description(error)
    body = {"error": {"code": refusal.code, "description": description}}
    return Reply(
        status=refusal.http_status,
        body=msgspec.json.encode(body),
        media_type=MEDIA_TYPE,
        headers=refusal_headers(error, refusal.http_status, _CHALLENGE),
    )


def refusals() -> list[Refusal]:
    """List every refusal that a reply may be, by code."""
    lines = {one.code: one for one in (*TABLE.values(), *_OF_SENDS, INVALID_JSON)}
    return [lines[code] for code in sorted(lines)]


def refusal_of(error: errors.CarillonError) -> Refusal:
    """Find the line of an error's class, or of the nearest class that it descends from."""
    if isinstance(error, RefusedError):
        return error.refusal
    if isinstance(error, errors.InvalidInputError) and error.field in UNREADABLE:
        return UNREADABLE[error.field]
    if isinstance(error, errors.InvalidInputError) and error.field == "body":
        return INVALID_JSON
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def _description(error: errors.CarillonError) -> str:
    if isinstance(error, errors.KeyConflictError):
        return errors.KeyConflictError({_field_name(key): owner for key, owner in error.owners.items()}).message
    if isinstance(error, errors.NotFoundError):
        return _NOT_FOUND.get(error.subject, error.message)
    if not isinstance(error, errors.InvalidInputError | errors.TooManyItemsError) or not error.field:
        return error.message
    name = _field_name(error.field)
    if isinstance(error, errors.MissingInputError):
        return f"The {name} field is required."
    return f"The {name} field is invalid: {error.message}"


def _field_name(field: str) -> str:
    return ".".join(FIELD_NAMES.get(part, part) for part in field.split("."))
