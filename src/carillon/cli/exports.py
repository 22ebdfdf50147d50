"""`carillon export`."""

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carillon.audience.exports import ExportContacts, export_contacts
from carillon.cli.options import account_option, audience_option
from carillon.cli.session import Session, open_actor, with_session
from carillon.errors import InvalidInputError

if TYPE_CHECKING:
    from carillon.db.database import Database

_STANDARD_OUTPUT = Path("-")


def _is_pipe_or_terminal() -> bool:
    """Tell whether standard output is read as it comes, by a person or another program."""
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except OSError:  # it is none of the system's
        return True
    return sys.stdout.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@click.command
@account_option("The account to export from.")
@audience_option("One of its audiences.")
@click.option("--group", metavar="NAME", help="Only the members of this group.")
@click.option("--format", "format_", type=click.Choice(["csv", "ndjson", "parquet"]), default="csv", show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="The file to write, or a pipe; - is standard output. [default: standard output]",
)
@click.option("--raw", is_flag=True, help="Leave cells of CSV that a spreadsheet would run as a formula as they are.")
@with_session
def export(  # noqa: PLR0913 - one for each flag
    session: Session,
    *,
    account_id: int,
    audience_id: int | None,
    group: str | None,
    format_: str,
    output: Path | None,
    raw: bool,
) -> None:
    """Export contacts in a form that can be imported again.

    Rows without a contact_id come first: suppressions, and of an audience custom fields, purposes and groups without
    members.

    For example:

        carillon export --account 1 --group Customers -o customers.csv
    """
    if output == _STANDARD_OUTPUT:
        output = None
    if output is None and format_ == "parquet" and _is_pipe_or_terminal():
        raise InvalidInputError(
            "output", "Parquet is binary, and no terminal or pipe is given it: name a file with -o."
        )
    target = sys.stdout.buffer if output is None else output
    command = ExportContacts(target=target, format=format_, group=group, defuse=not raw)  # type: ignore[arg-type]

    async def run(db: "Database") -> int:
        actor = await open_actor(db, account_id, audience_id)
        async with db.transaction(actor) as tx:  # not tried again: what went to standard output can't be taken back
            return await export_contacts(tx, actor, command)

    rows = session.run(run)
    if output is None:
        click.echo(f"Exported {rows:,} contacts.", err=True)
    else:
        session.answer({"rows": rows, "file": str(output)}, f"Exported {rows:,} contacts to {output}.")
