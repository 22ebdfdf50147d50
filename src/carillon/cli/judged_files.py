"""What commands that import a file show before anything is written, and what they ask."""

import signal
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from carillon.cli.asking import can_ask, yes_option
from carillon.cli.options import counted
from carillon.cli.session import Session
from carillon.cli.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carillon.audience.imports.judgement import Judgement

_COUNTRIES_SHOWN = 5


class StrikingFileError(click.ClickException):
    """The judgement of a file is striking, and nobody can be asked."""

    exit_code = 3


def import_yes_option() -> Callable[[Any], Any]:
    """Ask for the consent beforehand, as `yes`."""
    return yes_option("Import also what looks wrong, without asking.")


def encoding_option() -> Callable[[Any], Any]:
    """Ask for the encoding of a file, which its judgement shows, as `encoding`."""
    return click.option("--encoding", metavar="NAME", help="The file's encoding. [default: found out]")


class Judging:
    """Shows the judgement of a file, and asks where it is striking; `record` is what JSON says of it."""

    def __init__(self, session: Session, *, yes: bool) -> None:
        self._session = session
        self._yes = yes
        self.record: Mapping[str, object] | None = None

    def __call__(self, judgement: "Judgement") -> None:
        """Show a judgement. Raises StrikingFileError where nobody can be asked, click.Abort where somebody says no."""
        self.record = asdict(judgement)
        asks = bool(judgement.striking) and not self._yes
        if asks and not can_ask():
            self._show(judgement)
            if self._session.as_json:
                self._session.answer({"done": False, "judgement": self.record}, "")
            reasons = " ".join(judgement.striking)
            raise StrikingFileError(f"Nothing is imported: {reasons} If that is right, --yes imports the file.")
        self._show(judgement, even_in_json=asks)
        if asks:
            with _interruptible():
                click.confirm("Import it all the same?", abort=True, err=True)

    def _show(self, judgement: "Judgement", *, even_in_json: bool = False) -> None:
        if even_in_json or not self._session.as_json:
            click.echo("\n".join(judgement_lines(judgement)), err=True)


@contextmanager
def _interruptible() -> "Iterator[None]":
    """Let Ctrl-C end a question: elsewhere the event loop has it, which doesn't turn meanwhile."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def judgement_lines(judgement: "Judgement") -> list[str]:
    """Write a judgement for a person."""
    from carillon.audience.imports.column_names import first_columns  # noqa: PLC0415 - `--help` needs none of it

    taken = first_columns(
        [column if column == meaning else f"{column} → {meaning}" for column, meaning in judgement.taken.items()]
    )
    lines: list[str] = []
    if judgement.encoding and judgement.delimiter:
        how = f"{judgement.encoding} ({judgement.encoding_reason})"
        lines.append(f"The file is read as {how}, its cells parted by {_delimiter(judgement.delimiter)}.")
    if judgement.encoding_sample:
        guess = (
            "" if judgement.encoding_is_sure else " That is a guess: if letters look wrong, --encoding names another."
        )
        lines.append(f"A line of it: “{judgement.encoding_sample}”.{guess}")
    if len(judgement.sheets) > 1:
        read, *others = (f"“{name}”" for name in judgement.sheets)
        lines.append(f"The sheet {read} is read. Not read: {first_columns(others)} (--sheet names one).")
    if judgement.header:
        lines.append(f"Columns: {taken}; left out: {first_columns(judgement.left) or 'none'}.")
    lines.append(f"{_rows(judgement.rows, is_whole=judgement.is_whole)}:")
    if judgement.broken:
        unreadable = _share(judgement.broken, judgement.rows, "can't be read")
        lines.append(f"  {unreadable}.")
    phones, emails, known = judgement.phones, judgement.emails, judgement.known
    if phones.given:
        parts = [
            _share(phones.valid, phones.given, "valid"),
            _share(phones.possible, phones.given, "only possible"),
            _share(phones.not_phones, phones.given, "no phones"),
        ]
        lines.append(f"  {counted(phones.given, 'phone')}: {', '.join(parts)}.")
        lines += _country_lines(phones.countries)
    if emails.given:
        parts = [_share(emails.valid, emails.given, "valid"), _share(emails.not_emails, emails.given, "no e-mails")]
        lines.append(f"  {counted(emails.given, 'e-mail')}: {', '.join(parts)}.")
    if known.contacts:
        lines.append(
            f"  {counted(known.contacts, 'contact')} known here; "
            f"{known.phones_replaced:,} {'gets' if known.phones_replaced == 1 else 'get'} another phone, "
            f"{known.emails_replaced:,} another e-mail."
        )
        if known.archived:
            stay = "is archived, and stays so" if known.archived == 1 else "are archived, and stay so"
            lines.append(f"  {known.archived:,} of them {stay} without --resubscribe.")
    return [*map(visible, lines), *(f"Striking: {reason}" for reason in judgement.striking)]


def _rows(rows: int, *, is_whole: bool) -> str:
    if rows == 1:
        return "Its only row" if is_whole else "Its first row"
    return f"{'All' if is_whole else 'Its first'} {counted(rows, 'row')}"


def _delimiter(delimiter: str) -> str:
    return "tabs" if delimiter == "\t" else f"“{delimiter}”"


def _share(count: int, whole: int, words: str) -> str:
    return f"{count:,} {words} ({count / whole:.0%})"


def _country_lines(countries: Mapping[str, int]) -> list[str]:
    if not countries:
        return []
    whole = sum(countries.values())
    first = list(countries.items())[:_COUNTRIES_SHOWN]
    others = whole - sum(count for _, count in first)
    shown = [f"{country} {count / whole:.0%}" for country, count in first]
    return [f"  Countries: {', '.join([*shown, *([f'others {others / whole:.0%}'] if others else [])])}."]
