"""Before a file is written it is judged: processes show it, ask on a terminal, and end with exit code 3 elsewhere."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from tests.journeys.serving import until

from carillon.cli import main

CARILLON = Path(sys.executable).with_name("carillon")
NAMES = ("Ana", "Ben", "Cid")

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.any_database


def mobile(number: int) -> str:
    return f"054-900-{number:04}"


def write(name: str, lines: Iterable[str]) -> str:
    Path(name).write_text("\n".join([*lines, ""]), "utf-8")
    return name


def people(count: int) -> list[str]:
    rows = (f"{mobile(number)},p{number}@mail.example,{NAMES[number % 3]}" for number in range(count))
    return ["Mobile,E-mail,First name", *rows]


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command in a process of its own, in a folder, on the test's database, where account 1 is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)
    assert CliRunner().invoke(main, ["account", "create", "Blue Shop", "--country", "IL"]).exit_code == 0

    def called(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(CARILLON), *map(str, arguments), "--account", "1"]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603 - our own

    return called


def contacts() -> list[dict[str, Any]]:
    printed = CliRunner().invoke(main, ["export", "--account", "1", "--format", "ndjson"]).stdout
    return [json.loads(line) for line in printed.splitlines()]


def imports() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(
        CliRunner().invoke(main, ["import", "list", "--account", "1", "--json"]).stdout
    )
    return listed


def test_the_sheet_that_is_read_is_named_beside_those_that_are_not(run: Run) -> None:
    book = openpyxl.Workbook()
    for title in ("People", "Unsubscribed", "Notes"):
        sheet = book.create_sheet(title)
        sheet.append(["E-mail"])
        sheet.append([f"{title.lower()}@mail.example"])
    book["Notes"].sheet_state = "hidden"
    del book["Sheet"]
    book.save("guests.xlsx")
    done = run("import", "guests.xlsx")
    assert "The sheet “People” is read. Not read: “Unsubscribed” (--sheet names one)." in done.stderr
    assert [one["email"] for one in contacts()] == ["people@mail.example"]
    judged = json.loads(run("import", "guests.xlsx", "--sheet", "Unsubscribed", "--json").stdout)["judgement"]
    assert judged["sheets"] == ["Unsubscribed", "People"]
    write("plain.csv", ["E-mail", "plain@mail.example"])
    assert "sheet" not in run("import", "plain.csv").stderr


def test_what_is_known_of_a_file_is_shown_before_it_is_written(run: Run) -> None:
    lines = ["Mobile;E-mail;First name;Shoe", "0549001001;a@mail.example;Ana;38", "+34612345678;b@mail;Ben;43"]
    write("people.csv", [*lines, "0541110003;c@mail.example;Cid;44", "12;d@mail.example;Dan;45"])
    done = run("import", "people.csv")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "The file is read as utf-8 (it is plain ASCII), its cells parted by “;”.",
        "Columns: Mobile → phone, E-mail → email, First name → first_name; left out: Shoe.",
        "All 4 rows:",
        "  4 phones: 2 valid (50%), 1 only possible (25%), 1 no phones (25%).",
        "  Countries: IL 67%, ES 33%.",
        "  4 e-mails: 3 valid (75%), 1 no e-mails (25%).",
    ]
    assert "4 rows: 4 new" in done.stdout


def test_json_has_it_as_a_record(run: Run) -> None:
    run("import", write("before.csv", people(3)))
    write("people.csv", ["Mobile,E-mail,Shoe", f"{mobile(0)},new@mail.example,38", f"{mobile(9)},p1@mail.example,43"])
    done = run("import", "people.csv", "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout)["judgement"] == {
        "encoding": "utf-8",
        "encoding_reason": "it is plain ASCII",
        "encoding_is_sure": True,
        "encoding_sample": "",
        "delimiter": ",",
        "sheets": [],
        "header": ["Mobile", "E-mail", "Shoe"],
        "taken": {"Mobile": "phone", "E-mail": "email"},
        "left": ["Shoe"],
        "rows": 2,
        "broken": 0,
        "is_whole": True,
        "phones": {"given": 2, "valid": 2, "possible": 0, "not_phones": 0, "countries": {"IL": 2}},
        "emails": {"given": 2, "valid": 2, "not_emails": 0},
        "known": {"contacts": 2, "archived": 0, "disputed": 0, "phones_replaced": 1, "emails_replaced": 1},
        "replacing": 0,
        "striking": [],
    }


def test_a_guessed_encoding_is_shown_with_its_reason_and_a_line(run: Run) -> None:
    names = "נועה", "תמר", "יעל", "שירה", "מיכל", "אביגיל"
    for name, count, guess in (("few.csv", 1, True), ("many.csv", 6, False)):
        rows = (f"{mobile(number)};{names[number]}\n" for number in range(count))
        Path(name).write_bytes("".join(["phone;first name\n", *rows]).encode("windows-1255"))
        shown = run("import", name).stderr.splitlines()
        assert shown[0].startswith("The file is read as windows-1255 (")
        assert shown[0].endswith("make Hebrew words in it), its cells parted by “;”.")
        assert shown[1].startswith("A line of it: “054-900-000")
        assert ("That is a guess: if letters look wrong, --encoding names another." in shown[1]) is guess


def test_a_table_of_records_has_no_encoding(run: Run) -> None:
    write("people.ndjson", ['{"phone": "0549001001", "first_name": "Ana", "nick\\u001bname": "A"}'])
    done = run("import", "people.ndjson")
    assert done.stderr.splitlines()[:2] == ["Columns: phone, first_name; left out: nick�name.", "Its only row:"]
    record = json.loads(run("import", "people.ndjson", "--again", "--json").stdout)["judgement"]
    assert (record["encoding"], record["delimiter"]) == (None, None)


WRONG_COLUMN = ["Mobile,Member no,E-mail", *(f"{mobile(n)},{n * n},p{n}@mail.example" for n in range(20))]
SPANISH = ["Mobile,First name", *(f"6{number:02}345678,Ana" for number in range(10, 40))]
EMPTY_MAILS = ["Mobile,E-mail", *(f"{mobile(number)},none" for number in range(12))]
TEMPTING = {
    "a phone column that is another": (
        WRONG_COLUMN,
        ["--map", "Member no=phone", "--map", "Mobile=-"],
        "20 of 20 phones are no phone numbers (100%).",
    ),
    "numbers that a spreadsheet rounded": (
        ["Mobile,E-mail", *(f"9.7254{number}E+11,p{number}@mail.example" for number in range(10, 30))],
        [],
        "20 of 20 phones are no phone numbers (100%).",
    ),
    "phones of another country": (SPANISH, [], "30 of 30 phones are no valid numbers (100%)."),
    "rows whose commas are not quoted": (
        ["Mobile,Name", *(f"{mobile(number)},Cohen, Ana" for number in range(5)), *map(mobile, range(5, 20))],
        [],
        "5 of 20 rows can't be read (25%).",
    ),
    "an e-mail column that is none": (EMPTY_MAILS, [], "12 of 12 e-mails are no e-mail addresses (100%)."),
}


@pytest.mark.parametrize(("lines", "flags", "reason"), TEMPTING.values(), ids=TEMPTING)
def test_a_striking_file_is_not_imported_where_nobody_can_be_asked(
    run: Run, lines: list[str], flags: list[str], reason: str
) -> None:
    stopped = run("import", write("people.csv", lines), *flags)
    assert stopped.returncode == 3
    assert f"Striking: {reason}" in stopped.stderr
    assert stopped.stderr.splitlines()[-1].startswith(f"Error: Nothing is imported: {reason}")
    assert (imports(), contacts(), stopped.stdout) == ([], [], "")
    as_record = run("import", "people.csv", *flags, "--json")
    assert as_record.returncode == 3
    assert json.loads(as_record.stdout)["done"] is False
    assert json.loads(as_record.stdout)["judgement"]["striking"] == [reason]
    assert run("import", "people.csv", *flags, "--yes").returncode == 0
    assert len(imports()) == 1


def test_a_file_that_replaces_many_known_addresses_is_striking(run: Run) -> None:
    assert run("import", write("before.csv", people(60))).returncode == 0
    shifted = [people(60)[0], *(f"{mobile(n + 100)},p{n}@mail.example,Ana" for n in range(60))]
    stopped = run("import", write("shifted.csv", shifted))
    assert stopped.returncode == 3
    assert "Striking: 60 of 60 known contacts get another phone (100%)." in stopped.stderr
    a_few = [people(60)[0], *(f"{mobile(n + 100 * (n < 9))},p{n}@mail.example,Ana" for n in range(60))]
    assert run("import", write("few.csv", a_few)).returncode == 0
    assert sum(one["phone"] > "+972549000099" for one in contacts()) == 9


def test_a_short_file_that_replaces_most_of_its_people_is_striking(run: Run) -> None:
    assert run("import", write("before.csv", people(9))).returncode == 0
    shifted = [people(9)[0], *(f"{mobile(n)},p{n + 100}@mail.example,Ana" for n in range(9))]
    stopped = run("import", write("shifted.csv", shifted))
    assert stopped.returncode == 3
    assert "Striking: 9 of 9 known contacts get another e-mail (100%)." in stopped.stderr
    assert run("import", write("three.csv", [*shifted[:4], *people(9)[4:7]])).returncode == 0, "half of them"
    two = [people(9)[0], *(f"{mobile(n)},p{n + 200}@mail.example,Ana" for n in range(7, 9))]
    assert run("import", write("two.csv", two)).returncode == 0


def test_rows_that_cannot_be_read_are_shown(run: Run) -> None:
    done = run("import", write("people.csv", ["Mobile,Name", f"{mobile(1)},Ana", f"{mobile(2)},Cohen, Ben", "13,Cid"]))
    assert done.stderr.splitlines()[2:5] == [
        "All 3 rows:",
        "  1 can't be read (33%).",
        "  2 phones: 1 valid (50%), 0 only possible (0%), 1 no phones (50%).",
    ]


def test_one_is_written_as_one(run: Run) -> None:
    done = run("import", write("people.csv", ["Mobile", "12"]))
    assert "Its only row:" in done.stderr
    assert done.stdout.splitlines()[1:] == [
        "1 row: 0 new, 0 updated, 0 unchanged, 1 failed.",
        "1 problem, each with its row in people.csv.rejects.csv: mend it, import it.",
    ]
    shown = run("import", write("other.csv", ["Mobile,status", f"{mobile(1)},blocked"]), "--dry-run").stdout
    assert "\n1 row: 1 new" in shown
    assert "Newly suppressed: 1 address. " in shown


@pytest.mark.parametrize(
    "lines",
    [
        ["Mobile", "12", "13", "0549001001"],
        ["Mobile", "12", "13", "14", "15", *(f"054900100{number}" for number in range(6))],
        ["Mobile", *(f"05411100{number}" for number in range(10, 14))],
        ["Mobile", *(f"05411100{number}" for number in range(10, 15)), *(f"054900100{number}" for number in range(5))],
        ["Mobile,id,mail", *(f"0549001001,{number},{number}@mail.example" for number in range(3)), "0549001002,4,"],
        ["Mobile,id", *(f"05490010{number},{number % 36}" for number in range(10, 55))],
        ["Mobile", *map(mobile, range(40)), *map(str, range(10, 20))],
        ["Mobile", *(f"54900{number}.0" for number in range(1000, 1040))],
    ],
    ids=[
        "two bad phones",
        "four of ten",
        "four made-up numbers",
        "a half that may be",
        "two of a family",
        "nine of forty-five",
        "a fifth",
        "decimals that are mended",
    ],
)
def test_a_small_sample_or_share_is_not_striking(run: Run, lines: list[str]) -> None:
    assert run("import", write("people.csv", lines)).returncode == 0


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["Mobile", "12", "13", "14", mobile(1), mobile(2)], "3 of 5 phones are no phone numbers (60%)."),
        (["Mobile", *(f"05411100{n}" for n in range(10, 16)), *map(mobile, range(5))], "6 of 11 phones are no valid"),
        (
            ["Mobile,E-mail", *(f"{mobile(n)},info@mail.example" for n in range(12))],
            "11 of 12 rows give another phone, e-mail or external id to whom an earlier row names (92%).",
        ),
        (["Mobile,External id", *(f"{mobile(n)},NULL" for n in range(6))], "5 of 6 rows give another phone, e-mail"),
        (["Mobile,E-mail", *(f"972549000000,p{n}@mail.example" for n in range(30))], "29 of 30 rows give another"),
    ],
    ids=["three bad phones", "more than half that may be", "one e-mail for all", "an id that is none", "rounded"],
)
def test_a_file_that_makes_one_person_of_many_or_has_many_bad_values_is_striking(
    run: Run, lines: list[str], reason: str
) -> None:
    stopped = run("import", write("people.csv", lines))
    assert stopped.returncode == 3
    assert f"Striking: {reason}" in stopped.stderr


def test_known_contacts_that_are_archived_are_counted(run: Run) -> None:
    lines = [
        "Mobile,archived_at,sms_status",
        f"{mobile(1)},2026-01-02T03:04:05Z,subscribed",
        f"{mobile(2)},,subscribed",
    ]
    assert run("import", write("before.csv", lines)).returncode == 0
    done = run("import", write("again.csv", ["Mobile,Name", f"{mobile(1)},Ana", f"{mobile(2)},Ben"]))
    assert "  1 of them is archived, and stays so without --resubscribe." in done.stderr.splitlines()


def test_ids_that_contradict_the_phones_beside_them_are_striking(run: Run) -> None:
    known = ["Mobile,External id", *(f"{mobile(n)},C-{n}" for n in range(12))]
    assert run("import", write("known.csv", known)).returncode == 0
    slipped = ["Mobile,External id,Name", *(f"{mobile((n + 1) % 12)},C-{n},Ana" for n in range(12))]
    stopped = run("import", write("slipped.csv", slipped))
    assert stopped.returncode == 3
    assert (
        "12 of 12 rows have a phone, e-mail or external id of one contact and one of another (100%)." in stopped.stderr
    )


def test_only_the_first_slice_is_judged(run: Run) -> None:
    rows = [f"05490{number:05}" for number in range(20_000)]
    done = run("import", write("people.csv", ["Mobile", *rows, *["12"] * 6_000]))
    assert done.returncode == 0
    assert "Its first 20,000 rows:" in done.stderr
    assert "6,000 failed" in done.stdout


class Terminal:
    """A command whose standard input is a terminal at which somebody answers."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        command = [str(CARILLON), *arguments, "--account", "1"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, stdin=theirs, start_new_session=True, **pipes)  # type: ignore[call-overload] # noqa: S603 - our own
        os.close(theirs)
        self.shown = b""

    def asked(self, question: bytes) -> None:
        """Wait for a question."""
        os.set_blocking(self.process.stderr.fileno(), False)

        def is_there() -> bool:
            self.shown += self.process.stderr.read() or b""
            return question in self.shown

        until(is_there, "it asks")

    def answer(self, text: bytes) -> tuple[int, str]:
        """Type an answer; the exit code and standard output."""
        os.write(self._ours, text)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        os.set_blocking(self.process.stderr.fileno(), True)
        out, rest = self.process.communicate(timeout=60)
        self.shown += rest
        os.close(self._ours)
        return self.process.returncode, out.decode()


