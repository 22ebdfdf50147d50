"""`carillon carrier` and `carillon route` as a person or a script calls them."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.integration.commands import execute

from carillon.cli import main
from carillon.db import remembered

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dsn: str) -> Run:
    """Call a command on the test's database, where account 1 is, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)
    monkeypatch.setattr(remembered, "REMEMBERED_SECONDS", 0)  # there is no other process
    # Where a process's log goes is set once, for the tests behind these, too.
    monkeypatch.setattr("carillon.cli.carriers.configure_logging", lambda *_: None)

    def called(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="carillon")

    assert called("account", "create", "Blue Shop", "--country", "IL").exit_code == 0
    return called


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(result: Result) -> str:
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    return line


def simulator(run: Run, name: str, *more: object) -> int:
    made: int = answer(run("carrier", "create", name, "--kind", "simulator", *more, "--json"))["carrier_id"]
    return made


def test_a_carrier_from_the_beginning_to_the_end(run: Run) -> None:
    assert "no carrier yet" in run("carrier", "list").stdout
    made = run("carrier", "create", "main", "--kind", "simulator", "--option", "instant=yes", "--rate", 50).stdout
    assert "Carrier 1: main (simulator, sms), for every account." in made
    assert "carillon carrier test main --to" in made
    assert answer(run("carrier", "pause", "main", "--json"))["state"] == "paused"
    assert "main, is active" in run("carrier", "resume", "1").stdout
    shown = answer(run("carrier", "show", "MAIN", "--json"))
    assert (shown["options"], shown["per_second"], shown["has_secret"]) == ({"instant": "yes"}, 50.0, False)
    assert "option instant: yes" in run("carrier", "show", "main").stdout
    header, row = run("carrier", "list").stdout.splitlines()
    assert header.split() == ["carrier_id", "account", "name", "kind", "channel", "state", "rate", "url"]
    assert row.split() == ["1", "0", "main", "simulator", "sms", "active", "50.0", "-"]
    run("carrier", "delete", "main")
    assert answer(run("carrier", "list", "--json")) == []


