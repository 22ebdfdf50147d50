"""An audience together with its fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from carillon.audience.audiences import Audience, CreateAudience, GetAudience, create_audience, get_audience
from carillon.audience.field_types import Kind
from carillon.audience.fields import (
    CreateFields,
    Field,
    ListFields,
    NewField,
    create_fields,
    free_name,
    kinds_of,
    list_fields,
)
from carillon.db.database import Tx
from carillon.kit.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceFields:
    """An audience, and its custom fields by name."""

    audience: Audience
    custom: Sequence[Field]

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kind of every field that its contacts can have, built-in ones first."""
        return kinds_of(self.custom)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAudienceWithFields:
    """Make an audience with custom fields, whose names are derived from their labels."""

    audience: CreateAudience
    fields: Sequence[NewField]


async def create_audience_with_fields(tx: Tx, actor: Actor, command: CreateAudienceWithFields) -> Audience:
    """Make an audience with its fields, wholly or not at all. Raises as `create_audience` and `create_fields` do."""
    names: list[str] = []
    for one in command.fields:
        names.append(free_name(one.label, names))
    audience = await create_audience(tx, actor, command.audience)
    inside = replace(actor, audience_id=audience.audience_id, country=audience.country)
    fields = dict(zip(names, command.fields, strict=True))
    await create_fields(tx, inside, CreateFields(fields=fields))
    return await get_audience(tx, inside, GetAudience(audience_id=audience.audience_id))


async def audience_fields(tx: Tx, actor: Actor) -> AudienceFields:
    """Return the actor's audience with its fields. Raises NotFoundError for `audience`."""
    audience = await get_audience(tx, actor, GetAudience(audience_id=actor.audience_id))
    return AudienceFields(audience=audience, custom=await list_fields(tx, actor, ListFields()))
