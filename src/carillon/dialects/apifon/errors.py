"""Every domain error in Apifon's envelope: status and title, in one total table (Status Codes, Error Responses)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from carillon import errors
from carillon.dialects.refusing import refusal_headers
from carillon.dialects.rest import MEDIA_TYPE
from carillon.http.request import Reply, Request


@dataclass(frozen=True, slots=True)
class Status:
    """A line of the table."""

    http_status: int
    title: str


class StaleTagError(errors.CallerError):
    """The item isn't any more what If-Match says."""

    code = "stale_tag"


_UNAUTHORIZED = Status(401, "Unauthorized")
_FORBIDDEN = Status(403, "Forbidden")
_INVALID = Status(400, "Request validation Error(s)")
_ILLEGAL = Status(403, "Request validation Error(s)")
_UNAVAILABLE = Status(503, "Service Unavailable")
_FAILED = Status(500, "Internal Server Error")

TABLE: Mapping[type[errors.CarillonError], Status] = {
    errors.MissingCredentialsError: _UNAUTHORIZED,
    errors.BadCredentialsError: _UNAUTHORIZED,
    errors.AddressNotAllowedError: _UNAUTHORIZED,
    errors.AccountNotActiveError: _UNAUTHORIZED,
    errors.AccountLockedError: _UNAUTHORIZED,
    errors.ScopeMissingError: _FORBIDDEN,
    errors.TooManyItemsError: _INVALID,
    errors.InvalidInputError: _INVALID,
    errors.JobNotFoundError: Status(404, "Not Found"),
    errors.JobInProgressError: Status(409, "Conflict"),
    errors.NotFoundError: Status(404, "Not Found"),
    errors.NoSuchPathError: Status(404, "Not Found"),
    errors.NoSuchMethodError: Status(405, "Method Not Allowed"),
    errors.MediaTypeError: Status(415, "Unsupported Media Type"),
    errors.KeyConflictError: Status(409, "Conflict"),
    errors.GroupNotEmptyError: Status(409, "Conflict"),
    StaleTagError: Status(412, "Precondition Failed"),
    errors.BodyTooLargeError: Status(413, "Payload Too Large"),
    errors.RateLimitedError: Status(429, "Too Many Requests"),
    errors.UnavailableError: _UNAVAILABLE,
    errors.SchemaMismatchError: _UNAVAILABLE,
    errors.CallerError: _INVALID,
    errors.ServiceError: _FAILED,
    errors.CarillonError: _FAILED,
}

_WORDS = {"phone": "destination"}
_SENDING_CALL = re.compile(r"/services(/api/v1)?/(sms/(send|remove)|im/(send|file|remove)|otp/create)/*")
_CHALLENGE = 'ApifonWS, Bearer realm="Apifon", error="invalid_token"'


def status_of(error: errors.CarillonError) -> Status:
    """Find the line of an error's class, or of the nearest class that it descends from."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def present_error(request: Request, error: errors.CarillonError) -> Reply:
    """Put an error into the envelope; `error_report_code` is the request's report id, which the log's lines have.

    What sends refuses wrong parameters with 403, and says the status in `result_info` too (SMS, IM and OTP Response).
    """
    status, is_sending = status_of(error), _SENDING_CALL.fullmatch(request.path) is not None
    if is_sending and _is_illegal_value(error):
        status = _ILLEGAL
    details = _details(error)
    envelope: dict[str, object] = {
        "status": str(status.http_status),
        "title": status.title,
        "error_details": details,
        "error_report_code": request.report_id,
    }
    if is_sending:
        # Clients show their users this one.
        description = " ".join(f"{place}: {said}" for place, said in details.items()) or status.title
        envelope["result_info"] = {"status_code": status.http_status, "description": description}
    body = msgspec.json.encode(envelope)
    return Reply(
        status=status.http_status,
        body=body,
        media_type=MEDIA_TYPE,
        headers=refusal_headers(error, status.http_status, _CHALLENGE),
    )


def _is_illegal_value(error: errors.CarillonError) -> bool:
    """Tell a value that is wrong from a body that is not understood at all (Status Codes: 403, 400)."""
    match error:
        case errors.InvalidInputError(field=field):
            return field != "body"
    return isinstance(error, errors.TooManyItemsError)


def _details(error: errors.CarillonError) -> dict[str, str]:
    match error:
        case errors.InvalidInputError(field=field, message=message):
            return {field: message}
        case errors.NotFoundError(subject=subject, message=message):
            return {subject: message}
        case errors.KeyConflictError(owners=owners):
            return dict.fromkeys((_WORDS.get(key, key) for key in owners), "Another subscriber of the list has this.")
        case errors.CallerError(message=message) if status_of(error) is not _UNAUTHORIZED:
            return {"request": message}
    return {}
