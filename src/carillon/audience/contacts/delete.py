"""Deleting contacts: every deletion, whatever its cause, is one entry of the audit trail."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from carillon.audience.contacts.contact import ContactKey
from carillon.audience.contacts.lookup import key_columns
from carillon.audience.counters import recounting
from carillon.audience.locks import lock_audience
from carillon.audience.removed_unsubscribes import remember_refused
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.tenancy import audit

SQL = load_statements("carillon.audience.contacts", "delete.sql")

DELETION_CHUNK = 10_000
"""What deletes contacts by the million gives so many at a time: statements stay short, the transaction is one."""


class DeletionCause(StrEnum):
    """Why contacts are deleted, as the audit trail has it."""

    REQUEST = "request"
    GROUP_DELETED = "group_deleted"
    AUDIENCE_DELETED = "audience_deleted"
    IDLE = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteContacts:
    """Delete the contacts that any of the keys names, from all groups too; with `must_exist` at least one."""

    keys: Sequence[ContactKey]
    must_exist: bool = False


async def delete_contacts(tx: Tx, actor: Actor, command: DeleteContacts) -> int:
    """Delete contacts and return how many there were. Their suppressions stay: they belong to the addresses.

    Who is named by an address is forgotten wholly: contacts that keep it because another one has it go too. Raises
    NotFoundError for `contact` where one must exist.
    """
    audience = await lock_audience(tx, actor)
    where = (actor.account_id, actor.audience_id)
    phones, emails, external_ids, contact_ids = await key_columns(tx, actor, command.keys, audience.country)
    rows = await tx.fetch(SQL["contact_ids"], *where, phones, emails, external_ids, contact_ids)
    if phones or emails:
        rows += await tx.fetch(SQL["repeated_ids"], *where, phones, emails)
    gone = await delete_contact_ids(tx, actor, sorted({row["contact_id"] for row in rows}))
    if command.must_exist and not gone:
        raise NotFoundError("contact")
    return gone


async def delete_contact_ids(
    tx: Tx, actor: Actor, contact_ids: Sequence[int], *, cause: DeletionCause = DeletionCause.REQUEST
) -> int:
    """Delete contacts of a locked audience by id and return how many there were."""

    async def once() -> AsyncIterator[Sequence[int]]:
        yield contact_ids

    return await delete_contact_chunks(tx, actor, once(), cause=cause)


async def delete_contact_chunks(
    tx: Tx, actor: Actor, chunks: AsyncIterable[Sequence[int]], *, cause: DeletionCause
) -> int:
    """Delete contacts of a locked audience, each chunk of ids before the next is asked for; return how many there were.

    Their devices, consents, unsubscriptions, form tokens and memberships go with them. What they refused in an audience
    which stays is kept as digests of their addresses.
    """
    gone = 0
    async for contact_ids in chunks:
        if contact_ids and cause is not DeletionCause.AUDIENCE_DELETED:
            await remember_refused(tx, actor, contact_ids)
        gone += await _delete(tx, actor, contact_ids)
    if gone:
        await audit.record(tx, actor, "contact.delete", actor.audience_id, {"contacts": gone, "cause": cause})
    return gone


async def _delete(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> int:
    if not contact_ids:
        return 0
    async with recounting(tx, actor, contact_ids):
        await tx.execute(SQL["delete_memberships"], actor.account_id, contact_ids)
        await tx.execute(SQL["delete_devices"], actor.account_id, actor.audience_id, contact_ids)
        await tx.execute(SQL["delete_consents"], actor.account_id, actor.audience_id, contact_ids)
        await tx.execute(SQL["delete_unsubscriptions"], actor.account_id, actor.audience_id, contact_ids)
        gone = await tx.fetch(SQL["delete_contacts"], actor.account_id, actor.audience_id, contact_ids)
        # Last: until a contact is gone, tokens are made for it without the audience's lock.
        await tx.execute(SQL["delete_form_tokens"], actor.account_id, actor.audience_id, contact_ids)
    return len(gone)
