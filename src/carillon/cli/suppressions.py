"""`carillon suppression` and `carillon unsubscribe`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.unsubscribe import Unsubscribe, unsubscribe_contacts
from carillon.audience.imports.cell_forms import plain_email
from carillon.audience.suppression_queries import ListSuppressions, Suppression, list_suppressions
from carillon.audience.suppressions import Address, AddressOutcome, Channel, Reactivate, Suppress, reactivate, suppress
from carillon.audience.upsert.rows import phone_fault
from carillon.cli.contact_search import contact_key
from carillon.cli.dry_runs import dry_run_option, show_dry_run
from carillon.cli.import_reports import problems_line, suppressed_line
from carillon.cli.judged_files import Judging, encoding_option, import_yes_option
from carillon.cli.options import account_option, audience_option, country_option
from carillon.cli.session import Session, open_actor, open_to_change, table, with_session
from carillon.cli.standard_input import as_file, rejects_of
from carillon.cli.visible import visible_address
from carillon.errors import InvalidInputError

if TYPE_CHECKING:
    from carillon.db.database import Database

_PAGE = 1000
_UNSUBSCRIBED_AT_ONCE = 5_000
_CHANNELS = click.Choice([channel.value for channel in Channel])
_audience = audience_option("The audience whose country reads phones, and whose contacts say which are meant.")
_channel = click.option(
    "--channel", type=_CHANNELS, help="The channel. [default: email for what has an @ in it, else sms]"
)


@click.group
def group() -> None:
    """Say which addresses must not be written to."""


def _addresses(values: tuple[str, ...], channel: str | None) -> list[Address]:
    """Read addresses as a cell of a file: an e-mail may be a link, or have a name."""
    given = [(value, plain_email(value)) for value in values]
    by_channel = [(Channel(channel or ("email" if "@" in email else "sms")), value, email) for value, email in given]
    return [
        Address(
            channel=one,
            value=email if one is Channel.EMAIL else value,
            phone_form=PhoneForm.NATIONAL_IF_VALID,
        )
        for one, value, email in by_channel
    ]


def _asked_addresses(command: Any) -> Any:
    """Ask for addresses, their channel, and by whose plan and contacts phones are read (`open_actor`)."""
    argument = click.argument("addresses", nargs=-1, required=True)
    return argument(account_option()(_audience(country_option()(_channel(command)))))


@group.command
@_asked_addresses
@click.option("--reason", default="By the operator", show_default=True, help="Why, for the ledger.")
@with_session
def add(session: Session, *, addresses: tuple[str, ...], channel: str | None, reason: str, **where: Any) -> None:
    """Suppress ADDRESSES: phones and e-mails. One that is suppressed already stays as it is.

    They are suppressed for the whole account. A phone that is written otherwise is shown as it was understood: one
    without a plus is read with the audience's country, or with --country. For example:

        carillon suppression add 0541234567 ana@example.com --account 1 --reason "Asked by phone"

        carillon suppression add 612345678 --account 1 --country ES
    """
    command = Suppress(addresses=_addresses(addresses, channel), reason=reason)

    async def work(db: "Database") -> AddressOutcome:
        return await db.run(suppress, await open_actor(db, **where), command)

    _answer_outcome(session, session.run(work), "Suppressed", "is no address of its channel")


@group.command
@_asked_addresses
@click.option("--reason", required=True, help="Why they may be written to again, for the ledger.")
@with_session
def remove(session: Session, *, addresses: tuple[str, ...], channel: str | None, reason: str, **where: Any) -> None:
    """Lift the suppression of ADDRESSES. Contacts have the status again that they have in their audience.

    For example:

        carillon suppression remove ana@example.com --account 1 --reason "Signed up again on 12 May"
    """
    command = Reactivate(addresses=_addresses(addresses, channel), reason=reason)

    async def work(db: "Database") -> AddressOutcome:
        return await db.run(reactivate, await open_actor(db, **where), command)

    _answer_outcome(session, session.run(work), "Lifted", "is not suppressed")


def _answer_outcome(session: Session, outcome: AddressOutcome, verb: str, why_not: str) -> None:
    """Answer with what was done, and as what phones were understood."""
    phones = [one for one in outcome.understood if one[0].channel is not Channel.EMAIL]
    shown = [(given.value, visible_address(digits)) for given, digits in phones]
    notes = [f"“{given}” is {phone}." for given, phone in shown if given != phone]
    lines = [f"{verb}: {outcome.done:,}.", *notes]
    addresses = [address for _, address in outcome.understood]
    failed = [(one.value, one.channel is not Channel.EMAIL) for one in outcome.failed]
    _answer(session, {"done": outcome.done, "addresses": addresses}, lines, failed, why_not)


def _answer(
    session: Session,
    done: Mapping[str, object],
    lines: Sequence[str],
    failed: Sequence[tuple[str, bool]],
    why_not: str,
) -> None:
    """Answer, and end with exit code 1 where addresses failed: their texts, and whether these are phones."""
    faults = [(value, phone_fault(value) if is_phone else None) for value, is_phone in failed]
    notes = [f"“{value}” {why_not}." + (f" {fault}" if fault else "") for value, fault in faults]
    session.answer({**done, "failed": [value for value, _ in failed]}, [*lines, *notes])
    if failed:
        raise SystemExit(1)


@group.command("list")
@account_option()
@click.option("--channel", type=_CHANNELS, help="Of one channel alone.")
@with_session
def list_(session: Session, *, account_id: int, channel: str | None) -> None:
    """List the addresses that are suppressed, with their time, source and reason.

    For example:

        carillon suppression list --account 1 --channel sms
    """
    channels = [Channel(channel)] if channel else list(Channel)

    async def work(db: "Database") -> list[Suppression]:
        actor = await open_actor(db, account_id)
        found: list[Suppression] = []
        while True:
            after_id = found[-1].suppression_id if found else 0
            query = ListSuppressions(channels=channels, after_id=after_id, limit=_PAGE)
            page = await db.read(list_suppressions, actor, query)
            found += page.items
            if len(page.items) < _PAGE:
                return found

    found = session.run(work)
    rows = [asdict(one) | {"address": visible_address(one.address)} for one in found]
    rows = [{name: value for name, value in row.items() if name != "suppression_id"} for row in rows]
    session.answer(found, table(rows, "Nothing is suppressed."))


@group.command("import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@account_option()
@_audience
@country_option()
@encoding_option()
@import_yes_option()
@dry_run_option()
@with_session
def import_(  # noqa: PLR0913 - one for each flag
    session: Session,
    *,
    file: Path,
    account_id: int,
    audience_id: int | None,
    country: str | None,
    encoding: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """Suppress the addresses of FILE: a plain column of them, or the columns of a table that hold phones and e-mails.

    FILE - is standard input.
    No contact is made. What can't be an address, and rows that can't be read, go to a rejects file beside FILE. The
    suppressions of an export are read with their times, sources and reasons. A file that was imported before is read
    again: what was lifted meanwhile is suppressed once more. Phones without a plus are read with the audience's
    country, or with --country. Where more than a fifth of the phones (of a few, more than half) are no valid numbers,
    or more than a fifth of the rows can't be read, it asks on a terminal; elsewhere it ends with exit code 3, unless
    --yes is there. Rejects are no failure: the exit code is 0.

    For example:

        carillon suppression import do-not-call.txt --account 1
    """
    from carillon.audience.imports.file_import import FileImport, ImportSummary  # noqa: PLC0415 - `--help` needs none
    from carillon.cli.imports import end_if_stopped, run_import  # noqa: PLC0415 - as above

    judging = Judging(session, yes=yes)

    async def work(db: "Database") -> ImportSummary:
        actor = await open_actor(db, account_id, audience_id, country=country)
        return await run_import(db, actor, command, judging)

    with as_file(file) as path:
        command = FileImport(path=path, suppress=True, encoding=encoding, rejects=rejects_of(file, None))
        if dry_run:
            show_dry_run(session, command, account_id=account_id, audience_id=audience_id, country=country)
            return
        summary = session.run(work)
    lines = [suppressed_line(summary.rows, summary.blocks, summary.failed)]
    if not summary.is_done:
        lines.insert(0, "Stopped. The same command reads the file from its start.")
    if summary.error_count:
        lines.append(problems_line(summary.error_count, summary.rejects))
    rejects = None if summary.rejects is None else str(summary.rejects)
    answer = {
        "rows": summary.rows,
        "suppressed": summary.blocks,
        "failed": summary.failed,
        "errors": summary.error_count,
        "rejects": rejects,
        "done": summary.is_done,
    }
    session.answer(answer | {"judgement": judging.record}, lines)
    end_if_stopped(summary)


@click.command
@click.argument("addresses", nargs=-1, required=True)
@account_option()
@audience_option("The audience that they leave.")
@click.option("--reason", default="By the operator", show_default=True, help="Why, for exports and who asks.")
@with_session
def unsubscribe(
    session: Session, *, addresses: tuple[str, ...], account_id: int, audience_id: int | None, reason: str
) -> None:
    """Unsubscribe contacts from an audience.

    Those that have one of the phones are unsubscribed from SMS, those of the e-mails from e-mail. The ADDRESSES are not
    suppressed: other audiences are not concerned. - stands for addresses from standard input, one in each line.

    For example:

        carillon unsubscribe ana@example.com --account 1
        cut -d, -f2 left.csv | tail -n +2 | carillon unsubscribe - --account 1
    """
    keys = [contact_key(one) for one in (_lines() if addresses == ("-",) else addresses)]

    async def work(db: "Database") -> list[ContactKey]:
        actor = await open_to_change(db, account_id, audience_id)
        nobody: list[ContactKey] = []
        for start in range(0, len(keys), _UNSUBSCRIBED_AT_ONCE):
            command = Unsubscribe(keys=keys[start : start + _UNSUBSCRIBED_AT_ONCE], reason=reason)
            nobody += await db.run(unsubscribe_contacts, actor, command)
        return nobody

    nobody = [(key.value, key.kind is KeyKind.PHONE) for key in session.run(work)]
    done = len(keys) - len(nobody)
    _answer(session, {"done": done}, [f"Unsubscribed: {done:,}."], nobody, "is no contact's")


def _lines() -> list[str]:
    """Read the lines of standard input that aren't blank."""
    try:
        lines = sys.stdin.buffer.read().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidInputError("addresses", "Standard input is no text in UTF-8.") from error
    return [line.strip() for line in lines if line.strip()]
