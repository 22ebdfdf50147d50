"""What becomes of the columns of a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carillon.audience.consent_names import TARGETS, doubtful_kind
from carillon.audience.export_columns import (
    ARCHIVED_COLUMN,
    BLOCK_COLUMNS,
    DEFINITION_COLUMNS,
    FIELD_PREFIX,
    GROUPS_COLUMN,
)
from carillon.audience.imports.consent_columns import ADDRESS_COLUMNS, ConsentColumns, own_statuses
from carillon.audience.suppressions import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """What becomes of a file's columns: `attributes` by column, and those that nothing is taken from.

    Of these, which are `unmapped`, those are `unknown` that nobody has left out. `fields` are the columns that are
    taken for fields that anything may be in, or for groups, by their names alone, with what `--map` calls these.

    `targets` are what columns say of who may be written to (`consent_names.TARGETS`), several perhaps the same,
    and `reasons` those that say why somebody may not, of whom these must say it.
    `ids` are those of them whose cells may be numbers for statuses, and `exported` an export's columns of statuses by
    channel. `block_reasons` are those whose cells are Apifon's reasons of blocks. `consents` are the columns of
    consents, with their purposes and channels. `groups` is the column that names groups, and `own` the columns that
    only an export has, which it has under their own names. Each cell of `addresses` is an address to suppress.
    """

    attributes: Mapping[str, str]
    unmapped: tuple[str, ...]
    targets: Mapping[str, str] = field(default_factory=dict)
    consents: Mapping[str, tuple[str, Channel]] = field(default_factory=dict)
    groups: str | None = None
    own: frozenset[str] = frozenset()
    addresses: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    exported: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    block_reasons: tuple[str, ...] = ()

    @property
    def consent(self) -> ConsentColumns:
        """The columns that say who may be written to."""
        return ConsentColumns(
            self.targets,
            self.consents,
            own_statuses(self.own, self.targets),
            self.reasons,
            ids=self.ids,
            addresses=columns_by_channel(self.attributes),
            exported=self.exported,
            block_reasons=self.block_reasons,
            has_archived=ARCHIVED_COLUMN in self.own,
            doubtful={column: kind for column in self.unknown if (kind := doubtful_kind(column))},
        )

    @property
    def has_blocks(self) -> bool:
        """Whether rows may be suppressions."""
        return BLOCK_COLUMNS[0] in self.own

    @property
    def taken(self) -> Mapping[str, str]:
        """What is taken from columns.

        Attributes, TARGETS, `groups`, `consents.PURPOSE.CHANNEL`, an `address` to suppress, or their own names.
        """
        own = {column: column for column in sorted(self.own)} | dict.fromkeys(self.addresses, "address")
        named = {} if self.groups is None else {self.groups: GROUPS_COLUMN}
        consents = {column: f"consents.{purpose}.{channel}" for column, (purpose, channel) in self.consents.items()}
        return {**own, **consents, **named, **self.targets, **self._named_attributes}

    @property
    def has_definitions(self) -> bool:
        """Whether rows may be fields, purposes or groups."""
        return DEFINITION_COLUMNS[0] in self.own

    @property
    def identity(self) -> list[tuple[str, str]]:
        """What is made of the columns, for telling imports apart."""
        return sorted(self.taken.items())

    @property
    def _named_attributes(self) -> Mapping[str, str]:
        return {column: mapped_name(attribute) for column, attribute in self.attributes.items()}

    def column(self, attribute: str) -> str:
        """Return the file's column for an attribute; one without a column keeps its own name."""
        return next((column for column, taken in self.attributes.items() if taken == attribute), attribute)


def columns_by_channel(attributes: Mapping[str, str]) -> Mapping[str, str]:
    """Return the columns of addresses by channel."""
    columns = {attribute: column for column, attribute in attributes.items()}
    return {channel: columns[one] for channel, one in ADDRESS_COLUMNS.items() if one in columns}


def mapped_name(attribute: str) -> str:
    """Return what `--map` calls a field; one that is called like one of TARGETS has a prefix."""
    return FIELD_PREFIX + attribute if attribute in TARGETS else attribute
