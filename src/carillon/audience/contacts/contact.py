"""What a contact is: its keys, its subscription status on each channel, its attributes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Literal

import msgspec
from asyncpg import Record

from carillon.addresses.phones import PhoneForm
from carillon.audience.suppressions import Channel
from carillon.kit.ids import ContactId, GroupId

MAX_ID = 2**53 - 1
_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode


class KeyKind(StrEnum):
    """What a contact is looked up by."""

    PHONE = "phone"
    EMAIL = "email"
    EXTERNAL_ID = "external_id"
    CONTACT_ID = "contact_id"


class SubscriptionStatus(IntEnum):
    """A contact's standing on a channel; the transitions are in schema.sql.

    Whoever is suppressed is unsubscribed; the standing that it has otherwise is kept, `SUPPRESSED_BY` higher, in the
    tables.
    """

    NONE = 0
    SUBSCRIBED = 1
    UNCONFIRMED = 2
    UNSUBSCRIBED = 3


SUPPRESSED_BY = 3
STORED_STATUSES = (
    *SubscriptionStatus,
    SubscriptionStatus.UNSUBSCRIBED,
    SubscriptionStatus.UNSUBSCRIBED,
    SubscriptionStatus.NONE,
    SubscriptionStatus.NONE,
)
"""What the numbers in the tables mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactKey:
    """A key as the caller gave it; a phone is read with `country`, or else the audience's, in the form `phone_form`."""

    kind: KeyKind
    value: str = field(repr=False)
    country: str | None = None
    phone_form: PhoneForm = PhoneForm.NATIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRef:
    """A group as a contact shows it."""

    group_id: GroupId
    number: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a contact said last of a purpose, by its key, on a channel."""

    purpose: str
    channel: Channel
    granted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where push messages reach a contact; `application` is the caller's name for its app."""

    platform: Literal["android", "ios"]
    token: str = field(repr=False)
    application: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact. Phones are E.164 digits, e-mails as they were spelt, times UTC, fields under their canonical names.

    Groups and consents are there where the operation that returns it says so.
    """

    contact_id: ContactId
    external_id: str | None
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    landline: str | None = field(repr=False)
    sms_status: SubscriptionStatus
    email_status: SubscriptionStatus
    created_at: datetime
    updated_at: datetime
    fields: Mapping[str, Any] = field(repr=False)
    devices: tuple[Device, ...]
    groups: tuple[GroupRef, ...] = ()
    consents: tuple[Consent, ...] = ()
    is_archived: bool = False


def read_id(text: str) -> int | None:
    """Read a decimal id below 2^53, or None."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 16):  # noqa: PLR2004 - 2^53 has 16 digits
        return None
    number = int(digits)
    return number if 0 < number <= MAX_ID else None


def groups_of(row: Record) -> tuple[GroupRef, ...]:
    """Take apart the groups that come with a row."""
    return tuple(
        GroupRef(group_id=GroupId(int(group_id)), number=int(number), name=name)
        for group_id, number, name in (group.split(":", 2) for group in row["groups"])
    )


def consents_of(row: Record) -> tuple[Consent, ...]:
    """Take apart the consents that come with a row."""
    return tuple(
        Consent(purpose=purpose, channel=Channel(channel), granted=granted == "true")
        for purpose, channel, granted in (consent.split(":") for consent in row["consents"])
    )


def contact_of(row: Record, groups: tuple[GroupRef, ...] = (), consents: tuple[Consent, ...] = ()) -> Contact:
    """Make a contact of a row that has the columns of `lookup.sql`."""
    return Contact(
        contact_id=ContactId(row["contact_id"]),
        external_id=row["external_id"],
        phone=row["phone"],
        email=row["email_given"] or row["email"],
        landline=row["landline"],
        sms_status=STORED_STATUSES[row["sms_status"]],
        email_status=STORED_STATUSES[row["email_status"]],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        is_archived=row["archived_at"] is not None,
        fields=_decode_fields(row["fields"]),
        groups=groups,
        consents=consents,
        devices=tuple(
            Device(platform=platform, token=token)
            for platform, _, token in (device.partition(":") for device in row["devices"])
        ),
    )
