"""Subscriptions: added, used before money, given back, and shown, through the operations and the command line."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support import Tenant

from carillon.billing.subscriptions import (
    MAX_TOTAL,
    AddSubscription,
    ChangeSubscription,
    Subscription,
    Uncovered,
    active_subscriptions,
    add_subscription,
    change_subscription,
    list_subscriptions,
    lock_allowances,
    move_allowances,
)
from carillon.cli import main
from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.clock import FixedClock
from carillon.tenancy.audit import ListAudit, list_audit

pytestmark = pytest.mark.any_database


async def added(db: Database, account: Tenant, clock: FixedClock, **options: Any) -> Subscription:
    now = clock.now()
    known: dict[str, Any] = {"sender": "Blue", "total": 2, "starts_at": now, "ends_at": now + timedelta(days=30)}
    return await db.run(add_subscription, account.actor, AddSubscription(channel="im", **known | options))


async def taken(db: Database, account: Tenant, at: Any, count: int = 1, sender: str = "Blue") -> list[int | Uncovered]:
    """Take some for messages of a sender, in a transaction of their own."""

    async def take(tx: Tx) -> list[int | Uncovered]:
        allowances = await lock_allowances(tx, account.account_id, "im", [sender])
        found = [allowances.take(sender, at) for _ in range(count)]
        await move_allowances(tx, account.account_id, allowances.taken)
        return found

    return await db.run(take)


async def test_a_subscription_pays_until_it_is_used_up(db: Database, account: Tenant, clock: FixedClock) -> None:
    one = await added(db, account, clock)
    assert await taken(db, account, clock.now(), 3) == [one.subscription_id, one.subscription_id, Uncovered.OVER]
    assert await taken(db, account, clock.now()) == [Uncovered.OVER]
    await db.run(move_allowances, account.account_id, {one.subscription_id: -1})
    assert await taken(db, account, clock.now()) == [one.subscription_id]


async def test_of_two_the_one_that_ends_first_is_used_first(db: Database, account: Tenant, clock: FixedClock) -> None:
    later = await added(db, account, clock, total=1)
    sooner = await added(db, account, clock, total=1, ends_at=clock.now() + timedelta(days=1))
    expected = [sooner.subscription_id, later.subscription_id, Uncovered.OVER]
    assert await taken(db, account, clock.now(), 3) == expected


async def test_it_pays_from_its_start_up_to_its_end_which_is_not_included(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    one = await added(db, account, clock, ends_at=clock.now() + timedelta(hours=1))
    at = [clock.now() - timedelta(seconds=1), clock.now(), clock.now() + timedelta(hours=1)]
    found = [(await taken(db, account, moment))[0] for moment in at]
    assert found == [Uncovered.OVER, one.subscription_id, Uncovered.OVER]


async def test_a_sender_without_any_is_unknown_to_them(db: Database, account: Tenant, clock: FixedClock) -> None:
    await added(db, account, clock)
    assert await taken(db, account, clock.now(), sender="Red") == [Uncovered.UNKNOWN]


async def test_a_shared_sender_ends_at_its_cap(db: Database, account: Tenant, clock: FixedClock) -> None:
    one = await added(db, account, clock, total=1, shared=True)
    assert await taken(db, account, clock.now(), 2) == [one.subscription_id, Uncovered.CAP]


async def test_a_disabled_one_lets_its_sender_send_nothing(db: Database, account: Tenant, clock: FixedClock) -> None:
    one = await added(db, account, clock)
    change = ChangeSubscription(subscription_id=one.subscription_id, disabled=True)
    assert (await db.run(change_subscription, account.actor, change)).disabled
    assert await taken(db, account, clock.now()) == [Uncovered.DISABLED]
    await db.run(change_subscription, account.actor, ChangeSubscription(subscription_id=1, disabled=False))
    assert await taken(db, account, clock.now()) == [one.subscription_id]
    entries = await db.read(list_audit, account.actor, ListAudit())
    assert {"subscription.add", "subscription.disable", "subscription.enable"} <= {entry.action for entry in entries}


async def test_active_are_those_of_the_accounts_own_time(db: Database, account: Tenant, clock: FixedClock) -> None:
    await added(db, account, clock, ends_at=clock.now() + timedelta(hours=1))
    assert len(await db.read(active_subscriptions, account.actor)) == 1
    move = "UPDATE account SET clock_offset = '2 hours' WHERE account_id = $1"
    await db.run(Tx.execute, move, account.account_id)
    assert await db.read(active_subscriptions, account.actor) == []
    assert len(await db.read(list_subscriptions, account.actor)) == 1


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"channel": "sms"}, "channel"),
        ({"sender": " "}, "sender"),
        ({"sender": "x" * 101}, "sender"),
        ({"total": -1}, "total"),
        ({"total": MAX_TOTAL + 1}, "total"),
        ({"ends_at": timedelta()}, "ends_at"),
    ],
)
async def test_what_is_no_subscription_is_refused(
    db: Database, account: Tenant, clock: FixedClock, options: dict[str, Any], field: str
) -> None:
    now = clock.now()
    known: dict[str, Any] = {"channel": "im", "sender": "Blue", "total": 2, "starts_at": now}
    known["ends_at"] = now + timedelta(days=30)
    if "ends_at" in options:
        options = {"ends_at": now}
    with pytest.raises(InvalidInputError) as refused:
        await db.run(add_subscription, account.actor, AddSubscription(**known | options))
    assert refused.value.field == field


async def test_another_accounts_is_not_there(db: Database, account: Tenant, clock: FixedClock) -> None:
    await added(db, account, clock)
    with pytest.raises(NotFoundError):
        await db.run(change_subscription, account.actor, ChangeSubscription(subscription_id=2**52, disabled=True))


# The command line.


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="carillon")

    assert call("account", "create", "Blue Shop", "--country", "GR").exit_code == 0
    return call


def test_the_commands_add_list_and_disable(run: Callable[..., Result]) -> None:
    assert run("subscription", "list", "--account", 1).stdout == "Account 1 has no subscription yet.\n"
    span = ("--from", "2026-12-01", "--until", "2027-01-01")
    made = run("subscription", "add", 5000, "--account", 1, "--sender", "Blue", *span)
    assert made.stdout == (
        "Subscription 1: im from Blue, 2026-12-01 00:00 to 2027-01-01 00:00 UTC, 5,000 of 5,000 left.\n"
    )
    assert "disabled" in run("subscription", "disable", 1, "--account", 1).stdout
    assert "5,000 left" in run("subscription", "enable", 1, "--account", 1).stdout
    (shown,) = json.loads(run("subscription", "list", "--account", 1, "--json").stdout)
    assert (shown["sender"], shown["total"], shown["used"], shown["disabled"]) == ("Blue", 5000, 0, False)
    refused = run("subscription", "disable", 7, "--account", 1)
    assert (refused.exit_code, refused.stderr) == (1, "Error: There is no subscription 7.\n")
