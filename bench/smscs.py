"""The scripted SMSC, as a process of its own or in this one, and Kannel before it."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import quote, urlencode

from tests.carriers.scripted_smsc import Script, ScriptedSmsc

WINDOW = 500
_PATH = "/usr/sbin:/usr/bin:/usr/lib/kannel"
_START_SECONDS, _TRIES = 30, 300

# A spool on disk, receipts in memory, and as many unanswered submits as Carillon has.
_CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = bench
smsbox-port = {boxes}
box-allow-ip = "127.0.0.1"
log-level = 4
store-type = spool
store-location = "{spool}"

group = smsc
smsc = smpp
smsc-id = scripted
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = VMA
source-addr-autodetect = true
max-pending-submits = {window}

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
log-level = 4

group = sendsms-user
username = bench
password = secret
concatenation = true
max-messages = 10
"""


@contextmanager
def smsc_process() -> Iterator[int]:
    """Run a scripted SMSC that gives receipts at once; yields its port."""
    command = [sys.executable, "-m", "tests.carriers.scripted_smsc", "--receipts", "at_once"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    try:
        if process.stdout is None:
            raise RuntimeError("the SMSC has no output")
        yield int(process.stdout.readline().split()[1])
    finally:
        process.terminate()
        process.wait()


class WatchedSmsc(ScriptedSmsc):
    """A scripted SMSC in this process that knows when the submits for some destinations came."""

    def __init__(self) -> None:
        super().__init__(Script(receipts="none"), remember=False)
        self._watched: dict[bytes, asyncio.Future[float]] = {}

    def watch(self, destination: str) -> "asyncio.Future[float]":
        """Return what has the moment when a destination's submit comes."""
        future = self._watched[destination.encode()] = asyncio.get_running_loop().create_future()
        return future

    def write_book(self, lines: list[bytes]) -> None:
        """Look for watched destinations: it is called with what came, before that is answered."""
        now = time.perf_counter()
        for line in lines:
            future = self._watched.pop(line.split(b"\t", 3)[2], None)
            if future is not None:
                future.set_result(now)


@asynccontextmanager
async def watched_smsc() -> AsyncIterator[tuple[WatchedSmsc, int]]:
    """Run an SMSC in this process; yields it and its port."""
    watched = WatchedSmsc()
    port = await watched.start()
    try:
        yield watched, port
    finally:
        await watched.close()


def sendsms(to: str, text: str, reports: int | None = None) -> str:
    """Return the path of a call of Kannel's sendsms; `reports` is the port that receipts are told to."""
    query = {"username": "bench", "password": "secret", "from": "BlueDoor", "to": to, "text": text}
    if reports is not None:
        query |= {"dlr-mask": "1", "dlr-url": f"http://127.0.0.1:{reports}/"}
    return f"/cgi-bin/sendsms?{urlencode(query, quote_via=quote)}"


@asynccontextmanager
async def kannel(smsc: int) -> AsyncIterator[int]:
    """Run Kannel with a durable spool before an SMSC; yields the port of sendsms. Raises RuntimeError without it."""
    programs = [shutil.which(name, path=_PATH) for name in ("bearerbox", "smsbox")]
    if None in programs:
        raise RuntimeError("Kannel isn't installed: apt-get install kannel")
    place = Path(tempfile.mkdtemp(prefix="carillon-bench-"))
    ports = {name: _free_port() for name in ("admin", "boxes", "sendsms")}
    spool = place / "spool"
    spool.mkdir()
    configuration = place / "kannel.conf"
    configuration.write_text(_CONFIGURATION.format(smsc=smsc, spool=spool, window=WINDOW, **ports))
    boxes: list[subprocess.Popen[bytes]] = []
    try:
        for program, port in zip(programs, (ports["boxes"], ports["sendsms"]), strict=True):
            with (place / "out").open("ab") as out:
                boxes.append(subprocess.Popen([str(program), str(configuration)], cwd=place, stdout=out, stderr=out))  # noqa: S603 - as found
            await _until_open(port)
        await asyncio.sleep(2)  # its bind
        yield ports["sendsms"]
    finally:
        for box in reversed(boxes):
            box.send_signal(signal.SIGKILL)
            box.wait()
        shutil.rmtree(place)


async def _until_open(port: int) -> None:
    for _ in range(_TRIES):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(_START_SECONDS / _TRIES)
        else:
            writer.close()
            return
    raise RuntimeError(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Reports(asyncio.Protocol):
    """Answers Kannel's calls that tell of receipts, and counts them."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each call."""
        calls = data.count(b"\r\n\r\n")
        Reports.count += calls
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" * calls)
