"""Carriers and routes as rows: what may be made, who sees it, and what a send that comes right after goes by."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support import OPERATOR, Tenant

from carillon.db.database import Database, Tx
from carillon.db.remembered import REMEMBERED_SECONDS
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.routing.carriers import (
    Carrier,
    CarrierState,
    CreateCarrier,
    FindCarrier,
    ListCarriers,
    SetCarrierState,
    carrier_to_run,
    carriers_to_run,
    create_carrier,
    find_carrier,
    list_carriers,
    set_carrier_state,
)
from carillon.routing.choice import BUILT_IN_SIMULATORS, Choice
from carillon.routing.current import current_routing, load_routing
from carillon.routing.owners import Caller
from carillon.routing.routes import AddRoute, DeleteRoute, ListRoutes, add_route, delete_route, list_routes
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account
from carillon.tenancy.audit import ListAudit, list_audit
from carillon.tenancy.secrets import SecretBox, SecretKeyError

ADDRESS = "972521234567"


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path / "secret.key")


async def make(db: Database, box: SecretBox, name: str, caller: Caller = OPERATOR, **values: Any) -> Carrier:
    command = CreateCarrier(**{"name": name, "kind": "simulator", "channel": "sms", "url": "simulator:", **values})
    return await db.run(create_carrier, caller, command, box)


async def state(db: Database, named: str, state: CarrierState, caller: Caller = OPERATOR) -> Carrier:
    return await db.run(set_carrier_state, caller, SetCarrierState(named=named, state=state))


async def route(db: Database, *carriers: str, caller: Caller = OPERATOR, channel: str = "sms", **values: Any) -> int:
    made = await db.run(add_route, caller, AddRoute(channel=channel, carriers=carriers, **values))
    return made.route_id


async def chosen(db: Database, account_id: AccountId, channel: str = "sms") -> Choice:
    routing = await current_routing(db, account_id, channel)
    (one,) = routing.choose([ADDRESS], sender="Shop", traffic_class=TrafficClass.MARKETING)
    return one


async def another_account(db: Database) -> Actor:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Others", country="GR"))
    return await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))


async def test_a_carrier_s_secret_is_sealed_and_opens_for_its_own_row_only(db: Database, box: SecretBox) -> None:
    made = await make(db, box, " Main ", secret="hunter2", per_second=50.0)
    assert (made.name, made.has_secret, made.state, made.account_id) == ("Main", True, CarrierState.ACTIVE, 0)
    (row,) = await db.read(Tx.fetch, "SELECT * FROM carrier")
    assert b"hunter2" not in row["sealed_secret"]
    assert "hunter2" not in repr(CreateCarrier(name="a", kind="smpp", channel="sms", url="", secret="hunter2"))
    (found,) = await db.read(carriers_to_run)
    assert (found.carrier, found.config(box).secret) == (made, "hunter2")
    assert "sealed" not in repr(found)
    other = await make(db, box, "Other", secret="hunter3")
    await db.run(
        Tx.execute,
        "UPDATE carrier SET sealed_secret = $1 WHERE carrier_id = $2",
        row["sealed_secret"],
        other.carrier_id,
    )
    with pytest.raises(SecretKeyError):
        (await db.read(carrier_to_run, OPERATOR, FindCarrier(named="other"))).config(box)


async def test_what_is_made_and_changed_is_in_the_audit_trail_without_secrets(
    db: Database, account: Tenant, box: SecretBox
) -> None:
    await make(db, box, "Main", account.actor, secret="hunter2")
    await state(db, "main", CarrierState.PAUSED, account.actor)
    await state(db, "main", CarrierState.PAUSED, account.actor)
    route_id = await route(db, "Main", caller=account.actor)
    await db.run(delete_route, account.actor, DeleteRoute(route_id=route_id))
    entries = await db.read(list_audit, account.actor, ListAudit())
    assert [entry.action for entry in entries][:4] == ["route.delete", "route.add", "carrier.state", "carrier.create"]
    assert "hunter2" not in str([entry.detail for entry in entries])
    await make(db, box, "Everybody's")
    rows = await db.read(Tx.fetch, "SELECT actor, action FROM audit_entry WHERE account_id = 0")
    assert [tuple(row) for row in rows] == [("tester", "carrier.create")]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "12"}, "name"),
        ({"channel": "smoke"}, "channel"),
        ({"per_second": 0.0}, "per_second"),
        ({"per_second": float("nan")}, "per_second"),
        ({"kind": "smpp", "url": "smpp://us:secret@smsc.example:2775"}, "url"),
    ],
)
async def test_a_carrier_that_can_not_be_is_refused(
    db: Database, box: SecretBox, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await make(db, box, **{"name": "Main", **values})
    assert refused.value.field == field
    assert "secret@" not in refused.value.message


async def test_a_name_is_taken_until_its_carrier_is_deleted(db: Database, account: Tenant, box: SecretBox) -> None:
    await make(db, box, "Main")
    with pytest.raises(InvalidInputError, match="already"):
        await make(db, box, "MAIN")
    own = await make(db, box, "main", account.actor)
    assert await db.read(find_carrier, account.actor, FindCarrier(named="Main")) == own
    assert (await db.read(find_carrier, OPERATOR, FindCarrier(named="Main"))).account_id == 0
    assert await db.read(find_carrier, OPERATOR, FindCarrier(named=str(own.carrier_id))) == own
    await state(db, "Main", CarrierState.DELETED)
    again = await make(db, box, "Main")
    for gone in ("9999", "9" * 40, "nobody"):
        with pytest.raises(NotFoundError, match="carrier list"):
            await db.read(find_carrier, OPERATOR, FindCarrier(named=gone))
    assert [one.carrier_id for one in await db.read(list_carriers, OPERATOR, ListCarriers())] == [
        again.carrier_id,
        own.carrier_id,
    ]


async def test_an_account_sees_its_own_and_everybody_s_and_changes_its_own(
    db: Database, account: Tenant, box: SecretBox
) -> None:
    other = await another_account(db)
    shared, own, theirs = (
        await make(db, box, "Shared"),
        await make(db, box, "Own", account.actor),
        await make(db, box, "Theirs", other),
    )
    assert await db.read(list_carriers, account.actor, ListCarriers()) == [shared, own]
    with pytest.raises(NotFoundError):
        await route(db, "Theirs", caller=account.actor)
    with pytest.raises(NotFoundError):
        await route(db, str(theirs.carrier_id), caller=account.actor)
    with pytest.raises(NotFoundError):
        await route(db, "Own")
    with pytest.raises(NotFoundError, match="everybody's"):
        await state(db, "Shared", CarrierState.PAUSED, account.actor)
    route_id = await route(db, "Shared")
    with pytest.raises(NotFoundError):
        await db.run(delete_route, account.actor, DeleteRoute(route_id=route_id))
    await route(db, "Own", "shared", caller=account.actor)
    routes = await db.read(list_routes, account.actor, ListRoutes())
    assert [(one.account_id, one.carriers) for one in routes] == [
        (0, ["Shared"]),
        (account.account_id, ["Own", "Shared"]),
    ]
    assert len(await db.read(list_routes, other, ListRoutes())) == 1
    assert len(await db.read(list_routes, OPERATOR, ListRoutes())) == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"channel": "smoke"}, "channel"),
        ({"prefix": "0521"}, "prefix"),
        ({"prefix": "97x"}, "prefix"),
        ({"prefix": "1" * 16}, "prefix"),
        ({"channel": "email", "carriers": ("Mail",), "prefix": "972"}, "prefix"),
        ({"sender": " "}, "sender"),
        ({"carriers": ()}, "carriers"),
        ({"carriers": ("Main", "main")}, "carriers"),
        ({"carriers": ("Mail",)}, "carriers"),
        ({"prefix": "+30"}, "route"),
    ],
)
async def test_a_route_that_can_not_be_is_refused(
    db: Database, box: SecretBox, values: dict[str, Any], field: str
) -> None:
    await make(db, box, "Main")
    mail = await make(db, box, "Mail")
    await db.run(Tx.execute, "UPDATE carrier SET channel = 'email' WHERE carrier_id = $1", mail.carrier_id)
    await route(db, "Main", prefix="30")
    with pytest.raises(InvalidInputError) as refused:
        await db.run(add_route, OPERATOR, AddRoute(**{"channel": "sms", "carriers": ("Main",), **values}))
    assert refused.value.field == field


async def test_a_carrier_in_a_route_is_not_deleted(db: Database, account: Tenant, box: SecretBox) -> None:
    made = await make(db, box, "Main")
    route_id = await route(db, "Main", caller=account.actor)
    with pytest.raises(InvalidInputError, match=f"carillon route delete {route_id}"):
        await state(db, "Main", CarrierState.DELETED)
    await db.run(delete_route, account.actor, DeleteRoute(route_id=route_id))
    assert (await state(db, "Main", CarrierState.DELETED)).carrier_id == made.carrier_id
    with pytest.raises(NotFoundError):
        await state(db, "Main", CarrierState.PAUSED)


async def test_a_route_and_the_deletion_of_its_carrier_never_both_succeed(db: Database, box: SecretBox) -> None:
    for number in range(10):
        await make(db, box, f"Main {number}")
        outcomes = await asyncio.gather(
            route(db, f"Main {number}", prefix=f"{number + 1}"),
            state(db, f"Main {number}", CarrierState.DELETED),
            return_exceptions=True,
        )
        assert len([one for one in outcomes if isinstance(one, Exception)]) == 1


async def test_a_send_right_after_a_change_goes_by_it(db: Database, account: Tenant, box: SecretBox) -> None:
    account_id = account.account_id
    assert await chosen(db, account_id) is None
    first, second = await make(db, box, "First"), await make(db, box, "Second")
    assert await chosen(db, account_id) == (first.carrier_id, second.carrier_id)
    route_id = await route(db, "Second", "First")
    assert await chosen(db, account_id) == (second.carrier_id, first.carrier_id)
    await state(db, "Second", CarrierState.PAUSED)
    assert await chosen(db, account_id) == (first.carrier_id,)
    await state(db, "Second", CarrierState.ACTIVE)
    await route(db, "Second", caller=account.actor)
    assert await chosen(db, account_id) == (second.carrier_id,)
    assert await chosen(db, account_id, "email") is None
    await db.run(delete_route, OPERATOR, DeleteRoute(route_id=route_id))
    assert await chosen(db, (await another_account(db)).account_id) == (first.carrier_id, second.carrier_id)


async def test_another_process_follows_a_change_within_the_time_that_is_said(
    db: Database, account: Tenant, box: SecretBox, dsn: str
) -> None:
    made = await make(db, box, "First")
    other = await Database.connect(dsn, clock=db.clock)
    try:
        assert await chosen(other, account.account_id) == (made.carrier_id,)
        await state(db, "First", CarrierState.PAUSED)
        second = await make(db, box, "Second")
        await asyncio.sleep(REMEMBERED_SECONDS)
        assert await chosen(other, account.account_id) == (second.carrier_id,)
    finally:
        await other.close()


async def test_what_has_not_changed_is_remembered_with_its_choices(db: Database, account: Tenant) -> None:
    assert await current_routing(db, account.account_id, "sms") is await current_routing(db, account.account_id, "sms")
    assert await db.read(load_routing, account.account_id, "sms") is await current_routing(
        db, account.account_id, "sms"
    )
    with pytest.raises(NotFoundError):
        await current_routing(db, AccountId(999), "sms")
    with pytest.raises(NotFoundError):
        await current_routing(db, AccountId(999), "sms")


async def test_a_sandbox_is_routed_to_the_built_in_simulator(db: Database, account: Tenant, box: SecretBox) -> None:
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account.account_id)
    await make(db, box, "Real", kind="http", url="https://provider.example/")
    assert await chosen(db, account.account_id) == (BUILT_IN_SIMULATORS["sms"],)
    own = await make(db, box, "Own", account.actor)
    assert await chosen(db, account.account_id) == (own.carrier_id,)
