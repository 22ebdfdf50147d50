"""What an Apifon list is made of: an audience of ours, and what only the dialect keeps of it and of its parts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec

from carillon.addresses.phones import calling_code
from carillon.audience.contacts.contact import read_id
from carillon.audience.descriptions import AudienceDescription, DescribedGroup, GroupSet
from carillon.audience.field_types import Kind
from carillon.audience.group_sets import AddedGroup, Selection
from carillon.audience.names import capitals
from carillon.audience.suppressions import Channel
from carillon.dialects.apifon.mapping import parse_id, show_id
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId, GroupId

ATTRIBUTE = "apifon"
"""The key of attributes under which the dialect keeps what only it shows."""

KINDS: Mapping[str, Kind] = {
    "TEXT": Kind.TEXT,
    "NUMBER": Kind.NUMBER,
    "DATE": Kind.DATETIME,
    "URL": Kind.TEXT,
    "EMAIL": Kind.TEXT,
    "MOBILE_NUMBER": Kind.TEXT,
}
CHANNELS: Mapping[str, Channel] = {"mobile": Channel.SMS, "email": Channel.EMAIL}
OTHER_GROUPS = "GROUPS"
"""The identifier of the group that holds, as its subgroups, the audience's groups that are in no group set."""
_OTHER = "GROUP_"


class SubscriberField(msgspec.Struct, kw_only=True):
    """A field of a list's subscribers; `ours` is the name of the audience's field."""

    field: str
    name: str
    type: str
    length: int
    internal: bool = False
    date_format: str | None = None
    ours: str


class ListAttributes(msgspec.Struct, kw_only=True):
    """What an audience's attributes hold; `double_optin` has nothing but review_mobile_details."""

    description: str = ""
    prefix: str = ""
    gdpr_properties: dict[str, Any] = {}
    double_optin: dict[str, bool] = {}
    fields: list[SubscriberField] = []


class GroupAttributes(msgspec.Struct, kw_only=True):
    """What a group set's attributes hold."""

    field: str = ""
    internal: bool = False
    orientation: str = "VERTICAL"
    form_hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A subgroup: a group of ours."""

    field: str
    name: str
    group_id: GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group: a group set of ours; without an id it is the one of OTHER_GROUPS."""

    group_set_id: UUID | None
    name: str
    selection: Selection
    attributes: GroupAttributes
    options: Sequence[Option]

    @property
    def field(self) -> str:
        """Its identifier."""
        return self.attributes.field

    def require_set(self) -> UUID:
        """Return the group set's id. Raises InvalidInputError where there is none to change."""
        if self.group_set_id is None:
            raise InvalidInputError(
                "group_field", "This holds what other APIs have made; its subgroups can be changed."
            )
        return self.group_set_id


@dataclass(frozen=True, kw_only=True)  # without slots: what is asked for again and again is kept
class SubscriberList:
    """A list of the caller's account; `actor` works in it."""

    actor: Actor
    described: AudienceDescription

    @property
    def list_id(self) -> str:
        """Its id as it is shown."""
        return show_id(self.described.audience.audience_id)

    @cached_property
    def attributes(self) -> ListAttributes:
        """What only the dialect shows."""
        return attributes_of(self.described)

    @cached_property
    def fields(self) -> Mapping[str, SubscriberField]:
        """Its fields by their identifiers."""
        return {one.field: one for one in self.attributes.fields}

    @cached_property
    def groups(self) -> Sequence[Group]:
        """Its groups; behind them the one of the groups that are in no set, while there are any."""
        options: dict[UUID | None, list[Option]] = {}
        for one in self.described.groups:
            option = Option(field=option_field(one), name=one.name, group_id=one.group_id)
            options.setdefault(one.group_set_id, []).append(option)
        groups = [_group(one, options.get(one.group_set_id, ())) for one in self.described.group_sets]
        return [*groups, _other_groups(options[None])] if None in options else groups

    @cached_property
    def options(self) -> Mapping[str, tuple[Group, Option]]:
        """The subgroups with their groups, by their identifiers."""
        return {option.field: (group, option) for group in self.groups for option in group.options}

    @cached_property
    def option_fields(self) -> Mapping[int, str]:
        """The identifiers of the subgroups, by the ids of our groups."""
        return {option.group_id: option.field for _, option in self.options.values()}


def _group(one: GroupSet, options: Sequence[Option]) -> Group:
    attributes = msgspec.convert(one.attributes.get(ATTRIBUTE, {}), GroupAttributes)
    attributes.field = attributes.field or unique_identifier(one.name, one.group_set_id)
    return Group(
        group_set_id=one.group_set_id,
        name=one.name,
        selection=one.selection,
        attributes=attributes,
        options=options,
    )


def _other_groups(options: Sequence[Option]) -> Group:
    attributes = GroupAttributes(field=OTHER_GROUPS, internal=True, form_hidden=True)
    return Group(group_set_id=None, name="Groups", selection=Selection.MULTIPLE, attributes=attributes, options=options)


def option_field(group: DescribedGroup | AddedGroup) -> str:
    """Return the identifier of a subgroup."""
    stored: str = group.attributes.get(ATTRIBUTE, {}).get("field", "")
    return stored or other_option(group.group_id)


def other_option(group_id: int) -> str:
    """Write the identifier of a subgroup that another API has made."""
    return f"{_OTHER}{group_id}"


def other_group_id(identity: str) -> int | None:
    """Read the identifier of a subgroup that another API has made, or None."""
    return read_id(identity.removeprefix(_OTHER)) if identity.startswith(_OTHER) else None


def unique_identifier(name: str, unique: UUID) -> str:
    """Derive a group's identifier from its name: Food becomes FOOD_ with a UUID."""
    return f"{capitals(name) or 'GROUP'}_{unique}"


def is_unique_identifier(identity: str) -> bool:
    """Whether it may be what `unique_identifier` has made."""
    _, _, unique = identity.rpartition("_")
    try:
        return str(UUID(unique)) == unique
    except ValueError:
        return False


def attributes_of(described: AudienceDescription) -> ListAttributes:
    """Read an audience's attributes; those of one that another API has made are empty but for the prefix."""
    audience = described.audience
    attributes = msgspec.convert(audience.attributes.get(ATTRIBUTE, {}), ListAttributes)
    attributes.prefix = attributes.prefix or f"+{calling_code(audience.country)}"
    return attributes


def stored_attributes(attributes: ListAttributes | GroupAttributes) -> dict[str, dict[str, Any]]:
    """Write attributes as ours hold them."""
    return {ATTRIBUTE: msgspec.to_builtins(attributes)}


def list_of(actor: Actor, described: AudienceDescription) -> SubscriberList:
    """Make a list of an audience of the actor's account."""
    audience = described.audience
    return SubscriberList(
        actor=replace(actor, audience_id=audience.audience_id, country=audience.country), described=described
    )


def inside(actor: Actor, list_id: str) -> Actor:
    """Return an actor in a list, which may not be there. Raises NotFoundError for `list` where it can't be."""
    audience_id = parse_id(list_id)
    if audience_id is None or not actor.reaches(audience_id):
        raise NotFoundError("list")
    return replace(actor, audience_id=AudienceId(audience_id))
