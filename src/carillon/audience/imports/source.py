"""The file of an import: what is to be made of it, and its chunks, read and ready to be written."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec
import polars as pl

from carillon.audience.contacts.contact import Device
from carillon.audience.definitions import Definition, defined_kinds, defined_purposes
from carillon.audience.export_columns import (
    ARCHIVED_COLUMN,
    DEVICES_COLUMN,
    GROUPS_COLUMN,
    has_definitions,
    is_export,
)
from carillon.audience.field_types import Kind
from carillon.audience.imports.address_list import address_shape, plan_addresses, read_addresses
from carillon.audience.imports.carried import (
    Blocks,
    SaidConsent,
    read_archived,
    read_blocks,
    read_consents,
    read_definitions,
    read_devices,
    read_moves,
    read_unsubscriptions,
    with_keys,
)
from carillon.audience.imports.cell_forms import read_cell_forms, take_errors
from carillon.audience.imports.column_names import plan_columns
from carillon.audience.imports.column_plan import ColumnPlan
from carillon.audience.imports.consent_columns import ADDRESS_COLUMNS
from carillon.audience.imports.judged_cells import answers_among_addresses, check_consent
from carillon.audience.imports.likely_columns import LIKELY_ROWS, likely_key
from carillon.audience.imports.reachability import TakenAway, has_blocks, takes_away
from carillon.audience.imports.records import BeginImport, Place
from carillon.audience.imports.rejects import rejects_path
from carillon.audience.imports.spoilt_numbers import mend_numbers, mend_powers
from carillon.audience.suppressions import MAX_REASON_CHARACTERS, checked_reason
from carillon.audience.unsubscriptions import Unsubscription
from carillon.audience.upsert.parse_columns import read_frame
from carillon.audience.upsert.rows import KEYS, MAX_GROUP_CHARACTERS, Batch, RowError, UpsertReport, shown
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.tabular import (
    LINE_COLUMN,
    REJECT_COLUMNS,
    AddressInHeaderError,
    BadRecord,
    Chunk,
    FileShape,
    Table,
    file_hash,
    read_chunks,
    restore,
)
from carillon.tenancy.accounts import checked_country

CHUNK_ROWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileImport:
    """Import a file: CSV in any usual form, a workbook's sheet, NDJSON or Parquet, in an archive, too.

    `mapping` (column to attribute) comes before the names of the columns; every row joins `group`, which is made when
    it is missing; `country` reads national phones instead of the audience's; `rejects` is where rows with a problem go.
    `columns` are the names of a file that has no header; `sheet` is one of a workbook, without it the first.
    `again` imports a file that was imported before, or begins an interrupted import from the start. With `suppress` the
    file's addresses are suppressed, and no contact is made of them (`address_list`). `resubscribe` is why contacts that
    a row says to be subscribed are so again, whatever took them away; the ledger has it.
    """

    path: Path
    mapping: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    country: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    columns: Sequence[str] | None = None
    sheet: str | None = None
    rejects: Path | None = None
    again: bool = False
    suppress: bool = False
    resubscribe: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A file that was looked at, and what is to be made of it; `table` is the CSV that it is read as.

    `is_addresses`: its addresses are suppressed, and no contact is made of them. `taken` is kept where it resubscribes.
    """

    path: Path
    table: Table
    shape: FileShape
    columns: ColumnPlan
    kinds: Mapping[str, Kind]
    country: str
    group: str | None
    rejects: Path
    digest: str
    version: tuple[int, int]
    resubscribe: str | None
    is_addresses: bool
    definitions: Sequence[Definition] = ()
    taken: TakenAway = field(default_factory=TakenAway)

    @property
    def reason(self) -> str:
        """Why addresses are suppressed by this file where it doesn't say it itself."""
        return f"FILE {self.path.name}"[:MAX_REASON_CHARACTERS]

    @property
    def start(self) -> Place:
        """Where its records begin."""
        return Place(offset=self.shape.body_offset, line=self.shape.body_line, rejects=0, seconds=0)

    def beginning(self, *, again: bool) -> BeginImport:
        """Say what a new import of the file begins with."""
        options = {
            "file": self.path.name,
            "bytes": self.version[0],
            "columns": self.columns.attributes,
            "group": self.group,
            "country": self.country,
        }
        # What is suppressed stays so: a list of addresses is read each time, as some may have been lifted meanwhile.
        return BeginImport(file_hash=self.digest, options=options, start=self.start, again=again or self.is_addresses)

    def prepared(self, place: Place) -> Iterator["PreparedChunk"]:
        """Read chunks from a place on."""
        names = [pl.col(LINE_COLUMN).alias("row")]
        names += [pl.col(column).alias(attribute) for column, attribute in self.columns.attributes.items()]
        groups = [] if self.group is None else [self.group]
        for read in read_chunks(self.table.path, self.shape, offset=place.offset, line=place.line, rows=CHUNK_ROWS):
            chunk = _without_blanks(read) if self.table.form == "text" else read
            frame, failed = self._restored(chunk.frame)
            if self.columns.has_definitions:
                _, frame = read_definitions(frame)
            blocks = self._blocks(frame)
            frame = frame if blocks is None else blocks.contacts
            cells, spoilt = mend_numbers(
                read_cell_forms(frame, self.columns.attributes, self.kinds),
                self.columns.attributes,
                self.kinds,
                is_export=is_export(self.shape.header),
            )
            raw = with_keys(cells.select(names), frame)
            batch = read_frame(raw, self.country, kinds=self.kinds, join_all=groups, may_be_international=True)
            batch = replace(batch, is_file=True)
            if self.columns.groups is not None:
                batch = replace(batch, moves=read_moves(frame, self.columns.groups))
            if ARCHIVED_COLUMN in self.columns.own:
                batch = replace(batch, archived=read_archived(frame))
            devices, wrong = read_devices(frame) if DEVICES_COLUMN in self.columns.own else ([], [])
            lost = [*failed, *spoilt]
            if lost or wrong:
                batch = replace(batch, errors=[*_unexplained(batch.errors, lost), *lost, *wrong])
            yield PreparedChunk(
                chunk=chunk,
                batch=batch,
                blocks=blocks,
                said=self._said(frame),
                unsubscriptions=read_unsubscriptions(frame, self.columns.own),
                consents=read_consents(frame, self.columns.consents),
                devices=devices,
            )

    def _restored(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[RowError]]:
        """Take out spreadsheets' errors, and give cells of an export or of rejects back what made them safe for them.

        In an export a text that looks like an error, or like a number with a power of ten, was made safe too, and is
        none. What wasn't is what a spreadsheet made of it.
        """
        if set(self.shape.header) >= set(REJECT_COLUMNS):
            return self._take_errors(restore(frame) if self.table.may_be_defused else frame)
        if not (is_export(self.shape.header) or self.columns.has_blocks):
            return self._take_errors(frame)
        if not self.table.may_be_defused:
            return frame, []
        frame, failed = self._take_errors(frame)
        frame, spoilt = mend_powers(frame, self.columns.attributes)
        return restore(frame), [*failed, *spoilt]

    def _take_errors(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[RowError]]:
        named = {} if self.columns.groups is None else {self.columns.groups: GROUPS_COLUMN}
        columns = {**self.columns.attributes, **named}
        return take_errors(frame, columns) if columns else (frame, [])

    def _blocks(self, frame: pl.DataFrame) -> Blocks | None:
        """Split a chunk's frame; None where no row is a suppression. Of a file of addresses no row is a contact."""
        if self.columns.addresses:
            return read_addresses(frame, self.columns.addresses, self.country)
        if not self.columns.has_blocks:
            return None
        blocks = read_blocks(frame)
        return replace(blocks, contacts=frame.clear()) if self.is_addresses else blocks

    def _said(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        """Read who may be written to; None where no row changes that."""
        if not self.columns.targets:
            return None
        said = self.columns.consent.read(frame).with_columns(frame[LINE_COLUMN].alias("row"))
        if self.resubscribe is None:
            said = takes_away(said)
        return None if said.is_empty() else said


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedChunk:
    """A chunk of the file, and the batch that it was read into; rows are numbered by physical lines.

    `blocks` are rows that are suppressions, `said` is what the others take away of who may be written to
    (`reachability.take_away`, but for addresses), `unsubscriptions` how their contacts came to be unsubscribed, by row
    and channel, `consents` what they say of purposes, and `devices` are those of rows' contacts.
    """

    chunk: Chunk
    batch: Batch
    blocks: Blocks | None
    said: pl.DataFrame | None
    unsubscriptions: Mapping[tuple[int, str], Unsubscription]
    consents: Sequence[SaidConsent]
    devices: Sequence[tuple[int, Device]]

    @property
    def has_blocks(self) -> bool:
        """Whether its writer must hold the whole account."""
        return bool(self.blocks and self.blocks.records) or (self.said is not None and has_blocks(self.said))

    @property
    def size(self) -> int:
        """How many records it has."""
        blocks = 0 if self.blocks is None else self.chunk.frame.height - self.blocks.contacts.height
        return self.batch.size + blocks + len(self.chunk.bad)

    def said_of(self, frame: pl.DataFrame) -> pl.DataFrame | None:
        """Add to `said` the addresses of a frame of the batch, whose ambiguous phones are resolved."""
        if self.said is None:
            return None
        return self.said.join(frame.select("row", *ADDRESS_COLUMNS.values()), on="row", how="inner")

    def whole_report(self, report: UpsertReport, blocks_failed: Sequence[RowError]) -> UpsertReport:
        """Add the records that are no rows, and the suppressions that failed, to the report of the rows."""
        if not self.chunk.bad and not blocks_failed:
            return report
        broken = [*(_as_error(record) for record in self.chunk.bad), *blocks_failed]
        failed = len({error.row for error in broken})
        return UpsertReport(
            rows=report.rows + failed,
            new=report.new,
            updated=report.updated,
            unchanged=report.unchanged,
            failed=report.failed + failed,
            error_count=report.error_count + len(broken),
            errors=sorted([*report.errors, *broken], key=lambda error: error.row),
        )


def _unexplained(errors: Sequence[RowError], others: Sequence[RowError]) -> list[RowError]:
    """Leave out that rows have no key where others say why: it was taken out."""
    explained = {error.row for error in others if error.field in KEYS}
    return [error for error in errors if not (error.code == "missing_key" and error.row in explained)]


def _without_blanks(chunk: Chunk) -> Chunk:
    """Pass over records of nothing but delimiters, which Excel writes below a table; lines keep their numbers."""
    columns = chunk.frame.drop(LINE_COLUMN)
    if not columns.height or not min(columns.null_count().row(0)):
        return chunk
    is_blank = columns.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return replace(chunk, frame=chunk.frame.filter(~is_blank)) if is_blank.any() else chunk


def _as_error(record: BadRecord) -> RowError:
    return RowError(record.line, record.field or "row", "invalid", shown(record.value), record.reason)


def _shape(command: FileImport, table: Table, country: str) -> FileShape:
    try:
        shape = table.shape(
            delimiter=command.delimiter, encoding=command.encoding, columns=command.columns, country=country
        )
    except AddressInHeaderError as error:
        raise InvalidInputError("file", f"{error} For example: --columns phone,email") from error
    return table.with_nameless(shape)


def open_source(
    actor: Actor, command: FileImport, table: Table, kinds: Mapping[str, Kind], purposes: Collection[str]
) -> FileSource:
    """Open a file and check all that can be wrong with it, or with the command, before the first row.

    `table` has the file's records (`as_csv`), `kinds` and `purposes` are those of the audience.
    The columns that say who may be written to are read to the end first: nothing is written of a file in which one of
    their cells isn't understood, or in which another column looks as if it were one. Raises TabularError, and
    InvalidInputError for `map`, `group`, `country`, and for `file` where it is to have addresses and has none.
    """
    country = actor.country if command.country is None else checked_country(command.country)
    group = None if command.group is None else _checked_group(command.group)
    definitions: Sequence[Definition] = ()
    if command.suppress:
        shape = address_shape(table, delimiter=command.delimiter, encoding=command.encoding, country=country)
        columns = plan_addresses(shape.header)
    else:
        shape = _shape(command, table, country)
        definitions = _definitions(table.path, shape, was_defused=table.may_be_defused)
        kinds = {**defined_kinds(definitions), **kinds}
        columns = plan_columns(
            shape.header,
            command.mapping,
            kinds,
            answers=answers_among_addresses(table, shape, CHUNK_ROWS),
            purposes={*purposes, *defined_purposes(definitions)},
            likely=partial(_likely_key, table.path, shape, country),
        )
    resubscribe = None if command.resubscribe is None else checked_reason(command.resubscribe)
    if resubscribe and not columns.consent.is_any:
        raise InvalidInputError("resubscribe", "No column of the file says who is subscribed: --map one, or add it.")
    check_consent(table, shape, columns, CHUNK_ROWS)
    # All that decides the outcome: another audience, mapping, group or country is another import.
    identity = (
        file_hash(command.path),
        actor.audience_id,
        columns.identity,
        group,
        country,
        shape.delimiter,
        shape.encoding,
        *([f"sheet {command.sheet}"] if command.sheet is not None else []),
        *(["numbered"] if table.is_numbered else []),
        *(["no header"] if command.columns is not None else []),
        *(["addresses"] if command.suppress else []),
        *([f"resubscribe {resubscribe}"] if resubscribe else []),
    )
    return FileSource(
        path=command.path,
        table=table,
        shape=shape,
        columns=columns,
        kinds=kinds,
        country=country,
        group=group,
        rejects=command.rejects or rejects_path(command.path),
        digest=hashlib.sha256(msgspec.json.encode(identity)).hexdigest(),
        version=version_of(command.path),
        resubscribe=resubscribe,
        is_addresses=command.suppress,
        definitions=definitions,
    )


def _likely_key(table: Path, shape: FileShape, country: str, columns: Sequence[str]) -> tuple[str, str] | None:
    first = next(read_chunks(table, shape, rows=LIKELY_ROWS), None)
    return None if first is None else likely_key(first.frame, columns, country)


def _definitions(table: Path, shape: FileShape, *, was_defused: bool) -> list[Definition]:
    """Read a file's definitions, wherever they are: what columns of contacts are depends on them."""
    if not has_definitions(shape.header):
        return []
    frames = (chunk.frame for chunk in read_chunks(table, shape, rows=CHUNK_ROWS))
    return [one for frame in frames for one in read_definitions(restore(frame) if was_defused else frame)[0]]


def version_of(path: Path) -> tuple[int, int]:
    """Return a file's size and time: another when it was changed."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _checked_group(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_GROUP_CHARACTERS or "\0" in name:
        raise InvalidInputError("group", f"A group's name has 1 to {MAX_GROUP_CHARACTERS} characters, without NUL.")
    return name
