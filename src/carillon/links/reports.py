"""Who has opened the links of a sending, in numbers: people and machines apart."""

from dataclasses import dataclass
from uuid import UUID

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.links", "reports.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkClicks:
    """The clicks on one link of a sending: all of them, and of how many messages (`unique`)."""

    name: str
    human: int
    human_unique: int
    machine: int
    machine_unique: int


async def clicks_of_sending(tx: Tx, actor: Actor, sending_id: UUID) -> list[LinkClicks]:
    """Count the clicks of a sending, by the placeholders that its links stand for."""
    await tx.execute(SQL["take_your_time"])
    rows = await tx.fetch(SQL["clicks_of_sending"], actor.account_id, sending_id)
    return [LinkClicks(**row) for row in rows]
