"""`carillon contact` and `carillon group` as a person or a script calls them."""

import asyncio
import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.integration.commands import Run, answer
from tests.support import OPERATOR

from carillon.audience.groups import SaveGroup, save_group
from carillon.cli import main
from carillon.db.database import Database
from carillon.tenancy.accounts import OpenAccount, open_account

CSV = """\
Phone,Mail,First name,Last name,City
0541110001,ana@mail.example,Ana,Levi,Haifa
0541110002,ben@mail.example,Ben,Levin,Eilat
0541110003,,Gil,Peretz,Haifa
"""


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command on the test's database, where account 1 has three contacts, two of them in a group."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)
    monkeypatch.setenv("COLUMNS", "200")
    lines = CSV.splitlines(keepends=True)
    (tmp_path / "two.csv").write_text("".join(lines[:3]))
    (tmp_path / "one.csv").write_text(lines[0] + lines[3])

    def called(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="carillon")

    assert called("account", "create", "Blue Shop", "--country", "IL").exit_code == 0
    assert called("import", "two.csv", "--account", 1, "--group", "Regulars").exit_code == 0
    assert called("import", "one.csv", "--account", 1).exit_code == 0
    return called


@pytest.mark.parametrize(
    "key",
    [("054-111-0009",), ("o'neil@mail.example",), ("@mail.example",), ("nobody",), ("99", "--by", "contact_id")],
    ids=" ".join,
)
def test_the_command_that_looks_for_a_contact_that_is_not_there_works(run: Run, key: tuple[str, ...]) -> None:
    advice = refusal(run("contact", "show", *key, "--account", 1)).partition("To look for it: ")[2]
    program, *arguments = shlex.split(advice)
    assert program == "carillon"
    looked = run(*arguments)
    assert looked.exit_code == 0, looked.output


def test_the_last_digits_that_were_given_are_looked_for(run: Run) -> None:
    advice = refusal(run("contact", "show", "0551110001", "--account", 1)).partition("To look for it: ")[2]
    assert "+972541110001" in run(*shlex.split(advice)[1:]).stdout


def refusal(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    return result.stderr.splitlines()[-1]


def phones(result: Result) -> list[str]:
    return [one["phone"] for one in answer(result)]


@pytest.mark.parametrize("key", ["0541110001", "+972 54 111 0001", "972541110001", "Ana@Mail.Example"])
def test_a_contact_is_shown_by_any_spelling_of_its_addresses(run: Run, key: str) -> None:
    shown = answer(run("contact", "show", key, "--account", 1, "--json"))
    assert (shown["phone"], shown["email"], shown["sms_status"]) == ("972541110001", "ana@mail.example", "subscribed")
    assert shown["fields"] == {"city": "Haifa", "first_name": "Ana", "last_name": "Levi"}
    assert [one["name"] for one in shown["groups"]] == ["Regulars"]
    lines = run("contact", "show", key, "--account", 1).stdout.splitlines()
    assert f"{'phone:':<14} +972541110001" in lines
    assert f"{'city:':<14} Haifa" in lines
    by_id = ("contact", "show", shown["contact_id"], "--by", "contact_id", "--account", 1, "--json")
    assert answer(run(*by_id)) == shown


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        (["city=Haifa"], ["972541110001", "972541110003"]),
        (["city=Haifa", "last_name=Levi"], ["972541110001"]),
        (["last_name^=Lev"], ["972541110001", "972541110002"]),
        (["last_name~evin"], ["972541110002"]),
        (["city!=Haifa"], ["972541110002"]),
        (["phone=054-111-0003"], ["972541110003"]),
        (["email=BEN@mail.example"], ["972541110002"]),
        (["email="], ["972541110003"]),
        (["email_status=none"], ["972541110003"]),
        (["sms_status=subscribed"], ["972541110001", "972541110002", "972541110003"]),
        (["created_at>=2001-01-01", "created_at<2001-01-02"], []),
        (["city=Haifa", "--group", "Regulars"], ["972541110001"]),
    ],
)
def test_contacts_are_found_by_conditions(run: Run, conditions: list[str], found: list[str]) -> None:
    assert phones(run("contact", "find", *conditions, "--account", 1, "--json")) == found


def test_contacts_are_listed_page_by_page(run: Run) -> None:
    first = answer(run("contact", "list", "--account", 1, "--limit", 2, "--json"))
    rest = answer(run("contact", "list", "--account", 1, "--after", first[-1]["contact_id"], "--json"))
    assert [one["phone"] for one in first + rest] == ["972541110001", "972541110002", "972541110003"]
    header, row, *_ = run("contact", "list", "--account", 1).stdout.splitlines()
    assert header.split()[:3] == ["contact_id", "phone", "email"]
    assert row.split()[1:3] == ["+972541110001", "ana@mail.example"]


