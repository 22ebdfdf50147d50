"""What an Apifon list has beyond its audience: texts, fields, purposes and groups, kept under one attribute of it."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec

from carillon.addresses.phones import calling_code
from carillon.audience.audiences import Audience, ChangeAudience, GetAudience, change_audience, get_audience
from carillon.audience.contacts.contact import read_id
from carillon.audience.field_types import Kind
from carillon.audience.locks import lock_audience
from carillon.db.database import Tx
from carillon.dialects.apifon.mapping import parse_id, show_id
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId

ATTRIBUTE = "apifon"
"""The audience's attribute."""

KINDS: Mapping[str, Kind] = {
    "TEXT": Kind.TEXT,
    "NUMBER": Kind.NUMBER,
    "DATE": Kind.DATETIME,
    "URL": Kind.TEXT,
    "EMAIL": Kind.TEXT,
    "MOBILE_NUMBER": Kind.TEXT,
}
OTHER_GROUPS = "GROUPS"
"""The identifier of the group that holds, as its subgroups, the audience's groups that are in no group of the list."""
_OTHER = "GROUP_"
_IDENTIFIER_CHARACTERS = 60


class SubscriberField(msgspec.Struct, kw_only=True):
    """A field of a list's subscribers; `ours` is the name of the audience's field."""

    field: str
    name: str
    type: str
    length: int
    internal: bool = False
    date_format: str | None = None
    ours: str


class GdprField(msgspec.Struct, kw_only=True):
    """A purpose that subscribers agree to; `mobile` and `email` are the names of the audience's fields."""

    field: str
    name: str
    description: str = ""
    mobile: str
    email: str

    def names(self) -> dict[str, str]:
        """Give our fields by the vendor's channels."""
        return {"mobile": self.mobile, "email": self.email}


class Option(msgspec.Struct, kw_only=True):
    """A subgroup: a group of ours."""

    field: str
    group_id: int


class Group(msgspec.Struct, kw_only=True):
    """A group of subgroups."""

    field: str
    name: str
    type: str = "GROUP"
    internal: bool = False
    selection_type: str = "SINGLE"
    orientation: str = "VERTICAL"
    form_hidden: bool = False
    options: list[Option] = []


class Structure(msgspec.Struct, kw_only=True):
    """All of it."""

    description: str = ""
    prefix: str = ""
    campaign_defaults: dict[str, str] = {}
    gdpr_properties: dict[str, Any] = {}
    double_optin: dict[str, bool] = {}
    fields: list[SubscriberField] = []
    gdpr: list[GdprField] = []
    groups: list[Group] = []

    def options(self) -> dict[str, tuple[Group, Option]]:
        """Give the subgroups with their groups, by their identifiers."""
        return {option.field: (group, option) for group in self.groups for option in group.options}

    def all_groups(self, names: Mapping[int, str]) -> list[Group]:
        """Give the groups, with the one that holds what other doors have made; `names` are of the audience's groups."""
        own = {option.group_id for _, option in self.options().values()}
        others = [Option(field=other_option(one), group_id=one) for one in names if one not in own]
        if not others:
            return self.groups
        held = Group(
            field=OTHER_GROUPS,
            name="Groups",
            internal=True,
            selection_type="MULTIPLE",
            form_hidden=True,
            options=others,
        )
        return [*self.groups, held]


@dataclass(frozen=True, kw_only=True)  # without slots: what is asked for again and again is kept
class OpenList:
    """A list of the caller's account; `actor` works in it."""

    actor: Actor
    audience: Audience
    structure: Structure

    @property
    def list_id(self) -> str:
        """Its id as it is shown."""
        return show_id(self.audience.audience_id)

    @cached_property
    def option_names(self) -> Mapping[int, str]:
        """The identifiers of its subgroups, by the ids of our groups."""
        return {option.group_id: identity for identity, (_, option) in self.structure.options().items()}

    async def save(self, tx: Tx) -> None:
        """Keep what has been changed in the structure."""
        await change_audience(tx, self.actor, ChangeAudience(attributes=attributes_of(self.structure)))


def attributes_of(structure: Structure) -> dict[str, Any]:
    """Give the audience's attributes for a structure."""
    return {ATTRIBUTE: msgspec.to_builtins(structure)}


def structure_of(audience: Audience) -> Structure:
    """Give an audience's structure; of one that another door has made it is empty but for the prefix."""
    structure = msgspec.convert(audience.attributes.get(ATTRIBUTE, {}), Structure)
    structure.prefix = structure.prefix or f"+{calling_code(audience.country)}"
    return structure


def inside(actor: Actor, list_id: str) -> Actor:
    """Give an actor in a list, which may not be there. Raises NotFoundError for `list` where it can't be."""
    audience_id = parse_id(list_id)
    if audience_id is None:
        raise NotFoundError("list")
    return replace(actor, audience_id=AudienceId(audience_id))


async def open_list(tx: Tx, actor: Actor, list_id: str, *, lock: bool = False, after_uploads: bool = True) -> OpenList:
    """Find a list of the account; with `lock` nobody else writes in it until the transaction ends (`lock_audience`).

    Raises NotFoundError for `list`.
    """
    actor = inside(actor, list_id)
    try:
        if lock:
            await lock_audience(tx, actor, after_uploads=after_uploads)
        audience = await get_audience(tx, actor, GetAudience(audience_id=actor.audience_id))
    except NotFoundError as error:
        raise NotFoundError("list") from error
    return OpenList(actor=replace(actor, country=audience.country), audience=audience, structure=structure_of(audience))


def identifier(name: str, taken: Collection[str], before: str = "") -> str:
    """Derive a field's identifier from its name: First Name becomes FIRST_NAME, with a number where that is taken."""
    plain = _capitals(name) or "FIELD"
    spelling, number = before + plain, 2
    while spelling in taken:
        spelling, number = f"{before}{plain}_{number}", number + 1
    return spelling


def other_option(group_id: int) -> str:
    """Give the identifier of a subgroup that is no list's own."""
    return f"{_OTHER}{group_id}"


def other_group_id(identity: str) -> int | None:
    """Read the identifier of a subgroup that is no list's own, or None."""
    return read_id(identity.removeprefix(_OTHER)) if identity.startswith(_OTHER) else None


def unique_identifier(name: str, unique: UUID) -> str:
    """Derive a group's identifier from its name: Food becomes FOOD_ with a UUID."""
    return f"{_capitals(name) or 'GROUP'}_{unique}"


def _capitals(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).upper()
    return re.sub(r"\W+", "_", plain).strip("_")[:_IDENTIFIER_CHARACTERS].strip("_")
