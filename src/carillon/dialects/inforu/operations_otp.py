"""The table's lines on one-time passwords."""

from collections.abc import Sequence

from carillon.dialects.inforu import otp, replies, schemas_otp
from carillon.dialects.inforu.calls import Operation
from carillon.tenancy.scopes import Scope

OTP_OPERATIONS: Sequence[Operation] = (
    Operation(
        folder="Otp",
        name="SendOtp",
        title="Send OTP",
        summary="Sends a one-time password of six digits, which is valid for five minutes.",
        request=schemas_otp.SendOtp,
        reference=("OtpType", "OtpValue"),
        reply=(replies.OtpSent,),
        handle=otp.send_otp,
        scope=Scope.MESSAGES_WRITE,
        sample={"OtpType": "sms", "OtpValue": "0521234567"},
        is_flat=True,
        notes=(
            "The reply has no envelope. Credentials may stand under User, as UserName and Token.",
            "The text is the password alone, from the account's own sender (`carillon otp limits`).",
            "A later password to a number takes the place of the earlier one.",
            "Too many to a number, to numbers like it, from a network or for their cost: -429.",
        ),
    ),
    Operation(
        folder="Otp",
        name="Authenticate",
        title="Authenticate OTP",
        summary="Checks a one-time password: it is right once.",
        request=schemas_otp.Authenticate,
        reference=("OtpCode", "OtpValue", "RequestToken"),
        reply=(replies.FlatReply,),
        handle=otp.authenticate,
        scope=Scope.MESSAGES_WRITE,
        sample={"OtpCode": "902418", "OtpValue": "0521234567"},
        is_flat=True,
        notes=(
            "The reply has no envelope. With RequestToken only the password of that call is right.",
            "A wrong password: -401. It was used before: -208. It is over: -410. Too many attempts: -423.",
            "A number that no password was sent to is answered as one with a wrong password.",
        ),
    ),
)
