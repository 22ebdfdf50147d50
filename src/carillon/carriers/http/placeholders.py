"""What a template's `{placeholders}` stand for."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from carillon.carriers.content import Content
from carillon.carriers.contract import OutgoingMessage
from carillon.carriers.options import invalid_option
from carillon.text.encodings import Encoding

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What the placeholders are filled from. `encodings` are the provider's own names of encodings."""

    message: OutgoingMessage
    callback: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    encodings: Mapping[Encoding, str] = field(default_factory=dict)


def _rounded_up(validity: timedelta, unit: timedelta) -> str:
    return str(max(1, -(-validity // unit)))


_OF_CONTENT: Mapping[str, Callable[[Content], str | int | None]] = {
    "application": lambda one: one.application,
    "channel_id": lambda one: one.channel_id,
    "image_url": lambda one: one.image_url,
    "button_title": lambda one: one.button.title if one.button else None,
    "button_url": lambda one: one.button.url if one.button else None,
    "video_url": lambda one: one.video.url if one.video else None,
    "video_size": lambda one: one.video.size if one.video else None,
    "video_seconds": lambda one: one.video.seconds if one.video else None,
    "video_thumbnail": lambda one: one.video.thumbnail_url if one.video else None,
    "video_format": lambda one: one.video.format if one.video else None,
    "video_caption": lambda one: one.video.caption if one.video else None,
    "file_url": lambda one: one.file.url if one.file else None,
    "file_name": lambda one: one.file.name if one.file else None,
    "file_format": lambda one: one.file.format if one.file else None,
    "expiry_text": lambda one: one.expiry_text,
    "device": lambda one: one.device,
}


def _of_content(read: Callable[[Content], str | int | None]) -> Callable[[Filling], str]:
    def value(filling: Filling) -> str:
        found = None if filling.message.content is None else read(filling.message.content)
        return "" if found is None else str(found)

    return value


_VALUES: Mapping[str, Callable[[Filling], str]] = {
    "to": lambda one: one.message.address,
    "from": lambda one: one.message.sender,
    "text": lambda one: one.message.text,
    "id": lambda one: str(one.message.message_id),
    "callback": lambda one: one.callback,
    "parts": lambda one: str(one.message.parts),
    "encoding": lambda one: one.encodings.get(one.message.encoding, one.message.encoding.value),
    "validity": lambda one: _rounded_up(one.message.validity, _SECOND),
    "validity_minutes": lambda one: _rounded_up(one.message.validity, _MINUTE),
    "flash": lambda one: "1" if one.message.flash else "0",
    "class": lambda one: one.message.traffic_class.name.lower(),
    "secret": lambda one: one.secret,
    **{name: _of_content(read) for name, read in _OF_CONTENT.items()},
}

PLACEHOLDERS: Mapping[str, str] = {
    "to": "the number in digits, without a plus",
    "from": "the sender",
    "text": "the text",
    "id": "the message's id, a UUID",
    "callback": "the URL at which receipts of the message are taken",
    "parts": "how many parts the text has",
    "encoding": "the text's encoding, as the options encoding.gsm, encoding.gsm-pt, encoding.ucs2, encoding.binary say",
    "validity": "what is left of the validity, in seconds",
    "validity_minutes": "the same in minutes, rounded up",
    "flash": "1 or 0",
    "class": "otp, transactional or marketing",
    "secret": "the carrier's secret",
    "application": "of an instant message: viber",
    "channel_id": "the caller's channel in the application",
    "image_url": "its image",
    "button_title": "its button",
    "button_url": "where the button leads",
    "video_url": "its video",
    "video_size": "the video's bytes",
    "video_seconds": "how long the video is",
    "video_thumbnail": "the video's preview image",
    "video_format": "the video's format, as mp4",
    "video_caption": "the video's own button",
    "file_url": "its file",
    "file_name": "the file's name",
    "file_format": "the file's format, as pdf",
    "expiry_text": "what is shown where it comes too late",
    "device": "all or phone: which of a user's devices show it",
}
"""Each placeholder, and what it stands for."""

IN_HEADERS = frozenset({"id", "class", "secret", "callback"})
"""Those that may stand in a header: the others may have characters that no header can carry."""


def fill(template: str, filling: Filling, spell: Callable[[str], str] = str) -> str:
    """Replace the placeholders by their values, each spelt for where it stands."""
    return _PLACEHOLDER.sub(lambda found: spell(_VALUES[found[1]](filling)), template)


def placeholders_in(template: str) -> frozenset[str]:
    """Find the names in braces, known or not."""
    return frozenset(_PLACEHOLDER.findall(template))


def require_placeholders(option: str, template: str, allowed: frozenset[str] = frozenset(PLACEHOLDERS)) -> None:
    """Require that each name in braces is one of the allowed placeholders. Raises InvalidInputError."""
    for name in sorted(placeholders_in(template) - allowed):
        raise invalid_option(option, f"has {{{name}}}, but there can be: {', '.join(sorted(allowed))}")
