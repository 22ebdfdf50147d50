import httpx
import pytest
from tests.dialects.nrs.wire import Wire
from tests.support import Tenant, new_key

from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime
from carillon.tenancy.credentials import create_credential


@pytest.fixture
async def wire(runtime: Runtime, client: httpx.AsyncClient, clock: FixedClock, account: Tenant) -> Wire:
    command = new_key("nrs", calls_per_second=0)
    made = await runtime.db.run(create_credential, account.actor, command, runtime.secret_box)
    return Wire(
        client=client,
        runtime=runtime,
        clock=clock,
        account=account,
        username=made.parts["username"],
        password=made.parts["password"],
    )
