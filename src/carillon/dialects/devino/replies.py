"""What operations answer, in Devino's terms and the order of its samples."""

from typing import Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

Item = TypeVar("Item")


class Reply(msgspec.Struct, rename="camel", kw_only=True):
    """The base of what is answered."""


class Result(msgspec.Struct, Generic[Item]):
    """The envelope."""

    result: Item


class ListField(Reply):
    """A field of a list."""

    name: str
    display_name: str
    type: int
    is_default: bool
    values: list[str] | UnsetType = UNSET


class ContactList(Reply):
    """A list."""

    contact_group_id: str
    company_id: int
    name: str
    creation_date: str
    last_update: str
    fields: list[ListField]
    contacts_count: str
    segments_count: str
    type: str
    auto_delete_enabled: bool


class Reason(msgspec.Struct):
    """Why a list wasn't deleted."""

    key: str
    ref: str


class DeletedList(Reply):
    """What became of a list; description and reasons only where it is REJECTED."""

    code: str
    result: str
    description: str | UnsetType = UNSET
    reasons: list[Reason] | UnsetType = UNSET


class Outcome(Reply):
    """The contact that was added, or what was wrong with it."""

    contact_id: str | UnsetType = UNSET
    localization_key: str | UnsetType = UNSET
    field_name: str | UnsetType = UNSET
    display_name: str | UnsetType = UNSET


class AddedContact(Reply):
    """What became of a contact; a description only where it is REJECTED."""

    code: str
    result: Outcome
    description: str | UnsetType = UNSET


class FieldValue(Reply):
    """A field's value."""

    name: str
    display_name: str
    type: int
    is_default: bool
    value: list[str]
    values: list[str] | UnsetType = UNSET


class UnsubscribedChannel(Reply):
    """A channel that an address is unsubscribed from."""

    channel: str
    unsubscribed_at: str
    unsubscribed_type: str


class UnsubscribedData(Reply):
    """An address, and what it is unsubscribed from."""

    company_id: int
    data: str
    data_type: str
    channel_list: list[UnsubscribedChannel]
    updated_at: str


class PushInfo(Reply):
    """A device."""

    app_id: str
    os: int
    push_token: str


class Contact(Reply):
    """A contact."""

    contact_id: str
    company_id: int
    contact_group_id: str
    creation_date: str
    last_update: str
    phone: str | None
    email: str | None
    fields: list[FieldValue]
    unsubscribed_data: list[UnsubscribedData]
    push_info: list[PushInfo]
