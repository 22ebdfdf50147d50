"""A contact's subscription in its audience: its status on each channel, and archived or not.

An unsubscription here is the audience's own: the address isn't suppressed, and other audiences aren't concerned.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from asyncpg import Record

from carillon.audience.contacts.contact import OWN_STATUSES, SubscriptionStatus
from carillon.audience.counters import recounting
from carillon.audience.locks import addresses_of, lock_audience
from carillon.audience.suppression_queries import (
    suppressed_among,
    suppressed_since,
    suppressions_as_unsubscriptions,
)
from carillon.audience.suppressions import Address, Channel, LedgerEntries, Reactivate, reactivate, write_ledger
from carillon.audience.unsubscriptions import (
    ContactChannel,
    Unsubscription,
    record_unsubscriptions,
    say_again,
    unsubscriptions_of,
)
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience.contacts", "subscription.sql")

_SUBSCRIBED = SubscriptionStatus.SUBSCRIBED
_ARCHIVED_REASON = "Archived before"
_KEYS = {Channel.SMS: "phone", Channel.EMAIL: "email"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionChange:
    """What a contact's statuses become; None leaves one. Without an address it is kept for a later one."""

    contact_id: int
    sms: SubscriptionStatus | None = None
    email: SubscriptionStatus | None = None
    archived: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSubscriptions:
    """Change the statuses of contacts; with `unless_suppressed` none of a suppressed address but to unsubscribed.

    `reason` and `origins` are kept of those that become unsubscribed (`record_unsubscriptions`).
    """

    changes: Sequence[SubscriptionChange]
    unless_suppressed: bool = False
    reason: str | None = None
    origins: Mapping[ContactChannel, Unsubscription] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerStatuses:
    """Statuses of contacts that take effect where they reach less; of several for a contact, those that reach least.

    `reason` and `origins` are kept of those that become unsubscribed (`record_unsubscriptions`).
    """

    changes: Sequence[SubscriptionChange]
    reason: str | None = None
    origins: Mapping[ContactChannel, Unsubscription] = field(default_factory=dict)


async def lower_statuses(tx: Tx, actor: Actor, command: LowerStatuses) -> None:
    """Change statuses of a locked audience's contacts to less: unsubscribed stays, and unconfirmed isn't subscribed."""
    wanted = dict[int, SubscriptionChange]()
    for one in command.changes:
        before = wanted.get(one.contact_id, one)
        wanted[one.contact_id] = SubscriptionChange(
            contact_id=one.contact_id, sms=_lower(before.sms, one.sms), email=_lower(before.email, one.email)
        )
    if not wanted:
        return
    rows = await tx.fetch(SQL["statuses_of"], actor.account_id, actor.audience_id, list(wanted))
    changes = [
        SubscriptionChange(
            contact_id=row["contact_id"],
            sms=_below(wanted[row["contact_id"]].sms, row["sms_status"]),
            email=_below(wanted[row["contact_id"]].email, row["email_status"]),
        )
        for row in rows
    ]
    lower = [one for one in changes if (one.sms, one.email) != (None, None)]
    changing = set(_unsubscribing(lower))
    await say_again(tx, actor, [one for one in _unsubscribing(wanted.values()) if one not in changing])
    of_all = ChangeSubscriptions(changes=lower, reason=command.reason, origins=command.origins)
    await change_subscriptions(tx, actor, of_all)


async def unsubscribe_elsewhere(tx: Tx, actor: Actor, left: Sequence[tuple[int, Channel, str]]) -> None:
    """Unsubscribe contacts of the locked audience that a file gave another address than the suppressed one they had.

    Who asked to be left alone is the same person there. `left` has the contact, the channel and the suppressed address.
    It was then, through that and for the reason which the suppression has.
    """
    if not left:
        return
    gone = SubscriptionStatus.UNSUBSCRIBED
    known = await suppressions_as_unsubscriptions(tx, actor, {address for _, _, address in left})
    changes = [
        SubscriptionChange(
            contact_id=contact_id,
            sms=gone if channel is Channel.SMS else None,
            email=gone if channel is Channel.EMAIL else None,
        )
        for contact_id, channel, _ in left
    ]
    origins = {
        (contact_id, str(channel)): origin
        for contact_id, channel, one in left
        if (origin := known.get((channel, one))) is not None
    }
    await lower_statuses(tx, actor, LowerStatuses(changes=changes, origins=origins))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resubscribe:
    """Contacts of the actor's audience to subscribe again, by channel, and why; the account must be locked.

    What was taken away since `before` stays so.
    """

    contact_ids: Mapping[Channel, Collection[int]]
    reason: str
    before: datetime


