"""The least that can lead anywhere: a bare ASGI application that answers every request with the same redirect.

    python -m bench.bare_reply

It prints its port. The server is Carillon's: uvicorn on uvloop.
"""

import asyncio
import socket
from typing import Any

import uvicorn
import uvloop

_HEAD = [(b"location", b"https://shop.example/spring"), (b"content-length", b"0")]


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer."""
    del scope, receive
    await send({"type": "http.response.start", "status": 302, "headers": _HEAD})
    await send({"type": "http.response.body", "body": b""})


async def main() -> None:
    """Serve until the process is ended."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(application, loop="none", lifespan="off", log_level="warning", access_log=False)
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
