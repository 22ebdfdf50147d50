"""Kannel, another's client of SMPP, is bound to the scripted SMSC: what our carrier is tested against is an SMSC.

It runs where Debian's package `kannel` is installed.
"""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from tests.carriers.scripted_smsc import ScriptedSmsc
from tests.carriers.smsc_script import Script

from carillon.carriers.smpp.pdu import UDH_INDICATOR, Message
from carillon.carriers.smpp.statuses import ESME_ROK
from carillon.text.decoding import join_parts, read_part
from carillon.text.encodings import Encoding

PROGRAMS = [shutil.which(name, path="/usr/sbin:/usr/bin:/usr/lib/kannel") for name in ("bearerbox", "smsbox")]

pytestmark = [
    pytest.mark.any_database,
    pytest.mark.skipif(None in PROGRAMS, reason="Debian's Kannel isn't installed: apt install kannel"),
]

CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = test
smsbox-port = {boxes}
box-allow-ip = "127.0.0.1"
log-level = 2

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

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
log-level = 2

group = sendsms-user
username = tester
password = secret
concatenation = true
max-messages = 10

group = sms-service
keyword = default
text = "Thank you"
"""


class Kannel:
    """bearerbox and smsbox, bound to an SMSC; `reports` are the receipts that it passed on."""

    def __init__(self, smsc: ScriptedSmsc, sendsms: int) -> None:
        self.smsc = smsc
        self.sendsms = sendsms
        self.reports: list[str] = []
        self.reports_port = 0

    async def listen(self) -> asyncio.Server:
        async def report(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # It may hang up, when it is stopped, before it has said anything.
            with suppress(asyncio.IncompleteReadError, ConnectionError), closing(writer):
                self.reports.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
                writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()

        server = await asyncio.start_server(report, "127.0.0.1", 0)
        self.reports_port = server.sockets[0].getsockname()[1]
        return server

    async def send(self, to: str, text: str, **values: str) -> None:
        report = f"http://127.0.0.1:{self.reports_port}/{to}/%d"
        query = {"username": "tester", "password": "secret", "from": "Bells", "to": to, "text": text}
        query |= {"dlr-mask": "3", "dlr-url": report, **values}
        reader, writer = await asyncio.open_connection("127.0.0.1", self.sendsms)
        request = f"GET /cgi-bin/sendsms?{urlencode(query, quote_via=quote)} HTTP/1.0\r\n\r\n"
        writer.write(request.encode())
        assert b" 202 " in await reader.readline()
        writer.close()

    async def until_taken(self, count: int) -> list[Message]:
        async with asyncio.timeout(30):
            while len(self.smsc.taken) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return [one.message for one in self.smsc.taken]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def connects(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.fixture
async def kannel(tmp_path: Path) -> AsyncIterator[Kannel]:
    smsc = ScriptedSmsc(Script(password="secret"))
    ports = {name: free_port() for name in ("admin", "boxes", "sendsms")}
    configuration = tmp_path / "kannel.conf"
    configuration.write_text(CONFIGURATION.format(smsc=await smsc.start(), **ports))
    boxes = []
    made = Kannel(smsc, ports["sendsms"])
    reports = await made.listen()
    try:
        for program, port in zip(PROGRAMS, (ports["boxes"], ports["sendsms"]), strict=True):
            assert program is not None
            boxes.append(
                await asyncio.create_subprocess_exec(
                    program,
                    str(configuration),
                    cwd=tmp_path,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )
            )
            async with asyncio.timeout(30):
                while not await connects(port):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        async with asyncio.timeout(30):
            while not smsc.receivers:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield made
    finally:
        for box in reversed(boxes):
            if box.returncode is None:
                box.kill()
            await box.wait()
        reports.close()
        await smsc.close()


async def test_kannel_sends_through_the_scripted_smsc_and_understands_its_receipts(kannel: Kannel) -> None:
    await kannel.send("972500000001", "Hello from another @ €")
    (taken,) = await kannel.until_taken(1)
    assert (taken.source, taken.source_ton, taken.destination) == ("Bells", 5, "972500000001")
    part = read_part(taken.text, Encoding.GSM, has_header=False)
    assert join_parts([part]) == "Hello from another @ €"
    async with asyncio.timeout(30):
        while "/972500000001/1" not in kannel.reports:  # noqa: ASYNC110 - 1: delivered
            await asyncio.sleep(0.02)
    assert kannel.smsc.receipts_acknowledged == 1


async def test_the_parts_that_kannel_makes_are_read_as_we_read_our_own(kannel: Kannel) -> None:
    text = "Seven bells, eight bells, ten. " * 12
    await kannel.send("972500000002", text)
    taken = await kannel.until_taken(3)
    assert all(one.esm_class & UDH_INDICATOR for one in taken)
    assert join_parts([read_part(one.text, Encoding.GSM, has_header=True) for one in taken]) == text


async def test_ucs2_of_kannel_is_read_as_it_was_written(kannel: Kannel) -> None:
    await kannel.send("972500000003", "שלום", coding="2", charset="UTF-8")
    (taken,) = await kannel.until_taken(1)
    assert taken.data_coding == 8
    assert join_parts([read_part(taken.text, Encoding.UCS2, has_header=False)]) == "שלום"


async def test_kannel_takes_a_reply_of_the_scripted_smsc_and_answers_it(kannel: Kannel) -> None:
    reply = Message(
        source="972500000004", source_ton=1, source_npi=1, destination="12345", short_message=b"Are you there?"
    )
    assert await kannel.smsc.deliver(reply) == ESME_ROK
    (taken,) = await kannel.until_taken(1)
    assert (taken.destination, taken.text) == ("972500000004", b"Thank you")
