"""A site: a set of endpoints under paths of its own, with its own form of errors.

A vendor's dialect is one; carrier callbacks, short links, forms and the console are others.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from carillon.errors import CarillonError
from carillon.http.request import Method, Reply, Request

Handler = Callable[[Request], Awaitable[Reply]]
Handle = TypeVar("Handle")

Then = Callable[[], Callable[[], None] | None]
"""What is called when something is known; what it returns is called behind the others that were called with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[Handle]):
    """A method on a path, which may have `{segments}`. `function` is its name in metrics and logs."""

    method: Method
    path: str
    function: str
    handle: Handle


@dataclass(frozen=True, slots=True, kw_only=True)
class AtOnce:
    """GETs that are answered at once, where their targets match; `function` is the name of what answers others.

    `look_for` takes the pattern's first group, and what is called in another turn of the event loop, when its answer is
    known; it returns False where nothing has to be looked for. `leads_to` takes the group, the headers and the caller's
    address. It returns the URL of the redirect that `function` would answer, whose other headers are `headers`; or None
    where the request is to be answered as every one. They raise nothing.
    """

    function: str
    target: re.Pattern[bytes]
    look_for: Callable[[str, Then], bool]
    leads_to: Callable[[str, Mapping[str, str], str], str | None]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the front mounts; `name` labels its metrics and log lines.

    `canonical_path` turns any spelling of a (percent-encoded) path that the site takes into the one in `endpoints`, and
    returns None for a path of another site; one that is the site's and has no endpoint is refused in the site's form.
    `present_error` is total: every domain error has a reply.
    """

    name: str
    endpoints: Sequence[Endpoint[Handler]]
    canonical_path: Callable[[str], str | None]
    present_error: Callable[[Request, CarillonError], Reply]
    at_once: AtOnce | None = None
