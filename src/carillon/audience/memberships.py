"""Memberships: what a batch of rows changes about who is in which group."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from asyncpg import Record

from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.counters import COUNTERS, move_counters
from carillon.audience.groups import create_groups, groups_by_name, name_key
from carillon.audience.upsert.rows import Batch
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId

SQL = load_statements("carillon.audience", "memberships.sql")

# Up to so many pairs one statement is quicker than COPY, which takes a third of the time for many.
_FEW = 50
_ENROLLED_AT_ONCE = 5_000

Pair = tuple[GroupId, int]
"""A group's id and a contact's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Changes of membership. `inserting` are those of contacts that the batch inserts, which no group counts yet."""

    leaving: Sequence[Pair] = ()
    joining: Sequence[Pair] = ()
    inserting: Sequence[Pair] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Regroup:
    """Groups that a contact joins and leaves, by id; with `leave_others` it is in those that it joins and no other."""

    join: Sequence[GroupId] = ()
    leave: Sequence[GroupId] = ()
    leave_others: bool = False


NO_MOVES = Regroup()


async def plan_moves(tx: Tx, actor: Actor, batch: Batch, kept: pl.DataFrame, new: set[int]) -> Moves:
    """Resolve a batch's changes of membership; groups that a kept row joins are made where they are missing.

    `kept` gives each row's contact; `new` are the inserted contacts, which are reached by no other way than their
    addresses.
    """
    wanted = await _wanted(tx, actor, batch, kept)
    return Moves(
        leaving=[pair for pair, joins in wanted.items() if not joins and pair[1] not in new],
        joining=[pair for pair, joins in wanted.items() if joins and pair[1] not in new],
        inserting=[pair for pair, joins in wanted.items() if joins and pair[1] in new],
    )


async def _wanted(tx: Tx, actor: Actor, batch: Batch, kept: pl.DataFrame) -> dict[Pair, bool]:
    """Tell for each named pair whether the contact joins or leaves: the last write wins."""
    if kept.is_empty() or not (batch.moves or batch.join_all):
        return {}
    contact_ids = dict(zip(kept["row"], kept["contact_id"], strict=True)) if batch.moves else {}
    singly = [(name_key(name), contact_ids[row], joins) for row, name, joins in batch.moves if row in contact_ids]
    joined = {name_key(name): name for row, name, joins in reversed(batch.moves) if joins and row in contact_ids}
    joined |= {name_key(name): name for name in batch.join_all}
    known = await groups_by_name(tx, actor, set(joined) | {key for key, _, _ in singly})
    missing = [key for key in reversed(joined) if key not in known]
    if missing:
        known |= dict(zip(missing, await create_groups(tx, actor, [joined[key] for key in missing]), strict=True))
    wanted = {(known[key], contact_id): joins for key, contact_id, joins in singly if key in known}
    for name in batch.join_all:
        group_id = known[name_key(name)]
        wanted |= {(group_id, contact_id): True for contact_id in kept["contact_id"].to_list()}
    return wanted


async def move(tx: Tx, actor: Actor, moves: Moves) -> None:
    """Write what leaves and joins, and move the counters by the shares of these pairs alone.

    The audience must be locked, and the contacts be in the state in which they are counted from now on.
    """
    moved: Counter[tuple[GroupId, str]] = Counter()
    if leaving := list(dict.fromkeys(moves.leaving)):
        shares = await _shares(tx, actor, leaving, are_members=True)
        if shares:
            await tx.execute(SQL["leave_groups"], actor.account_id, *_columns(leaving))
        moved.subtract({(row["group_id"], counter): row[counter] for row in shares for counter in COUNTERS})
    if joining := list(dict.fromkeys(moves.joining)):
        shares = await _shares(tx, actor, joining, are_members=False)
        await _join(tx, actor, joining, sum(row["pairs"] for row in shares))
        moved.update({(row["group_id"], counter): row[counter] for row in shares for counter in COUNTERS})
    groups = sorted({group_id for group_id, _ in moved})
    await move_counters(tx, actor, {one: tuple(moved[one, counter] for counter in COUNTERS) for one in groups})


async def _shares(tx: Tx, actor: Actor, pairs: Sequence[Pair], *, are_members: bool) -> Sequence[Record]:
    return await tx.fetch(SQL["shares_of_pairs"], *_audience(actor), *_columns(pairs), are_members)


async def _join(tx: Tx, actor: Actor, pairs: Sequence[Pair], missing: int) -> None:
    """Write pairs of which `missing` are no members yet."""
    if missing == len(pairs) > _FEW:
        await _copy(tx, actor, pairs)
    elif missing:
        await tx.execute(SQL["join_groups"], actor.account_id, *_columns(pairs))


async def _copy(tx: Tx, actor: Actor, pairs: Sequence[Pair]) -> None:
    lines = "".join([f"{actor.account_id},{group_id},{contact_id}\n" for group_id, contact_id in pairs])
    await tx.copy_csv("membership", ("account_id", "group_id", "contact_id"), [lines.encode()])


async def move_in(tx: Tx, actor: Actor, moves: Moves, inserts: pl.DataFrame) -> None:
    """Write and count the memberships of contacts just inserted, with their statuses in `inserts`."""
    if not moves.inserting:
        return
    await _copy(tx, actor, moves.inserting)
    statuses = dict(
        zip(inserts["contact_id"], zip(inserts["sms_status"], inserts["email_status"], strict=True), strict=True)
    )
    counted = Counter([(group_id, statuses[contact_id]) for group_id, contact_id in moves.inserting])
    shares: dict[int, dict[str, int]] = {}
    for (group_id, (sms, email)), count in counted.items():
        share = shares.setdefault(group_id, dict.fromkeys(COUNTERS, 0))
        by_sms, by_email = sms == SubscriptionStatus.SUBSCRIBED, email == SubscriptionStatus.SUBSCRIBED
        share["members"] += count
        share["reachable"] += count * (by_sms or by_email)
        share["reachable_sms"] += count * by_sms
        share["reachable_email"] += count * by_email
    await move_counters(tx, actor, {group_id: tuple(share.values()) for group_id, share in shares.items()})


async def require_groups(tx: Tx, actor: Actor, group_ids: Sequence[int]) -> None:
    """Raise NotFoundError for the first of the groups that isn't in the actor's audience, which must be locked."""
    known = await known_groups(tx, actor, group_ids)
    for group_id in group_ids:
        if group_id not in known:
            raise NotFoundError("group", f"There is no group {group_id}.")


async def known_groups(tx: Tx, actor: Actor, group_ids: Sequence[int]) -> set[int]:
    """Return those of the groups that are in the actor's audience."""
    if not group_ids:
        return set()
    return {row["group_id"] for row in await tx.fetch(SQL["known_groups"], *_audience(actor), list(group_ids))}


