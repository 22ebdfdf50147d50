"""What a file says of who may be written to: columns of statuses, unsubscribes and blocks.

A column that looks as if it were one of these, by its name or by its cells, and a cell that isn't understood, stop the
import: who has unsubscribed must not be written to because nobody could read it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from carillon.audience.consent_names import TARGETS, compared
from carillon.audience.export_columns import (
    ARCHIVED_COLUMN,
    ARCHIVED_STATUS,
    ID_COLUMN,
    OWN_STATUS_COLUMNS,
    status_column,
)
from carillon.audience.imports.consent_words import (
    IDS,
    KNOWN_WORDS,
    Said,
    answer_that_takes,
    read_cell,
)
from carillon.audience.upsert.rows import shown
from carillon.errors import InvalidInputError
from carillon.tabular import LINE_COLUMN

ADDRESS_COLUMNS = {"sms": "phone", "email": "email"}
CHANNELS = tuple(ADDRESS_COLUMNS)
SAID = {channel: f"{channel}_said" for channel in CHANNELS}
"""The columns of frames that say it, by channel."""
OWN = {channel: f"{channel}_own" for channel in CHANNELS}
"""The same for what a contact itself said under a suppression, or archived; only an export tells it."""
ARCHIVED = {channel: f"{channel}_archived" for channel in CHANNELS}
"""Whether nothing lies over that but that the contact is archived (`export_columns.ARCHIVED_STATUS`), and comes so."""


def not_understood(column: str) -> InvalidInputError:
    """Make the error for a column that looks like consent."""
    name = column[:60]
    status, unsubscribed = _likely_targets(column)
    message = (
        f"The column “{name}” looks as if it says who may be written to, and isn't understood. Say what it is, for "
        f'example --map "{name}={status}" or --map "{name}={unsubscribed}" {of_targets_or_none(name)}'
    )
    return InvalidInputError("map", message)


def _likely_targets(column: str) -> tuple[str, str]:
    """Return what a column may be: of the channel that its name has, or of either one."""
    name = compared(column)
    is_email, is_sms = "mail" in name, any(word in name for word in ("sms", "mobile", "phone", "whatsapp"))
    if is_email == is_sms:
        return "email_status", "sms_unsubscribed"
    channel = "email" if is_email else "sms"
    return f"{channel}_status", f"{channel}_unsubscribed"


def no_addresses(column: str, address: str) -> InvalidInputError:
    """Make the error for a column that is called like an address, beside another one, and has answers in its cells."""
    name, channel = column[:60], next(channel for channel, one in ADDRESS_COLUMNS.items() if one == address)
    message = (
        f"The column “{name}” is called like one of addresses, and its cells look as if they said who may be written "
        f'to. Say what it is, for example --map "{name}={channel}_subscribed" {of_targets_or_none(name)}'
    )
    return InvalidInputError("map", message)


def list_of_blocks(reason: str) -> InvalidInputError:
    """Make the error for Apifon's list of blocked destinations; `reason` is its column of reasons."""
    message = (
        "The file looks like Apifon's list of blocked addresses, and would make subscribers of them. To suppress "
        "them, without making contacts: carillon suppression import FILE. To import them as contacts that are blocked: "
        f'--map "{reason[:60]}=status"; to import them as any others: --map "{reason[:60]}=-".'
    )
    return InvalidInputError("map", message)


def of_targets_or_none(name: str) -> str:
    """Say, behind a `--map` of a column, what else it may be made of it, and how it is left out."""
    return f'(of: {", ".join(TARGETS)}), or leave it out: --map "{name}=-".'


def field_or_consent(column: str, attribute: str) -> InvalidInputError:
    """Make the error for a column whose name is a field's and looks like consent as well."""
    name = column[:60]
    message = (
        f"The column “{name}” may be the field {attribute}, or say who may be written to. Say which it is: "
        f'--map "{name}=fields.{attribute}", or --map "{name}=email_status" {of_targets_or_none(name)}'
    )
    return InvalidInputError("map", message)


def _own_status_alone(column: str, status: str) -> InvalidInputError:
    """Make the error for an export's column of own statuses without the statuses that lie over them."""
    message = (
        f"The column “{column}” tells what a contact said itself, and the column “{status}”, which says what lies over "
        f"that, is missing. Import the file as it was exported, or say that nothing does: "
        f'--map "{column}={status}", or leave it out: --map "{column}=-".'
    )
    return InvalidInputError("map", message)


