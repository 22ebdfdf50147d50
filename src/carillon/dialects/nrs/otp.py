"""One-time passwords: the operations that make and check them. The caller sends them itself (OTP)."""

from datetime import timedelta

from carillon.addresses.emails import read_email
from carillon.addresses.phone_readings import PhoneForm, likely_digits
from carillon.dialects.nrs import replies, schemas_otp
from carillon.dialects.nrs.auth import DIALECT
from carillon.dialects.nrs.errors import Refusal, RefusedError
from carillon.dialects.nrs.mapping import show_moment
from carillon.dialects.nrs.replies import One
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, MissingInputError
from carillon.otp.check import Checked, CheckOtp, Verdict, check_otp
from carillon.otp.codes import CodeType
from carillon.otp.create import CreateOtp, PendingOtpError, create_otp
from carillon.otp.otps import Otp

PATH = "/api/rest/otp"

_LENGTH, _ATTEMPTS, _SECONDS = 4, 3, 60

_VALID, _INVALID, _EXHAUSTED, _EXPIRED = "Valid", "Invalid code", "Maximum attempts reached", "Expired"
REASONS = {
    Verdict.VALID: _VALID,
    Verdict.WRONG: _INVALID,
    Verdict.USED: _INVALID,
    Verdict.SUPERSEDED: _INVALID,
    Verdict.UNKNOWN: _INVALID,
    Verdict.EXPIRED: _EXPIRED,
    Verdict.EXHAUSTED: _EXHAUSTED,
    Verdict.REFUSED: _EXHAUSTED,
}
"""What the reference calls each finding (Responses)."""


async def generate(call: Call) -> Answer:
    """Make a code, and answer it."""
    asked: schemas_otp.GenerateOtp = call.body
    recipient = _recipient(call, asked.recipient)
    seconds = _within(asked.max_seconds_validity, schemas_otp.SECONDS, "maxSecondsValidity")
    command = CreateOtp(
        dialect=DIALECT,
        reference=_reference(asked.app_id, recipient),
        recipient=recipient,
        validity=timedelta(seconds=seconds or _SECONDS),
        code_type=CodeType.ALPHANUMERIC if asked.alpha else CodeType.NUMERIC,
        length=_within(asked.length, schemas_otp.LENGTH, "length") or _LENGTH,
        max_attempts=_within(asked.max_attempts, schemas_otp.ATTEMPTS, "maxAttempts") or _ATTEMPTS,
        refuses_pending=bool(asked.reject_if_pending_code),
        network=call.request.remote_address,
    )
    try:
        made = await call.db.run_spanning(create_otp, call.actor, command, call.box)
    except PendingOtpError as error:
        raise _refused("The recipient field has a pending code.") from error
    return Answer(data=One(_show(made.otp, made.code, asked.app_id)))


async def check(call: Call) -> Answer:
    """Check a code. The answer has the code that was given: ours is not kept."""
    asked: schemas_otp.CheckOtp = call.body
    recipient = _recipient(call, asked.recipient)
    if not asked.code.strip():
        raise MissingInputError("code")
    command = CheckOtp(
        dialect=DIALECT,
        reference=_reference(asked.app_id, recipient),
        code=asked.code.strip(),
        is_case_sensitive=bool(asked.case_sensitive),
    )
    checked: Checked = await call.db.run(check_otp, call.actor, command, call.box)
    return Answer(
        data=One(
            replies.OtpChecked(
                valid=checked.verdict is Verdict.VALID,
                reason=REASONS[checked.verdict],
                otp=One(_show(checked.otp, asked.code, asked.app_id)) if checked.otp else None,
            )
        )
    )


def _recipient(call: Call, given: str) -> str:
    """Read a phone, as a blacklist's recipient is, or an e-mail."""
    if not given.strip():
        raise MissingInputError("recipient")
    if "@" in given:
        email = read_email(given)
        found = email.key if email else None
    else:
        found = likely_digits(given, call.actor.country, PhoneForm.INTERNATIONAL_FIRST)
    if not found:
        raise _refused("The recipient field must be a valid phone or email.")
    return found


def _reference(app_id: str, recipient: str) -> str:
    """Name a password by its application and its recipient, which has no blank."""
    if len(app_id) > schemas_otp.MAX_APP_ID_CHARACTERS:
        raise InvalidInputError("appId", f"It has at most {schemas_otp.MAX_APP_ID_CHARACTERS} characters.")
    return f"{app_id} {recipient}"


def _within(given: int | None, limits: tuple[int, int], name: str) -> int | None:
    least, most = limits
    if given is not None and not least <= given <= most:
        raise _refused(f"The {name} field must be between {least} and {most}.")
    return given


def _refused(sentence: str) -> RefusedError:
    return RefusedError(Refusal(422, 422, sentence))


def _show(otp: Otp, code: str, app_id: str) -> replies.OtpCode:
    return replies.OtpCode(
        recipient=otp.recipient,
        code=code,
        attempts=otp.attempts,
        max_attempts=otp.max_attempts,
        max_seconds_validity=int((otp.expires_at - otp.created_at).total_seconds()),
        app_id=app_id,
        created_at=show_moment(otp.created_at),
        updated_at=show_moment(otp.updated_at),
        expires_at=show_moment(otp.expires_at),
    )
