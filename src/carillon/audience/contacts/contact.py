"""What a contact is: its keys, its subscription status on each channel, its attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Literal

import msgspec
from asyncpg import Record

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.suppressions import Channel
from carillon.audience.unsubscriptions import Unsubscription
from carillon.kit.ids import ContactId, GroupId

MAX_ID = 2**53 - 1
_PLATFORMS: Mapping[str, Literal["android", "ios"]] = {"android": "android", "ios": "ios"}
_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode


class KeyKind(StrEnum):
    """What a contact is looked up by."""

    PHONE = "phone"
    EMAIL = "email"
    EXTERNAL_ID = "external_id"
    CONTACT_ID = "contact_id"


class SubscriptionStatus(IntEnum):
    """A contact's subscription status on a channel; the transitions are in schema.sql.

    A suppressed contact is unsubscribed; the tables keep the status that it has otherwise, `SUPPRESSED_BY` higher.
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
OWN_STATUSES = (
    *SubscriptionStatus,
    SubscriptionStatus.SUBSCRIBED,
    SubscriptionStatus.UNCONFIRMED,
    SubscriptionStatus.UNSUBSCRIBED,
    SubscriptionStatus.UNCONFIRMED,
)
"""What the contact itself said: also under a suppression, and without an address."""


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

    Groups, consents, devices, suppressions (of its addresses, with their times) and how it came to be unsubscribed are
    there where they were asked for.
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
    is_archived: bool = False
    groups: tuple[GroupRef, ...] = ()
    consents: tuple[Consent, ...] = ()
    devices: tuple[Device, ...] = ()
    suppressions: Mapping[Channel, datetime] = field(default_factory=dict)
    unsubscriptions: Mapping[Channel, Unsubscription] = field(default_factory=dict)

    @property
    def any_phone(self) -> str | None:
        """The phone, or the one that it repeats."""
        return self.phone or self.fields.get("repeated_phone")

    @property
    def any_email(self) -> str | None:
        """The e-mail, or the one that it repeats."""
        return self.email or self.fields.get("repeated_email")


def read_id(text: str) -> int | None:
    """Read a decimal id below 2^53, or None."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 16):  # noqa: PLR2004 - 2^53 has 16 digits
        return None
    number = int(digits)
    return number if 0 < number <= MAX_ID else None


def contacts_of(rows: Sequence[Record]) -> list[Contact]:
    """Make contacts of rows of `contact.sql`, with the groups, consents and devices that come with them."""
    return [
        Contact(
            contact_id=row["contact_id"],
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
            groups=groups_of(row) if row.get("groups") else (),
            consents=consents_of(row) if row.get("consents") else (),
            devices=tuple([device_of(text) for text in devices]) if (devices := row.get("devices")) else (),
        )
        for row in rows
    ]


def consents_of(row: Record) -> tuple[Consent, ...]:
    """Make consents of a row of `contact.sql` that has them."""
    return tuple([_consent(text) for text in row["consents"]])


def groups_of(row: Record) -> tuple[GroupRef, ...]:
    """Make groups of a row of `contact.sql` that has them."""
    return tuple([_group(text) for text in row["groups"]])


def _group(text: str) -> GroupRef:
    group_id, number, name = text.split(":", 2)
    return GroupRef(group_id=GroupId(int(group_id)), number=int(number), name=name)


def _consent(text: str) -> Consent:
    purpose, channel, granted = text.split(":")
    return Consent(purpose=purpose, channel=Channel(channel), granted=granted == "true")


def device_of(text: str) -> Device:
    """Read a device of a row of `contact.sql`. Raises ValueError."""
    platform, length, rest = text.split(":", 2)
    end = int(length)
    if platform not in _PLATFORMS or not 0 < end <= len(rest):
        raise ValueError("no device")
    return Device(platform=_PLATFORMS[platform], token=rest[:end], application=rest[end:] or None)