QUESTION = b"Import it all the same? [y/N]"


def test_a_terminal_is_asked(run: Run) -> None:
    del run
    write("people.csv", SPANISH)
    refusing = Terminal("import", "people.csv")
    refusing.asked(QUESTION)
    assert refusing.answer(b"n\n") == (1, "")
    assert imports() == []
    agreeing = Terminal("import", "people.csv")
    agreeing.asked(QUESTION)
    code, out = agreeing.answer(b"y\n")
    assert (code, "30 rows: 30 new" in out) == (0, True)
    assert b"Striking: 30 of 30 phones are no valid numbers (100%)." in agreeing.shown


def test_ctrl_c_at_the_question_ends_it(run: Run) -> None:
    del run
    write("people.csv", SPANISH)
    asked = Terminal("import", "people.csv")
    asked.asked(QUESTION)
    asked.process.send_signal(signal.SIGINT)
    code, out = asked.ended()
    assert (code, out) == (1, "")
    assert imports() == []


def test_a_terminal_is_not_asked_about_what_is_usual(run: Run) -> None:
    del run
    code, out = Terminal("import", write("people.csv", people(30))).ended()
    assert (code, "30 rows: 30 new" in out) == (0, True)


def test_an_import_that_goes_on_is_not_asked_again(run: Run) -> None:
    rows = [f"05411{number:05}" for number in range(60_000)]
    write("people.csv", ["Mobile", *rows])
    assert run("import", "people.csv").returncode == 3
    begun = Terminal("import", "people.csv", "--yes")
    until(lambda: bool(imports()) and imports()[0]["rows"] > 0, "a chunk is written")
    begun.process.kill()
    begun.ended()
    if imports()[0]["state"] == "done":
        pytest.skip("it was faster than the signal")
    went_on = run("import", "people.csv")
    assert went_on.returncode == 0
    assert "Striking" not in went_on.stderr
    assert "60,000 rows: 60,000 new" in went_on.stdout


