"""Conditions against a plain reading of them in Python, on a real table, and what can't be asked."""

import operator
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.support import MOMENT, Tenant

from carillon.audience.suppression_queries import (
    SUPPRESSION_ATTRIBUTES,
    PageSuppressions,
    Suppression,
    page_suppressions,
)
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.db.database import Database
from carillon.db.filters import (
    MAX_CONDITIONS,
    Attribute,
    Condition,
    Op,
    Order,
    Value,
    compile_conditions,
    compile_order,
)
from carillon.errors import InvalidInputError
from carillon.kit.clock import FixedClock
from carillon.kit.page import NumberedPage

WORDS = [
    "other",
    "Other",
    "asked",
    "as",
    "שלום",
    "שלוח",
    "o'; DROP TABLE contact; --",
    "\ud7ff",
    "\U0010ffff",
    "%",
    "a_b",
]
TEXT_OPS = [op for op in Op if op not in {Op.EXISTS, Op.NOT_EXISTS}]
ALL = NumberedPage(size=1000)
CHANNELS = (Channel.SMS, Channel.EMAIL)

conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["reason", "description", "actor", "address"]),
        st.sampled_from(TEXT_OPS),
        st.one_of(st.sampled_from([*WORDS, "9725", "97254111000"]), st.text("ao\u05e9\ud7ff\U0010ffff", max_size=2)),
    ),
    st.builds(Condition, st.sampled_from(["reason", "description"]), st.sampled_from([Op.EXISTS, Op.NOT_EXISTS])),
    st.builds(
        Condition,
        st.just("created_at"),
        st.sampled_from([Op.EQ, Op.NE, Op.GT, Op.GTE, Op.LT, Op.LTE]),
        st.integers(0, 12).map(lambda minutes: MOMENT + timedelta(minutes=minutes)),
    ),
)


PLAINLY: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
    Op.BEGINS_WITH: lambda held, wanted: bool(held.startswith(wanted)),
    Op.CONTAINS: operator.contains,
}


def holds(condition: Condition, item: Suppression) -> bool:
    """What a condition means, read plainly."""
    held: Any = getattr(item, condition.name)
    if condition.op is Op.EXISTS or condition.op is Op.NOT_EXISTS:
        return (held is not None) == (condition.op is Op.EXISTS)
    if held is None:
        return condition.op is Op.NE
    wanted: Any = condition.value
    if isinstance(held, str):
        held, wanted = held.encode("utf-8", "surrogatepass"), str(wanted).encode("utf-8", "surrogatepass")
    return PLAINLY[condition.op](held, wanted)


@pytest.fixture
async def items(db: Database, account: Tenant, clock: FixedClock) -> list[Suppression]:
    for number, word in enumerate(WORDS):
        clock.moment = MOMENT + timedelta(minutes=number)
        address = Address(channel=Channel.SMS, value=f"05411100{number:02d}")
        if number % 3 == 0:
            address = Address(channel=Channel.EMAIL, value=f"ana{number}@mail.example")
        description = WORDS[-number] if number % 2 else None
        command = Suppress(addresses=[address], reason=word, actor_name=f"clerk {number % 2}", description=description)
        await db.run(suppress, account.actor, command)
    return list(await found(db, account))


async def found(db: Database, tenant: Tenant, **asked: Any) -> list[Suppression]:
    query = PageSuppressions(channels=CHANNELS, **{"page": ALL, **asked})
    page = await db.read(page_suppressions, tenant.actor, query)
    assert page.total >= len(page.items)
    return list(page.items)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(conditions, max_size=3))
@example([Condition("reason", Op.BEGINS_WITH, "\ud7ff")])
@example([Condition("reason", Op.BEGINS_WITH, "\U0010ffff")])
@example([Condition("reason", Op.BEGINS_WITH, "")])
async def test_conditions_mean_what_a_plain_reading_says(
    db: Database, account: Tenant, items: list[Suppression], asked: list[Condition]
) -> None:
    wanted = [item for item in items if all(holds(one, item) for one in asked)]
    assert await found(db, account, conditions=asked) == wanted


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", ["address", "created_at", "suppression_id"])
async def test_items_are_sorted_by_any_attribute(
    db: Database, account: Tenant, items: list[Suppression], name: str, *, descending: bool
) -> None:
    wanted = sorted(items, key=lambda item: getattr(item, name), reverse=descending)
    assert await found(db, account, order=Order(name, descending)) == wanted


