"""What rows of a batch set beyond attributes: subscription statuses, groups and consents of their contacts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import polars as pl

from carillon.audience.consents import ConsentChange, ConsentKey, known_purposes, write_consents
from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.memberships import Moves, known_groups, move
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.match import NEW
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId

SQL = load_statements("carillon.audience.contacts", "row_changes.sql")

_UNSUBSCRIBED = SubscriptionStatus.UNSUBSCRIBED


class RowChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a row sets beyond attributes: statuses of its contact, the ids of the groups it is in, and consents.

    None leaves statuses and groups as they are, and so are consents that aren't named.
    """

    sms: SubscriptionStatus | None = None
    email: SubscriptionStatus | None = None
    groups: Sequence[GroupId] | None = None
    consents: Sequence[ConsentChange] = ()

    def changes_status(self, *, is_new: bool) -> bool:
        """Tell whether it may set another status than the contact has: a new contact is subscribed."""
        return bool({self.sms, self.email} - ({None, SubscriptionStatus.SUBSCRIBED} if is_new else {None}))


_NOTHING = RowChange()

SuppressedRows = Mapping[Channel, frozenset[int]]
"""The numbers of rows whose address on a channel is suppressed."""


@dataclass(slots=True)
class _Changes:
    """What a batch changes of its contacts, by their ids; of several rows the last write wins."""

    purposes: Collection[str]
    statuses: dict[int, SubscriptionChange] = field(default_factory=dict)
    groups: dict[int, Sequence[GroupId]] = field(default_factory=dict)
    consents: dict[ConsentKey, bool | None] = field(default_factory=dict)
    new: set[int] = field(default_factory=set)

    def add(self, contact_id: int, change: RowChange, *, is_new: bool) -> None:
        if change.changes_status(is_new=is_new):
            self.set_status(contact_id, change.sms, change.email)
        if change.groups is not None:
            self.groups[contact_id] = change.groups
        for one in change.consents:
            if one.purpose in self.purposes:
                self.consents[contact_id, one.purpose, one.channel] = one.granted

    def set_status(self, contact_id: int, sms: SubscriptionStatus | None, email: SubscriptionStatus | None) -> None:
        before = self.statuses.get(contact_id, SubscriptionChange(contact_id=contact_id))
        self.statuses[contact_id] = replace(
            before,
            sms=before.sms if sms is None else sms,
            email=before.email if email is None else email,
        )


async def apply_changes(
    tx: Tx, actor: Actor, changes: Mapping[int, RowChange], suppressed: SuppressedRows | None, kept: pl.DataFrame
) -> None:
    """Apply what rows set, by their numbers, to their contacts; `kept` is `UpsertOutcome`'s.

    With `suppressed` rows a suppressed address isn't subscribed: a new contact is unsubscribed there, and one that was
    there keeps its status. Groups and purposes that the audience doesn't have are passed over.
    """
    if not changes and not any((suppressed or {}).values()):
        return
    has_consents = any(change.consents for change in changes.values())
    gathered = _Changes(purposes=await known_purposes(tx, actor) if has_consents else ())
    _gather(gathered, changes, suppressed or {}, kept.select("row", "contact_id", "outcome"))
    statuses = list(gathered.statuses.values())
    command = ChangeSubscriptions(changes=statuses, unless_suppressed=suppressed is not None)
    await change_subscriptions(tx, actor, command)
    if gathered.groups:
        await move(tx, actor, await _moves(tx, actor, gathered.groups))
    await write_consents(tx, actor, gathered.consents, new=gathered.new)


def _gather(
    gathered: _Changes, changes: Mapping[int, RowChange], suppressed: SuppressedRows, kept: pl.DataFrame
) -> None:
    rows = set(changes).union(*suppressed.values())
    unsubscribed: dict[int, set[Channel]] = {}
    for row, contact_id, outcome in kept.iter_rows():
        is_new = outcome == NEW
        if is_new:
            gathered.new.add(contact_id)
        if row not in rows:
            continue
        gathered.add(contact_id, changes.get(row, _NOTHING), is_new=is_new)
        if suppressed and contact_id in gathered.new:
            channels = {channel for channel, its_rows in suppressed.items() if row in its_rows}
            unsubscribed.setdefault(contact_id, set()).update(channels)
    for contact_id, channels in unsubscribed.items():
        by_sms, by_email = (_UNSUBSCRIBED if one in channels else None for one in (Channel.SMS, Channel.EMAIL))
        gathered.set_status(contact_id, by_sms, by_email)


async def _moves(tx: Tx, actor: Actor, wanted: Mapping[int, Sequence[GroupId]]) -> Moves:
    """Tell what leads from the groups that contacts are in to those that they shall be in."""
    known = await known_groups(tx, actor, sorted({group_id for groups in wanted.values() for group_id in groups}))
    goal = {(group_id, contact_id) for contact_id, groups in wanted.items() for group_id in groups if group_id in known}
    rows = await tx.fetch(SQL["memberships_of"], actor.account_id, list(wanted))
    present = {(GroupId(row["group_id"]), row["contact_id"]) for row in rows}
    return Moves(leaving=sorted(present - goal), joining=sorted(goal - present))
