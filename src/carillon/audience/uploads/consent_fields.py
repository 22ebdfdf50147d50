"""Uploads of the version that kept consents in boolean fields: what their rows have in these are consents."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from carillon.audience.consents import ConsentChange
from carillon.audience.contacts.batch_write import WritePolicy
from carillon.audience.contacts.row_changes import RowChange
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.rows import ContactRow

ConsentFields = Mapping[str, tuple[str, Channel]]
"""Purposes and channels by the fields that were theirs; the upgrade that deletes the fields adds it to the upload."""

# What such an upload holds: that version has read what its callers gave.
_GRANTED = {"true": True, "false": False, "": None}


def with_consents(
    rows: Sequence[ContactRow], policy: WritePolicy, fields: ConsentFields
) -> tuple[list[ContactRow], WritePolicy]:
    """Move what rows have in the fields into the policy's changes."""
    kept, changes = list(rows), dict(policy.changes)
    for place, row in enumerate(rows):
        consents = list(_consents(row, fields))
        if consents:
            rest = {name: text for name, text in row.fields.items() if name not in fields}
            kept[place] = replace(row, fields=rest)
            changes[place + 1] = replace(changes.get(place + 1, RowChange()), consents=consents)
    return kept, replace(policy, changes=changes)


def _consents(row: ContactRow, fields: ConsentFields) -> Iterator[ConsentChange]:
    for name, text in row.fields.items():
        if name in fields and text in _GRANTED:
            purpose, channel = fields[name]
            yield ConsentChange(purpose, channel, _GRANTED[text])
