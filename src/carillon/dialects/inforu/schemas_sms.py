"""What SendSms reads, under InforU's names: the value of `Data`."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from carillon.dialects.inforu.schemas import Request

MAX_MESSAGE_CHARACTERS = 1_000
MAX_RECIPIENTS = 100_000
MAX_GROUPS = 100
_MAX_SETTINGS = 100


class SmsRecipient(Request):
    """A recipient; whatever else it has is for the placeholders of the message."""

    phone: Annotated[
        str, Meta(description="The number, in national or international form.", extra={"aliases": ("PhoneNumber",)})
    ] = ""
    customer_message_id: Annotated[
        str | None, Meta(description="Comes back in the delivery notification; goes before that of Settings.")
    ] = msgspec.field(name="CustomerMessageID", default=None)
    customer_parameter: Annotated[
        str | None,
        Meta(description="The same, for anything else.", extra={"aliases": ("CustomerParam",)}),
    ] = None


class SmsGroup(Request):
    """A group of contacts."""

    group_number: Annotated[int, Meta(description="The group's number.")] = 0


class SmsSettings(Request):
    """How the message is sent."""

    sender: Annotated[
        str,
        Meta(
            description="Who it is from: up to 11 letters and digits, or up to 14 digits. Required.",
            extra={"aliases": ("SenderName", "SenderNumber")},
        ),
    ] = ""
    campaign_name: Annotated[str | None, Meta(description="The campaign whose reports have it.")] = None
    time_to_send: Annotated[
        str | None, Meta(description="When it is sent, in the account's time zone; at once without it.")
    ] = None
    delay_in_seconds: Annotated[
        int | None, Meta(description="How much later it is sent; with TimeToSend it is ignored.")
    ] = None
    customer_message_id: Annotated[
        str | None, Meta(description="Comes back in the delivery notifications of recipients without their own.")
    ] = msgspec.field(name="CustomerMessageID", default=None)
    customer_parameter: Annotated[
        str | None,
        Meta(description="The same, for anything else.", extra={"aliases": ("CustomerParam",)}),
    ] = None
    delivery_notification_url: Annotated[str | None, Meta(description="Where delivery is told.")] = None
    priority: Annotated[
        int | None, Meta(description="1 and more: goes before marketing; below 0: is marketing; see the notes.")
    ] = None
    max_segments: Annotated[
        int | None, Meta(description="A recipient whose text has more parts is left out; 0: no limit.")
    ] = None
    ignore_unsubscribe_check: Annotated[
        bool | None, Meta(description="true: also to who is unsubscribed, which is for what is no advertising.")
    ] = None
    expire_date: Annotated[str | None, Meta(description="Nothing is sent later, in the account's time zone.")] = None
    shorten_url_enable: Annotated[bool | None, Meta(description="true: URLs in the text are short links instead.")] = (
        None
    )
    allow_duplicates: Annotated[bool | None, Meta(description="true: a number that is there twice gets it twice.")] = (
        None
    )


class SendSms(Request):
    """A message and whom it is for."""

    message: Annotated[
        str,
        Meta(
            description=f"The text, up to {MAX_MESSAGE_CHARACTERS} characters, with placeholders as [#City#]. Required."
        ),
    ] = ""
    recipients: Annotated[
        list[Any],
        Meta(
            description="Whom it is for; they or GroupNumbers are required.",
            extra={"item": SmsRecipient, "limit": MAX_RECIPIENTS},
        ),
    ] = msgspec.field(default_factory=list)
    group_numbers: Annotated[
        list[Any],
        Meta(description="Groups whose members get it, too.", extra={"item": SmsGroup, "limit": MAX_GROUPS}),
    ] = msgspec.field(default_factory=list)
    exclude_group_numbers: Annotated[
        list[Any],
        Meta(description="Groups whose members don't.", extra={"item": SmsGroup, "limit": MAX_GROUPS}),
    ] = msgspec.field(default_factory=list)
    settings: Annotated[
        dict[str, Any],
        Meta(description="How it is sent.", extra={"item": SmsSettings, "limit": _MAX_SETTINGS}),
    ] = msgspec.field(default_factory=dict)
