"""The least that can answer a send: a bare ASGI application that makes one durable INSERT a request.

    python -m bench.one_insert DSN [SMSC_PORT]

It prints its port. The driver and the server are Carillon's: asyncpg with ten connections, uvicorn on uvloop. With the
port of an SMSC on this machine it writes a submit_sm behind each INSERT, and reads no answer.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any

import asyncpg
import uvicorn
import uvloop

from carillon.carriers.smpp.pdu import BIND_TRANSCEIVER, SUBMIT_SM, Bind, Message, encode_bind, encode_message, pdu
from carillon.kit.ids import UuidFactory

_INSERT = """
INSERT INTO message (shard_key, message_id, sending_id, price, vat, parts, state, money, encoding, address)
VALUES (0, $1, $1, 0, 0, 1, 'waiting', 'none', 'gsm', $2)
"""


async def submitting_to(port: int) -> Callable[[str, str], None]:
    """Bind to an SMSC; return what writes a submit_sm with a text for a number."""
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", port)
    transport.write(pdu(BIND_TRANSCEIVER, 0, 1, encode_bind(Bind(system_id="bare", password="secret"))))  # noqa: S106 - of a bench

    def submit(to: str, text: str) -> None:
        transport.write(pdu(SUBMIT_SM, 0, 2, encode_message(Message(destination=to, short_message=text.encode()))))

    return submit


async def main() -> None:
    """Serve until the process is ended."""
    pool = await asyncpg.create_pool(sys.argv[1], min_size=10, max_size=10)
    submit = await submitting_to(int(sys.argv[2])) if len(sys.argv) > 2 else None  # noqa: PLR2004 - its two arguments
    uuids = UuidFactory(SystemRandom())

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        del scope
        body = b""
        more = True
        while more:
            event = await receive()
            body += event["body"]
            more = event["more_body"]
        message_id = uuids.make(datetime.now(UTC))
        asked = json.loads(body)
        to = asked["subscribers"][0]["number"]
        await pool.execute(_INSERT, message_id, to)
        if submit is not None:
            submit(to, asked["message"]["text"])
        answer = str(message_id).encode()
        head = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer})

    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(application, loop="none", lifespan="off", log_level="warning", access_log=False)
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
