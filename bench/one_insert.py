"""The least that can answer a send: a bare ASGI application that makes one durable INSERT a request.

    python -m bench.one_insert DSN

It prints its port. The driver and the server are Carillon's: asyncpg with ten connections, uvicorn on uvloop.
"""

import asyncio
import json
import socket
import sys
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any

import asyncpg
import uvicorn
import uvloop

from carillon.kit.ids import UuidFactory

_INSERT = """
INSERT INTO message (shard_key, message_id, sending_id, price, vat, parts, state, money, encoding, address)
VALUES (0, $1, $1, 0, 0, 1, 'waiting', 'none', 'gsm', $2)
"""


async def main() -> None:
    """Serve until the process is ended."""
    pool = await asyncpg.create_pool(sys.argv[1], min_size=10, max_size=10)
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
        await pool.execute(_INSERT, message_id, json.loads(body)["subscribers"][0]["number"])
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
