"""`carillon serve` as processes of its own, on one data folder, and a client of the InforU dialect."""

import fcntl
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from carillon.db.embedded import embedded_server
from carillon.db.embedded_state import postmaster, processes

CARILLON = Path(sys.executable).with_name("carillon")
BASE = "/api/v2/Contact/"
START_SECONDS = 60
STOP_SECONDS = 60
IN_PROGRESS = -2015
TOO_MANY_CALLS = -429


def until(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for something that comes by itself."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One `carillon serve`; what it says is in files."""

    popen: "subprocess.Popen[bytes]"
    out_path: Path
    log_path: Path

    @property
    def out(self) -> str:
        return self.out_path.read_text()

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def url(self) -> str:
        found = re.search(r"Carillon serves on (http://\S+)", self.out)
        assert found, self.log
        return found[1]

    @property
    def greets(self) -> bool:
        return "Ctrl-C stops it" in self.out

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and give its exit code."""
        self.popen.send_signal(how)
        return self.popen.wait(STOP_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A data folder, and the servers that were started on it."""

    place: Path
    processes: list[Process] = field(default_factory=list)

    @property
    def data_dir(self) -> Path:
        return self.place / "data"

    @property
    def cluster(self) -> Path:
        return self.data_dir / "postgres"

    def spawn(self, *arguments: object, files: int | None = None) -> Process:
        """Start a server, which may open so many files, and don't wait for it."""
        number = len(self.processes)
        out_path, log_path = self.place / f"out{number}", self.place / f"log{number}"
        command = [str(CARILLON), "serve", *map(str, arguments), "--data-dir", str(self.data_dir)]
        if files is not None:
            command = ["/bin/sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
        with out_path.open("wb") as out, log_path.open("wb") as log:
            popen = subprocess.Popen(command, stdout=out, stderr=log)  # noqa: S603 - our own program
        self.processes.append(Process(popen=popen, out_path=out_path, log_path=log_path))
        return self.processes[-1]

    def serve(self, *arguments: object, files: int | None = None) -> Process:
        """Start a server on a free port and wait until it works."""
        process = self.spawn(*arguments, *(() if "--port" in arguments else ("--port", 0)), files=files)
        until(lambda: process.greets or process.popen.poll() is not None, "the greeting", START_SECONDS)
        assert process.greets, process.log
        return process

    def command(self, *arguments: object) -> Any:
        """Run another command on the same database, and give what it answers."""
        return json.loads(self.printed(*arguments))

    def printed(self, *arguments: object) -> str:
        """Run one, and give what it prints as JSON."""
        command = [str(CARILLON), *map(str, arguments), "--json", "--data-dir", str(self.data_dir)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - our own program
        return ended.stdout

    def unlimited(self) -> tuple[str, str]:
        """Make a credential of the demo account that may call as often as it likes: its user name and token."""
        made = self.command("credential", "create", "--account", 1, "--dialect", "inforu", "--rate", 0)
        return made["username"], made["token"]

    def kill_postgres(self) -> None:
        """Kill the database's first process without a warning."""
        pid = postmaster(self.cluster)
        assert pid is not None
        subprocess.run(["/bin/kill", "-9", str(pid)], check=True)  # noqa: S603 - a process of ours

    @contextmanager
    def nobody_starts_postgres(self) -> Iterator[None]:
        """Keep every process from starting the database, or stopping it, meanwhile."""
        with (self.data_dir / "start.lock").open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def left(self) -> list[int]:
        """List the processes of the database that live."""
        return processes(self.cluster)

    def credential(self) -> tuple[str, str]:
        """Return the demo account's user name and token."""
        keys = self.keys()
        return keys["INFORU_USERNAME"], keys["INFORU_TOKEN"]

    def keys(self) -> dict[str, str]:
        """Return the demo account's credentials, by the names of their variables."""
        lines = (self.data_dir / "demo.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def close(self) -> None:
        """Stop what still runs, and remove the folder."""
        self.clear()
        shutil.rmtree(self.place)

    def clear(self) -> None:
        """Stop what still runs."""
        for process in self.processes:
            if process.popen.poll() is None:
                process.popen.kill()
                process.popen.wait(STOP_SECONDS)
        if self.left():
            with embedded_server(self.data_dir):
                pass


@contextmanager
def home() -> Iterator[Home]:
    """Make a folder for servers, and leave neither it nor them behind."""
    # In memory where there is room: these tests are about processes that die, not about disks.
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder in it
    place = Path(tempfile.mkdtemp(prefix="carillon-test-", dir=memory if memory.is_dir() else None))
    place.chmod(0o755)  # the account that PostgreSQL runs under has to enter
    made = Home(place=place)
    try:
        yield made
    finally:
        made.close()


def body(data: object) -> dict[str, Any]:
    """Wrap what a function is asked."""
    return {"Data": data}


def client_of(process: Process, credential: tuple[str, str]) -> httpx.Client:
    """Return a client that calls functions by name."""
    return httpx.Client(base_url=f"{process.url}{BASE}", auth=credential, timeout=60)


def answer(client: httpx.Client, function: str, data: object) -> Any:
    """Call a function that succeeds and give its Data."""
    reply = client.post(function, json=body(data))
    envelope = reply.json()
    assert (reply.status_code, envelope["StatusId"]) == (200, 1), envelope
    return envelope["Data"]


def report(client: httpx.Client, token: str) -> Any:
    """Wait until an upload is processed, and give its report."""
    question = body({"RequestToken": token})
    envelope: dict[str, Any] = {}

    def is_done() -> bool:
        envelope.update(client.post("CheckJobStatusByToken", json=question).json())
        return envelope["StatusId"] not in {IN_PROGRESS, TOO_MANY_CALLS}

    until(is_done, "an upload's report")
    assert envelope["StatusId"] == 1, envelope
    return envelope["Data"]
