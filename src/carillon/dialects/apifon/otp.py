"""One-time passwords: creating and verifying them."""

from carillon.carriers.failures import Failure
from carillon.dialects.apifon import schemas_otp
from carillon.dialects.apifon.auth import DIALECT
from carillon.dialects.apifon.mapping_im import CHANNEL
from carillon.dialects.apifon.mapping_messages import naming_message
from carillon.dialects.apifon.mapping_otp import (
    INVALID,
    NO_CODE,
    NO_REFERENCE,
    VerifyStatus,
    read_create,
    show_created,
    show_verified,
    status_of_check,
)
from carillon.dialects.apifon.statuses import OF_FAILURES
from carillon.dialects.apifon.statuses_im import OF_FAILURES as INSTANT
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError
from carillon.otp.check import CheckOtp, check_otp
from carillon.otp.codes import MAX_LENGTH
from carillon.otp.create import OtpNotSentError, create_otp

_BLAMES_TEXT = frozenset({Failure.TEXT_INVALID})


async def create(call: Call) -> Answer:
    """Make a password and send it: it is accepted for good when this answers."""
    asked: schemas_otp.CreateOtp = call.body
    command = read_create(asked, call.actor, call.request.remote_address, call.outbound_allow)
    try:
        with naming_message():
            made = await call.db.run_spanning(create_otp, call.actor, command, call.box)
    except OtpNotSentError as error:
        place = "message.text" if error.failure in _BLAMES_TEXT else "subscriber"
        is_instant = command.send is not None and command.send.channel == CHANNEL
        status = INSTANT[error.failure] if is_instant else OF_FAILURES[error.failure]
        raise InvalidInputError(place, f"It can't be sent: {status.text} ({status.code}).") from error
    return Answer(data=show_created(command, made))


async def verify(call: Call) -> Answer:
    """Check a password."""
    segments = call.request.segments
    reference, code = segments["reference_id"], segments["apifon_otp"].strip()
    if not reference.strip():
        return _answer(call, NO_REFERENCE)
    if not code:
        return _answer(call, NO_CODE)
    if len(code) > MAX_LENGTH or not (code.isascii() and code.isalnum()):
        return _answer(call, INVALID)
    checked = await call.db.run(
        check_otp, call.actor, CheckOtp(dialect=DIALECT, reference=reference, code=code), call.box
    )
    request_id = str(checked.otp.sendings[0]) if checked.is_code and checked.otp else call.request.report_id
    return _answer(call, status_of_check(checked), request_id)


async def verify_without_code(call: Call) -> Answer:
    """Answer a verification that lacks the code, or the reference before it."""
    return _answer(call, NO_REFERENCE if "/verify//" in call.request.raw_path else NO_CODE)


async def verify_nothing(call: Call) -> Answer:
    """Answer a verification that lacks the reference."""
    return _answer(call, NO_REFERENCE)


def _answer(call: Call, status: VerifyStatus, request_id: str = "") -> Answer:
    return Answer(data=show_verified(status, request_id or call.request.report_id), status=status.http_status)
