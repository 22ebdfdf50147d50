"""Custom fields by their labels, which is how some APIs name them: a field that is missing is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from carillon.audience.field_types import Kind, iso_moment
from carillon.audience.fields import CreateField, Field, ListFields, create_field, free_name, kinds_of, list_fields
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTexts:
    """Raw texts by the names of fields, by these what errors call each, and the kinds of all fields."""

    texts: Mapping[str, str]
    places: Mapping[str, str]
    kinds: Mapping[str, Kind]


async def read_labelled(tx: Tx, actor: Actor, values: Sequence[LabelledValue]) -> LabelledTexts:
    """Make the fields that are missing, and return what the values are to fields.

    An error calls a value `labelled_fields.<place>.value`, the place counted from 0. Raises InvalidInputError for it,
    and for `labelled_fields.<place>.label`.
    """
    custom = await list_fields(tx, actor, ListFields())
    by_label = {one.label: one for one in reversed(custom)}
    texts, places = dict[str, str](), dict[str, str]()
    for number, one in enumerate(values):
        if one.label not in by_label:
            by_label[one.label] = await _create(tx, actor, number, one, [*by_label.values(), *custom])
        made, place = by_label[one.label], f"labelled_fields.{number}.value"
        text: str | None = one.value.strip()
        if text and made.kind in {Kind.DATE, Kind.DATETIME}:
            text = iso_moment(text)
        if text is None:
            raise InvalidInputError(place, "A date is in ISO 8601: 2018-03-13 or 2018-03-13T14:32:25Z.")
        texts[made.name], places[made.name] = text, place
    return LabelledTexts(texts=texts, places=places, kinds=kinds_of([*custom, *by_label.values()]))


async def _create(tx: Tx, actor: Actor, number: int, value: LabelledValue, known: Sequence[Field]) -> Field:
    name = free_name(value.label, [one.name for one in known])
    try:
        return await create_field(tx, actor, CreateField(name=name, kind=value.kind, label=value.label))
    except InvalidInputError as error:
        raise InvalidInputError(f"labelled_fields.{number}.label", error.message) from error
