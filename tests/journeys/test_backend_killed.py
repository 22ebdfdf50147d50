"""A process of PostgreSQL is killed under calls: the whole server recovers, and callers get their replies, or 503."""

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
from tests.journeys.serving import Home, body, client_of, home, until

from carillon.db.embedded_state import postmaster

CALLERS, KILLS = 8, 3


class Caller(threading.Thread):
    """A client that writes and reads all the time, and counts what it is answered."""

    def __init__(self, client: httpx.Client, number: int, stopping: threading.Event) -> None:
        super().__init__(name=f"caller {number}")
        self._client = client
        self._phone = f"05211{number:05d}"
        self._stopping = stopping
        self.statuses: Counter[tuple[int, int]] = Counter()
        self.longest = 0.0

    def run(self) -> None:
        writes = {"List": [{"PhoneNumber": self._phone, "FirstName": "Noa"}]}
        reads = {"Type": "Phone", "Value": self._phone}
        calls = [("CreateOrUpdateContacts", writes), ("GetContact", reads)]
        with self._client:
            while not self._stopping.is_set():
                for function, data in calls:
                    began = time.monotonic()
                    reply = self._client.post(function, json=body(data))
                    self.longest = max(self.longest, time.monotonic() - began)
                    self.statuses[reply.status_code, reply.json()["StatusId"]] += 1


def kill_a_backend(at: Home) -> None:
    """Kill one of the processes that serve connections: PostgreSQL ends all of them then, and recovers."""
    children = Path("/proc", str(first := postmaster(at.cluster)), "task", str(first), "children").read_text().split()
    serving = [pid for pid in children if b"[local]" in Path("/proc", pid, "cmdline").read_bytes()]
    os.kill(int(serving[0]), signal.SIGKILL)


def test_a_killed_backend_costs_callers_no_more_than_a_503() -> None:
    with home() as at:
        process = at.serve()
        credential, stopping = at.unlimited(), threading.Event()
        callers = [Caller(client_of(process, credential), number, stopping) for number in range(CALLERS)]
        for caller in callers:
            caller.start()
        try:
            for _ in range(KILLS):
                enough = sum(one.statuses[200, 1] for one in callers) + 200
                until(lambda enough=enough: sum(one.statuses[200, 1] for one in callers) >= enough, "replies")  # type: ignore[misc]
                kill_a_backend(at)
                time.sleep(0.5)
            enough = sum(one.statuses[200, 1] for one in callers) + 200
            until(lambda: sum(one.statuses[200, 1] for one in callers) >= enough, "replies again")
        finally:
            stopping.set()
            for caller in callers:
                caller.join()
        statuses = sum((one.statuses for one in callers), Counter[tuple[int, int]]())
        print(f"{dict(statuses)}, the longest {max(one.longest for one in callers):.1f} s")
        assert set(statuses) <= {(200, 1), (503, -503)}
        assert "database_died" not in process.log  # it has recovered by itself
        assert process.end() == 0