async def test_pages_follow_each_other(db: Database, account: Tenant, items: list[Suppression]) -> None:
    order = Order("actor")
    pages = [await found(db, account, order=order, page=NumberedPage(number=n, size=4)) for n in range(1, 5)]
    assert [len(page) for page in pages] == [4, 4, 3, 0]
    assert sorted(item.suppression_id for page in pages for item in page) == [item.suppression_id for item in items]


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        (Condition("reason; DROP TABLE contact", Op.EQ, "x"), "conditions[0].name"),
        (Condition("", Op.EQ, "x"), "conditions[0].name"),
        (Condition("reason", Op.EQ, 7), "conditions[0].value"),
        (Condition("reason", Op.EQ, None), "conditions[0].value"),
        (Condition("reason", Op.EQ, "a\0b"), "conditions[0].value"),
        (Condition("reason", Op.EQ, "x" * 4001), "conditions[0].value"),
        (Condition("suppression_id", Op.GT, "7"), "conditions[0].value"),
        (Condition("suppression_id", Op.GT, value=True), "conditions[0].value"),
        (Condition("suppression_id", Op.LT, Decimal("1e999999")), "conditions[0].value"),
        (Condition("suppression_id", Op.LT, Decimal("1e-999999")), "conditions[0].value"),
        (Condition("suppression_id", Op.BEGINS_WITH, 7), "conditions[0].op"),
        (Condition("created_at", Op.CONTAINS, MOMENT), "conditions[0].op"),
    ],
)
def test_what_cannot_be_asked_is_named(condition: Condition, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        compile_conditions(SUPPRESSION_ATTRIBUTES, [condition], given=0)
    assert refused.value.field == field


def test_too_many_conditions_and_unknown_orders_are_refused() -> None:
    many = [Condition("reason", Op.EXISTS)] * (MAX_CONDITIONS + 1)
    with pytest.raises(InvalidInputError, match="at most"):
        compile_conditions(SUPPRESSION_ATTRIBUTES, many, given=0)
    with pytest.raises(InvalidInputError, match="sort by"):
        compile_order(SUPPRESSION_ATTRIBUTES, Order("secret_hash"), "s.suppression_id")


def test_a_callers_words_are_never_in_the_statement() -> None:
    attributes = {"name": Attribute("c.name"), "size": Attribute("c.size", Value.NUMBER)}
    asked = [Condition("name", op, "x'; DROP TABLE contact; --") for op in TEXT_OPS] + [Condition("size", Op.GT, 3)]
    compiled = compile_conditions(attributes, asked, given=4)
    assert "DROP" not in compiled.where
    assert f"${4 + len(compiled.arguments)}::numeric" in compiled.where


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (Op.EQ, "EXISTS (SELECT FROM m WHERE m.g = $3::bigint)"),
        (Op.NE, "NOT EXISTS (SELECT FROM m WHERE m.g = $3::bigint)"),
        (Op.EXISTS, "EXISTS (SELECT FROM m WHERE m.g IS NOT NULL)"),
        (Op.NOT_EXISTS, "NOT EXISTS (SELECT FROM m WHERE m.g IS NOT NULL)"),
    ],
)
def test_what_a_thing_belongs_to_is_asked_by_its_id(op: Op, expected: str) -> None:
    attributes = {"groups": Attribute("SELECT FROM m WHERE m.g", Value.MEMBER)}
    value = 7 if op in {Op.EQ, Op.NE} else None
    compiled = compile_conditions(attributes, [Condition("groups", op, value)], given=2)
    assert (compiled.where, list(compiled.arguments)) == (f"AND {expected}", [7] if value else [])


@pytest.mark.parametrize("condition", [Condition("groups", Op.GT, 7), Condition("groups", Op.EQ, "seven")])
def test_what_a_thing_belongs_to_is_not_compared_otherwise(condition: Condition) -> None:
    attributes = {"groups": Attribute("SELECT FROM m WHERE m.g", Value.MEMBER)}
    with pytest.raises(InvalidInputError, match="asked so"):
        compile_conditions(attributes, [condition], given=0)
    with pytest.raises(InvalidInputError, match="sort by"):
        compile_order(attributes, Order("groups"), "m.g")
