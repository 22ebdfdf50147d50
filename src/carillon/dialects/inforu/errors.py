"""Every domain error in InforU's envelope: StatusId, HTTP status and description, in one total table.

The ids of the reference ("Response Status Codes") are kept. For what it has none the id is ours, made the way the
vendor made -429: minus the HTTP status that the case would have elsewhere. A refusal that is about the request's
content still answers HTTP 200, as the vendor does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from carillon import errors
from carillon.dialects.inforu.schemas import MAX_CONTACTS, MAX_ITEMS
from carillon.dialects.inforu.schemas_sms import MAX_RECIPIENTS
from carillon.dialects.refusing import refusal_headers


@dataclass(frozen=True, slots=True)
class Status:
    """A line of the table. `is_ours`: neither the reference nor a public client shows this id."""

    status_id: int
    http_status: int
    description: str
    is_ours: bool = False


SUCCESS = Status(1, 200, "Success")


class SmsRefusedError(errors.InvalidInputError):
    """A message that isn't sent to anybody, for a reason that the vendor has a code for."""

    status: ClassVar[Status]


class NoRecipientsError(SmsRefusedError):
    """Neither recipients nor groups were given."""

    status = Status(-6, 200, "Recipients data does not exist")


class NoMessageError(SmsRefusedError):
    """The message is missing or blank."""

    status = Status(-9, 200, "Message text does not exist")


class NoCreditError(SmsRefusedError):
    """The credit is used up."""

    status = Status(-13, 200, "User quota exceeded")


class BadDateError(SmsRefusedError):
    """A date that can't be read, or can't be kept."""

    status = Status(-16, 200, "Wrong date and time")


class NoValidRecipientsError(SmsRefusedError):
    """Every recipient was left out."""

    status = Status(-18, 200, "No valid recipients")


class InvalidSenderError(SmsRefusedError):
    """What can't be a sender."""

    status = Status(-21, 200, "Invalid sender")


class MessageTooLongError(SmsRefusedError):
    """A message of too many characters, or parts."""

    status = Status(-96, 200, "Message is too long")


class OtpError(errors.CallerError):
    """A one-time password that isn't right: elsewhere an HTTP status of its own."""

    status: ClassVar[Status]


class WrongOtpError(OtpError):
    """It is not the password, or there is none."""

    status = Status(-401, 200, "Wrong password", is_ours=True)


class UsedOtpError(OtpError):
    """It is the password, and was used before."""

    status = Status(-208, 200, "Password was used before", is_ours=True)


class ExpiredOtpError(OtpError):
    """It is the password, and over."""

    status = Status(-410, 200, "Password has expired", is_ours=True)


class LockedOtpError(OtpError):
    """There were too many attempts."""

    status = Status(-423, 200, "Too many attempts", is_ours=True)


_OTP_ERRORS: tuple[type[OtpError], ...] = (WrongOtpError, UsedOtpError, ExpiredOtpError, LockedOtpError)

_SMS_ERRORS: tuple[type[SmsRefusedError], ...] = (
    NoRecipientsError,
    NoMessageError,
    NoCreditError,
    BadDateError,
    NoValidRecipientsError,
    InvalidSenderError,
    MessageTooLongError,
)

_OVER_ITEMS = Status(-2010, 403, f"Max records for this method is {MAX_ITEMS}")
_OVER_CONTACTS = Status(-2011, 403, f"Max records for this method is {MAX_CONTACTS}")
_OVER_RECIPIENTS = Status(-2011, 403, f"Max records for this method is {MAX_RECIPIENTS}", is_ours=True)

TABLE: Mapping[type[errors.CarillonError], Status] = {
    errors.MissingCredentialsError: Status(-1, 401, "General failure"),
    errors.BadCredentialsError: Status(-2, 401, "Authentication failed or illegal IP address"),
    errors.AddressNotAllowedError: Status(-2, 401, "Authentication failed or illegal IP address"),
    errors.AccountNotActiveError: Status(-221, 403, "User Not Active"),
    errors.AccountLockedError: Status(-222, 403, "Locked Out"),
    errors.ScopeMissingError: Status(-403, 403, "Permission denied", is_ours=True),
    errors.TooManyItemsError: _OVER_ITEMS,
    errors.JobNotFoundError: Status(-2014, 403, "RequestToken not found"),
    errors.JobInProgressError: Status(-2015, 403, "Job in progress"),
    errors.RateLimitedError: Status(-429, 429, "Too many requests"),
    errors.InvalidInputError: Status(-400, 200, "Invalid request", is_ours=True),
    errors.NotFoundError: Status(-404, 200, "Not found", is_ours=True),
    errors.NoSuchPathError: Status(-404, 404, "Not found", is_ours=True),
    errors.NoSuchMethodError: Status(-405, 405, "Method not allowed", is_ours=True),
    errors.GroupNotEmptyError: Status(-409, 200, "Group is not empty", is_ours=True),
    errors.BodyTooLargeError: Status(-413, 413, "Request body is too large", is_ours=True),
    errors.UnavailableError: Status(-503, 503, "Service unavailable", is_ours=True),
    errors.SchemaMismatchError: Status(-503, 503, "Service unavailable", is_ours=True),
    errors.CallerError: Status(-400, 200, "Invalid request", is_ours=True),
    errors.ServiceError: Status(-500, 500, "Internal error", is_ours=True),
    errors.CarillonError: Status(-500, 500, "Internal error", is_ours=True),
}


def statuses() -> list[Status]:
    """List every status that a reply may have, by HTTP status."""
    of_functions = [*(one.status for one in _SMS_ERRORS), *(one.status for one in _OTP_ERRORS)]
    listed = (*TABLE.values(), _OVER_CONTACTS, SUCCESS, *of_functions)
    lines = {(status.status_id, status.http_status): status for status in listed}
    return sorted(lines.values(), key=lambda status: (status.http_status, -status.status_id))


def status_of(error: errors.CarillonError) -> Status:
    """Find the line of an error's class, or of the nearest class that it descends from."""
    if isinstance(error, errors.TooManyItemsError) and error.limit > MAX_ITEMS:
        return _OVER_CONTACTS if error.limit == MAX_CONTACTS else _OVER_RECIPIENTS
    if isinstance(error, SmsRefusedError | OtpError):
        return error.status
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def detail_of(error: errors.CarillonError, field_names: Mapping[str, str]) -> str:
    """Say what was wrong, with the vendor's name of the field; nothing of our own failures."""
    if isinstance(error, errors.InvalidInputError):
        return f"{field_names.get(error.field, error.field)}: {error.message}"
    return error.message if isinstance(error, errors.CallerError) else ""


def headers_of(error: errors.CarillonError) -> dict[str, str]:
    """Return the headers that go with an error."""
    return refusal_headers(error, status_of(error).http_status, 'Basic realm="InforU", charset="UTF-8"')
