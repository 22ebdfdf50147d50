"""The members of groups as recipients: a snapshot of who they are, and of what they have for placeholders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor

SQL = load_statements("carillon.messaging", "members.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMembers:
    """Write the members of groups behind the recipients that a sending names. The other fields are as in `Send`."""

    sending_id: UUID
    channel: str
    named: int
    groups: Sequence[int]
    excluded_groups: Sequence[int] = ()
    contact_fields: Mapping[str, str] = field(default_factory=dict)
    purpose: str | None = None
    allows_duplicates: bool = False
    ignores_suppressions: bool = False


async def count_members(tx: Tx, actor: Actor, groups: Sequence[int]) -> int:
    """Count members by their groups' counters. Raises NotFoundError for `group`."""
    unique = sorted(set(groups))
    members = await tx.fetchval(SQL["count_members"], actor.account_id, actor.audience_id, unique)
    if members is None:
        raise NotFoundError("group")
    return int(members)


async def add_members(tx: Tx, actor: Actor, command: AddMembers) -> int:
    """Write the members that a channel's address is known of, in the order of their ids, and return how many.

    All are of one moment. Who unsubscribed in the audience, or has not confirmed, or has not consented to the purpose,
    is there with the reason; suppressed addresses are found when the messages are written.
    """
    await tx.execute(SQL["take_your_time"])
    count = await tx.fetchval(
        SQL["add_members"],
        actor.account_id,
        command.sending_id,
        command.named,
        actor.audience_id,
        sorted(set(command.groups)),
        sorted(set(command.excluded_groups)),
        0 if command.allows_duplicates else command.named,
        list(command.contact_fields),
        list(command.contact_fields.values()),
        command.ignores_suppressions,
        command.purpose,
        command.channel,
    )
    return int(count)
