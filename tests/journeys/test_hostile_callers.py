"""Hostile callers against the real server, while a customer looks contacts up: who has no credential stops nobody.

Each attack is bounded, and lasts for as long as its calls take or some seconds. What is measured is the customer: how
long `/healthz` and GetContact take meanwhile, and how much memory the server has had.
"""

import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.journeys.serving import BASE, Home, Process, answer, body, client_of, home, until

# One server, and one attack at a time.
pytestmark = [pytest.mark.any_database, pytest.mark.xdist_group("hostile_callers")]

MEGABYTE = 1024 * 1024
MOST_SECONDS = 0.5
FEWEST_CALLS = 3
MOST_MEMORY = 600 * MEGABYTE
PHONE = "0521234567"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server, its port, and a customer's credential."""

    home: Home
    process: Process
    credential: tuple[str, str]

    @property
    def port(self) -> int:
        return int(self.process.url.rpartition(":")[2])

    def memory(self) -> int:
        """The most memory that the process has had since it was last asked to forget."""
        lines = Path("/proc", str(self.process.popen.pid), "status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

    def connect(self) -> socket.socket:
        found = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found


@dataclass(slots=True)
class Customer:
    """A well-behaved customer: how long its calls took."""

    times: dict[str, list[float]] = field(default_factory=lambda: {"healthz": [], "GetContact": [], "upload": []})
    failures: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with home() as made:
        yield serving(made)


def serving(made: Home, *, files: int | None = None) -> Target:
    process = made.serve(files=files)
    credential = made.unlimited()
    with client_of(process, credential) as client:
        answer(client, "CreateOrUpdateContacts", {"List": [{"PhoneNumber": PHONE, "FirstName": "Noa"}]})
    return Target(home=made, process=process, credential=credential)


@contextmanager
def customer_of(target: Target) -> Iterator[Customer]:
    """Let the customer call during a block."""
    customer, done = Customer(), threading.Event()

    asked = body({"Type": "Phone", "Value": PHONE})
    username, token = target.credential
    # A larger body, whose credential is in it, on a connection of its own.
    upload = body({"List": [{"PhoneNumber": PHONE, "Text1": "x" * 90} for _ in range(700)]})
    upload["Auth"] = {"Username": username, "Token": token}
    calls: dict[str, Callable[[httpx.Client], bool]] = {
        "healthz": lambda client: client.get(f"{target.process.url}/healthz").status_code == 200,
        "GetContact": lambda client: bool(client.post("GetContact", json=asked).json()["StatusId"] == 1),
        "upload": lambda client: (
            httpx.post(f"{client.base_url}CreateOrUpdateContacts", json=upload, timeout=30).status_code == 200
        ),
    }

    def call() -> None:
        with client_of(target.process, target.credential) as client:
            while not done.is_set():
                for name in customer.times:
                    began = time.perf_counter()
                    try:
                        good = calls[name](client)
                    except httpx.HTTPError as error:
                        customer.failures.append(repr(error))
                        continue
                    customer.times[name].append(time.perf_counter() - began)
                    if not good:
                        customer.failures.append(name)
                time.sleep(0.01)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield customer
    finally:
        done.set()
        thread.join(60)


def sent(target: Target, *parts: bytes) -> bytes:
    """Send parts on a connection of its own, until they are sent or the server hangs up, and return what it says."""
    with target.connect() as connection:
        try:
            for part in parts:
                connection.sendall(part)
            return connection.recv(65_536)
        except (ConnectionError, TimeoutError):
            return b""


def posted(target: Target, path: str, content: bytes, *headers: str) -> bytes:
    head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(content)}", *headers, "", ""])
    return sent(target, head.encode(), content)


GROUPS = f"{BASE}GetGroupList"
FORM, JSON, XML = (
    f"Content-Type: {one}" for one in ("application/x-www-form-urlencoded", "application/json", "application/xml")
)


def a_form_of_escapes(target: Target) -> None:
    assert b" 401 " in posted(target, GROUPS, b"json=" + b"%20" * (10 * MEGABYTE), FORM)


def a_token_request_of_thirty_megabytes(target: Target) -> None:
    assert b" 413 " in posted(target, "/oauth2/token", b"client_id=" + b"%41" * (10 * MEGABYTE), FORM)


def json_in_auth(target: Target) -> None:
    content = b'{"Auth":{"x":[' + b"{}," * (10 * MEGABYTE) + b"1]}}"
    assert b" 401 " in posted(target, GROUPS, content, JSON)


def json_beside_auth(target: Target) -> None:
    content = b'{"Data":[' + b"[]," * (10 * MEGABYTE) + b'1],"Auth":{"Username":"x","Token":"y"}}'
    assert b" 401 " in posted(target, GROUPS, content, JSON)


def a_tag_of_two_million_attributes(target: Target) -> None:
    attributes = b"".join(b' a%d=""' % number for number in range(2_000_000))
    assert b" 401 " in posted(target, GROUPS, b"<R><Auth" + attributes + b"/></R>", XML)


def many_elements(target: Target) -> None:
    assert b" 401 " in posted(target, GROUPS, b"<R>" + b"<a/>" * (7 * MEGABYTE) + b"</R>", XML)


def a_header_of_64_megabytes(target: Target) -> None:
    sent(target, b"GET / HTTP/1.1\r\nx: ", *[b"v" * MEGABYTE] * 64)


def a_million_headers(target: Target) -> None:
    sent(target, b"GET / HTTP/1.1\r\n", *[b"x: v\r\n" * 10_000] * 100)


