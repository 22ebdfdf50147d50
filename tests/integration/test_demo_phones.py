"""What the demo account's phones get is shown on a terminal, as it arrives, and nowhere else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.integration.messaging.sandbox import Sandbox
from tests.support import Tenant

from carillon.cli.phones import DemoPhones, demo_actor
from carillon.db.database import Database, Tx

PHONE, STOPPING = "34600000001", "34600009910"


@pytest.fixture
async def sandbox(db: Database, account: Tenant) -> Sandbox:
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account.account_id)
    return Sandbox(db, account.actor)


class Terminal:
    """What was shown, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def show(self, line: str) -> None:
        self.lines.append(line)
        self._more.set()

    async def has(self, count: int) -> list[str]:
        async with asyncio.timeout(20):
            while len(self.lines) < count:
                await self._more.wait()
                self._more.clear()
        return self.lines


@contextlib.asynccontextmanager
async def followed(sandbox: Sandbox, terminal: Terminal) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    service = asyncio.create_task(DemoPhones(sandbox.db, sandbox.actor, terminal.show).run(stopping))
    await asyncio.sleep(0.3)  # it begins behind what has happened before
    yield
    stopping.set()
    async with asyncio.timeout(5):
        await service


async def deliver(sandbox: Sandbox, *numbers: str, **options: object) -> None:
    await sandbox.send(*numbers, **options)
    await sandbox.work()
    await sandbox.advance(timedelta(seconds=30))


async def test_phones_are_shown_with_what_they_get_from_the_start_on(sandbox: Sandbox) -> None:
    await deliver(sandbox, PHONE, text="before the start")
    terminal = Terminal()
    async with followed(sandbox, terminal):
        await deliver(sandbox, PHONE)
        assert await terminal.has(1) == [f"phone +{PHONE} got from Blue: Your table is ready."]


async def test_what_phones_write_is_shown_too(sandbox: Sandbox) -> None:
    terminal = Terminal()
    async with followed(sandbox, terminal):
        await deliver(sandbox, STOPPING)
        got, written = await terminal.has(2)
    assert got == f"phone +{STOPPING} got from Blue: Your table is ready."
    assert written == f"phone +{STOPPING} answers Blue: STOP"


async def test_a_text_can_not_write_to_the_terminal_by_itself(sandbox: Sandbox) -> None:
    terminal = Terminal()
    async with followed(sandbox, terminal):
        await deliver(sandbox, PHONE, text="one\ntwo\x1b[2J\x07")
        (line,) = await terminal.has(1)
    assert line == f"phone +{PHONE} got from Blue: one ⏎ two�[2J�"


async def test_of_many_at_once_some_are_shown_and_the_others_counted(sandbox: Sandbox) -> None:
    terminal = Terminal()
    numbers = [f"346000100{number:02d}" for number in range(50)]
    async with followed(sandbox, terminal):
        await deliver(sandbox, *numbers)
        await asyncio.sleep(1)
    shown = [line for line in terminal.lines if line.startswith("phone ")]
    counted = [line for line in terminal.lines if line.startswith("… and ")]
    assert len(shown) + sum(int(line.split()[2]) for line in counted) == 50
    assert counted
    assert counted[0].endswith(f"more: carillon sandbox inbox --account {sandbox.actor.account_id}")


async def test_only_a_sandbox_account_has_phones_to_show(db: Database, account: Tenant) -> None:
    assert await demo_actor(db) is None
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account.account_id)
    actor = await demo_actor(db)
    assert actor is not None
    assert actor.account_id == account.account_id
