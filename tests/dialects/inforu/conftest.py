from pathlib import Path

import httpx
import pytest
from tests.dialects.inforu.wire import Wire
from tests.support import Tenant, new_key, shorten_wait

from carillon.db.database import Tx
from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime
from carillon.settings import Settings
from carillon.tenancy.credentials import create_credential


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_body_bytes=4 * 1024**2)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_wait(monkeypatch)


@pytest.fixture
async def wire(runtime: Runtime, client: httpx.AsyncClient, clock: FixedClock, account: Tenant) -> Wire:
    command = new_key("inforu", calls_per_second=0)
    # Messages go to the simulated network.
    await runtime.db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account.account_id)
    made = await runtime.db.run(create_credential, account.actor, command, runtime.secret_box)
    return Wire(
        client=client,
        runtime=runtime,
        clock=clock,
        account=account,
        username=made.parts["username"],
        token=made.parts["token"],
    )
