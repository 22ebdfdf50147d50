from pathlib import Path

import httpx
import pytest
from tests.dialects.apifon.wire import Wire
from tests.support import Tenant, new_key

from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime
from carillon.settings import Settings
from carillon.tenancy.credentials import create_credential


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_body_bytes=100_000)


@pytest.fixture
async def wire(runtime: Runtime, client: httpx.AsyncClient, clock: FixedClock, account: Tenant) -> Wire:
    command = new_key("apifon", calls_per_second=0)
    made = await runtime.db.run(create_credential, account.actor, command, runtime.secret_box)
    return Wire(client=client, runtime=runtime, clock=clock, account=account, parts=made.parts)
