"""`carillon import` and `carillon export` as a person or a script calls them."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.integration.commands import Run, answer
from tests.support import OPERATOR

from carillon.audience.imports.file_import import ImportProgress
from carillon.cli import main
from carillon.cli.import_reports import progress_line
from carillon.db.database import Database
from carillon.tenancy.accounts import AdvanceClock, OpenAccount, advance_clock, open_account
from carillon.tenancy.audit import ListAudit, list_audit

CSV = "Phone,Mail,Nickname\n0541110001,ana@mail.example,Ana\n12,,Ben\n"


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command on the test's database, where account 1 is, in a folder with a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)
    (tmp_path / "people.csv").write_text(CSV)

    def called(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="carillon")

    assert called("account", "create", "Blue Shop", "--country", "IL", "--json").exit_code == 0
    return called


def test_an_export_to_a_dash_goes_to_standard_output(run: Run) -> None:
    assert run("import", "people.csv", "--account", 1).exit_code == 0
    plain, dashed = run("export", "--account", 1), run("export", "--account", 1, "-o", "-")
    assert (dashed.exit_code, dashed.stdout, dashed.stderr) == (0, plain.stdout, plain.stderr)
    assert "+972541110001" in dashed.stdout
    assert not Path("-").exists()


def test_an_import_reports_to_machines(run: Run) -> None:
    report = answer(run("import", "people.csv", "--account", 1, "--json"))
    assert len(report.pop("import_id")) == 36
    assert report.pop("seconds") > 0
    assert report.pop("rows_per_second") > 0
    assert report.pop("judgement")["phones"] == {
        "given": 2,
        "valid": 0,
        "possible": 1,
        "not_phones": 1,
        "countries": {"IL": 1},
    }
    assert report == {
        "encoding": "utf-8",
        "delimiter": ",",
        "rows": 2,
        "new": 1,
        "updated": 0,
        "unchanged": 0,
        "failed": 1,
        "errors": 1,
        "blocks": 0,
        "resubscribed": 0,
        "rejects": "people.csv.rejects.csv",
        "unmapped_columns": ["Nickname"],
        "resumed": False,
        "already_done": False,
        "done": True,
    }
    assert answer(run("import", "people.csv", "--account", 1, "--json"))["already_done"]


def test_an_import_reports_to_people(run: Run) -> None:
    first = run("import", "people.csv", "--account", 1, "--map", "Nickname=first_name").stdout
    assert "2 rows: 1 new, 0 updated, 0 unchanged, 1 failed." in first
    assert "people.csv.rejects.csv" in first
    assert "was read as" not in first
    assert "nothing was taken from" not in first
    assert "was imported before" in run("import", "people.csv", "--account", 1, "--map", "Nickname=first_name").stdout


def test_a_guessed_encoding_is_reported(run: Run) -> None:
    Path("hebrew.csv").write_bytes("phone;first name\n0541110003;נועה\n".encode("windows-1255"))
    assert "was read as windows-1255" in run("import", "hebrew.csv", "--account", 1).stdout
    again = answer(run("import", "hebrew.csv", "--account", 1, "--json"))
    assert (again["encoding"], again["delimiter"]) == ("windows-1255", ";")


def test_what_is_imported_is_exported(run: Run, tmp_path: Path) -> None:
    answer(run("import", "people.csv", "--account", 1, "--group", "Gold", "--map", "Nickname = text1", "--json"))
    printed = run("export", "--account", 1)
    assert printed.exit_code == 0
    header, row = printed.stdout.splitlines()
    assert header.endswith(",text1")
    assert row.startswith("1,+972541110001,ana@mail.example,")
    assert "Exported 1 contacts." in printed.stderr
    written = answer(run("export", "--account", 1, "--group", "Gold", "--format", "ndjson", "-o", "out.json", "--json"))
    assert written == {"rows": 1, "file": "out.json"}
    assert json.loads((tmp_path / "out.json").read_text())["text1"] == "Ana"


async def test_an_export_is_in_the_trail_at_the_accounts_time(run: Run, own_dsn: str) -> None:
    db = await Database.connect(own_dsn, size=2)
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=1))
    await db.run(advance_clock, actor, AdvanceClock(by=timedelta(days=30)))
    assert (await asyncio.to_thread(run, "export", "--account", 1)).exit_code == 0
    newest = (await db.read(list_audit, actor, ListAudit(limit=1)))[0]
    await db.close()
    assert newest.action == "contact.export"
    assert newest.at - db.clock.now() > timedelta(days=29)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("import", "nowhere.csv", "--account", "1"), 1, "nowhere.csv"),
        (("import", "people.csv", "--account", "7"), 1, "no account 7"),
        (("import", "people.csv", "--account", "1", "--audience", "9"), 1, "no audience 9"),
        (("import", "people.csv", "--account", "1", "--map", "Nickname=shoe"), 1, "no field “shoe”"),
        (("import", "people.csv", "--account", "1", "--map", "Nickname"), 2, "COLUMN=FIELD"),
        (
            ("import", "people.csv", "--account", "1", "--map", "Nickname=email_status", "--map", "Nickname=-"),
            2,
            "“Nickname” is named twice, as email_status and as -: leave one of them out.",
        ),
        (("import", "people.csv"), 2, "--account"),
        (("export", "--account", "1", "--group", "Gold"), 1, "no group “Gold”"),
        (("export", "--account", "1", "-o", "no/such/folder.csv"), 1, "can't be written"),
        (("export", "--account", "1", "--format", "xlsx"), 2, "xlsx"),
        (("export", "--account", "1", "--format", "parquet"), 1, "output: Parquet is binary"),
        (("export", "--account", "1", "--format", "parquet", "-o", "-"), 1, "output: Parquet is binary"),
        (("export", "--account", "1", "--group", "g\udcff"), 2, "not text"),
        (("import", "x\udcff.csv", "--account", "1"), 2, "not text"),
        (("import", "people.csv", "--account", "1", "--group", "g\udcff"), 2, "not text"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(run: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.any_database
@pytest.mark.parametrize("format_", ["csv", "ndjson", "parquet"])
def test_an_export_ends_quietly_when_its_reader_has_enough(run: Run, format_: str) -> None:
    run("import", "people.csv", "--account", 1)
    reading, writing = os.pipe()
    os.close(reading)
    ended = export_to(writing, format_)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.any_database
@pytest.mark.parametrize("format_", ["csv", "ndjson", "parquet"])
def test_an_export_to_a_full_disk_says_so_in_a_line(run: Run, format_: str) -> None:
    run("import", "people.csv", "--account", 1)
    ended = export_to(os.open("/dev/full", os.O_WRONLY), format_)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ")
    assert "No space left on device" in ended.stderr
    assert ended.stderr.count("\n") == 1


def export_to(descriptor: int, format_: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("carillon")), "export", "--account", "1", "--format", format_]
    try:
        return subprocess.run(command, stdout=descriptor, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own
    finally:
        os.close(descriptor)


def test_progress_tells_pace_share_and_what_is_left() -> None:
    half = ImportProgress(rows=50_000, rows_done=50_000, bytes_done=5_000, bytes_total=10_000, seconds=65.0)
    assert progress_line(half) == "50,000 rows, 769 rows/s, 50%, 1:05 left"
    resumed = ImportProgress(rows=75_000, rows_done=25_000, bytes_done=7_500, bytes_total=10_000, seconds=30.0)
    assert progress_line(resumed) == "75,000 rows, 833 rows/s, 75%, 0:30 left"


def test_imports_are_listed_and_shown_with_their_rejects(run: Run, tmp_path: Path) -> None:
    assert "Nothing was imported yet" in run("import", "list", "--account", 1).stdout
    done = answer(run("import", "people.csv", "--account", 1, "--json"))["import_id"]
    (listed,) = answer(run("import", "list", "--account", 1, "--json"))
    assert (listed["import_id"], listed["file"], listed["state"]) == (done, "people.csv", "done")
    assert (listed["source"], listed["rows"], listed["new"], listed["failed"]) == ("file", 2, 1, 1)
    assert answer(run("import", "show", done, "--account", 1, "--json")) == listed
    assert f"{'file:':<14} people.csv" in run("import", "show", done, "--account", 1).stdout.splitlines()
    rejects = answer(run("import", "rejects", done, "--account", 1, "--json"))
    assert rejects["rejects"] == str(tmp_path / "people.csv.rejects.csv")
    assert rejects["errors"][0].items() >= {"row": 3, "field": "phone", "value": "12"}.items()
    lines = run("import", "rejects", done, "--account", 1).stdout.splitlines()
    assert lines[-1] == f"The rows are in {tmp_path / 'people.csv.rejects.csv'}: mend it, import it."
    assert answer(run("import", "list", "--account", 1, "--before", done, "--json")) == []


def test_an_import_that_is_not_there_is_told_in_a_line(run: Run) -> None:
    nobody = "0198c0de-7000-7000-8000-000000000001"
    for verb in ("show", "rejects"):
        result = run("import", verb, nobody, "--account", 1)
        assert result.exit_code == 1
        assert result.stderr == f"Error: There is no import {nobody} in account 1.\n"


def test_the_help_of_import_has_its_own_flags_and_the_other_commands(run: Run) -> None:
    shown = run("import", "--help").stdout
    assert "Usage: carillon import [OPTIONS] FILE" in shown
    assert "--rejects" in shown
    assert "rejects  List the problems of an import" in shown
    assert "Usage: carillon import list [OPTIONS]" in run("import", "list", "--help").stdout


def test_a_file_without_a_header_gets_the_names_of_its_columns(run: Run) -> None:
    Path("plain.csv").write_text("0541110001,Ana,x\n12,Ben,y\n")
    refused = run("import", "plain.csv", "--account", 1)
    assert (refused.exit_code, "name its columns. For example: --columns phone" in refused.stderr) == (1, True)
    flags = ("--account", 1, "--columns", "phone,first name,", "--json")
    report = answer(run("import", "plain.csv", *flags))
    assert (report["rows"], report["new"], report["failed"]) == (2, 1, 1)
    assert report["unmapped_columns"] == ["column_3"]
    mended = Path("plain.csv.rejects.csv")
    mended.write_text(mended.read_text().replace("\n12,", "\n0541110002,"))
    assert answer(run("import", str(mended), *flags))["new"] == 1


@pytest.mark.usefixtures("run")
def test_standard_input_is_imported_and_known_again() -> None:
    def piped(content: str) -> Result:
        arguments = ["import", "-", "--account", "1", "--json"]
        return CliRunner().invoke(main, arguments, prog_name="carillon", input=content)

    report = answer(piped(CSV))
    assert (report["rows"], report["new"], report["failed"]) == (2, 1, 1)
    assert report["rejects"] == "stdin.rejects.csv"
    assert Path("stdin.rejects.csv").exists()
    assert answer(piped(CSV))["already_done"]
    assert "empty" in piped("").stderr
