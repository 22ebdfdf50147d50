"""Fields that subscribers of a list can have."""

from msgspec.structs import replace

from carillon.audience.audiences import ChangeAudience
from carillon.audience.descriptions import AudienceDescription, AudienceEdit, EditAudience, edit_audience
from carillon.audience.field_types import Kind
from carillon.audience.fields import NewField, field_called, free_name
from carillon.audience.names import free_key
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.lists import actor_in, naming_list
from carillon.dialects.apifon.mapping import chosen
from carillon.dialects.apifon.mapping_structure import (
    KINDS,
    ListAttributes,
    SubscriberField,
    attributes_of,
    stored_attributes,
)
from carillon.dialects.apifon.mapping_values import DATE_FORMATS
from carillon.dialects.apifon.replies import location_of
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError

_DATE = "DATE"
_DATE_PREFIX = "date_"
_KINDS_OF_DATES = {Kind.DATE, Kind.DATETIME}


async def create(call: Call) -> Answer:
    """Add a field to a list."""
    asked: schemas.AddField = call.body
    kind, name, length = chosen(asked.type, tuple(KINDS), "type"), _name(asked.name), _length(asked.length)
    date_format = _date_format(asked.date_format)
    _check_format(kind, date_format)

    def decide(described: AudienceDescription) -> AudienceEdit:
        attributes = attributes_of(described)
        known = field_called(name, _KINDS_OF_DATES if kind == _DATE else {KINDS[kind]}, described.fields)
        if known in {one.ours for one in attributes.fields}:
            known = None
        ours = known or free_name(name, [one.name for one in described.fields])
        before = _DATE_PREFIX if kind == _DATE else ""
        added = SubscriberField(
            field=free_key(name, {one.field for one in attributes.fields}, before),
            name=name,
            type=kind,
            length=length,
            internal=bool(asked.internal),
            date_format=date_format or (DATE_FORMATS[0] if kind == _DATE else None),
            ours=ours,
        )
        created = {} if known else {ours: NewField(label=name, kind=KINDS[kind])}
        attributes.fields.append(added)
        return AudienceEdit(change=_change(attributes), create_fields=created)

    await _edit(call, EditAudience(decide=decide))
    return Answer(data=None, status=201, headers={"Location": location_of(call)})


async def update(call: Call) -> Answer:
    """Change a field of a list."""
    asked: schemas.ChangeField = call.body
    name, length, date_format = _name(asked.name), _length(asked.length), _date_format(asked.date_format)

    def decide(described: AudienceDescription) -> AudienceEdit:
        attributes, place = _found(described, call.request.segments["field"])
        field = attributes.fields[place]
        _check_format(field.type, date_format)
        attributes.fields[place] = replace(
            field,
            name=name,
            length=length,
            date_format=date_format or field.date_format,
            internal=field.internal if asked.internal is None else asked.internal,
        )
        return AudienceEdit(change=_change(attributes))

    await _edit(call, EditAudience(decide=decide))
    return Answer(data=None, status=200, headers={"Location": location_of(call)})


async def delete(call: Call) -> Answer:
    """Remove a field, and what subscribers have in it."""

    def decide(described: AudienceDescription) -> AudienceEdit:
        attributes, place = _found(described, call.request.segments["field"])
        removed = attributes.fields.pop(place)
        return AudienceEdit(change=_change(attributes), delete_fields=[removed.ours])

    await _edit(call, EditAudience(decide=decide))
    return Answer(data=None, status=204)


async def _edit(call: Call, command: EditAudience) -> None:
    with naming_list():
        await call.db.run(edit_audience, actor_in(call), command)


def _change(attributes: ListAttributes) -> ChangeAudience:
    return ChangeAudience(attributes=stored_attributes(attributes))


def _found(described: AudienceDescription, identity: str) -> tuple[ListAttributes, int]:
    """Find a field's place among the list's. Raises NotFoundError for `field`."""
    attributes = attributes_of(described)
    for place, field in enumerate(attributes.fields):
        if field.field == identity:
            return attributes, place
    raise NotFoundError("field", f"The list has no field {identity[:100]!r}.")


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


def _check_format(kind: str, date_format: str | None) -> None:
    if date_format and kind != _DATE:
        raise InvalidInputError("date_format", "Only a field of the type DATE has one.")
