"""Conditions on attributes, compiled to SQL: what callers say stays in bound parameters, what is in the text is ours.

One compiler for all: a list of block entries, of subscribers, a segment. The caller declares the attributes that can
be asked for; a name that isn't among them, or a value of another kind, is the caller's mistake.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from carillon.errors import InvalidInputError

MAX_CONDITIONS = 50
MAX_VALUE_CHARACTERS = 4_000


class Op(StrEnum):
    """How an attribute is compared with a value."""

    EQ = "eq"
    NE = "ne"
    BEGINS_WITH = "begins_with"
    CONTAINS = "contains"
    GTE = "gte"
    GT = "gt"
    LTE = "lte"
    LT = "lt"
    EXISTS = "exists"
    NOT_EXISTS = "not_exists"


class Value(StrEnum):
    """What an attribute holds, by PostgreSQL's type names."""

    TEXT = "text"
    NUMBER = "numeric"
    MOMENT = "timestamptz"
    BOOLEAN = "boolean"
    WHOLE = "bigint"
    """A whole number that its column holds as one, so that the column's index serves."""

    DIGEST = "uuid"
    """An MD5 in hexadecimal, a text but for EQ, where it is compared as a uuid, which is indexed."""

    MEMBER = "member"
    """One of the things that a thing belongs to: only EQ, NE, EXISTS and NOT_EXISTS can be asked."""


_PYTHON: Mapping[Value, tuple[type, ...]] = {
    Value.TEXT: (str,),
    Value.NUMBER: (int, Decimal),
    Value.MOMENT: (datetime,),
    Value.BOOLEAN: (bool,),
    Value.WHOLE: (int,),
    Value.DIGEST: (str,),
    Value.MEMBER: (int,),
}
_DIGEST = re.compile("[0-9a-f]{32}")
_MOST = 2**63 - 1
_WITHOUT_VALUE = {Op.EXISTS: "IS NOT NULL", Op.NOT_EXISTS: "IS NULL"}
_COMPARED = {Op.EQ: "=", Op.NE: "IS DISTINCT FROM", Op.GTE: ">=", Op.GT: ">", Op.LTE: "<=", Op.LT: "<"}
_OF_TEXTS = {Op.BEGINS_WITH, Op.CONTAINS}


@dataclass(frozen=True, slots=True)
class Attribute:
    """What can be asked for: a column or an expression (of ours, never a caller's), and what it holds.

    Texts are compared byte by byte, as the columns with an index of their own are. The expression of a MEMBER is a
    query's text up to the column that the value is compared with.
    """

    expression: str
    value: Value = Value.TEXT


@dataclass(frozen=True, slots=True)
class Condition:
    """An attribute by its name, compared with a value, which EXISTS and NOT_EXISTS don't need."""

    name: str
    op: Op
    value: str | int | Decimal | datetime | bool | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """The attribute that items are sorted by."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """Text to put into a statement: `where` begins with AND, or is empty; `arguments` follow the statement's own."""

    where: str
    arguments: Sequence[object]

    def into(self, statement: str, order: str) -> str:
        """Put the text in the places that the statement has for it."""
        return statement.replace("/* where */", self.where).replace("/* order */", f"{order},")


def compile_conditions(attributes: Mapping[str, Attribute], conditions: Sequence[Condition], *, given: int) -> Compiled:
    """Compile conditions, all of which must hold; the statement has `given` parameters of its own.

    Raises InvalidInputError with the place of what can't be asked: `conditions[0].name`, `.op` or `.value`.
    """
    if len(conditions) > MAX_CONDITIONS:
        raise InvalidInputError("conditions", f"There can be at most {MAX_CONDITIONS} conditions.")
    parts: list[str] = []
    arguments: list[object] = []
    for place, condition in enumerate(conditions):
        where = f"conditions[{place}]"
        attribute = attributes.get(condition.name)
        if attribute is None:
            raise InvalidInputError(f"{where}.name", f"There is no field {condition.name[:200]!r} to ask for.")
        text, values = _compiled(attribute, condition, where, given + len(arguments))
        parts.append(f"AND {text}")
        arguments += values
    return Compiled("\n  ".join(parts), arguments)


