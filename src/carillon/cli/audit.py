"""`carillon audit`."""

from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import UUID

import click
import msgspec

from carillon.cli.options import account_option
from carillon.cli.session import Session, open_actor, table, with_session
from carillon.errors import NotFoundError
from carillon.kit.ids import AccountId
from carillon.messaging.account_clock import worker_actor
from carillon.tenancy.audit import AuditEntry, ListAudit, list_audit

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """See who changed what."""


@group.command("list")
@account_option()
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many entries.")
@click.option("--before", type=click.UUID, metavar="ENTRY_ID", help="Only entries older than this one.")
@with_session
def list_(session: Session, *, account_id: int, limit: int, before: UUID | None) -> None:
    """List an account's changes, newest first; a deleted account's, too.

    For example:

        carillon audit list --account 1 --limit 20
    """

    async def read(db: "Database") -> list[AuditEntry]:
        query = ListAudit(before=before, limit=limit)
        try:
            return await db.read(list_audit, await open_actor(db, account_id), query)
        except NotFoundError:
            if found := await db.read(list_audit, worker_actor(AccountId(account_id)), query):
                return found  # the account is deleted, and its trail is not
            raise

    entries = session.run(read)
    rows = [{**asdict(entry), "detail": msgspec.json.encode(entry.detail).decode()} for entry in entries]
    session.answer(entries, table(rows, f"Nothing was changed in account {account_id} yet."))
