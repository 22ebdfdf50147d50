"""Contacts, groups and suppressions from and to InforU's values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from carillon.addresses.phones import national_form
from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.groups import Group, GroupDeletion, GroupKey
from carillon.audience.suppression_ledger import SuppressionEntry
from carillon.audience.suppression_queries import Suppression
from carillon.audience.suppressions import AddressOutcome, Channel
from carillon.dialects.inforu import replies, schemas
from carillon.dialects.inforu.mapping_dates import show_history_moment, show_moment, zone_of
from carillon.dialects.inforu.mapping_fields import CONTACT_FIELDS, SHOWN_FIELDS
from carillon.dialects.reading import as_json, read_request, require
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor

Option = TypeVar("Option")

_ACTIVE, _UNSUBSCRIBED, _WITHOUT_STATUS = 1, -2, 0
_STATUS_IDS = {SubscriptionStatus.SUBSCRIBED: _ACTIVE, SubscriptionStatus.UNSUBSCRIBED: _UNSUBSCRIBED}
_DEVICE_ACTIVE = 1
_GROUP_TYPES = {"static": 1, "segment": 2}
_GENDERS = {"male": 1, "female": 2}
_ACTIONS = {"unsubscribe": "Unsubscribe", "reactivate": "Reactivate"}
_CHANNEL_NAMES = {Channel.SMS: "Phone", Channel.EMAIL: "Email"}

KEY_KINDS: Mapping[str, KeyKind] = {
    "Phone": KeyKind.PHONE,
    "Email": KeyKind.EMAIL,
    "ContactRefId": KeyKind.EXTERNAL_ID,
    "ContactId": KeyKind.CONTACT_ID,
}
CHANNELS: Mapping[str, Channel] = {name: channel for channel, name in _CHANNEL_NAMES.items()}
CHANNELS_OR_ALL: Mapping[str, tuple[Channel, ...]] = {
    **{name: (channel,) for name, channel in CHANNELS.items()},
    "All": tuple(CHANNELS.values()),
}
GROUP_KEYS: Mapping[str, GroupKey] = {
    "GroupId": GroupKey.ID,
    "GroupNumber": GroupKey.NUMBER,
    "GroupName": GroupKey.NAME,
}
GROUP_DELETIONS: Mapping[str, GroupDeletion] = {
    "WithoutDeleteContacts": GroupDeletion.KEEP_CONTACTS,
    "WithDeleteContacts": GroupDeletion.DELETE_CONTACTS,
    "EmptyGroupOnly": GroupDeletion.ONLY_EMPTY,
}
_SYNONYMS = {
    # What the same thing is called everywhere else.
    "phonenumber": "phone",
    # The reference's samples, pasted as they are.
    "createddate/updateddate": "createddate",
    "phone/email": "all",
    "unsubscribe/reactivate/all": "all",
}


def choose(options: Mapping[str, Option], given: str, field: str) -> tuple[str, Option]:
    """Find an option by its name, case ignored: the name as we spell it, and what it stands for.

    Raises InvalidInputError that lists the options.
    """
    wanted = given.strip().lower()
    wanted = _SYNONYMS.get(wanted, wanted)
    for name, value in options.items():
        if name.lower() == wanted:
            return name, value
    raise InvalidInputError(field, f"This is one of {', '.join(options)}.")


@dataclass(frozen=True, slots=True)
class Presenter:
    """Shows outcomes to one caller: its country's numbers, its time zone."""

    country: str
    zone: ZoneInfo

    @classmethod
    def of(cls, actor: Actor) -> "Presenter":
        """Make the presenter of an actor."""
        return cls(actor.country, zone_of(actor.time_zone))

    def contact(self, contact: Contact, *, with_groups: bool) -> msgspec.Struct:
        """Show a contact with all its keys; Groups only when they were asked for."""
        values: dict[str, Any] = {}
        for name, value in contact.fields.items():
            if (shown := _SHOWN.get(name)) is not None:
                values[shown] = value
        if "GenderId" in values:
            values["GenderId"] = _GENDERS.get(values["GenderId"])
        for name in _MOMENTS & values.keys():
            values[name] = values[name].replace("T", " ")
        for device in contact.devices:
            values["Device1StatusId" if device.platform == "android" else "Device2StatusId"] = _DEVICE_ACTIVE
        if with_groups:
            values["Groups"] = [
                replies.GroupName(group_id=group.group_id, group_number=group.number, group_name=group.name)
                for group in contact.groups
            ]
        return replies.ContactObject(
            ContactId=contact.contact_id,
            ContactRefId=contact.external_id,
            Email=contact.email,
            EmailStatusId=_STATUS_IDS.get(contact.email_status, _WITHOUT_STATUS) if contact.email else _WITHOUT_STATUS,
            PhoneNumber=national_form(contact.phone, self.country) if contact.phone else None,
            PhoneStatusId=_STATUS_IDS.get(contact.sms_status, _WITHOUT_STATUS) if contact.phone else _WITHOUT_STATUS,
            DateCreated=show_moment(contact.created_at, self.zone),
            UpdateDate=show_moment(contact.updated_at, self.zone),
            **values,
        )

    def group(self, group: Group) -> replies.GroupObject:
        """Show a group with its counters in both spellings."""
        return replies.GroupObject(
            group_id=group.group_id,
            group_type_id=_GROUP_TYPES[group.kind],
            group_number=group.number,
            group_name=group.name,
            description=group.description,
            count_active_contacts=group.reachable,
            count_active_contacts_mail=group.reachable_email,
            count_active_contacts_sms=group.reachable_sms,
            count_active_contacts_device1=group.reachable_android,
            count_active_contacts_device2=group.reachable_ios,
            count_non_blocked_contacts_info_mail=group.reachable_email,
            count_non_blocked_contacts_info_sms=group.reachable_sms,
            date_created=show_moment(group.created_at, self.zone),
            update_date=show_moment(group.updated_at, self.zone),
        )

    def address(self, channel: Channel, address: str) -> str:
        """Show a stored address."""
        return national_form(address, self.country) if channel is Channel.SMS else address

    def suppression(self, one: Suppression) -> replies.SuppressedAddress:
        """Show a suppressed address."""
        return replies.SuppressedAddress(
            type=_CHANNEL_NAMES[one.channel],
            value=self.address(one.channel, one.address),
            unsubscribe_datetime=show_moment(one.created_at, self.zone),
        )

    def entry(self, one: SuppressionEntry) -> replies.HistoryEntry:
        """Show a line of the ledger."""
        return replies.HistoryEntry(
            type=_CHANNEL_NAMES[one.channel],
            value=self.address(one.channel, one.address),
            action=_ACTIONS[one.action],
            action_date_time=show_history_moment(one.at, self.zone),
            action_source=one.source,
            action_reason=one.reason,
            do_action_name=one.actor,
        )


