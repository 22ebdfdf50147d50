"""Requests of instant messages between Apifon's form and ours (IM Request, IM File Request).

Pure, but for what is asked of the outbound guard. What a message may be, its patterns and limits, is the engine's to
say (`messaging/instant.py`), with places that `PLACES` has in the words of the body.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from carillon.carriers.content import Button, Content, File, Video
from carillon.dialects.apifon import schemas, schemas_im
from carillon.dialects.apifon.auth import DIALECT
from carillon.dialects.apifon.mapping import chosen
from carillon.dialects.apifon.mapping_landings import landing_keys
from carillon.dialects.apifon.mapping_messages import (
    DEFAULT_CODING,
    ENCODINGS,
    OCTETS,
    read_body,
    read_callback_url,
    read_coding,
    read_moment,
    read_recipients,
    read_sender,
    require_length,
)
from carillon.dialects.reading import read_request, read_text, require
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.kit.networks import Network
from carillon.kit.traffic import TrafficClass
from carillon.messaging.instant import is_promotional
from carillon.messaging.sendings import MAX_REFERENCE_CHARACTERS, Fallback, Recipients, Send
from carillon.text.placeholders import PlaceholderStyle

CHANNEL = "im"
_PLACE = "im_channels[0]"
MIN_TTL, _MAX_TTL = 30, 86_400
DEFAULT_DEVICE = "SMARTPHONE_AND_OTHER_DEVICES"
DEVICES: Mapping[str, Literal["all", "phone"]] = {"SMARTPHONE_AND_OTHER_DEVICES": "all", "SMARTPHONE_ONLY": "phone"}
_VIDEO = f"{_PLACE}.videos[0]"

PLACES: Mapping[str, str] = {
    "reference": "reference_id",
    "scheduled_at": "date",
    "domain": "params.landing_domain",
    "page": "params.url",
    "fallback.text": "message.text",
    "sender": f"{_PLACE}.sender_id",
    "text": f"{_PLACE}.text",
    "content": _PLACE,
    "content.channel_id": f"{_PLACE}.id",
    "content.expiry_text": f"{_PLACE}.expiry_text",
    "content.image_url": f"{_PLACE}.images[0]",
    "content.button": f"{_PLACE}.actions",
    "content.button.title": f"{_PLACE}.actions[0].title",
    "content.button.url": f"{_PLACE}.actions[0].target_url",
    "content.video.url": f"{_VIDEO}.video_url",
    "content.video.size": f"{_VIDEO}.video_content_length",
    "content.video.seconds": f"{_VIDEO}.video_duration",
    "content.video.thumbnail_url": f"{_VIDEO}.thumbnail_image_url",
    "content.video.format": f"{_VIDEO}.video_content_type",
    "content.video.caption": f"{_VIDEO}.video_caption",
    "content.file.url": f"{_PLACE}.file_url",
    "content.file.name": f"{_PLACE}.file_name",
    "content.file.format": f"{_PLACE}.file_type",
}
"""Where the engine's places stand in a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instant:
    """What is read of a channel."""

    sender: str
    text: str
    content: Content
    validity: timedelta


def read_send_im(asked: schemas_im.SendIm, actor: Actor, allow: Iterable[Network]) -> Send:
    """Read a message: transactional where it is a text alone, else marketing, unless the credential says otherwise.

    Raises InvalidInputError with the place of what is wrong, and MissingInputError.
    """
    instant = _message(asked.im_channels[0], actor.sender_defaults)
    fallback = _fallback(asked.message) if asked.message else None
    keys = landing_keys(instant.text, f"{_PLACE}.text")
    if fallback is not None and fallback.has_placeholders:
        keys |= landing_keys(fallback.text, "message.text")
    if instant.content.button is not None:
        keys |= landing_keys(instant.content.button.url, PLACES["content.button.url"])
    recipients = read_recipients(asked.subscribers, with_values=True, landings=keys)
    return _send(asked, actor, allow, instant, recipients, fallback)


