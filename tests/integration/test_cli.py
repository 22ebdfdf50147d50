"""The command line, called as a person or a script calls it, on a database of the test's own."""

import json
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from tests.integration.commands import execute

from carillon.cli import main
from carillon.db.migrate import Migration, known_migrations

Run = Callable[..., Result]


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="carillon")

    return run


@pytest.fixture
def run(bare: Run, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command on the test's database."""
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)
    return bare


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(result: Result) -> str:
    """The one line that a refused command says."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.splitlines()
    return line


def test_an_account_and_its_credentials_from_the_beginning_to_the_end(run: Run) -> None:
    made = answer(run("account", "create", "Blue Shop", "--country", "GR", "--json"))
    assert set(made) == {"account_id", "audience_id"}
    account_id = made["account_id"]
    credential = answer(
        run(
            *(
                "credential",
                "create",
                "--account",
                account_id,
                "--dialect",
                "inforu",
                "--rate",
                "2.5",
                "--traffic",
                "marketing",
                *("--im-sender", "Blue", "--im-channel", "c-1"),
            ),
            *("--allow", "192.0.2.0/24", "--allow", "2001:db8::/32", "--scopes", "audience:read, audience:write"),
            *("--expires", "2031-12-31T10:00+02:00", "--audience", made["audience_id"], "--json"),
        )
    )
    assert set(credential) == {"credential_id", "username", "token"}
    run("credential", "revoke", "--account", account_id, credential["credential_id"])
    (listed,) = answer(run("credential", "list", "--account", account_id, "--json"))
    assert listed["key_name"] == credential["username"]
    assert (listed["traffic_class"], listed["im_sender"], listed["im_channel"]) == ("marketing", "Blue", "c-1")
    assert listed["allowed_networks"] == ["192.0.2.0/24", "2001:db8::/32"]
    assert listed["scopes"] == ["audience:read", "audience:write"]
    assert (listed["expires_at"], listed["calls_per_second"]) == ("2031-12-31T08:00:00Z", 2.5)
    assert listed["revoked_at"] is not None
    changed = answer(run("account", "status", account_id, "locked", "--json"))
    assert (changed["name"], changed["status"]) == ("Blue Shop", "locked")
    (account,) = answer(run("account", "list", "--json"))
    assert (account["account_id"], account["country"], account["status"]) == (account_id, "GR", "locked")
    trail = answer(run("audit", "list", "--account", account_id, "--json"))
    assert [entry["action"] for entry in trail] == [
        "account.status",
        "credential.revoke",
        "credential.create",
        "account.create",
    ]
    assert {entry["source"] for entry in trail} == {"CLI"}
    older = answer(
        run("audit", "list", "--account", account_id, "--before", trail[1]["entry_id"], "--limit", 1, "--json")
    )
    assert older == trail[2:3]


@pytest.mark.parametrize(
    ("dialect", "keys"),
    [
        ("apifon", ["token", "secret", "client_id", "client_secret"]),
        ("devino", ["key"]),
        ("inforu", ["username", "token"]),
        ("inwise", ["key"]),
        ("nrs", ["username", "password"]),
    ],
)
def test_a_credential_is_printed_in_its_dialect_s_words_for_machines_and_people(
    run: Run, dialect: str, keys: list[str]
) -> None:
    account_id = answer(run("account", "create", "A", "--json"))["account_id"]
    command = ("credential", "create", "--account", account_id, "--dialect", dialect)
    assert list(answer(run(*command, "--json"))) == ["credential_id", *keys]
    lines = run(*command).stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == keys


def test_without_json_the_answers_are_lines_for_a_person(run: Run) -> None:
    assert run("account", "list").stdout == "There is no account yet.\n"
    made = run("account", "create", "Blue Shop").stdout
    assert "Account 1: Blue Shop (IL, Asia/Jerusalem, ILS)." in made
    assert "carillon credential create --account 1" in made
    assert run("credential", "list", "--account", 1).stdout == "Account 1 has no credential yet.\n"
    header, row = run("account", "list").stdout.splitlines()
    assert header.split()[:3] == ["account_id", "name", "country"]
    assert row.startswith("1           Blue Shop  IL")
    assert run("account", "status", 1, "not_active").stdout == "Account 1, Blue Shop, is not_active.\n"
    assert "account.status" in run("audit", "list", "--account", 1).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("account", "create", " "), "name: "),
        (("account", "create", "A", "--country", "XX"), "country: 'XX'"),
        (("account", "create", "A", "--time-zone", "Nowhere"), "time_zone: 'Nowhere'"),
        (("account", "create", "A", "--currency", "shells"), "currency: 'shells'"),
        (("account", "status", "9", "locked"), "no account 9"),
        (("credential", "create", "--account", "9", "--dialect", "nrs"), "no account 9"),
        (("credential", "create", "--account", "1", "--dialect", "nrs", "--audience", "9"), "no audience 9"),
        (("credential", "create", "--account", "1", "--dialect", "nrs", "--allow", "here"), "'here' is not a network"),
        (("credential", "create", "--account", "1", "--dialect", "nrs", "--rate", "-1"), "calls_per_second: "),
        (("credential", "create", "--account", "1", "--dialect", "nrs", "--scopes", "a"), "scopes: 'a'"),
        (("credential", "create", "--account", "1", "--dialect", "nrs", "--expires", "2001-01-01"), "expires_at: "),
        (("credential", "revoke", "--account", "1", "9"), "no credential 9"),
        (("credential", "list", "--account", "9"), "no account 9"),
        (("audit", "list", "--account", "9"), "no account 9"),
        (("audience", "list", "--account", "9"), "no account 9"),
        (("audience", "create", "B", "--account", "1", "--country", "XX"), "country: 'XX'"),
        (("account", "list", "--config", "absent.toml"), "absent.toml"),
        (("account", "list", "--database-url", "mysql://x"), "database_url: --database-url"),
        (("account", "list", "--database-url", "postgresql://nobody@127.0.0.1:1/x"), "can't be used"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    run("account", "create", "A")
    assert words in refusal(run(*arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ("acount",),
        ("account", "create"),
        ("account", "status", "one", "locked"),
        ("account", "status", "1", "open"),
        ("credential", "create", "--dialect", "nrs"),
        ("credential", "create", "--account", "1", "--dialect", "morse"),
        ("credential", "create", "--account", "1", "--dialect", "nrs", "--expires", "soon"),
        ("audit", "list", "--account", "1", "--limit", "0"),
        ("audit", "list", "--account", "0"),
        ("audit", "list", "--account", "99999999999999999999"),
        ("account", "status", "9007199254740992", "locked"),
        ("credential", "revoke", "--account", "1", "-5"),
        ("credential", "create", "--account", "1", "--dialect", "nrs", "--audience", "9007199254740992"),
        ("account", "create", "b\udcffd"),
        ("audience", "create", "A"),
        ("db", "upgrade", "--phase", "middle"),
    ],
)
def test_a_wrong_use_is_told_with_exit_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_an_audience_is_made_and_listed(run: Run) -> None:
    assert answer(run("account", "create", "A", "--country", "IL", "--json"))["account_id"] == 1
    assert run("audience", "create", "Ours", "--account", 1).stdout == "Audience 2: Ours (IL).\n"
    made = answer(run("audience", "create", "Theirs", "--account", 1, "--country", "gr", "--json"))
    assert (made["audience_id"], made["name"], made["country"], made["is_default"]) == (3, "Theirs", "GR", False)
    listed = answer(run("audience", "list", "--account", 1, "--json"))
    assert [(one["audience_id"], one["is_default"]) for one in listed] == [(1, True), (2, False), (3, False)]
    assert run("audience", "list", "--account", 1).stdout.splitlines()[3].split()[:3] == ["3", "Theirs", "GR"]


def test_the_table_of_audiences_shows_words(run: Run, dsn: str) -> None:
    assert run("account", "create", "A", "--country", "IL").exit_code == 0
    assert run("audience", "create", "Ours", "--account", 1).exit_code == 0
    statement = """UPDATE audience SET double_opt_in = '{sms,email}', sender_defaults = '{"sms_sender": "Blue"}'
        WHERE account_id = 1 AND audience_id = 2"""
    execute(dsn, statement)
    heads, *rows = [re.split(r" {2,}", line) for line in run("audience", "list", "--account", 1).stdout.splitlines()]
    first, second = (dict(zip(heads, row, strict=True)) for row in rows)
    names = ("is_default", "kind", "double_opt_in", "sender_defaults")
    assert [first[name] for name in names] == ["yes", "standard", "-", "-"]
    assert [second[name] for name in names] == ["no", "standard", "email,sms", "sms_sender Blue"]


def test_no_command_makes_a_database_but_the_one_that_is_asked_to(bare: Run, empty_dsn: str) -> None:
    at = ("--database-url", empty_dsn)
    name = empty_dsn.partition("?")[0].rpartition("/")[2]
    for command in (("account", "create", "A"), ("account", "list"), ("db", "upgrade"), ("db", "status")):
        said = refusal(bare(*command, *at))
        assert f"There is no Carillon in the database {name}" in said
        assert "--database-url" in said
        assert "carillon db create" in said
    assert answer(bare("db", "create", *at, "--json")) == {"created": True}
    assert answer(bare("db", "create", *at, "--json")) == {"created": False}
    assert "already" in bare("db", "create", *at).stdout
    assert answer(bare("account", "create", "A", *at, "--json"))["account_id"] == 1
    assert answer(bare("db", "status", *at, "--json"))["missing"] == []


def test_where_there_is_no_installation_it_says_where_it_looked_and_makes_nothing(bare: Run, tmp_path: Path) -> None:
    said = refusal(bare("account", "list"))
    assert f"There is no Carillon in the folder {tmp_path / 'data'}." in said
    assert "--data-dir" in said
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_printed(bare: Run) -> None:
    assert bare("--version").stdout == f"Carillon {version('carillon')}\n"


def test_help_is_there_under_its_short_name_everywhere(bare: Run) -> None:
    for path in commands(main):
        shown = bare(*path, "-h")
        assert shown.exit_code == 0, path
        assert "-h, --help" in shown.stdout, path


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_flags(bare: Run, shell: str) -> None:
    assert "_CARILLON_COMPLETE" in bare("completion", shell).stdout


@pytest.mark.parametrize(
    ("line", "place", "offered"),
    [
        ("carillon cre", 1, "credential"),
        ("carillon account c", 2, "create"),
        ("carillon account create --sa", 3, "--sandbox"),
    ],
)
def test_what_is_begun_is_completed(
    bare: Run, monkeypatch: pytest.MonkeyPatch, line: str, place: int, offered: str
) -> None:
    monkeypatch.setenv("_CARILLON_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(place))
    assert bare().stdout == f"plain,{offered}\n"


def test_a_database_that_a_newer_version_upgraded_is_refused(run: Run, dsn: str) -> None:
    execute(dsn, "INSERT INTO schema_migration VALUES ('9999_pre_future', '2030-01-01Z')")
    assert "newer" in refusal(run("account", "list"))
    assert "unknown  9999_pre_future" in run("db", "status").stdout


def test_an_outdated_database_is_refused_until_it_is_upgraded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Migration(version="9999_pre_later", phase="pre", statements="CREATE TABLE later (account_id bigint)")
    known = [*known_migrations(), later]
    monkeypatch.setattr("carillon.db.migrate.known_migrations", lambda: known)
    assert refusal(run("account", "list")).endswith("Run: carillon db upgrade")
    assert "missing  9999_pre_later" in run("db", "status").stdout
    assert answer(run("db", "upgrade", "--json")) == {"applied": ["9999_pre_later"], "distributed": [], "hinted": []}
    assert answer(run("account", "list", "--json")) == []


def test_the_database_is_upgraded_once_and_says_what_it_has(
    bare: Run, empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare_db = ("--database-url", empty_dsn)
    assert bare("db", "create", *bare_db).exit_code == 0
    status = answer(bare("db", "status", *bare_db, "--json"))
    assert (status["missing"], status["unknown"]) == ([], [])
    assert status["applied"]
    before = known_migrations()
    added = [
        Migration(version="9997_pre_later", phase="pre", statements="SELECT 1"),
        Migration(version="9998_post_later", phase="post", statements="SELECT 1"),
    ]
    monkeypatch.setattr("carillon.db.migrate.known_migrations", lambda: [*before, *added])
    assert bare("db", "status", *bare_db).stdout.splitlines()[-1] == "Run: carillon db upgrade"
    nothing: dict[str, list[str]] = {"applied": [], "distributed": [], "hinted": []}
    # What comes behind waits for what it counts on.
    assert answer(bare("db", "upgrade", "--phase", "post", *bare_db, "--json")) == nothing
    pre = answer(bare("db", "upgrade", "--phase", "pre", *bare_db, "--json"))
    assert pre == {**nothing, "applied": ["9997_pre_later"]}
    assert answer(bare("account", "list", *bare_db, "--json")) == []
    post = answer(bare("db", "upgrade", "--phase", "post", *bare_db, "--json"))
    assert post == {**nothing, "applied": ["9998_post_later"]}
    assert answer(bare("db", "upgrade", *bare_db, "--json")) == nothing
    assert bare("db", "status", *bare_db).stdout.splitlines()[-1] == "The schema is up to date."


def test_the_url_of_one_s_own_server_is_what_was_set(run: Run, dsn: str) -> None:
    assert run("db", "url").stdout == f"{dsn}\n"
    assert answer(run("db", "url", "--json")) == {"url": dsn}


def test_the_settings_file_of_the_working_directory_is_read(bare: Run, dsn: str) -> None:
    Path("carillon.toml").write_text(f'database_url = "{dsn}"', "utf-8")
    assert bare("db", "url").stdout == f"{dsn}\n"


def commands(command: click.Command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found = {path: command}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner
            found |= commands(inner, (*path, name))
    return found


def test_every_command_teaches_by_an_example_and_takes_the_same_flags() -> None:
    everything = commands(main)
    assert {("account", "create"), ("credential", "revoke"), ("audit", "list"), ("db", "url")} <= set(everything)
    for path, command in everything.items():
        if not isinstance(command, click.Group):
            shown = command.get_help(click.Context(command))
            assert f"carillon {' '.join(path)}" in shown, path
            assert "\\b" not in shown, path
            flags = {flag for option in command.params for flag in option.opts}
            if path == ("completion",):
                continue
            assert {"--data-dir", "--database-url", "--control-url", "--config"} <= flags, path
            assert "--json" in flags or path == ("serve",), path


def test_the_list_of_commands_says_what_each_command_says_of_itself(bare: Run) -> None:
    shown = bare("--help").stdout
    for path, command in commands(main).items():
        if len(path) == 1:
            assert (command.help or "").splitlines()[0] in shown
