"""Reserve, capture and release: balances that equal the journal, and nobody who is half charged."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import OPERATOR, Tenant

from carillon.billing.balances import (
    AddCredit,
    Balance,
    JournalEntry,
    ListJournal,
    SetCreditLimit,
    add_credit,
    get_balance,
    list_journal,
    set_credit_limit,
)
from carillon.billing.ledger import (
    Reservation,
    Settlement,
    available_for,
    reserve,
    settle,
)
from carillon.billing.money import MAX_AMOUNT
from carillon.billing.reconciliation import Difference, check_balances
from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account

A, B, C = (uuid4() for _ in range(3))


async def credit(db: Database, tenant: Tenant, amount: int) -> Balance:
    return await db.run(add_credit, tenant.actor, AddCredit(amount=amount))


async def balance_of(db: Database, tenant: Tenant) -> tuple[int, int, int]:
    found = await db.read(get_balance, tenant.actor)
    return found.available, found.reserved, found.credit_limit


async def journal_of(db: Database, tenant: Tenant) -> list[tuple[str, str, str, int, UUID | None]]:
    """The journal, oldest first."""
    entries: list[JournalEntry] = await db.read(list_journal, tenant.actor, ListJournal(limit=10_000))
    return [(one.kind, one.credit, one.debit, one.amount, one.sending_id) for one in reversed(entries)]


async def differences(db: Database, tenant: Tenant) -> list[Difference]:
    return await db.run(check_balances, tenant.account_id)


async def keep(db: Database, tenant: Tenant, *reservations: tuple[UUID, int]) -> list[bool]:
    given = [Reservation(sending_id=sending_id, amount=amount) for sending_id, amount in reservations]
    return await db.run(reserve, tenant.account_id, given)


async def make_sending(db: Database, tenant: Tenant, sending_id: UUID, *, reserved: int, captured: int = 0) -> None:
    """A sending as far as money sees it."""

    async def write(tx: Tx) -> None:
        await tx.execute(
            "INSERT INTO sending (shard_key, sending_id, state, dialect, channel, traffic_class, sender, text, "
            "options, validity, expires_at, created_at, recipients, reserved, captured) "
            "VALUES ($1, $2, 'active', '', 'sms', 3, 'Shop', '', '{}', '1 day', $3, $3, 1, $4, $5)",
            tenant.account_id,
            sending_id,
            tx.now,
            reserved,
            captured,
        )

    await db.run(write)


async def test_what_is_free_touches_neither_balance_nor_journal(db: Database, account: Tenant) -> None:
    assert await keep(db, account, (A, 0), (B, 0)) == [True, True]
    assert await keep(db, account) == []
    await db.run(settle, account.account_id, [Settlement(sending_id=A)])
    assert await db.run(available_for, account.account_id) == 0
    assert await balance_of(db, account) == (0, 0, 0)
    assert await journal_of(db, account) == []


async def test_without_credit_only_what_is_free_is_reserved(db: Database, account: Tenant) -> None:
    assert await keep(db, account, (A, 1), (B, 0)) == [False, True]
    assert await journal_of(db, account) == []


async def test_a_reservation_moves_from_available_with_one_journal_row_for_each_sending(
    db: Database, account: Tenant
) -> None:
    await credit(db, account, 100)
    assert await keep(db, account, (A, 30), (B, 0), (C, 70)) == [True, True, True]
    assert await balance_of(db, account) == (0, 100, 0)
    assert await journal_of(db, account) == [
        ("credit", "outside", "available", 100, None),
        ("reserve", "available", "reserved", 30, A),
        ("reserve", "available", "reserved", 70, C),
    ]


async def test_sendings_are_reserved_in_order_each_all_or_nothing(db: Database, account: Tenant) -> None:
    await credit(db, account, 100)
    assert await keep(db, account, (A, 60), (B, 50), (C, 40)) == [True, False, True]
    assert await balance_of(db, account) == (0, 100, 0)


async def test_the_credit_limit_is_as_far_as_a_balance_goes_below_zero(db: Database, account: Tenant) -> None:
    await db.run(set_credit_limit, account.actor, SetCreditLimit(limit=50))
    await credit(db, account, 10)
    assert await db.run(available_for, account.account_id) == 60
    assert await keep(db, account, (A, 61)) == [False]
    assert await keep(db, account, (A, 60)) == [True]
    assert await balance_of(db, account) == (-50, 60, 50)


async def test_an_amount_beyond_all_limits_does_not_fit(db: Database, account: Tenant) -> None:
    await credit(db, account, MAX_AMOUNT)
    await db.run(set_credit_limit, account.actor, SetCreditLimit(limit=MAX_AMOUNT))
    assert await keep(db, account, (A, 2**70), (B, MAX_AMOUNT), (C, MAX_AMOUNT)) == [False, True, True]
    assert await balance_of(db, account) == (-MAX_AMOUNT, 2 * MAX_AMOUNT, MAX_AMOUNT)


async def serve(db: Database, tenant: Tenant, requests: Sequence[tuple[UUID, list[int]]]) -> list[list[bool]]:
    """Accept requests together: recipients who cost too much for what is left are not paid for."""
    async with db.transaction(tenant.actor) as tx:
        left = await available_for(tx, tenant.account_id)
        paid: list[list[bool]] = []
        for _, costs in requests:
            paid.append([])
            for cost in costs:
                paid[-1].append(cost == 0 or cost <= left)
                left -= cost if paid[-1][-1] else 0
        wanted = [
            Reservation(
                sending_id=sending_id, amount=sum(cost for cost, is_paid in zip(costs, each, strict=True) if is_paid)
            )
            for (sending_id, costs), each in zip(requests, paid, strict=True)
        ]
        assert await reserve(tx, tenant.account_id, wanted) == [True] * len(wanted)
    return paid


async def test_many_requests_are_accepted_together_and_nobody_is_half_charged(db: Database, account: Tenant) -> None:
    await credit(db, account, 100)
    requests = [(A, [40, 40]), (B, [15, 15, 0, 5]), (C, [1]), (uuid4(), [])]
    assert await serve(db, account, requests) == [[True, True], [True, False, True, True], [False], []]
    assert await balance_of(db, account) == (0, 100, 0)
    assert [(amount, one) for kind, *_, amount, one in await journal_of(db, account) if kind == "reserve"] == [
        (80, A),
        (20, B),
    ]


async def test_a_capture_goes_to_revenue_and_vat_and_a_release_back_to_what_is_available(
    db: Database, account: Tenant
) -> None:
    await credit(db, account, 100)
    await keep(db, account, (A, 60), (B, 30))
    settlements = [
        Settlement(sending_id=A, captured=40, captured_vat=8, released=12),
        Settlement(sending_id=C),
        Settlement(sending_id=B, captured=10),
    ]
    await db.run(settle, account.account_id, settlements)
    assert await balance_of(db, account) == (22, 20, 0)
    assert (await journal_of(db, account))[3:] == [
        ("capture", "reserved", "revenue", 40, A),
        ("capture", "reserved", "vat", 8, A),
        ("release", "reserved", "available", 12, A),
        ("capture", "reserved", "revenue", 10, B),
    ]


async def test_more_than_was_reserved_is_never_settled(db: Database, account: Tenant) -> None:
    with pytest.raises(LookupError):
        await db.run(settle, account.account_id, [Settlement(sending_id=A, captured=1)])
    await credit(db, account, 100)
    await keep(db, account, (A, 60))
    with pytest.raises(asyncpg.CheckViolationError):
        await db.run(settle, account.account_id, [Settlement(sending_id=A, captured=50, released=11)])
    assert await balance_of(db, account) == (40, 60, 0)


def test_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="less than nothing"):
        Reservation(sending_id=A, amount=-1)
    with pytest.raises(ValueError, match="less than nothing"):
        Settlement(sending_id=A, captured=5, released=-1)


async def test_of_twenty_at_once_exactly_those_reserve_that_the_credit_is_enough_for(
    db: Database, account: Tenant
) -> None:
    await credit(db, account, 70)
    outcomes = await asyncio.gather(*(keep(db, account, (uuid4(), 10)) for _ in range(20)))
    assert sorted(outcomes) == [[False]] * 13 + [[True]] * 7
    assert await balance_of(db, account) == (0, 70, 0)


async def test_of_twenty_requests_at_once_exactly_as_many_recipients_are_paid_for_as_the_credit_is_enough_for(
    db: Database, account: Tenant
) -> None:
    await credit(db, account, 75)

    outcomes = await asyncio.gather(*(serve(db, account, [(uuid4(), [3, 3, 3])]) for _ in range(20)))
    assert sum(sum(paid) for (paid,) in outcomes) == 25
    assert await balance_of(db, account) == (0, 75, 0)


async def test_the_books_balance_while_everything_goes_on_at_once(db: Database, account: Tenant) -> None:
    await credit(db, account, 500)

    async def life(sending_id: UUID) -> None:
        (is_reserved,) = await keep(db, account, (sending_id, 30))
        if is_reserved:
            await db.run(settle, account.account_id, [Settlement(sending_id=sending_id, captured=20, released=5)])
            await db.run(settle, account.account_id, [Settlement(sending_id=sending_id, captured_vat=5)])

    await asyncio.gather(*(life(uuid4()) for _ in range(30)), *(credit(db, account, 1) for _ in range(10)))
    available, reserved, _ = await balance_of(db, account)
    captured = sum(amount for kind, *_, amount, _ in await journal_of(db, account) if kind == "capture")
    assert (available + captured, reserved) == (510, 0)
    assert await differences(db, account) == []


# The plain model ------------------------------------------------------------------------------------------------------


@dataclass
class Model:
    """What the books should be: a plain account, one sending after the other."""

    available: int = 0
    limit: int = 0
    open: dict[UUID, int] = field(default_factory=dict)

    @property
    def reserved(self) -> int:
        return sum(self.open.values())

    def add(self, amount: int) -> bool:
        fits = amount != 0 and (amount > 0 or self.available + amount >= -self.limit)
        self.available += amount if fits else 0
        return fits

    def set_limit(self, limit: int) -> bool:
        fits = self.available >= -limit
        self.limit = limit if fits else self.limit
        return fits

    def reserve(self, sending_id: UUID, amount: int) -> bool:
        fits = amount == 0 or amount <= self.available + self.limit
        if fits:
            self.available -= amount
            self.open[sending_id] = self.open.get(sending_id, 0) + amount
        return fits

    def settle(self, one: Settlement) -> None:
        self.open[one.sending_id] -= one.captured + one.captured_vat + one.released
        self.available += one.released


SENDINGS = [UUID(int=number) for number in range(1, 5)]
AMOUNTS = st.integers(0, 60)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(-50, 150)),
        st.tuples(st.just("limit"), AMOUNTS),
        st.tuples(st.just("reserve"), st.lists(st.tuples(st.sampled_from(SENDINGS), AMOUNTS), max_size=4)),
        st.tuples(
            st.just("requests"),
            st.lists(st.tuples(st.sampled_from(SENDINGS), st.lists(AMOUNTS, max_size=3)), max_size=3),
        ),
        # How much of what a sending has open is captured, is VAT, is released: of a hundred.
        st.tuples(
            st.just("settle"),
            st.lists(
                st.tuples(st.sampled_from(SENDINGS), st.integers(0, 40), st.integers(0, 20), st.integers(0, 40)),
                max_size=4,
            ),
        ),
    ),
    max_size=25,
)


async def was_done(work: Awaitable[Balance]) -> bool:
    try:
        await work
    except InvalidInputError:
        return False
    return True


async def play(db: Database, tenant: Tenant, model: Model, action: str, given: Any) -> None:
    if action == "add":
        assert await was_done(credit(db, tenant, given)) == model.add(given)
    elif action == "limit":
        command = SetCreditLimit(limit=given)
        assert await was_done(db.run(set_credit_limit, tenant.actor, command)) == model.set_limit(given)
    elif action == "reserve":
        assert await keep(db, tenant, *given) == [model.reserve(*one) for one in given]
    elif action == "requests":
        expected = [[model.reserve(sending_id, cost) for cost in costs] for sending_id, costs in given]
        assert await serve(db, tenant, given) == expected
    else:
        settlements = shares(model, given)
        await db.run(settle, tenant.account_id, settlements)
        for one in settlements:
            model.settle(one)


def shares(model: Model, given: list[tuple[UUID, int, int, int]]) -> list[Settlement]:
    left = dict(model.open)
    settlements = []
    for sending_id, *percents in given:
        open_now = left.get(sending_id, 0)
        captured, vat, released = (open_now * percent // 100 for percent in percents)
        if sending_id in left:
            left[sending_id] -= captured + vat + released
            settlements.append(
                Settlement(sending_id=sending_id, captured=captured, captured_vat=vat, released=released)
            )
    return settlements


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_whatever_happens_in_whatever_order_the_books_are_those_of_a_plain_model(
    own_dsn: str, steps: list[tuple[str, object]]
) -> None:
    asyncio.run(play_all(own_dsn, steps))


async def play_all(dsn: str, steps: list[tuple[str, object]]) -> None:
    db = await Database.connect(dsn, size=2)
    try:
        made = await db.run(create_account, OPERATOR, CreateAccount(name="A", country="GR"))
        actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
        tenant = Tenant(account_id=made.account.account_id, audience_id=made.audience_id, actor=actor)
        model = Model()
        for action, given_value in steps:
            await play(db, tenant, model, action, given_value)
            assert await balance_of(db, tenant) == (model.available, model.reserved, model.limit)
            assert model.available >= -model.limit
        for sending_id in SENDINGS:
            open_now = model.open.get(sending_id, 0)
            found = await journal_of(db, tenant)
            captured = sum(amount for kind, *_, amount, one in found if kind == "capture" and one == sending_id)
            await make_sending(db, tenant, sending_id, reserved=open_now, captured=captured)
        assert await differences(db, tenant) == []
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM sending WHERE shard_key = $1", tenant.account_id)
    finally:
        await db.close()


# The check ------------------------------------------------------------------------------------------------------------


async def falsify(db: Database, statement: str) -> None:
    async with db.transaction() as tx:
        await tx.execute(statement)


async def test_books_that_were_never_used_balance(db: Database, account: Tenant) -> None:
    assert await differences(db, account) == []


async def test_a_balance_that_differs_from_the_journal_is_found(db: Database, account: Tenant) -> None:
    await credit(db, account, 100)
    await keep(db, account, (A, 60))
    await make_sending(db, account, A, reserved=60)
    assert await differences(db, account) == []
    await falsify(db, "UPDATE balance SET available = 41, reserved = 59")
    assert await differences(db, account) == [
        Difference(subject="balance.available", recorded=41, expected=40),
        Difference(subject="balance.reserved", recorded=59, expected=60),
    ]
    await falsify(db, "DELETE FROM balance")
    assert [(one.subject, one.recorded) for one in await differences(db, account)] == [
        ("balance.available", 0),
        ("balance.reserved", 0),
    ]


async def test_a_balance_below_its_credit_limit_is_found(db: Database, account: Tenant) -> None:
    await db.run(set_credit_limit, account.actor, SetCreditLimit(limit=50))
    await keep(db, account, (A, 50))
    await make_sending(db, account, A, reserved=50)
    await falsify(db, "UPDATE balance SET credit_limit = 10")
    assert await differences(db, account) == [Difference(subject="balance.available", recorded=-50, expected=-10)]


async def test_a_sending_whose_sums_differ_from_the_journal_is_found(db: Database, account: Tenant) -> None:
    await credit(db, account, 100)
    await keep(db, account, (A, 60), (B, 20))
    await db.run(settle, account.account_id, [Settlement(sending_id=A, captured=10, captured_vat=2)])
    await make_sending(db, account, A, reserved=48, captured=10)
    await make_sending(db, account, C, reserved=1)
    found = await differences(db, account)
    assert sorted(found, key=lambda one: one.expected) == [
        Difference(subject="sending.reserved", recorded=1, expected=0, sending_id=C),
        Difference(subject="sending.captured", recorded=10, expected=12, sending_id=A),
        Difference(subject="sending.reserved", recorded=0, expected=20, sending_id=B),
    ]


async def test_a_sending_that_was_dropped_by_its_age_is_no_difference_when_it_is_settled(
    db: Database, account: Tenant
) -> None:
    await credit(db, account, 100)
    await keep(db, account, (A, 60))
    await db.run(settle, account.account_id, [Settlement(sending_id=A, captured=50, released=10)])
    assert await differences(db, account) == []
