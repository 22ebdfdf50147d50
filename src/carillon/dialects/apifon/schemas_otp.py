"""What the OTP gateway reads, under Apifon's names."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from carillon.dialects.apifon.schemas import MAX_MEMBERS, REQUIRED, Message, Request

MIN_CODE_LENGTH, MAX_CODE_LENGTH = 5, 20
MAX_EXPIRE_SECONDS = 86_400


class OtpChannel(Request):
    """The instant message of a password."""

    text: Annotated[str, REQUIRED, Meta(description="The text, which has `{apifon_otp}` in it.")] = ""
    sender_id: Annotated[str, REQUIRED, Meta(description="Who it is from.")] = ""
    ttl: Annotated[
        int | None,
        Meta(description="How long it may take, 30 seconds or more; longer than `expire`: no SMS follows it."),
    ] = None
    device_target: Annotated[
        str, Meta(description="SMARTPHONE_ONLY or SMARTPHONE_AND_OTHER_DEVICES, which is the default.")
    ] = ""


class CreateOtp(Request):
    """A password for a number."""

    reference_id: Annotated[str, REQUIRED, Meta(description="What it is verified by, up to 255 characters.")] = ""
    subscriber: Annotated[str, REQUIRED, Meta(description="7 to 15 digits with the country code, a plus or none.")] = ""
    code_length: Annotated[
        int | None, Meta(description=f"From {MIN_CODE_LENGTH} to {MAX_CODE_LENGTH} characters; 6 if absent.")
    ] = None
    code_type: Annotated[str, Meta(description="numeric, alpha or alphanumeric; numeric if absent.")] = ""
    callback_url: Annotated[str | None, Meta(description="Where statuses go: https. Empty: nowhere.")] = None
    expire: Annotated[
        int | None, Meta(description=f"The seconds after which it expires, up to {MAX_EXPIRE_SECONDS}; 300 if absent.")
    ] = None
    message: Annotated[
        dict[str, Any] | None,
        Meta(description="The SMS; the password alone if absent.", extra={"item": Message, "limit": MAX_MEMBERS}),
    ] = None
    im_channels: Annotated[
        list[Any],
        Meta(
            description="The instant message, which goes first: one.",
            extra={"item": OtpChannel, "limit": 1, "only_list": True},
        ),
    ] = msgspec.field(default_factory=list)
