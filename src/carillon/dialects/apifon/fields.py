"""What subscribers of a list can have: fields and the purposes that they agree to."""

from dataclasses import dataclass

from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.fields import (
    REPEATED,
    CreateField,
    DeleteFields,
    ListFields,
    create_field,
    delete_fields,
    derived_name,
    free_name,
    list_fields,
)
from carillon.db.database import Tx
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.mapping import chosen
from carillon.dialects.apifon.replies import location_of
from carillon.dialects.apifon.structure import KINDS, GdprField, OpenList, SubscriberField, identifier, open_list
from carillon.dialects.apifon.values import DATE_FORMATS
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor

_DATE = "DATE"
_DATE_PREFIX = "date_"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteField:
    """A field of a list to make, or with `field` to change."""

    list_id: str
    field: str | None
    name: str
    length: int
    kind: str = ""
    date_format: str | None = None
    internal: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePurpose:
    """A purpose of a list to make, or with `field` to change."""

    list_id: str
    field: str | None
    name: str
    description: str | None


async def create(call: Call) -> Answer:
    """Add a field to a list."""
    asked: schemas.AddField = call.body
    kind = chosen(asked.type, tuple(KINDS), "type")
    return await _written(call, asked, kind, 201)


async def update(call: Call) -> Answer:
    """Change a field of a list."""
    return await _written(call, call.body, "", 200)


async def _written(call: Call, asked: schemas.AddField | schemas.ChangeField, kind: str, status: int) -> Answer:
    list_id = call.request.segments["list_id"]
    command = WriteField(
        list_id=list_id,
        field=call.request.segments.get("field"),
        name=_name(asked.name),
        length=_length(asked.length),
        kind=kind,
        date_format=_date_format(asked.date_format),
        internal=asked.internal,
    )
    await call.db.run(_write_field, call.actor, command)
    return Answer(data=None, status=status, headers={"Location": location_of(call)})


def _name(given: str) -> str:
    name = given.strip()
    if len(name) > schemas.MAX_TITLE_CHARACTERS:
        raise InvalidInputError("name", f"A name has at most {schemas.MAX_TITLE_CHARACTERS} characters.")
    return name


def _length(given: int | None) -> int:
    if given is None or not 1 <= given <= schemas.MAX_LENGTH:
        raise InvalidInputError("length", f"A length is 1 to {schemas.MAX_LENGTH}.")
    return given


def _date_format(given: str | None) -> str | None:
    if not given:
        return None
    if given.strip() not in DATE_FORMATS:
        raise InvalidInputError("date_format", f"This is one of {', '.join(DATE_FORMATS)}.")
    return given.strip()


async def _write_field(tx: Tx, actor: Actor, command: WriteField) -> None:
    opened = await open_list(tx, actor, command.list_id, lock=True)
    if command.field is None:
        opened.structure.fields.append(await _new_field(tx, opened, command))
    else:
        field = _found(opened, command.field)
        _check_format(field.type, command.date_format)
        field.name, field.length = command.name, command.length
        field.date_format = command.date_format or field.date_format
        field.internal = field.internal if command.internal is None else command.internal
    await opened.save(tx)


def _found(opened: OpenList, identity: str) -> SubscriberField:
    for field in opened.structure.fields:
        if field.field == identity:
            return field
    raise NotFoundError("field", f"The list has no field {identity[:100]!r}.")


def _check_format(kind: str, date_format: str | None) -> None:
    if date_format and kind != _DATE:
        raise InvalidInputError("date_format", "Only a field of the type DATE has one.")


async def _new_field(tx: Tx, opened: OpenList, command: WriteField) -> SubscriberField:
    _check_format(command.kind, command.date_format)
    before = _DATE_PREFIX if command.kind == _DATE else ""
    return SubscriberField(
        field=identifier(command.name, {one.field for one in opened.structure.fields}, before),
        name=command.name,
        type=command.kind,
        length=command.length,
        internal=bool(command.internal),
        date_format=command.date_format or (DATE_FORMATS[0] if command.kind == _DATE else None),
        ours=await _our_field(tx, opened, command.name, command.kind),
    )


async def _our_field(tx: Tx, opened: OpenList, name: str, kind: str) -> str:
    """Give the audience's field: one that other doors call the same, where it fits, or else a new one."""
    own = await list_fields(tx, opened.actor, ListFields())
    # The fields that keep repeated addresses are nobody's to name.
    labelled = {derived_name(one.label): (one.name, one.kind) for one in own if one.name not in REPEATED.values()}
    known = {**labelled, **{one: (one, its_kind) for one, its_kind in CANONICAL.items()}}
    fitting = {Kind.DATE, Kind.DATETIME} if kind == _DATE else {KINDS[kind]}
    same, its_kind = known.get(derived_name(name), (None, None))
    if same and its_kind in fitting and same not in {one.ours for one in opened.structure.fields}:
        return same
    return await _made(tx, opened, name, KINDS[kind], [one.name for one in own])


async def _made(tx: Tx, opened: OpenList, label: str, kind: Kind, taken: list[str]) -> str:
    field = await create_field(tx, opened.actor, CreateField(name=free_name(label, taken), kind=kind, label=label))
    return field.name


async def delete(call: Call) -> Answer:
    """Remove a field, and what subscribers have in it."""
    segments = call.request.segments
    await call.db.run(_delete, call.actor, segments["list_id"], segments["field"])
    return Answer(data=None, status=204)


async def _delete(tx: Tx, actor: Actor, list_id: str, identity: str) -> None:
    opened = await open_list(tx, actor, list_id, lock=True)
    field = _found(opened, identity)
    opened.structure.fields.remove(field)
    await delete_fields(tx, opened.actor, DeleteFields(names=[field.ours]))
    await opened.save(tx)


async def create_purpose(call: Call) -> Answer:
    """Add a purpose to a list."""
    return await _written_purpose(call, 201)


async def update_purpose(call: Call) -> Answer:
    """Change a purpose of a list."""
    return await _written_purpose(call, 200)


async def _written_purpose(call: Call, status: int) -> Answer:
    asked: schemas.SaveGdprField = call.body
    list_id = call.request.segments["list_id"]
    if len(asked.description or "") > schemas.MAX_TEXT_CHARACTERS:
        raise InvalidInputError("description", f"A text has at most {schemas.MAX_TEXT_CHARACTERS} characters.")
    command = WritePurpose(
        list_id=list_id,
        field=call.request.segments.get("field"),
        name=_name(asked.name),
        description=asked.description,
    )
    await call.db.run(_write_purpose, call.actor, command)
    return Answer(data=None, status=status, headers={"Location": location_of(call)})


async def _write_purpose(tx: Tx, actor: Actor, command: WritePurpose) -> None:
    opened = await open_list(tx, actor, command.list_id, lock=True)
    purposes = opened.structure.gdpr
    if command.field is None:
        own = [one.name for one in await list_fields(tx, opened.actor, ListFields())]
        mobile = await _made(tx, opened, f"{command.name} mobile", Kind.BOOLEAN, own)
        email = await _made(tx, opened, f"{command.name} email", Kind.BOOLEAN, [*own, mobile])
        purposes.append(
            GdprField(
                field=identifier(command.name, {one.field for one in purposes}),
                name=command.name,
                description=command.description or "",
                mobile=mobile,
                email=email,
            )
        )
    else:
        found = [one for one in purposes if one.field == command.field]
        if not found:
            raise NotFoundError("field", f"The list has no field {command.field[:100]!r}.")
        found[0].name = command.name
        if command.description is not None:
            found[0].description = command.description
    await opened.save(tx)