_SHOWN: Mapping[str, str] = {field.slot: field.name for field in SHOWN_FIELDS}
# The days among the dates are shown as days; these have a time of day, in no zone.
_MOMENTS = frozenset(f"Date{number}" for number in range(1, 9))


def group_name(group: Group) -> replies.GroupName:
    """Show a group in short."""
    return replies.GroupName(group_id=group.group_id, group_number=group.number, group_name=group.name)


def outcome(done: AddressOutcome, unusable: Sequence[replies.Address]) -> replies.AddressOutcome:
    """Show how many addresses were dealt with, and those that nothing could be done with, as they were given."""
    failed = [replies.Address(type=_CHANNEL_NAMES[one.channel], value=one.value) for one in done.failed]
    failed += unusable
    return replies.AddressOutcome(
        success=replies.Counted(count=done.done), failed=replies.Listing(count=len(failed), items=failed)
    )


def usable(given: object, options: Mapping[str, Option]) -> tuple[str, Option, str] | replies.Address:
    """Read an item of a list: its type as we spell it, what that stands for, and the value; else the item as it came.

    An item of an unknown type, without a value or with one that is no text costs only itself.
    """
    try:
        item = read_request(schemas.ContactKeyItem, given, "Data")
        require(item, "Data")
        name, option = choose(options, item.type, "Type")
    except InvalidInputError:
        return _as_given(given)
    return name, option, item.value


def _as_given(item: object) -> replies.Address:
    if not isinstance(item, Mapping):
        return replies.Address(type="", value=_spelt(item))
    members = {key.lower(): member for key, member in item.items()}
    return replies.Address(type=_spelt(members.get("type")), value=_spelt(members.get("value")))


def _spelt(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return as_json(value)


def contact_key(type_name: str, value: str, field: str) -> tuple[str, ContactKey]:
    """Read a contact's key: the type as we spell it, and the key. Raises InvalidInputError."""
    name, kind = choose(KEY_KINDS, type_name, field)
    return name, ContactKey(kind=kind, value=value)


FIELD_LIST: tuple[replies.FieldDescription, ...] = tuple(
    replies.FieldDescription(
        field_id=number, actual_field_name=field.name, caption=field.caption, field_type=field.type
    )
    for number, field in enumerate(CONTACT_FIELDS, 1)
)
"""What GetFields answers: the fields are the same for every account, and so are their ids."""
