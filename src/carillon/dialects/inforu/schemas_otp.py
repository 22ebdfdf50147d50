"""What the calls of one-time passwords read, under InforU's names: the value of `Data`."""

from typing import Annotated

from msgspec import Meta

from carillon.dialects.inforu.schemas import Request

_VALUE = Meta(description="The phone that it is sent to, in national or international form. Required.")


class SendOtp(Request):
    """Whom a password is sent to."""

    otp_type: Annotated[str, Meta(description="How: sms, which is the default.")] = ""
    otp_value: Annotated[str, _VALUE] = ""


class Authenticate(Request):
    """A password that a user has given."""

    otp_code: Annotated[str, Meta(description="The password. Required.")] = ""
    otp_value: Annotated[str, _VALUE] = ""
    request_token: Annotated[str, Meta(description="The one of SendOtp: then only its password is right.")] = ""
