"""Every wire case of every dialect, played as `stories.py` says. A new one is a file in `cases/<dialect>/`."""

import json

import pytest
from tests.dialects.clients import DialectClients
from tests.dialects.stories import CASES, Teller
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
    teller = Teller(clients=clients, runtime=runtime, account_id=account.account_id, dialect=dialect)
    await teller.play(json.loads(text))


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
    teller = Teller(clients=clients, runtime=runtime, account_id=account.account_id, dialect="inforu")
    with pytest.raises(AssertionError):
        await teller.play(broken)
