"""Which attribute of a contact a column of a file holds, by the column's name or the caller's mapping.

Names are compared by their letters and digits alone: case, accents, spaces, underscores and marks do not count.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from carillon.audience.consent_names import (
    TARGETS,
    compared,
    has_ids,
    reads_as_consent,
    target_by_name,
    tells_why,
)
from carillon.audience.consents import same_purpose
from carillon.audience.export_columns import (
    ARCHIVED_COLUMN,
    BLOCK_COLUMNS,
    CONSENT_DETAILS,
    DEFINITION_COLUMNS,
    EXPORT_ONLY_COLUMNS,
    FIELD_PREFIX,
    GROUPS_COLUMN,
    ID_COLUMN,
    OWN_STATUS_COLUMNS,
    STATUS_COLUMNS,
    has_definitions,
    is_export,
    read_consent_column,
    read_field_column,
    status_column,
)
from carillon.audience.field_types import CANONICAL
from carillon.audience.imports.attribute_names import attribute_by_usual_name, names_a_mobile, weak_attribute
from carillon.audience.imports.column_plan import ColumnPlan, columns_by_channel, mapped_name
from carillon.audience.imports.consent_columns import (
    ADDRESS_COLUMNS,
    channels_of,
    field_or_consent,
    list_of_blocks,
    no_addresses,
    not_understood,
    own_statuses,
    status_missing,
)
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.rows import ATTRIBUTES, KEYS
from carillon.errors import InvalidInputError
from carillon.tabular import REJECT_COLUMNS

IGNORED = "-"
"""Mapped to this, a column is left out."""

# Beside these `status` is the mobile one (Apifon's reference, Subscriber: "the current mobile status").
_OF_APIFONS_BLOCKS = {"destination", "reason", "description", "created", "createdat", "id"}
_OF_APIFONS_SUBSCRIBERS = {"destination", "emailstatus"}
_REPEATED = re.compile(r"_\d+$")


def _nothing_likely(_columns: Sequence[str]) -> None:
    return None


def plan_columns(  # noqa: PLR0913 - what is known of the file and of the audience
    header: Sequence[str],
    mapping: Mapping[str, str],
    fields: Iterable[str] = CANONICAL.keys(),
    *,
    answers: Collection[str] = (),
    purposes: Collection[str] = (),
    likely: Callable[[Sequence[str]], tuple[str, str] | None] = _nothing_likely,
) -> ColumnPlan:
    """Decide which column holds which attribute: as `mapping` (column to attribute) says, else by the column's name.

    `fields` are the names of the audience's fields, built-in and own, `purposes` the keys of its purposes, and
    `answers` those of `repeated_addresses` whose cells are none. `likely` looks for one of some columns whose cells are
    a key, and says which (`likely_columns`): it is proposed where no column is one.

    Raises InvalidInputError for `map`: a column that the file doesn't have, an attribute that doesn't exist, two
    columns for one attribute, no column with a key, or one that looks like consent and isn't known, or is called like a
    field or an address as well.
    """
    attributes_there = (*ATTRIBUTES, *fields)
    chosen = _chosen(header, mapping, attributes_there)
    for column in answers:
        if column not in chosen:
            raise no_addresses(column, address_columns([column])[column])
    block_reasons = _block_reasons(header)
    for column in block_reasons:
        if column not in chosen:
            raise list_of_blocks(column)
    own = _own_columns(header, chosen, attributes_there)
    consents = _consent_columns([column for column in header if column not in chosen], purposes)
    passed = {*REJECT_COLUMNS, *own, *consents}
    passed |= {f"{column}.{detail}" for column in consents for detail in CONSENT_DETAILS}
    guessed = _guesses(header, passed - chosen.keys(), chosen, attributes_there)
    named = {column: name for column, name in guessed.items() if name != IGNORED}
    targets = {column: name for column, name in named.items() if name in TARGETS}
    attributes = {
        column: attribute
        for column, name in named.items()
        if column not in targets and (attribute := read_field_column(name)) in attributes_there
    }
    targets |= {column: column for column in STATUS_COLUMNS if column in own}
    own_statuses(own, targets)
    if is_export([column for column in header if column == ID_COLUMN or column not in chosen]):
        _check_statuses(attributes, targets, chosen)
    exported = {channel: status_column(channel) for channel in ADDRESS_COLUMNS if status_column(channel) in own}
    reasons = [column for column in header if column not in chosen and tells_why(column)]
    groups = [column for column in named if column not in attributes and column not in targets]
    _check_one_column_each({**attributes, **dict.fromkeys(groups, GROUPS_COLUMN)})
    unmapped = tuple(name for name in header if name not in {*named, *passed})
    unknown = [name for name in unmapped if name not in chosen]
    if not set(KEYS) & set(attributes.values()) and own.isdisjoint({*BLOCK_COLUMNS, *DEFINITION_COLUMNS}):
        raise InvalidInputError("map", _no_key(unmapped, likely(unknown)))
    return ColumnPlan(
        attributes=attributes,
        unmapped=unmapped,
        targets=targets,
        consents=consents,
        groups=next(iter(groups), GROUPS_COLUMN if GROUPS_COLUMN in own else None),
        own=frozenset(own),
        reasons=tuple(reasons),
        unknown=tuple(unknown),
        ids=tuple(name for name, target in targets.items() if _may_have_ids(header, name, target, chosen)),
        exported=exported,
        block_reasons=tuple(column for column in block_reasons if column in targets),
        fields={} if exported and is_export(header) else _open_fields(own, attributes, chosen),
    )


def _block_reasons(header: Sequence[str]) -> list[str]:
    """Return the column of reasons of Apifon's list of blocked destinations (its reference, Bounce List).

    A file with other columns is another, whose reasons are judged by their cells.
    """
    names = {*map(compared, header)}
    is_list = "destination" in names and names <= _OF_APIFONS_BLOCKS
    return [column for column in header if is_list and compared(column) == "reason"]


def _consent_columns(header: Sequence[str], purposes: Collection[str]) -> Mapping[str, tuple[str, Channel]]:
    """Return the columns of consents; two names of a purpose that differ in their case are one."""
    known, found = set(purposes), dict[str, tuple[str, Channel]]()
    for column in header:
        if (read := read_consent_column(column)) is not None:
            key = same_purpose(read[0], known)
            known.add(key)
            found[column] = key, read[1]
    return found


def _open_fields(own: Collection[str], attributes: Mapping[str, str], chosen: Collection[str]) -> Mapping[str, str]:
    """Return the columns that are text1 … and custom fields, or groups, by their names alone."""
    named = {
        column: FIELD_PREFIX + attribute
        for column, attribute in attributes.items()
        if attribute not in ATTRIBUTES and (attribute not in CANONICAL or attribute.startswith("text"))
    }
    groups = {GROUPS_COLUMN: GROUPS_COLUMN} if GROUPS_COLUMN in own else {}
    return {
        column: meant
        for column, meant in {**named, **groups}.items()
        if column not in chosen and not column.startswith(FIELD_PREFIX)
    }


def _check_statuses(attributes: Mapping[str, str], targets: Mapping[str, str], chosen: Collection[str]) -> None:
    """Raise InvalidInputError for `map` where an export has addresses of a channel without their statuses."""
    covered = {channel for target in targets.values() for channel in channels_of(target)}
    for channel, column in columns_by_channel(attributes).items():
        if channel not in covered and {column, status_column(channel)}.isdisjoint(chosen):
            raise status_missing(channel, column)


def _may_have_ids(header: Sequence[str], column: str, target: str, chosen: Collection[str]) -> bool:
    """Tell whether a column of statuses may have numbers for them: InforU's has, and one that was mapped may have."""
    first = _first(header, column)
    return target.endswith("status") and (first in chosen or has_ids(first))


