"""What commands that import a file do with --dry-run: they show the difference that it would make."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from carillon.cli.import_reports import report_json, report_lines, suppressed_line
from carillon.cli.judged_files import judgement_lines
from carillon.cli.options import counted
from carillon.cli.progress import Progress
from carillon.cli.session import Session, open_actor
from carillon.cli.visible import visible, visible_address

if TYPE_CHECKING:
    from carillon.audience.imports.dry_run import Difference, DryRun, Example
    from carillon.audience.imports.file_import import FileImport
    from carillon.db.database import Database

_HEADS = {
    "new": "New",
    "updated": "Updated",
    "unchanged": "Unchanged",
    "failed": "Failed",
    "conflict": "Conflicts",
    "problem": "Not taken",
    "unsubscribed": "Unsubscribed",
    "suppressed": "Suppressed",
}


def dry_run_option() -> Callable[[Any], Any]:
    """Ask whether to show alone what would be, as `dry_run`."""
    return click.option(
        "--dry-run",
        is_flag=True,
        help="Show what the whole file would change, with examples, and change nothing. Its rows are written to a copy "
        "of the contacts that they name, which is thrown away: that takes about as long as a first import, and nobody "
        "waits for it.",
    )


def show_dry_run(
    session: Session,
    command: "FileImport",
    *,
    account_id: int,
    audience_id: int | None,
    country: str | None = None,
) -> None:
    """Do a dry run of an import and show it; `country` reads phones instead of the audience's."""
    from carillon.audience.imports.dry_run import dry_run  # noqa: PLC0415 - `--help` needs none of it

    shown = Progress()

    async def work(db: "Database") -> "DryRun":
        actor = await open_actor(db, account_id, audience_id, country=country)
        try:
            return await dry_run(db, actor, command, lambda rows: shown.update(lambda: counted(rows, "row")))
        finally:
            shown.clear()

    found = session.run(work)
    session.answer(*_answer(found, command))


def _answer(found: "DryRun", command: "FileImport") -> tuple[dict[str, object], list[str]]:
    """Return what is answered in JSON, and to a person."""
    shown = {"dry_run": True, **asdict(replace(found, done=None))}
    if found.done is None:
        return shown, _lines(found, of_addresses=command.suppress)
    lines = report_lines(found.done, is_guess=command.encoding is None)
    return shown | {"done": report_json(found.done)}, [
        *lines,
        "Nothing was changed, and without --again nothing would be.",
    ]


def _lines(found: "DryRun", *, of_addresses: bool) -> list[str]:
    lines = judgement_lines(found.judgement)
    if found.judgement.striking:
        lines.append("An import would ask about it, or end with exit code 3; --yes goes on.")
    if found.is_resumed:
        lines.append("This file was imported before, in part: the difference is of what is left of it.")
    counts = _address_counts if of_addresses else _contact_counts
    lines += ["Nothing was changed. An import would report:", *counts(found.difference)]
    for kind, examples in groupby(found.difference.examples, lambda one: one.kind):
        lines.append(f"{_HEADS[kind]}, for example:")
        lines += [f"  {_example(one)}" for one in examples]
    return lines


def _address_counts(difference: "Difference") -> list[str]:
    lines = [suppressed_line(difference.rows, difference.suppressed, difference.failed)]
    if any(difference.unsubscribed.values()):
        lines.append(_unsubscribed(difference))
    return lines


def _contact_counts(difference: "Difference") -> list[str]:
    counts = f"{difference.new:,} new, {difference.updated:,} updated, {difference.unchanged:,} unchanged"
    stay = "stays as it is" if difference.conflicts == 1 else "stay as they are"
    stays = f"{_addresses(difference.conflicts)} {stay}"
    lines = [
        f"{counted(difference.rows, 'row')}: {counts}, {difference.failed:,} failed.",
        f"Conflicts: {stays}. Not taken: {counted(difference.problems, 'other value')}.",
    ]
    lines.append(f"Newly suppressed: {_addresses(difference.suppressed)}. {_unsubscribed(difference)}")
    if difference.resubscribed:
        lines.append(f"Subscribed again: {_addresses(difference.resubscribed)}.")
    return lines


def _unsubscribed(difference: "Difference") -> str:
    by_channel = [f"{count:,} from {channel}" for channel, count in difference.unsubscribed.items() if count]
    return f"Newly unsubscribed: {', '.join(by_channel) or 'no'} contacts."


def _addresses(count: int) -> str:
    return counted(count, "address", "addresses")


def _example(example: "Example") -> str:
    where = "" if example.row is None else f"line {example.row}: "
    is_address = example.kind == "suppressed" or (example.kind == "conflict" and example.reason.startswith("phone:"))
    contact = visible_address(example.contact) if is_address else example.contact
    return where + visible("; ".join(part for part in (contact, example.reason, *_changes(example)) if part))


def _changes(example: "Example") -> Sequence[str]:
    changes = dict(example.changes)
    if "phone" in changes:
        was, now = changes["phone"]
        changes["phone"] = (visible_address(was), visible_address(now))
    return [f"{name}: {was or 'none'} → {now or 'none'}" for name, (was, now) in changes.items()]
