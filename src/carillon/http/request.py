"""A request and a reply as values: what answers it knows no framework."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from carillon.http.body import Body

Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. Its repr shows no path, body, query or header: they hold addresses, codes and secrets.

    `path` is as it was requested (decoded, case kept), `raw_path` and `query` are still encoded, `segments` are the
    texts of a route's `{segments}`, `headers` have lower-case names, `remote_address` is the caller's own, whatever
    proxies stand between. `report_id` is a UUID: `request_id` where that is one, which a caller may choose.
    """

    method: str
    path: str = field(repr=False)
    raw_path: str = field(default="", repr=False)
    segments: Mapping[str, str] = field(default_factory=dict, repr=False)
    scheme: str = "http"
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body = field(repr=False)
    remote_address: str
    request_id: str
    report_id: str

    @property
    def base_url(self) -> str:
        """The host that was called, for the addresses in a reply."""
        return f"{self.scheme}://{self.headers.get('host', 'localhost')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. With a `stream` the body is what it yields, of a length that is not known before.

    Errors that a stream raises break the connection off: the status has been sent by then.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncGenerator[bytes, None] | None = field(default=None, repr=False)