def read_send_file(asked: schemas_im.SendFile, actor: Actor, allow: Iterable[Network]) -> Send:
    """Read a file. Raises as `read_send_im` does."""
    channel = read_request(schemas_im.FileChannel, asked.im_channels[0], _PLACE)
    require(channel, _PLACE)
    sender, channel_id = _named(channel, actor.sender_defaults)
    instant = _Instant(
        sender=sender,
        text="",
        content=Content(
            channel_id=channel_id,
            file=File(
                url=channel.file_url.strip(),
                name=channel.file_name.strip(),
                format=channel.file_type.strip().lower().removeprefix("."),
            ),
        ),
        validity=_validity(channel.ttl),
    )
    recipients = read_recipients(asked.subscribers, with_values=False, has_params=False)
    return _send(asked, actor, allow, instant, recipients, None)


def _send(  # noqa: PLR0913, PLR0917 - what a request is made of
    asked: schemas_im.Send,
    actor: Actor,
    allow: Iterable[Network],
    instant: _Instant,
    recipients: Recipients,
    fallback: Fallback | None,
) -> Send:
    require_length(asked.reference_id, MAX_REFERENCE_CHARACTERS, "reference_id")
    own_class = TrafficClass.MARKETING if is_promotional(instant.content) else TrafficClass.TRANSACTIONAL
    allowed = tuple(allow)
    return Send(
        dialect=DIALECT,
        channel=CHANNEL,
        traffic_class=actor.traffic_class or own_class,
        sender=instant.sender,
        text=instant.text,
        content=instant.content,
        fallback=fallback,
        placeholders=PlaceholderStyle.BRACES,
        recipients=recipients,
        same_text_only=True,
        scheduled_at=read_moment(asked.date, "date"),
        validity=instant.validity,
        reference=asked.reference_id,
        callback_url=read_callback_url(asked.callback_url, allowed),
        reply_url=read_callback_url(asked.reply_url, allowed, "reply_url"),
    )


def _message(given: object, defaults: Mapping[str, str]) -> _Instant:
    channel = read_request(schemas_im.MessageChannel, given, _PLACE)
    sender, channel_id = _named(channel, defaults)
    text = channel.text or ""
    target = chosen(channel.device_target or "SMARTPHONE_AND_OTHER_DEVICES", list(DEVICES), f"{_PLACE}.device_target")
    return _Instant(
        sender=sender,
        text=text,
        content=Content(
            channel_id=channel_id,
            image_url=_image(channel.images[0]) if channel.images else None,
            button=_button(channel.actions[0]) if channel.actions else None,
            video=_video(channel.videos[0]) if channel.videos else None,
            expiry_text=channel.expiry_text or None,
            device=DEVICES[target],
        ),
        validity=_validity(channel.ttl),
    )


def _named(channel: schemas_im.Channel, defaults: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the sender and the channel's id, the credential's where the request names none."""
    sender = (channel.sender_id or "").strip() or defaults.get("im_sender", "")
    if not sender:
        raise InvalidInputError(f"{_PLACE}.sender_id", "Neither the request nor the credential names a sender.")
    return sender, (channel.id or "").strip() or defaults.get("im_channel")


def _validity(ttl: int | None) -> timedelta:
    seconds = _MAX_TTL if ttl is None else ttl
    if not MIN_TTL <= seconds <= _MAX_TTL:
        raise InvalidInputError(f"{_PLACE}.ttl", f"This is from {MIN_TTL} to {_MAX_TTL} seconds.")
    return timedelta(seconds=seconds)


def _image(given: object) -> str:
    return read_text(given, f"{_PLACE}.images[0]").strip()


def _button(given: object) -> Button:
    place = f"{_PLACE}.actions[0]"
    action = read_request(schemas_im.Action, given, place)
    require(action, place)
    return Button(title=action.title.strip(), url=action.target_url.strip())


def _video(given: object) -> Video:
    video = read_request(schemas_im.Video, given, _VIDEO)
    require(video, _VIDEO)
    return Video(
        url=video.video_url.strip(),
        size=video.video_content_length or 0,
        seconds=video.video_duration or 0,
        thumbnail_url=video.thumbnail_image_url.strip(),
        format=video.video_content_type.strip().lower().removeprefix("."),
        caption=(video.video_caption or "").strip() or None,
    )


def _fallback(given: Mapping[str, Any]) -> Fallback:
    message = read_request(schemas.Message, given, "message")
    require(message, "message")
    coding = read_coding(message)
    return Fallback(
        sender=read_sender(message.sender_id.strip()),
        text=read_body(message, coding),
        encodings=ENCODINGS[coding],
        replaces_typographic=coding == DEFAULT_CODING,
        has_placeholders=coding != OCTETS,
    )
