"""`carillon serve` as people and service managers run it: first start, stop, crash, outage, several processes."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
from tests.journeys.serving import CARILLON, Home, Process, answer, body, client_of, home, report, until

from carillon.db.embedded import embedded_server
from carillon.db.migrate import upgrade

pytestmark = pytest.mark.xdist_group("serve")  # all use one folder

DANA = {"Type": "Phone", "Value": "0501234567", "Configuration": "WithGroups"}
OUTAGE_SECONDS = 10


@pytest.fixture(scope="module")
def house() -> Iterator[Home]:
    """A folder that the tests of this module use one after another; none leaves a process in it."""
    with home() as made:
        yield made


@pytest.fixture(autouse=True)
def ended(house: Home) -> Iterator[None]:
    """A test that fails leaves no process to the next ones."""
    yield
    house.clear()


@pytest.fixture
def server(house: Home) -> Iterator[Process]:
    process = house.serve()
    yield process
    if process.popen.poll() is None:
        process.end()


def found(client: httpx.Client, phone: str) -> int:
    return int(answer(client, "GetContact", {"Type": "Phone", "Value": phone})["Contacts"]["Count"])


def many(first: int, count: int) -> dict[str, object]:
    return {"List": [{"PhoneNumber": f"054{number:07d}", "FirstName": "Noa"} for number in range(first, first + count)]}


def samples(metrics: str) -> dict[str, float]:
    pairs = (line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_the_first_start_makes_a_demo_account_and_prints_calls_that_work() -> None:
    with home() as fresh:
        process = fresh.serve()
        assert (fresh.data_dir / "demo.env").stat().st_mode & 0o777 == 0o600
        lines = process.out.partition("set -a")[2].splitlines()
        pasted = "\necho\n".join(["set -a" + lines[0], *filter(None, lines[1:])])
        ended = subprocess.run(["/bin/bash", "-euc", pasted], capture_output=True, text=True, check=True)  # noqa: S603 - what the server says to paste
        replies = [json.loads(line) for line in ended.stdout.splitlines() if line]
        sent, made, shown = (reply for reply in replies if "StatusId" in reply)  # InforU's; the others follow
        assert (made["StatusId"], shown["StatusId"], sent["StatusId"]) == (1, 1, 1)
        assert not [word for word in ("error", "error_details") if f'"{word}"' in ended.stdout]
        command = [str(CARILLON), "message", "list", "--account", "1", "--json", "--data-dir", str(fresh.data_dir)]
        listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own
        assert {one["address"] for one in json.loads(listed.stdout)} == {"972501234567", "34600000001", "306944000001"}
        contact = shown["Data"]["Contacts"]["List"][0]
        assert (contact["FirstName"], contact["Groups"][0]["GroupName"]) == ("Dana", "Friends")
        secrets = [line.partition("=")[2] for line in (fresh.data_dir / "demo.env").read_text().splitlines()]
        assert not [secret for secret in secrets if len(secret) > 20 and secret in process.out + process.log]
        assert process.end(signal.SIGINT) == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_server_and_database_cleanly(house: Home, how: signal.Signals) -> None:
    process = house.serve()
    with client_of(process, house.credential()) as client:  # an idle connection doesn't keep the server up
        answer(client, "GetFields", {})
        assert process.end(how) == 0
    assert house.left() == []
    assert "Traceback" not in process.log
    assert "exception" not in process.log


def test_after_a_kill_the_next_start_works_and_keeps_the_data(house: Home) -> None:
    process = house.serve()
    with client_of(process, house.credential()) as client:
        answer(client, "CreateOrUpdateContacts", many(1, 3))
        token = answer(client, "CreateOrUpdateContacts", many(11, 20))["RequestToken"]
        process.popen.kill()
        process.popen.wait()
    again = house.serve()
    with client_of(again, house.credential()) as client:
        assert [found(client, f"054{number:07d}") for number in (1, 2, 3, 4)] == [1, 1, 1, 0]
        assert report(client, token)["ContactsNew"] == 20
    assert again.end() == 0
    assert house.left() == []


def test_a_port_that_is_taken_is_told_in_one_line(house: Home, server: Process) -> None:
    port = server.url.rpartition(":")[2]
    second = house.spawn("--port", port)
    assert second.popen.wait(60) == 1
    assert second.out == ""
    assert second.log.startswith(f"Error: port: 127.0.0.1:{port} can't be listened on")
    assert second.log.count("\n") == 1
    # And the first one goes on.
    assert httpx.get(f"{server.url}/readyz").status_code == 200


def test_processes_of_one_role_each_share_the_work(house: Home) -> None:
    api = house.serve("--role", "api")
    with client_of(api, house.credential()) as client:
        token = answer(client, "CreateOrUpdateContacts", many(101, 50))["RequestToken"]
        waiting = client.post("CheckJobStatusByToken", json=body({"RequestToken": token})).json()
        assert waiting["StatusId"] == -2015
        worker = house.serve("--role", "worker")
        assert report(client, token)["ContactsNew"] == 50
        # The one that leaves last stops the database.
        assert worker.end() == 0
        assert found(client, "0540000150") == 1
        second = house.serve("--role", "worker")
        assert api.end() == 0
    assert house.left() != []
    assert second.end(signal.SIGINT) == 0
    assert house.left() == []


def test_a_worker_shows_its_metrics_where_the_settings_say(house: Home) -> None:
    config = house.place / "worker.toml"
    config.write_text("worker_port = 0\n")
    worker = house.serve("--role", "worker", "--config", config)
    url = worker.out.partition("its metrics on ")[2].split("/metrics")[0]
    until(lambda: 'carillon_carrier_up{carrier="0"}' in httpx.get(f"{url}/metrics").text, "a carrier that is up")
    assert "carillon_messages_submitted_total" in httpx.get(f"{url}/metrics").text
    assert httpx.get(f"{url}/readyz").status_code == 200
    assert httpx.get(f"{url}/api/v2/Contact/GetFields").status_code == 404
    assert worker.end() == 0


async def test_a_schema_of_a_newer_version_is_refused_with_what_to_do(house: Home) -> None:
    with embedded_server(house.data_dir) as database:
        await upgrade(database.dsn, now=datetime.now(UTC))
        connection = await asyncpg.connect(database.dsn)
        await connection.execute("INSERT INTO schema_migration VALUES ('9999_pre_future', now())")
        try:
            refused = house.spawn("--port", 0)
            assert refused.popen.wait(60) == 1
            assert "9999_pre_future" in refused.log
            assert "Install that version" in refused.log
            assert refused.log.count("\n") == 1
        finally:
            await connection.execute("DELETE FROM schema_migration WHERE version = '9999_pre_future'")
            await connection.close()
    accepted = house.serve()
    assert accepted.end() == 0


def test_the_process_tells_how_it_is(house: Home, server: Process) -> None:
    with client_of(server, house.credential()) as client:
        before = samples(httpx.get(f"{server.url}/metrics").text)
        answer(client, "GetFields", {})
        answer(client, "GetFields", {})
        token = answer(client, "CreateOrUpdateContacts", many(201, 30))["RequestToken"]
        report(client, token)
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{server.url}/readyz").json() == {"status": "ok"}
    after = samples(httpx.get(f"{server.url}/metrics").text)
    fields = 'carillon_requests_total{dialect="inforu",function="GetFields",status="200"}'
    assert after[fields] - before.get(fields, 0) == 2
    rows = 'carillon_work_units_total{worker="uploads"}'
    assert after[rows] - before.get(rows, 0) == 30
    lines = [json.loads(line) for line in server.log.splitlines()]
    assert [line.get("function") for line in lines].count("GetFields") == 2
    assert "0540000201" not in server.log


def test_while_the_database_is_away_calls_are_refused_in_the_vendors_words_and_then_answered_again(
    house: Home, server: Process
) -> None:
    question = body({"Type": "Phone", "Value": "0540000001"})
    with client_of(server, house.credential()) as client:
        answer(client, "CreateOrUpdateContacts", many(1, 1))
        with house.nobody_starts_postgres():
            house.kill_postgres()
            until(lambda: httpx.get(f"{server.url}/readyz").status_code == 503, "an unready server")
            for function, asked in (("GetContact", question), ("CreateOrUpdateContacts", body(many(301, 2)))):
                refused = client.post(function, json=asked, timeout=OUTAGE_SECONDS)
                assert (refused.status_code, refused.json()["StatusId"]) == (503, -503)
                assert int(refused.headers["Retry-After"]) > 0
            assert httpx.get(f"{server.url}/healthz").status_code == 200
        until(lambda: httpx.get(f"{server.url}/readyz").status_code == 200, "a ready server")
        assert answer(client, "GetContact", question["Data"])["Contacts"]["Count"] == 1
        token = answer(client, "CreateOrUpdateContacts", many(401, 20))["RequestToken"]
        assert report(client, token)["ContactsNew"] == 20
    assert "database_died" in server.log
    assert server.end() == 0
    assert house.left() == []


def test_a_caller_that_never_finishes_its_request_does_not_keep_the_server_from_stopping(
    house: Home, server: Process
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /api/v2/Contact/GetContact HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answered = httpx.get(f"{server.url}/healthz")  # the server has seen the first by then
        assert answered.status_code == 200
        assert server.end() == 0
    assert house.left() == []
