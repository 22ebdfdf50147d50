"""SendOtp and Authenticate: one-time passwords by SMS."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from carillon.addresses.phone_readings import PhoneForm, likely_digits
from carillon.carriers.failures import Failure
from carillon.dialects.inforu import replies, schemas_otp
from carillon.dialects.inforu.auth import DIALECT
from carillon.dialects.inforu.calls import Call
from carillon.dialects.inforu.errors import (
    ExpiredOtpError,
    LockedOtpError,
    NoCreditError,
    NoValidRecipientsError,
    OtpError,
    UsedOtpError,
    WrongOtpError,
)
from carillon.dialects.inforu.mapping_sms import show_failure
from carillon.errors import InvalidInputError
from carillon.messaging.sendings import Send
from carillon.otp.check import CheckOtp, Verdict, check_otp
from carillon.otp.create import CreateOtp, OtpNotSentError, create_otp

_SMS = "sms"
_PLACE = "code"
_VALIDITY = timedelta(minutes=5)
_NO_TOKEN = UUID(int=0)
_REFUSALS: Mapping[Verdict, type[OtpError]] = {
    Verdict.WRONG: WrongOtpError,
    Verdict.SUPERSEDED: WrongOtpError,
    Verdict.UNKNOWN: WrongOtpError,
    Verdict.USED: UsedOtpError,
    Verdict.EXPIRED: ExpiredOtpError,
    Verdict.EXHAUSTED: LockedOtpError,
    Verdict.REFUSED: LockedOtpError,
}


async def send_otp(call: Call, asked: schemas_otp.SendOtp) -> replies.OtpSent:
    """Make a password and send it."""
    if asked.otp_type.strip().lower() not in {"", _SMS}:
        raise InvalidInputError("Data.OtpType", "Passwords go by sms.")
    number = _number(call, asked.otp_value)
    command = CreateOtp(
        dialect=DIALECT,
        reference=number,
        recipient=number,
        validity=_VALIDITY,
        network=call.remote_address,
        send=Send(sender="", text=f"{{{_PLACE}}}"),
        placeholder=_PLACE,
    )
    services = call.services
    try:
        made = await services.db.run_spanning(create_otp, call.actor, command, services.box)
    except OtpNotSentError as error:
        if error.failure is Failure.NO_CREDIT:
            raise NoCreditError("Data.OtpValue", "The credit is used up.") from error
        raise NoValidRecipientsError("Data.OtpValue", show_failure(error.failure)) from error
    return replies.OtpSent(status_id=1, status_description=replies.OK, request_token=str(made.otp.otp_id))


async def authenticate(call: Call, asked: schemas_otp.Authenticate) -> replies.FlatReply:
    """Check a password."""
    if not asked.otp_code.strip():
        raise InvalidInputError("Data.OtpCode", "This is required.")
    command = CheckOtp(
        dialect=DIALECT,
        reference=_number(call, asked.otp_value),
        code=asked.otp_code.strip(),
        otp_id=_token(asked.request_token),
    )
    checked = await call.services.db.run(check_otp, call.actor, command, call.services.box)
    if checked.verdict is Verdict.VALID:
        return replies.FlatReply(status_id=1, status_description=replies.OK)
    if checked.verdict is Verdict.EXPIRED and not checked.is_code:
        raise WrongOtpError
    raise _REFUSALS[checked.verdict]


def _number(call: Call, given: str) -> str:
    """Read a phone as those of messages are."""
    if not given.strip():
        raise InvalidInputError("Data.OtpValue", "This is required.")
    found = likely_digits(given, call.actor.country, PhoneForm.INTERNATIONAL_FIRST)
    if not found:
        raise NoValidRecipientsError("Data.OtpValue", "This is no phone.")
    return found


def _token(given: str) -> UUID | None:
    """Read a token; one that can't be one is nobody's."""
    if not given.strip():
        return None
    try:
        return UUID(given.strip())
    except ValueError:
        return _NO_TOKEN
