"""One PostgreSQL for the session, one fresh database for every test, cloned from a migrated template.

The tests of dialects share a database instead, see their conftest.py.

The server is the embedded one in a folder of its own, or the one that CARILLON_TEST_DATABASE_URL names (its role must
be allowed to make databases). With xdist every worker has its own server, or its own template on the shared one.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from tests.support import MOMENT, OPERATOR, Cluster, Tenant

from carillon.db.database import Database
from carillon.db.embedded import EmbeddedServer, embedded_server
from carillon.db.migrate import upgrade
from carillon.kit.clock import FixedClock
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account

# How long examples take is the machine's: no test is timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ROOM = 4 * 1024**3


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the journeys: they take long, and wait for half of it."""
    items.sort(key=lambda item: "journeys" not in item.path.parts)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The connection string of the session's server."""
    given = os.environ.get("CARILLON_TEST_DATABASE_URL")
    if given:
        yield given
        return
    # In memory where there is room: making and dropping a database costs 50 ms there and up to 2 s on a busy disk.
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    # Not pytest's own folder: the account that the server runs under has to be able to enter.
    place = Path(tempfile.mkdtemp(prefix="carillon-test-", dir=memory if roomy else None))
    place.chmod(0o755)
    try:
        with embedded_server(place / "data") as server:
            yield server.dsn
    finally:
        shutil.rmtree(place)


@pytest.fixture(scope="session")
async def cluster(server_url: str) -> AsyncIterator[Cluster]:
    # Of the embedded server, databases are made by its administrator, and used by the role that the application has.
    url = os.environ.get("CARILLON_TEST_DATABASE_URL") or EmbeddedServer(Path(), server_url).admin_dsn
    admin = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    try:
        yield Cluster(admin=admin, url=server_url)
    finally:
        await admin.close()


@pytest.fixture(scope="session")
async def template(cluster: Cluster) -> AsyncIterator[str]:
    """The name of a database that has every migration and nothing else."""
    name = await cluster.create("template0")
    await upgrade(cluster.dsn(name), now=MOMENT)
    yield name
    await cluster.drop(name)


@pytest.fixture
async def empty_dsn(cluster: Cluster) -> AsyncIterator[str]:
    """The connection string of a database without a schema."""
    name = await cluster.create("template0")
    yield cluster.dsn(name)
    await cluster.drop(name)


@pytest.fixture
async def own_dsn(cluster: Cluster, template: str) -> AsyncIterator[str]:
    """The connection string of this test's own database."""
    name = await cluster.create(template)
    yield cluster.dsn(name)
    await cluster.drop(name)


@pytest.fixture
def dsn(own_dsn: str) -> str:
    return own_dsn


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(MOMENT)


@pytest.fixture
async def own_db(own_dsn: str, clock: FixedClock) -> AsyncIterator[Database]:
    database = await Database.connect(own_dsn, clock=clock, size=8)
    yield database
    await database.close()


@pytest.fixture
def db(own_db: Database) -> Database:
    return own_db


@pytest.fixture
async def account(db: Database) -> Tenant:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Testers", country="IL"))
    account_id = made.account.account_id
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=account_id))
    return Tenant(account_id=account_id, audience_id=made.audience_id, actor=actor)
