"""Accepting rows whose numbers without a plus may be international ones as well."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from carillon.audience.contacts.batch_write import WritePolicy
from carillon.audience.uploads.accept import AcceptUpload, accept_upload, upload_or_queue
from carillon.audience.upsert.ambiguous_phones import read_ambiguous_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.kit.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptRows:
    """Take in rows; national numbers are the actor's country's. With `at_once` they are few, and written at once.

    Those few are queued too where earlier uploads are still to be written.
    """

    rows: Sequence[ContactRow]
    policy: WritePolicy
    at_once: bool


async def accept_rows(db: Database, actor: Actor, command: AcceptRows) -> None:
    """Read the rows' numbers in a thread, and write or queue them. Raises NotFoundError for `audience`."""
    read = await asyncio.to_thread(read_ambiguous_rows, command.rows, actor.country)
    policy = replace(command.policy, alternative_phones=read.alternative_phones)
    upload = AcceptUpload(rows=read.rows, policy=policy)
    if command.at_once:
        await upload_or_queue(db, actor, upload)
    else:
        await db.run_at_once(accept_upload, actor, upload)
