"""What can be asked of contacts."""

from collections.abc import Mapping
from functools import lru_cache

from carillon.audience.field_types import Kind
from carillon.db.filters import Attribute, Value

_FIELD_VALUES = {Kind.NUMBER: Value.NUMBER, Kind.BOOLEAN: Value.BOOLEAN}
_ATTRIBUTES: Mapping[str, Attribute] = {
    "contact_id": Attribute("c.contact_id", Value.WHOLE),
    "external_id": Attribute("c.external_id"),
    "phone": Attribute("c.phone"),
    "email": Attribute("c.email"),
    "phone_digest": Attribute("md5(c.phone)", Value.DIGEST),
    "email_digest": Attribute("md5(c.email)", Value.DIGEST),
    "landline": Attribute("c.landline"),
    "sms_status": Attribute("CASE WHEN c.phone IS NOT NULL THEN least(c.sms_status, 3) END", Value.WHOLE),
    "email_status": Attribute("CASE WHEN c.email IS NOT NULL THEN least(c.email_status, 3) END", Value.WHOLE),
    "created_at": Attribute("date_trunc('milliseconds', c.created_at)", Value.MOMENT),
    "updated_at": Attribute("date_trunc('milliseconds', c.updated_at)", Value.MOMENT),
    "is_archived": Attribute("(c.archived_at IS NOT NULL)", Value.BOOLEAN),
    "groups": Attribute(
        "SELECT FROM membership m WHERE m.account_id = $1 AND m.contact_id = c.contact_id AND m.group_id",
        Value.MEMBER,
    ),
}


def contact_attributes(kinds: Mapping[str, Kind]) -> Mapping[str, Attribute]:
    """Give what can be asked of contacts: their own attributes, and `fields.…` for every field, by its kind.

    Dates are texts of ISO 8601, as they are kept.
    """
    return _attributes(tuple(kinds.items()))


@lru_cache(100)
def _attributes(kinds: tuple[tuple[str, Kind], ...]) -> Mapping[str, Attribute]:
    fields = {
        f"fields.{name}": Attribute(_field_expression(name, kind), _FIELD_VALUES.get(kind, Value.TEXT))
        for name, kind in kinds
    }
    return {**_ATTRIBUTES, **fields}


def _field_expression(name: str, kind: Kind) -> str:
    text = f"(c.fields ->> '{name}')"  # a field's name has nothing but a-z, 0-9 and _
    return f"{text}::{_FIELD_VALUES[kind]}" if kind in _FIELD_VALUES else text