def status_missing(channel: str, address: str) -> InvalidInputError:
    """Make the error for an export with addresses of a channel and without the column of their statuses."""
    status = status_column(channel)
    message = (
        f"The file looks like an export of ours, and its column “{status}”, which says who of the column "
        f"“{address[:60]}” must not be written to, is missing. Import the file as it was exported, or say that nobody "
        f'there has unsubscribed: --map "{address[:60]}={ADDRESS_COLUMNS[channel]}"'
    )
    return InvalidInputError("map", message)


def _status_emptied(column: str, row: int) -> InvalidInputError:
    """Make the error for a contact of an export whose status was taken out."""
    message = (
        f"The file looks like an export of ours, which has a status for each address, and in line {row} the column "
        f"“{column}” is blank. Import the file as it was exported, or say that blank cells there say nothing: "
        f'--map "{column}={column}"'
    )
    return InvalidInputError("map", message)


@dataclass(frozen=True, slots=True)
class OwnStatus:
    """An export's column of what contacts said themselves, and the one of the statuses that lie over that."""

    column: str
    status: str


def own_statuses(columns: Collection[str], targets: Mapping[str, str]) -> Mapping[str, OwnStatus]:
    """Find those of an export by channel; `targets` are TARGETS by column.

    Raises InvalidInputError for `map` where the file has them alone: what lies over them can't be known.
    """
    found: dict[str, OwnStatus] = {}
    for channel, column in OWN_STATUS_COLUMNS.items():
        if column in columns:
            status = next((name for name, target in targets.items() if target == status_column(channel)), None)
            if status is None:
                raise _own_status_alone(column, status_column(channel))
            found[channel] = OwnStatus(column, status)
    return found


