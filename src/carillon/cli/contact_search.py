"""The conditions of `carillon contact find`."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.contacts.attributes import contact_attributes
from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.field_types import Kind
from carillon.audience.imports.cell_forms import plain_email
from carillon.db.filters import Condition, Op, Value
from carillon.errors import InvalidInputError

_OPS = {
    "!=": Op.NE,
    "^=": Op.BEGINS_WITH,
    ">=": Op.GTE,
    "<=": Op.LTE,
    "=": Op.EQ,
    "~": Op.CONTAINS,
    ">": Op.GT,
    "<": Op.LT,
}
_CONDITION = re.compile(r"\s*(?P<name>[a-z][a-z0-9_]*)\s*(?P<op>!=|\^=|>=|<=|=|~|>|<)(?P<value>.*)", re.DOTALL)
_STATUSES = {"sms_status", "email_status"}
_NO_STATUS = "none"  # without an address there is none
_ADDRESSES = {KeyKind.PHONE.value, KeyKind.EMAIL.value}
_TRUTHS = {"yes": True, "true": True, "no": False, "false": False}
_NOT_ASKED = {"groups"}


def contact_key(given: str, by: str | None = None) -> ContactKey:
    """Read what a person names a contact by: unless `by` says it, an e-mail with an @ in it, else a phone.

    An e-mail may be a link or have a name, as in files.
    """
    email = plain_email(given)
    kind = KeyKind(by) if by else KeyKind.EMAIL if "@" in email else KeyKind.PHONE
    value = email if kind is KeyKind.EMAIL else given
    return ContactKey(kind=kind, value=value, phone_form=PhoneForm.NATIONAL_IF_VALID)


def read_conditions(texts: Sequence[str], kinds: Mapping[str, Kind]) -> tuple[list[Condition], list[ContactKey]]:
    """Read conditions; an address that is to be equal becomes a key, which is read as every API reads it.

    Raises InvalidInputError for `condition`.
    """
    conditions: list[Condition] = []
    keys: list[ContactKey] = []
    for text in texts:
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise InvalidInputError("condition", f"{text!r} is no condition: write city=Haifa, or last_name~Lev.")
        name, op, value = match["name"], _OPS[match["op"]], match["value"].strip()
        if name in _ADDRESSES and op is Op.EQ and value:
            keys.append(contact_key(value, name))
        else:
            conditions.append(_condition(name, op, value, kinds))
    return conditions, keys


def _condition(name: str, op: Op, text: str, kinds: Mapping[str, Kind]) -> Condition:
    attributes = contact_attributes(kinds)
    named = f"fields.{name}" if name in kinds else name
    if named not in attributes or name in _NOT_ASKED:
        raise InvalidInputError("condition", f"Contacts have no {name!r}. Fields of one's own: carillon field list")
    if not text or (name in _STATUSES and text.lower() == _NO_STATUS):
        if op not in (Op.EQ, Op.NE):
            raise InvalidInputError("condition", f"{name} is compared with nothing.")
        return Condition(named, Op.NOT_EXISTS if op is Op.EQ else Op.EXISTS)
    if name == KeyKind.PHONE:  # shown with a plus, and compared as digits
        text = text.removeprefix("+")
    return Condition(named, op, _value(name, attributes[named].value, text))


def _value(name: str, kind: Value, text: str) -> str | int | Decimal | datetime | bool:
    try:
        if name in _STATUSES:
            return int(SubscriptionStatus[text.upper()])
        match kind:
            case Value.WHOLE:
                return int(text)
            case Value.NUMBER:
                return Decimal(text)
            case Value.BOOLEAN:
                return _TRUTHS[text.lower()]
            case Value.MOMENT:
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (KeyError, ValueError, InvalidOperation):
        raise InvalidInputError("condition", f"{text!r} can't be compared with {name}.") from None
    return text
