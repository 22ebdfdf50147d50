"""The operations on contact lists. A list is an audience of the account."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from carillon.audience.audience_fields import AudienceFields, CreateAudienceWithFields, create_audience_with_fields
from carillon.audience.audiences import CreateAudience, PageAudiences, count_audiences, delete_audience, page_audiences
from carillon.audience.fields import NewField, fields_of_audiences
from carillon.dialects.devino import errors, mapping, replies, schemas
from carillon.dialects.devino.mapping_fields import MAIN_NAMES, SET_HERE, FieldMap, new_field, read_type
from carillon.dialects.devino.paging import read_span
from carillon.dialects.reading import read_request, read_text, require
from carillon.dialects.rest import Answer, Call
from carillon.errors import AudienceConfinedError, InvalidInputError, MissingInputError, NotFoundError
from carillon.kit.ids import AudienceId


async def create(call: Call) -> Answer:
    asked: schemas.CreateList = call.body
    audience = CreateAudience(
        name=mapping.checked_length(asked.name, "name"),
        kind=mapping.read_kind(asked.type),
        idle_days=mapping.IDLE_DAYS if asked.auto_delete_enabled else None,
    )
    command = CreateAudienceWithFields(audience=audience, fields=_new_fields(asked.fields))
    made = await call.db.run(create_audience_with_fields, call.actor, command)
    return Answer(data=replies.Result(str(made.audience_id)))


def _new_fields(given: Sequence[object]) -> list[NewField]:
    fields: dict[str, NewField] = {}
    for place, item in enumerate(given):
        path = f"fields[{place}]"
        one = read_request(schemas.ListField, item, path)
        require(one, path)
        name = mapping.checked_length(one.name, f"{path}.name")
        if name in fields or "\0" in name:
            raise InvalidInputError(f"{path}.name", "a list has one field of a name")
        if name.lower() in MAIN_NAMES | SET_HERE:  # every list has it
            continue
        fields[name] = new_field(
            name,
            mapping.checked_length(one.display_name, f"{path}.displayName") or name,
            read_type(one.type, f"{path}.type"),
            [mapping.checked_length(read_text(value, f"{path}.values"), f"{path}.values") for value in one.values],
        )
    return list(fields.values())


async def show_all(call: Call) -> Answer:
    """Show lists, oldest first."""
    asked: schemas.ListLists = call.query
    zone = mapping.read_zone(asked.zone_offset)
    limit, offset = read_span(asked.limit, asked.offset)
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
    shown = [] if kinds is None else await _shown(call, query, zone)
    return Answer(data=replies.Result(shown))


_LAST_YEAR = 9999


async def _shown(call: Call, query: PageAudiences, zone: timedelta) -> list[replies.ContactList]:
    found = (await call.db.read(page_audiences, call.actor, query)).items
    audience_ids = [one.audience_id for one in found]
    counts = await call.db.read(count_audiences, call.actor, audience_ids)
    fields = await call.db.read(fields_of_audiences, call.actor, audience_ids)
    company_id = call.actor.account_id
    listed = [AudienceFields(audience=one, custom=fields[one.audience_id]) for one in found]
    return [
        mapping.show_list(one.audience, FieldMap(one), counts[one.audience.audience_id], company_id, zone)
        for one in listed
        if one.audience.audience_id in counts
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
    except NotFoundError as error:
        return _refused(text, errors.reason_of(error))
    except AudienceConfinedError as error:
        return _refused(text, errors.reason_of(error))
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
