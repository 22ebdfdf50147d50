"""The operations of one-time passwords, each with the scope that the reference asks for."""

from collections.abc import Sequence

from carillon.dialects.apifon import otp, schemas_otp
from carillon.dialects.rest import Operation
from carillon.tenancy.scopes import Scope

_OTP = "/services/api/v1/otp"
_VERIFY = f"{_OTP}/verify"
_PERMISSION = "otpGateway"

OTP_OPERATIONS: Sequence[Operation] = (
    Operation(
        method="POST",
        path=f"{_OTP}/create",
        title="OTP Request",
        summary="Makes a one-time password and sends it; parameters that are wrong are 403.",
        scope=Scope.MESSAGES_WRITE,
        permission=_PERMISSION,
        handle=otp.create,
        body=schemas_otp.CreateOtp,
        reference=(
            *("reference_id", "subscriber", "code_length", "code_type", "callback_url", "expire", "message"),
            *("im_channels", "text", "dc", "sender_id", "ttl", "device_target"),
        ),
        sample={
            "reference_id": "login-4711",
            "subscriber": "306944000001",
            "message": {"text": "Your code: {apifon_otp}", "sender_id": "Acme"},
        },
        notes=(
            "A password of a reference that has one takes its place: the earlier one is 7 when it is verified.",
            "Letters are capitals, without I, L and O, and no digit looks like one of them; any case is verified.",
            "Without `message` the text is the password alone, from the account's own sender.",
            "A text without `{apifon_otp}` is sent as it is.",
            "An SMS follows an instant message with the same password, unless its `ttl` is longer than `expire`.",
            "Too many passwords to a recipient, to numbers like it, from a network or for their cost: 429.",
        ),
    ),
    Operation(
        method="POST",
        path=f"{_VERIFY}/{{reference_id}}/{{apifon_otp}}",
        title="OTP Verification",
        summary="Verifies a one-time password: 200 for the right one, 403 for others.",
        scope=Scope.MESSAGES_WRITE,
        permission=_PERMISSION,
        handle=otp.verify,
        reference=("reference_id", "apifon_otp"),
        notes=(
            "A wrong password and a reference that nobody has are both 3, and 2 after as many attempts.",
            "`request_id` is the one of its creation where the password is right, else a new one.",
        ),
    ),
    Operation(
        method="POST",
        path=f"{_VERIFY}/{{reference_id}}",
        title="OTP Verification without a password",
        summary="Is 403, with the status 4.",
        scope=Scope.MESSAGES_WRITE,
        permission=_PERMISSION,
        handle=otp.verify_without_code,
        status=403,
        reference=("reference_id",),
    ),
    Operation(
        method="POST",
        path=_VERIFY,
        title="OTP Verification without a reference",
        summary="Is 403, with the status 5.",
        scope=Scope.MESSAGES_WRITE,
        permission=_PERMISSION,
        handle=otp.verify_nothing,
        status=403,
    ),
)
