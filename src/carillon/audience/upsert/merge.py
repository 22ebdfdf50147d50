"""Rows of one batch that share a key or a contact are taken one by one, in their order: later ones merge into earlier.

This is the sequential statement of the engine's rule, on the few contacts that such rows concern. It ends in net
effects: one insert for each new contact, one update for each existing one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from carillon.addresses.phones import MIN_VALID_QUALITY
from carillon.audience.upsert.rows import DEVICE, FRAME_SCHEMA, KEYS, RowError, decode_patch, encode_patch

PATCH_SCHEMA = {name: kind for name, kind in FRAME_SCHEMA.items() if name not in {"row", *DEVICE}}
INSERT_SCHEMA: dict[str, type[pl.DataType]] = {"row": pl.Int64, **PATCH_SCHEMA}
UPDATE_SCHEMA: dict[str, type[pl.DataType]] = {"contact_id": pl.Int64, **PATCH_SCHEMA}
# What belongs to a key and moves with it.
_COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "phone": ("phone_quality", "phone_region"),
    "email": ("email_given",),
    "external_id": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The net effects of the interdependent rows.

    `inserts` are new contacts by the row that inserted them; `changes` are patches of existing ones; `outcomes` has for
    each row its contact (by id, or by the row that inserts it) and its outcome; `address_changed` are existing contacts
    with another address, `archived` the contacts that are archived and won't be.
    """

    inserts: pl.DataFrame
    changes: pl.DataFrame
    outcomes: list[tuple[int, int | None, int | None, str]]
    errors: list[RowError]
    address_changed: list[int]
    archived: list[int]


@dataclass(slots=True)
class _State:
    """A contact as the rows so far have left it."""

    contact_id: int | None
    inserted_by: int | None
    values: dict[str, Any] = field(default_factory=lambda: dict.fromkeys((*PATCH_SCHEMA,)))
    fields: dict[str, Any] = field(default_factory=dict)
    archived: bool = False


def merge_rows(
    rows: Iterable[Mapping[str, Any]],
    loaded: Iterable[Mapping[str, Any]],
    *,
    target: int | None = None,
    is_file: bool = False,
    archived: Collection[int] = (),
) -> Merged:
    """Take rows one by one, in their order, against the contacts that any of their keys names.

    With a `target` all rows mean that contact, which has to be among the loaded ones. `is_file` is `Batch`'s, and
    `archived` are the numbers of the rows that say so.
    """
    before = {record["contact_id"]: record for record in loaded}
    merging = _Merging(before.values(), is_file=is_file, archived=archived)
    for row in rows:
        merging.take(row, target)
    old = [state for state in merging.states if state.contact_id is not None]
    changes = [change for state in old if (change := _net_change(before[state.contact_id], state))]
    inserts = [_insert(state) for state in merging.states if state.inserted_by is not None]
    return Merged(
        inserts=pl.DataFrame(inserts, schema=INSERT_SCHEMA),
        changes=pl.DataFrame(changes, schema=UPDATE_SCHEMA),
        outcomes=merging.outcomes,
        errors=merging.errors,
        address_changed=[one["contact_id"] for one in changes if one["phone"] is not None or one["email"] is not None],
        archived=merging.archived,
    )


