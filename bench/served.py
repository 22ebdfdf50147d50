"""`carillon serve` as a process of its own, on a free port and a folder that is gone afterwards."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from carillon.db.embedded import running_dsn

CARILLON = Path(sys.executable).with_name("carillon")
_START_SECONDS = 60
_STOP_SECONDS = 60
_SERVES_ON = re.compile(r"Carillon serves on (http://(\S+):(\d+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that answers on `host` and `port`; `dsn` is its database, `pid` its process."""

    host: str
    port: int
    pid: int
    dsn: str
    data_dir: Path
    program: Path = CARILLON

    def command(self, *arguments: object) -> dict[str, object]:
        """Run another command on the same database, and give what it answers."""
        command = [str(self.program), *map(str, arguments), "--json", "--data-dir", str(self.data_dir)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
        answer: dict[str, object] = json.loads(ended.stdout)
        return answer

    def account(self) -> tuple[int, int, str, str]:
        """Make an account with an InforU credential of no limit: account, audience, user name and token."""
        made = self.command("account", "create", "Bench")
        key = self.credential(made["account_id"], "inforu")
        return int(str(made["account_id"])), int(str(made["audience_id"])), str(key["username"]), str(key["token"])

    def credential(self, account_id: object, dialect: str, *options: object) -> dict[str, object]:
        """Make a credential of no limit, and give its parts."""
        account = ("--account", account_id)
        return self.command("credential", "create", *account, "--dialect", dialect, "--rate", 0, *options)

    def forget_memory(self) -> None:
        """Let `memory` tell only of what comes."""
        Path("/proc", str(self.pid), "clear_refs").write_text("5")

    def memory(self) -> int:
        """Tell the most memory in bytes that the process has had so far, its database not counted."""
        status = Path("/proc", str(self.pid), "status").read_text()
        return int(re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[0]) * 1024


@contextmanager
def served(program: Path = CARILLON) -> Iterator[Served]:
    """Start a server of this checkout, or of the one that `program` is installed in; stop it in the end."""
    place = Path(tempfile.mkdtemp(prefix="carillon-bench-"))
    place.chmod(0o755)  # the account that PostgreSQL runs under has to enter
    try:
        with (place / "out").open("w") as out, (place / "log").open("w") as log:
            command = [str(program), "serve", "--port", "0", "--data-dir", str(place / "data")]
            process = subprocess.Popen(command, stdout=out, stderr=log)  # noqa: S603 - our own program
        try:
            host, port = _address(process, place)
            dsn = running_dsn(place / "data")
            assert dsn is not None, "a server that answers has a database"  # noqa: S101 - a bench asserts
            yield Served(host=host, port=port, pid=process.pid, dsn=dsn, data_dir=place / "data", program=program)
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)
    finally:
        shutil.rmtree(place)


@contextmanager
def beside(server: Served, module: str, *arguments: object) -> Iterator[Served]:
    """Run a module that serves something to compare with, and prints its port."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    try:
        if process.stdout is None:
            raise RuntimeError("the application has no output")
        yield replace(server, host="127.0.0.1", port=int(process.stdout.readline()), pid=process.pid)
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[bytes], place: Path) -> tuple[str, int]:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := _SERVES_ON.search((place / "out").read_text()):
            return found[2], int(found[3])
        time.sleep(0.05)
    raise RuntimeError(f"The server doesn't start:\n{(place / 'log').read_text()}")
