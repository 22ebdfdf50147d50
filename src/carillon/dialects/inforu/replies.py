"""What each operation answers, under InforU's keys and in their order: the value of `Data`."""

from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from carillon.dialects.inforu.mapping_fields import SHOWN_FIELDS, FieldType

NO_DEVICE = -3
OK = "OK"
"""How a flat reply describes success."""

Item = TypeVar("Item")


class Answer(msgspec.Struct, rename="pascal", kw_only=True):
    """The base of all answers."""


class Envelope(Answer):
    """What every reply is wrapped in; `data` is null when the call failed."""

    status_id: int
    status_description: str
    detailed_description: str
    function_name: str
    request_id: str
    data: Any


class FlatReply(Answer, omit_defaults=True):
    """What calls of one-time passwords answer, without an envelope."""

    status_id: int
    status_description: str
    detailed_description: str = ""


class OtpSent(FlatReply, kw_only=True):
    """A password that was sent; `request_token` names it when it is checked."""

    request_token: str


class Batch(Answer, Generic[Item]):
    """A part of a list; `last_fetched_id` is what the next request asks with."""

    last_fetched_id: int
    count: int
    items: list[Item] = msgspec.field(name="List")


class Listing(Answer, Generic[Item]):
    """A whole list."""

    count: int
    items: list[Item] = msgspec.field(name="List")


class UploadError(Answer):
    """What was wrong with a field of a row."""

    row_number: int
    error_code: int
    field_name: str
    actual_field_name: str
    error_value: str
    error_message: str


class UploadReport(Answer):
    """The statistics of an upload; `contacts_existing` are those that the upload did not change."""

    upload_token: str
    rows: int
    contacts_updates: int
    contacts_new: int
    contacts_existing: int
    rows_failed: int
    count_errors: int
    errors: list[UploadError]


class SmsAccepted(Answer):
    """How many get a message, and who of the request is left out of it."""

    recipients: int
    errors: list[UploadError]


class UploadAccepted(Answer):
    """The token to ask for the statistics with, once the upload is processed."""

    request_token: str


class Deleted(Answer):
    """How many contacts went."""

    deleted_count: int


class GroupName(Answer):
    """A group in short."""

    group_id: int
    group_number: int
    group_name: str


# What a field that a contact does not have is shown as: the reference has "" for the two dates of the person.
_EMPTY: dict[str, Any] = {"BirthDate": "", "AdditionalDate": ""}
_TYPES: dict[FieldType, Any] = {
    "int": int | float | None,
    "gender": int | None,
    "string": str | None,
    "date": str | None,
}

# All keys are always there, but for Groups, which are there when they are asked for. Wire names, not attributes: the
# object is built from a mapping of them.
ContactObject = msgspec.defstruct(
    "ContactObject",
    [
        ("ContactId", int),
        ("ContactRefId", str | None),
        ("Email", str | None),
        ("EmailStatusId", int),
        ("PhoneNumber", str | None),
        ("PhoneStatusId", int),
        ("DateCreated", str),
        ("UpdateDate", str),
        *((field.name, _TYPES[field.type], _EMPTY.get(field.name)) for field in SHOWN_FIELDS),
        ("Device1StatusId", int, NO_DEVICE),
        ("Device2StatusId", int, NO_DEVICE),
        ("Groups", list[GroupName] | UnsetType, UNSET),
    ],
    frozen=True,
    kw_only=True,
)


class FoundContacts(Answer):
    """The contacts that a key names."""

    contacts: Listing[ContactObject]  # type: ignore[valid-type] # a type made at run time from the table of fields


class GroupObject(Answer):
    """A group. Both spellings of the counters are in use: those of GetGroup and those of GetGroupList."""

    group_id: int
    group_type_id: int
    group_number: int
    group_name: str
    description: str | None
    count_active_contacts: int
    count_active_contacts_mail: int
    count_active_contacts_sms: int
    count_active_contacts_device1: int
    count_active_contacts_device2: int
    count_non_blocked_contacts_info_mail: int
    count_non_blocked_contacts_info_sms: int
    date_created: str
    update_date: str


class DeletedGroups(Answer):
    """The groups that went."""

    count: int
    configuration: str
    items: list[GroupName] = msgspec.field(name="List")


class Address(Answer):
    """A phone or an e-mail address; in CheckIfUnsubscribe also a contact by its id."""

    type: str
    value: str


class Counted(Answer):
    """A number of items."""

    count: int


class AddressOutcome(Answer):
    """What could be done, and what could not."""

    success: Counted
    failed: Listing[Address]


class SuppressedAddress(Answer):
    """A suppressed address, and since when."""

    type: str
    value: str
    unsubscribe_datetime: str


class HistoryEntry(Answer):
    """An unsubscribe or a reactivation."""

    type: str
    value: str
    action: str
    action_date_time: str
    action_source: str
    action_reason: str
    do_action_name: str


class SuppressionCheck(Answer):
    """The items asked about, sorted into two lists."""

    unsubscribe: Listing[Address]
    not_unsubscribe: Listing[Address]


class FieldDescription(Answer):
    """A field of the account's contacts."""

    field_id: int
    actual_field_name: str
    caption: str
    field_type: str
