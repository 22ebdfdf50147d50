"""Subscribers between Apifon's values and ours: what is asked, and what is shown. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from carillon.audience.consents import ConsentChange
from carillon.audience.contacts.contact import Contact, SubscriptionStatus
from carillon.audience.contacts.row_changes import RowChange
from carillon.audience.group_sets import Selection
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.rows import ContactRow
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.mapping import chosen, epoch_milliseconds, etag_of, show_id
from carillon.dialects.apifon.mapping_lists import CHANNELS
from carillon.dialects.apifon.mapping_structure import (
    Group,
    Option,
    SubscriberField,
    SubscriberList,
    is_unique_identifier,
    other_group_id,
    other_option,
)
from carillon.dialects.apifon.mapping_values import read_value, show_value
from carillon.dialects.reading import read_flag, read_text
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.ids import GroupId

_NO_FIELD = "The list has no such field."
_DIGEST_DIGITS = 32

STATUSES: Mapping[str, SubscriptionStatus] = {
    "SUBSCRIBED": SubscriptionStatus.SUBSCRIBED,
    "UNSUBSCRIBED": SubscriptionStatus.UNSUBSCRIBED,
    "UNCONFIRMED": SubscriptionStatus.UNCONFIRMED,
}
_STATUS_NAMES = {status: name for name, status in STATUSES.items()}


class Wanted(msgspec.Struct, frozen=True):
    """What is asked of a subscriber."""

    row: ContactRow
    change: RowChange


@dataclass(frozen=True, slots=True)
class FieldMap:
    """What subscribers of a list are read by, looked up once for all of a call."""

    country: str
    double_opt_in: frozenset[Channel]
    fields: Mapping[str, SubscriberField]
    purposes: frozenset[str]
    options: Mapping[str, tuple[Group, Option]]

    def place_of(self, ours: str) -> str | None:
        """Tell where the value of one of our fields was given."""
        return next((_place(one.field) for one in self.fields.values() if one.ours == ours), None)


def field_map_of(opened: SubscriberList) -> FieldMap:
    """Make a list's field map."""
    described = opened.described
    return FieldMap(
        country=opened.actor.country,
        double_opt_in=described.audience.double_opt_in,
        fields=opened.fields,
        purposes=frozenset(one.key for one in described.purposes),
        options=opened.options,
    )


def _place(name: str) -> str:
    return f"subscriber_fields.{name[:100]}"


def read_digest(text: str) -> UUID:
    """Read the MD5 that names a subscriber. Raises NotFoundError: what is none names no subscriber."""
    try:
        if len(text) == _DIGEST_DIGITS:
            return UUID(hex=text)
    except ValueError:
        pass
    raise NotFoundError("subscriber")


def digest_of(address: str) -> str:
    """Return the MD5 that names the subscriber with an address."""
    return hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()


def read_subscriber(
    asked: schemas.Subscriber, field_map: FieldMap, known: Contact | None = None, *, skip_removed: bool = False
) -> Wanted:
    """Read what is asked of a subscriber, which may be `known`.

    With `skip_removed` a subgroup that the list doesn't have any more is passed over. Raises InvalidInputError with the
    place of what can't be used.
    """
    texts: dict[str, str] = {}
    for name, given in (asked.subscriber_fields or {}).items():
        field = field_map.fields.get(name)
        if field is None:
            raise InvalidInputError(_place(name), _NO_FIELD)
        if known is None or given != show_value(field.type, known.fields.get(field.ours)):  # else it was shown so
            texts[field.ours] = read_value(field, given, field_map.country, _place(name))
    groups = None
    if asked.group_options is not None:
        groups = _options(asked.group_options, field_map, known, skip_removed=skip_removed)
    change = RowChange(
        sms=_status(asked.status, field_map, "mobile", "status", known.sms_status if known else None),
        email=_status(asked.email_status, field_map, "email", "email_status", known.email_status if known else None),
        groups=groups,
        consents=_consents(asked.gdpr_fields, field_map) if asked.gdpr_fields else (),
    )
    return Wanted(ContactRow(phone=asked.destination, email=asked.email, fields=texts), change)


