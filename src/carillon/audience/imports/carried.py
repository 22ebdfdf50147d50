"""What an export carries beside contacts' attributes, read from a chunk: suppressions, consents, groups and more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from carillon.audience.consents import ConsentOrigin
from carillon.audience.contacts.contact import Device, device_of
from carillon.audience.definitions import Defined, Definition
from carillon.audience.export_columns import (
    ARCHIVED_COLUMN,
    BLOCK_COLUMNS,
    CONSENT_DETAILS,
    DEFINITION_COLUMNS,
    DEVICES_COLUMN,
    ID_COLUMN,
    UNSUBSCRIPTION_COLUMNS,
    split_names,
)
from carillon.audience.field_types import Kind
from carillon.audience.fields import REPEATED
from carillon.audience.imports.consent_words import Said, read_cell
from carillon.audience.suppression_records import SuppressionRecord
from carillon.audience.suppressions import MAX_REASON_CHARACTERS, Channel
from carillon.audience.unsubscriptions import Unsubscription
from carillon.audience.upsert.rows import KEYS, MAX_TOKEN_CHARACTERS, RowError, problem, shown
from carillon.errors import InvalidInputError
from carillon.tabular import LINE_COLUMN

_ADDRESS, _CHANNEL, _AT, *_TEXTS = BLOCK_COLUMNS


@dataclass(frozen=True, slots=True)
class Block:
    """A suppression, and the line and column that have its address."""

    row: int
    column: str
    record: SuppressionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Suppressions of a chunk, several of a line perhaps; the lines that can't be read; the rows that are contacts."""

    records: Sequence[Block]
    errors: Sequence[RowError]
    contacts: pl.DataFrame


@dataclass(frozen=True, slots=True)
class SaidConsent:
    """What a row says of a purpose on a channel; the origin is None where the file doesn't tell it."""

    row: int
    purpose: str
    channel: Channel
    granted: bool
    origin: ConsentOrigin | None


def read_blocks(frame: pl.DataFrame) -> Blocks:
    """Split a chunk's frame into rows that are suppressions and rows that are contacts."""
    is_block = pl.col(_ADDRESS).is_not_null()
    columns = [pl.col(name) if name in frame.columns else pl.lit(None, pl.String).alias(name) for name in BLOCK_COLUMNS]
    records: list[Block] = []
    errors: list[RowError] = []
    for row, address, channel, at, *texts in frame.filter(is_block).select(LINE_COLUMN, *columns).iter_rows():
        try:
            source, actor, reason, description = texts
            record = SuppressionRecord(
                channel=Channel((channel or "").strip().lower()),
                address=address.strip(),
                created_at=_moment(at),
                source=source,
                actor=actor,
                reason=reason,
                description=description,
            )
            records.append(Block(row, _ADDRESS, record))
        except ValueError:
            errors.append(
                RowError(row, _CHANNEL, "invalid", shown(channel or ""), "The channel is sms, email or voice.")
            )
    return Blocks(records=records, errors=errors, contacts=frame.filter(~is_block))


def unusable(block: Block) -> RowError:
    """Report a suppression whose address can't be one on its channel."""
    kind = "email" if block.record.channel is Channel.EMAIL else "phone"
    return problem(block.row, block.column, block.record.address, kind)


def read_definitions(frame: pl.DataFrame) -> tuple[list[Definition], pl.DataFrame]:
    """Split a chunk's frame into definitions and the other rows. Raises InvalidInputError for `file`."""
    is_definition = pl.col(DEFINITION_COLUMNS[0]).is_not_null()
    found: list[Definition] = []
    for row, of, *cells in frame.filter(is_definition).select(LINE_COLUMN, *DEFINITION_COLUMNS).iter_rows():
        name, kind, label, description = (cell or "" for cell in cells)
        try:
            one = Definition(
                of=Defined(of), name=name, kind=Kind(kind) if kind else None, label=label, description=description
            )
        except ValueError:
            raise InvalidInputError("file", f"Line {row} defines a {shown(of)[:60]} that can't be read.") from None
        found.append(one)
    return found, frame.filter(~is_definition)


