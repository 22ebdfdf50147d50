"""What a dialect is: the types between the application and a vendor's API.

A dialect knows no framework: it is given an `Incoming` and gives back a `Reply`, so that its tests, the application and
a benchmark call the same function.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from carillon.audience.hope import Hopes
from carillon.db.database import Database
from carillon.errors import CarillonError
from carillon.tenancy.authentication import Authenticator
from carillon.tenancy.credentials import KeyWords

Method = Literal["GET", "POST", "PUT", "DELETE", "PATCH"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a dialect's handlers work with.

    `page_size` is for lists whose caller sets no limit, `signature_age` is how far a signature's date may be from our
    clock.
    """

    db: Database
    authenticator: Authenticator
    page_size: int = 1000
    signature_age: timedelta = timedelta(days=1)
    hopes: Hopes = field(default_factory=Hopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request. Its repr shows no body, query or header: they hold addresses and secrets.

    `path` is as it was requested (decoded, case kept), `raw_path` and `query` are still encoded, `segments` are the
    texts of a route's `{segments}`, `headers` have lower-case names, `remote_address` is the caller's own, whatever
    proxies stand between.
    """

    method: str
    path: str
    raw_path: str = ""
    segments: Mapping[str, str] = field(default_factory=dict, repr=False)
    scheme: str = "http"
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    remote_address: str
    request_id: str

    @property
    def base_url(self) -> str:
        """The host that was called, for the addresses in a reply."""
        return f"{self.scheme}://{self.headers.get('host', 'localhost')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer."""

    status: int
    body: bytes = field(repr=False)
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Services, Incoming], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method on a path, which may have `{segments}`. `function` names it in metrics and logs."""

    method: Method
    path: str
    function: str
    handle: Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A vendor's API, `name` as operators write it; its clients are configured with a key in `key_words`.

    `canonical_path` turns any spelling of a (percent-encoded) path that the vendor takes into the one in `routes`, and
    gives None for a path that is not the dialect's; one that is, and has no route, is refused in the dialect's words.
    `present_error` is total: every domain error has its envelope. `describe` gives OpenAPI's `paths` and `components`,
    `coverage` the page (Markdown) that holds the vendor's reference against what is served. `first_calls` gives curl
    lines for a base URL that take the credential from the environment, under the names of the dialect and the
    credential's part: INFORU_TOKEN.
    """

    name: str
    key_words: KeyWords
    routes: Sequence[Route]
    canonical_path: Callable[[str], str | None]
    present_error: Callable[[Incoming, CarillonError], Reply]
    describe: Callable[[], tuple[dict[str, Any], dict[str, Any]]]
    coverage: Callable[[], str]
    first_calls: Callable[[str], Sequence[str]]
