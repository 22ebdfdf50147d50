"""What an instant message shows beside its text: the same for all recipients, but for where its button leads."""

from dataclasses import dataclass, field, replace
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button, and where it leads: an http or https URL, or a deep link of the application."""

    title: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A video of `size` bytes and so many seconds. With a caption it has a button, which leads to the video."""

    url: str = field(repr=False)
    size: int
    seconds: int
    thumbnail_url: str = field(repr=False)
    format: str
    caption: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file; `format` is its name's extension, without a point."""

    url: str = field(repr=False)
    name: str = field(repr=False)
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an instant message has.

    `application` is whose users get it; `channel_id` names the caller's channel there, where the provider knows
    several. `expiry_text` is shown in the place of what came too late. `device` is which of a user's devices show it.
    """

    application: Literal["viber"] = "viber"
    channel_id: str | None = None
    image_url: str | None = field(default=None, repr=False)
    button: Button | None = None
    video: Video | None = None
    file: File | None = None
    expiry_text: str | None = field(default=None, repr=False)
    device: Literal["all", "phone"] = "all"

    def with_button_url(self, url: str | None) -> "Content":
        """Return it with a button that leads to a recipient's own URL; None: it leads where it does."""
        return self if url is None or self.button is None else replace(self, button=replace(self.button, url=url))

    @property
    def shows_something(self) -> bool:
        """Whether it is something without a text: a button alone is not."""
        return bool(self.image_url or self.video or self.file)