def test_a_secret_comes_from_a_file_or_a_variable_and_is_shown_nowhere(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    web = ("--kind", "http", "--url", "https://provider.example/sms", "--option", "auth=bearer")
    assert "secret: " in refusal(run("carrier", "create", "web", *web))
    run("carrier", "create", "web", *web, "--secret-file", tmp_path / "secret")
    monkeypatch.setenv("CARILLON_CARRIER_SECRET", "hunter3")
    run("carrier", "create", "web 2", *web)
    assert [one["has_secret"] for one in answer(run("carrier", "list", "--json"))] == [True, True]
    for shown in (run("carrier", "list"), run("carrier", "show", "web"), run("carrier", "show", "web 2", "--json")):
        assert "hunter" not in shown.output


def test_an_option_may_be_read_from_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('{"to": "{to}"}')
    options = ("--option", "body=@body.json", "--option", "sender_per_second=2")
    run("carrier", "create", "web", "--kind", "http", "--url", "https://provider.example/sms", *options)
    shown = answer(run("carrier", "show", "web", "--json"))
    assert shown["options"] == {"body": '{"to": "{to}"}', "sender_per_second": "2"}
    assert shown["callback_url"] is None


def test_a_provider_s_url_for_receipts_is_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("carrier", "create", "web", "--kind", "http", "--url", "https://provider.example/sms")
    assert "Set public_url" in run("carrier", "show", "web").stdout
    monkeypatch.setenv("CARILLON_PUBLIC_URL", "https://sms.example.org")
    url = answer(run("carrier", "show", "web", "--json"))["callback_url"]
    assert url.startswith("https://sms.example.org/carriers/")
    assert f"callback_url: {url}" in run("carrier", "show", "web").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("carrier", "create", "a", "--kind", "pigeon"), "kind: "),
        (("carrier", "create", "a", "--kind", "simulator", "--channel", "email"), "channel: "),
        (("carrier", "create", "a", "--kind", "simulator", "--option", "speed"), "option: "),
        (("carrier", "create", "a", "--kind", "simulator", "--option", "speed=9"), "The option speed is unknown"),
        (("carrier", "create", "a", "--kind", "simulator", "--option", "sender_per_second=0"), "option: sender_per"),
        (("carrier", "create", "a", "--kind", "simulator", "--option", "x=@absent"), "absent: "),
        (("carrier", "create", "a", "--kind", "simulator", "--rate", "0"), "per_second: "),
        (("carrier", "create", "main", "--kind", "simulator"), "There is a carrier 'main' already"),
        (("carrier", "create", "a", "--kind", "http", "--url", "https://u:p@h.example/"), "url: A password"),
        (("carrier", "create", "a", "--kind", "simulator", "--account", "9"), "no account 9"),
        (("carrier", "show", "other"), "carillon carrier list"),
        (("carrier", "pause", "main", "--account", "1"), "everybody's"),
        (("carrier", "delete", "main"), "carillon route delete 1"),
        (("route", "add", "--carrier", "other"), "carillon carrier list"),
        (("route", "add", "--carrier", "main", "--prefix", "052"), "prefix: "),
        (("route", "add", "--carrier", "main"), "carillon route delete 1"),
        (("route", "delete", "9"), "carillon route list"),
        (("route", "why", "--account", "1", "--to", "12"), "to: "),
        (("route", "why", "--account", "1", "--to", "a@b", "--channel", "email"), "to: "),
        (("route", "why", "--account", "9", "--to", "0521234567"), "no account 9"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    simulator(run, "main")
    run("route", "add", "--carrier", "main")
    assert words in refusal(run(*arguments))


def test_the_kinds_and_their_options_are_shown(run: Run) -> None:
    assert "simulator" in run("carrier", "kinds").stdout
    shown = run("carrier", "kinds", "http").stdout
    assert "sender_per_second" in shown
    assert "auth\n" in shown
    assert "instant" in answer(run("carrier", "kinds", "simulator", "--json"))


def test_routes_are_added_listed_and_deleted(run: Run) -> None:
    assert "no route" in run("route", "list").stdout
    simulator(run, "main")
    simulator(run, "backup")
    simulator(run, "own", "--account", 1)
    made = run("route", "add", "--carrier", "main", "--carrier", "backup", "--prefix", "+30", "--class", "otp").stdout
    assert made == "Route 1: sms of every account, class otp to numbers of 30 over main, backup.\n"
    own = ("--account", 1, "--sender", "Shop", "--carrier", "own", "--carrier", 1)
    assert answer(run("route", "add", *own, "--json")) == {"route_id": 2}
    listed = answer(run("route", "list", "--json"))
    assert [(one["account_id"], one["sender"], one["carriers"]) for one in listed] == [
        (0, None, ["main", "backup"]),
        (1, "Shop", ["own", "main"]),
    ]
    assert run("route", "list").stdout.splitlines()[1].split() == ["1", "0", "sms", "30", "-", "otp", "main,backup"]
    assert run("route", "delete", 2).stdout == "Route 2 is deleted.\n"
    assert len(answer(run("route", "list", "--account", 1, "--json"))) == 1


def why(run: Run, *more: object, to: str = "0521234567") -> list[str]:
    result = run("route", "why", "--account", 1, "--to", to, *more)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_a_choice_is_explained(run: Run) -> None:
    assert why(run) == [
        "To no carrier: the message would be excluded (no_route).",
        (
            "There is no carrier of channel sms that account 1 may use: no route. Make one with: carillon carrier "
            "create NAME --channel sms --kind … --url …"
        ),
    ]
    simulator(run, "main")
    simulator(run, "backup")
    assert why(run)[0] == "Over main, then backup."
    assert "no route on channel sms" in why(run)[1]
    run("route", "add", "--prefix", "30", "--carrier", "main")
    assert why(run)[1] == "None of the 1 routes of channel sms fits this address, sender and class: no route."
    assert why(run, to="+306912345678")[0] == "Over main."
    run("route", "add", "--carrier", "main", "--carrier", "backup")
    run("route", "add", "--account", 1, "--sender", "Shop", "--carrier", "backup", "--carrier", "main")
    lines = why(run, "--sender", "Shop", "--class", "otp")
    assert lines[:3] == [
        "Over backup, then main.",
        "Route 3 decides: it is account 1's own, for sender 'Shop', any class, any address.",
        (
            "Route 2 fits too: it is everybody's, for any sender, any class, any address; an account's own route comes "
            "before everybody's."
        ),
    ]
    run("carrier", "pause", "backup")
    assert why(run, "--sender", "Shop")[0] == "Over main."
    assert "Passed over, as paused: backup." in why(run, "--sender", "Shop")
    run("carrier", "pause", "main")
    assert any("All its carriers are paused (backup, main)" in line for line in why(run, "--sender", "Shop"))
    explained = answer(run("route", "why", "--account", 1, "--to", "+306912345678", "--json"))
    assert (explained["route_id"], explained["carriers"], explained["carrier_ids"]) == (1, ["main"], [1])


def test_what_processes_have_noted_of_a_carrier_s_health_explains_its_place(run: Run, dsn: str) -> None:
    simulator(run, "main")
    simulator(run, "backup")
    execute(
        dsn,
        "INSERT INTO carrier_health VALUES (1, '972', gen_random_uuid(), now(), "
        """'{"tries": 40, "failures": {"lost": 20}, "answer_seconds": 8}')""",
    )
    lines = why(run)
    assert lines[0] == "Over backup, then main."
    assert "Carrier main is unwell in +972 (IL): it has not taken 50% of the latest messages (lost)" in lines[2]
    assert "One in 50 messages" in lines[3]
    assert "50% not taken, answers in 0.20 s" in lines[4]
    assert why(run, to="+306912345678")[0] == "Over main, then backup."


def test_a_sandbox_goes_to_the_simulator(run: Run, dsn: str) -> None:
    execute(dsn, "UPDATE account SET sandbox = true")
    assert why(run)[:2] == [
        "Over simulator.",
        "Account 1 is a sandbox: its messages go to simulators only.",
    ]


def test_a_test_message_shows_each_step(run: Run) -> None:
    simulator(run, "main")
    steps = [line.split()[:2] for line in run("carrier", "test", "main", "--to", "+972 52-1234567").stdout.splitlines()]
    assert steps[:2] == [["ok", "start"], ["ok", "submit"]]
    assert steps[-1] == ["ok", "receipt"]
    refused = run("carrier", "test", "main", "--to", "972521239904", "--json")
    assert refused.exit_code == 1
    report = json.loads(refused.stdout)
    assert not report["ok"]
    assert "unknown_subscriber" in report["steps"][-1]["detail"]


@pytest.fixture
def provider() -> Iterator[HTTPServer]:
    """An HTTP provider that takes everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"17")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_test_message_goes_out_to_a_provider(run: Run, provider: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{provider.server_port}/sms"
    options = ("--option", "reference=text", "--option", 'body={"to":"{to}"}')
    run("carrier", "create", "web", "--kind", "http", "--url", url, *options)
    monkeypatch.setenv("CARILLON_OUTBOUND_ALLOW", "127.0.0.0/8")
    report = run("carrier", "test", "web", "--to", "972521234567", "--wait", 0.2, "--json")
    assert report.exit_code == 0, report.output
    steps = {step["name"]: step["detail"] for step in json.loads(report.stdout)["steps"]}
    assert steps["resolve"] == "127.0.0.1 is 127.0.0.1"
    assert steps["submit"] == "accepted, reference 17"


@pytest.mark.parametrize(
    ("url", "step", "words"),
    [
        ("smpp://shop@127.0.0.1:1", "connect", "port 1 refuses"),
        ("smpp://shop@nobody.invalid", "resolve", "nobody.invalid has no address"),
    ],
)
def test_a_test_message_stops_at_the_step_that_fails(run: Run, dsn: str, url: str, step: str, words: str) -> None:
    simulator(run, "main")
    execute(dsn, f"UPDATE carrier SET kind = 'smpp', url = '{url}'")  # noqa: S608 - the test's own
    report = run("carrier", "test", "main", "--to", "972521234567", "--json")
    assert report.exit_code == 1
    last = json.loads(report.stdout)["steps"][-1]
    assert (last["name"], last["ok"]) == (step, False)
    assert words in last["detail"]