class _Merging:
    """The contacts that interdependent rows concern, and which of them owns which key."""

    def __init__(self, loaded: Iterable[Mapping[str, Any]], *, is_file: bool, archived: Collection[int]) -> None:
        self._is_file = is_file
        self._archived_rows = archived
        self.states: list[_State] = []
        self.outcomes: list[tuple[int, int | None, int | None, str]] = []
        self.errors: list[RowError] = []
        self.archived: list[int] = []
        self._owners: dict[tuple[str, str], _State] = {}
        for record in loaded:
            state = _State(contact_id=record["contact_id"], inserted_by=None, archived=record["archived"])
            state.values |= {name: record[name] for name in state.values if name in record}
            state.fields = decode_patch(record["fields"])
            self._own(state)

    def _own(self, state: _State) -> None:
        self.states.append(state)
        for key in KEYS:
            if state.values[key] is not None:
                self._owners[key, state.values[key]] = state

    def take(self, row: Mapping[str, Any], target: int | None) -> None:
        """Apply one row: to the target, else to the contact of its first key that has one, else to a new one."""
        if target is None:
            owners = (self._owners.get((key, row[key])) for key in KEYS if row[key])
            state = next((owner for owner in owners if owner), None)
        else:
            state = next(one for one in self.states if one.contact_id == target)
        outcome, is_archived = "new", row["row"] in self._archived_rows
        if state is None:
            state = _State(contact_id=None, inserted_by=row["row"], archived=is_archived)
            self.states.append(state)
            self._apply(state, row)
        else:
            is_archived = is_archived or (self._is_file and state.archived)
            outcome = "updated" if self._apply(state, row) or state.archived != is_archived else "unchanged"
            if state.archived and not is_archived and state.contact_id is not None:
                self.archived.append(state.contact_id)
            state.archived = is_archived
        self.outcomes.append((row["row"], state.contact_id, state.inserted_by, outcome))

    def _apply(self, state: _State, row: Mapping[str, Any]) -> bool:
        changed = [self._apply_key(state, key, row) for key in KEYS if row[key] is not None]
        if row["landline"] is not None:
            landline = row["landline"] or None
            changed.append(landline != state.values["landline"])
            state.values["landline"] = landline
        for name, value in decode_patch(row["patch"]).items():
            changed.append(state.fields.get(name) != value)
            state.fields[name] = value
        emptied = [state.fields.pop(name, None) for name in (row["unset"] or "").split(",")]
        return any(changed) or any(value is not None for value in emptied)

    def _apply_key(self, state: _State, key: str, row: Mapping[str, Any]) -> bool:
        value = row[key] or None
        owner = self._owners.get((key, value)) if value else None
        if owner is not None and owner is not state:
            self._report_conflict(key, row, owner)
            return False
        old = state.values[key]
        if key == "phone" and self._is_file and _is_worse(row, state.values):
            self.errors.append(phone_kept(row["row"], row["phone"], old))
            return False
        companions = {name: row[name] if value else None for name in _COMPANIONS[key]}
        changed = value != old or (key == "email" and companions["email_given"] != state.values["email_given"])
        if old is not None:
            self._owners.pop((key, old), None)
        if value is not None:
            self._owners[key, value] = state
        state.values |= {key: value, **companions}
        return changed

    def _report_conflict(self, key: str, row: Mapping[str, Any], owner: _State) -> None:
        whose = f"contact {owner.contact_id}" if owner.contact_id else "another contact of this batch"
        message = f"The value belongs to {whose} and stays there."
        self.errors.append(RowError(row["row"], key, "conflict", row[key], message))


def _is_worse(row: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Tell whether a row has another phone, which isn't valid, in the place of one that is."""
    if not row["phone"] or row["phone"] == known["phone"] or not known["phone"]:
        return False
    return bool(row["phone_quality"] < MIN_VALID_QUALITY <= known["phone_quality"])


def phone_kept(row: int, given: str, known: str) -> RowError:
    """Report a phone that isn't valid and would replace a valid one."""
    message = f"The contact keeps +{known}, a valid number: +{given} is none."
    return RowError(row, "phone", "conflict", given, message)


def _insert(state: _State) -> dict[str, Any]:
    return {**state.values, "row": state.inserted_by, "patch": encode_patch(state.fields), "unset": None}


def _net_change(before: Mapping[str, Any], state: _State) -> dict[str, Any] | None:
    """Return the patch from the loaded contact to what the rows made of it; None when nothing changed."""
    old_fields = decode_patch(before["fields"])
    sets = {name: value for name, value in state.fields.items() if name not in old_fields or old_fields[name] != value}
    change: dict[str, Any] = dict.fromkeys(PATCH_SCHEMA)
    for key in KEYS:
        names = (key, *_COMPANIONS[key])
        if any(state.values[name] != before[name] for name in names):
            change |= {name: state.values[name] for name in names}
            change[key] = state.values[key] or ""
    if state.values["landline"] != before["landline"]:
        change["landline"] = state.values["landline"] or ""
    change["unset"] = ",".join(sorted(old_fields.keys() - state.fields.keys())) or None
    if not sets and all(value is None for value in change.values()):
        return None
    return {**change, "contact_id": state.contact_id, "patch": encode_patch(sets)}
