"""Ids that are types, so that a group's number is never taken for a contact's."""

from typing import NewType
from uuid import UUID

import uuid_utils
import uuid_utils.compat

AccountId = NewType("AccountId", int)
AudienceId = NewType("AudienceId", int)
ContactId = NewType("ContactId", int)
GroupId = NewType("GroupId", int)
ImportId = NewType("ImportId", UUID)


def new_uuid() -> UUID:
    """Make a UUIDv7: it sorts by the time of its making (RFC 9562, section 5.7)."""
    return uuid_utils.compat.uuid7()


def new_request_id() -> str:
    """Make the id of a request: the hexadecimal digits of a UUIDv7."""
    return uuid_utils.uuid7().hex
