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
