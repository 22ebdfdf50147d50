"""The table's lines on one-time passwords."""

from carillon.dialects.nrs import otp, replies, schemas_otp
from carillon.dialects.rest import Operation
from carillon.tenancy.scopes import Scope

OTP_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path=f"{otp.PATH}/generate",
        title="Generate code",
        summary="Makes a code for a recipient, and answers it: the caller sends it.",
        scope=Scope.MESSAGES_WRITE,
        handle=otp.generate,
        body=schemas_otp.GenerateOtp,
        reply=replies.One[replies.OtpCode],
        reference=(
            *("recipient", "alpha", "length", "maxAttempts", "maxSecondsValidity", "appId", "rejectIfPendingCode"),
        ),
        sample={"recipient": "34666555444"},
        notes=(
            "A code takes the place of the one that the recipient has with the same `appId`. **[ours]**",
            "Letters are capitals, without I, L and O, and no digit looks like one of them. **[ours]**",
            "Too many codes for a recipient, for numbers like it or from a network: 429. **[ours]**",
            "A phone is read as a blacklist's recipient is, and answered as digits. **[ours]**",
        ),
    ),
    Operation(
        method="POST",
        path=f"{otp.PATH}/check",
        title="Check code",
        summary="Checks a code: it is valid once.",
        scope=Scope.MESSAGES_WRITE,
        handle=otp.check,
        body=schemas_otp.CheckOtp,
        reply=replies.One[replies.OtpChecked],
        reference=("recipient", "code", "caseSensitive", "appId"),
        sample={"recipient": "34666555444", "code": "1234"},
        notes=(
            "`code` of the answer is the one that was given: ours is kept as a digest alone. **[ours]**",
            "A code that was valid before, or was replaced, is an invalid one. **[ours]**",
            "A recipient without a code: Invalid code, and `otp` is null. **[ours]**",
        ),
    ),
)
