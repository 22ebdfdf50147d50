"""`carillon suppression` and `carillon unsubscribe` as a person calls them."""

import csv
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from carillon.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)

    def called(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="carillon")

    assert called("account", "create", "Blue Shop", "--country", "IL").exit_code == 0
    return called


def listed(run: Run) -> list[tuple[str, str, str]]:
    found: list[dict[str, Any]] = json.loads(run("suppression", "list", "--account", "1", "--json").stdout)
    return [(one["channel"], one["address"], one["reason"]) for one in found]


def test_addresses_are_suppressed_listed_and_lifted(run: Run) -> None:
    added = run("suppression", "add", "0541110001", "Ana@mail.example", "12", "--account", "1", "--reason", "Asked")
    said = "Suppressed: 2.\n“0541110001” is +972541110001.\n“12” is no address of its channel.\n"
    assert (added.exit_code, added.stdout) == (1, said)
    assert listed(run) == [("sms", "972541110001", "Asked"), ("email", "ana@mail.example", "Asked")]
    table = run("suppression", "list", "--account", "1", "--channel", "email").stdout
    assert "ana@mail.example" in table
    assert "972541110001" not in table
    removed = run("suppression", "remove", "ana@mail.example", "--account", "1", "--reason", "Signed up again")
    assert (removed.exit_code, removed.stdout) == (0, "Lifted: 1.\n")
    assert listed(run) == [("sms", "972541110001", "Asked")]
    again = run("suppression", "remove", "ana@mail.example", "--account", "1", "--reason", "Signed up again")
    assert (again.exit_code, again.stdout) == (1, "Lifted: 0.\n“ana@mail.example” is not suppressed.\n")
    assert run("suppression", "remove", "0541110001", "--account", "1").exit_code == 2


@pytest.mark.parametrize("given", ["541110001.0;", "[541110001.0]", "5.41110001E+008,", "541.110001E+06"])
def test_a_number_that_a_spreadsheet_has_lost_nothing_of_is_mended(run: Run, given: str) -> None:
    added = run("suppression", "add", given, "--account", "1")
    assert (added.exit_code, added.stdout) == (0, f"Suppressed: 1.\n“{given}” is +972541110001.\n")


@pytest.mark.parametrize("given", ["5.4E8", "9.72501E+11;", "541110001.5", "(541110001.5)"])
def test_a_number_that_a_spreadsheet_spoilt_is_refused_with_the_cause(run: Run, given: str) -> None:
    cause = "it has a fraction" if ".5" in given else "A spreadsheet rounded this number"
    for command in (["suppression", "add"], ["suppression", "remove", "--reason", "x"], ["unsubscribe"]):
        answer = run(*command, given, "--account", "1")
        assert answer.exit_code == 1
        assert cause in answer.stdout
    as_email = run("suppression", "add", given, "--account", "1", "--channel", "email")
    assert as_email.stdout == f"Suppressed: 0.\n“{given}” is no address of its channel.\n"


@pytest.mark.parametrize(
    "given", ["Ana Or <Ana@mail.example>", "mailto:ana@mail.example?subject=Hello", "mailto:ana%40mail.example"]
)
def test_an_email_with_a_name_or_as_a_link_is_the_address_in_it(run: Run, given: str) -> None:
    added = run("suppression", "add", given, "--account", "1", "--reason", "Asked")
    assert (added.exit_code, listed(run)) == (0, [("email", "ana@mail.example", "Asked")])
    assert run("suppression", "remove", given, "--account", "1", "--reason", "Signed up again").exit_code == 0
    assert listed(run) == []
    Path("people.csv").write_text("email\nana@mail.example\n")
    run("import", "people.csv", "--account", "1")
    assert run("unsubscribe", given, "--account", "1").stdout == "Unsubscribed: 1.\n"


