"""Which custom fields a call makes whose rows name fields that their audience lacks.

They are as the rows say that are taken: a rejected row makes no field, and costs no other row the type of its own.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

from carillon.audience.audience_fields import AudienceFields
from carillon.audience.contacts.contact import Device
from carillon.audience.fields import MAX_FIELDS, Field, NewField, free_name, with_field_attributes
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import Batch, ContactRow, RowError

# So often the types of new fields are tried with other rows, and so many rows are tried alone each time.
_TRIES, _SUSPECTS = 5, 20


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row as it reads by its audience's fields; one that its API rejects has a failure."""

    row: ContactRow
    devices: Sequence[Device] = field(default=(), repr=False)


class UnreadRows(Protocol):
    """Rows of an API call, whose reading depends on the fields of their audience. They count from 1.

    Pure work, fit for a thread.
    """

    @property
    def size(self) -> int:
        """How many rows there are."""

    def read(self, fields: AudienceFields) -> Sequence[ReadRow]:
        """Read all rows."""

    def missing_fields(self, fields: AudienceFields, last: Collection[int] = ()) -> Iterator[tuple[int, NewField]]:
        """Yield the fields that rows name and the audience lacks, as the first row that names one has it.

        Each comes with that row's number; the rows in `last` come behind all others.
        """

    def labels(self, row: int) -> Iterator[str]:
        """Yield the labels of the fields that a row names, also without a value."""

    def unique_field(self, fields: AudienceFields) -> str | None:
        """Return the field whose value no two contacts may have, or phone or email. Raises InvalidInputError."""

    def alone(self, row: int) -> "UnreadRows":
        """Return a single row, as if the call had no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Rows as they read by `fields`. `missing` are those of the fields, by name, that the audience lacks."""

    fields: AudienceFields
    rows: Sequence[ReadRow]
    batch: Batch
    missing: Mapping[str, NewField] = field(default_factory=dict)

    @property
    def errors(self) -> Mapping[int, RowError]:
        """The first error of each row that has one."""
        return {error.row: error for error in reversed(self.batch.errors)}


def read_by(rows: UnreadRows, fields: AudienceFields) -> Reading:
    """Read rows by an audience's fields; phones are international."""
    read = rows.read(fields)
    batch = read_rows([one.row for one in read], None, kinds=fields.kinds, keyless=True)
    return Reading(fields=fields, rows=read, batch=batch)


def lacks_fields(rows: UnreadRows, fields: AudienceFields) -> bool:
    """Tell whether rows name a field that their audience lacks."""
    return any(True for _ in rows.missing_fields(fields))


def read_with_new_fields(rows: UnreadRows, fields: AudienceFields) -> Reading:
    """Read rows by their audience's fields and those that it gets; `missing` are the ones that are to be made."""
    last: set[int] = set()
    for _ in range(_TRIES):
        trial = _try(rows, fields, last)
        errors = trial.reading.errors
        deciding = (trial.deciding & errors.keys()) - last
        if not deciding:
            break
        # A row that is wrong only beside another deciding row gives way to it when no row is found that is wrong alone.
        found = _rejected_alone(rows, fields, trial, {row: errors[row] for row in errors.keys() - last})
        last |= found if found & deciding else deciding
    taken = [row for row in range(1, rows.size + 1) if row not in errors]
    filled = {name for row in taken for name in trial.reading.rows[row - 1].row.fields}
    named = {label for row in taken for label in rows.labels(row)}
    missing = {name: one for name, one in trial.reading.missing.items() if name in filled or one.label in named}
    return replace(trial.reading, missing=missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """Rows as they read with the fields that the rows in `deciding` say are missing."""

    reading: Reading
    deciding: frozenset[int]


def _try(rows: UnreadRows, fields: AudienceFields, last: Collection[int] = ()) -> _Trial:
    missing: dict[str, NewField] = {}
    deciding: set[int] = set()
    # No more are looked for than the audience has room for: a row with one more is rejected.
    for row, new in islice(rows.missing_fields(fields, last), max(0, MAX_FIELDS - len(fields.custom))):
        deciding.add(row)
        missing[free_name(new.label, [*fields.kinds, *missing])] = new
    audience = fields.audience
    made = [
        Field(name=name, kind=one.kind, label=one.label, created_at=audience.created_at)
        for name, one in missing.items()
    ]
    extended = AudienceFields(
        audience=replace(audience, attributes=with_field_attributes(audience.attributes, missing)),
        custom=[*fields.custom, *made],
    )
    return _Trial(reading=replace(read_by(rows, extended), missing=missing), deciding=frozenset(deciding))


def _rejected_alone(
    rows: UnreadRows, fields: AudienceFields, trial: _Trial, errors: Mapping[int, RowError]
) -> set[int]:
    """Return the rows that are rejected whatever the others say that new fields are."""
    missing = trial.reading.missing
    names = missing.keys() | {one.label for one in missing.values()}
    by_new = [row for row, error in errors.items() if error.field in names]
    alone = {row for row in by_new[:_SUSPECTS] if _try(rows.alone(row), fields).reading.errors}
    return alone | (errors.keys() - set(by_new))
