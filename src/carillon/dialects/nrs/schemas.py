"""What each operation reads, under 360NRS's names: queries and bodies for the tolerant reading."""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from carillon.links.shorten import MAX_URLS

REQUIRED = Meta(extra={"required": True})
# The reference's tables have types. A phone's digits and a custom field's value may be numbers all the same.
TYPED = Meta(extra={"typed": True})

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
MAX_PAGE = 1_000_000_000
MAX_GROUPS = 1_000
MAX_CUSTOM_FIELDS = 200


class Request(msgspec.Struct, rename="camel"):
    """The base of what operations read."""


class Paging(Request):
    """Which page of a list."""

    page: Annotated[int | None, Meta(description="The number of the page, from 1.")] = None
    limit: Annotated[
        int | None, Meta(description=f"Items in a page: {DEFAULT_LIMIT} unless given, at most {MAX_LIMIT}.")
    ] = None


Include: TypeAlias = Annotated[str, Meta(description="customFields, groups, or both with a comma between them.")]


class ShowContact(Request):
    """What to show of a contact."""

    include: Include = ""


class ListContacts(Paging):
    """Which contacts to list."""

    include: Include = ""
    email: Annotated[str, Meta(description="Only the contact with this e-mail, its case ignored.")] = ""
    phone: Annotated[str, Meta(description="Only the contact with this phone.")] = ""
    landline: Annotated[str, Meta(description="Only contacts with this landline.")] = ""
    country_iso: Annotated[str, Meta(description="Only contacts of this country.")] = ""
    external_id: Annotated[str, Meta(description="Only the contact with this external id.")] = ""


class CustomField(Request):
    """A custom field's value."""

    key: Annotated[str, REQUIRED, TYPED, Meta(description="The field's name; a field that is missing is made.")] = ""
    type: Annotated[str, TYPED, Meta(description="string, date or decimal, for a field that is made.")] = ""
    value: Annotated[str, Meta(description="The value; a date in ISO 8601. Empty or null empties the field.")] = ""


class SaveContact(Request):
    """A contact: what is absent or null is left as it is, an empty text empties."""

    email: Annotated[str | None, TYPED, Meta(description="Required when there is neither phone nor landline.")] = None
    phone: Annotated[str | None, Meta(description="Required when there is neither email nor landline.")] = None
    landline: Annotated[str | None, Meta(description="Required when there is neither email nor phone.")] = None
    country_iso: Annotated[
        str | None, TYPED, Meta(description="Two letters, required with phone or landline; it reads national phones.")
    ] = None
    groups_ids: Annotated[
        list[Any],
        TYPED,
        Meta(description="Groups that the contact joins; required without groupsNames.", extra={"limit": MAX_GROUPS}),
    ] = []
    groups_names: Annotated[
        list[Any],
        TYPED,
        Meta(
            description="Groups by name, made where they are missing; required without groupsIds.",
            extra={"limit": MAX_GROUPS},
        ),
    ] = []
    name: Annotated[str | None, TYPED, Meta(description="The first name.")] = None
    surname: Annotated[str | None, TYPED, Meta(description="The last name.")] = None
    external_id: Annotated[str | None, Meta(description="The caller's own id of the contact.")] = None
    custom_fields: Annotated[
        list[Any],
        TYPED,
        Meta(description="Values of custom fields.", extra={"item": CustomField, "limit": MAX_CUSTOM_FIELDS}),
    ] = []


class SaveGroup(Request):
    """A group."""

    name: Annotated[str, REQUIRED, TYPED, Meta(description="The group's name, at most 200 characters.")] = ""


class ListBlacklist(Paging):
    """Which lines of a blacklist to list."""

    recipient: Annotated[str, Meta(description="Only this recipient.")] = ""
    sending_id: Annotated[int | None, Meta(description="Only recipients that this sending brought in.")] = None


class Recipient(Request):
    """A line of a blacklist."""

    recipient: Annotated[str, REQUIRED, Meta(description="A phone for sms and voice, an e-mail for mailing.")] = ""


MAX_RECIPIENTS = 50_000
MAX_TAGS = 100
MAX_GUIDS = 50_000
MAX_PARTS = 8


