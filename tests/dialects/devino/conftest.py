from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.dialects.devino.wire import Wire
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
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_body_bytes=1024**2)


@pytest.fixture
def runtime(db: Database, clock: FixedClock, settings: Settings) -> Runtime:
    return Runtime(
        settings=settings,
        clock=clock,
        db=db,
        authenticator=Authenticator(db, RateLimiter(), SecretBox(settings.secret_key_path)),
        secret_box=SecretBox(settings.secret_key_path),
    )


@pytest.fixture
async def wire(runtime: Runtime, clock: FixedClock, account: Tenant) -> AsyncIterator[Wire]:
    made = await runtime.db.run(
        create_credential, account.actor, CreateCredential(dialect=Dialect.DEVINO), runtime.secret_box
    )
    transport = httpx.ASGITransport(create_app(runtime), client=("192.0.2.10", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://carillon.example") as client:
        yield Wire(
            client=client,
            runtime=runtime,
            clock=clock,
            account=account,
            key=made.parts["key"],
        )
