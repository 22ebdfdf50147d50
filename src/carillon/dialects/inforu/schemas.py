"""What each operation reads, under InforU's names: the value of `Data`.

Every parameter has a default, so that a request with anything missing is still read and the answer can name what is
required (`REQUIRED`). The wire name is the attribute in Pascal case; `aliases` are other names that clients send.
"""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from carillon.dialects.inforu.mapping_fields import CONTACT_FIELDS, ROW_INSTRUCTIONS, FieldType

REQUIRED = Meta(extra={"required": True})

MAX_CONTACTS = 5_000
MAX_FINAL_CONTACTS = 10
MAX_ITEMS = 100

LastFetchedId: TypeAlias = Annotated[
    int | None, Meta(description="Get the batch that starts after this id: 0 or null in the first request.")
]
FromDate: TypeAlias = Annotated[
    str, REQUIRED, Meta(description="From this date on, it included: yyyy/MM/dd, yyyy-MM-dd or dd/MM/yyyy.")
]
ToDate: TypeAlias = Annotated[str, REQUIRED, Meta(description="Up to this date, the whole of it included.")]
OptionalFromDate: TypeAlias = Annotated[str | None, Meta(description="From this date on, it included.")]
OptionalToDate: TypeAlias = Annotated[str | None, Meta(description="Up to this date, the whole of it included.")]
ContactKeyType: TypeAlias = Annotated[str, REQUIRED, Meta(description="Phone, Email, ContactRefId or ContactId.")]
AddressType: TypeAlias = Annotated[str, REQUIRED, Meta(description="Phone or Email.")]


class Request(msgspec.Struct, rename="pascal", forbid_unknown_fields=True, kw_only=True):
    """The base of what operations read.

    Unknown names are refused only by the fast decoding: the tolerant reading, which takes over, ignores them.
    """


class ContactKeyItem(Request):
    """A contact, by one of its keys."""

    type: ContactKeyType = ""
    value: Annotated[str, REQUIRED, Meta(description="The phone, address or id.")] = ""


ContactKeyItems: TypeAlias = Annotated[
    list[Any],
    REQUIRED,
    Meta(description=f"Up to {MAX_ITEMS} items.", extra={"item": ContactKeyItem, "limit": MAX_ITEMS}),
]


class AddressItem(Request):
    """A phone or an e-mail address."""

    type: AddressType = ""
    value: Annotated[str, REQUIRED, Meta(description="The phone or the address.")] = ""


AddressItems: TypeAlias = Annotated[
    list[Any], REQUIRED, Meta(description=f"Up to {MAX_ITEMS} items.", extra={"item": AddressItem, "limit": MAX_ITEMS})
]


_ROW_TYPES: dict[FieldType, Any] = {"int": float | None, "gender": int | None, "string": str | None, "date": str | None}

# The row as documentation and OpenAPI describe it. Requests are decoded into plain mappings instead: a row names few of
# these fields, and building 50 attributes to look at 8 is slower than walking the keys that are there.
ContactRow = msgspec.defstruct(
    "ContactRow",
    [
        (
            field.name,
            Annotated[
                _ROW_TYPES[field.type],
                Meta(description=field.description or None, extra={"aliases": field.aliases}),
            ],
            None,
        )
        for field in (*CONTACT_FIELDS, *ROW_INSTRUCTIONS)
    ],
    kw_only=True,
)


class CreateOrUpdateContacts(Request):
    """Rows of contacts."""

    rows: Annotated[
        list[Any],
        REQUIRED,
        Meta(description=f"The contacts, up to {MAX_CONTACTS}.", extra={"item": ContactRow, "limit": MAX_CONTACTS}),
    ] = msgspec.field(name="List", default_factory=list)
    handle_events: Annotated[
        bool | None, Meta(description="true: automations may start for all rows. Accepted and recorded.")
    ] = None


class CheckJobStatusByToken(Request):
    """A token."""

    request_token: Annotated[
        str,
        REQUIRED,
        Meta(
            description="The token that answered CreateOrUpdateContacts.",
            extra={"aliases": ("UploadToken", "Token")},
        ),
    ] = ""


class DeleteContacts(Request):
    """Contacts to delete."""

    items: ContactKeyItems = msgspec.field(name="List", default_factory=list)


