"""Phones at the command line: what a command prints or a file holds, another reads as the same number."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.integration.commands import Run, answer

from carillon.cli import main

# Not valid in Israel, and possible there with its calling code before them; the first two are valid elsewhere.
INTERNATIONAL = ("447700900123", "15551234567", "99000000000", "3466666666")


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command on the test's database, where account 1 of Israel has a contact with each of INTERNATIONAL."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)
    monkeypatch.setenv("COLUMNS", "200")
    Path("people.csv").write_text("\n".join(["phone", *(f"+{one}" for one in INTERNATIONAL), ""]))

    def called(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="carillon")

    assert called("account", "create", "Blue Shop", "--country", "IL").exit_code == 0
    assert called("import", "people.csv", "--account", 1).exit_code == 0
    return called


def suppressed(run: Run, account_id: int = 1) -> list[str]:
    return [one["address"] for one in answer(run("suppression", "list", "--account", account_id, "--json"))]


def statuses(run: Run) -> list[tuple[str, str]]:
    contacts = answer(run("contact", "list", "--account", 1, "--json"))
    return [(one["phone"], one["sms_status"]) for one in contacts]


def test_digits_of_contacts_are_suppressed_and_lifted_as_their_numbers(run: Run) -> None:
    added = run("suppression", "add", *INTERNATIONAL, "--account", 1).stdout.splitlines()
    assert added == ["Suppressed: 4.", *(f"“{digits}” is +{digits}." for digits in INTERNATIONAL)]
    assert sorted(suppressed(run)) == sorted(INTERNATIONAL)
    assert statuses(run) == [(one, "unsubscribed") for one in INTERNATIONAL]
    lifted = run("suppression", "remove", *INTERNATIONAL, "--account", 1, "--reason", "Asked").stdout.splitlines()
    assert lifted == ["Lifted: 4.", *added[1:]]
    assert statuses(run) == [(one, "subscribed") for one in INTERNATIONAL]


def test_digits_of_a_suppression_without_a_contact_name_it(run: Run) -> None:
    assert run("suppression", "add", "+447700900124", "--account", 1).exit_code == 0
    lifted = run("suppression", "remove", "447700900124", "--account", 1, "--reason", "Asked").stdout
    assert lifted == "Lifted: 1.\n“447700900124” is +447700900124.\n"


def test_digits_of_contacts_are_unsubscribed_as_their_numbers(run: Run) -> None:
    done = run("unsubscribe", *INTERNATIONAL, "--account", 1)
    assert (done.exit_code, done.stdout) == (0, "Unsubscribed: 4.\n")
    assert statuses(run) == [(one, "unsubscribed") for one in INTERNATIONAL]


@pytest.mark.parametrize("digits", INTERNATIONAL)
def test_digits_of_a_contact_show_find_change_and_delete_it(run: Run, digits: str) -> None:
    assert answer(run("contact", "show", digits, "--account", 1, "--json"))["phone"] == digits
    assert [one["phone"] for one in answer(run("contact", "find", f"phone={digits}", "--account", 1, "--json"))] == [
        digits
    ]
    changed = run("contact", "update", digits, "--set", f"phone={digits}", "--set", "city=Haifa", "--account", 1)
    assert changed.exit_code == 0, changed.output
    assert answer(run("contact", "show", f"+{digits}", "--account", 1, "--json"))["fields"] == {"city": "Haifa"}
    assert run("contact", "delete", digits, "--account", 1, "--yes").exit_code == 0
    assert digits not in dict(statuses(run))


def test_a_contact_gets_the_number_that_an_import_would_give_it(run: Run) -> None:
    assert run("contact", "update", "+447700900123", "--set", "phone=447911123456", "--account", 1).exit_code == 0
    assert run("contact", "update", "+15551234567", "--set", "phone=541234567", "--account", 1).exit_code == 0
    assert [phone for phone, _ in statuses(run)][:2] == ["447911123456", "972541234567"]


@pytest.mark.parametrize("content", ["{}\n", "phone,e-mail\n{},\n", "Number,\n{},\n"], ids=["plain", "table", "named"])
@pytest.mark.parametrize("digits", ["447911123456", "972541230001", "99000000000", "3466666666", "612345678"])
def test_a_file_suppresses_the_numbers_that_an_import_of_it_makes_contacts_of(
    run: Run, content: str, digits: str
) -> None:
    assert run("account", "create", "Green Shop", "--country", "ES").exit_code == 0
    Path("people.csv").write_text(f"phone\n{digits}\n")
    Path("stop.txt").write_text(content.format(digits))
    dry = run("suppression", "import", "stop.txt", "--account", 2, "--dry-run", "--yes").stdout
    said = "1 row: 1 address newly suppressed, 0 failed.\n"
    assert said in dry
    assert run("suppression", "import", "stop.txt", "--account", 2, "--yes").stdout == said
    (address,) = suppressed(run, 2)
    assert address in dry
    assert run("import", "people.csv", "--account", 2, "--yes").exit_code == 0
    (contact,) = answer(run("contact", "list", "--account", 2, "--json"))
    assert (contact["phone"], contact["sms_status"]) == (address, "unsubscribed")


def test_a_file_suppresses_the_numbers_of_contacts_that_have_its_digits(run: Run) -> None:
    Path("stop.txt").write_text("\n".join([*INTERNATIONAL, ""]))
    dry = run("suppression", "import", "stop.txt", "--account", 1, "--dry-run", "--yes").stdout
    said = f"{len(INTERNATIONAL)} rows: 4 addresses newly suppressed, 0 failed.\n"
    assert said in dry
    assert run("suppression", "import", "stop.txt", "--account", 1, "--yes").stdout == said
    assert sorted(suppressed(run)) == sorted(INTERNATIONAL)


def test_other_numbers_of_a_file_say_what_its_digits_mean_as_in_an_import(run: Run) -> None:
    Path("stop.txt").write_text("+447700900124\n447700900124\n")
    done = run("suppression", "import", "stop.txt", "--account", 1, "--yes")
    assert done.stdout == "2 rows: 1 address newly suppressed, 0 failed.\n"
    assert suppressed(run) == ["447700900124"]


@pytest.mark.parametrize(
    "command",
    [
        ("contact", "list"),
        ("contact", "show", "447700900123"),
        ("contact", "find", "phone^=+4477"),
        ("group", "members", "All"),
        ("suppression", "list"),
    ],
    ids=" ".join,
)
def test_phones_are_shown_with_a_plus_and_in_json_as_digits(run: Run, command: tuple[str, ...]) -> None:
    Path("all.csv").write_text("phone\n+447700900123\n")
    assert run("import", "all.csv", "--account", 1, "--group", "All").exit_code == 0
    assert run("suppression", "add", "+447700900123", "--account", 1).exit_code == 0
    shown = run(*command, "--account", 1).stdout
    assert "+447700900123" in shown
    assert "447700900123" not in shown.replace("+447700900123", "")
    read = run(*command, "--account", 1, "--json").stdout
    assert '"447700900123"' in read
    assert "+" not in read.replace("+00:00", "")