def test_a_list_of_addresses_to_suppress_is_judged(run: Run) -> None:
    write("stop.txt", [*(f"6{number:02}345678" for number in range(10, 40)), "a@mail.example"])
    stopped = run("suppression", "import", "stop.txt")
    assert stopped.returncode == 3
    assert stopped.stderr.splitlines()[:5] == [
        "The file is read as utf-8 (it is plain ASCII), its cells parted by “,”.",
        "Columns: address; left out: none.",
        "All 31 rows:",
        "  30 phones: 0 valid (0%), 30 only possible (100%), 0 no phones (0%).",
        "  Countries: IL 100%.",
    ]
    assert run("suppression", "list").stdout == "Nothing is suppressed.\n"
    done = run("suppression", "import", "stop.txt", "--yes")
    assert done.stdout == "31 rows: 31 addresses newly suppressed, 0 failed.\n"


def test_a_dry_run_shows_all_of_it_and_the_difference(run: Run, tmp_path: Path) -> None:
    run("import", write("before.csv", people(3)))
    lines = [
        "Mobile,E-mail,First name,status",
        f"{mobile(0)},p0@mail.example,Anna,subscribed",
        f"{mobile(1)},p1@mail.example,Ben,unsubscribed",
        f"{mobile(7)},p2@mail.example,Cid,blocked",
        f"{mobile(8)},,Dan,subscribed",
        "12,,Eva,subscribed",
        f"{mobile(8)},p0@mail.example,Dan,subscribed",
    ]
    write("people.csv", lines)
    files = sorted(tmp_path.iterdir())
    before = contacts(), imports()
    shown = run("import", "people.csv", "--dry-run", "--group", "Gold")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines() == [
        "The file is read as utf-8 (it is plain ASCII), its cells parted by “,”.",
        "Columns: Mobile → phone, E-mail → email, First name → first_name, status; left out: none.",
        "All 6 rows:",
        "  6 phones: 5 valid (83%), 0 only possible (0%), 1 no phones (17%).",
        "  Countries: IL 100%.",
        "  4 e-mails: 4 valid (100%), 0 no e-mails (0%).",
        "  3 contacts known here; 2 get another phone, 0 another e-mail.",
        "Nothing was changed. An import would report:",
        "6 rows: 1 new, 2 updated, 2 unchanged, 1 failed.",
        "Conflicts: 1 address stays as it is. Not taken: 0 other values.",
        "Newly suppressed: 2 addresses. Newly unsubscribed: 2 from sms, 2 from email contacts.",
        "New, for example:",
        "  line 5: +972549000008",
        "Updated, for example:",
        "  line 2: +972549000000; first_name: Ana → Anna",
        "  line 4: +972549000007; phone: +972549000002 → +972549000007",
        "Unchanged, for example:",
        "  line 3: +972549000001",
        "  line 7: +972549000008",
        "Failed, for example:",
        "  line 6: 12; phone: This is not a phone number.",
        "Conflicts, for example:",
        f"  line 7: p0@mail.example; email: The value belongs to contact {before[0][0]['contact_id']} and stays there.",
        "Unsubscribed, for example:",
        "  +972549000001; sms",
        "  +972549000007; sms",
        "  +972549000001; email",
        "Suppressed, for example:",
        "  +972549000007; sms",
        "  p2@mail.example; email",
    ]
    assert (contacts(), imports()) == before
    assert sorted(tmp_path.iterdir()) == files
    groups = CliRunner().invoke(main, ["group", "list", "--account", "1", "--json"]).stdout
    assert json.loads(groups) == []


