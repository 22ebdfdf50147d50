"""`carillon import`: a file's import, and what became of earlier ones."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import UUID

import click
import msgspec

from carillon.audience.imports.history import Import, ListImports, get_import, import_errors, list_imports
from carillon.audience.upsert.rows import RowError
from carillon.cli.default_command import WithDefault
from carillon.cli.imports import import_
from carillon.cli.options import account_option, audience_option
from carillon.cli.session import Session, open_actor, table, with_session

if TYPE_CHECKING:
    from carillon.db.database import Database

_LISTED = ("import_id", "source", "file", "state", "created_at", "rows", "new", "updated", "unchanged", "failed")

group = WithDefault(import_)


@group.command("list")
@account_option()
@audience_option("The audience.")
@click.option("--before", type=click.UUID, metavar="IMPORT", help="Only imports older than this one.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, the latest first."
)
@with_session
def list_(session: Session, *, account_id: int, audience_id: int | None, before: UUID | None, limit: int) -> None:
    """List the latest imports: of files, and what clients of the APIs have uploaded.

    For example:

        carillon import list --account 1
    """

    async def work(db: "Database") -> list[Import]:
        actor = await open_actor(db, account_id, audience_id)
        return await db.read(list_imports, actor, ListImports(before=before, limit=limit))

    found = session.run(work)
    rows = [{name: getattr(one, name) for name in _LISTED} for one in found]
    session.answer(found, table(rows, "Nothing was imported yet. A file: carillon import FILE --account ID"))


@group.command
@click.argument("import_id", metavar="IMPORT", type=click.UUID)
@account_option()
@with_session
def show(session: Session, *, import_id: UUID, account_id: int) -> None:
    """Show what became of an import.

    For example:

        carillon import show 0198c0de-7000-7000-8000-000000000001 --account 1
    """

    async def work(db: "Database") -> Import:
        return await db.read(get_import, await open_actor(db, account_id), import_id)

    found = session.run(work)
    lines = [f"{name + ':':<14} {value}" for name, value in asdict(found).items() if value is not None]
    session.answer(found, lines)


@group.command
@click.argument("import_id", metavar="IMPORT", type=click.UUID)
@account_option()
@with_session
def rejects(session: Session, *, import_id: UUID, account_id: int) -> None:
    """List the problems of an import, and say where its rejects file is.

    These are the first thousand of them; the rejects file has every row that had one. Mend it and import it.

    For example:

        carillon import rejects 0198c0de-7000-7000-8000-000000000001 --account 1
    """

    async def work(db: "Database") -> tuple[Import, Sequence[RowError]]:
        actor = await open_actor(db, account_id)
        return await db.read(get_import, actor, import_id), await db.read(import_errors, actor, import_id)

    found, errors = session.run(work)
    rows = [msgspec.structs.asdict(one) | {"value": one.readable_value} for one in errors]
    lines = table(rows, "The import had no problem.")
    if len(errors) < found.error_count:
        lines.append(f"These are the first {len(errors):,} of {found.error_count:,} problems.")
    if found.rejects is not None:
        lines.append(f"The rows are in {found.rejects}: mend it, import it.")
    answer = {
        "import_id": found.import_id,
        "error_count": found.error_count,
        "rejects": found.rejects,
        "errors": errors,
    }
    session.answer(answer, lines)
