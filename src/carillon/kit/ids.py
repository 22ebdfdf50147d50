"""Ids that are types, so that a group's number is never taken for a contact's."""

from datetime import UTC, datetime, timedelta
from typing import NewType
from uuid import UUID

import uuid_utils
import uuid_utils.compat

AccountId = NewType("AccountId", int)
AudienceId = NewType("AudienceId", int)
ContactId = NewType("ContactId", int)
GroupId = NewType("GroupId", int)
ImportId = NewType("ImportId", UUID)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_uuid() -> UUID:
    """Make a UUIDv7: it sorts by the time of its making (RFC 9562, section 5.7)."""
    return uuid_utils.compat.uuid7()


def first_uuid_of(moment: datetime) -> UUID:
    """Give the UUIDv7 before all that are made from a moment on."""
    # timestamp() is a float, which is up to a millisecond too early for one moment in ninety.
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)


def new_request_id() -> str:
    """Make the id of a request: the hexadecimal digits of a UUIDv7."""
    return uuid_utils.uuid7().hex
