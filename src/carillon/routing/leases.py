"""Which process has how many of a carrier's connections: slots under leases in real time, shared out fairly.

A carrier's slots are numbered from 0. Beside them each process that wants some has a place, numbered from -1 downwards,
under the same kind of lease: so every process knows how many there are. Of n slots and p processes each gets n // p,
and the first n % p of them one more, in the order of their places. Who has more than that releases the rest, and who
has less takes what is free. A process that is killed is over when its leases end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.workers.leases import valid_leases

SQL = load_statements("carillon.routing", "leases.sql")

LEASE = timedelta(seconds=6)
"""Renewed every second, so it has to outlast only a stall; so long a killed process's connections stay unused."""

# So many places of a carrier are tried for at once: more processes than these get theirs a second later.
_PLACES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a process has of a carrier: the numbers of its slots, and its part of what all may do, from 0 to 1."""

    slots: Sequence[int]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSlots:
    """Keep the process's leases, and move towards its fair part. `wanted` is the number of slots of each carrier.

    A carrier with 0 slots has none to hold, but is shared all the same. `in_use` is how many connections of each are
    open still: so many leases are kept, whatever its part is.
    """

    holder: UUID
    wanted: Mapping[int, int]
    in_use: Mapping[int, int] = field(default_factory=dict)


async def hold_slots(tx: Tx, command: HoldSlots) -> dict[int, Holding]:
    """Renew what the process holds of the wanted carriers, release and take what its part asks for.

    Leases of other carriers are released. What is returned may be used until `LEASE` from the call; a part may take
    some calls to be reached, as others release only when they call, and when their connections are closed.
    """
    carriers = sorted(command.wanted)
    await tx.execute(SQL["release_others"], command.holder, carriers)
    if not carriers:
        return {}
    rows = await tx.fetch(SQL["held_rows"], command.holder, carriers, *valid_leases(tx))
    found = {
        carrier_id: _Rows(slots=command.wanted[carrier_id], in_use=command.in_use.get(carrier_id, 0))
        for carrier_id in carriers
    }
    for row in rows:
        found[row["carrier_id"]].add(row["slot"], is_own=row["is_own"])
    await _release(tx, command.holder, {key: one.surplus() for key, one in found.items()})
    kept = await _renew(tx, command.holder, {key: one.kept() for key, one in found.items()})
    taken = await _take(tx, command.holder, {key: one.to_take() for key, one in found.items()})
    return {
        carrier_id: found[carrier_id].holding([*kept.get(carrier_id, ()), *taken.get(carrier_id, ())])
        for carrier_id in carriers
    }


async def release_slots(tx: Tx, holder: UUID) -> None:
    """Release all that a process holds, when it stops."""
    await tx.execute(SQL["release_all"], holder)


class _Rows:
    """The leases of one carrier as they are read, and what follows for this process."""

    def __init__(self, *, slots: int, in_use: int) -> None:
        self._slots = slots
        self._in_use = in_use
        self._own: list[int] = []
        self._others: list[int] = []

    def add(self, slot: int, *, is_own: bool) -> None:
        (self._own if is_own else self._others).append(slot)

    def _place(self) -> int | None:
        return max((slot for slot in self._own if slot < 0), default=None)

    def _own_slots(self) -> list[int]:
        return [slot for slot in self._own if slot >= 0]

    def _part(self) -> int:
        """Return how many slots are this process's; 0 while it has no place."""
        place = self._place()
        if place is None:
            return 0
        other_places = [slot for slot in self._others if slot < 0]
        processes = len(other_places) + 1
        rank = len([slot for slot in other_places if slot > place])
        return self._slots // processes + (rank < self._slots % processes)

    def surplus(self) -> list[int]:
        """Return the slots to release; while it has no place, what it holds is kept."""
        place = self._place()
        doubled = [slot for slot in self._own if slot < 0 and slot != place]
        if place is None:
            return doubled
        return [*self._own_slots()[max(self._part(), self._in_use) :], *doubled]

    def kept(self) -> list[int]:
        released = self.surplus()
        return [slot for slot in self._own if slot not in released]

    def to_take(self) -> list[int]:
        """Return the slots to take, or a place where it has none."""
        used = {*self._own, *self._others}
        if self._place() is None:
            free_places = (-number for number in range(1, len(used) + _PLACES) if -number not in used)
            return [next(free_places)]
        missing = self._part() - len(self._own_slots())
        free = [slot for slot in range(self._slots) if slot not in used]
        return free[: max(0, missing)]

    def holding(self, held: Iterable[int]) -> Holding:
        usable = sorted(slot for slot in held if slot >= 0)
        slots = usable if self._place() is None else usable[: self._part()]
        processes = len([slot for slot in self._others if slot < 0]) + 1
        return Holding(slots=slots, share=len(slots) / self._slots if self._slots else 1 / processes)


async def _release(tx: Tx, holder: UUID, slots: Mapping[int, Sequence[int]]) -> None:
    pairs = _pairs(slots)
    if pairs:
        await tx.execute(SQL["release_slots"], holder, *_columns(pairs))


async def _renew(tx: Tx, holder: UUID, slots: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    pairs = _pairs(slots)
    if not pairs:
        return {}
    return _by_carrier(await tx.fetch(SQL["renew_slots"], holder, *_columns(pairs), tx.real_now + LEASE))


async def _take(tx: Tx, holder: UUID, slots: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    pairs = _pairs(slots)
    if not pairs:
        return {}
    times = (tx.real_now + LEASE, *valid_leases(tx))
    return _by_carrier(await tx.fetch(SQL["take_slots"], holder, *_columns(pairs), *times))


def _pairs(slots: Mapping[int, Sequence[int]]) -> list[tuple[int, int]]:
    return [(carrier_id, slot) for carrier_id, numbers in slots.items() for slot in numbers]


def _columns(pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [carrier_id for carrier_id, _ in pairs], [slot for _, slot in pairs]


def _by_carrier(rows: Iterable[Record]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row["carrier_id"], []).append(row["slot"])
    return found
