"""A server that takes more memory than it may is killed: what it had accepted is there after the next start.

The test kills it with SIGKILL, as the kernel does for a service's MemoryMax, which needs a cgroup of its own.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import httpx
import pytest
from tests.journeys.serving import BASE, Process, body, client_of, home, report, until

pytestmark = pytest.mark.any_database

MEGABYTE = 1024**2
MORE_THAN_AT_FIRST = 64 * MEGABYTE
ROWS, AT_FIRST, KILLED = 50, 5, -9


def memory(process: Process) -> int:
    """Return what a process holds in memory, 0 when it has ended."""
    with suppress(OSError):
        lines = Path("/proc", str(process.popen.pid), "status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)
    return 0


def upload(client: httpx.Client, number: int) -> str | None:
    """Upload contacts, and return the token when they are accepted."""
    rows = [{"PhoneNumber": f"05{number * ROWS + row:08d}", "FirstName": "Noa"} for row in range(ROWS)]
    with suppress(httpx.HTTPError):
        envelope = client.post("CreateOrUpdateContacts", json=body({"List": rows})).json()
        if envelope["StatusId"] == 1:
            return str(envelope["Data"]["RequestToken"])
    return None


@contextmanager
def flood(process: Process) -> Iterator[None]:
    """Strangers send bodies as large as they may be, until the server is dead."""
    content = b'{"Data":"' + b"x" * (31 * MEGABYTE)

    def send() -> None:
        while process.popen.poll() is None:
            with suppress(httpx.HTTPError):
                httpx.post(f"{process.url}{BASE}GetGroupList", content=content, timeout=10)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        process.popen.kill()
        for thread in threads:
            thread.join(60)


def test_what_was_accepted_outlasts_a_server_that_is_killed_for_its_memory() -> None:
    with home() as place:
        process = place.serve()
        credential = place.unlimited()
        with client_of(process, credential) as client:
            tokens = [upload(client, number) for number in range(AT_FIRST)]
            assert None not in tokens
            limit = memory(process) + MORE_THAN_AT_FIRST

            def customer() -> None:
                for number in count(AT_FIRST):
                    if process.popen.poll() is not None:
                        return
                    tokens.append(upload(client, number))

            caller = threading.Thread(target=customer)
            with flood(process):
                caller.start()
                until(lambda: memory(process) > limit, "a server that takes too much memory")
                process.popen.kill()
                caller.join(60)
            assert process.popen.wait(60) == KILLED
        accepted = [token for token in tokens if token is not None]
        print(f"{len(accepted)} of {len(tokens)} uploads were accepted")
        again = place.serve()
        with client_of(again, credential) as client:
            for token in accepted:
                shown = report(client, token)
                assert (shown["Rows"], shown["ContactsNew"], shown["RowsFailed"]) == (ROWS, ROWS, 0)
        assert again.end() == 0
        assert place.left() == []
