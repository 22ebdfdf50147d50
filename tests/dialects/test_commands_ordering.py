"""Commands that look up what they change do so after the account's earlier uploads, as the APIs do (docs/adr/0022)."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.background import process_uploads
from tests.dialects.clients import DialectClients
from tests.dialects.test_dialects_ordering import FIRST, queue_by_apifon, queue_by_inforu
from tests.support import Tenant, shorten_wait

from carillon.cli import main
from carillon.db.database import Database

PHONE = f"+{FIRST}"


@pytest.fixture(autouse=True)
def _database(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)


async def run(account: Tenant, *command: str) -> Result:
    """Call a command, which has an event loop of its own."""
    arguments = [*command, "--account", str(account.account_id)]
    return await asyncio.to_thread(CliRunner().invoke, main, arguments, prog_name="carillon")


async def run_behind(db: Database, account: Tenant, *command: str) -> Result:
    """Call a command behind queued uploads, which are written when it has had the time to do without them."""
    calling = asyncio.create_task(run(account, *command))
    await asyncio.wait({calling}, timeout=0.5)
    waits = not calling.done()
    await process_uploads(db)
    done = await calling
    assert waits, done.output
    return done


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def shown(account: Tenant) -> Any:
    return answer(await run(account, "contact", "show", PHONE, "--json"))


async def test_who_is_unsubscribed_behind_an_upload_is_not_subscribed_by_it(
    clients: DialectClients, db: Database, account: Tenant
) -> None:
    await queue_by_apifon(clients, account)
    assert answer(await run_behind(db, account, "unsubscribe", PHONE, "--json"))["done"] == 1
    assert (await shown(account))["sms_status"] == "unsubscribed"
    await queue_by_inforu(clients, account)  # one that leaves statuses alone
    assert (await run_behind(db, account, "unsubscribe", PHONE)).stdout == "Unsubscribed: 1.\n"
    assert (await shown(account))["sms_status"] == "unsubscribed"


async def test_a_contact_of_an_earlier_upload_is_changed_and_deleted(
    clients: DialectClients, db: Database, account: Tenant
) -> None:
    await queue_by_inforu(clients, account)
    changed = answer(await run_behind(db, account, "contact", "update", PHONE, "--leave", "Food", "--json"))
    assert changed["groups"] == []
    await queue_by_inforu(clients, account)
    assert answer(await run_behind(db, account, "contact", "delete", PHONE, "--yes", "--json"))
    assert (await run(account, "contact", "show", PHONE)).exit_code == 1


@pytest.mark.parametrize(
    "command",
    [
        ("group", "rename", "Food", "Drinks"),
        ("group", "delete", "Food", "--yes"),
        ("send", "--from", "Blue", "--group", "Food", "Hello"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
async def test_a_group_of_an_earlier_upload_is_found(
    clients: DialectClients, db: Database, account: Tenant, command: tuple[str, ...]
) -> None:
    await queue_by_inforu(clients, account)
    done = await run_behind(db, account, *command)
    assert done.exit_code == 0, done.output
    if command[0] == "group":
        assert ("12 members" in done.stdout) == (command[1] == "delete")


async def test_a_group_that_an_earlier_upload_makes_is_not_made_again(
    clients: DialectClients, db: Database, account: Tenant
) -> None:
    await queue_by_inforu(clients, account)
    refused = await run_behind(db, account, "group", "create", "Food")
    assert (refused.exit_code, "There is a group 'Food' already." in refused.stderr) == (1, True)


async def test_commands_that_read_do_not_wait_and_the_others_say_who_writes_uploads(
    clients: DialectClients, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_wait(monkeypatch)
    await queue_by_inforu(clients, account)
    for command in (["contact", "list", "--json"], ["group", "list", "--json"]):
        assert answer(await run(account, *command)) == []
    for command in (["contact", "delete", PHONE, "--yes"], ["unsubscribe", PHONE]):
        refused = await run(account, *command)
        assert refused.exit_code == 1
        assert "still being written. Is `carillon serve` running?" in refused.stderr
