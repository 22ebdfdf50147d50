"""The file of an import: what is to be made of it, and its chunks, read and ready to be written."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import polars as pl

from carillon.audience.exports import EXPORT_COLUMNS
from carillon.audience.field_types import Kind
from carillon.audience.imports.column_names import ColumnPlan, plan_columns
from carillon.audience.imports.consent_columns import ConsentColumns
from carillon.audience.imports.reachability import ADDRESS_COLUMNS, has_blocks, takes_away
from carillon.audience.imports.records import BeginImport, Place
from carillon.audience.imports.rejects import rejects_path
from carillon.audience.upsert.parse_columns import read_frame
from carillon.audience.upsert.rows import MAX_GROUP_CHARACTERS, Batch, RowError, UpsertReport, shown
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.tabular import (
    LINE_COLUMN,
    REJECT_COLUMNS,
    BadRecord,
    Chunk,
    FileShape,
    file_hash,
    inspect,
    read_chunks,
    restore,
)
from carillon.tenancy.accounts import checked_country

CHUNK_ROWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileImport:
    """Import a file: CSV in any usual form.

    `mapping` (column to attribute) comes before the names of the columns; every row joins `group`, which is made when
    it is missing; `country` reads national phones instead of the audience's; `rejects` is where rows with a problem go.
    `again` imports a file that was imported before, or begins an interrupted import from the start.
    """

    path: Path
    mapping: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    country: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    rejects: Path | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A file that was looked at, and what is to be made of it."""

    path: Path
    shape: FileShape
    columns: ColumnPlan
    kinds: Mapping[str, Kind]
    country: str
    group: str | None
    rejects: Path
    digest: str
    changed_at: int

    @property
    def is_ours(self) -> bool:
        """Whether the file is an export or a rejects file, whose cells were made safe for spreadsheets."""
        header = set(self.shape.header)
        return header >= set(REJECT_COLUMNS) or header >= set(EXPORT_COLUMNS)

    def beginning(self, *, again: bool) -> BeginImport:
        """Say what a new import of the file begins with."""
        options = {
            "file": self.path.name,
            "bytes": self.shape.size,
            "columns": self.columns.attributes,
            "group": self.group,
            "country": self.country,
        }
        start = Place(offset=self.shape.body_offset, line=self.shape.body_line, rejects=0, seconds=0)
        return BeginImport(file_hash=self.digest, options=options, start=start, again=again)

    def prepared(self, place: Place) -> Iterator["PreparedChunk"]:
        """Read chunks from a place on."""
        names = [pl.col(LINE_COLUMN).alias("row")]
        names += [pl.col(column).alias(attribute) for column, attribute in self.columns.attributes.items()]
        groups = [] if self.group is None else [self.group]
        for chunk in read_chunks(self.path, self.shape, offset=place.offset, line=place.line, rows=CHUNK_ROWS):
            raw = chunk.frame.select(names)
            if self.is_ours:
                raw = restore(raw)
            batch = read_frame(raw, self.country, kinds=self.kinds, join_all=groups)
            yield PreparedChunk(chunk=chunk, batch=batch, said=self._said(chunk.frame, batch))

    def _said(self, frame: pl.DataFrame, batch: Batch) -> pl.DataFrame | None:
        """Read who may be written to; None where no row takes anything away."""
        if not self.columns.targets:
            return None
        said = ConsentColumns(self.columns.targets).read(frame).with_columns(frame[LINE_COLUMN].alias("row"))
        said = takes_away(said)
        if said.is_empty():
            return None
        return said.join(batch.frame.select("row", *ADDRESS_COLUMNS.values()), on="row", how="inner")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedChunk:
    """A chunk of the file, and the batch that it was read into; rows are numbered by physical lines.

    `said` is what rows take away of who may be written to (`reachability.take_away`).
    """

    chunk: Chunk
    batch: Batch
    said: pl.DataFrame | None = None

    @property
    def has_blocks(self) -> bool:
        """Whether its writer must hold the whole account."""
        return self.said is not None and has_blocks(self.said)

    def whole_report(self, report: UpsertReport) -> UpsertReport:
        """Add the records that are no rows to the report of those that are."""
        if not self.chunk.bad:
            return report
        broken = [_as_error(record) for record in self.chunk.bad]
        return UpsertReport(
            rows=report.rows + len(broken),
            new=report.new,
            updated=report.updated,
            unchanged=report.unchanged,
            failed=report.failed + len(broken),
            error_count=report.error_count + len(broken),
            errors=sorted([*report.errors, *broken], key=lambda error: error.row),
        )


def _as_error(record: BadRecord) -> RowError:
    return RowError(record.line, record.field or "row", "invalid", shown(record.value), record.reason)


def open_source(actor: Actor, command: FileImport, kinds: Mapping[str, Kind]) -> FileSource:
    """Open a file and check all that can be wrong with it, or with the command, before the first row.

    The columns that say who may be written to are read to the end first: nothing is written of a file in which one of
    their cells isn't understood. Raises TabularError, and InvalidInputError for `map`, `group` and `country`.
    """
    country = actor.country if command.country is None else checked_country(command.country)
    group = None if command.group is None else _checked_group(command.group)
    shape = inspect(command.path, delimiter=command.delimiter, encoding=command.encoding)
    columns = plan_columns(shape.header, command.mapping, kinds)
    if columns.targets:
        consent = ConsentColumns(columns.targets)
        for chunk in read_chunks(command.path, shape, rows=CHUNK_ROWS):
            consent.check(chunk.frame)
    # All that decides the outcome: another audience, mapping, group or country is another import.
    identity = (
        file_hash(command.path),
        actor.audience_id,
        sorted({**columns.attributes, **columns.targets}.items()),
        group,
        country,
        shape.delimiter,
        shape.encoding,
    )
    return FileSource(
        path=command.path,
        shape=shape,
        columns=columns,
        kinds=kinds,
        country=country,
        group=group,
        rejects=command.rejects or rejects_path(command.path),
        digest=hashlib.sha256(msgspec.json.encode(identity)).hexdigest(),
        changed_at=command.path.stat().st_mtime_ns,
    )


def _checked_group(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_GROUP_CHARACTERS or "\0" in name:
        raise InvalidInputError("group", f"A group's name has 1 to {MAX_GROUP_CHARACTERS} characters, without NUL.")
    return name
