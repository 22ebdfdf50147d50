"""What operations answer, under 360NRS's names and in the order of its samples."""

from typing import Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

Item = TypeVar("Item")


class Reply(msgspec.Struct, rename="camel"):
    """The base of what is answered."""


class Links(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Where the pages beside this one are."""

    previous: str | None = None
    next: str | None = None


class Pagination(msgspec.Struct, kw_only=True):
    """Where a page is in its list."""

    total: int
    count: int
    per_page: int
    current_page: int
    total_pages: int
    links: Links


class Meta(msgspec.Struct, kw_only=True):
    """What is said of a list."""

    pagination: Pagination


class One(msgspec.Struct, Generic[Item]):
    """The envelope of a thing."""

    data: Item


class Inner(msgspec.Struct, Generic[Item]):
    """The envelope of the things inside of another."""

    data: list[Item]


class Many(msgspec.Struct, Generic[Item]):
    """The envelope of a page."""

    data: list[Item]
    meta: Meta


class Shortened(Reply):
    """A URL with its short one, or with an error."""

    long_url: str | None
    short_url: str | None
    error: bool


class Self(msgspec.Struct):
    """Where a thing is."""

    url: str = msgspec.field(name="self")


class CustomField(Reply):
    """A custom field's value."""

    key: str
    type: str
    value: str


class Group(Reply):
    """A group."""

    id: int
    name: str


class Contact(Reply):
    """A contact; customFields and groups only when they are asked for, links only when it has been written."""

    id: int
    email: str | None
    phone: str | None
    country_iso: str | None
    landline: str | None
    name: str | None
    surname: str | None
    external_id: str | None
    created_at: str
    updated_at: str
    custom_fields: Inner[CustomField] | UnsetType = UNSET
    groups: Inner[Group] | UnsetType = UNSET
    links: Self | UnsetType = UNSET


class BlacklistLine(Reply, kw_only=True):
    """A recipient that must not be written to; `sending_id` only in lists."""

    type: str
    recipient: str
    is_definitive: bool
    sending_id: int | UnsetType | None = UNSET
    campaign_name: str | None
    created_at: str


class OtpCode(Reply):
    """A one-time password."""

    recipient: str
    code: str
    attempts: int
    max_attempts: int
    max_seconds_validity: int
    app_id: str
    created_at: str
    updated_at: str
    expires_at: str


class OtpChecked(Reply):
    """What a check has found; `otp` is null where the recipient has no code."""

    valid: bool
    reason: str
    otp: One[OtpCode] | None


class Account(Reply):
    """The account."""

    username: str
    email: str | None
    timezone: str
    language: str
    balance: float
    created_at: str
    country: str
    currency: str


class ErrorOf(msgspec.Struct):
    """Why a recipient gets nothing."""

    code: int
    description: str


class SentTo(Reply, kw_only=True):
    """What becomes of a recipient: with `id` and `parts` when it is accepted, with `error` when it is not."""

    accepted: bool
    to: str
    id: str | UnsetType = UNSET
    parts: int | UnsetType = UNSET
    scheduled_at: str | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    error: ErrorOf | UnsetType = UNSET


class Sent(Reply):
    """An accepted request."""

    campaign_id: int
    sending_id: int
    result: list[SentTo]


class MessageStatus(msgspec.Struct):
    """Where a message is."""

    id: str
    status: str


class ScheduledContent(Reply, kw_only=True):
    """What is sent of a scheduled message."""

    to: str
    sender: str = msgspec.field(name="from")
    encoding: str
    message: str
    campaign_id: int
    sending_id: int


class Scheduled(msgspec.Struct, kw_only=True):
    """A scheduled message; `sending_id` in lists, `content` where it is the only one."""

    guid: str
    type: str
    sending_id: int | UnsetType = UNSET
    content: ScheduledContent | UnsetType = UNSET
    created_at: str
    updated_at: str
    scheduled_at: str


class ScheduledList(msgspec.Struct):
    """Scheduled messages, or the only one that was asked for."""

    result: list[Scheduled] | Scheduled
    total: int


class Updated(msgspec.Struct):
    """How many were moved."""

    result: bool
    updated: int


class Deleted(msgspec.Struct):
    """How many were deleted."""

    result: bool
    deleted: int


class Events(msgspec.Struct, kw_only=True):
    """What happened to the messages of a sending, counted; what doesn't happen to an SMS is 0."""

    delivered: int
    opened: int = 0
    opened_unique: int = 0
    clicked: int = 0
    clicked_unique: int = 0
    unsubscribed: int
    hard_bounced: int = 0
    complaint: int = 0
    sent: int
    soft_bounced: int = 0
    undelivered: int
    rejected: int
    expired: int
    unsubscribed_landing: int = 0


class SendingLinks(Reply):
    """Where a sending and its report are."""

    url: str = msgspec.field(name="self")
    events_report: str


class Sending(Reply, kw_only=True):
    """A sending, with its counters."""

    id: int
    campaign_name: str
    status: str
    channel: str
    total: int
    processed: int
    total_sms_parts: int
    cost: float
    currency: str
    tags: list[str]
    scheduled_at: str | None
    expires_at: str | None
    started_at: str | None
    finished_at: str | None
    created_at: str
    updated_at: str
    events: Events
    links: SendingLinks


class CampaignLinks(Reply):
    """Where a campaign and its sendings are."""

    url: str = msgspec.field(name="self")
    sendings: str


class Campaign(Reply, kw_only=True):
    """A campaign, with its sending."""

    id: int
    name: str
    type: str
    created_at: str
    updated_at: str
    links: CampaignLinks
    sendings: Inner[Sending]
