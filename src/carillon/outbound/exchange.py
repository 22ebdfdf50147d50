"""What is sent and what comes back: a request, a reply, and the closed list of what can go wrong between them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Method = Literal["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A call to make. Its repr omits the URL, the headers and the body: they may hold secrets and addresses.

    `timeout_seconds` runs from the first look-up to the last byte of the reply. A reply's body that has more than
    `max_reply_bytes` is a failure.
    """

    method: Method
    url: str = field(repr=False)
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout_seconds: float = 30.0
    max_reply_bytes: int = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """An answer of any status, redirects too. Names of headers are in lower case, the body is as it was transferred.

    The body is not decompressed. A server that compresses it, though the request asks for none, says so in
    `content-encoding`.
    """

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)


class Failure(StrEnum):
    """Why a call has no reply. The value is for logs and metrics."""

    INVALID_REQUEST = "invalid_request"
    REFUSED_ADDRESS = "refused_address"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    INVALID_REPLY = "invalid_reply"
    TOO_LARGE = "too_large"

    @property
    def is_permanent(self) -> bool:
        """Whether the same call fails again until its URL, its host's addresses, or an operator's setting, is another.

        A host whose name leads only to refused addresses is refused for good, though the name may lead elsewhere a
        moment later: a call of a private address is a mistake or an attack, and neither is worth another attempt.
        """
        return self in {Failure.INVALID_REQUEST, Failure.REFUSED_ADDRESS}


_MESSAGES = {
    Failure.INVALID_REQUEST: "The URL or a header can't be used.",
    Failure.REFUSED_ADDRESS: "The URL leads to an address that is neither public nor in outbound_allow.",
    Failure.DNS: "The URL's host has no address.",
    Failure.CONNECT: "No connection could be made.",
    Failure.TLS: "The server's certificate is not trusted, or it does not speak TLS.",
    Failure.TIMEOUT: "The time was up before the whole reply had come.",
    Failure.INVALID_REPLY: "The connection ended before the whole reply had come, or the reply is not HTTP.",
    Failure.TOO_LARGE: "The reply is larger than it may be.",
}


class OutboundError(Exception):
    """A call without a usable reply.

    `may_have_arrived` is false only where no byte of the request was sent: then it can be sent again without
    being received twice. `status` is the reply's, where its head had come before the failure. The text names
    neither URL nor address.
    """

    def __init__(
        self, failure: Failure, message: str = "", *, may_have_arrived: bool = False, status: int | None = None
    ) -> None:
        super().__init__(message or _MESSAGES[failure])
        self.failure = failure
        self.may_have_arrived = may_have_arrived
        self.status = status
