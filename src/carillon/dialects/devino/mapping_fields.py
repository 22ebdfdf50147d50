"""The fields of a list, under Devino's names and ours. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from carillon.audience.audience_fields import AudienceFields
from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.fields import REPEATED, Field, NewField
from carillon.errors import InvalidInputError

DATE_TIME, BOOLEAN, INTEGER, TEXT, OBJECT, DATE = 0, 1, 2, 3, 5, 8
FIELD_KINDS: Mapping[int, Kind] = {
    DATE_TIME: Kind.DATETIME,
    BOOLEAN: Kind.BOOLEAN,
    INTEGER: Kind.NUMBER,
    TEXT: Kind.TEXT,
    OBJECT: Kind.TEXT,
    DATE: Kind.DATE,
}
_TYPES = {Kind.DATETIME: DATE_TIME, Kind.BOOLEAN: BOOLEAN, Kind.NUMBER: INTEGER, Kind.DATE: DATE}

GENDER_PREFIX = "gender."
_KEY = "devino"
"""Under it a list's attributes have what is shown of its fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorField:
    """A field as Devino names it; `field` and `kind` are ours."""

    field: str
    kind: Kind
    name: str
    display_name: str
    type: int
    is_default: bool = False
    values: Sequence[str] = ()

    @property
    def takes_texts(self) -> bool:
        """Whether a value's text is kept as it is given."""
        return not (self.values or self.type == OBJECT or self.kind in {Kind.GENDER, Kind.DATETIME})


_MAIN = (
    VendorField(field="first_name", kind=Kind.TEXT, name="name", display_name="Name", type=TEXT, is_default=True),
    VendorField(
        field="last_name", kind=Kind.TEXT, name="surname", display_name="Last name", type=TEXT, is_default=True
    ),
    VendorField(
        field="gender",
        kind=Kind.GENDER,
        name="gender",
        display_name="Gender",
        type=TEXT,
        is_default=True,
        values=("gender.male", "gender.female"),
    ),
    VendorField(
        field="birth_date", kind=Kind.DATE, name="birthdate", display_name="Birthdate", type=DATE, is_default=True
    ),
    VendorField(field="country", kind=Kind.TEXT, name="country", display_name="Country", type=TEXT, is_default=True),
    VendorField(field="city", kind=Kind.TEXT, name="city", display_name="City", type=TEXT, is_default=True),
)
MAIN_NAMES = frozenset(one.name for one in _MAIN) | {"phone", "email"}
SET_HERE = frozenset({"contactid", "creationdate", "lastupdate"})
"""The names of what every contact has and no caller writes, in lower case."""

# Fields of every audience that another vendor's clients write; they are no part of a list, but of its contacts.
_OTHERS = tuple(
    VendorField(field=name, kind=kind, name=name, display_name=name, type=_TYPES.get(kind, TEXT))
    for name, kind in CANONICAL.items()
    if name not in {one.field for one in _MAIN}
)


def new_field(name: str, display_name: str, code: int, values: Sequence[str] = ()) -> NewField:
    """Make a field that a list gets, with what Devino's clients are shown of it."""
    shown = {"displayName": display_name, "type": code, "values": list(values)}
    return NewField(label=name, kind=FIELD_KINDS[code], attributes={_KEY: shown})


class FieldMap:
    """The fields of a list's contacts, by Devino's names and by ours."""

    def __init__(self, fields: AudienceFields) -> None:
        kept = fields.audience.attributes.get(_KEY, {}).get("fields", {})
        self.custom = tuple(
            _custom_field(one, kept.get(one.name, {})) for one in fields.custom if one.name not in REPEATED.values()
        )
        self.of_list = (*_MAIN, *self.custom)
        everything = (*_OTHERS, *reversed(self.custom), *_MAIN)
        self._by_name = {one.name: one for one in everything}
        as_given = (
            one for one in everything if one.takes_texts and (one in _MAIN or one.name.lower() not in MAIN_NAMES)
        )
        self.taking_texts = {one.name: one.field for one in as_given}
        """Our fields that take a value's text as it is given, by Devino's names."""
        self.by_field = {one.field: one for one in (*self.of_list, *_OTHERS)}
        self._places = {field: place for place, field in enumerate(self.by_field)}

    def find(self, name: str) -> VendorField | None:
        """Find a field; the main ones in any case."""
        lower = name.lower()
        return self._by_name.get(lower if lower in MAIN_NAMES else name)

    def in_order(self, fields: Iterable[str]) -> list[VendorField]:
        """Return those of our fields that are known, in the order of the list."""
        return [self.by_field[one] for one in sorted(self._places.keys() & fields, key=self._places.__getitem__)]

    def titles(self, field: str) -> tuple[str, str]:
        """Return the name and the display name of one of our fields or addresses."""
        known = self.by_field.get(field)
        return (known.name, known.display_name) if known else (field, field.capitalize())


def _custom_field(one: Field, kept: Mapping[str, object]) -> VendorField:
    kind = one.kind
    code, values = kept.get("type"), kept.get("values")
    return VendorField(
        field=one.name,
        kind=kind,
        name=one.label,
        display_name=str(kept.get("displayName") or one.label),
        type=code if isinstance(code, int) else _TYPES.get(kind, TEXT),
        values=[str(value) for value in values] if isinstance(values, list) else (),
    )


def read_type(text: str, ref: str) -> int:
    """Read the type of a field. Raises InvalidInputError."""
    text = text.strip()
    if not text:
        return TEXT
    if text not in {str(one) for one in FIELD_KINDS}:
        raise InvalidInputError(ref, f"it is one of {', '.join(map(str, FIELD_KINDS))}")
    return int(text)
