"""Calls that cost next to nothing: a keep-alive connection, requests as ready bytes, replies cut by their length."""

import base64
import json
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.served import Served

_REFUSED = 400


def basic(username: str, password: str) -> str:
    """Return the header's value of HTTP Basic."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


class Connection:
    """A connection of one caller; `head` are the lines that say who it is."""

    def __init__(self, server: Served, head: str) -> None:
        self._socket = socket.create_connection((server.host, server.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: {server.host}\r\n{head}\r\nContent-Type: application/json\r\n"

    def written(self, method: str, path: str, body: object = None) -> bytes:
        """Write a request down."""
        text = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        return f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(text)}\r\n\r\n".encode() + text

    def send(self, request: bytes) -> bytes:
        """Send a request that succeeds, and give the reply's body."""
        status, body = self.reply(request)
        if status >= _REFUSED:
            raise RuntimeError(f"{status}: {body[:1000]!r}")
        return body

    def reply(self, request: bytes) -> tuple[int, bytes]:
        """Send a request, and give the reply's status and body."""
        self._socket.sendall(request)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._received()
        head, _, body = got.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        pieces, left = [body], length - len(body)
        while left > 0:
            pieces.append(self._received())
            left -= len(pieces[-1])
        return int(head[9:12]), b"".join(pieces)

    def _received(self) -> bytes:
        got = self._socket.recv(1 << 20)
        if not got:
            raise ConnectionError("The server hung up.")
        return got


def send_at_once(shares: Sequence[tuple[Connection, Sequence[bytes]]]) -> None:
    """Let each connection send its requests, one after another, beside the others."""

    def send_all(connection: Connection, requests: Sequence[bytes]) -> None:
        for request in requests:
            connection.send(request)

    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(send_all, *zip(*shares, strict=True)))
