"""What an audience has beside its contacts, as files carry it: custom fields, purposes, and groups without members."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from carillon.audience.consents import CreatePurpose, Purpose, list_purposes, make_purposes
from carillon.audience.export_columns import consent_column, read_consent_column
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateFields, Field, ListFields, NewField, create_fields, field_kinds, list_fields
from carillon.audience.groups import SaveGroup, groups_by_name, name_key, save_group
from carillon.audience.locks import lock_audience
from carillon.audience.suppressions import Channel
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "definitions.sql")


class Defined(StrEnum):
    """What a definition is of."""

    FIELD = "field"
    PURPOSE = "purpose"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A custom field by its name, a purpose by its key, or a group by its name.

    `kind` is a field's; `label` is a field's label or a purpose's name.
    """

    of: Defined
    name: str
    kind: Kind | None = None
    label: str = ""
    description: str = ""


async def definitions(tx: Tx, actor: Actor) -> list[Definition]:
    """List what contacts' rows don't tell: fields, purposes, and groups that no contact is in or that are described."""
    fields = await list_fields(tx, actor, ListFields())
    purposes = await list_purposes(tx, actor)
    groups = await tx.fetch(SQL["groups_beside_members"], actor.account_id, actor.audience_id)
    return [
        *map(_of_field, fields),
        *map(_of_purpose, purposes),
        *(Definition(of=Defined.GROUP, name=row["name"], description=row["description"] or "") for row in groups),
    ]


def _of_field(field: Field) -> Definition:
    return Definition(of=Defined.FIELD, name=field.name, kind=field.kind, label=field.label)


def _of_purpose(purpose: Purpose) -> Definition:
    return Definition(of=Defined.PURPOSE, name=purpose.key, label=purpose.name, description=purpose.description)


def defined_kinds(given: Sequence[Definition]) -> Mapping[str, Kind]:
    """Return the kinds of the fields among definitions."""
    return {one.name: one.kind for one in given if one.of is Defined.FIELD and one.kind is not None}


def defined_purposes(given: Sequence[Definition]) -> Collection[str]:
    """Return the keys of the purposes among definitions."""
    return [one.name for one in given if one.of is Defined.PURPOSE]


async def make_definitions(tx: Tx, actor: Actor, given: Sequence[Definition]) -> None:
    """Make what the audience lacks; what it has stays as it is.

    Raises InvalidInputError for `file`, with the name of what can't be made.
    """
    await lock_audience(tx, actor)
    kinds = await field_kinds(tx, actor)
    groups = await groups_by_name(tx, actor, {one.name for one in given if one.of is Defined.GROUP})
    for one in given:
        try:
            if one.of is Defined.FIELD and one.name not in kinds:
                field = NewField(label=one.label or one.name, kind=one.kind or Kind.TEXT)
                await create_fields(tx, actor, CreateFields(fields={one.name: field}))
            elif one.of is Defined.PURPOSE:
                _check_key(one.name)
                purpose = CreatePurpose(name=one.label or one.name, description=one.description)
                await make_purposes(tx, actor, {one.name: purpose})
            elif one.of is Defined.GROUP and name_key(one.name) not in groups:
                await save_group(tx, actor, SaveGroup(name=one.name, description=one.description or None))
        except InvalidInputError as error:
            message = f"The {one.of} “{one.name[:100]}” can't be made: {error.message}"
            raise InvalidInputError("file", message) from error


def _check_key(key: str) -> None:
    if read_consent_column(consent_column(key, Channel.SMS)) is None:
        raise InvalidInputError("key", "A purpose's key is 1 to 64 letters, digits and _.")
