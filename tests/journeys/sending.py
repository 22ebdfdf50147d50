"""An SMSC, a receiver of callbacks and senders as a journey of messages needs them, and what was asked for by whom."""

import base64
import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, cycle
from pathlib import Path
from random import Random
from urllib.parse import parse_qsl

import httpx
from tests.journeys.durable_smsc import receipts_path, whole_lines
from tests.journeys.serving import Home

from carillon.kit.traffic import TrafficClass

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
        taken = {line.split("\t")[0] for line in whole_lines(self.book)}
        return len(taken - set(whole_lines(receipts_path(self.book))))


class CallbackReceiver:
    """A server that takes every callback, and keeps what it says of each message, in the order of its coming."""

    def __init__(self) -> None:
        self.told: defaultdict[str, list[str]] = defaultdict(list)
        self.calls = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take(_of_apifon(body) if self.path == "/apifon" else _of_nrs(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._lock = threading.Lock()
        self._url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, dialect: str) -> str:
        return f"{self._url}/{dialect}"

    def take(self, told: Sequence[tuple[str, str]]) -> None:
        with self._lock:
            self.calls += 1
            for message_id, status in told:
                self.told[message_id].append(status)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _of_apifon(body: bytes) -> list[tuple[str, str]]:
    return [(one["message_id"], one["status"]["text"]) for one in json.loads(body)["data"]]


def _of_nrs(body: bytes) -> list[tuple[str, str]]:
    form = dict(parse_qsl(body.decode()))
    return [(form["id"], form["event"])]


@dataclass(slots=True)
class Asked:
    """One request: to whom, what for, and whether it was acknowledged."""

    traffic_class: TrafficClass
    numbers: Sequence[str]
    acknowledged: bool = False


@dataclass(slots=True)
class Requests:
    """What was asked for; no number is asked for twice."""

    asked: list[Asked] = field(default_factory=list)
    strange: list[object] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self, traffic_class: TrafficClass, recipients: int, written: str = "97254{:07d}") -> Asked:
        with self.lock:
            numbers = [written.format(next(self.numbers)) for _ in range(recipients)]
            made = Asked(traffic_class=traffic_class, numbers=numbers)
            self.asked.append(made)
        return made


class Sender(threading.Thread):
    """Sends until it is told to stop, whatever becomes of a request."""

    def __init__(self, requests: Requests, send: Callable[[], None], pause: float) -> None:
        super().__init__()
        self.stopping = threading.Event()
        self._requests = requests
        self._send = send
        self._pause = pause

    def run(self) -> None:
        while not self.stopping.wait(self._pause):
            try:
                self._send()
            except Exception as error:  # noqa: BLE001 - shown by the test
                self._requests.strange.append(repr(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """How a dialect is called: `body` is made of the numbers of a request."""

    url: str
    headers: Mapping[str, str]
    body: Callable[[Sequence[str]], object]
    written: str = "97254{:07d}"


def apifon_im(url: str, key: Mapping[str, str], callback_url: str, line: str) -> Api:
    """Call its API for instant messages, to phones of a line of the simulated network, with an SMS behind them."""
    sms = apifon(url, key, callback_url)

    def body(numbers: Sequence[str]) -> object:
        return {
            "subscribers": [{"number": one} for one in numbers],
            "im_channels": [{"sender_id": "Blue", "text": TEXT}],
            "message": {"text": TEXT, "sender_id": "Blue"},
            "callback_url": callback_url,
        }

    return Api(url=f"{url}/services/api/v1/im/send", headers=sms.headers, body=body, written=f"9726{{:04d}}{line}")


def apifon(url: str, key: Mapping[str, str], callback_url: str) -> Api:
    """Call the API of Apifon, whose messages are transactional."""
    reply = httpx.post(f"{url}/oauth2/token", auth=(key["client_id"], key["client_secret"]), timeout=30)

    def body(numbers: Sequence[str]) -> object:
        return {
            "subscribers": [{"number": one} for one in numbers],
            "message": {"text": TEXT, "sender_id": "Blue"},
            "callback_url": callback_url,
        }

    headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}
    return Api(url=f"{url}/services/api/v1/sms/send", headers=headers, body=body)


def nrs(url: str, key: Mapping[str, str], callback_url: str) -> Api:
    """Call the API of 360NRS, whose messages have the class of the key."""

    def body(numbers: Sequence[str]) -> object:
        return {"to": [f"+{one}" for one in numbers], "from": "Blue", "message": TEXT, "notificationUrl": callback_url}

    shown = base64.b64encode(f"{key['username']}:{key['password']}".encode()).decode()
    return Api(url=f"{url}/api/rest/sms", headers={"Authorization": f"Basic {shown}"}, body=body)


def api_sender(
    api: Api, requests: Requests, traffic_class: TrafficClass, sizes: Sequence[int], *, pause: float
) -> Sender:
    """Send through an API, requests of these sizes in turns; a connection of its own for each."""
    turns = cycle(sizes)

    def send() -> None:
        made = requests.make(traffic_class, next(turns), api.written)
        try:
            reply = httpx.post(api.url, json=api.body(made.numbers), headers=api.headers, timeout=30)
        except httpx.TransportError:
            time.sleep(0.2)  # nobody knows whether it was accepted
            return
        made.acknowledged = reply.is_success
        if not reply.is_success and reply.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            requests.strange.append((reply.status_code, reply.text))

    return Sender(requests, send, pause)


def command_sender(at: Home, account_id: int, requests: Requests, *, pause: float) -> Sender:
    """Send through the command line, which writes into the database itself."""

    def send() -> None:
        made = requests.make(TrafficClass.TRANSACTIONAL, 3)
        numbers = [part for one in made.numbers for part in ("--to", f"+{one}")]
        try:
            at.command("send", "--account", account_id, "--from", "Blue", *numbers, TEXT)
        except subprocess.SubprocessError:
            return
        made.acknowledged = True

    return Sender(requests, send, pause)


def group_sender(at: Home, account_id: int, requests: Requests, group: str, members: Sequence[str]) -> Sender:
    """Send marketing to a group, once, by the command line."""
    left = [Asked(traffic_class=TrafficClass.MARKETING, numbers=members)]

    def send() -> None:
        if left:
            made = left.pop()
            requests.asked.append(made)
            to = ("--class", "marketing", "--group", group)
            with suppress(subprocess.SubprocessError):
                at.command("send", "--account", account_id, "--from", "Blue", *to, TEXT)
                made.acknowledged = True

    return Sender(requests, send, 1.0)


def stop(senders: Sequence[Sender]) -> None:
    """Stop them, and wait for their last requests."""
    for one in senders:
        one.stopping.set()
    for one in senders:
        one.join()