@pytest.mark.parametrize(
    "content",
    [
        "0541110001\nana@mail.example\n0541110001\n",
        "Number\n0541110001\nana@mail.example\n",
        "Name,Phone,E-mail,Unsubscribed by hand\nAna,0541110001,ana@mail.example,yes\n",
        "blocked_address,blocked_channel,phone\n+972541110001,sms,\nana@mail.example,email,\n,,0541110009\n",
        '{"phone": "0541110001"}\n{"email": "ana@mail.example"}\n',
    ],
    ids=["a plain column", "a column with a name", "a table", "an export", "NDJSON"],
)
def test_files_of_addresses_are_suppressed_and_make_no_contact(run: Run, content: str) -> None:
    Path("stop.txt").write_text(content)
    done = run("suppression", "import", "stop.txt", "--account", "1")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(": 2 addresses newly suppressed, 0 failed.\n")
    assert {one[:2] for one in listed(run)} == {("sms", "972541110001"), ("email", "ana@mail.example")}
    assert "972541110001" not in run("export", "--account", "1").stdout.replace("+972541110001,sms", "")


ODD_FIRST_LINES = {
    "Bob <bob@x.example>": "bob@x.example",
    "mailto:bob@x.example": "bob@x.example",
    "mailto:bob%2Bnews@x.example": "bob+news@x.example",
    "9.72541115502E11": "972541115502",
    '"541,115,503"': "972541115503",
    "[541115503.0]": "972541115503",
    "541.115503E+006": "972541115503",
    "(541115503.5)": None,
    "tel:0541115507": None,
    "0541115504 Dana": None,
    "'0541115509": "972541115509",
    "+972 54 123 4567 (mobile)": None,
    "dan@x": None,
    "Do not call these": None,
}


@pytest.mark.parametrize(("first", "address"), ODD_FIRST_LINES.items())
def test_the_first_line_of_a_plain_column_is_no_name_of_it(run: Run, first: str, address: str | None) -> None:
    Path("stop.txt").write_text(f"{first}\n0541110001\n0541110002\n")
    done = run("suppression", "import", "stop.txt", "--account", "1", "--yes")
    assert done.exit_code == 0, done.output
    suppressed = {one[1] for one in listed(run)}
    assert suppressed == {"972541110001", "972541110002", *([address] if address else [])}
    assert Path("stop.txt.rejects.csv").exists() is (address is None)
    if address is None:
        (shown, *rest) = rejects("stop.txt.rejects.csv")[1]
        assert (shown.removeprefix("'"), rest[:2]) == (first, ["1", "address"])


@pytest.mark.parametrize("name", ["Phone", "e-mails", "Phone Numbers", "טלפון", "address", "ADDRESSES"])
def test_the_name_of_a_plain_column_is_no_address(run: Run, name: str) -> None:
    Path("stop.txt").write_text(f"{name}\n0541110001\n")
    done = run("suppression", "import", "stop.txt", "--account", "1")
    assert (done.exit_code, done.stdout) == (0, "1 row: 1 address newly suppressed, 0 failed.\n"), done.output


@pytest.mark.parametrize("first", [first for first in ODD_FIRST_LINES if not first.startswith("Do not")])
def test_a_file_of_contacts_whose_first_line_is_an_address_is_refused_with_advice(run: Run, first: str) -> None:
    Path("people.csv").write_text(f"Dana;{first}\nNoa;0541110002\n")
    refused = run("import", "people.csv", "--account", "1")
    assert refused.exit_code == 1
    assert "name its columns. For example: --columns phone,email" in refused.output


def test_what_is_no_address_is_rejected_and_a_table_without_addresses_refused(run: Run) -> None:
    Path("stop.txt").write_text("0541110001\n12\n")
    done = json.loads(run("suppression", "import", "stop.txt", "--account", "1", "--json").stdout)
    assert done.pop("judgement")["phones"]["given"] == 2
    counts = {"rows": 2, "suppressed": 1, "failed": 1, "errors": 1}
    assert done == counts | {"rejects": "stop.txt.rejects.csv", "done": True}
    Path("other.csv").write_text("Name,Town\nAna,Haifa\n")
    refused = run("suppression", "import", "other.csv", "--account", "1")
    assert (refused.exit_code, "No column holds a phone" in refused.output) == (1, True)


