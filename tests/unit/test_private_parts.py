"""What we use of libraries beside their documented interfaces is there: an upgrade that takes it away fails here.

Those libraries have upper bounds in pyproject.toml, which are raised when these tests pass with a newer version.
"""

import ast
import asyncio
import inspect
import re
import socket
import tomllib
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import httptools
import pytest
import uvicorn
from asyncpg.pool import PoolConnectionProxy
from asyncpg.prepared_stmt import PreparedStatement
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from carillon.http import server
from carillon.http.at_once import AtOnceProtocol

ROOT = Path(__file__).parents[2]
BOUNDED = ("asyncpg", "httptools", "uvicorn")
# What is reached through the protocol's attributes: of its flow control, and of the request that is answered.
OF_FLOW = ("read_paused", "write_paused")
# What our protocols call of each other.
OURS = {"begin_cycle", "on_sent_later", "note_data"}
OF_CYCLE = ("response_started", "response_complete", "transport")


def inherited(*kinds: type[Any]) -> set[str]:
    """The attributes that classes of ours, one below the other, use of `self` or of `super()` and don't make."""
    used, made = set[str](), set[str]()
    trees = [ast.parse(inspect.getsource(kind)).body[0] for kind in kinds]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            made.add(node.name)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            made.add(node.target.id)
        if not isinstance(node, ast.Attribute):
            continue
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            (made if isinstance(node.ctx, ast.Store) else used).add(node.attr)
    overridden = {
        node.func.attr
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Call)
        and getattr(node.func.value.func, "id", "") == "super"
    }
    # The parser is replaced, too.
    return (used - made) | (overridden - OURS) | {"parser"}


async def _application(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def protocol() -> AsyncIterator[HttpToolsProtocol]:
    """Uvicorn's protocol on a real connection that has asked for something."""
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(_application, log_config=None, lifespan="off")
    config.load()
    ours, theirs = socket.socketpair()
    made = HttpToolsProtocol(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    transport, _ = await loop.connect_accepted_socket(lambda: made, ours)
    theirs.setblocking(False)  # noqa: FBT003 - the socket's own
    await loop.sock_sendall(theirs, b"GET /path HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert (await loop.sock_recv(theirs, 1000)).startswith(b"HTTP/1.1 204")
    yield made
    transport.close()
    theirs.close()
    await asyncio.sleep(0)


async def test_uvicorns_protocol_has_what_ours_uses(protocol: HttpToolsProtocol) -> None:
    names = inherited(server.Protocol, AtOnceProtocol)
    assert {"_unset_keepalive_if_required", "flow", "pipeline", "cycle", "on_response_complete"} <= names
    assert [name for name in sorted(names) if not hasattr(protocol, name)] == []
    assert [name for name in OF_FLOW if not hasattr(protocol.flow, name)] == []
    assert [name for name in OF_CYCLE if not hasattr(protocol.cycle, name)] == []
    assert (protocol.url, [name for name, _ in protocol.headers]) == (b"/path", [b"host"])


def test_uvicorns_proxies_name_the_caller() -> None:
    believed = ProxyHeadersMiddleware(_application, ["127.0.0.0/8"]).trusted_hosts
    assert "127.0.0.1" in believed
    assert believed.get_trusted_client_address("203.0.113.5, 198.51.100.7")[0] == "198.51.100.7"


async def test_uvicorns_server_has_what_ours_extends() -> None:
    assert [name for name in ("on_tick", "startup", "capture_signals") if not hasattr(uvicorn.Server, name)] == []
    assert list(inspect.signature(uvicorn.Server.on_tick).parameters) == ["self", "counter"]
    assert list(inspect.signature(uvicorn.Server.startup).parameters) == ["self", "sockets"]


def test_the_parser_has_what_is_asked_of_it() -> None:
    source = inspect.getsource(server.Protocol) + inspect.getsource(AtOnceProtocol)
    asked = set(re.findall(r"self\.parser\.(\w+)", source))
    assert {"feed_data", "should_upgrade"} <= asked
    assert [name for name in sorted(asked) if not hasattr(httptools.HttpRequestParser, name)] == []
    offer = httptools.HttpParserUpgrade(7)
    assert offer.args[0] == 7


def test_asyncpgs_pool_has_what_sessions_use() -> None:
    connection = {"prepare", "is_closed", "is_in_transaction", "close", "execute", "transaction", "copy_to_table"}
    # A proxy takes its methods from the connection that it stands for.
    assert [name for name in sorted(connection) if not hasattr(PoolConnectionProxy, name)] == []
    assert [name for name in ("fetch", "fetchrow", "fetchval") if not hasattr(PreparedStatement, name)] == []
    assert "reset" in inspect.signature(asyncpg.create_pool).parameters


def test_what_is_used_inside_has_an_upper_bound_that_the_lock_keeps() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for name in BOUNDED:
        (line,) = [one for one in stated if re.match(rf"{name}[<>=]", one)]
        bound = re.search(r"<(\d+)\.(\d+)", line)
        assert bound, line
        assert tuple(map(int, version(name).split(".")[:2])) < tuple(map(int, bound.groups()))
