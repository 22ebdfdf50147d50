"""An SMSC, a receiver of callbacks and senders as a journey of messages needs them, and what was asked for by whom."""

import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import httpx
from tests.journeys.durable_smsc import receipts_path, whole_lines
from tests.journeys.serving import Home

from carillon.kit.traffic import TrafficClass

SEND = "/services/api/v1/sms/send"
TEXT = "Your table is ready."


class Smsc:
    """A durable SMSC as a process of its own, always at one port; how it behaves is drawn at each start."""

    def __init__(self, place: Path, port: int, rng: Random) -> None:
        self.book = place / "book"
        self.port = port
        self._rng = rng
        self._out = place / "smsc"
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self, *, well: bool = False) -> None:
        """Start it; `well`: answers come soon, and no connection is closed."""
        rng = self._rng
        flags = [
            *("--port", str(self.port), "--book", str(self.book)),
            *("--receipts", rng.choice(["at_once", "before", "delayed"])),
            *("--receipt-seconds", str(rng.uniform(0.05, 1.0))),
            *("--answer-seconds", str(0.0 if well else rng.uniform(0.0, 0.3))),
            *("--receipt-copies", str(rng.choice([1, 1, 2]))),
            *("--close-after", str(0 if well else rng.choice([0, 90, 250]))),
        ]
        with self._out.open("ab") as out:
            command = [sys.executable, "-m", "tests.journeys.durable_smsc", *flags]
            self.popen = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603 - our own program

    def kill(self) -> None:
        if self.popen is not None and self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()

    def taken(self) -> dict[str, int]:
        """Count its messages by destination."""
        found: defaultdict[str, int] = defaultdict(int)
        for line in whole_lines(self.book):
            found[line.split("\t")[2]] += 1
        return found

    def untold(self) -> int:
        """Count the messages whose receipts nobody has acknowledged."""
        return len({line.split("\t")[0] for line in whole_lines(self.book)} - set(whole_lines(receipts_path(self.book))))


class CallbackReceiver:
    """A server that takes every callback, and keeps what it says of each message, in the order of its coming."""

    def __init__(self) -> None:
        self.statuses: defaultdict[str, list[str]] = defaultdict(list)
        self.calls = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802 - the library's name
                receiver.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/told"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, told: Any) -> None:
        with self._lock:
            self.calls += 1
            for one in told["data"]:
                self.statuses[one["message_id"]].append(one["status"]["text"])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(slots=True)
class Asked:
    """One request: to whom, what for, and whether it was acknowledged."""

    traffic_class: TrafficClass
    numbers: Sequence[str]
    has_callbacks: bool
    acknowledged: bool = False


@dataclass(slots=True)
class Requests:
    """What was asked for; no number is asked for twice."""

    asked: list[Asked] = field(default_factory=list)
    strange: list[object] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self, traffic_class: TrafficClass, recipients: int, *, has_callbacks: bool) -> Asked:
        with self.lock:
            numbers = [f"97254{next(self.numbers):07d}" for _ in range(recipients)]
            made = Asked(traffic_class=traffic_class, numbers=numbers, has_callbacks=has_callbacks)
            self.asked.append(made)
        return made


class Sender(threading.Thread):
    """Sends until it is told to stop, whatever becomes of a request."""

    def __init__(
        self, name: str, requests: Requests, send: Callable[[], None], pause: float, client: httpx.Client | None = None
    ) -> None:
        super().__init__(name=name)
        self.stopping = threading.Event()
        self._client = client
        self._requests = requests
        self._send = send
        self._pause = pause

    def run(self) -> None:
        while not self.stopping.wait(self._pause):
            try:
                self._send()
            except Exception as error:  # noqa: BLE001 - shown by the test
                self._requests.strange.append(repr(error))
        if self._client is not None:
            self._client.close()


def apifon_sender(url: str, token: str, callback_url: str, requests: Requests, rng: Random) -> Sender:
    """Send transactional messages through the API of Apifon, whose account is told of them."""
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def send() -> None:
        made = requests.make(TrafficClass.TRANSACTIONAL, rng.choice([1, 1, 5, 20, 60]), has_callbacks=True)
        body = {
            "subscribers": [{"number": one} for one in made.numbers],
            "message": {"text": TEXT, "sender_id": "Blue"},
            "callback_url": callback_url,
        }
        try:
            reply = client.post(SEND, json=body)
        except httpx.TransportError:
            time.sleep(0.2)  # nobody knows whether it was accepted
            return
        made.acknowledged = reply.status_code == 200
        if reply.status_code not in {200, 503}:
            requests.strange.append((reply.status_code, reply.text))

    return Sender("apifon", requests, send, 0.05, client)


def command_sender(
    at: Home, account_id: int, traffic_class: TrafficClass, recipients: int, requests: Requests, pause: float
) -> Sender:
    """Send through the command line, which writes into the database itself."""

    def send() -> None:
        made = requests.make(traffic_class, recipients, has_callbacks=False)
        numbers = [part for one in made.numbers for part in ("--to", one)]
        name = traffic_class.name.lower()
        try:
            at.command("send", "--account", account_id, "--from", "Blue", "--class", name, *numbers, TEXT)
        except subprocess.SubprocessError:
            return
        made.acknowledged = True

    return Sender(traffic_class.name.lower(), requests, send, pause)


def stop(senders: Sequence[Sender]) -> None:
    for one in senders:
        one.stopping.set()
    for one in senders:
        one.join()
