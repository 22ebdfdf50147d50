"""What each operation is asked, in Devino's terms: queries and bodies for the tolerant reading."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

REQUIRED = Meta(extra={"required": True})

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
MAX_OFFSET = 1_000_000_000
MAX_NAME_CHARACTERS = 200
MAX_FIELDS = 200
MAX_VALUES = 1_000
MAX_CONTACTS = 10_000
MAX_DEVICES = 10
MAX_LISTS = 100

_ZONE = "Minutes that the contact's time is ahead of UTC, -720 to 840; 0 unless given."


class Request(msgspec.Struct, rename="camel", kw_only=True):
    """The base of what operations are asked."""


class ListField(Request):
    """A field of a list that is made."""

    name: Annotated[str, REQUIRED, Meta(description="The field's name.")] = ""
    display_name: Annotated[str, Meta(description="What it is called in the account; its name unless given.")] = ""
    type: Annotated[
        str, Meta(description="0 date/time, 1 boolean, 2 integer, 3 text, 5 object, 8 date; 3 unless given.")
    ] = ""
    values: Annotated[
        list[Any], Meta(description="The values that it may have, if any.", extra={"limit": MAX_VALUES, "typed": True})
    ] = []


class CreateList(Request):
    """A list to make."""

    name: Annotated[str, REQUIRED, Meta(description=f"The list's name, at most {MAX_NAME_CHARACTERS} characters.")] = ""
    type: Annotated[str, Meta(description="STANDARD, STOPLIST or PUSH; STANDARD unless given.")] = ""
    auto_delete_enabled: Annotated[
        bool | None, Meta(description="Whether contacts that are idle for two weeks, or have no data, are deleted.")
    ] = None
    fields: Annotated[
        list[Any],
        Meta(
            description="Fields beside the main ones.",
            extra={"item": ListField, "limit": MAX_FIELDS, "only_list": True},
        ),
    ] = []


class ListLists(Request):
    """Which lists to show."""

    limit: Annotated[int | None, Meta(description=f"How many: {DEFAULT_LIMIT} unless given, at most {MAX_LIMIT}.")] = (
        None
    )
    offset: Annotated[int | None, Meta(description="How many to pass over.")] = None
    name: Annotated[str, Meta(description="A part of the name, its case ignored.")] = ""
    created_from: Annotated[str, Meta(description="Made at or after: YYYY-MM-DD HH:MM:SS.")] = msgspec.field(
        default="", name="from"
    )
    created_to: Annotated[str, Meta(description="Made at or before: YYYY-MM-DD HH:MM:SS.")] = msgspec.field(
        default="", name="to"
    )
    type: Annotated[
        list[Any], Meta(description="Only lists of these types; repeated, or with commas.", extra={"limit": MAX_LISTS})
    ] = []
    zone_offset: Annotated[int | None, Meta(description=_ZONE)] = None
    auto_delete_enabled: Annotated[bool | None, Meta(description="Only lists that are swept, or that are not.")] = None


class DeleteLists(Request):
    """Which lists to delete."""

    ids: Annotated[
        list[Any],
        REQUIRED,
        Meta(
            description=f"The lists; repeated, or with commas, {MAX_LISTS} at most.",
            extra={"limit": MAX_LISTS, "aliases": ("smsIds",)},
        ),
    ] = []


class BatchQuery(Request):
    """What is said of all the contacts of a batch."""

    zone_offset: Annotated[int | None, Meta(description=_ZONE)] = None


class ContactField(Request):
    """A field's value."""

    name: Annotated[str, REQUIRED, Meta(description="The field's name; a field that is missing is made.")] = ""
    display_name: Annotated[str, Meta(description="What a field that is made is called.")] = ""
    type: Annotated[str, Meta(description="The type of a field that is made.")] = ""
    value: Annotated[str, Meta(description="The value, or a list with it.")] = ""


class PushInfo(Request):
    """A device."""

    app_id: Annotated[str, Meta(description="The application's id.")] = ""
    os: Annotated[str, Meta(description="0 Android, 1 iOS.")] = ""
    push_token: Annotated[str, REQUIRED, Meta(description="The device's token.")] = ""


class Contact(Request):
    """A contact to add."""

    email: Annotated[str, Meta(description="The e-mail address.")] = ""
    phone: Annotated[str, Meta(description="The phone in E.164, with or without a plus.")] = ""
    fields: Annotated[
        list[Any], Meta(description="Values of fields.", extra={"item": ContactField, "limit": MAX_FIELDS})
    ] = []
    push_info: Annotated[list[Any], Meta(description="Devices.", extra={"item": PushInfo, "limit": MAX_DEVICES})] = []


class Batch(Request):
    """Contacts to add to a list."""

    contact_group_id: Annotated[str, REQUIRED, Meta(description="The list.")] = ""
    contacts: Annotated[
        list[Any],
        REQUIRED,
        Meta(
            description=f"The contacts, {MAX_CONTACTS} at most.",
            extra={"item": Contact, "limit": MAX_CONTACTS, "nested": True},
        ),
    ] = []
    duplicate_check_field: Annotated[
        str, Meta(description="phone, email or a field's name; 0 none, 1 phone, 2 email; none unless given.")
    ] = ""


class Range(Request):
    """Which contacts of a list to show."""

    contact_group_id: Annotated[str, REQUIRED, Meta(description="The list.")] = ""
    desc_order: Annotated[bool | None, Meta(description="Whether the last come first.")] = None
    limit: Annotated[int | None, Meta(description=f"How many: {DEFAULT_LIMIT} unless given, at most {MAX_LIMIT}.")] = (
        None
    )
    offset: Annotated[int | None, Meta(description="How many to pass over.")] = None
    push_token: Annotated[str, Meta(description="Only the contact that has this token.")] = ""
    query_name: Annotated[
        str, Meta(description="phone, email, contactId, creationDate, lastUpdate, or a field's name.")
    ] = ""
    query_operator: Annotated[
        str,
        Meta(description="EQ, NE, LIKE or CONTAINS, STARTS_WITH, GT, GTE, LT, LTE, in any case; EQ unless given."),
    ] = ""
    query_value: Annotated[str, Meta(description="What it is held against.")] = ""
    segment_id: Annotated[str, Meta(description="Only contacts of this segment.")] = ""
    sort_by_field: Annotated[str, Meta(description="What they are sorted by, as queryName; else the creation.")] = ""
    zone_offset: Annotated[int | None, Meta(description=_ZONE)] = None
    subscription_channel: Annotated[
        str, Meta(description="SMS, EMAIL, VOICE, VIBER, WHATSAPP or PUSH; goes with subscriptionState.")
    ] = ""
    subscription_state: Annotated[
        str, Meta(description="SUBSCRIBED or UNSUBSCRIBED, on the channel, or on any where none is given.")
    ] = ""