def test_phones_of_conflicts_have_a_plus_wherever_people_read_them(run: Run) -> None:
    run("import", write("before.csv", ["Mobile,E-mail", f"{mobile(1)},ana@mail.example"]))
    path = write("retyped.csv", ["Mobile,E-mail", "0521234567,ana@mail.example"])
    example = "  line 2: +972521234567; phone: The contact keeps +972549000001, a valid number: +972521234567 is none."
    assert example in run("import", path, "--dry-run").stdout.splitlines()
    assert '"contact":"972521234567"' in run("import", path, "--dry-run", "--json").stdout
    import_id = json.loads(run("import", path, "--json").stdout)["import_id"]
    header, row = Path("retyped.csv.rejects.csv").read_text("utf-8-sig").splitlines()
    assert header.endswith("_line,_field,_value,_reason")
    assert row.startswith("0521234567,ana@mail.example,2,Mobile,+972521234567,")
    assert "  +972521234567  " in run("import", "rejects", import_id).stdout
    assert '"value":"972521234567"' in run("import", "rejects", import_id, "--json").stdout


def test_a_dry_run_in_json_and_of_a_striking_file(run: Run) -> None:
    found = run("import", write("people.csv", SPANISH), "--dry-run", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    answer = json.loads(found.stdout)
    assert (answer["dry_run"], answer["difference"]["new"], answer["difference"]["rows"]) == (True, 30, 30)
    assert answer["judgement"]["striking"] == ["30 of 30 phones are no valid numbers (100%)."]
    assert [(one["kind"], one["row"]) for one in answer["difference"]["examples"]] == [
        ("new", 2),
        ("new", 3),
        ("new", 4),
    ]
    assert "end with exit code 3" in run("import", "people.csv", "--dry-run").stdout


def test_a_table_of_addresses_shows_its_columns_and_its_broken_rows(run: Run) -> None:
    write("stop.csv", ["Phone,Name", *(f"{mobile(number)},Cohen, Ana" for number in range(5)), f"{mobile(9)},Ben"])
    stopped = run("suppression", "import", "stop.csv")
    assert stopped.returncode == 3
    assert "Columns: Phone → address; left out: Name." in stopped.stderr
    assert "Striking: 5 of 6 rows can't be read (83%)." in stopped.stderr
    assert run("suppression", "list").stdout == "Nothing is suppressed.\n"


@pytest.mark.parametrize(
    ("columns", "flag"),
    [
        ({"Box 1": ["ana@mail.example", "", "ben@mail.example"]}, "Box 1=email"),
        (
            {"Box 1": ["ana@mail.example"] * 3, "Box 2": [mobile(1), mobile(2), "no"]},
            "Box 2=phone",
        ),
        ({"Ref": ["1", "2", "3"], "Remark": ["", "", ""], "Size": [mobile(1), "12", "13"]}, "COLUMN=phone"),
    ],
    ids=["e-mails", "phones and e-mails", "neither"],
)
def test_where_no_column_is_a_key_one_whose_cells_are_is_proposed(
    run: Run, columns: dict[str, list[str]], flag: str
) -> None:
    rows = zip(*columns.values(), ["x"] * 3, strict=True)
    refused = run("import", write("boxes.csv", [",".join([*columns, "First"]), *(",".join(row) for row in rows)]))
    assert refused.returncode == 1
    assert refused.stderr.rstrip().endswith(f'for example: --map "{flag}"')
    assert all(f"“{column}”" in refused.stderr for column in columns)


def test_a_dry_run_of_addresses_to_suppress(run: Run) -> None:
    run("suppression", "import", write("before.txt", ["a@mail.example"]))
    write("stop.txt", ["a@mail.example", "b@mail.example", mobile(1), "nobody"])
    shown = run("suppression", "import", "stop.txt", "--dry-run").stdout
    said = "4 rows: 2 addresses newly suppressed, 1 failed.\n"
    assert said in shown
    assert "  +972549000001; sms" in shown
    assert json.loads(run("suppression", "list", "--json").stdout)[0]["address"] == "a@mail.example"
    assert run("suppression", "import", "stop.txt").stdout.startswith(said)
    assert [(one["rows"], one["failed"]) for one in imports()] == [(4, 1), (1, 0)]
    done = json.loads(run("suppression", "import", "stop.txt", "--json").stdout)
    assert (done["rows"], done["suppressed"], done["failed"]) == (4, 0, 1)


def test_a_dry_run_of_what_was_imported_names_the_flag_that_imports_it_again(run: Run) -> None:
    path = write("people.csv", ["Mobile", "0549001001"])
    assert run("import", path).returncode == 0
    done = run("import", path).stdout.splitlines()
    assert done[0].startswith("This file was imported before (")
    shown = run("import", path, "--dry-run").stdout.splitlines()
    assert shown == [*done, "Nothing was changed, and without --again nothing would be."]
    shown_as_json = json.loads(run("import", path, "--dry-run", "--json").stdout)
    assert (shown_as_json["is_resumed"], shown_as_json["difference"]["rows"]) == (True, 0)
    assert (shown_as_json["done"]["rows"], shown_as_json["done"]["already_done"]) == (1, True)
    assert "--again" not in run("import", path, "--dry-run", "--again").stdout
