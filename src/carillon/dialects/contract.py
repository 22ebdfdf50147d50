"""What a dialect is: the types between the application and a vendor's API.

A dialect knows no framework: it is given a `Request` and returns a `Reply`, so that its tests, the application and
a benchmark call the same function.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from carillon.db.database import Database, Tx
from carillon.errors import CarillonError
from carillon.events.format import CallbackFormat
from carillon.http.request import Reply, Request
from carillon.http.site import Endpoint, Site
from carillon.kit.clock import Clock
from carillon.kit.networks import Network
from carillon.tenancy.authentication import Authenticator
from carillon.tenancy.credentials import CredentialFormat
from carillon.tenancy.secrets import SecretBox

Arguments = ParamSpec("Arguments")
Outcome = TypeVar("Outcome")


class OperationRunner(Protocol):
    """What handlers have of the database: it runs operations, and opens no transaction to them (`Database`)."""

    clock: Clock

    async def run(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation in a transaction, after the earlier work that it is behind."""

    async def run_at_once(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation as `run` does, however many of the account's run already."""

    async def read(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation that only reads."""

    async def run_spanning(
        self,
        operation: Callable[Concatenate[Database, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation that spans several transactions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a dialect's handlers work with.

    `page_size` is for lists whose caller sets no limit, `signature_age` is how far a signature's date may be
    behind our clock; `outbound_allow` lists networks that callbacks may reach although they are not public. `box` keeps
    the codes of one-time passwords.
    """

    db: OperationRunner
    authenticator: Authenticator
    box: SecretBox
    page_size: int = 1000
    signature_age: timedelta = timedelta(days=1)
    outbound_allow: Sequence[Network] = ()


Handler = Callable[[Services, Request], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A vendor's API, `name` as operators write it; its clients are configured with a key in `credential_format`.

    `canonical_path` turns any spelling of a (percent-encoded) path that the vendor takes into the one in `routes`, and
    gives None for a path that is not the dialect's; one that is, and has no route, is refused in the dialect's words.
    `present_error` is total: every domain error has its envelope. `describe` gives OpenAPI's `paths` and `components`,
    `coverage` the page (Markdown) that holds the vendor's reference against what is served. `first_calls` gives curl
    lines for a base URL that take the credential from the environment, under the names of the dialect and the
    credential's part: INFORU_TOKEN. `callbacks` says how the events of what its clients have sent are told.
    """

    name: str
    credential_format: CredentialFormat
    routes: Sequence[Endpoint[Handler]]
    canonical_path: Callable[[str], str | None]
    present_error: Callable[[Request, CarillonError], Reply]
    describe: Callable[[], tuple[dict[str, Any], dict[str, Any]]]
    coverage: Callable[[], str]
    first_calls: Callable[[str], Sequence[str]]
    callbacks: CallbackFormat | None = None


def site_of(dialect: Dialect, services: Services) -> Site:
    """Make the site that serves a dialect, its handlers bound to what they work with."""
    return Site(
        name=dialect.name,
        endpoints=[
            Endpoint(method=one.method, path=one.path, function=one.function, handle=partial(one.handle, services))
            for one in dialect.routes
        ],
        canonical_path=dialect.canonical_path,
        present_error=dialect.present_error,
    )