@pytest.mark.parametrize(
    "command",
    [("contact", "list"), ("contact", "find", "last_name=Levi"), ("group", "members", "Regulars")],
    ids=lambda command: " ".join(command[:2]),
)
def test_lists_in_json_say_of_each_contact_what_showing_it_says(run: Run, command: tuple[str, ...]) -> None:
    Path("purposes.csv").write_text("phone,consents.news.sms\n0541110001,no\n")
    assert run("import", "purposes.csv", "--account", 1).exit_code == 0
    assert run("suppression", "add", "0541110001", "--account", 1).exit_code == 0
    first = answer(run(*command, "--account", 1, "--json"))[0]
    assert [one["name"] for one in first["groups"]] == ["Regulars"]
    assert list(first["suppressed"]) == ["sms"]
    assert first["consents"]
    assert first == answer(run("contact", "show", "0541110001", "--account", 1, "--json"))


def test_values_say_nothing_to_the_terminal_and_stay_in_their_line(run: Run) -> None:
    evil = "Eve\x1b]0;mine\x07\n972541110001  Gil\u202e"
    written = run("contact", "update", "0541110003", "--set", f"first_name={evil}", "--account", 1)
    shown = run("contact", "show", "0541110003", "--account", 1)
    listed = run("contact", "list", "--account", 1)
    for done in (written, shown, listed):
        assert (done.exit_code, {one for one in done.output if not one.isprintable()}) == (0, {"\n"}), done.output
    assert "Eve�]0;mine� ⏎ 972541110001  Gil�" in shown.stdout
    assert len(listed.stdout.splitlines()) == 4
    assert (
        json.loads(run("contact", "show", "0541110003", "--account", 1, "--json").stdout)["fields"]["first_name"]
        == evil
    )


def test_what_is_named_of_a_contact_is_changed_and_nothing_else(run: Run) -> None:
    before = answer(run("contact", "show", "0541110001", "--account", 1, "--json"))
    assert run("group", "create", "Friends", "--account", 1).exit_code == 0
    changes = ("--set", "city=Acre", "--set", "phone=0541110009", "--clear", "last_name")
    moves = ("--join", "Friends", "--leave", "Regulars")
    changed = answer(run("contact", "update", "ana@mail.example", *changes, *moves, "--account", 1, "--json"))
    assert changed["fields"] == {"city": "Acre", "first_name": "Ana"}
    assert (changed["phone"], changed["sms_status"]) == ("972541110009", before["sms_status"])
    assert [one["name"] for one in changed["groups"]] == ["Friends"]
    assert changed["contact_id"] == before["contact_id"]


def test_a_contact_keeps_the_last_key_by_which_it_is_found(run: Run) -> None:
    assert run("contact", "update", "0541110001", "--set", "external_id=C-1", "--account", 1).exit_code == 0
    change = ("contact", "update", "C-1", "--by", "external_id", "--account", 1)
    two, third = ("--clear", "phone", "--clear", "email"), ("--clear", "external_id")
    words = "The contact would have no phone, e-mail or external id"
    assert f"phone: {words}" in refusal(run(*change, *two, *third))
    assert run(*change, *two).exit_code == 0
    assert f"external_id: {words}" in refusal(run(*change, *third))
    assert run(*change, *third, "--set", "phone=0541110001").exit_code == 0


def test_a_contact_goes_only_with_consent_and_its_suppressions_stay(run: Run) -> None:
    command = ("contact", "delete", "0541110001", "--account", 1)
    refused = run(*command)
    assert refusal(refused) == "Error: yes: Nothing is deleted without --yes."
    assert "ana@mail.example" in refused.stderr
    assert run(*command, "--yes").stdout.endswith("is deleted.\n")
    assert phones(run("contact", "list", "--account", 1, "--json")) == ["972541110002", "972541110003"]
    (group,) = answer(run("group", "list", "--account", 1, "--json"))
    assert group["members"] == 1