async def enrol(tx: Tx, actor: Actor, group_id: int, contact_ids: Sequence[int]) -> None:
    """Let contacts join a group that is there; those that are in it stay. The audience must be locked."""
    for start in range(0, len(contact_ids), _ENROLLED_AT_ONCE):
        chunk = contact_ids[start : start + _ENROLLED_AT_ONCE]
        await move(tx, actor, Moves(joining=[(GroupId(group_id), contact_id) for contact_id in chunk]))


async def regroup(tx: Tx, actor: Actor, contact_id: int, command: Regroup) -> None:
    """Change a contact's groups by their ids, and the counters with them. The audience must be locked.

    The groups that it joins must be there: see `require_groups`.
    """
    leave = [group_id for group_id in command.leave if group_id not in command.join]
    if command.leave_others:
        others = await tx.fetch(SQL["other_groups"], actor.account_id, contact_id, list(command.join))
        leave = [GroupId(row["group_id"]) for row in others]
    leaving = [(group_id, contact_id) for group_id in leave]
    await move(tx, actor, Moves(leaving=leaving, joining=[(group_id, contact_id) for group_id in command.join]))


def _audience(actor: Actor) -> tuple[int, int]:
    return actor.account_id, actor.audience_id


def _columns(pairs: Sequence[Pair]) -> tuple[list[int], list[int]]:
    return [group_id for group_id, _ in pairs], [contact_id for _, contact_id in pairs]
