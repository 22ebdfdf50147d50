"""A credential without a rate of its own has its dialect's."""

from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest
from tests.dialects.clients import DialectClients
from tests.support import Tenant, new_key

from carillon.app import create_app
from carillon.runtime import Runtime
from carillon.tenancy.authentication import Authenticator
from carillon.tenancy.credentials import create_credential
from carillon.tenancy.rate_limits import RateLimiter

RATES: Mapping[str, list[float]] = {
    "inforu": [30],
    "nrs": [100],
    "inwise": [100],
    "apifon": [100, 100],  # for the token, and with it
    "devino": [100],
}


class Recorder(RateLimiter):
    """Keeps the rates that calls are counted against."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[float] = []

    def spend(self, credential_id: int, rate: float) -> None:
        self.rates.append(rate)
        super().spend(credential_id, rate)


@pytest.mark.parametrize("dialect", RATES)
async def test_a_credential_without_a_rate_has_its_dialects(runtime: Runtime, account: Tenant, dialect: str) -> None:
    recorder = Recorder()
    made = await runtime.db.run(create_credential, account.actor, new_key(dialect), runtime.secret_box)
    limited = replace(runtime, authenticator=Authenticator(runtime.db, recorder, runtime.secret_box))
    transport = httpx.ASGITransport(create_app(limited), client=("192.0.2.10", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://carillon.example") as client:
        clients = DialectClients(client=client, keys={dialect: made.parts})
        match dialect:
            case "inforu":
                await clients.inforu("GetFields", {})
            case "nrs":
                await clients.nrs("GET", "/account")
            case "inwise":
                await clients.inwise("GET", "/contacts")
            case "apifon":
                await clients.apifon("GET", "/list")
            case "devino":
                await clients.devino("GET", "/contact-groups")
    assert recorder.rates == RATES[dialect]
