"""What contacts can be filtered and sorted by."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from carillon.audience.consents import CONSENT_CHANNELS
from carillon.audience.field_types import Kind
from carillon.audience.fields import REPEATED
from carillon.audience.suppressions import Channel
from carillon.db.filters import Attribute, Condition, Op, Value

_FIELD_VALUES = {Kind.NUMBER: Value.NUMBER, Kind.BOOLEAN: Value.BOOLEAN}
_STATUSES = ((Channel.SMS, "c.sms_status"), (Channel.EMAIL, "c.email_status"))
_UNSUBSCRIBED = 3
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
    "created_second": Attribute("date_trunc('second', c.created_at)", Value.MOMENT),
    "updated_second": Attribute("date_trunc('second', c.updated_at)", Value.MOMENT),
    "is_archived": Attribute("(c.archived_at IS NOT NULL)", Value.BOOLEAN),
    "groups": Attribute(
        "SELECT FROM membership m WHERE m.account_id = $1 AND m.contact_id = c.contact_id AND m.group_id",
        Value.MEMBER,
    ),
    "has_device": Attribute(
        "EXISTS (SELECT FROM device d WHERE d.account_id = $1 AND d.audience_id = $2 AND d.contact_id = c.contact_id)",
        Value.BOOLEAN,
    ),
}


def span_of(name: str, since: datetime | None, until: datetime | None) -> list[Condition]:
    """Return the conditions that a moment is in a span, which is half open, in UTC and open-ended where it is None."""
    bounds = ((Op.GTE, since), (Op.LT, until))
    return [Condition(name, op, moment) for op, moment in bounds if moment is not None]


def contact_attributes(kinds: Mapping[str, Kind], purposes: Sequence[str] = ()) -> Mapping[str, Attribute]:
    """Return what contacts can be asked for: their attributes, `fields.…` for every field, and consents.

    `consents.OFFERS.sms` is what was said of the purpose OFFERS on that channel. Dates are texts in ISO 8601, as they
    are kept. `any_phone` and `any_email` are also the addresses that a contact
    repeats; `suppressed_…` tells by channel whether these are, `unsubscribed_…` whether the contact is unsubscribed,
    by a suppression or by its audience; `unsubscribed` is any of them.
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
    names = {name for name, _ in kinds}
    # Only where addresses are repeated: the plain column has an index.
    addresses = {
        key: f"coalesce(c.{key}, c.fields ->> '{field}')" if field in names else f"c.{key}"
        for key, field in REPEATED.items()
    }
    anywhere = {f"any_{key}": Attribute(address) for key, address in addresses.items()}
    suppressions = _suppressions(addresses["phone"], addresses["email"])
    return {**_ATTRIBUTES, **fields, **consents, **anywhere, **suppressions}


def _suppressions(phone: str, email: str) -> Mapping[str, Attribute]:
    suppressed = {
        channel: f"EXISTS (SELECT FROM suppression s WHERE s.account_id = $1 AND s.channel = '{channel}'"
        f" AND s.address = {email if channel is Channel.EMAIL else phone})"
        for channel in Channel
    }
    by_audience = {channel: f"({status} = {_UNSUBSCRIBED} OR {suppressed[channel]})" for channel, status in _STATUSES}
    unsubscribed = {**suppressed, **by_audience}
    return {
        **{f"suppressed_{channel}": Attribute(text, Value.BOOLEAN) for channel, text in suppressed.items()},
        **{f"unsubscribed_{channel}": Attribute(text, Value.BOOLEAN) for channel, text in unsubscribed.items()},
        "unsubscribed": Attribute(f"({' OR '.join(unsubscribed.values())})", Value.BOOLEAN),
    }


def _field_expression(name: str, kind: Kind) -> str:
    text = f"(c.fields ->> '{name}')"  # a field's name has nothing but a-z, 0-9 and _
    return f"{text}::{_FIELD_VALUES[kind]}" if kind in _FIELD_VALUES else text


def _consent_expression(key: str, channel: Channel) -> str:
    # A purpose's key has nothing but letters, digits and _.
    return (
        "(SELECT k.granted FROM consent k WHERE k.account_id = $1 AND k.audience_id = $2"  # noqa: S608 - see above
        f" AND k.contact_id = c.contact_id AND k.purpose = '{key}' AND k.channel = '{channel}')"
    )
