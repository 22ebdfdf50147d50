"""Prices and balances as an operator sets them, through the operations and the command line."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from tests.support import OPERATOR, Tenant

from carillon.billing.balances import AddCredit, SetCreditLimit, add_credit, get_balance, set_credit_limit
from carillon.billing.ledger import Reservation, reserve
from carillon.billing.money import MAX_AMOUNT, UNIT
from carillon.billing.prices import (
    MAX_PART_PRICE,
    Capture,
    DeletePrice,
    ListPrices,
    Price,
    SetPrice,
    delete_price,
    list_prices,
    load_prices,
    set_price,
)
from carillon.cli import main
from carillon.db.database import Database
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.ids import AccountId
from carillon.tenancy.accounts import CreateAccount, create_account
from carillon.tenancy.audit import ListAudit, list_audit

pytestmark = pytest.mark.any_database

Run = Callable[..., Result]
GREECE = "306912345678"


async def put(db: Database, amount: int, **options: Any) -> None:
    await db.run(set_price, OPERATOR, SetPrice(channel="sms", amount=amount, **options))


async def amounts(db: Database, tenant: Tenant, *addresses: str, channel: str = "sms") -> list[int | None]:
    prices = await db.read(load_prices, tenant.account_id, channel)
    return [None if one is None else one.amount for one in prices.of(addresses)]


async def test_without_prices_everything_is_free(db: Database, account: Tenant) -> None:
    assert await amounts(db, account, GREECE, "97254") == [0, 0]


async def test_prices_of_a_channel_say_nothing_of_another(db: Database, account: Tenant) -> None:
    await put(db, 5)
    assert await amounts(db, account, GREECE) == [5]
    assert await amounts(db, account, GREECE, channel="im") == [0]


async def test_an_account_that_has_prices_of_its_own_on_a_channel_has_those_alone(
    db: Database, account: Tenant
) -> None:
    await put(db, 5)
    await put(db, 6, prefix="30")
    await put(db, 4, prefix="972", account_id=account.account_id)
    other = await db.run(create_account, OPERATOR, CreateAccount(name="Other", country="GR"))
    assert await amounts(db, account, GREECE, "97254") == [None, 4]
    theirs = await db.read(load_prices, other.account.account_id, "sms")
    assert [price.amount for price in theirs.of([GREECE, "97254"]) if price] == [6, 5]


async def test_a_price_that_is_set_again_takes_the_place_of_the_first(db: Database, account: Tenant) -> None:
    await put(db, 5, vat=240_000, capture=Capture.DELIVERY)
    await put(db, 7, vat=10, capture=Capture.SUBMIT)
    prices = await db.read(load_prices, account.account_id, "sms")
    assert prices.of([GREECE]) == [Price(amount=7, vat=10, capture=Capture.SUBMIT)]
    assert len(await db.read(list_prices, OPERATOR, ListPrices())) == 1


async def test_a_price_is_deleted_and_then_no_longer_counts(db: Database, account: Tenant) -> None:
    await put(db, 5)
    await put(db, 9, account_id=account.account_id, prefix="30")
    await db.run(delete_price, OPERATOR, DeletePrice(channel="sms", prefix="30", account_id=account.account_id))
    assert await amounts(db, account, GREECE) == [5]
    with pytest.raises(NotFoundError):
        await db.run(delete_price, OPERATOR, DeletePrice(channel="sms", prefix="30"))


async def test_prices_are_listed_every_account_s_first(db: Database, account: Tenant) -> None:
    other = await db.run(create_account, OPERATOR, CreateAccount(name="Other", country="GR"))
    await put(db, 1, account_id=other.account.account_id)
    await put(db, 2, account_id=account.account_id)
    await put(db, 3, prefix="30")

    async def listed(account_id: int | None) -> list[tuple[int | None, int]]:
        prices = await db.read(list_prices, OPERATOR, ListPrices(account_id=account_id))
        return [(one.account_id, one.amount) for one in prices]

    assert await listed(None) == [(None, 3), (account.account_id, 2), (other.account.account_id, 1)]
    assert await listed(account.account_id) == [(None, 3), (account.account_id, 2)]
    with pytest.raises(NotFoundError):
        await listed(99)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"channel": "pigeon", "amount": 1}, "channel"),
        ({"channel": "sms", "amount": -1}, "amount"),
        ({"channel": "sms", "amount": MAX_PART_PRICE + 1}, "amount"),
        ({"channel": "sms", "amount": 1, "vat": 1_000_001}, "vat"),
        ({"channel": "sms", "amount": 1, "vat": -1}, "vat"),
        ({"channel": "sms", "amount": 1, "prefix": "+30"}, "prefix"),
        ({"channel": "sms", "amount": 1, "prefix": "٣٠"}, "prefix"),
        ({"channel": "sms", "amount": 1, "prefix": "1" * 16}, "prefix"),
        ({"channel": "email", "amount": 1, "prefix": "30"}, "prefix"),
    ],
)
async def test_a_price_that_cannot_be_is_refused(db: Database, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        await db.run(set_price, OPERATOR, SetPrice(**given))
    assert raised.value.field == field


async def test_changes_of_prices_and_balances_are_in_the_trail(db: Database, account: Tenant) -> None:
    await put(db, 5, account_id=account.account_id, prefix="30")
    await db.run(delete_price, OPERATOR, DeletePrice(channel="sms", prefix="30", account_id=account.account_id))
    await db.run(add_credit, account.actor, AddCredit(amount=70, note="invoice of Ana"))
    await db.run(set_credit_limit, account.actor, SetCreditLimit(limit=9))
    await db.run(set_credit_limit, account.actor, SetCreditLimit(limit=9))
    entries = await db.read(list_audit, account.actor, ListAudit(limit=4))
    assert [(one.action, dict(one.detail)) for one in reversed(entries)] == [
        ("price.set", {"prefix": "30", "amount": 5, "vat": 0, "capture": "submit"}),
        ("price.delete", {"prefix": "30"}),
        ("balance.credit", {"amount": 70}),
        ("balance.limit", {"from": 0, "to": 9}),
    ]


async def test_credit_may_be_taken_away_as_far_as_it_is_not_used(db: Database, account: Tenant) -> None:
    await db.run(add_credit, account.actor, AddCredit(amount=100))
    await db.run(reserve, account.account_id, [Reservation(sending_id=uuid4(), amount=30)])
    with pytest.raises(InvalidInputError, match=r"At most 0\.00007 ILS"):
        await db.run(add_credit, account.actor, AddCredit(amount=-71))
    after = await db.run(add_credit, account.actor, AddCredit(amount=-70))
    assert (after.available, after.reserved) == (0, 30)


async def test_a_limit_is_never_below_what_is_owed(db: Database, account: Tenant) -> None:
    await db.run(set_credit_limit, account.actor, SetCreditLimit(limit=50 * UNIT))
    await db.run(reserve, account.account_id, [Reservation(sending_id=uuid4(), amount=20 * UNIT)])
    with pytest.raises(InvalidInputError, match="owes 20 ILS"):
        await db.run(set_credit_limit, account.actor, SetCreditLimit(limit=20 * UNIT - 1))
    lowest = await db.run(set_credit_limit, account.actor, SetCreditLimit(limit=20 * UNIT))
    assert (lowest.available, lowest.credit_limit) == (-20 * UNIT, 20 * UNIT)


@pytest.mark.parametrize("amount", [0, MAX_AMOUNT + 1, -1, -MAX_AMOUNT - 1])
async def test_credit_that_cannot_be_added_is_refused(db: Database, account: Tenant, amount: int) -> None:
    with pytest.raises(InvalidInputError):
        await db.run(add_credit, account.actor, AddCredit(amount=amount))
    assert (await db.read(get_balance, account.actor)).available == 0


async def test_a_balance_has_an_upper_limit_and_a_note_a_length(db: Database, account: Tenant) -> None:
    await db.run(add_credit, account.actor, AddCredit(amount=MAX_AMOUNT))
    await db.run(reserve, account.account_id, [Reservation(sending_id=uuid4(), amount=10)])
    with pytest.raises(InvalidInputError, match="at most 999999999999"):
        await db.run(add_credit, account.actor, AddCredit(amount=1))
    with pytest.raises(InvalidInputError, match="note"):
        await db.run(add_credit, account.actor, AddCredit(amount=-1, note="n" * 501))
    with pytest.raises(InvalidInputError, match="limit"):
        await db.run(set_credit_limit, account.actor, SetCreditLimit(limit=MAX_AMOUNT + 1))


async def test_the_balance_of_no_account_is_not_found(db: Database, account: Tenant) -> None:
    with pytest.raises(NotFoundError):
        await db.read(get_balance, replace(account.actor, account_id=AccountId(99)))


# The command line -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)
    monkeypatch.setenv("COLUMNS", "100")

    def called(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="carillon")

    return called


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_prices_are_set_listed_and_deleted_at_the_command_line(run: Run) -> None:
    account_id = answer(run("account", "create", "A", "--country", "GR", "--json"))["account_id"]
    assert run("price", "list").stdout == "There is no price: everything is free.\n"
    line = run("price", "set", "--channel", "sms", "--prefix", "30", "0.045", "--vat", "24").stdout
    assert line == "sms to numbers of 30, for every account: 0.045 a part, VAT 24 %, owed at submit.\n"
    own = ("price", "set", "--channel", "im", "--account", account_id, "0.1", "--capture", "delivery")
    assert run(*own).stdout == f"im to any address, for account {account_id}: 0.1 a part, owed at delivery.\n"
    made = answer(run(*own, "--json"))
    assert {name: made[name] for name in ("account_id", "channel", "prefix", "amount", "vat", "capture")} == {
        "account_id": account_id,
        "channel": "im",
        "prefix": "",
        "amount": "0.1",
        "vat": "0",
        "capture": "delivery",
    }
    listed = answer(run("price", "list", "--json"))
    assert [(one["account_id"], one["amount"], one["vat"]) for one in listed] == [
        (None, "0.045", "24"),
        (account_id, "0.1", "0"),
    ]
    assert run("price", "list", "--account", account_id).stdout.splitlines()[1].split()[:4] == [
        "-",
        "sms",
        "30",
        "0.045",
    ]
    assert run("price", "delete", "--channel", "sms", "--prefix", "30").stdout == "The price is deleted.\n"
    assert len(answer(run("price", "list", "--json"))) == 1


def test_a_balance_is_filled_limited_and_shown_with_its_journal(run: Run) -> None:
    account_id = answer(run("account", "create", "A", "--country", "GR", "--json"))["account_id"]
    place = ("--account", account_id)
    assert run("balance", "journal", *place).stdout == f"Nothing has moved in account {account_id} yet.\n"
    assert answer(run("balance", "add", "250.5", *place, "--note", "invoice 17", "--json")) == {
        "account_id": account_id,
        "available": "250.5",
        "reserved": "0",
        "credit_limit": "0",
        "currency": "EUR",
    }
    assert run("balance", "limit", "100", *place).exit_code == 0
    assert run("balance", "add", *place, "--", "-50").exit_code == 0
    assert run("balance", "show", *place).stdout.splitlines() == [
        "available     200.5 EUR",
        "reserved      0 EUR",
        "credit limit  100 EUR",
    ]
    entries = answer(run("balance", "journal", *place, "--json"))
    assert [(one["credit"], one["debit"], one["amount"], one["note"]) for one in entries] == [
        ("available", "outside", "50", None),
        ("outside", "available", "250.5", "invoice 17"),
    ]
    older = answer(run("balance", "journal", *place, "--before", entries[0]["entry_id"], "--limit", 1, "--json"))
    assert older == entries[1:]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("price", "set", "--channel", "sms", "0,045"), "amount: '0,045' is not an amount"),
        (("price", "set", "--channel", "sms", "1", "--vat", "101"), "vat: '101' is not a percentage"),
        (("price", "set", "--channel", "sms", "1", "--prefix", "GR"), "prefix: 'GR' is not a prefix"),
        (("price", "set", "--channel", "sms", "2000000"), "amount: A part costs from 0 to 1000000."),
        (("price", "set", "--channel", "sms", "1", "--account", "9"), "There is no account 9."),
        (("price", "delete", "--channel", "sms"), "There is no such price."),
        (("price", "list", "--account", "9"), "There is no account 9."),
        (("balance", "show", "--account", "9"), "There is no account 9."),
        (("balance", "add", "ten", "--account", "1"), "amount: 'ten' is not an amount"),
        (("balance", "add", "--account", "1", "--", "-1"), "amount: At most 0 ILS can be taken away."),
        (("balance", "limit", "--account", "1", "--", "-1"), "limit: '-1' is not an amount"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    run("account", "create", "A")
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert words in line
