"""`carillon events` and `carillon callback`, as a person or a script calls them."""

import asyncio
import json
import signal
import sys
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.integration.receiving import append, endpoint, make_sending, states
from tests.support import MOMENT, Tenant

from carillon.cli import main
from carillon.db.database import Database, Tx
from carillon.events.log import NewEvent, append_events

ADDRESS = "306900000001"


@pytest.fixture
def on_database(own_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARILLON_DATABASE_URL", own_dsn)
    monkeypatch.setenv("COLUMNS", "200")


async def run(*arguments: object) -> Result:
    """Call a command in a thread: it runs a loop of its own."""
    given = [str(argument) for argument in arguments]
    return await asyncio.to_thread(CliRunner().invoke, main, given, prog_name="carillon")


def answer(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("on_database")
async def test_events_are_printed_with_their_addresses_masked(db: Database, account: Tenant) -> None:
    sending_id, (message_id,) = await make_sending(db, account, addresses=[ADDRESS])
    data = {"reason": "absent_subscriber", "from": ADDRESS, "text": "my secret"}
    new = NewEvent(kind="undelivered", at=MOMENT, sending_id=sending_id, message_id=message_id, data=data)
    await db.run(append_events, account.account_id, [new])
    printed = await run("events", "--account", account.account_id)
    assert printed.stdout.split() == [
        "1",
        "2025-03-09",
        "10:30:00Z",
        "undelivered",
        str(message_id),
        "from=…",
        "text=…",
        "reason=absent_subscriber",
    ]
    (masked,) = answer(await run("events", "--account", account.account_id, "--json"))
    assert masked["data"] == {"reason": "absent_subscriber", "from": "…", "text": "…"}
    (shown,) = answer(await run("events", "--account", account.account_id, "--addresses", "--json"))
    assert shown == {
        "sequence": 1,
        "at": "2025-03-09T10:30:00Z",
        "kind": "undelivered",
        "sending_id": str(sending_id),
        "message_id": str(message_id),
        "data": data,
    }


@pytest.mark.usefixtures("on_database")
async def test_the_latest_events_are_printed_or_all_after_a_number(db: Database, account: Tenant) -> None:
    none = await run("events", "--account", account.account_id, "--json")
    assert (none.exit_code, none.stdout) == (0, "")
    await append(db, account, None, *["delivered"] * 2_030)
    latest = answer(await run("events", "--account", account.account_id, "--json"))
    assert [event["sequence"] for event in latest] == list(range(2_011, 2_031))
    every = answer(await run("events", "--account", account.account_id, "--after", 5, "--json"))
    assert [event["sequence"] for event in every] == list(range(6, 2_031))
    unknown = await run("events", "--account", 99)
    assert unknown.exit_code == 1


@pytest.mark.usefixtures("on_database")
async def test_events_are_followed_until_they_are_interrupted(db: Database, account: Tenant) -> None:
    await append(db, account, None, "old")
    command = ("-m", "carillon", "events", "--account", str(account.account_id), "--after", "0", "--follow", "--json")
    code = "import sys; from carillon.cli import main; sys.argv = ['carillon', *sys.argv[3:]]; main()"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    async with asyncio.timeout(30):
        assert msgspec.json.decode(await child.stdout.readline())["kind"] == "old"
        await append(db, account, None, "new", "newer")
        kinds = [msgspec.json.decode(await child.stdout.readline())["kind"] for _ in range(2)]
        child.send_signal(signal.SIGINT)
        assert await child.wait() == 0
        assert await child.stderr.read() == b""
    assert kinds == ["new", "newer"]


@pytest.mark.usefixtures("on_database")
async def test_endpoints_are_listed_without_the_parameters_of_their_urls(db: Database, account: Tenant) -> None:
    empty = await run("callback", "list", "--account", account.account_id)
    assert empty.stdout == f"Nobody has asked for callbacks of account {account.account_id} yet.\n"
    endpoint_id = await endpoint(db, account, "https://shop.example/hook?key=secret#x")
    await append(db, account, endpoint_id, *["delivered"] * 3)
    await db.run(Tx.fetch, "UPDATE callback SET state = 'failed' WHERE sequence = 2")
    ((listed,),) = answer(await run("callback", "list", "--account", account.account_id, "--json"))
    assert listed == {
        "endpoint_id": endpoint_id,
        "dialect": "test",
        "purpose": "status",
        "url": "https://shop.example/hook",
        "created_at": "2025-03-09T10:30:00Z",
        "failures": 0,
        "due_at": "2025-03-09T10:30:00Z",
        "waiting": 2,
        "failed": 1,
        "waiting_since": "2025-03-09T10:30:00Z",
        "http_status": None,
    }
    table = await run("callback", "list", "--account", account.account_id)
    assert "https://shop.example/hook " in table.stdout
    assert "secret" not in table.stdout


@pytest.mark.usefixtures("on_database")
async def test_callbacks_are_replayed(db: Database, account: Tenant) -> None:
    endpoint_id = await endpoint(db, account, "https://shop.example/hook")
    await append(db, account, endpoint_id, *["delivered"] * 3)
    await db.run(Tx.fetch, "UPDATE callback SET state = 'failed' WHERE sequence <> 2")
    replayed = await run("callback", "replay", "--account", account.account_id, "--after", 1)
    assert replayed.stdout == "1 callback waits to be told again.\n"
    assert [state for _, state, *_ in await states(db)] == ["failed", "waiting", "waiting"]
    of_all = ("--endpoint", endpoint_id, "--all", "--json")
    assert answer(await run("callback", "replay", "--account", account.account_id, "--after", 0, *of_all)) == [
        {"callbacks": 1}
    ]
    refused = await run("callback", "replay", "--account", account.account_id, "--after", 0, "--all")
    assert refused.exit_code == 1
    assert "name it" in refused.stderr