def fifty_large_bodies(target: Target) -> None:
    """As many as would take 1.6 GB, none of which ends."""
    head = f"POST {GROUPS} HTTP/1.1\r\nHost: x\r\n{JSON}\r\nContent-Length: {31 * MEGABYTE}\r\n\r\n".encode()
    with ExitStack() as stack:
        connections = [stack.enter_context(target.connect()) for _ in range(50)]
        for connection in connections:
            connection.sendall(head)
        for _ in range(30):
            for connection in connections:
                connection.settimeout(0.01)
                try:
                    connection.sendall(b" " * MEGABYTE)
                except OSError:
                    continue


def half_open_connections(target: Target) -> None:
    with ExitStack() as stack:
        for _ in range(400):
            try:
                connection = stack.enter_context(target.connect())
                connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
            except OSError:
                continue
        time.sleep(2)


def slow_bodies(target: Target) -> None:
    head = f"POST {GROUPS} HTTP/1.1\r\nHost: x\r\n{JSON}\r\nContent-Length: 1000\r\n\r\n".encode()
    with ExitStack() as stack:
        connections = [stack.enter_context(target.connect()) for _ in range(100)]
        for connection in connections:
            connection.sendall(head)
        for _ in range(20):
            for connection in connections:
                connection.send(b"x")
            time.sleep(0.1)


def endless_trailers(target: Target) -> None:
    head = f"POST {GROUPS} HTTP/1.1\r\nHost: x\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: ".encode()
    sent(target, head, *[b"v" * MEGABYTE] * 32)


def many_pipelined_requests(target: Target) -> None:
    """As many heads as fit into the sockets, on a hundred connections, of which nobody reads the replies."""
    with ExitStack() as stack:
        connections = [stack.enter_context(target.connect()) for _ in range(100)]
        for connection in connections:
            connection.settimeout(0.05)
            try:
                connection.sendall(b"GET /x HTTP/1.1\r\n\r\n" * 13_000)
            except OSError:
                continue
        time.sleep(1)


def bodies_of_small_chunks(target: Target) -> None:
    """Chunks of a byte, without end, on twenty connections at once."""
    head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    def attack() -> None:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            with target.connect() as connection:
                try:
                    connection.sendall(head)
                    while time.monotonic() < end:
                        connection.sendall(b"1\r\nx\r\n" * 10_000)
                except OSError:
                    continue

    threads = [threading.Thread(target=attack) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def large_bodies_that_hardly_come(target: Target) -> None:
    """Two bodies as large as may be, slowly: what they announce would take all the room of strangers."""
    head = f"POST {GROUPS} HTTP/1.1\r\nHost: x\r\n{JSON}\r\nContent-Length: {32 * MEGABYTE}\r\n\r\n".encode()
    with ExitStack() as stack:
        connections = [stack.enter_context(target.connect()) for _ in range(2)]
        for connection in connections:
            connection.sendall(head + b" " * 100_000)
        for _ in range(30):
            for connection in connections:
                connection.send(b" " * 200)
            time.sleep(0.1)


def large_bodies_that_never_end(target: Target) -> None:
    """Two bodies as large as may be, all but their last bytes: as much as strangers have room for."""
    head = f"POST {GROUPS} HTTP/1.1\r\nHost: x\r\n{JSON}\r\nContent-Length: {32 * MEGABYTE}\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(target.connect())
            try:
                connection.sendall(head + b" " * (32 * MEGABYTE - 10))
            except OSError:
                continue
        time.sleep(2)


ATTACKS: list[Callable[[Target], None]] = [
    a_form_of_escapes,
    a_token_request_of_thirty_megabytes,
    json_in_auth,
    json_beside_auth,
    a_tag_of_two_million_attributes,
    many_elements,
    a_header_of_64_megabytes,
    a_million_headers,
    fifty_large_bodies,
    half_open_connections,
    slow_bodies,
    endless_trailers,
    many_pipelined_requests,
    bodies_of_small_chunks,
    large_bodies_that_hardly_come,
    large_bodies_that_never_end,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_customer_is_answered_while_a_stranger_attacks(target: Target, attack: Callable[[Target], None]) -> None:
    Path("/proc", str(target.process.popen.pid), "clear_refs").write_text("5")
    with customer_of(target) as customer:
        attack(target)
        until(lambda: all(len(times) >= FEWEST_CALLS for times in customer.times.values()), "the customer's calls")
    assert customer.failures == []
    for name in ("healthz", "GetContact"):
        times = customer.times[name]
        # One call may meet the other tests of this machine.
        assert sorted(times)[-2] < MOST_SECONDS, (
            f"{name}: median {statistics.median(times):.3f} s, most {max(times):.3f} s"
        )
    assert target.memory() < MOST_MEMORY
    assert target.process.popen.poll() is None


def test_a_stranger_s_connections_are_closed(target: Target) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(target.connect()) for _ in range(50)]
        for connection in connections:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        for connection in connections:
            connection.settimeout(20)
            assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 15


def test_a_process_that_may_open_few_files_keeps_some_for_the_database_and_the_customer() -> None:
    with home() as made:
        target = serving(made, files=200)
        with customer_of(target) as customer:
            half_open_connections(target)
            until(lambda: len(customer.times["GetContact"]) >= FEWEST_CALLS, "the customer's calls")
        assert customer.failures == []
        assert sorted(customer.times["GetContact"])[-2] < MOST_SECONDS
        assert httpx.get(f"{target.process.url}/readyz").status_code == 200