def _first(header: Sequence[str], column: str) -> str:
    """Return the first one of a column that a file has twice: they are called `status` and `status_2`."""
    twin = _REPEATED.sub("", column)
    return twin if twin in header else column


def _guesses(
    header: Sequence[str], passed: Collection[str], chosen: Mapping[str, str], attributes: Sequence[str]
) -> Mapping[str, str]:
    """Return what columns hold, but those passed: what was chosen for them, or what their names say.

    What the name of a repeated column's first one says of consent, or was chosen to, is true of the second.
    """
    by_name = {**attribute_by_usual_name(), **{compared(attribute): attribute for attribute in attributes}}
    taken = {read_field_column(name) for name in chosen.values() if name not in TARGETS}
    there = frozenset(map(compared, header))
    guessed = dict(chosen)
    for column in header:
        if column in chosen or column in passed:
            continue
        first = _first(header, column)
        attribute = by_name.get(compared(read_field_column(column)))
        if chosen.get(first) in TARGETS:
            guessed[column] = chosen[first]
        elif reads_as_consent(first) and not (attribute and column.startswith(FIELD_PREFIX)):
            guessed[column] = _consent(column, first, None if attribute in taken else attribute)
            if compared(first) == "status" and there >= _OF_APIFONS_SUBSCRIBERS:
                guessed[column] = "sms_status"
        elif attribute and attribute not in taken:
            guessed[column] = mapped_name(attribute)
    others = [column for column in header if column not in guessed and column not in passed]
    guessed |= _weakly_named(others, header, {read_field_column(name) for name in guessed.values()})
    return {column: guessed[column] for column in header if column in guessed}


def _weakly_named(columns: Sequence[str], header: Sequence[str], taken: Collection[str]) -> Mapping[str, str]:
    """Return the attributes that columns hold where no other does (`weak_attribute`), but those taken."""
    there = frozenset(map(compared, header))
    named = {column: weak_attribute(column, there) for column in columns}
    return {column: attribute for column, attribute in named.items() if attribute and attribute not in taken}


