"""What a sending's row keeps in JSON of instant messages: their content, and what is sent where they fail."""

from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from carillon.carriers.content import Content
from carillon.messaging.sendings import Fallback
from carillon.text.encodings import Encoding

# Each is read for every message of its sending.
_REMEMBERED = 256
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFallback:
    """What one recipient gets where the first attempt fails (`message.fallback`).

    `text` is None where it is the sending's own, which is the same for all.
    """

    text: str | None = field(default=None, repr=False)
    encoding: Encoding
    parts: int


def stored_options(content: Content | None, fallback: Fallback | None) -> dict[str, object]:
    """Return what is kept of an instant message in `sending.options`."""
    return {name: value for name, value in (("content", content), ("fallback", fallback)) if value is not None}


@lru_cache(maxsize=_REMEMBERED)
def read_content(stored: str | None) -> Content | None:
    """Read the content that `stored_options` kept, as JSON."""
    return None if stored is None else msgspec.json.decode(stored, type=Content)


@lru_cache(maxsize=_REMEMBERED)
def read_fallback(stored: str | None) -> Fallback | None:
    """Read the fallback that `stored_options` kept, as JSON."""
    return None if stored is None else msgspec.json.decode(stored, type=Fallback)


def write_planned(planned: PlannedFallback) -> str:
    """Write what a message keeps."""
    return _encode(planned).decode()


def read_planned(stored: str) -> PlannedFallback:
    """Read what `write_planned` wrote."""
    return msgspec.json.decode(stored, type=PlannedFallback)
