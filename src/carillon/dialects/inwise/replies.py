"""What operations answer, in inwise's terms."""

import msgspec
from msgspec import UNSET, UnsetType


class SavedContact(msgspec.Struct, kw_only=True):
    """Which contact it was."""

    id: int


class RowProblem(msgspec.Struct, kw_only=True):
    """What is wrong with a row, which counts from 1 below the line of names."""

    row: int
    field: str
    value: str
    message: str


class BatchInserted(msgspec.Struct, kw_only=True):
    """What became of the rows; `errors` are the first of `error_count`."""

    created: int
    updated: int
    unchanged: int
    skipped: int
    failed: int
    error_count: int
    errors: list[RowProblem]


class ShownField(msgspec.Struct, kw_only=True):
    """A personal field's value."""

    name: str
    content: str


class ShownContact(msgspec.Struct, kw_only=True):
    """A contact; `unsubscribed` names its addresses that are, and is left out where none is."""

    id: int
    email: str
    mobile_number: str
    external_id: str
    fields: list[ShownField]
    groups_ids: list[int]
    created: str
    unsubscribed: list[str] | UnsetType = UNSET
