"""Custom fields by their labels, which is how some APIs name them: a field that is missing is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from carillon.audience.field_types import Kind, iso_moment
from carillon.audience.fields import CreateField, Field, ListFields, create_field, free_name, list_fields
from carillon.db.database import Tx
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledValue:
    """A value of the custom field that has a label, upper and lower case told apart; a missing one is made of `kind`.

    The value is a text as `type_value` reads it; in a field of dates it is in ISO 8601. An empty one empties it.
    """

    label: str
    kind: Kind = Kind.TEXT
    value: str = field(repr=False)


async def read_labelled(tx: Tx, actor: Actor, values: Sequence[LabelledValue]) -> tuple[dict[str, str], dict[str, str]]:
    """Make the fields that are missing; return raw texts by the names of fields, and by these what errors call each.

    That is `labelled_fields.<place>.value`, the place counted from 0. Raises InvalidInputError for it, and for
    `labelled_fields.<place>.label`.
    """
    if not values:
        return {}, {}
    fields = await _fields_by_label(tx, actor, values)
    texts, places = dict[str, str](), dict[str, str]()
    for number, one in enumerate(values):
        made, place = fields[one.label], f"labelled_fields.{number}.value"
        text: str | None = one.value.strip()
        if text and made.kind in {Kind.DATE, Kind.DATETIME}:
            text = iso_moment(text)
        if text is None:
            raise InvalidInputError(place, "A date is in ISO 8601: 2018-03-13 or 2018-03-13T14:32:25Z.")
        texts[made.name], places[made.name] = text, place
    return texts, places


async def _fields_by_label(tx: Tx, actor: Actor, values: Sequence[LabelledValue]) -> Mapping[str, Field]:
    custom = await list_fields(tx, actor, ListFields())
    known = {one.label: one for one in reversed(custom)}
    for number, one in enumerate(values):
        if one.label in known:
            continue
        name = free_name(one.label, [other.name for other in (*known.values(), *custom)])
        try:
            known[one.label] = await create_field(tx, actor, CreateField(name=name, kind=one.kind, label=one.label))
        except InvalidInputError as error:
            raise InvalidInputError(f"labelled_fields.{number}.label", error.message) from error
    return known
