"""What an import would do, found out by doing it to a copy that is never committed.

The rows go through the code that writes them, in one transaction that is rolled back. It writes to an account of
its own, which nobody else can see, and into which the contacts and suppressions that the rows name are copied, and what
is kept of unsubscribes, chunk by chunk. So what is counted is what the import would report, also of rows that meet
again chunks later; memory stays constant; and nobody waits, because nothing of the real account is locked
(docs/adr/0059). What the file defines is made in the copy, too (docs/adr/0063).
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import NoReturn

import polars as pl

from carillon.audience.contacts.contact import OWN_STATUSES, Contact, ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.definitions import Defined, Definition, make_definitions
from carillon.audience.groups import name_key
from carillon.audience.imports.chunks import WrittenChunk, lock_for, note_taken, read_ahead, write_chunk
from carillon.audience.imports.consent_columns import ADDRESS_COLUMNS
from carillon.audience.imports.file_import import FileImport, ImportSummary, done_summary, opened
from carillon.audience.imports.judgement import Judgement, judge
from carillon.audience.imports.records import Place, find_import
from carillon.audience.imports.source import FileSource, PreparedChunk
from carillon.audience.removed_unsubscribes import remember_replaced, removed_channels, removed_statuses
from carillon.audience.suppression_ledger import ListSuppressionEntries, list_suppression_entries
from carillon.audience.suppressions import Channel, read_addresses
from carillon.audience.upsert.engine import UPDATED
from carillon.audience.upsert.match import NEW, UNCHANGED
from carillon.audience.upsert.rows import KEYS, RowError
from carillon.db.database import Database, Tx
from carillon.db.id_blocks import FIRST_DISCARDED_ID, DiscardedIds
from carillon.db.sql import load_statements, one_text
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId

SQL = load_statements("carillon.audience.imports", "dry_run.sql")

EXAMPLES = 3
"""So many are shown of each kind."""

_OF_PHONES, _OF_EMAILS = [Channel.SMS, Channel.VOICE], [Channel.EMAIL]
# With an address, and without one that will be unsubscribed as soon as it is there.
_UNSUBSCRIBED = [place for place, own in enumerate(OWN_STATUSES) if own is SubscriptionStatus.UNSUBSCRIBED]
_CONTACT = re.compile(r"contact (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One of the rows that are counted as `kind`, or an address; `row` is its physical line.

    `contact` names whom it is about, `changes` has what an update makes of which attribute, and `reason` is what is
    wrong with the row.
    """

    kind: str
    row: int | None = None
    contact: str = field(default="", repr=False)
    changes: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict, repr=False)
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What an import of all rows, or of those that are left of it, would report and change.

    `new`, `updated`, `unchanged` and `failed` are rows, as in the import's report. `conflicts` are addresses that stay
    as they are, another contact's or a valid phone, and `problems` the other values that are not taken. `suppressed`
    and `resubscribed` count addresses that become so, `unsubscribed` the contacts that do, by channel.
    """

    rows: int
    new: int
    updated: int
    unchanged: int
    failed: int
    conflicts: int
    problems: int
    suppressed: int
    resubscribed: int
    unsubscribed: Mapping[str, int]
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """A file's judgement, and the difference that importing it would make.

    `is_resumed`: the import was begun before, and would go on behind the rows that are in already. `done` is the report
    of one that was done: it would write nothing.
    """

    judgement: Judgement
    difference: Difference
    is_resumed: bool
    done: ImportSummary | None = None


class _RolledBackError(Exception):
    """Carries the difference out of its transaction, which ends with it."""

    def __init__(self, difference: Difference) -> None:
        super().__init__()
        self.difference = difference


async def dry_run(db: Database, actor: Actor, command: FileImport, progress: Callable[[int], None]) -> DryRun:
    """Find out what `import_file` would do, and leave nothing behind; `progress` gets the rows so far.

    Rows' groups, consents and devices are not looked at. Raises what `import_file` raises before its first row.
    """
    async with opened(db, actor, command) as source:
        beginning = source.beginning(again=command.again)
        begun = await db.read(find_import, actor, beginning)
        done = await done_summary(db, actor, source, begun) if begun is not None and begun.is_done else None
        place = beginning.start if begun is None else begun.place
        chunks = source.prepared(place)
        first = await asyncio.to_thread(next, chunks, None)
        judgement = await db.read(judge, actor, source, first)
        copy = replace(actor, account_id=AccountId(db.random.randrange(FIRST_DISCARDED_ID, 2 * FIRST_DISCARDED_ID)))
        rows = _Rows(
            actor=actor,
            source=source,
            place=place,
            began_at=None if begun is None else begun.began_at,
            definitions=source.definitions if first else (),  # an import that was done makes none again
            progress=progress,
        )
        await note_taken(db, actor, source)
        try:
            await db.run(_write_all, copy, rows)
        except _RolledBackError as ended:
            return DryRun(judgement=judgement, difference=ended.difference, is_resumed=begun is not None, done=done)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What is written to the copy of the actor's account: a file's definitions, and its rows from a place on."""

    actor: Actor
    source: FileSource
    place: Place
    began_at: datetime | None
    definitions: Sequence[Definition]
    progress: Callable[[int], None]


