"""Every wire case of every dialect, run as `wire_cases.py` says. A new one is a file in `cases/<dialect>/`."""

import json

import httpx
import pytest
import structlog
from tests.dialects.clients import DialectClients
from tests.dialects.wire_cases import CASES, CaseRunner
from tests.support import Tenant

from carillon.dialects.registry import DIALECTS
from carillon.runtime import Runtime


@pytest.mark.parametrize(
    ("dialect", "text"),
    [(path.parent.name, path.read_text("utf-8")) for path in CASES],
    ids=[f"{path.parent.name}-{path.stem}" for path in CASES],
)
async def test_the_case_goes_as_it_is_written(
    clients: DialectClients, runtime: Runtime, account: Tenant, dialect: str, text: str
) -> None:
    runner = CaseRunner(clients=clients, runtime=runtime, account_id=account.account_id, dialect=dialect)
    await runner.run(json.loads(text))


def test_every_dialect_has_cases() -> None:
    assert {path.parent.name for path in CASES} == {one.name for one in DIALECTS}


@pytest.mark.parametrize(
    "broken",
    [
        {"steps": [{"call": "POST /api/v2/Contact/GetFields", "body": {"Data": {}}, "reply": {"status": 403}}]},
        {"steps": [{"call": "POST /api/v2/Contact/GetFields", "reply": {"status": 200, "body": {"StatusId": 1}}}]},
        {"steps": [], "rows": [{"sql": "SELECT name FROM account WHERE account_id = $1", "rows": [["Nobody"]]}]},
    ],
)
async def test_a_case_that_is_not_so_fails(
    clients: DialectClients, runtime: Runtime, account: Tenant, broken: dict[str, object]
) -> None:
    runner = CaseRunner(clients=clients, runtime=runtime, account_id=account.account_id, dialect="inforu")
    with pytest.raises(AssertionError):
        await runner.run(broken)


@pytest.mark.parametrize(
    "call",
    [
        "GET /services/api/v1/nothing/306999888777/at",
        "GET /services/api/v1/nothing?recipient=%2B306999888777",
        "GET /services/api/v1/nothing?a=1&b=rita%40mail.example",
    ],
)
async def test_an_address_of_a_path_or_query_must_not_be_logged(
    clients: DialectClients, runtime: Runtime, account: Tenant, call: str
) -> None:
    async def log_call(request: httpx.Request) -> None:
        structlog.get_logger().info("sent", url=str(request.url))

    runner = CaseRunner(clients=clients, runtime=runtime, account_id=account.account_id, dialect="apifon")
    clients.client.event_hooks = {"request": [log_call]}
    with pytest.raises(AssertionError, match="a log line shows a value"):
        await runner.run({"steps": [{"call": call, "reply": {"status": 404}}]})