def _consents(given: Mapping[str, Any], field_map: FieldMap) -> list[ConsentChange]:
    changes: list[ConsentChange] = []
    for name, consent in given.items():
        place = f"gdpr_fields.{name[:100]}"
        if name not in field_map.purposes:
            raise InvalidInputError(place, _NO_FIELD)
        if not isinstance(consent, Mapping):
            raise InvalidInputError(place, "An object belongs here.")
        changes += [
            ConsentChange(name, channel, read_flag(consent[key], f"{place}.{key}"))
            for key, channel in CHANNELS.items()
            if consent.get(key) is not None
        ]
    return changes


def _options(given: Sequence[Any], field_map: FieldMap, known: Contact | None, *, skip_removed: bool) -> list[GroupId]:
    """Read the subgroups that a subscriber shall have, the list's own and those that other APIs have made."""
    chosen_of, join = dict[str, int](), list[GroupId]()
    # Other APIs know no single choices, and clients write back what they were shown.
    present = {one.group_id for one in known.groups} if known else set[int]()
    own = {option.group_id for _, option in field_map.options.values()}
    for place, item in enumerate(given):
        where = f"groupOptions[{place}]"
        identity = read_text(item, where)
        other = other_group_id(identity)
        if other is not None and other not in own:
            join.append(GroupId(other))
            continue
        if identity not in field_map.options:
            if skip_removed and is_unique_identifier(identity):
                continue
            raise InvalidInputError(where, f"The list has no subgroup {identity[:100]!r}.")
        group, option = field_map.options[identity]
        if option.group_id in join:
            continue
        chosen = chosen_of.setdefault(group.field, option.group_id)
        is_second = group.selection is Selection.SINGLE and chosen != option.group_id
        if is_second and not {chosen, option.group_id} <= present:
            raise InvalidInputError(where, f"A subscriber has one subgroup of {group.name}.")
        join.append(option.group_id)
    return join


def _status(
    given: str | None, field_map: FieldMap, channel: str, place: str, known: SubscriptionStatus | None
) -> SubscriptionStatus | None:
    if not given:
        return None
    status = STATUSES.get(given) or STATUSES[chosen(given, tuple(STATUSES), place)]
    # Another API may have left it unconfirmed, and clients write back what they were shown.
    is_unknown = status is SubscriptionStatus.UNCONFIRMED and status is not known
    if is_unknown and CHANNELS[channel] not in field_map.double_opt_in:
        raise InvalidInputError(place, "UNCONFIRMED is only for lists with double opt-in.")
    return status


def show_subscriber(contact: Contact, opened: SubscriberList) -> dict[str, Any]:
    """Show a subscriber; what it doesn't have is left out."""
    fields, options = contact.fields, opened.option_fields if contact.groups else {}
    shown = {
        "id": show_id(contact.contact_id),
        **_addresses(contact),
        "account_id": opened.actor.account_id,
        "archived": contact.is_archived,
        "date_created": epoch_milliseconds(contact.created_at),
        "date_updated": epoch_milliseconds(contact.updated_at),
        "list_id": opened.list_id,
        "gdpr_fields": _shown_consents(contact, opened),
        "subscriber_fields": {
            one.field: show_value(one.type, fields[one.ours]) for one in opened.attributes.fields if one.ours in fields
        },
        "groupOptions": [options.get(one.group_id, other_option(one.group_id)) for one in contact.groups],
    }
    return {"meta": {"Etag": etag_of(shown)}, **shown}


def _shown_consents(contact: Contact, opened: SubscriberList) -> dict[str, dict[str, bool]]:
    """Show consents in the order of the list's purposes, and of channels; a purpose without any is left out."""
    if not contact.consents:
        return {}
    granted = {(one.purpose, one.channel): one.granted for one in contact.consents}
    shown = {
        one.key: {
            name: granted[one.key, channel] for name, channel in CHANNELS.items() if (one.key, channel) in granted
        }
        for one in opened.described.purposes
    }
    return {key: consents for key, consents in shown.items() if consents}


def _addresses(contact: Contact) -> dict[str, str | None]:
    # The vendor's SDK takes email_id for one whose destination_id is null, not for one that has none.
    shown: dict[str, str | None] = {} if contact.phone else {"destination_id": None}
    if contact.phone:
        status = _STATUS_NAMES[contact.sms_status]
        shown |= {"destination": contact.phone, "destination_id": digest_of(contact.phone), "status": status}
    if contact.email:
        status, digest = _STATUS_NAMES[contact.email_status], digest_of(contact.email.lower())
        shown |= {"email": contact.email, "email_id": digest, "email_status": status}
    return shown