async def _write_all(tx: Tx, copy: Actor, rows: _Rows) -> NoReturn:
    """Write rows to the copy. Raises _RolledBackError at their end, and what `make_definitions` does."""
    tx.ids = DiscardedIds()
    actor, source = rows.actor, rows.source
    await tx.execute(SQL["copy_account"], actor.account_id, copy.account_id)
    await tx.execute(SQL["copy_audience"], actor.account_id, copy.account_id, actor.audience_id)
    if source.resubscribe:
        await tx.execute(SQL["copy_unsubscriptions"], actor.account_id, copy.account_id, actor.audience_id)
    if rows.definitions:
        await _define(tx, actor, copy, rows.definitions)
    tally = _Tally(tx, actor, copy)
    digests = _CopiedDigests(await removed_channels(tx, actor))
    async with aclosing(read_ahead(source.prepared(rows.place))) as ahead:
        async for prepared in ahead:
            # None of these decides what becomes of a row.
            plain = replace(prepared, consents=(), devices=(), batch=replace(prepared.batch, join_all=(), moves=()))
            keys = _keys(prepared)
            await _copy_named(tx, actor, copy, prepared, keys, lifts=bool(source.resubscribe))
            await digests.copy(tx, actor, copy, keys)
            before = await _unsubscribed(tx, copy, keys, ())
            await lock_for(tx, copy, source, plain)
            written = await write_chunk(tx, copy, source, plain, began_at=rows.began_at or tx.now)
            after = await _unsubscribed(tx, copy, keys, written.outcome.kept["contact_id"])
            await tally.add(
                plain.batch.frame, written, {channel: ids - before[channel] for channel, ids in after.items()}
            )
            rows.progress(tally.rows)
    raise _RolledBackError(await tally.difference())


async def _define(tx: Tx, actor: Actor, copy: Actor, given: Sequence[Definition]) -> None:
    """Make definitions in the copy, beside what the audience has of fields and purposes, and of groups they name."""
    where = (actor.account_id, copy.account_id, actor.audience_id)
    await tx.execute(SQL["copy_fields"], *where)
    await tx.execute(SQL["copy_purposes"], *where)
    names = sorted({name_key(one.name) for one in given if one.of is Defined.GROUP})
    await tx.execute(SQL["copy_groups"], *where, names)
    await make_definitions(tx, copy, given)


async def _copy_named(  # noqa: PLR0913 - what is copied, from where to where
    tx: Tx, actor: Actor, copy: Actor, prepared: PreparedChunk, named: Mapping[str, Sequence[str]], *, lifts: bool
) -> None:
    """Copy the contacts and suppressions that a chunk's rows name, or may name, unless the copy has them."""
    keys = {key: list(values) for key, values in named.items()}
    records = [] if prepared.blocks is None else [block.record for block in prepared.blocks.records]
    given = [one.given for one in records]
    for address, blocked in zip(given, await read_addresses(tx, actor, given), strict=True):
        keys["email" if address.channel is Channel.EMAIL else "phone"] += [blocked] if blocked else []
    accounts = (actor.account_id, copy.account_id)
    suppressed = {"phone": [*keys["phone"]], "email": [*keys["email"]]}
    for key, values in keys.items():
        if values:
            statement = SQL[f"copy_contacts_by_{key}"]
            for row in await tx.fetch(statement, *accounts, actor.audience_id, one_text(values)):
                for column in suppressed:
                    suppressed[column] += [row[column]] if row[column] else []
    for channels, addresses in ((_OF_PHONES, suppressed["phone"]), (_OF_EMAILS, suppressed["email"])):
        if addresses:
            await tx.execute(SQL["copy_suppressions"], *accounts, channels, one_text(addresses))
            if lifts:
                await tx.execute(SQL["lift_again"], copy.account_id, channels, one_text(addresses))


