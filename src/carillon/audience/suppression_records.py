"""Suppressions as records that leave an account in a file and come into another with all that is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.locks import lock_account
from carillon.audience.suppression_queries import ListSuppressions, Suppression, list_suppressions
from carillon.audience.suppressions import (
    MAX_REASON_CHARACTERS,
    Address,
    Channel,
    LedgerEntries,
    Mark,
    Origin,
    add_suppressions,
    mark_contacts,
    read_addresses,
    write_ledger,
)
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "suppression_records.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionRecord:
    """An address that was suppressed elsewhere: since when, through what, by whom and why; None is not known."""

    channel: Channel
    address: str = field(repr=False)
    created_at: datetime | None = None
    source: str | None = None
    actor: str | None = None
    reason: str | None = None
    description: str | None = None

    @property
    def given(self) -> Address:
        """The address, as a file has it."""
        return Address(channel=self.channel, value=self.address, phone_form=PhoneForm.NATIONAL_IF_VALID)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSuppressions:
    """Suppress what records say, as they say it; `reason` is that of records without one."""

    records: Sequence[SuppressionRecord]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredSuppressions:
    """How many addresses were not suppressed before, and the places of the records whose address can't be one."""

    added: int
    failed: Sequence[int]


async def restore_suppressions(tx: Tx, actor: Actor, command: RestoreSuppressions) -> RestoredSuppressions:
    """Suppress addresses of records for the whole account; one that is suppressed stays as it is.

    The suppression has the record's time, source, name and texts, cut to their lengths; the ledger has its reason, and
    that the actor brought it now. Contacts with the address become unsubscribed as by `suppress`.
    """
    audiences = await lock_account(tx, actor)
    keys = await read_addresses(tx, actor, [one.given for one in command.records])
    added = 0
    for channel in Channel:
        read = {
            key: record
            for key, record in zip(keys, command.records, strict=True)
            if key is not None and record.channel is channel
        }
        if read:
            added += await _restore(tx, actor, command, channel, read, audiences)
    return RestoredSuppressions(added=added, failed=[place for place, key in enumerate(keys) if key is None])


async def _restore(  # noqa: PLR0913, PLR0917 - what `restore_suppressions` knows
    tx: Tx,
    actor: Actor,
    command: RestoreSuppressions,
    channel: Channel,
    read: dict[str, SuppressionRecord],
    audiences: Sequence[int],
) -> int:
    reasons = {key: _cut(one.reason) or command.reason for key, one in read.items()}
    origins = {
        key: Origin(
            created_at=min(one.created_at or tx.now, tx.now),
            source=_cut(one.source) or actor.source,
            actor=_cut(one.actor) or actor.name,
            reason=reasons[key],
            description=_cut(one.description),
        )
        for key, one in read.items()
    }
    added = await add_suppressions(tx, actor, channel, origins)
    if added:
        entries = LedgerEntries(action="unsubscribe", channel=channel, reasons={key: reasons[key] for key in added})
        await write_ledger(tx, actor, entries)
        await mark_contacts(tx, actor, Mark(action="unsubscribe", channel=channel), added, audiences)
    return len(added)


def _cut(text: str | None) -> str | None:
    return (text or "").replace("\0", "").strip()[:MAX_REASON_CHARACTERS] or None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsAfter:
    """Ask for a channel's suppressions behind an id; with a group those of its members' addresses."""

    channel: Channel
    after_id: int
    limit: int
    group_id: int | None = None


async def suppression_records(tx: Tx, actor: Actor, query: RecordsAfter) -> list[Suppression]:
    """List a channel's suppressions in the order of their ids."""
    if query.group_id is None:
        every = ListSuppressions(channels=[query.channel], after_id=query.after_id, limit=query.limit)
        return list((await list_suppressions(tx, actor, every)).items)
    key = "email" if query.channel is Channel.EMAIL else "phone"
    where = (query.channel, query.after_id, query.limit, actor.audience_id, query.group_id)
    rows = await tx.fetch(SQL[f"records_by_{key}"], actor.account_id, *where)
    return [Suppression(**{**row, "channel": Channel(row["channel"])}) for row in rows]
