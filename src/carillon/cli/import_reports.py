"""What commands say of an import: how far it is, what became of its rows, and where the problems are."""

from typing import TYPE_CHECKING

from carillon.cli.options import counted

if TYPE_CHECKING:
    from carillon.audience.imports.file_import import ImportProgress, ImportSummary


def progress_line(progress: "ImportProgress") -> str:
    """Write rows, rows a second, the share of the file and the time that is left."""
    share = progress.bytes_done / progress.bytes_total if progress.bytes_total else 1.0
    done = progress.rows_done / progress.rows if progress.rows else 0.0
    pace = progress.rows_done / progress.seconds if progress.seconds else 0.0
    # What this run has done took its seconds; an earlier run's share of the file doesn't count.
    left = progress.seconds * (1 - share) / (share * done) if share * done else 0.0
    minutes, seconds = divmod(round(left), 60)
    return f"{counted(progress.rows, 'row')}, {pace:,.0f} rows/s, {share:.0%}, {minutes}:{seconds:02d} left"


def report_json(summary: "ImportSummary") -> dict[str, object]:
    """Write an import's report for a program."""
    return {
        "import_id": str(summary.import_id),
        "encoding": summary.encoding,
        "delimiter": summary.delimiter,
        "rows": summary.rows,
        "new": summary.new,
        "updated": summary.updated,
        "unchanged": summary.unchanged,
        "failed": summary.failed,
        "errors": summary.error_count,
        "blocks": summary.blocks,
        "resubscribed": summary.resubscribed,
        "rejects": None if summary.rejects is None else str(summary.rejects),
        "seconds": round(summary.seconds, 3),
        "rows_per_second": round(summary.rows_per_second),
        "unmapped_columns": list(summary.unmapped_columns),
        "resumed": summary.is_resumed,
        "already_done": summary.was_done_before,
        "done": summary.is_done,
    }


def report_lines(summary: "ImportSummary", *, is_guess: bool) -> list[str]:
    """Write an import's report for a person; `is_guess` where nobody said the encoding."""
    if summary.was_done_before:
        head = f"This file was imported before ({summary.import_id}); --again does it once more. Its report:"
    elif not summary.is_done:
        head = f"Stopped after {counted(summary.rows, 'row')}. The same command (without --again) goes on from there."
    else:
        head = f"Imported in {summary.seconds:,.1f} s, {summary.rows_per_second:,.0f} rows/s."
    counts = f"{summary.new:,} new, {summary.updated:,} updated, {summary.unchanged:,} unchanged"
    lines = [head, f"{counted(summary.rows, 'row')}: {counts}, {summary.failed:,} failed."]
    if summary.blocks:
        words = "address is suppressed that was" if summary.blocks == 1 else "addresses are suppressed that were"
        lines.append(f"{summary.blocks:,} {words} not.")
    if summary.resubscribed:
        lines.append(f"Subscribed again: {counted(summary.resubscribed, 'address', 'addresses')}.")
    if is_guess and summary.encoding != "utf-8":
        lines.append(f"The file was read as {summary.encoding}; if letters look wrong now, --encoding names another.")
    if summary.error_count:
        lines.append(problems_line(summary.error_count, summary.rejects))
    if summary.unmapped_columns:
        from carillon.audience.imports.column_names import first_columns  # noqa: PLC0415 - `--help` needs none of it

        lines.append(f"Columns that nothing was taken from: {first_columns(summary.unmapped_columns)}.")
    return lines


def suppressed_line(rows: int, suppressed: int, failed: int) -> str:
    """Write what became, or would become, of the rows of a file of addresses to suppress."""
    addresses = counted(suppressed, "address", "addresses")
    return f"{counted(rows, 'row')}: {addresses} newly suppressed, {failed:,} failed."


def problems_line(count: int, rejects: object) -> str:
    """Write where the problems of an import are."""
    return f"{counted(count, 'problem')}, each with its row in {rejects}: mend it, import it."