@pytest.mark.parametrize("command", [("import",), ("suppression", "import")], ids=" ".join)
def test_rows_that_are_rejected_are_no_failure_of_an_import(run: Run, command: tuple[str, ...]) -> None:
    Path("phones.csv").write_text("phone\n0541110001\n12\n")
    done = run(*command, "phones.csv", "--account", "1", "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert (report["errors"], report["rejects"], report["done"]) == (1, "phones.csv.rejects.csv", True)


def rejects(path: str) -> list[list[str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


BROKEN = 'phone,name,e-mail\n0501234701,Dana,\n0501234702,Cohen, Dana\n\n0501234703,"Noa\n0501234704,Lia,nobody\n'


def test_rows_that_cannot_be_read_are_rejected_with_their_lines_and_cells(run: Run) -> None:
    Path("stop.csv").write_text(BROKEN.replace("Cohen, Dana", "Cohen, Dana,x,y"))
    done = run("suppression", "import", "stop.csv", "--account", "1")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "4 rows: 2 addresses newly suppressed, 3 failed.",
        "3 problems, each with its row in stop.csv.rejects.csv: mend it, import it.",
    ]
    header, *rows = rejects("stop.csv.rejects.csv")
    assert header == ["phone", "name", "e-mail", "_line", "_field", "_value", "_reason"]
    assert [(row[0], row[3], row[4]) for row in rows] == [
        ("0501234702", "3", "column 4"),
        ('0501234703,"Noa', "5", "name"),
        ("0501234704", "6", "e-mail"),
    ]
    assert rows[2][:3] == ["0501234704", "Lia", "nobody"]
    assert "e-mail" in rows[2][-1]
    mended = Path("stop.csv.rejects.csv").read_text("utf-8-sig")
    Path("mended.csv").write_text(
        mended.replace('"0501234703,""Noa"', "0501234703").replace(", Dana,", ",,").replace("nobody,6", ",6")
    )
    done = run("suppression", "import", "mended.csv", "--account", "1")
    assert done.stdout == "3 rows: 2 addresses newly suppressed, 0 failed.\n"
    assert [one[1] for one in listed(run)] == [f"97250123470{number}" for number in (1, 4, 2, 3)]


def test_a_value_is_refused_as_what_its_column_holds_and_a_phone_in_it_is_suppressed(run: Run) -> None:
    Path("stop.csv").write_text("phone,e-mail\n12,\n,nobody\nx@y,0541110001\n")
    done = json.loads(run("suppression", "import", "stop.csv", "--account", "1", "--json").stdout)
    assert (done["suppressed"], done["errors"]) == (1, 3)
    phones, emails = done["judgement"]["phones"], done["judgement"]["emails"]
    assert (phones["not_phones"], emails["not_emails"]) == (1, 2)
    wrong = [("phone" in row[-1], "e-mail" in row[-1]) for row in rejects("stop.csv.rejects.csv")[1:]]
    assert wrong == [(True, False), (False, True), (False, True)]


@pytest.mark.any_database
@pytest.mark.parametrize("command", [("import",), ("suppression", "import")], ids=" ".join)
def test_of_ten_thousand_columns_the_first_fifty_are_shown(run: Run, command: tuple[str, ...]) -> None:
    names = ["phone", *(f"c{place}" for place in range(10_000))]
    Path("wide.csv").write_text(",".join(names) + "\n0541110001" + "," * 10_000 + "\n")
    done = run(*command, "wide.csv", "--account", "1")
    assert done.exit_code == 0, done.output
    assert "c49 …" in done.output
    assert "c50" not in done.output


def test_all_addresses_of_people_from_google_and_of_a_german_table_are_suppressed(run: Run) -> None:
    google = ["First Name,E-mail 1 - Value,Phone 1 - Value,Phone 2 - Value", "Ana,a@mail.example,0541110001,0541110002"]
    german = ["Nachname;Telefon;Handy;E-Mail-Adresse", "Or;0541110003;0541110004;o@mail.example"]
    for lines in (google, german):
        Path("people.csv").write_text("\n".join(lines))
        done = run("suppression", "import", "people.csv", "--account", "1")
        assert done.stdout == "1 row: 3 addresses newly suppressed, 0 failed.\n"
    assert len(listed(run)) == 6


def test_numbered_columns_hold_addresses_and_a_row_without_one_is_a_reject(run: Run) -> None:
    lines = ["name,phone,Phone 2,Email_2", "Ana,0541110001,0541110002,", "Ben,,,ben@mail.example", "Gil,,,"]
    Path("both.csv").write_text("\n".join(lines))
    done = run("suppression", "import", "both.csv", "--account", "1")
    assert ": 3 addresses newly suppressed, " in done.stdout
    assert "There is no address in “phone” or “Phone 2” or “Email_2”." in Path("both.csv.rejects.csv").read_text()


def test_the_encoding_that_is_shown_can_be_said(run: Run) -> None:
    Path("stop.csv").write_bytes("טלפון;שם\n0541110001;נועה\n ;תמר\n".encode("windows-1255"))
    done = run("suppression", "import", "stop.csv", "--encoding", "windows-1255", "--account", "1")
    rejected = "1 problem, each with its row in stop.csv.rejects.csv: mend it, import it.\n"
    assert (done.exit_code, done.stdout) == (0, f"2 rows: 1 address newly suppressed, 1 failed.\n{rejected}"), (
        done.output
    )
    assert "Columns: טלפון → address; left out: שם." in done.stderr


def test_rejects_of_a_column_without_a_name_are_imported_like_any(run: Run) -> None:
    Path("stop.txt").write_text("0541110001\n12\n")
    run("suppression", "import", "stop.txt", "--account", "1")
    assert rejects("stop.txt.rejects.csv")[1][:3] == ["12", "2", "address"]
    Path("mended.csv").write_text(Path("stop.txt.rejects.csv").read_text("utf-8-sig").replace("12", "+972541110002", 1))
    done = run("suppression", "import", "mended.csv", "--account", "1")
    assert done.stdout == "1 row: 1 address newly suppressed, 0 failed.\n"
    assert listed(run)[1][1] == "972541110002"


def test_a_file_that_was_imported_before_suppresses_what_was_lifted(run: Run) -> None:
    Path("stop.txt").write_text("0541110001\nana@mail.example\n")
    done = run("suppression", "import", "stop.txt", "--account", "1")
    assert done.stdout == "2 rows: 2 addresses newly suppressed, 0 failed.\n"
    run("suppression", "remove", "ana@mail.example", "--account", "1", "--reason", "A mistake")
    shown = run("suppression", "import", "stop.txt", "--account", "1", "--dry-run").stdout
    said = "2 rows: 1 address newly suppressed, 0 failed.\n"
    assert said in shown
    assert run("suppression", "import", "stop.txt", "--account", "1").stdout == said
    assert [one[1] for one in listed(run)] == ["972541110001", "ana@mail.example"]


@pytest.mark.parametrize("command", [("import",), ("suppression", "import")])
def test_a_pipe_with_a_name_is_refused(run: Run, command: tuple[str, ...]) -> None:
    os.mkfifo("pipe")
    refused = run(*command, "pipe", "--account", "1")
    assert (refused.exit_code, "“pipe” is not a regular file: it is a pipe" in refused.output) == (1, True)
    assert "… | carillon import -" in refused.output


@pytest.fixture
def abroad(run: Run) -> Run:
    """Call a command where audience 2 of the account of Israel is one of Spain, and has a contact."""
    assert run("audience", "create", "Spain", "--account", "1", "--country", "ES").exit_code == 0
    Path("spain.csv").write_text("phone\n612345001\n")
    assert run("import", "spain.csv", "--account", "1", "--audience", "2").exit_code == 0
    return run


WHERE = [["--audience", "2"], ["--country", "es"]]


@pytest.mark.parametrize("where", WHERE, ids=" ".join)
def test_phones_are_suppressed_and_lifted_with_the_country_of_an_audience_or_a_named_one(
    abroad: Run, where: list[str]
) -> None:
    added = abroad("suppression", "add", "612345001", "--account", "1", *where)
    assert added.stdout == "Suppressed: 1.\n“612345001” is +34612345001.\n"
    assert [one[1] for one in listed(abroad)] == ["34612345001"]
    shown = json.loads(abroad("contact", "show", "+34612345001", "--account", "1", "--audience", "2", "--json").stdout)
    assert shown["sms_status"] == "unsubscribed"
    lifted = abroad("suppression", "remove", "612345001", "--account", "1", "--reason", "Asked", *where, "--json")
    assert json.loads(lifted.stdout) == {"done": 1, "addresses": ["34612345001"], "failed": []}
    assert listed(abroad) == []


@pytest.mark.parametrize("where", WHERE, ids=" ".join)
def test_files_of_phones_are_suppressed_with_the_country_of_an_audience_or_a_named_one(
    abroad: Run, where: list[str]
) -> None:
    Path("stop.txt").write_text("612345001\n612345002\n")
    dry = json.loads(
        abroad("suppression", "import", "stop.txt", "--account", "1", *where, "--dry-run", "--json").stdout
    )
    assert (dry["judgement"]["phones"]["countries"], dry["difference"]["suppressed"]) == ({"ES": 2}, 2)
    done = json.loads(abroad("suppression", "import", "stop.txt", "--account", "1", *where, "--json").stdout)
    assert (done["suppressed"], done["judgement"]["phones"]["countries"]) == (2, {"ES": 2})
    assert [one[1] for one in listed(abroad)] == ["34612345001", "34612345002"]


def test_what_is_understood_is_shown_where_the_country_is_not_the_one_that_is_meant(abroad: Run) -> None:
    added = abroad("suppression", "add", "612345001", "+34 612 345 002", "--account", "1")
    assert added.stdout.splitlines()[1:] == ["“612345001” is +972612345001.", "“+34 612 345 002” is +34612345002."]
    wrong = abroad("suppression", "add", "612345001", "--account", "1", "--country", "Spain")
    assert (wrong.exit_code, "country: 'Spain' is not the ISO 3166 code" in wrong.stderr) == (1, True)


@pytest.mark.parametrize("command", [("import",), ("suppression", "import")], ids=" ".join)
def test_a_small_file_of_which_no_phone_is_valid_is_striking(run: Run, command: tuple[str, ...]) -> None:
    def imported(phones: list[str]) -> Result:
        Path("phones.csv").write_text("\n".join(["phone", *phones, ""]))
        return run(*command, "phones.csv", "--account", "1", "--json")

    spanish = [f"61234500{number}" for number in range(6)]
    refused = imported(spanish[:5])
    assert (refused.exit_code, "5 of 5 phones are no valid numbers (100%)." in refused.stderr) == (3, True)
    assert listed(run) == []
    valid = [f"054900100{number}" for number in range(5)]
    for few in (spanish[:4], [*spanish[:5], *valid]):  # too few to tell; half of them are valid
        assert imported(few).exit_code == 0


def test_contacts_are_unsubscribed_from_one_audience(run: Run) -> None:
    Path("people.csv").write_text("phone,email\n0541110001,ana@mail.example\n0541110002,\n")
    assert run("import", "people.csv", "--account", "1").exit_code == 0
    done = run("unsubscribe", "0541110001", "ana@mail.example", "--account", "1")
    assert (done.exit_code, done.stdout) == (0, "Unsubscribed: 2.\n")
    first, second = run("export", "--account", "1").stdout.splitlines()[1:3]
    assert first.split(",")[5:7] == ["unsubscribed", "unsubscribed"]
    assert second.split(",")[5:7] == ["subscribed", "none"]
    assert listed(run) == []
    shown = run("contact", "show", "0541110001", "--account", "1").stdout
    assert re.search(r"^unsubscribed: +sms, since 20.*Z, CLI by .*: By the operator$", shown, re.MULTILINE)
    nobody = run("unsubscribe", "0541110009", "--account", "1")
    assert (nobody.exit_code, nobody.stdout) == (1, "Unsubscribed: 0.\n“0541110009” is no contact's.\n")


def test_what_is_no_address_unsubscribes_nobody_who_has_none(run: Run) -> None:
    Path("people.csv").write_text("email\nzed@example.com\nyan@example.com\n")
    assert run("import", "people.csv", "--account", "1").exit_code == 0
    done = run("unsubscribe", "zed@example.com", "054-90", "--account", "1")
    assert (done.exit_code, done.stdout) == (1, "Unsubscribed: 1.\n“054-90” is no contact's.\n")
    statuses = [line.split(",")[5:7] for line in run("export", "--account", "1").stdout.splitlines()[1:]]
    assert statuses == [["none", "unsubscribed"], ["none", "subscribed"]]


@pytest.mark.parametrize(("given", "done"), [("\ufeffo'brien@mail.example\n\n0541110001\r\n", 2), ("", 0)])
def test_who_leaves_is_listed_on_standard_input(run: Run, given: str, done: int) -> None:
    Path("people.csv").write_text("phone,email\n0541110001,\n,o'brien@mail.example\n,zoe@mail.example\n")
    assert run("import", "people.csv", "--account", "1").exit_code == 0
    arguments = ["unsubscribe", "-", "--account", "1"]
    result = CliRunner().invoke(main, arguments, prog_name="carillon", input=given.encode())
    assert (result.exit_code, result.stdout) == (0, f"Unsubscribed: {done}.\n")
    exported = run("export", "--account", "1").stdout.splitlines()[1:]
    assert sum("unsubscribed" in line for line in exported) == done


@pytest.mark.usefixtures("run")
def test_standard_input_that_is_no_text_is_refused() -> None:
    arguments = ["unsubscribe", "-", "--account", "1"]
    result = CliRunner().invoke(main, arguments, prog_name="carillon", input=b"\xff\xfe")
    assert (result.exit_code, "UTF-8" in result.stderr) == (1, True)


def test_the_reason_of_an_unsubscription_is_shown_and_goes_into_another_account(run: Run) -> None:
    Path("people.csv").write_text("phone,email\n0541110001,ana@mail.example\n")
    assert run("import", "people.csv", "--account", "1").exit_code == 0
    reason = "Asked in the shop; Tuesday"
    assert run("unsubscribe", "ana@mail.example", "--account", "1", "--reason", reason).exit_code == 0
    assert run("export", "--account", "1", "-o", "all.csv").exit_code == 0
    other = str(json.loads(run("account", "create", "Others", "--country", "IL", "--json").stdout)["account_id"])
    assert run("import", "all.csv", "--account", other).exit_code == 0
    here, there = (
        json.loads(run("contact", "show", "ana@mail.example", "--account", account, "--json").stdout)["unsubscribed"]
        for account in ("1", other)
    )
    assert here == there
    assert {name: here["email"][name] for name in ("source", "reason")} == {"source": "CLI", "reason": reason}
    again = run("unsubscribe", "ana@mail.example", "--account", "1", "--reason", " ")
    assert (again.exit_code, "reason" in again.stderr) == (1, True)


@pytest.mark.usefixtures("run")
def test_addresses_come_from_standard_input_and_several_columns_need_names() -> None:
    arguments = ["suppression", "import", "-", "--account", "1"]
    done = CliRunner().invoke(main, arguments, prog_name="carillon", input="0541110001\nana@mail.example\n")
    assert (done.exit_code, done.stdout) == (0, "2 rows: 2 addresses newly suppressed, 0 failed.\n"), done.output
    refused = CliRunner().invoke(main, arguments, prog_name="carillon", input="0541110001,Ana\n")
    assert (refused.exit_code, "several columns and no header" in refused.stderr) == (1, True)
