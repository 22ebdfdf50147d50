"""`carillon import`."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

# Reading has a thread of its own; more of them for each column cost a tenth of the import's work and gain nothing. It
# is said before the first import that loads polars, which reads it then.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

# isort: split
from carillon.audience.imports.file_import import FileImport, ImportProgress, ImportSummary, import_file
from carillon.cli.dry_runs import dry_run_option, show_dry_run
from carillon.cli.import_reports import progress_line, report_json, report_lines
from carillon.cli.judged_files import Judging, encoding_option, import_yes_option
from carillon.cli.options import account_option, audience_option, country_option
from carillon.cli.progress import Progress
from carillon.cli.session import Session, open_actor, with_session
from carillon.cli.standard_input import as_file, rejects_of

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.kit.actor import Actor

# What a shell gives for a program that Ctrl-C has ended: 128 and the number of SIGINT.
_STOPPED = 130


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@account_option("The account to import into.")
@audience_option("One of its audiences.")
@click.option("--group", metavar="NAME", help="A group that every row joins; made when it is missing.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="Which field a column holds, where its name doesn't say so; FIELD - leaves it out. May be repeated.",
)
@click.option("--columns", metavar="NAMES", help="The columns' names, with commas, of a file that has no header.")
@click.option("--sheet", metavar="NAME", help="The sheet of a workbook. [default: its first]")
@country_option()
@click.option("--delimiter", metavar="CHARACTER", help="What parts the cells. [default: found out; \\t is a tab]")
@encoding_option()
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where rows with a problem go, to be mended and imported again; beside earlier rejects with a number in the "
    "name. [default: FILE.rejects.csv]",
)
@click.option(
    "--resubscribe",
    metavar="REASON",
    help="Subscribe again whom a column says to be subscribed, also who had unsubscribed; the ledger keeps the reason.",
)
@import_yes_option()
@dry_run_option()
@click.option("--again", is_flag=True, help="Import from the start, even what was imported before.")
@with_session
def import_(  # noqa: PLR0913 - one for each flag
    session: Session,
    *,
    file: Path,
    account_id: int,
    audience_id: int | None,
    group: str | None,
    mapping: tuple[str, ...],
    columns: str | None,
    sheet: str | None,
    country: str | None,
    delimiter: str | None,
    encoding: str | None,
    rejects: Path | None,
    resubscribe: str | None,
    yes: bool,
    dry_run: bool,
    again: bool,
) -> None:
    """Import the contacts of a file: CSV, XLSX, NDJSON or Parquet.

    FILE may be in a .gz or .zip of its own; - is standard input.

    Columns are known by their names (Phone, E-mail, First name …, in several languages). A contact that is there is
    found by phone, e-mail or external id and gets what the file says; an empty cell leaves a field alone. Columns that
    say who must not be written to (status, unsubscribed, blacklisted …) take reachability away and never give it.
    Before anything is written, the first rows are judged. Where more than a fifth of the phones (of a few, more than
    half) are no valid numbers, or more than a fifth of the rows can't be read, or more than a twentieth of the known
    contacts (of a few, more than half) get another phone or e-mail, or as many rows name different people by the same
    address or id, it asks on a terminal; elsewhere it ends with exit code 3, unless --yes is there.
    Rejects are no failure: the exit code is 0.

    Calling again after an interruption goes on where it stopped, and a file that was imported is not imported twice.
    Standard input is kept in a private file meanwhile; give the same once more to go on. Its rejects go to
    stdin.rejects.csv.

    For example:

        carillon import customers.csv --account 1 --group Customers --map "Mobile 2=phone"
    """
    judging = Judging(session, yes=yes)

    async def work(db: "Database") -> ImportSummary:
        return await run_import(db, await open_actor(db, account_id, audience_id), command, judging)

    with as_file(file) as path:
        command = FileImport(
            path=path,
            mapping=_mapping(mapping),
            columns=None if columns is None else columns.split(","),
            sheet=sheet,
            group=group,
            country=country,
            delimiter={"\\t": "\t", "tab": "\t"}.get(delimiter or "", delimiter),
            encoding=encoding,
            rejects=rejects_of(file, rejects),
            again=again,
            resubscribe=resubscribe,
        )
        if dry_run:
            show_dry_run(session, command, account_id=account_id, audience_id=audience_id)
            return
        summary = session.run(work)
    session.answer(
        report_json(summary) | {"judgement": judging.record}, report_lines(summary, is_guess=encoding is None)
    )
    end_if_stopped(summary)


def _mapping(texts: Sequence[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for column, field in map(_pair, texts):
        if mapping.setdefault(column, field) != field:
            message = f"“{column}” is named twice, as {mapping[column]} and as {field}: leave one of them out."
            raise click.BadParameter(message, param_hint="--map")
    return mapping


def _pair(text: str) -> tuple[str, str]:
    column, equals, field = text.rpartition("=")
    if not equals or not column.strip() or not field.strip():
        raise click.BadParameter(f"“{text}” is not COLUMN=FIELD.", param_hint="--map")
    return column.strip(), field.strip()


def end_if_stopped(summary: ImportSummary) -> None:
    """End with the exit code of Ctrl-C where an import was stopped; rows that were rejected are no reason to fail."""
    if not summary.is_done:
        raise SystemExit(_STOPPED)


async def run_import(db: "Database", actor: "Actor", command: FileImport, judging: Judging) -> ImportSummary:
    """Import a file, showing its progress; Ctrl-C stops it after a chunk, and once more at once."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        loop.remove_signal_handler(signal.SIGINT)  # once more stops at once, which loses nothing either
        click.echo("\nStopping after this chunk …", err=True)

    loop.add_signal_handler(signal.SIGINT, stop)
    shown = Progress()

    def show(progress: ImportProgress) -> None:
        shown.update(lambda: progress_line(progress))

    try:
        return await import_file(db, actor, command, show, judged=judging, should_stop=stopping.is_set)
    finally:
        shown.clear()
        loop.remove_signal_handler(signal.SIGINT)
