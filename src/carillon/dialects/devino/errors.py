"""Every domain error in Devino's envelope: code REJECTED, reasons with key, ref and defaultMessage, and a description.

A reason's key is the parameter's name and one of the vendor's suffixes: must.be.not.null, invalid, length.too.long,
unknown, forbidden.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from carillon import errors
from carillon.dialects.refusing import refusal_headers
from carillon.dialects.rest import MEDIA_TYPE
from carillon.http.request import Reply, Request

NOT_NULL, INVALID, TOO_LONG, UNKNOWN, FORBIDDEN = (
    "must.be.not.null",
    "invalid",
    "length.too.long",
    "unknown",
    "forbidden",
)


class RefusedError(errors.InvalidInputError):
    """A parameter's value is refused, with one of the vendor's suffixes for why."""

    def __init__(self, field: str, suffix: str, message: str) -> None:
        super().__init__(field, message)
        self.suffix = suffix


class Reason(msgspec.Struct):
    """Why something is refused."""

    key: str
    ref: str
    default_message: str = msgspec.field(name="defaultMessage")


class Refusal(msgspec.Struct):
    """The body of a refusal."""

    code: str
    result: None
    reasons: list[Reason]
    description: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: the status; what is refused, unless the error names it; the suffix of the key."""

    http_status: int
    ref: str
    suffix: str


TABLE: Mapping[type[errors.CarillonError], Line] = {
    errors.MissingCredentialsError: Line(401, "authorization", FORBIDDEN),
    errors.BadCredentialsError: Line(401, "authorization", FORBIDDEN),
    errors.AddressNotAllowedError: Line(401, "authorization", FORBIDDEN),
    errors.AccountNotActiveError: Line(403, "company", FORBIDDEN),
    errors.AccountLockedError: Line(403, "company", FORBIDDEN),
    errors.ScopeMissingError: Line(403, "authorization", FORBIDDEN),
    errors.MissingInputError: Line(400, "body", NOT_NULL),
    errors.InvalidInputError: Line(400, "body", INVALID),
    errors.TooManyItemsError: Line(400, "body", TOO_LONG),
    errors.NotFoundError: Line(400, "contactGroupId", UNKNOWN),
    errors.NoSuchPathError: Line(404, "path", UNKNOWN),
    errors.NoSuchMethodError: Line(405, "method", INVALID),
    errors.BodyTooLargeError: Line(413, "body", TOO_LONG),
    errors.RateLimitedError: Line(429, "calls", FORBIDDEN),
    errors.CallerError: Line(400, "request", INVALID),
    errors.UnavailableError: Line(503, "service", UNKNOWN),
    errors.SchemaMismatchError: Line(503, "service", UNKNOWN),
    errors.ServiceError: Line(500, "service", UNKNOWN),
    errors.CarillonError: Line(500, "service", UNKNOWN),
}

# The vendor's own sentence, and those for what is ours to know.
_SENTENCES = {
    NOT_NULL: "must not be null",
    500: "internal error",
    503: "the service is not available just now",
}


def present_error(_request: Request, error: errors.CarillonError) -> Reply:
    """Put an error into the envelope."""
    line = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    reason = reason_of(error)
    body = Refusal("REJECTED", None, [reason], describe(reason))
    return Reply(
        status=line.http_status,
        body=msgspec.json.encode(body),
        media_type=MEDIA_TYPE,
        headers=refusal_headers(error, line.http_status, 'Key realm="Devino"'),
    )


def reason_of(error: errors.CarillonError) -> Reason:
    """Say why something is refused."""
    line = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    named = error.field if isinstance(error, errors.InvalidInputError | errors.TooManyItemsError) else ""
    ref = named or line.ref
    suffix = error.suffix if isinstance(error, RefusedError) else line.suffix
    message = _SENTENCES.get(suffix if suffix == NOT_NULL else line.http_status, error.message)
    if isinstance(error, errors.NotFoundError) and error.subject == "audience":
        message = "there is no such contact list"
    return Reason(key=f"{ref}.{suffix}", ref=ref, default_message=message)


def describe(reason: Reason) -> str:
    """Write the description that goes with a reason."""
    return f"Key error: (parameter: {reason.ref} -> {reason.default_message})"
