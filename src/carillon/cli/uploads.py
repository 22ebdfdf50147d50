"""`carillon upload`."""

from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import UUID

import click

from carillon.audience.uploads.report import FailedUpload, failed_uploads, retry_upload
from carillon.cli.options import account_option
from carillon.cli.session import Session, open_actor, table, with_session

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """List and retry uploads that could not be written."""


@group.command("list")
@account_option()
@with_session
def list_(session: Session, *, account_id: int) -> None:
    """List the uploads that failed for good; their rows are kept.

    For example:

        carillon upload list --account 1
    """

    async def work(db: "Database") -> list[FailedUpload]:
        actor = await open_actor(db, account_id)
        return await db.read(failed_uploads, actor)

    rows = [asdict(upload) for upload in session.run(work)]
    session.answer(rows, table(rows, "No upload has failed."))


@group.command
@click.argument("upload", type=click.UUID)
@account_option()
@with_session
def retry(session: Session, *, upload: UUID, account_id: int) -> None:
    """Try a failed upload again: a worker takes it next.

    For example:

        carillon upload retry 0198c0de-7000-7000-8000-000000000001 --account 1
    """

    async def work(db: "Database") -> None:
        actor = await open_actor(db, account_id)
        await db.run(retry_upload, actor, upload)

    session.run(work)
    session.answer({"import_id": str(upload)}, f"The upload {upload} will be tried again.")
