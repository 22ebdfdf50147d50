"""What an export carries beside contacts' attributes, read from a chunk: suppressions, consents and groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from carillon.audience.consents import ConsentOrigin
from carillon.audience.export_columns import BLOCK_COLUMNS, CONSENT_DETAILS, split_names
from carillon.audience.imports.consent_columns import Said, read_cell
from carillon.audience.suppression_records import SuppressionRecord
from carillon.audience.suppressions import MAX_REASON_CHARACTERS, Channel
from carillon.audience.upsert.rows import RowError, problem, shown
from carillon.tabular import LINE_COLUMN

_ADDRESS, _CHANNEL, _AT, *_TEXTS = BLOCK_COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Suppressions of a chunk by their lines, the lines that can't be read, and the rows that are contacts."""

    records: Mapping[int, SuppressionRecord]
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
    records: dict[int, SuppressionRecord] = {}
    errors: list[RowError] = []
    for row, address, channel, at, *texts in frame.filter(is_block).select(LINE_COLUMN, *columns).iter_rows():
        try:
            source, actor, reason, description = texts
            records[row] = SuppressionRecord(
                channel=Channel((channel or "").strip().lower()),
                address=address.strip(),
                created_at=_moment(at),
                source=source,
                actor=actor,
                reason=reason,
                description=description,
            )
        except ValueError:
            errors.append(
                RowError(row, _CHANNEL, "invalid", shown(channel or ""), "The channel is sms, email or voice.")
            )
    return Blocks(records=records, errors=errors, contacts=frame.filter(~is_block))


def unusable(row: int, record: SuppressionRecord) -> RowError:
    """Report a suppression whose address can't be one on its channel."""
    kind = "email" if record.channel is Channel.EMAIL else "phone"
    return problem(row, _ADDRESS, record.address, kind)


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
