"""Purposes that subscribers agree to (GDPR fields): consent purposes of the audience."""

from carillon.audience.consents import ChangePurpose, CreatePurpose, change_purpose, create_purpose
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.lists import actor_in, naming_list
from carillon.dialects.apifon.replies import location_of
from carillon.dialects.rest import Answer, Call
from carillon.errors import NotFoundError


async def create(call: Call) -> Answer:
    """Add a purpose to a list."""
    asked: schemas.SaveGdprField = call.body
    command = CreatePurpose(name=asked.name, description=asked.description or "")
    with naming_list():
        await call.db.run(create_purpose, actor_in(call), command)
    return Answer(data=None, status=201, headers={"Location": location_of(call)})


async def update(call: Call) -> Answer:
    """Change a purpose of a list."""
    asked: schemas.SaveGdprField = call.body
    key = call.request.segments["field"]
    command = ChangePurpose(key=key, name=asked.name, description=asked.description)
    try:
        with naming_list():
            await call.db.run(change_purpose, actor_in(call), command)
    except NotFoundError as error:
        if error.subject == "purpose":
            raise NotFoundError("field", f"The list has no field {key[:100]!r}.") from error
        raise
    return Answer(data=None, status=200, headers={"Location": location_of(call)})