async def resubscribe(tx: Tx, actor: Actor, command: Resubscribe) -> int:
    """Subscribe contacts that are unsubscribed, unconfirmed, suppressed or archived; the ledger has the reasons.

    A suppression of the address is lifted, in all audiences. Who is subscribed already is left alone. An archived
    contact is so no more, and unsubscribed on the channel on which it isn't asked for. Returns how many addresses are
    subscribed again.
    """
    done = 0
    asked = {channel: set(contact_ids) for channel, contact_ids in command.contact_ids.items()}
    wanted = sorted(set[int]().union(*asked.values()))
    rows = await tx.fetch(SQL["statuses_of"], actor.account_id, actor.audience_id, wanted) if wanted else []
    for channel, other in ((Channel.SMS, Channel.EMAIL), (Channel.EMAIL, Channel.SMS)):
        key, other_key = _KEYS[channel], _KEYS[other]
        candidates = [row for row in rows if row["contact_id"] in asked[channel] and row[key]]
        since = await suppressed_since(tx, actor, {row[key] for row in candidates}, last=True)
        suppressed = {address: at for (of, address), at in since.items() if of is channel}
        back = await _lowered_before(tx, actor, channel, candidates, suppressed, command.before)
        if not back:
            continue
        addresses = sorted(row[key] for row in back)
        done += len(addresses)
        lifted = [one for one in addresses if one in suppressed]
        given = [Address(channel=channel, value=one if key == "email" else f"+{one}") for one in lifted]
        await reactivate(tx, actor, Reactivate(addresses=given, reason=command.reason))
        own = {one: command.reason for one in addresses if one not in suppressed}
        if own:
            await write_ledger(tx, actor, LedgerEntries(action="reactivate", channel=channel, reasons=own))
        changes = list[SubscriptionChange]()
        for row in back:
            is_alone = row["archived_at"] and row[other_key] and row["contact_id"] not in asked[other]
            lower = SubscriptionStatus.UNSUBSCRIBED if is_alone else None
            sms, email = (_SUBSCRIBED, lower) if channel is Channel.SMS else (lower, _SUBSCRIBED)
            archived = False if row["archived_at"] else None
            changes.append(SubscriptionChange(contact_id=row["contact_id"], sms=sms, email=email, archived=archived))
        await change_subscriptions(tx, actor, ChangeSubscriptions(changes=changes, reason=_ARCHIVED_REASON))
    return done


async def _lowered_before(  # noqa: PLR0913, PLR0917 - the rows, and what is known of them
    tx: Tx,
    actor: Actor,
    channel: Channel,
    rows: Sequence[Record],
    suppressed: Mapping[str, datetime],
    before: datetime,
) -> list[Record]:
    """Keep the contacts that aren't subscribed on a channel, and of which nothing was taken away since a moment.

    `suppressed` has since when addresses of the channel are.
    """
    lowered = [row for row in rows if _is_lowered(row, channel)]
    unsubscribed = await unsubscriptions_of(tx, actor, [row["contact_id"] for row in lowered])

    def is_older(row: Record) -> bool:
        how = unsubscribed.get((row["contact_id"], channel))
        moments = (
            row["archived_at"],
            suppressed.get(row[_KEYS[channel]]),
            None if how is None else how.last_said_at,
        )
        return all(moment is None or moment <= before for moment in moments)

    return [row for row in lowered if is_older(row)]


def _is_lowered(row: Record, channel: Channel) -> bool:
    return row["archived_at"] is not None or row[f"{channel}_status"] != _SUBSCRIBED


def _unsubscribing(changes: Iterable[SubscriptionChange]) -> list[ContactChannel]:
    gone = SubscriptionStatus.UNSUBSCRIBED
    return [
        (one.contact_id, channel)
        for one in changes
        for channel, status in ((Channel.SMS, one.sms), (Channel.EMAIL, one.email))
        if status is gone
    ]


def _lower(one: SubscriptionStatus | None, other: SubscriptionStatus | None) -> SubscriptionStatus | None:
    return max((status for status in (one, other) if status is not None), default=None)


def _below(wanted: SubscriptionStatus | None, stored: int) -> SubscriptionStatus | None:
    """Return the status where it reaches less than the one that the contact has by itself (OWN_STATUSES)."""
    return wanted if wanted is not None and wanted > OWN_STATUSES[stored] else None


async def change_subscriptions(tx: Tx, actor: Actor, command: ChangeSubscriptions) -> None:
    """Change the statuses of contacts; that of a suppressed address applies when the suppression is lifted."""
    if not command.changes:
        return
    await lock_audience(tx, actor)
    changes = command.changes
    contact_ids = [one.contact_id for one in changes]
    addresses = await addresses_of(tx, actor, contact_ids)
    suppressed = {
        channel: await suppressed_among(tx, actor, channel, [address for one in addresses if (address := one[place])])
        for place, channel in enumerate((Channel.SMS, Channel.EMAIL))
    }
    columns = (
        contact_ids,
        [one.sms if one.sms is None else int(one.sms) for one in changes],
        [one.email if one.email is None else int(one.email) for one in changes],
        [one.archived for one in changes],
    )
    async with recounting(tx, actor, contact_ids):
        changed = await tx.fetch(
            SQL["change_subscriptions"],
            actor.account_id,
            actor.audience_id,
            tx.now,
            *columns,
            sorted(suppressed[Channel.SMS]),
            sorted(suppressed[Channel.EMAIL]),
            command.unless_suppressed,
        )
    await say_again(tx, actor, _unsubscribing(changes))
    changed_ids = [row["contact_id"] for row in changed]
    await record_unsubscriptions(tx, actor, changed_ids, reason=command.reason, origins=command.origins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """Tell whether a contact has confirmed, on every channel on which it isn't unsubscribed."""

    contact_id: int
    is_confirmed: bool


async def confirm(tx: Tx, actor: Actor, command: Confirm) -> None:
    """Make a contact subscribed, or unconfirmed."""
    await lock_audience(tx, actor)
    status = SubscriptionStatus.SUBSCRIBED if command.is_confirmed else SubscriptionStatus.UNCONFIRMED
    async with recounting(tx, actor, [command.contact_id]):
        where = (actor.account_id, actor.audience_id, tx.now, command.contact_id)
        await tx.execute(SQL["confirm"], *where, int(status))
