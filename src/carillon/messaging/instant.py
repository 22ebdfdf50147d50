"""What an instant message may be: its patterns and limits, as Viber has them (Apifon's reference, IM Gateway). Pure."""

import re

from carillon.carriers.content import Button, Content, File, Video
from carillon.errors import InvalidInputError

MAX_TEXT_CHARACTERS = 1_000
MAX_BUTTON_CHARACTERS = 30
MAX_URL_CHARACTERS = 1_000
MAX_EXPIRY_CHARACTERS = 1_000
MAX_CHANNEL_CHARACTERS = 100
MAX_SENDER_CHARACTERS = 100
MAX_VIDEO_BYTES = 200 * 1024**2
MAX_VIDEO_SECONDS = 600
MAX_FILE_NAME_CHARACTERS = 25
VIDEO_FORMATS = ("3gp", "m4v", "mov", "mp4")
FILE_FORMATS = (
    *("doc", "docx", "rtf", "dot", "dotx", "odt", "odf", "fodt", "txt", "info"),
    *("pdf", "xps", "pdax", "eps"),
    *("xls", "xlsx", "ods", "fods", "csv", "xlsm", "xltx"),
)

# The Conditional Note: text, image, button, video.
_PATTERNS = frozenset(
    {
        (True, False, False, False),
        (False, True, False, False),
        (True, False, True, False),
        (True, True, True, False),
        (False, False, False, True),
        (True, False, False, True),
        (True, False, True, True),
    }
)
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_DEEP_LINK = re.compile(r"viber://[!-~]+", re.IGNORECASE)


def check_instant(sender: str, text: str, content: Content) -> None:
    """Require a text and a content that go together, within their limits.

    Raises InvalidInputError for `sender`, `text`, and the parts of `content` by their places (`content.button.title`).
    Where a button's link leads is `is_link`'s to say: what is wrong there costs the messages, not the request.
    """
    if not 0 < len(sender) <= MAX_SENDER_CHARACTERS:
        raise InvalidInputError("sender", f"A sender has 1 to {MAX_SENDER_CHARACTERS} characters.")
    _require_characters(text, MAX_TEXT_CHARACTERS, "text")
    _require_characters(content.channel_id, MAX_CHANNEL_CHARACTERS, "content.channel_id")
    _require_characters(content.expiry_text, MAX_EXPIRY_CHARACTERS, "content.expiry_text")
    if content.image_url is not None:
        _require_url(content.image_url, "content.image_url")
    if content.button is not None:
        _check_button(content.button)
    if content.video is not None:
        _check_video(content.video)
    if content.file is not None:
        _check_file(content.file)
    _require_pattern(text, content)


def is_promotional(content: Content) -> bool:
    """Whether a message is promotional by what it shows: all are but a text alone, and a file (Conditional Note)."""
    return bool(content.image_url or content.button or content.video)


def describe_content(content: Content | None, button_url: str | None = None) -> list[str]:
    """Say what a message shows beside its text, for people; `button_url` is a recipient's own."""
    if content is None:
        return []
    content = content.with_button_url(button_url)
    button, video, file = content.button, content.video, content.file
    parts = {
        "image": content.image_url,
        "button": f"{button.title} ({button.url})" if button else None,
        "video": video.url if video else None,
        "caption": video.caption if video else None,
        "file": f"{file.name} ({file.url})" if file else None,
    }
    return [f"{name} {shown}" for name, shown in parts.items() if shown]


def is_link(url: str) -> bool:
    """Whether a button may lead there: an http or https URL, encoded, or a deep link of Viber."""
    return bool(_URL.fullmatch(url) or _DEEP_LINK.fullmatch(url)) and len(url) <= MAX_URL_CHARACTERS


def _require_pattern(text: str, content: Content) -> None:
    if content.file is not None:
        if text or content.image_url or content.button or content.video:
            raise InvalidInputError("content", "A file is sent alone.")
        return
    caption = content.video.caption if content.video else None
    if caption and content.button:
        raise InvalidInputError("content.button", "A message has one button: a video's caption is one.")
    shown = (bool(text), bool(content.image_url), bool(content.button or caption), bool(content.video))
    if shown not in _PATTERNS:
        raise InvalidInputError(
            "content",
            "A message has a text, an image, a text with a button, a text with an image and a button, a video, a text "
            "with a video, or a text with a video and a button.",
        )


def _check_button(button: Button) -> None:
    if not button.title.strip():
        raise InvalidInputError("content.button.title", "A button has a caption.")
    _require_characters(button.title, MAX_BUTTON_CHARACTERS, "content.button.title")
    if not button.url.strip():
        raise InvalidInputError("content.button.url", "A button leads somewhere.")
    _require_characters(button.url, MAX_URL_CHARACTERS, "content.button.url")


def _check_video(video: Video) -> None:
    _require_url(video.url, "content.video.url")
    _require_url(video.thumbnail_url, "content.video.thumbnail_url")
    if not 0 < video.size <= MAX_VIDEO_BYTES:
        raise InvalidInputError("content.video.size", f"A video has 1 to {MAX_VIDEO_BYTES} bytes.")
    if not 0 < video.seconds <= MAX_VIDEO_SECONDS:
        raise InvalidInputError("content.video.seconds", f"A video takes 1 to {MAX_VIDEO_SECONDS} seconds.")
    if video.format not in VIDEO_FORMATS:
        raise InvalidInputError("content.video.format", f"A video is one of {', '.join(VIDEO_FORMATS)}.")
    _require_characters(video.caption, MAX_BUTTON_CHARACTERS, "content.video.caption")


def _check_file(file: File) -> None:
    if not file.name.strip():
        raise InvalidInputError("content.file.name", "A file has a name.")
    _require_characters(file.name, MAX_FILE_NAME_CHARACTERS, "content.file.name")
    if file.format not in FILE_FORMATS:
        raise InvalidInputError("content.file.format", f"A file is one of {', '.join(FILE_FORMATS)}.")
    _require_url(file.url, "content.file.url")


def _require_characters(text: str | None, limit: int, place: str) -> None:
    if text is not None and (len(text) > limit or "\0" in text):
        raise InvalidInputError(place, f"This has {limit} characters at most, and no null.")


def _require_url(url: str, place: str) -> None:
    _require_characters(url, MAX_URL_CHARACTERS, place)
    if not _URL.fullmatch(url):
        raise InvalidInputError(place, "This is an http or https URL, encoded.")
