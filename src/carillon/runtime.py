"""The composition root: from settings to a database, and to all that a server is made of."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import asyncpg

from carillon.carriers.http.tokens import CallbackTokens, CallbackUrls
from carillon.carriers.registry import Surroundings
from carillon.db.database import Database
from carillon.db.embedded import embedded_server
from carillon.db.installation import no_installation, require_cluster
from carillon.db.migrate import require_known_schema, schema_status, upgrade
from carillon.errors import UnavailableError
from carillon.kit.clock import Clock, SystemClock
from carillon.links.addresses import LinkAddresses
from carillon.links.clicks import Clicks
from carillon.messaging.receipts import ReceivedMessages
from carillon.outbound.client import HttpClient
from carillon.routing.running import RunningCarriers
from carillon.settings import Settings
from carillon.tenancy.authentication import Authenticator
from carillon.tenancy.rate_limits import RateLimiter
from carillon.tenancy.secrets import SecretBox


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What a serving process has: everything is made once, here, and handed down."""

    settings: Settings
    clock: Clock
    db: Database
    authenticator: Authenticator
    secret_box: SecretBox
    outbound: HttpClient
    inbox: ReceivedMessages
    carriers: RunningCarriers
    callback_tokens: CallbackTokens


@contextmanager
def database_server(settings: Settings, *, create: bool = False) -> Iterator[str]:
    """Yield the connection string of the installation's server; without a URL the embedded one runs meanwhile.

    Only with `create` a folder gets a database. Raises EmbeddedError, and SchemaMismatchError where there is none.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    if not create:
        require_cluster(settings)
    with embedded_server(settings.data_dir) as server:
        yield server.dsn


@asynccontextmanager
async def open_database(
    settings: Settings, *, clock: Clock | None = None, create: bool = False
) -> AsyncIterator[Database]:
    """Open the installation's database. With `create` it is made where there is none, and an empty one gets its schema.

    Raises EmbeddedError, UnavailableError, and SchemaMismatchError where there is none and for a schema that this
    program doesn't know; with `create` also for one that lacks tables, from which commands can still take the rest.
    """
    clock = clock or SystemClock()
    with database_server(settings, create=create) as dsn:
        await _prepare_schema(settings, dsn, clock, create=create)
        db = await Database.connect(
            dsn,
            control_dsn=settings.control_url,
            clock=clock,
            size=settings.database_pool_size,
            statement_timeout=settings.statement_timeout_seconds,
        )
        set_up_links(settings, db, SecretBox(settings.secret_key_path))
        try:
            yield db
        finally:
            await db.close()


@asynccontextmanager
async def open_runtime(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Runtime]:
    """Open all that a server needs, with every statement prepared; what is missing is made.

    Raises what `open_database` does.
    """
    clock = clock or SystemClock()
    async with open_database(settings, clock=clock, create=True) as db, HttpClient(settings.outbound_allow) as outbound:
        await db.prepare_statements()
        try:
            yield compose(settings, db, outbound)
        finally:
            # Links are opened until the server has ended, which is behind the last turn of the service that writes.
            await db.process_state(Clicks).write(db)


def compose(settings: Settings, db: Database, outbound: HttpClient) -> Runtime:
    """Make all that a server needs of an open database and an HTTP client."""
    box = SecretBox(settings.secret_key_path)
    # A worker answers nobody, and has the address of who does.
    set_up_links(settings, db, box, base=None if settings.role == "worker" else settings.link_base)
    inbox = ReceivedMessages(db)
    tokens = CallbackTokens(partial(box.derive, "carrier callbacks"))
    urls = CallbackUrls(base_url=settings.public_url, tokens=tokens) if settings.public_url else None
    around = Surroundings(inbox=inbox, outbound=outbound, callbacks=urls)
    return Runtime(
        settings=settings,
        clock=db.clock,
        db=db,
        authenticator=Authenticator(db, RateLimiter(), box),
        secret_box=box,
        outbound=outbound,
        inbox=inbox,
        carriers=RunningCarriers(db, box, around),
        callback_tokens=tokens,
    )


def set_up_links(settings: Settings, db: Database, box: SecretBox, *, base: str | None = None) -> None:
    """Tell a process where short links are: at `base`, or where the folder's latest server is (`note_address`)."""
    is_chosen = (settings.link_url or settings.public_url) is not None
    if base is None and not is_chosen:
        with suppress(OSError, UnicodeDecodeError):
            base = settings.address_path.read_text("ascii").strip()
    keeps_days = settings.link_kept_days
    base = base or settings.link_base
    db.process_state(LinkAddresses).set_up(box.derive, base=base, is_chosen=is_chosen, keeps_days=keeps_days)


def note_address(settings: Settings) -> None:
    """Leave in the folder where a server's links are, whose port no setting may say, for commands and workers."""
    with suppress(OSError):  # a folder that is another's
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.address_path.write_text(f"{settings.link_base}\n", "ascii")


async def _prepare_schema(settings: Settings, dsn: str, clock: Clock, *, create: bool) -> None:
    with reachable():
        if create:
            if (await schema_status(settings.control_url or dsn)).is_empty:
                await upgrade(settings.control_url or dsn, now=clock.now())
        else:
            await require_installation(settings, dsn)
        await require_known_schema(settings.control_url or dsn, complete=create)


async def require_installation(settings: Settings, dsn: str) -> None:
    """Raise SchemaMismatchError where a database has nothing of Carillon's yet."""
    if not (await schema_status(settings.control_url or dsn)).is_empty:
        return
    if settings.database_url is None:
        raise no_installation(f"in the folder {settings.data_dir.absolute()}, whose database is empty")
    url = urlsplit(settings.database_url)
    raise no_installation(f"in the database {url.path.strip('/') or '(default)'} of {url.hostname or 'this machine'}")


@contextmanager
def reachable() -> Iterator[None]:
    """Turn a failure to reach the database, or to do its bidding, into UnavailableError."""
    try:
        yield
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnavailableError(f"The database can't be used: {error}") from error