def with_keys(raw: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Give an export's rows that have a repeated address and no key an external id: their contact's number there.

    So such a contact (`contacts.insert`) is carried over, and is the same one when it comes again. `raw` has the
    columns of attributes, and `frame` those of the file, of the same rows.
    """
    repeated = [pl.col(name) for name in REPEATED.values() if name in raw.columns]
    if ID_COLUMN not in frame.columns or not repeated:
        return raw
    keys = [pl.col(key) for key in KEYS if key in raw.columns]
    is_keyless = ~pl.any_horizontal(pl.lit(value=False), *map(_is_given, keys)) & pl.any_horizontal(
        *map(_is_given, repeated)
    )
    number = "repeated-" + frame[ID_COLUMN].str.strip_chars()
    kept = pl.col("external_id") if "external_id" in raw.columns else pl.lit(None, pl.String)
    return raw.with_columns(pl.when(is_keyless).then(number).otherwise(kept).alias("external_id"))


def _is_given(cell: pl.Expr) -> pl.Expr:
    return cell.str.strip_chars().fill_null("") != ""


def read_archived(frame: pl.DataFrame) -> dict[int, datetime | None]:
    """Read which rows' contacts are archived, and since when; None where the time can't be read."""
    given = frame.filter(pl.col(ARCHIVED_COLUMN).is_not_null()).select(LINE_COLUMN, ARCHIVED_COLUMN)
    return {row: _moment(text) for row, text in given.iter_rows()}


def read_devices(frame: pl.DataFrame) -> tuple[list[tuple[int, Device]], list[RowError]]:
    """Read rows' devices, and report the cells that hold none."""
    devices: list[tuple[int, Device]] = []
    errors: list[RowError] = []
    given = frame.filter(pl.col(DEVICES_COLUMN).is_not_null()).select(LINE_COLUMN, DEVICES_COLUMN)
    for row, cell in given.iter_rows():
        try:
            devices += [(row, _device(text)) for text in split_names(cell)]
        except ValueError:
            errors.append(RowError(row, DEVICES_COLUMN, "invalid", shown(cell), "These are no devices of an export."))
    return devices, errors


def _device(text: str) -> Device:
    device = device_of(text)
    if max(len(device.token), len(device.application or "")) > MAX_TOKEN_CHARACTERS or "\0" in text:
        raise ValueError("no device")
    return device


def read_consents(frame: pl.DataFrame, columns: Mapping[str, tuple[str, Channel]]) -> list[SaidConsent]:
    """Read what rows say of purposes; a blank cell says nothing."""
    said: list[SaidConsent] = []
    nothing = pl.lit(None, pl.String)
    for column, (purpose, channel) in columns.items():
        names = [f"{column}.{detail}" for detail in CONSENT_DETAILS]
        details = [pl.col(name) if name in frame.columns else nothing.alias(name) for name in names]
        given = frame.filter(pl.col(column).is_not_null()).select(LINE_COLUMN, column, *details)
        for row, text, at, source, actor in given.iter_rows():
            meant = read_cell("subscribed", text)
            if meant in {Said.SUBSCRIBED, Said.UNSUBSCRIBED}:
                origin = _origin(at, source, actor)
                said.append(SaidConsent(row, purpose, channel, granted=meant is Said.SUBSCRIBED, origin=origin))
    return said


def read_unsubscriptions(frame: pl.DataFrame, own: frozenset[str]) -> dict[tuple[int, str], Unsubscription]:
    """Read how rows' contacts came to be unsubscribed, by row and channel; `own` are the columns that the file has."""
    found: dict[tuple[int, str], Unsubscription] = {}
    for channel, names in UNSUBSCRIPTION_COLUMNS.items():
        if not own.issuperset(names[:3]):
            continue
        columns = [pl.col(name) if name in own else pl.lit(None, pl.String).alias(name) for name in names]
        given = frame.filter(pl.col(names[0]).is_not_null()).select(LINE_COLUMN, *columns)
        for row, at, source, actor, reason in given.iter_rows():
            if (origin := _origin(at, source, actor)) is not None:
                moment, source_read, name = origin
                found[row, channel] = Unsubscription(
                    unsubscribed_at=moment,
                    source=source_read,
                    actor=name,
                    reason=reason and reason.replace("\0", "")[:MAX_REASON_CHARACTERS],
                )
    return found


def read_moves(frame: pl.DataFrame, column: str) -> list[tuple[int, str, bool]]:
    """Read which groups rows join."""
    given = frame.filter(pl.col(column).is_not_null()).select(LINE_COLUMN, column)
    names = {cell: [name for name in split_names(cell) if name.strip()] for cell in given[column].unique()}
    return [(row, name, True) for row, cell in given.iter_rows() for name in names[cell]]


def _origin(at: str | None, source: str | None, actor: str | None) -> ConsentOrigin | None:
    moment = _moment(at)
    if moment is None or not source or not actor:
        return None
    return moment, source[:MAX_REASON_CHARACTERS], actor[:MAX_REASON_CHARACTERS]


def _moment(text: str | None) -> datetime | None:
    """Read a time of ISO 8601, in UTC where it doesn't say otherwise; None where it is none."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