@dataclass(frozen=True, slots=True)
class ConsentColumns:
    """The columns of a file that say who may be written to.

    They are TARGETS by column, the columns of consents, an export's columns of own statuses by channel, and columns of
    reasons (`consent_names.tells_why`), whose rows must say that somebody must not be written to. The cells of `ids`
    may be InforU's numbers for statuses, those of `block_reasons` Apifon's reasons of blocks.
    `addresses` are the columns of addresses by channel, `exported` the columns of statuses that an export has, each by
    its channel, and `has_archived` tells whether it has who is archived.
    Of those `doubtful` the cells decide whether they say it, with how these are then read
    (`consent_names.doubtful_kind`).
    """

    targets: Mapping[str, str]
    consents: Collection[str] = ()
    own: Mapping[str, OwnStatus] = field(default_factory=dict)
    reasons: Collection[str] = ()
    ids: Collection[str] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    exported: Mapping[str, str] = field(default_factory=dict)
    has_archived: bool = False
    doubtful: Mapping[str, str] = field(default_factory=dict)
    block_reasons: Collection[str] = ()

    @property
    def is_checked(self) -> bool:
        """Whether a chunk may be wrong."""
        return self.is_any or bool(self.reasons or self.doubtful)

    @property
    def is_any(self) -> bool:
        """Whether the file says anything."""
        return bool(self.targets or self.consents)

    def check(self, frame: pl.DataFrame) -> None:
        """Raise InvalidInputError for the first cell of a chunk's frame that isn't understood, or a reason for nothing.

        So does a blank status beside an address of an export's contact: an export has none.
        """
        own = {one.column: "status" for one in self.own.values()}
        for column, target in {**self.targets, **own}.items():
            for text in frame[column].unique().drop_nulls().to_list():
                if read_cell(self._kind(column, target), text) is None:
                    raise _unknown_cell(column, self._kind(column, target), text)
        self._check_exported(frame)
        self._check_doubtful(frame)
        for column in self.consents:
            for text in frame[column].unique().drop_nulls().to_list():
                if read_cell("subscribed", text) is None:
                    raise _unknown_cell(column, "subscribed", text)

    def _check_doubtful(self, frame: pl.DataFrame) -> None:
        for column, kind in self.doubtful.items():
            if answer_that_takes(frame[column], kind) is not None:
                raise not_understood(column)
        if self.reasons:
            takes = self.read(frame).select(*SAID.values()).max_horizontal() > Said.SUBSCRIBED
            for column in self.reasons:
                if not frame.filter(~takes & _is_given(column)).is_empty():
                    raise not_understood(column)

    def _check_exported(self, frame: pl.DataFrame) -> None:
        """Raise InvalidInputError where an export's contact has an address and no status.

        Its contacts have ids, and rows without one were added by hand; where no row has one, these may have been taken
        out as well, and it is one if no address has a status.
        """
        has_id = _is_given(ID_COLUMN) if ID_COLUMN in frame.columns else pl.lit(value=False)
        for channel, column in self.exported.items():
            addressed = frame.filter(self._has_address(channel)).select(
                LINE_COLUMN, has_id.alias("has_id"), _is_given(column).alias("has_status")
            )
            if addressed["has_id"].any():
                emptied = addressed.filter(pl.col("has_id") & ~pl.col("has_status"))
            else:
                emptied = addressed.clear() if addressed["has_status"].any() else addressed
            if not emptied.is_empty():
                raise _status_emptied(column, emptied[LINE_COLUMN][0])

    def read(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Read a frame's rows into what they say: the columns SAID of `Said`, row by row."""
        said: dict[str, list[pl.Series]] = {channel: [] for channel in CHANNELS}
        for column, target in self.targets.items():
            series = _meant(frame[column], self._kind(column, target))
            for channel in channels_of(target):
                of_channel = self._with_address(frame, channel, series) if column in self.ids else series
                said[channel].append(of_channel.alias(f"{column}_{channel}"))
        nothing = pl.Series([0], dtype=pl.Int8).new_from_index(0, frame.height)
        own = [_meant(frame[one.column], "status").alias(OWN[channel]) for channel, one in self.own.items()]
        highest = [_highest(series or [nothing]).alias(SAID[channel]) for channel, series in said.items()]
        return pl.DataFrame([*highest, *own, *(self._archived(frame, channel) for channel in self.own)])

    def _archived(self, frame: pl.DataFrame, channel: str) -> pl.Series:
        """Tell whose status says that it is archived, of those that are: of others it only takes away."""
        is_archived = pl.col(ARCHIVED_COLUMN).is_not_null() if self.has_archived else pl.lit(value=False)
        says_so = (pl.col(self.own[channel].status) == ARCHIVED_STATUS).fill_null(value=False)
        return frame.select((says_so & is_archived).alias(ARCHIVED[channel])).to_series()

    def _kind(self, column: str, target: str) -> str:
        if column in self.block_reasons and _kind(target) == "status":
            return "status_reason"
        return f"{_kind(target)}_id" if column in self.ids else _kind(target)

    def _has_address(self, channel: str) -> pl.Expr:
        return _is_given(self.addresses[channel]) if channel in self.addresses else pl.lit(value=False)

    def _with_address(self, frame: pl.DataFrame, channel: str, said: pl.Series) -> pl.Series:
        """Let InforU's 0, *without status*, say nothing where there is no address: with one, it isn't confirmed."""
        says = self._has_address(channel) | (said != Said.UNCONFIRMED)
        return frame.select(pl.when(says).then(said).otherwise(int(Said.NOTHING)).cast(pl.Int8).alias("said"))["said"]


def _kind(target: str) -> str:
    return target.rpartition("_")[2]


def _is_given(column: str) -> pl.Expr:
    return (pl.col(column).str.strip_chars() != "").fill_null(value=False)


def channels_of(target: str) -> Iterable[str]:
    """Return of which channels a column says something, by its one of TARGETS."""
    channel = target.rpartition("_")[0]
    return (channel,) if channel else CHANNELS


def _meant(column: pl.Series, kind: str) -> pl.Series:
    meanings = {text: read_cell(kind, text) or 0 for text in column.unique().drop_nulls()}
    return column.replace_strict(meanings, default=0, return_dtype=pl.Int8)


def _highest(series: list[pl.Series]) -> pl.Series:
    return pl.DataFrame([one.alias(str(place)) for place, one in enumerate(series)]).max_horizontal()


def _unknown_cell(column: str, kind: str, text: str) -> InvalidInputError:
    words = ", ".join(KNOWN_WORDS)
    by_kind = {
        "status": words,
        "status_reason": f"other, {words}",
        "status_id": f"InforU's {', '.join(IDS)}, and the words {words}",
    }
    known = by_kind.get(kind, "yes and no, true and false, 1 and 0, or a date")
    message = (
        f"The column “{column[:60]}” says who may be written to, and its value “{shown(text)[:60]}” isn't understood. "
        f'Known are: {known}. Change the value, say what the column is (--map "{column[:60]}=email_unsubscribed", one '
        f'of {", ".join(TARGETS)}), or leave it out: --map "{column[:60]}=-".'
    )
    return InvalidInputError("map", message)
