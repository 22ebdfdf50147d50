"""The upload of contacts to a list."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import islice

from carillon.audience.audiences import Audience, ChangeAudience, change_audience
from carillon.audience.contacts.insert import AddContacts, add_contacts
from carillon.audience.devices import RegisteredDevice, register_devices
from carillon.audience.field_types import Kind
from carillon.audience.fields import (
    MAX_FIELDS,
    CreateField,
    Field,
    ListFields,
    create_field,
    field_kinds,
    free_name,
    list_fields,
)
from carillon.audience.locks import lock_audience
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import Batch
from carillon.db.database import Database, Tx
from carillon.dialects.devino import mapping, replies, rows, schemas
from carillon.dialects.devino.errors import UNKNOWN, RefusedError
from carillon.dialects.devino.lists import field_map_of, find_list, within
from carillon.dialects.devino.mapping import FieldMap, NewField
from carillon.dialects.devino.rows import ReadContact, Wrong
from carillon.dialects.rest import Answer, Call
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId

_DUPLICATE = "DUPLICATE_VALUE"
# So often other contacts are asked what new fields are than rejected ones, and so many are looked at each time.
_TRIES, _SUSPECTS = 5, 20
_CHECKED = {"": None, "0": None, "1": "phone", "2": "email", "phone": "phone", "email": "email"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Contacts to add to a list, as they were sent; `unique` is the field that may not repeat, by Devino's name."""

    audience_id: int
    contacts: Sequence[object]
    unique: str
    zone: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An upload's contacts as they read by a list's fields."""

    field_map: FieldMap
    kinds: Mapping[str, Kind]
    contacts: Sequence[ReadContact]
    batch: Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """What became of the contacts, by their places from 1: an id, or what was wrong.

    `matched_none` is that of `add_contacts`.
    """

    audience_id: int
    contact_ids: dict[int, int]
    wrong: dict[int, Wrong]
    matched_none: bool


async def read_upload(db: Database, actor: Actor, command: Upload) -> Reading | None:
    """Read an upload before the list is locked, while others write in it; None when its list lacks fields."""
    field_map, kinds = await db.read(_known_fields, actor, command.audience_id)

    def read() -> Reading | None:
        lacks = any(True for _ in rows.missing_fields(command.contacts, field_map))
        return None if lacks else _read(command, field_map, kinds)

    return await asyncio.to_thread(read)


async def _known_fields(tx: Tx, actor: Actor, audience_id: int) -> tuple[FieldMap, Mapping[str, Kind]]:
    audience = await find_list(tx, actor, audience_id)
    return await field_map_of(tx, actor, audience), await field_kinds(tx, within(actor, audience))


def _read(command: Upload, field_map: FieldMap, kinds: Mapping[str, Kind]) -> Reading:
    contacts = [rows.read_contact(place, one, field_map, command.zone) for place, one in enumerate(command.contacts, 1)]
    batch = read_rows([one.row for one in contacts], None, kinds=kinds, keyless=True)
    return Reading(field_map=field_map, kinds=kinds, contacts=contacts, batch=batch)


async def upload(
    tx: Tx, actor: Actor, command: Upload, reading: Reading | None, *, expect_new: bool = False
) -> Uploaded:
    """Add contacts to a list; whoever is added to a stop list is suppressed on every channel.

    They are read again when the list's fields aren't any more what they were; `expect_new` is that of `add_contacts`.
    """
    audience = await find_list(tx, actor, command.audience_id)
    inside = within(actor, audience)
    await lock_audience(tx, inside)
    field_map, kinds = await _known_fields(tx, actor, command.audience_id)
    if reading is None or (reading.field_map.own, reading.kinds) != (field_map.own, kinds):
        audience = await find_list(tx, inside, command.audience_id)  # as it is now that it is locked
        known = _ListFields(audience=audience, own=await list_fields(tx, inside, ListFields()), kinds=kinds)
        fresh, missing = await asyncio.to_thread(_read_with_new_fields, command, known)
        await _make_fields(tx, inside, audience, missing)
        reading = fresh
    field_map, contacts, batch = reading.field_map, reading.contacts, reading.batch
    unique = _unique(field_map, command.unique)
    wrong = _wrong_of(reading)
    good = replace(batch, frame=batch.frame.filter(~batch.frame["row"].is_in(list(wrong))))
    added = await add_contacts(tx, inside, AddContacts(batch=good, unique=unique), expect_new=expect_new)
    for place in added.duplicates:
        wrong[place] = rows.wrong_of(field_map, unique or "", _DUPLICATE, "Duplicate")
    devices = [
        RegisteredDevice(contact_id=added.contact_ids[place], platform=platform, token=token, application=application)
        for place, one in enumerate(contacts, 1)
        if place in added.contact_ids
        for platform, token, application in one.devices
    ]
    await register_devices(tx, inside, devices)
    return Uploaded(
        audience_id=audience.audience_id,
        contact_ids=dict(added.contact_ids),
        wrong=wrong,
        matched_none=added.matched_none,
    )


def _wrong_of(reading: Reading) -> dict[int, Wrong]:
    """Tell by their places what is wrong with contacts, as far as reading them tells."""
    wrong = {place: one.wrong for place, one in enumerate(reading.contacts, 1) if one.wrong}
    for error in reading.batch.errors:
        wrong.setdefault(error.row, rows.wrong_of(reading.field_map, error.field, error.code, error.message))
    return wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListFields:
    """A list with its own fields, and the kinds of all that its contacts can have."""

    audience: Audience
    own: Sequence[Field]
    kinds: Mapping[str, Kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """An upload as it reads when the list gets new fields, by our names, as the contacts at `places` tell of them."""

    reading: Reading
    made: Mapping[str, NewField]
    places: frozenset[int]


def _try(command: Upload, known: _ListFields, last: Collection[int] = ()) -> _Trial:
    field_map, room = FieldMap(known.audience, known.own), MAX_FIELDS - len(known.own)
    made: dict[str, NewField] = {}
    places: set[int] = set()
    # Nobody waits until a million of them are read: a contact whose field the list has no room for is rejected.
    for place, field in islice(rows.missing_fields(command.contacts, field_map, last), room):
        places.add(place)
        made[free_name(field.name, [*known.kinds, *made])] = field
    kinds = {name: mapping.FIELD_KINDS[one.type] for name, one in made.items()}
    new = [
        Field(name=name, kind=kinds[name], label=one.name, created_at=known.audience.created_at)
        for name, one in made.items()
    ]
    audience = replace(known.audience, attributes=mapping.with_fields(known.audience.attributes, made))
    reading = _read(command, FieldMap(audience, [*known.own, *new]), {**known.kinds, **kinds})
    return _Trial(reading=reading, made=made, places=frozenset(places))


def _read_with_new_fields(command: Upload, known: _ListFields) -> tuple[Reading, Mapping[str, NewField]]:
    """Read an upload to a list that lacks fields, and give those that it gets, by our names.

    They are as contacts tell that aren't rejected: one that is costs no other its type, and makes none.
    """
    last: set[int] = set()
    for _ in range(_TRIES):
        trial = _try(command, known, last)
        wrong = _wrong_of(trial.reading)
        tellers = (trial.places & wrong.keys()) - last
        if not tellers:
            break
        # Whoever is wrong only beside another teller gives way to it when nobody is found that is wrong alone.
        found = _rejected_alone(command, known, trial, {place: wrong[place] for place in wrong.keys() - last})
        last |= found if found & tellers else tellers
    taken = [place for place in range(1, len(command.contacts) + 1) if place not in wrong]
    filled = {name for place in taken for name in trial.reading.contacts[place - 1].row.fields}
    named = {name for place in taken for name in rows.field_names(command.contacts[place - 1])}
    return trial.reading, {name: one for name, one in trial.made.items() if name in filled or one.name in named}


def _rejected_alone(command: Upload, known: _ListFields, trial: _Trial, wrong: Mapping[int, Wrong]) -> set[int]:
    """Tell which contacts are rejected whatever the others say that new fields are."""
    names = {one.name for one in trial.made.values()}
    by_new = [place for place, one in wrong.items() if one.field_name in names]
    suspects = {place: replace(command, contacts=[command.contacts[place - 1]]) for place in by_new[:_SUSPECTS]}
    alone = {place for place, one in suspects.items() if _wrong_of(_try(one, known).reading)}
    return alone | (wrong.keys() - set(by_new))


async def _make_fields(tx: Tx, inside: Actor, audience: Audience, missing: Mapping[str, NewField]) -> None:
    for name, one in missing.items():
        await create_field(tx, inside, CreateField(name=name, kind=mapping.FIELD_KINDS[one.type], label=one.name))
    if missing:
        attributes = mapping.with_fields(audience.attributes, missing)
        await change_audience(tx, inside, ChangeAudience(attributes=attributes))


def _unique(field_map: FieldMap, name: str) -> str | None:
    if name.strip().lower() in _CHECKED:
        return _CHECKED[name.strip().lower()]
    word = field_map.find(name.strip())
    if word is None:
        raise RefusedError("duplicateCheckField", UNKNOWN, "the list has no such field")
    return word.field


async def batch(call: Call) -> Answer:
    """Add contacts to a list; each has its own result."""
    asked: schemas.Batch = call.body
    command = Upload(
        audience_id=mapping.list_id(asked.contact_group_id),
        contacts=asked.contacts,
        unique=asked.duplicate_check_field,
        zone=mapping.read_zone(call.query.zone_offset),
    )
    inside = replace(call.actor, audience_id=AudienceId(command.audience_id))
    reading = await read_upload(call.db, call.actor, command)
    hope = call.optimistic_inserts.of(inside)
    done = await hope.write(partial(call.db.run, upload, call.actor, command, reading))
    hope.learn(matched_none=done.matched_none)
    return Answer(data=replies.Result([_outcome(done, place) for place in range(1, len(asked.contacts) + 1)]))


def _outcome(done: Uploaded, place: int) -> replies.AddedContact:
    wrong = done.wrong.get(place)
    if wrong is None:
        shown = mapping.contact_id(done.audience_id, done.contact_ids[place])
        return replies.AddedContact(code="OK", result=replies.Outcome(contact_id=shown))
    outcome = replies.Outcome(
        localization_key=wrong.localization_key, field_name=wrong.field_name, display_name=wrong.display_name
    )
    return replies.AddedContact(code="REJECTED", result=outcome, description=wrong.description)
