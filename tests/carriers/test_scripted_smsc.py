"""The scripted SMSC as a process of its own, as benches and journeys start it."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from tests.carriers.harness import running, until_up
from tests.carriers.pieces import CARRIER_ID, SECRET, KeepingInbox, messages

from carillon.carriers.contract import Accepted
from carillon.carriers.smpp.carrier import make_smpp

pytestmark = pytest.mark.any_database

ROOT = Path(__file__).parents[2]


async def start(book: Path, port: int = 0, *options: str) -> tuple[asyncio.subprocess.Process, int]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.carriers.scripted_smsc", "--port", str(port), "--book", str(book), *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, int((await process.stdout.readline()).split()[1])


async def test_a_killed_smsc_goes_on_from_its_book(tmp_path: Path) -> None:
    book = tmp_path / "book"
    first, port = await start(book, 0, "--receipts", "delayed", "--receipt-seconds", "30")
    inbox = KeepingInbox()
    carrier = make_smpp(CARRIER_ID, f"smpp://tester@127.0.0.1:{port}", SECRET, {}, inbox)
    async with running(carrier):
        outcomes = await carrier.submit(messages(10))
        first.kill()
        await first.wait()
        second, _ = await start(book, port, "--resend")
        await inbox.until_taken(10)
        await until_up(carrier)
        outcomes += await carrier.submit(messages(10))
        await inbox.until_taken(20)
    second.send_signal(signal.SIGTERM)
    assert await second.wait() == 0
    references = [one.reference for one in outcomes if isinstance(one, Accepted)]
    assert len(set(references)) == 20
    assert [line.split("\t")[0] for line in book.read_text().splitlines()] == references
