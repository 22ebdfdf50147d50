"""The operations on scheduled messages."""

from carillon.audience.contacts.contact import read_id
from carillon.dialects.nrs import replies, schemas
from carillon.dialects.nrs.errors import INVALID_GUID, INVALID_NEW_SCHEDULE, RefusedError
from carillon.dialects.nrs.mapping_campaigns import TYPES, show_scheduled
from carillon.dialects.nrs.mapping_sends import read_moment
from carillon.dialects.reading import read_text
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError
from carillon.messaging.scheduling import (
    ScheduledQuery,
    cancel_scheduled,
    list_scheduled,
    reschedule_scheduled,
)

PATH = "/api/rest/scheduled"

Asked = schemas.ListScheduled | schemas.DeleteScheduled | schemas.MoveScheduled


async def list_all(call: Call) -> Answer:
    """Show what is scheduled: with its content where one is asked for by its identifier."""
    asked: schemas.ListScheduled = call.query
    query = _query(asked, empty_is_all=True)
    found = [] if query is None else await call.db.read(list_scheduled, call.actor, query)
    named = query.guids if query is not None else None
    if named and not found:
        raise RefusedError(INVALID_GUID)
    if named and len(named) == 1:
        return Answer(data=replies.ScheduledList(result=show_scheduled(found[0], with_content=True), total=1))
    shown = [show_scheduled(one, with_content=False) for one in found]
    return Answer(data=replies.ScheduledList(result=list(shown), total=len(shown)))


async def update(call: Call) -> Answer:
    """Move what is scheduled to another moment; the query may name it as well as the body."""
    asked: schemas.MoveScheduled = call.body
    names_nothing = asked == schemas.MoveScheduled(schedule_date=asked.schedule_date)
    query = _query(call.query if names_nothing else asked, empty_is_all=False)
    try:
        moment = read_moment(asked.schedule_date)
    except ValueError as error:
        raise RefusedError(INVALID_NEW_SCHEDULE) from error
    if moment is None:
        raise RefusedError(INVALID_NEW_SCHEDULE)
    now = call.db.clock.now() + call.actor.clock_offset
    try:
        count = (
            0
            if query is None
            else await call.db.run(reschedule_scheduled, call.actor, query, scheduled_at=max(moment, now))
        )
    except InvalidInputError as error:
        raise RefusedError(INVALID_NEW_SCHEDULE) from error
    _require_some(query, count)
    return Answer(data=replies.Updated(result=True, updated=count))


async def delete(call: Call) -> Answer:
    """Cancel what is scheduled; the query may name it as well as the body."""
    body: schemas.DeleteScheduled = call.body
    asked = body if body != schemas.DeleteScheduled() else call.query
    query = _query(asked, empty_is_all=False)
    count = 0 if query is None else await call.db.run(cancel_scheduled, call.actor, query)
    _require_some(query, count)
    return Answer(data=replies.Deleted(result=True, deleted=count))


def _query(asked: Asked, *, empty_is_all: bool) -> ScheduledQuery | None:
    """Read what is named; None where nothing can be. Raises RefusedError for identifiers that can't be read."""
    guids: list[int] | None = None
    if asked.guid or (asked.guid is not None and not empty_is_all):
        guids = _guids(asked)
    kind = asked.type.strip().upper()
    if kind and kind not in TYPES:
        raise InvalidInputError("type", "It is SMS or MAILING.")
    if guids == [] or (kind and TYPES[kind] != TYPES["SMS"]):
        return None
    return ScheduledQuery(guids=guids, sending_number=asked.sending_id)


def _guids(asked: Asked) -> list[int]:
    try:
        texts = [part for one in asked.guid or () for part in read_text(one, "guid").split(",")]
    except InvalidInputError as error:
        raise RefusedError(INVALID_GUID) from error
    found = [read_id(one.strip()) for one in texts]
    if None in found:
        raise RefusedError(INVALID_GUID)
    return list(dict.fromkeys(one for one in found if one is not None))


def _require_some(query: ScheduledQuery | None, count: int) -> None:
    """Refuse identifiers of which none is scheduled: what was sent can't be changed any more."""
    if query is not None and query.guids and not count:
        raise RefusedError(INVALID_GUID)