def _consent(column: str, name: str, attribute: str | None) -> str:
    """Return which of TARGETS a column is by a name that reads as consent; a field may be called so too."""
    if attribute is not None:
        raise field_or_consent(column, attribute)
    target = target_by_name().get(compared(name))
    if target is None:
        raise not_understood(column)
    return target


def address_columns(header: Sequence[str]) -> dict[str, str]:
    """Return the columns that hold phones or e-mails by their names, and which of both they hold: phone or email."""
    by_name = {**attribute_by_usual_name(), "phone": "phone", "email": "email"}
    held = {column: by_name.get(compared(column), "") for column in header}
    unnamed = [column for column, attribute in held.items() if not attribute]
    held |= _weakly_named(unnamed, header, set(held.values()))
    return {column: attribute for column, attribute in held.items() if attribute in {"phone", "email"}}


def repeated_addresses(header: Sequence[str]) -> Sequence[str]:
    """Return the columns that hold phones or e-mails by their names, and aren't the only ones to do so.

    Beside phones `SMS` may be whether somebody gets any.
    """
    columns = address_columns(header)
    held = Counter(columns.values())
    return [column for column, attribute in columns.items() if held[attribute] > 1]


def _own_columns(header: Sequence[str], chosen: Collection[str], fields: Collection[str]) -> set[str]:
    """Return which columns are an export's own beside contacts' attributes, whichever others were taken out of it.

    In an export they are that whatever fields there are; suppressions may be all that a file has. Raises
    InvalidInputError for `map` where it may be none, and a field is called like what says who is archived.
    """
    known = {*OWN_STATUS_COLUMNS.values(), ARCHIVED_COLUMN, GROUPS_COLUMN}
    if is_export(header):
        known |= {*STATUS_COLUMNS, *EXPORT_ONLY_COLUMNS}
    elif ARCHIVED_COLUMN in {*header} & {*fields} - {*chosen}:
        raise field_or_consent(ARCHIVED_COLUMN, ARCHIVED_COLUMN)
    elif GROUPS_COLUMN in fields:
        known.remove(GROUPS_COLUMN)
    if has_definitions(header):
        known |= set(DEFINITION_COLUMNS)
    if set(header) >= set(BLOCK_COLUMNS[:2]):
        known |= set(BLOCK_COLUMNS)
    return known.intersection(header).difference(chosen)


def _chosen(header: Sequence[str], mapping: Mapping[str, str], attributes: Sequence[str]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for name, wanted in mapping.items():
        column, attribute = _column(header, name), _attribute(attributes, wanted)
        if chosen.setdefault(column, attribute) != attribute:
            names = f"{mapped_name(chosen[column])} and as {mapped_name(attribute)}"
            raise InvalidInputError("map", f"“{column}” is named twice, as {names}: leave one of them out.")
    return chosen


def _column(header: Sequence[str], name: str) -> str:
    if name in header:
        return name
    alike = [column for column in header if compared(column) == compared(name)]
    if len(alike) != 1:
        raise InvalidInputError("map", f"The file has no column “{name}”. Its columns: {_listed(header)}.")
    return alike[0]


def _attribute(attributes: Sequence[str], wanted: str) -> str:
    """Return what a mapping means: IGNORED, one of TARGETS, `groups`, or a field as `_mapped_name` has it."""
    if wanted == IGNORED:
        return IGNORED
    names = [mapped_name(one) for one in attributes]
    if wanted.startswith(FIELD_PREFIX):
        bare = compared(read_field_column(wanted))
        found = next((name for one, name in zip(attributes, names, strict=True) if compared(one) == bare), None)
    else:
        others = (GROUPS_COLUMN, *TARGETS)
        names += [name for name in others if name not in names]
        found = next((one for one in names if compared(one) == compared(wanted)), None)
    if found is None:
        message = f"There is no field “{wanted}”. Fields: {', '.join(names)}; or {IGNORED} to leave a column out."
        raise InvalidInputError("map", message)
    return found


def _check_one_column_each(attributes: Mapping[str, str]) -> None:
    for attribute in attributes.values():
        columns = [column for column, taken in attributes.items() if taken == attribute]
        if len(columns) > 1:
            likely = next(filter(names_a_mobile, columns), columns[0]) if attribute == "phone" else columns[0]
            raise InvalidInputError(
                "map",
                f'The columns {_listed(columns)} would all be {attribute}. Choose one: --map "{likely}={attribute}"',
            )


def _no_key(columns: Sequence[str], likely: tuple[str, str] | None) -> str:
    column, attribute = likely or ("COLUMN", "phone")
    return (
        "No column holds a phone, an e-mail or an external id, by which contacts are told apart. The file's columns: "
        f'{_listed(columns)}. Say which one does, for example: --map "{column}={attribute}"'
    )


def _listed(columns: Sequence[str]) -> str:
    return first_columns([f"“{column[:60]}”" for column in columns])


def first_columns(texts: Sequence[str]) -> str:
    """Join what is said of columns: a file may have thousands, of which a person reads some."""
    shown = ", ".join(texts[:50])
    return f"{shown} …" if len(texts) > 50 else shown  # noqa: PLR2004 - as above