class _CopiedDigests:
    """Copies what is kept of addresses that contacts have no more, once each: the file may take it back."""

    def __init__(self, channels: Collection[Channel]) -> None:
        self._channels = channels
        self._copied: set[tuple[Channel, str]] = set()

    async def copy(self, tx: Tx, actor: Actor, copy: Actor, keys: Mapping[str, Sequence[str]]) -> None:
        addresses = [*keys["phone"], *keys["email"]]
        for channel in self._channels if addresses else ():
            found = await removed_statuses(tx, actor, channel, addresses)
            new = sorted(one for one in found if (channel, one) not in self._copied)
            self._copied.update((channel, one) for one in new)
            if new:
                await remember_replaced(tx, copy, channel, [(one, found[one], 0) for one in new])


def _keys(prepared: PreparedChunk) -> dict[str, list[str]]:
    """Return what a chunk's rows have of each key, with what their ambiguous phones may mean instead."""
    keys = {key: _given(prepared.batch.frame[key]) for key in KEYS}
    keys["phone"] += sorted(prepared.batch.alternative_phones.values())
    return keys


def _given(column: pl.Series) -> list[str]:
    return column.drop_nulls().filter(column.drop_nulls() != "").unique().sort().to_list()


async def _unsubscribed(
    tx: Tx, copy: Actor, keys: Mapping[str, Sequence[str]], contact_ids: Iterable[int]
) -> dict[str, set[int]]:
    """Return by channel which contacts are unsubscribed, of those that a chunk might unsubscribe."""
    found: dict[str, set[int]] = {"sms": set(), "email": set()}
    columns = (list(contact_ids), *keys.values())
    for row in await tx.fetch(SQL["statuses"], copy.account_id, copy.audience_id, *columns):
        for channel, ids in found.items():
            if row[f"{channel}_status"] in _UNSUBSCRIBED:
                ids.add(row["contact_id"])
    return found