class SendSms(Request):
    """A text and whom it goes to."""

    to: Annotated[
        list[Any],
        Meta(
            description="Phones, international with or without a plus; one text alone is one phone.",
            extra={"limit": MAX_RECIPIENTS},
        ),
    ] = []
    sender: Annotated[
        str, Meta(description="The sender: at most 11 characters, or 15 digits with or without a plus.")
    ] = msgspec.field(name="from", default="")
    message: Annotated[str, Meta(description="The text.")] = ""
    notification_url: Annotated[str, Meta(description="Where events are told to, http or https.")] = ""
    schedule_date: Annotated[
        str, Meta(description="When it is sent: YYYYMMDDHHmmss in UTC, or ISO 8601. A past one is now.")
    ] = ""
    expiration_date: Annotated[str, Meta(description="When it isn't sent any more, written in the same way.")] = ""
    campaign_name: Annotated[str | None, Meta(description="The campaign in which it counts.")] = None
    encoding: Annotated[
        str,
        Meta(description="gsm, gsm-pt, unicode or utf-16. Without one: gsm where it can write the text, else utf-16."),
    ] = ""
    parts: Annotated[
        int | None, Meta(description=f"The most parts that the text may have, from 1 to {MAX_PARTS}, the default.")
    ] = None
    flash: Annotated[bool | None, Meta(description="Shown at once, and not kept by the phone.")] = None
    split_parts: Annotated[
        bool | None, Meta(description="Taken, and changes nothing: a phone shows a long text as one.")
    ] = None
    certified: Annotated[bool | None, Meta(description="Only false: there is no certificate of a delivery.")] = None
    tags: Annotated[list[Any], Meta(description="Tags of the campaign, a text each.", extra={"limit": MAX_TAGS})] = []


Guids: TypeAlias = Annotated[
    list[Any] | None,
    Meta(
        description="One identifier, or several; without any, all that are scheduled. An empty list names none.",
        extra={"limit": MAX_GUIDS},
    ),
]
Type: TypeAlias = Annotated[str, Meta(description="SMS or MAILING, in any case; without one, both.")]
SendingNumber: TypeAlias = Annotated[int | None, Meta(description="Only messages of this sending.")]


class ListScheduled(Request):
    """Which scheduled messages to list."""

    guid: Guids = None
    type: Type = ""
    sending_id: SendingNumber = None


class DeleteScheduled(Request):
    """Which scheduled messages to delete."""

    guid: Guids = None
    type: Type = ""
    sending_id: SendingNumber = None


class MoveScheduled(Request):
    """Which scheduled messages to move, and to when."""

    guid: Guids = None
    type: Type = ""
    sending_id: SendingNumber = None
    schedule_date: Annotated[
        str,
        Meta(description="Required. The new moment: YYYYMMDDHHmmss in UTC, or ISO 8601. A past one is now."),
    ] = ""


class ListSendings(Paging):
    """Which campaigns or sendings to list."""

    name: Annotated[str, Meta(description="The campaign's name, in any case; * is any text.")] = ""
    channel: Annotated[str, Meta(description="sms, mailing, landing, text2speech or voice-interactive.")] = ""
    before_date: Annotated[str, Meta(description="Only those made before this moment, in ISO 8601.")] = ""
    after_date: Annotated[str, Meta(description="Only those made after this moment, in ISO 8601.")] = ""


class ReportEvents(Request):
    """Which events to report."""

    before_date: Annotated[str, Meta(description="Only events before this moment, in ISO 8601.")] = ""
    after_date: Annotated[str, Meta(description="Only events after this moment, in ISO 8601.")] = ""
    show_custom_fields: Annotated[bool | None, Meta(description="With 1, a column with the custom fields.")] = None


class LongUrl(Request):
    """A URL to shorten."""

    long_url: Annotated[str, Meta(description="http or https, up to 2,048 characters.")] = ""


class Shorten(Request):
    """URLs to shorten."""

    urls: Annotated[
        list[Any], REQUIRED, Meta(description="Objects with a longUrl.", extra={"item": LongUrl, "limit": MAX_URLS})
    ] = []
