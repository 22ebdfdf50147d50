"""The operations on contact lists. A list is an audience of the account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from carillon.audience.audiences import (
    Audience,
    AudienceCounts,
    AudienceKind,
    CreateAudience,
    GetAudience,
    PageAudiences,
    count_audiences,
    create_audience,
    delete_audience,
    get_audience,
    page_audiences,
)
from carillon.audience.fields import CreateField, ListFields, create_field, free_name, list_fields
from carillon.db.database import Tx
from carillon.dialects.devino import errors, mapping, replies, schemas
from carillon.dialects.devino.mapping import FieldMap, NewField
from carillon.dialects.reading import read_request, read_text, require
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, MissingInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeList:
    """A list to make."""

    name: str
    kind: AudienceKind
    idle_days: int | None
    fields: Sequence[NewField]


async def make_list(tx: Tx, actor: Actor, command: MakeList) -> Audience:
    """Make a list with its fields, wholly or not at all."""
    names: list[str] = []
    for one in command.fields:
        names.append(free_name(one.name, names))
    audience = await create_audience(
        tx,
        actor,
        CreateAudience(
            name=command.name,
            kind=command.kind,
            idle_days=command.idle_days,
            attributes=mapping.with_fields({}, dict(zip(names, command.fields, strict=True))),
        ),
    )
    inside = within(actor, audience)
    for name, one in zip(names, command.fields, strict=True):
        await create_field(tx, inside, CreateField(name=name, kind=mapping.FIELD_KINDS[one.type], label=one.name))
    return audience


def within(actor: Actor, audience: Audience) -> Actor:
    """Give the actor inside of a list."""
    return replace(actor, audience_id=audience.audience_id, country=audience.country)


async def find_list(tx: Tx, actor: Actor, audience_id: int) -> Audience:
    """Find a list of the account. Raises NotFoundError."""
    try:
        return await get_audience(tx, actor, GetAudience(audience_id=audience_id))
    except NotFoundError as error:
        raise mapping.unknown_list() from error


async def field_map_of(tx: Tx, actor: Actor, audience: Audience) -> FieldMap:
    """Give the fields of a list's contacts under Devino's names."""
    return FieldMap(audience, await list_fields(tx, within(actor, audience), ListFields()))


async def create(call: Call) -> Answer:
    """Make a list."""
    asked: schemas.CreateList = call.body
    command = MakeList(
        name=mapping.checked_length(asked.name, "name"),
        kind=mapping.read_kind(asked.type),
        idle_days=mapping.IDLE_DAYS if asked.auto_delete_enabled else None,
        fields=_new_fields(asked.fields),
    )
    audience = await call.db.run(make_list, call.actor, command)
    return Answer(data=replies.Result(str(audience.audience_id)))


def _new_fields(given: Sequence[object]) -> list[NewField]:
    fields: dict[str, NewField] = {}
    for place, item in enumerate(given):
        path = f"fields[{place}]"
        one = read_request(schemas.ListField, item, path)
        require(one, path)
        name = mapping.checked_length(one.name, f"{path}.name")
        if name in fields or "\0" in name:
            raise InvalidInputError(f"{path}.name", "a list has one field of a name")
        if name.lower() in mapping.MAIN_NAMES | mapping.SET_HERE:  # every list has it
            continue
        fields[name] = NewField(
            name=name,
            display_name=mapping.checked_length(one.display_name, f"{path}.displayName") or name,
            type=mapping.read_type(one.type, f"{path}.type"),
            values=[
                mapping.checked_length(read_text(value, f"{path}.values"), f"{path}.values") for value in one.values
            ],
        )
    return list(fields.values())


async def show_all(call: Call) -> Answer:
    """Show lists, oldest first."""
    asked: schemas.ListLists = call.query
    zone = mapping.read_zone(asked.zone_offset)
    limit, offset = mapping.read_span(asked.limit, asked.offset)
    until = mapping.read_moment(asked.created_to, zone, "to")
    kinds = mapping.read_kinds([read_text(one, "type") for one in asked.type])
    query = PageAudiences(
        limit=limit,
        offset=offset,
        name=asked.name.strip() or None,
        since=mapping.read_moment(asked.created_from, zone, "from"),
        until=until + timedelta(seconds=1) if until and until.year < _LAST_YEAR else until,
        kinds=kinds or (),
        sweeps=asked.auto_delete_enabled,
    )
    shown: list[replies.ContactList] = []
    if kinds is not None:
        shown = await call.db.read(_shown, call.actor, query, zone)
    return Answer(data=replies.Result(shown))


_LAST_YEAR = 9999


async def _shown(tx: Tx, actor: Actor, query: PageAudiences, zone: timedelta) -> list[replies.ContactList]:
    found = (await page_audiences(tx, actor, query)).items
    counts: Mapping[int, AudienceCounts] = await count_audiences(tx, actor, [one.audience_id for one in found])
    return [
        mapping.show_list(one, await field_map_of(tx, actor, one), counts[one.audience_id], actor.account_id, zone)
        for one in found
        if one.audience_id in counts
    ]


async def delete(call: Call) -> Answer:
    """Delete lists; each has its own result."""
    asked: schemas.DeleteLists = call.query
    ids = [text.strip() for one in asked.ids for text in read_text(one, "ids").split(",") if text.strip()]
    if not ids:
        raise MissingInputError("ids")
    if len(ids) > schemas.MAX_LISTS:
        raise errors.RefusedError("ids", errors.TOO_LONG, f"they are {schemas.MAX_LISTS} at most")
    return Answer(data=replies.Result([await _deleted(call, text) for text in ids]))


async def _deleted(call: Call, text: str) -> replies.DeletedList:
    try:
        await call.db.run(delete_audience, replace(call.actor, audience_id=AudienceId(mapping.list_id(text))))
    except NotFoundError:
        return _refused(text, errors.reason_of(mapping.unknown_list()))
    except InvalidInputError as error:
        if error.field == "audience":
            error = errors.RefusedError("contactGroupId", errors.FORBIDDEN, error.message)
        return _refused(text, errors.reason_of(error))
    return replies.DeletedList(code="OK", result=text)


def _refused(text: str, reason: errors.Reason) -> replies.DeletedList:
    return replies.DeletedList(
        code="REJECTED",
        result=text[:50],
        description=errors.describe(reason),
        reasons=[replies.Reason(reason.key, reason.ref)],
    )