def test_a_group_from_the_beginning_to_the_end(run: Run) -> None:
    made = answer(run("group", "create", "Friends", "--description", "Of the house", "--account", 1, "--json"))
    assert (made["name"], made["description"], made["members"]) == ("Friends", "Of the house", 0)
    listed = answer(run("group", "list", "--account", 1, "--json"))
    assert [(one["name"], one["members"]) for one in listed] == [("Regulars", 2), ("Friends", 0)]
    header, row, _ = run("group", "list", "--account", 1).stdout.splitlines()
    assert header.split()[:4] == ["group_id", "number", "name", "kind"]
    assert row.split()[0] == str(listed[0]["group_id"])
    renamed = answer(run("group", "rename", "friends", "Patrons", "--account", 1, "--json"))
    assert (renamed["group_id"], renamed["name"]) == (made["group_id"], "Patrons")
    assert phones(run("group", "members", "Regulars", "--account", 1, "--json")) == ["972541110001", "972541110002"]
    by_id = run("group", "members", listed[0]["group_id"], "--limit", 1, "--account", 1, "--json")
    assert phones(by_id) == ["972541110001"]
    command = ("group", "delete", "Regulars", "--account", 1)
    refused = run(*command)
    assert "Its 2 members stay in the audience." in refused.stderr
    assert refusal(refused) == "Error: yes: Nothing is deleted without --yes."
    assert answer(run(*command, "--yes", "--json"))["members"] == 2
    assert len(phones(run("contact", "list", "--account", 1, "--json"))) == 3


def test_a_group_takes_its_members_along_where_that_is_asked_for(run: Run) -> None:
    command = ("group", "delete", "Regulars", "--with-contacts", "--account", 1)
    assert "Its 2 members are deleted with it; their suppressions stay." in run(*command).stderr
    assert run(*command, "--yes").exit_code == 0
    assert phones(run("contact", "list", "--account", 1, "--json")) == ["972541110003"]


async def group_of_an_api(dsn: str, name: str) -> int:
    """Make a group as an API may, although there is one of the name."""
    db = await Database.connect(dsn, size=1)
    try:
        actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=1))
        return (await db.run(save_group, actor, SaveGroup(name=name))).group_id
    finally:
        await db.close()


def test_of_groups_that_share_a_name_the_id_says_which(run: Run, dsn: str) -> None:
    first = answer(run("group", "create", "A", "--account", 1, "--json"))["group_id"]
    second = asyncio.run(group_of_an_api(dsn, "A"))
    assert f"name one by its id ({first}, {second})" in refusal(run("group", "members", "A", "--account", 1))
    assert run("group", "delete", second, "--account", 1, "--yes").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("contact", "show", "0549999999"), "no contact with the phone '0549999999'"),
        (("contact", "show", "who@mail.example"), "no contact with the email"),
        (("contact", "find", "city"), "no condition"),
        (("contact", "find", "shoe=41"), "Contacts have no 'shoe'"),
        (("contact", "find", "created_at>soon"), "'soon' can't be compared with created_at"),
        (("contact", "find", "sms_status=gone"), "'gone' can't be compared"),
        (("contact", "find", "city~"), "compared with nothing"),
        (("contact", "list", "--group", "Gold"), "no group 'Gold'"),
        (("contact", "update", "0541110001"), "nothing to change"),
        (("contact", "update", "0541110001", "--set", "shoe=41"), "no such field"),
        (("contact", "update", "0541110001", "--set", "phone=12"), "phone: "),
        (("contact", "update", "0541110001", "--set", "phone=0541110002"), "Another contact"),
        (("contact", "update", "0541110001", "--join", "Gold"), "no group 'Gold'"),
        (("contact", "delete", "0549999999"), "no contact with"),
        (("group", "create", "regulars "), "There is a group"),
        (("group", "create", " "), "name: "),
        (("group", "rename", "Gold", "Silver"), "no group 'Gold'"),
        (("group", "delete", "Gold"), "no group 'Gold'"),
        (("group", "members", "99"), "no group '99'"),
        (("group", "list", "--audience", "9"), "no audience 9"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments, "--account", 1)
    assert words in refusal(result)
    assert len(result.stderr.splitlines()) == 1


def test_a_value_is_given_as_name_and_value(run: Run) -> None:
    result = run("contact", "update", "0541110001", "--set", "city", "--account", 1)
    assert result.exit_code == 2
    assert "NAME=VALUE" in result.stderr


def test_no_group_gets_the_name_of_another_one(run: Run) -> None:
    assert run("group", "create", "Friends", "--account", 1).exit_code == 0
    refused = run("group", "rename", "Friends", "regulars", "--account", 1)
    assert refusal(refused) == "Error: name: There is a group 'regulars' already."
    assert (
        refusal(run("group", "create", "Friends", "--account", 1)) == "Error: name: There is a group 'Friends' already."
    )
    assert answer(run("group", "rename", "Friends", "FRIENDS", "--account", 1, "--json"))["name"] == "FRIENDS"
