"""The commands that delete what holds other things: fields, audiences, accounts."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result
from tests.integration.commands import Run, answer

from carillon.cli import asking, main
from carillon.db.tables import PARTITIONED, TABLES

CSV = "Phone,Shoe\n0541110001,41\n0541110002,\n"


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command on the test's database, where account 1 is, in a folder with a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)
    (tmp_path / "people.csv").write_text(CSV)

    def called(*arguments: object, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, [str(one) for one in arguments], prog_name="carillon", input=typed)

    assert called("account", "create", "Blue Shop", "--country", "IL").exit_code == 0
    return called


def refusal(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    return result.stderr.splitlines()[-1]


def test_a_field_goes_with_what_contacts_have_in_it(run: Run) -> None:
    assert run("field", "create", "shoe", "--kind", "number", "--account", 1).exit_code == 0
    assert run("import", "people.csv", "--account", 1).exit_code == 0
    command = ("field", "delete", "shoe", "--account", 1)
    refused = run(*command)
    assert refused.stderr.splitlines()[0] == "The field shoe goes, with the values of 1 contact."
    assert refusal(refused) == "Error: yes: Nothing is deleted without --yes."
    assert answer(run(*command, "--yes", "--json")) == {"name": "shoe"}
    assert answer(run("field", "list", "--account", 1, "--json")) == []
    shown = answer(run("contact", "show", "0541110001", "--account", 1, "--json"))
    assert shown["fields"] == {}


def test_an_audience_goes_with_its_contacts(run: Run) -> None:
    made = answer(run("audience", "create", "Away", "--account", 1, "--json"))["audience_id"]
    assert run("import", "people.csv", "--account", 1, "--audience", made, "--group", "G").exit_code == 0
    command = ("audience", "delete", made, "--account", 1)
    refused = run(*command)
    assert f"Audience {made} goes, with 2 contacts and 1 group." in refused.stderr
    assert refusal(refused) == "Error: yes: Nothing is deleted without --yes."
    assert answer(run(*command, "--yes", "--json")) == {"audience_id": made, "contacts": 2, "groups": 1}
    assert [one["is_default"] for one in answer(run("audience", "list", "--account", 1, "--json"))] == [True]


def test_whoever_cannot_delete_an_audience_hears_what_to_do_instead(run: Run) -> None:
    assert run("import", "people.csv", "--account", 1, "--group", "Regulars").exit_code == 0
    default = refusal(run("audience", "delete", 1, "--account", 1, "--yes"))
    assert "carillon group delete GROUP --with-contacts --account 1" in default
    assert run("group", "delete", "Regulars", "--with-contacts", "--account", 1, "--yes").exit_code == 0
    made = answer(run("audience", "create", "Away", "--account", 1, "--json"))["audience_id"]
    key = ("credential", "create", "--account", 1, "--dialect", "inwise", "--audience", made, "--json")
    assert run(*key).exit_code == 0
    command = ("audience", "delete", made, "--account", 1, "--yes")
    assert "carillon credential list --account 1" in refusal(run(*command))
    (credential,) = answer(run("credential", "list", "--account", 1, "--json"))
    assert run("credential", "revoke", credential["credential_id"], "--account", 1).exit_code == 0
    assert run(*command).exit_code == 0


def test_on_a_terminal_a_person_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "can_ask", lambda: True)
    made = answer(run("audience", "create", "Away", "--account", 1, "--json"))["audience_id"]
    command = ("audience", "delete", made, "--account", 1)
    kept = run(*command, typed="n\n")
    assert (kept.exit_code, "Aborted!" in kept.stderr) == (1, True)
    assert run(*command, typed="y\n").exit_code == 0


def test_an_audience_has_the_kind_that_it_is_made_of(run: Run) -> None:
    made = answer(run("audience", "create", "Never", "--account", 1, "--kind", "stoplist", "--json"))
    assert made["kind"] == "stoplist"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("field", "delete", "shoe"), "no field 'shoe'"),
        (("field", "delete", "city"), "city is a field that every audience has"),
        (("audience", "delete", "9"), "no audience 9"),
        (("audience", "delete", "1", "--yes"), "default audience"),
        (("audience", "delete", "1"), "default audience"),
    ],
)
def test_what_cannot_be_deleted_is_told_in_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments, "--account", 1)
    assert words in refusal(result)
    assert len(result.stderr.splitlines()) == 1


def rows_of(dsn: str, statement: str, *arguments: object) -> list[Any]:
    async def connected() -> list[Any]:
        connection = await asyncpg.connect(dsn)
        try:
            return [tuple(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()

    return asyncio.run(connected())


def fill(run: Run, account_id: int) -> None:
    """Give an account something in every kind of table that commands reach."""
    of = ("--account", account_id)
    assert run("field", "create", "shoe", *of).exit_code == 0
    assert run("import", "people.csv", *of, "--group", "G").exit_code == 0
    assert run("credential", "create", *of, "--dialect", "nrs").exit_code == 0
    assert run("balance", "add", "100", *of).exit_code == 0
    assert run("price", "set", "0.05", *of, "--channel", "sms").exit_code == 0


def test_a_closed_account_goes_at_once_but_for_its_days_and_its_trail(run: Run, dsn: str) -> None:
    other = answer(run("account", "create", "Other", "--country", "IL", "--sandbox", "--json"))["account_id"]
    fill(run, 1)
    fill(run, other)
    sent = run("send", "--account", other, "--from", "Blue", "--to", "0541234567", "Ready.")
    assert sent.exit_code == 0, sent.output
    command = ("account", "delete", other)
    assert "It is active" in refusal(run(*command, "--yes"))
    assert run("account", "status", other, "not_active").exit_code == 0
    assert "messages that are not sent yet (1). Cancel them first" in refusal(run(*command, "--yes"))
    sending = answer(run("sending", "list", "--account", other, "--json"))[0]["sending_id"]
    assert run("sending", "cancel", sending, "--account", other).exit_code == 0
    refused = run(*command)
    assert f"Account {other} goes, with 1 audience, 2 contacts, 0 suppressions, 1 credential" in refused.stderr
    assert "Its 1 sending, with messages and events, go with their days, 30 days after them." in refused.stderr
    assert refusal(refused) == "Error: yes: Nothing is deleted without --yes."
    before = everything_of(dsn, 1)
    deleted = answer(run(*command, "--yes", "--json"))
    assert (deleted["account_id"], deleted["contacts"]) == (other, 2)
    assert everything_of(dsn, other) == {"audit_entry"}
    assert everything_of(dsn, 1) == before
    assert rows_of(dsn, "SELECT count(*) FROM message WHERE shard_key = $1", other) == [(1,)]
    assert rows_of(dsn, "SELECT count(*) FROM sending WHERE shard_key = $1 AND sweep_at IS NOT NULL", other) == [(0,)]
    assert f"no account {other}" in refusal(run(*command, "--yes"))
    assert answer(run("audit", "list", "--account", other, "--json"))[0]["action"] == "account.delete"
    assert [one["account_id"] for one in answer(run("account", "list", "--json"))] == [1]
    assert run("verify").exit_code == 0


def everything_of(dsn: str, account_id: int) -> set[str]:
    """The tables that have rows of an account, but those that are partitioned by day."""
    by_day = {one.name for one in PARTITIONED}
    tables = [table for table, kind in TABLES.items() if kind != "control" and table not in by_day]
    statement = " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table} WHERE account_id = $1)"  # noqa: S608 - the registry's names
        for table in tables
    )
    return {name for (name,) in rows_of(dsn, statement, account_id)}