class _Tally:
    """What the chunks so far have changed in the copy, with some examples."""

    def __init__(self, tx: Tx, actor: Actor, copy: Actor) -> None:
        self._tx = tx
        self._actor = actor
        self._copy = copy
        self._counts = Counter[str]()
        self._unsubscribed = Counter[str]()
        self._examples: dict[str, list[Example]] = {}
        self.rows = 0

    async def add(self, frame: pl.DataFrame, written: WrittenChunk, unsubscribed: Mapping[str, set[int]]) -> None:
        """Count a chunk that was written; `unsubscribed` are the contacts that it unsubscribed, by channel."""
        report, kept = written.report, written.outcome.kept
        self.rows += report.rows
        self._counts.update(new=report.new, updated=report.updated, unchanged=report.unchanged, failed=report.failed)
        for outcome in (NEW, UPDATED, UNCHANGED):
            rows = kept.filter(pl.col("outcome") == outcome).head(self._wanted(outcome))
            for row in rows.join(frame, on="row").iter_rows(named=True):
                is_now = _values(await _contact(self._tx, self._copy, row["contact_id"]))
                changes = await self._changes(row["contact_id"], is_now) if outcome == UPDATED else {}
                self._examples[outcome].append(
                    Example(kind=outcome, row=row["row"], contact=_named_by(row, is_now), changes=changes)
                )
        kept_rows = set(kept["row"]) if report.errors else set[int]()
        for error in report.errors:
            self._add_error(error, is_kept=error.row in kept_rows)
        for channel, ids in unsubscribed.items():
            self._counts[channel] += len(ids)
            for contact_id in sorted(ids)[: self._wanted("unsubscribed")]:
                contact = await _contact(self._tx, self._copy, contact_id)
                self._examples["unsubscribed"].append(
                    Example(kind="unsubscribed", contact=_named(_values(contact)), reason=channel)
                )

    def _wanted(self, kind: str) -> int:
        """Tell how many examples of a kind are missing."""
        return EXAMPLES - len(self._examples.setdefault(kind, []))

    async def _changes(
        self, contact_id: int, is_now: Mapping[str, str | None]
    ) -> dict[str, tuple[str | None, str | None]]:
        """Return what differs by attribute, as it was and as it is; nothing of a contact that the file makes."""
        before = await _contact(self._tx, self._actor, contact_id)
        if before is None:
            return {}
        was = _values(before)
        names = [name for name in {**was, **is_now} if was.get(name) != is_now.get(name)]
        return {name: (was.get(name), is_now.get(name)) for name in names}

    def _add_error(self, error: RowError, *, is_kept: bool) -> None:
        kind = "conflict" if error.code == "conflict" else "problem" if is_kept else "failed"
        if kind != "failed":
            self._counts[kind] += 1
        if self._wanted(kind) > 0 and error.row not in {one.row for one in self._examples[kind]}:
            reason = f"{error.field}: {_of_the_file(error.message)}"
            self._examples[kind].append(Example(kind=kind, row=error.row, contact=error.value, reason=reason))

    async def difference(self) -> Difference:
        """Sum up; the copy's ledger has what was suppressed and resubscribed."""
        ledger = {
            row["action"]: row["count"] for row in await self._tx.fetch(SQL["count_ledger"], self._copy.account_id)
        }
        query = ListSuppressionEntries(channels=list(Channel), action="unsubscribe", limit=EXAMPLES)
        entries = (await list_suppression_entries(self._tx, self._copy, query)).items
        suppressed = [Example(kind="suppressed", contact=one.address, reason=one.channel) for one in entries]
        return Difference(
            rows=self.rows,
            new=self._counts[NEW],
            updated=self._counts[UPDATED],
            unchanged=self._counts[UNCHANGED],
            failed=self._counts["failed"],
            conflicts=self._counts["conflict"],
            problems=self._counts["problem"],
            suppressed=ledger.get("unsubscribe", 0),
            resubscribed=ledger.get("reactivate", 0),
            unsubscribed={channel: self._counts[channel] for channel in ADDRESS_COLUMNS},
            examples=[*chain.from_iterable(self._examples.values()), *suppressed],
        )


async def _contact(tx: Tx, actor: Actor, contact_id: int) -> Contact | None:
    query = FindContacts(key=ContactKey(kind=KeyKind.CONTACT_ID, value=str(contact_id)), with_archived=True)
    return next(iter(await find_contacts(tx, actor, query)), None)


def _named_by(row: Mapping[str, str | None], contact: Mapping[str, str | None]) -> str:
    """Name a contact by the first key of a row that it has now, else by its own: not all that a row says is taken."""
    shared = {key: contact[key] if (contact[key] or "").lower() == (row[key] or "").lower() else None for key in KEYS}
    return _named(shared if any(shared.values()) else contact)


def _named(values: Mapping[str, str | None]) -> str:
    """Name a contact by the first key that it has."""
    key = next((key for key in KEYS if values[key]), KEYS[0])
    return f"+{values[key]}" if key == "phone" else values[key] or ""


def _values(contact: Contact | None) -> dict[str, str | None]:
    if contact is None:
        return {}
    keys = {"phone": contact.phone, "email": contact.email, "external_id": contact.external_id}
    fields = {name: str(value) for name, value in contact.fields.items()}
    archived = {"archived": "yes"} if contact.is_archived else {}
    return {**keys, "landline": contact.landline, **fields, **archived}


def _of_the_file(message: str) -> str:
    """Name no id of a contact that only the copy has."""

    def named(found: re.Match[str]) -> str:
        return found[0] if int(found[1]) < FIRST_DISCARDED_ID else "another contact of this file"

    return _CONTACT.sub(named, message)
