"""`carillon doctor` finds what is wrong, says what to do, and makes nothing."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.integration.commands import execute

from carillon.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command on the test's database, with a port on which nobody listens."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)
    monkeypatch.setenv("CARILLON_PORT", "1")

    def called(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="carillon")

    return called


def findings(result: Result) -> dict[str, Any]:
    return {one["check"]: one for one in json.loads(result.stdout)}


def test_a_sound_installation_has_nothing_wrong(run: Run) -> None:
    assert run("account", "create", "A").exit_code == 0
    assert run("credential", "create", "--account", 1, "--dialect", "apifon").exit_code == 0
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "Nothing is wrong."
    found = findings(run("doctor", "--json"))
    assert list(found) == ["database", "schema", "accounts", "secret key", "disk", "open files", "port"]
    assert {one["state"] for one in found.values()} == {"ok"}


def test_what_is_missing_is_said_with_what_to_do(run: Run) -> None:
    result = run("doctor", "--json")
    assert result.exit_code == 0
    found = findings(result)
    assert found["accounts"]["state"] == "warning"
    assert "carillon account create" in found["accounts"]["remedy"]


def test_a_migration_that_the_program_runs_without_is_said_to_be_missing(run: Run, dsn: str) -> None:
    execute(dsn, "DELETE FROM schema_migration WHERE version LIKE '0031%'")
    assert run("account", "create", "A").exit_code == 0
    result = run("doctor")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Nothing is wrong; 1 thing to look at."
    found = findings(run("doctor", "--json"))["schema"]
    assert (found["state"], "0031_post_removed_refusals is missing" in found["sentence"]) == ("warning", True)
    assert found["remedy"].endswith("carillon db upgrade")


def test_a_table_that_was_dropped_is_said_and_stops_the_server_in_one_line(run: Run, dsn: str) -> None:
    execute(dsn, "DROP TABLE otp, otp_counter")
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = findings(result)
    assert found["database"]["state"] == "ok"
    assert (found["schema"]["state"], "otp, otp_counter" in found["schema"]["sentence"]) == ("failure", True)
    assert found["schema"]["remedy"].startswith("Restore the database from a backup")
    status = run("db", "status").stdout.splitlines()
    assert {"missing table  otp", "missing table  otp_counter"} < set(status)
    assert status[-1].startswith("Restore the database from a backup")
    served = run("serve", "--port", 0)
    assert served.exit_code == 1
    (line,) = served.stderr.splitlines()
    assert line.startswith("Error: The database lacks tables that were there: otp, otp_counter. Restore")
    assert run("account", "list").exit_code == 0  # what is left can be taken out


def test_a_folder_without_an_installation_is_said_and_stays_empty(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CARILLON_DATABASE_URL")
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = findings(result)
    assert found["PostgreSQL"]["state"] == "ok"
    assert found["database"]["state"] == "failure"
    assert f"no Carillon in the folder {tmp_path / 'data'}" in found["database"]["sentence"]
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_and_one_that_is_not_reached_are_said(run: Run, empty_dsn: str) -> None:
    empty = findings(run("doctor", "--database-url", empty_dsn, "--json"))
    assert (empty["database"]["state"], "schema" in empty) == ("failure", False)
    nowhere = run("doctor", "--database-url", "postgresql://nobody@127.0.0.1:1/x", "--json")
    assert nowhere.exit_code == 1
    assert "can't be used" in findings(nowhere)["database"]["sentence"]


def test_a_secret_key_that_others_can_read_is_wrong(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    key = tmp_path / "data" / "secret.key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o644)
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert findings(result)["secret key"]["remedy"].startswith("chmod 600 ")


@pytest.mark.parametrize("content", [b"hi\n", b"", b"k" * 33])
def test_a_file_that_is_no_secret_key_is_wrong(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data").mkdir()
    key = tmp_path / "data" / "secret.key"
    key.write_bytes(content)
    key.chmod(0o600)
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = findings(result)["secret key"]
    assert (found["state"], "is not a secret key of 32 bytes" in found["sentence"]) == ("failure", True)
    assert found["remedy"].startswith("Bring it back from its backup.")
    assert key.read_bytes() == content


def test_a_secret_key_that_does_not_open_what_is_sealed_is_wrong(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARILLON_CARRIER_SECRET", "pass")
    assert run("account", "create", "A").exit_code == 0
    assert run("credential", "create", "--account", 1, "--dialect", "apifon").exit_code == 0
    assert run("carrier", "create", "main", "--kind", "smpp", "--url", "smpp://shop@127.0.0.1:2775").exit_code == 0
    key = tmp_path / "data" / "secret.key"
    right = key.read_bytes()
    key.write_bytes(b"k" * 32)
    assert run("credential", "create", "--account", 1, "--dialect", "apifon").exit_code == 0  # sealed with the other
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = findings(result)["secret key"]
    assert (found["state"], "doesn't open 2 of 3 sealed secrets" in found["sentence"]) == ("failure", True)
    assert found["remedy"].startswith("Bring it back from its backup.")
    key.write_bytes(right)
    assert "doesn't open 1 of 3" in findings(run("doctor", "--json"))["secret key"]["sentence"]


def test_a_secret_key_that_nothing_needs_is_not_made_yet(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("account", "create", "A").exit_code == 0
    assert run("credential", "create", "--account", 1, "--dialect", "inwise").exit_code == 0
    found = findings(run("doctor", "--json"))["secret key"]
    assert (found["state"], found["remedy"]) == ("ok", "")
    assert found["sentence"].startswith("is not made yet")
    monkeypatch.delenv("CARILLON_DATABASE_URL")
    result = run("doctor", "--data-dir", tmp_path / "nope", "--json")
    assert findings(result)["secret key"]["sentence"].startswith("is not made yet")


def test_a_secret_key_that_sealed_secrets_need_and_that_is_missing_is_wrong(run: Run, tmp_path: Path) -> None:
    assert run("account", "create", "A").exit_code == 0
    assert run("credential", "create", "--account", 1, "--dialect", "apifon").exit_code == 0
    (tmp_path / "data" / "secret.key").unlink()
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = findings(result)["secret key"]
    assert (found["state"], "is missing" in found["sentence"]) == ("failure", True)
    assert found["remedy"].startswith("Bring it back from its backup.")


def test_a_secret_key_that_carriers_need_and_that_is_missing_is_wrong(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARILLON_CARRIER_SECRET", "pass")
    made = run("carrier", "create", "main", "--kind", "smpp", "--url", "smpp://shop@127.0.0.1:2775")
    assert made.exit_code == 0, made.output
    (tmp_path / "data" / "secret.key").unlink()
    assert findings(run("doctor", "--json"))["secret key"]["state"] == "failure"


def test_a_secret_key_of_a_database_that_is_not_reached_is_to_be_looked_for(run: Run) -> None:
    found = findings(run("doctor", "--database-url", "postgresql://nobody@127.0.0.1:1/x", "--json"))["secret key"]
    assert (found["state"], "can't be asked" in found["sentence"]) == ("warning", True)


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        ('{"status":"ok"}', "ok", "a server of Carillon answers"),
        ('{"status":"unavailable"}', "failure", "can't answer calls: unavailable"),
        ("Welcome!", "failure", "something else answers"),
    ],
)
def test_whoever_listens_on_the_port_is_asked(run: Run, answer: str, state: str, words: str) -> None:
    with listening(answer) as port:
        found = findings(run_on(run, port))["port"]
    assert found["state"] == state
    assert words in found["sentence"]


def run_on(run: Run, port: int) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARILLON_PORT", str(port))
        return run("doctor", "--json")


@contextmanager
def listening(answer: str) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(f"HTTP/1.1 200 OK\r\n\r\n{answer}".encode())

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)
