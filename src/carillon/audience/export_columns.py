"""The columns of exports, which an import reads back: their names, and the cells that hold several values."""

import csv
import re
from collections.abc import Collection, Sequence
from io import StringIO
from itertools import chain

from carillon.audience.consent_names import reads_as_consent
from carillon.audience.suppressions import Channel

ID_COLUMN = "contact_id"
STATUS_COLUMNS = ("sms_status", "email_status")

EXPORT_COLUMNS = (
    ID_COLUMN,
    "phone",
    "email",
    "external_id",
    "landline",
    *STATUS_COLUMNS,
    "created_at",
    "updated_at",
)
"""The columns of every export; behind them come those of which any contact of the audience has a value."""

OWN_STATUS_COLUMNS = {"sms": "sms_own_status", "email": "email_own_status"}
"""What a contact itself said, where a suppression or a missing address lies over it."""

ARCHIVED_COLUMN = "archived_at"
ARCHIVED_STATUS = "archived"
"""The status of archived contacts that are subscribed or unconfirmed: who doesn't know it must not write to them."""

GROUPS_COLUMN = "groups"
DEVICES_COLUMN = "devices"

UNSUBSCRIPTION_COLUMNS = {
    channel: tuple(f"{channel}_unsubscribed_{detail}" for detail in ("at", "source", "by", "reason"))
    for channel in OWN_STATUS_COLUMNS
}
"""How a contact that is unsubscribed by itself came to be so: when, through what, by whom and why."""

EXPORT_ONLY_COLUMNS = (
    *OWN_STATUS_COLUMNS.values(),
    *chain.from_iterable(UNSUBSCRIPTION_COLUMNS.values()),
    ARCHIVED_COLUMN,
    GROUPS_COLUMN,
    DEVICES_COLUMN,
)
"""Columns of contacts that only an export has."""

BLOCK_COLUMNS = (
    "blocked_address",
    "blocked_channel",
    "blocked_at",
    "blocked_source",
    "blocked_by",
    "blocked_reason",
    "blocked_description",
)
"""Suppressions: rows of their own before the contacts, so that no part of a file reaches whom the whole doesn't."""

DEFINITION_COLUMNS = ("defined", "defined_name", "defined_kind", "defined_label", "defined_description")
"""Custom fields, purposes and groups without members: rows of their own before all others."""

CONSENT_DETAILS = ("given_at", "source", "actor")
_CONSENT = re.compile(r"consents\.(\w{1,64})\.(sms|email)")
_CONSENT_DETAIL = re.compile(rf"{_CONSENT.pattern}\.({'|'.join(CONSENT_DETAILS)})")
# What other programs call columns, too, and hardly any all of them.
_MARKS = {
    *("external_id", "landline", "created_at", "updated_at"),
    *(ARCHIVED_COLUMN, GROUPS_COLUMN, DEVICES_COLUMN),
}
_MARKS_WITH_ID = 2
_MARKS_WITHOUT_ID = 4
FIELD_PREFIX = "fields."
"""Before a field's name it says that a column is the field, whatever else it is called like."""


def is_export(header: Collection[str]) -> bool:
    """Tell whether a file is an export of contacts, or what a spreadsheet has left of its columns.

    Its columns mean what an export's do, whatever fields there are. An own status makes it one, and so do two columns
    of suppressions or definitions, `contact_id` with a status or two other marks, and four marks without it.
    """
    names = set(header)
    if not names.isdisjoint(OWN_STATUS_COLUMNS.values()):
        return True
    if any(len(names.intersection(columns)) > 1 for columns in (BLOCK_COLUMNS, DEFINITION_COLUMNS)):
        return True
    marks = [name for name in names if name in _MARKS or _CONSENT_DETAIL.fullmatch(name)]
    if ID_COLUMN in names:
        return not names.isdisjoint(STATUS_COLUMNS) or len(marks) >= _MARKS_WITH_ID
    return len(marks) >= _MARKS_WITHOUT_ID


def has_definitions(header: Collection[str]) -> bool:
    """Tell whether a file has rows of their own for fields, purposes and groups."""
    return set(header) >= set(DEFINITION_COLUMNS)


def status_column(channel: str) -> str:
    """Name the column of a channel's status."""
    return f"{channel}_status"


def consent_column(purpose: str, channel: str) -> str:
    """Name the column of a consent; behind it and a point come CONSENT_DETAILS."""
    return f"consents.{purpose}.{channel}"


def read_consent_column(column: str) -> tuple[str, Channel] | None:
    """Read a purpose's key and a channel from a column's name, or None."""
    match = _CONSENT.fullmatch(column)
    return (match[1], Channel(match[2])) if match else None


def field_column(field: str) -> str:
    """Name the column of a field; one that is called as a column of ours, or as consent, has a prefix."""
    ours = {*EXPORT_COLUMNS, *EXPORT_ONLY_COLUMNS, *BLOCK_COLUMNS, *DEFINITION_COLUMNS}
    is_taken = field in ours or field.startswith((FIELD_PREFIX, "consents.")) or reads_as_consent(field)
    return FIELD_PREFIX + field if is_taken else field


def read_field_column(column: str) -> str:
    """Return the field of a column."""
    return column.removeprefix(FIELD_PREFIX)


def join_names(names: Sequence[str]) -> str | None:
    """Write groups' names into a cell, with semicolons between them; one that has such signs is quoted."""
    if not names:
        return None
    cell = StringIO()
    csv.writer(cell, delimiter=";", lineterminator="").writerow(names)
    return cell.getvalue()


def split_names(cell: str) -> list[str]:
    """Read the names back."""
    return next(csv.reader(StringIO(cell, newline=""), delimiter=";"), [])
