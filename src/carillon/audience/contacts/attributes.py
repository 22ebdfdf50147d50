"""What can be asked of contacts."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from carillon.audience.consents import CONSENT_CHANNELS
from carillon.audience.field_types import Kind
from carillon.audience.suppressions import Channel
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


def contact_attributes(kinds: Mapping[str, Kind], purposes: Sequence[str] = ()) -> Mapping[str, Attribute]:
    """Return what can be asked of contacts: their own attributes, `fields.…` for every field, and consents.

    `consents.OFFERS.sms` is what was said of the purpose OFFERS on that channel. Dates are texts of ISO 8601, as they
    are kept.
    """
    return _attributes(tuple(kinds.items()), tuple(purposes))


@lru_cache(100)
def _attributes(kinds: tuple[tuple[str, Kind], ...], purposes: tuple[str, ...]) -> Mapping[str, Attribute]:
    fields = {
        f"fields.{name}": Attribute(_field_expression(name, kind), _FIELD_VALUES.get(kind, Value.TEXT))
        for name, kind in kinds
    }
    consents = {
        f"consents.{key}.{channel}": Attribute(_consent_expression(key, channel), Value.BOOLEAN)
        for key in purposes
        for channel in CONSENT_CHANNELS
    }
    return {**_ATTRIBUTES, **fields, **consents}


def _field_expression(name: str, kind: Kind) -> str:
    text = f"(c.fields ->> '{name}')"  # a field's name has nothing but a-z, 0-9 and _
    return f"{text}::{_FIELD_VALUES[kind]}" if kind in _FIELD_VALUES else text


def _consent_expression(key: str, channel: Channel) -> str:
    # A purpose's key has nothing but letters, digits and _.
    return (
        "(SELECT k.granted FROM consent k WHERE k.account_id = $1 AND k.audience_id = $2"  # noqa: S608 - see above
        f" AND k.contact_id = c.contact_id AND k.purpose = '{key}' AND k.channel = '{channel}')"
    )
