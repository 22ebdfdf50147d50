"""What the endpoints of instant messages read, as the vendor's JSON has it (IM Gateway REST API)."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from carillon.dialects.apifon.schemas import MAX_MEMBERS, MAX_RECIPIENTS, REQUIRED, Message, Recipient, Request


class Action(Request):
    """A button."""

    title: Annotated[str, REQUIRED, Meta(description="Its caption, up to 30 characters.")] = ""
    target_url: Annotated[
        str, REQUIRED, Meta(description="Where it leads: an http or https URL, encoded, or viber://…")
    ] = ""


class Video(Request):
    """A video."""

    video_url: Annotated[str, REQUIRED, Meta(description="Where it is: http or https.")] = ""
    video_content_length: Annotated[int | None, REQUIRED, Meta(description="Its bytes, up to 200 MB.")] = None
    video_duration: Annotated[int | None, REQUIRED, Meta(description="Its seconds, up to 600.")] = None
    thumbnail_image_url: Annotated[str, REQUIRED, Meta(description="Its preview, up to 1,000 characters.")] = ""
    video_content_type: Annotated[str, REQUIRED, Meta(description="3gp, m4v, mov or mp4.")] = ""
    video_caption: Annotated[str | None, Meta(description="The caption of its button, up to 30 characters.")] = None


class Channel(Request):
    """What is the same of messages and files."""

    id: Annotated[str | None, Meta(description="The channel; the credential's if absent.")] = None
    sender_id: Annotated[str | None, Meta(description="The sender; the credential's if absent.")] = None
    ttl: Annotated[int | None, Meta(description="The validity: 30 to 86400 seconds, 86400 if absent.")] = None


class MessageChannel(Channel):
    """An instant message."""

    text: Annotated[str | None, Meta(description="The text, up to 1,000 characters; `{key}` as in an SMS.")] = None
    images: Annotated[list[Any], Meta(description="The URL of an image.", extra={"limit": 1, "only_list": True})] = (
        msgspec.field(default_factory=list)
    )
    actions: Annotated[
        list[Any], Meta(description="A button.", extra={"item": Action, "limit": 1, "only_list": True})
    ] = msgspec.field(default_factory=list)
    videos: Annotated[list[Any], Meta(description="A video.", extra={"item": Video, "limit": 1, "only_list": True})] = (
        msgspec.field(default_factory=list)
    )
    expiry_text: Annotated[str | None, Meta(description="What is shown where it comes after its ttl.")] = None
    device_target: Annotated[
        str | None, Meta(description="SMARTPHONE_ONLY or SMARTPHONE_AND_OTHER_DEVICES, the latter if absent.")
    ] = None


class FileChannel(Channel):
    """A file."""

    file_name: Annotated[str, REQUIRED, Meta(description="The name that is shown, up to 25 characters.")] = ""
    file_type: Annotated[str, REQUIRED, Meta(description="One of File Types, with or without a point.")] = ""
    file_url: Annotated[str, REQUIRED, Meta(description="Where it is: http or https.")] = ""


class Send(Request):
    """What is the same of requests of messages and of files."""

    subscribers: Annotated[
        list[Any],
        REQUIRED,
        Meta(
            description=f"The recipients; up to {MAX_RECIPIENTS}.",
            extra={"item": Recipient, "limit": MAX_RECIPIENTS, "only_list": True},
        ),
    ] = msgspec.field(default_factory=list)
    reference_id: Annotated[str | None, Meta(description="A text of your own, up to 255 characters.")] = None
    callback_url: Annotated[str | None, Meta(description="Where statuses go: https. Empty: nowhere.")] = None
    reply_url: Annotated[str | None, Meta(description="Where replies go: https. Empty: nowhere.")] = None
    date: Annotated[
        str | None, Meta(description="When it is sent: yyyy-MM-dd'T'HH:mm:ss in UTC; what is past is at once.")
    ] = None


class SendIm(Send):
    """An instant message to many."""

    message: Annotated[
        dict[str, Any] | None,
        Meta(description="The SMS that is sent where it fails.", extra={"item": Message, "limit": MAX_MEMBERS}),
    ] = None
    im_channels: Annotated[
        list[Any],
        REQUIRED,
        Meta(description="The message: one.", extra={"item": MessageChannel, "limit": 1, "only_list": True}),
    ] = msgspec.field(default_factory=list)


class SendFile(Send):
    """A file to many."""

    im_channels: Annotated[
        list[Any],
        REQUIRED,
        Meta(description="The file: one.", extra={"item": FileChannel, "limit": 1, "only_list": True}),
    ] = msgspec.field(default_factory=list)
