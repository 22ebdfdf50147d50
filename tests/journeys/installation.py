"""Carillon as several processes beside an SMSC, all of which are killed at random and started again."""

import contextlib
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.journeys.sending import Smsc
from tests.journeys.serving import Home, Process, until

from carillon.db.embedded_state import postmaster

WORKERS = ("worker 1", "worker 2")
KILLS: Sequence[str] = (
    *("worker",) * 4,
    *("smsc",) * 3,
    "api",
    *("backend",) * 2,
    "database",
)
"""What is killed, as often as it stands here: `backend` is one process of the database, `database` all of it."""

_LONGEST_PAUSE, _LONGEST_DOWN = 3.0, 2.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(kw_only=True)
class Installation:
    """One API process, two workers, their database, and an SMSC."""

    at: Home
    smsc: Smsc
    rng: Random
    port: int = field(default_factory=free_port)
    running: dict[str, Process] = field(default_factory=dict)
    down: dict[str, float] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.smsc.start(well=True)
        for name in ("api", *WORKERS):
            self._start(name)
        self._until_greeted()

    def kill_at_random(self, seconds: float) -> None:
        """Kill for so long, and start again what is down; in the end all run, and the SMSC behaves well."""
        deadline = time.monotonic() + seconds
        following = time.monotonic()
        while time.monotonic() < deadline:
            if time.monotonic() >= following:
                self._kill(self.rng.choice(KILLS))
                following = time.monotonic() + self.rng.uniform(0.3, _LONGEST_PAUSE)
            self._revive()
            time.sleep(0.05)
        self.smsc.kill()
        self.smsc.start(well=True)
        self.down.pop("smsc", None)
        self.down = dict.fromkeys(self.down, 0.0)
        self._revive()
        self._until_greeted()

    def stop(self) -> None:
        """Let all end in order."""
        for process in self.running.values():
            assert process.end() == 0, process.log[-3000:]
        self.smsc.kill()

    def _start(self, name: str) -> None:
        if name == "smsc":
            self.smsc.start()
        elif name == "api":
            self.running[name] = self.at.spawn("--role", "api", "--port", self.port)
        else:
            self.running[name] = self.at.spawn("--role", "worker")

    def _kill(self, what: str) -> None:
        self.kills[what] += 1
        if what == "backend":
            self._kill_backend()
        elif what == "database":
            if postmaster(self.at.cluster) is not None:
                self.at.kill_postgres()
        else:
            name = self.rng.choice(WORKERS) if what == "worker" else what
            if name == "smsc":
                self.smsc.kill()
            else:
                self.running[name].popen.kill()
                self.running[name].popen.wait()
            self.down.setdefault(name, time.monotonic() + self.rng.uniform(0.0, _LONGEST_DOWN))

    def _kill_backend(self) -> None:
        first = str(postmaster(self.at.cluster))
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it is being started
            children = Path("/proc", first, "task", first, "children").read_text().split()
            serving = [pid for pid in children if b"[local]" in Path("/proc", pid, "cmdline").read_bytes()]
            if serving:
                os.kill(int(self.rng.choice(serving)), signal.SIGKILL)

    def _revive(self) -> None:
        """Start again what has been down for long enough, and, as an init system would, what ended by itself."""
        for name, process in self.running.items():
            if process.popen.poll() is not None and name not in self.down:
                self.ended.append(f"{name} ended by itself: {process.log[-2000:]}")
                self.down[name] = 0.0
        for name, moment in list(self.down.items()):
            if moment <= time.monotonic():
                del self.down[name]
                self._start(name)

    def _until_greeted(self) -> None:
        def all_greet() -> bool:
            self._revive()
            return all(process.greets for process in self.running.values())

        until(all_greet, "the greetings", 90)
