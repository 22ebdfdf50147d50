"""What processes tell each other of carriers' health, as rows: so a process that runs no carrier chooses by it too."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

import msgspec

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.routing.health import Figures, Health, Place

SQL = load_statements("carillon.routing", "health_rows.sql")

# So long after its last note nothing of it counts any more: thirty half-lives.
_KEPT = timedelta(hours=1)

NOBODY = UUID(int=0)
"""The holder of no row: as it, all are read."""

_EXCHANGE_SECONDS = 5.0

_decode = msgspec.json.Decoder(Figures).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteHealth:
    """Write down what a process has counted, faded up to now."""

    holder: UUID
    figures: Mapping[Place, Figures]


async def note_health(tx: Tx, command: NoteHealth) -> None:
    """Replace the process's rows of these carriers and countries, and drop what nobody has noted for an hour."""
    places = sorted(command.figures)
    await tx.execute(
        SQL["note_health"],
        command.holder,
        tx.real_now,
        [carrier_id for carrier_id, _ in places],
        [country for _, country in places],
        [msgspec.json.encode(asdict(command.figures[place])).decode() for place in places],
    )
    await tx.execute(SQL["forget_health"], tx.real_now - _KEPT)


async def read_health(tx: Tx, holder: UUID) -> dict[Place, Figures]:
    """Return what all processes but one have noted, together, faded up to now."""
    found: dict[Place, Figures] = {}
    for row in await tx.fetch(SQL["read_health"], holder, tx.real_now - _KEPT):
        place = row["carrier_id"], row["country"]
        figures = _decode(row["figures"]).faded((tx.real_now - row["noted_at"]).total_seconds())
        found[place] = found[place].plus(figures) if place in found else figures
    return found


async def exchange_health(db: Database, stopping: asyncio.Event) -> None:
    """Write down what this process has counted, and read what the others have, until the event is set.

    It is about the process's own `Health` (`db.process_state`). Raises what `db.run` does.
    """
    health, holder = db.process_state(Health), UUID(int=db.random.getrandbits(128))
    while not stopping.is_set():
        figures = health.own()
        if figures:
            await db.run(note_health, NoteHealth(holder=holder, figures=figures))
        health.set_others(await db.read(read_health, holder))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _EXCHANGE_SECONDS)