def _compiled(attribute: Attribute, condition: Condition, where: str, given: int) -> tuple[str, list[object]]:
    if attribute.value is Value.MEMBER:
        return _compiled_member(attribute, condition, where, given)
    if condition.op in _WITHOUT_VALUE:
        return f"{attribute.expression} {_WITHOUT_VALUE[condition.op]}", []
    kind, value = attribute.value, _checked(attribute, condition, where)
    if kind is Value.DIGEST:
        if condition.op is Op.EQ:
            return f"({attribute.expression}::uuid) = ${given + 1}::uuid", [_digest(str(value))]
        kind = Value.TEXT
    side = f'{attribute.expression} COLLATE "C"' if kind is Value.TEXT else attribute.expression
    if condition.op in _COMPARED:
        return f"{side} {_COMPARED[condition.op]} ${given + 1}::{kind}", [value]
    if kind is not Value.TEXT or not isinstance(value, str):
        raise InvalidInputError(f"{where}.op", "This field is no text, and only texts are asked so.")
    if condition.op is Op.CONTAINS:
        return f"strpos({attribute.expression}, ${given + 1}::text) > 0", [value]
    return _begins(side, value, given)


def _checked(attribute: Attribute, condition: Condition, where: str) -> object:
    """Check that a value can be compared with an attribute of this kind. Raises InvalidInputError."""
    kind, value = attribute.value, condition.value
    if not isinstance(value, _PYTHON[kind]) or (kind is not Value.BOOLEAN and isinstance(value, bool)):
        raise InvalidInputError(f"{where}.value", "This field isn't compared with such a value.")
    if isinstance(value, str) and (len(value) > MAX_VALUE_CHARACTERS or "\0" in value):
        raise InvalidInputError(f"{where}.value", f"A value has at most {MAX_VALUE_CHARACTERS} characters.")
    if isinstance(value, int | Decimal) and not _is_storable(Decimal(value)):
        raise InvalidInputError(f"{where}.value", f"A number has at most {MAX_VALUE_CHARACTERS} digits.")
    return _bounded(value) if kind is Value.WHOLE and isinstance(value, int) else value


def _bounded(value: int) -> int:
    """Clamp a number to what a bigint can be; comparisons with all numbers in use stay the same."""
    return max(-_MOST, min(value, _MOST))


def _digest(text: str) -> UUID | None:
    """Read a digest; None for what can't be one, which equals nothing."""
    return UUID(text) if _DIGEST.fullmatch(text) else None


def _is_storable(number: Decimal) -> bool:
    """Whether PostgreSQL takes a number: one of few characters, 1e999999, has more digits than it can."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MAX_VALUE_CHARACTERS and number.adjusted() < MAX_VALUE_CHARACTERS


def _compiled_member(attribute: Attribute, condition: Condition, where: str, given: int) -> tuple[str, list[object]]:
    negated = "NOT " if condition.op in {Op.NE, Op.NOT_EXISTS} else ""
    match condition.op:
        case Op.EXISTS | Op.NOT_EXISTS:
            return f"{negated}EXISTS ({attribute.expression} IS NOT NULL)", []
        case Op.EQ | Op.NE if isinstance(condition.value, int) and not isinstance(condition.value, bool):
            return f"{negated}EXISTS ({attribute.expression} = ${given + 1}::bigint)", [_bounded(condition.value)]
    raise InvalidInputError(f"{where}.op", "This field isn't asked so.")


def _begins(side: str, prefix: str, given: int) -> tuple[str, list[object]]:
    """Say it as a range, which an index serves for a prefix that is only known when the statement runs."""
    after = _after(prefix)
    if after is None:
        return f"{side} >= ${given + 1}::text", [prefix]
    return f"{side} >= ${given + 1}::text AND {side} < ${given + 2}::text", [prefix, after]


def _after(prefix: str) -> str | None:
    """Return the least text above all that begin with a prefix; None when there is none."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    # Surrogates are no characters of a text.
    return kept[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)  # noqa: PLR2004 - their range


def compile_order(attributes: Mapping[str, Attribute], order: Order | None, tie: str) -> str:
    """Compile an order; items that are alike in it come in that of `tie`, an expression of ours.

    Raises InvalidInputError for `sort`.
    """
    if order is None:
        return tie
    attribute = attributes.get(order.name)
    if attribute is None or attribute.value is Value.MEMBER:
        raise InvalidInputError("sort", f"There is no field {order.name[:200]!r} to sort by.")
    side = f'{attribute.expression} COLLATE "C"' if attribute.value is Value.TEXT else attribute.expression
    way = "DESC" if order.descending else "ASC"
    if attribute.expression == tie:  # which is never null; said so, its index would not give the order
        return f"{tie} {way}"
    return f"{side} {way} NULLS LAST, {tie} {way}"
