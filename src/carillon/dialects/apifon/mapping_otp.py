"""Passwords between Apifon's form and ours (OTP Gateway). Pure, but for what is asked of the outbound guard."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from carillon.carriers.content import Content
from carillon.dialects.apifon import schemas, schemas_otp
from carillon.dialects.apifon.auth import DIALECT
from carillon.dialects.apifon.mapping import chosen
from carillon.dialects.apifon.mapping_im import CHANNEL, DEFAULT_DEVICE, DEVICES, MIN_TTL
from carillon.dialects.apifon.mapping_messages import (
    DEFAULT_CODING,
    ENCODINGS,
    NUMBER,
    read_body,
    read_callback_url,
    read_coding,
    read_sender,
    require_length,
    shown_length,
)
from carillon.dialects.reading import read_request, require
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.kit.networks import Network
from carillon.messaging.instant import MAX_SENDER_CHARACTERS, MAX_TEXT_CHARACTERS
from carillon.messaging.sendings import Fallback, Send
from carillon.otp.check import Checked, Verdict
from carillon.otp.codes import CodeType
from carillon.otp.create import CreateOtp, NewOtp
from carillon.otp.otps import MAX_REFERENCE_CHARACTERS

PLACE = "apifon_otp"
"""The placeholder of a password in texts."""

_CHANNEL = "im_channels[0]"
_DEFAULT_LENGTH, _DEFAULT_EXPIRE = 6, 300


@dataclass(frozen=True, slots=True)
class VerifyStatus:
    """A line of the table of verifications."""

    code: int
    http_status: int
    description: str


VALID = VerifyStatus(0, 200, "Valid")
USED = VerifyStatus(1, 200, "Invalid")
DECLINED = VerifyStatus(2, 403, "Declined")
NOT_FOUND = VerifyStatus(3, 403, "The request code was not found")
NO_CODE = VerifyStatus(4, 403, "No code was provided")
NO_REFERENCE = VerifyStatus(5, 403, "No reference_id provided in request")
EXPIRED = VerifyStatus(6, 403, "Expired")
INVALID = VerifyStatus(7, 403, "The request code is invalid.")

STATUSES: Mapping[Verdict, VerifyStatus] = {
    Verdict.VALID: VALID,
    Verdict.USED: USED,
    Verdict.WRONG: NOT_FOUND,
    Verdict.UNKNOWN: NOT_FOUND,
    Verdict.SUPERSEDED: INVALID,
    Verdict.EXPIRED: EXPIRED,
    Verdict.EXHAUSTED: DECLINED,
    Verdict.REFUSED: DECLINED,
}


def read_create(asked: schemas_otp.CreateOtp, actor: Actor, network: str, allow: Iterable[Network]) -> CreateOtp:
    """Read a request. Raises InvalidInputError with the place of what is wrong, and MissingInputError."""
    require_length(asked.reference_id, MAX_REFERENCE_CHARACTERS, "reference_id")
    number = asked.subscriber.strip().removeprefix("+")
    if not NUMBER.fullmatch(number):
        raise InvalidInputError("subscriber", "A number has 7 to 15 digits, and does not begin with 0.")
    length = _within(asked.code_length, schemas_otp.MIN_CODE_LENGTH, schemas_otp.MAX_CODE_LENGTH, "code_length")
    expire = _within(asked.expire, 1, schemas_otp.MAX_EXPIRE_SECONDS, "expire") or _DEFAULT_EXPIRE
    code_type = chosen(asked.code_type.strip() or CodeType.NUMERIC, list(CodeType), "code_type")
    url = read_callback_url(asked.callback_url, allow)
    return CreateOtp(
        dialect=DIALECT,
        reference=asked.reference_id,
        recipient=number,
        validity=timedelta(seconds=expire),
        code_type=CodeType(code_type),
        length=length or _DEFAULT_LENGTH,
        network=network,
        send=_send(asked, actor, expire, url),
        placeholder=PLACE,
    )


def _send(asked: schemas_otp.CreateOtp, actor: Actor, expire: int, callback_url: str | None) -> Send:
    """Read how a password goes, by what of `message` and `im_channels` is present (OTP Request)."""
    if asked.im_channels:
        channel = _channel(asked.im_channels[0])
        send = _instant(channel, actor, expire, _sms(asked) if asked.message is not None else None)
    else:
        send = _sms(asked)
    return replace(send, reference=asked.reference_id, callback_url=callback_url)


def _sms(asked: schemas_otp.CreateOtp) -> Send:
    if asked.message is None:
        text, sender, coding = f"{{{PLACE}}}", "", DEFAULT_CODING
    else:
        message = read_request(schemas.Message, asked.message, "message")
        require(message, "message")
        coding = read_coding(message)
        text, sender = read_body(message, coding), read_sender(message.sender_id.strip())
    return Send(sender=sender, text=text, encodings=ENCODINGS[coding], replaces_typographic=coding == DEFAULT_CODING)


def _instant(channel: schemas_otp.OtpChannel, actor: Actor, expire: int, sms: Send | None) -> Send:
    """Read an instant message, and the SMS that follows it; none does where it may take longer than the password.

    Without a `ttl` it has the password's time, or half of it where an SMS may follow.
    """
    ttl = channel.ttl if channel.ttl is not None else expire // 2 if sms else expire
    device = chosen(channel.device_target.strip() or DEFAULT_DEVICE, list(DEVICES), f"{_CHANNEL}.device_target")
    fallback = None
    if sms is not None and ttl <= expire:
        fallback = Fallback(
            sender=sms.sender,
            text=sms.text,
            encodings=sms.encodings,
            replaces_typographic=sms.replaces_typographic,
            validity=timedelta(seconds=expire - ttl),
        )
    return Send(
        channel=CHANNEL,
        sender=channel.sender_id.strip(),
        text=channel.text,
        content=Content(channel_id=actor.sender_defaults.get("im_channel"), device=DEVICES[device]),
        validity=timedelta(seconds=min(ttl, expire)),
        fallback=fallback,
    )


def _channel(item: object) -> schemas_otp.OtpChannel:
    channel = read_request(schemas_otp.OtpChannel, item, _CHANNEL)
    require(channel, _CHANNEL)
    require_length(channel.text, MAX_TEXT_CHARACTERS, f"{_CHANNEL}.text")
    require_length(channel.sender_id.strip(), MAX_SENDER_CHARACTERS, f"{_CHANNEL}.sender_id")
    if f"{{{PLACE}}}" not in channel.text:
        raise InvalidInputError(f"{_CHANNEL}.text", f"The text has {{{PLACE}}} in it.")
    if channel.ttl is not None and channel.ttl < MIN_TTL:
        raise InvalidInputError(f"{_CHANNEL}.ttl", f"This is {MIN_TTL} seconds or more.")
    return channel


def _within(given: int | None, least: int, most: int, place: str) -> int | None:
    if given is not None and not least <= given <= most:
        raise InvalidInputError(place, f"This is from {least} to {most}.")
    return given


def show_created(command: CreateOtp, made: NewOtp) -> dict[str, Any]:
    """Show what was sent: as many results as the text has parts."""
    accepted = made.accepted
    if accepted is None:
        raise AssertionError("every password of this dialect is sent")
    result = {
        "message_id": str(accepted.message_ids[0]),
        "custom_id": None,
        "length": shown_length(accepted, 0),
        "short_code": None,
        "short_url": None,
    }
    return {
        "request_id": str(accepted.sending_id),
        "reference_id": command.reference,
        "result": [result] * accepted.parts[0],
        "result_info": {"status_code": 200, "description": "OK"},
    }


def status_of_check(checked: Checked) -> VerifyStatus:
    """Choose the line of the table. Whoever has not got the code learns nothing of its reference."""
    if checked.verdict is Verdict.EXPIRED and not checked.is_code:
        return NOT_FOUND
    return STATUSES[checked.verdict]


def show_verified(status: VerifyStatus, request_id: str) -> dict[str, Any]:
    """Show what a verification has found."""
    return {
        "request_id": request_id,
        "result_info": {"status_code": status.code, "description": status.description},
    }
