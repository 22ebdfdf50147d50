"""URLs at which an HTTP provider tells of its messages: a token in them says whose they are.

A token names an account, a carrier and, in a message's own URL, the message. Nobody can make one without the key.
"""

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from carillon.carriers.contract import OutgoingMessage

PATH = "/carriers/"
"""What stands before the token in the path."""

_HEAD = struct.Struct(">Bqq")
_VERSION = 1
_ID_BYTES, _MAC_BYTES = 16, 16
_SIZES = {_HEAD.size + _MAC_BYTES, _HEAD.size + _ID_BYTES + _MAC_BYTES}
_LONGEST_TEXT = 100
_LEAST_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackToken:
    """What a URL is for. A carrier's own has no message; its account is the carrier's, 0 for one of every account."""

    account_id: int
    carrier_id: int
    message_id: UUID | None = None


class CallbackTokens:
    """Makes and reads tokens with a secret key of 32 bytes or more, which is used for nothing else.

    The key is asked for when the first token is made or read; what that raises is raised there.
    """

    def __init__(self, ask_for_key: Callable[[], bytes]) -> None:
        self._ask_for_key = ask_for_key

    @cached_property
    def _key(self) -> bytes:
        key = self._ask_for_key()
        if len(key) < _LEAST_KEY_BYTES:
            raise ValueError("The key is too short.")
        return key

    def make(self, token: CallbackToken) -> str:
        """Write a token as 44 or 66 letters, digits, hyphens and underscores."""
        head = _HEAD.pack(_VERSION, token.account_id, token.carrier_id)
        content = head if token.message_id is None else head + token.message_id.bytes
        return urlsafe_b64encode(content + self._mac(content)).rstrip(b"=").decode()

    def read(self, text: str) -> CallbackToken | None:
        """Return what a token names, or None for one that was not made with the key."""
        if len(text) > _LONGEST_TEXT or not text.isascii():
            return None
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            return None
        content, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(raw) not in _SIZES or not hmac.compare_digest(self._mac(content), mac):
            return None
        version, account_id, carrier_id = _HEAD.unpack_from(content)
        message = content[_HEAD.size :]
        if version != _VERSION:
            return None
        return CallbackToken(
            account_id=account_id, carrier_id=carrier_id, message_id=UUID(bytes=message) if message else None
        )

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")[:_MAC_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackUrls:
    """The URLs under the address at which providers reach this installation, as `https://sms.example.org`."""

    base_url: str
    tokens: CallbackTokens

    def of_message(self, carrier_id: int, message: OutgoingMessage) -> str:
        """Return the URL for the receipts of a message."""
        return self._url(
            CallbackToken(account_id=message.account_id, carrier_id=carrier_id, message_id=message.message_id)
        )

    def of_carrier(self, account_id: int, carrier_id: int) -> str:
        """Return the URL for all receipts and replies of a carrier; an operator enters it at the provider."""
        return self._url(CallbackToken(account_id=account_id, carrier_id=carrier_id))

    def _url(self, token: CallbackToken) -> str:
        return f"{self.base_url.rstrip('/')}{PATH}{self.tokens.make(token)}"
