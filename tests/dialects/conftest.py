"""One database for all tests of dialects, and the application with a credential for every dialect.

Every test has an account of its own, and nothing of the others' accounts may show in it. A test that needs a database
to itself says so with `own_db` or `own_dsn`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.dialects.clients import DialectClients
from tests.support import Cluster, Tenant, new_key

from carillon.app import create_app
from carillon.db.database import Database, Tx
from carillon.kit.clock import FixedClock
from carillon.kit.ids import UuidFactory
from carillon.outbound.client import HttpClient
from carillon.runtime import Runtime, compose
from carillon.settings import Settings
from carillon.tenancy.credentials import create_credential


@pytest.fixture(scope="session")
async def shared_dsn(cluster: Cluster, template: str) -> AsyncIterator[str]:
    name = await cluster.create(template)
    yield cluster.dsn(name)
    await cluster.drop(name)


@pytest.fixture(scope="session")
async def shared_db(shared_dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(shared_dsn, size=8)
    yield database
    await database.close()


@pytest.fixture
def dsn(shared_dsn: str) -> str:
    return shared_dsn


@pytest.fixture
def db(shared_db: Database, clock: FixedClock) -> Database:
    shared_db.clock = clock
    shared_db._uuids = UuidFactory(shared_db.random)  # an earlier test may have set its clock forward
    return shared_db


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_body_bytes=1024**2)


@pytest.fixture
def runtime(db: Database, clock: FixedClock, settings: Settings) -> Runtime:
    assert db.clock is clock
    return compose(settings, db, HttpClient())


@pytest.fixture
async def client(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(runtime), client=("192.0.2.10", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://carillon.example") as made:
        yield made


@pytest.fixture
async def clients(runtime: Runtime, client: httpx.AsyncClient, account: Tenant) -> DialectClients:
    sandbox = "UPDATE account SET sandbox = true WHERE account_id = $1"  # what is sent has a route
    await runtime.db.run(Tx.execute, sandbox, account.account_id)
    keys = {}
    for dialect in ("inforu", "nrs", "inwise", "apifon", "devino"):
        command = new_key(dialect, calls_per_second=0)
        keys[dialect] = (await runtime.db.run(create_credential, account.actor, command, runtime.secret_box)).parts
    return DialectClients(client=client, keys=keys, runtime=runtime)
