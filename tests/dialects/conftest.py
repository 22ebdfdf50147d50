"""The application with a credential for every dialect."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.dialects.keyboards import Keyboards
from tests.support import Tenant

from carillon.app import create_app
from carillon.db.database import Database
from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime
from carillon.settings import Settings
from carillon.tenancy.authentication import Authenticator
from carillon.tenancy.credentials import CreateCredential, Dialect, create_credential
from carillon.tenancy.rate_limits import RateLimiter
from carillon.tenancy.secrets import SecretBox


@pytest.fixture
async def keyboards(db: Database, clock: FixedClock, account: Tenant, tmp_path: Path) -> AsyncIterator[Keyboards]:
    box = SecretBox(tmp_path / "secret.key")
    runtime = Runtime(
        settings=Settings(data_dir=tmp_path),
        clock=clock,
        db=db,
        authenticator=Authenticator(db, RateLimiter(), box),
        secret_box=box,
    )
    keys = {}
    for dialect in (Dialect.INFORU, Dialect.NRS, Dialect.INWISE, Dialect.APIFON, Dialect.DEVINO):
        command = CreateCredential(dialect=dialect, calls_per_second=0)
        keys[dialect] = (await db.run(create_credential, account.actor, command, box)).parts
    transport = httpx.ASGITransport(create_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://carillon.example") as client:
        yield Keyboards(client=client, keys=keys)