class GetContact(Request):
    """A contact to find."""

    type: ContactKeyType = ""
    value: Annotated[str, REQUIRED, Meta(description="The value of the type.")] = ""
    configuration: Annotated[str | None, Meta(description="WithGroups or WithoutGroups (the default).")] = None


class GetContactList(Request):
    """A span of time, and a place in the list."""

    filter_by: Annotated[
        str | None, Meta(description="What the dates filter on: CreatedDate (the default) or UpdatedDate.")
    ] = None
    from_date: FromDate = ""
    to_date: ToDate = ""
    only_for_group_id: Annotated[int | None, Meta(description="Only contacts of this group.")] = None
    last_fetched_id: LastFetchedId = None


class CreateOrUpdateGroup(Request):
    """A group to make or rename."""

    group_name: Annotated[str, REQUIRED, Meta(description="The group's name, up to 200 characters.")] = ""
    group_id: Annotated[int | None, Meta(description="0 or null for a new group, the id of a group to update it.")] = (
        None
    )
    description: Annotated[str | None, Meta(description="The group's description.")] = None


class DeleteGroup(Request):
    """Groups to delete."""

    delete_group_by: Annotated[
        str,
        REQUIRED,
        Meta(
            description="GroupId, GroupNumber or GroupName; by name several groups may go.",
            extra={"aliases": ("DeleteBy",)},
        ),
    ] = ""
    value: Annotated[str, REQUIRED, Meta(description="The id, number or name.")] = ""
    configuration: Annotated[
        str | None,
        Meta(description="WithoutDeleteContacts (the default), WithDeleteContacts or EmptyGroupOnly."),
    ] = None


class GetGroup(Request):
    """Groups to find."""

    get_group_by: Annotated[
        str, REQUIRED, Meta(description="GroupId, GroupNumber or GroupName.", extra={"aliases": ("GetBy",)})
    ] = ""
    value: Annotated[str, REQUIRED, Meta(description="The id, number or name.")] = ""


class GetGroupList(Request):
    """A span of time, and a place in the list."""

    from_date: OptionalFromDate = None
    to_date: OptionalToDate = None
    type: Annotated[str | None, Meta(description="Regular, Dynamic or All (the default).")] = None
    last_fetched_id: LastFetchedId = None


class Unsubscribe(Request):
    """Addresses to suppress."""

    unsubscribe_reason: Annotated[
        str, REQUIRED, Meta(description="Why.", extra={"aliases": ("ReactivationReason", "ReactivateReason", "Reason")})
    ] = ""
    unsubscribe_name: Annotated[
        str | None,
        Meta(
            description="The system that asks; API by default.",
            extra={"aliases": ("ReactivationName", "ReactivateName", "Name")},
        ),
    ] = None
    items: AddressItems = msgspec.field(name="List", default_factory=list)


class ReactivateUnsubscribe(Request):
    """Addresses whose suppression is lifted."""

    reactivation_reason: Annotated[
        str, REQUIRED, Meta(description="Why.", extra={"aliases": ("ReactivateReason", "UnsubscribeReason", "Reason")})
    ] = ""
    reactivation_name: Annotated[
        str | None,
        Meta(
            description="The system that asks; API by default.",
            extra={"aliases": ("ReactivateName", "UnsubscribeName", "Name")},
        ),
    ] = None
    items: AddressItems = msgspec.field(name="List", default_factory=list)


class GetUnsubscribeList(Request):
    """A span of time, a channel, and a place in the list."""

    from_date: FromDate = ""
    to_date: ToDate = ""
    type: Annotated[str, Meta(description="Phone or Email; both unless one is given.")] = ""
    last_fetched_id: LastFetchedId = None


class GetUnsubscribeHistory(Request):
    """An address, or a contact that has some."""

    type: ContactKeyType = ""
    value: Annotated[str, REQUIRED, Meta(description="The phone, address or id.")] = ""


class GetUnsubscribeHistoryList(Request):
    """What of the history, and a place in it."""

    type: Annotated[str | None, Meta(description="Phone, Email or All (the default).")] = None
    from_date: OptionalFromDate = None
    to_date: OptionalToDate = None
    action: Annotated[str | None, Meta(description="Unsubscribe, Reactivate or All (the default).")] = None
    last_fetched_id: LastFetchedId = None


class CheckIfUnsubscribe(Request):
    """Addresses, or contacts, to ask about."""

    items: ContactKeyItems = msgspec.field(name="List", default_factory=list)


class GetFields(Request):
    """Nothing."""
