"""Run a command with CARILLON_TEST_DATABASE_URL naming a throw-away server of Debian's PostgreSQL.

    python tests/on_debian_postgres.py python -m pytest tests/integration

Where Debian's PostgreSQL isn't installed it says so and succeeds: the suite then runs on the embedded server alone.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

VERSIONS = Path("/usr/lib/postgresql")
SETTINGS = {"listen_addresses": "", "fsync": "off", "max_connections": "200", "autovacuum": "off"}
ROOM = 4 * 1024**3


def server_programs() -> Path | None:
    """Find the programs of the oldest version that Carillon supports."""
    found = [place / "bin" for place in VERSIONS.glob("*") if (place / "bin" / "initdb").exists()]
    supported = [place for place in found if int(place.parent.name) >= 15]
    return min(supported, key=lambda place: int(place.parent.name), default=None)


def main(command: list[str]) -> int:
    programs = server_programs()
    if programs is None:
        print("Debian's PostgreSQL isn't installed: the embedded server alone is tested.")
        return 0
    # In memory where there is room: every test makes and drops a database, which takes four times as long on a disk.
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    place = Path(tempfile.mkdtemp(prefix="carillon-debian-", dir=memory if roomy else None))
    account: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if account:
        shutil.chown(place, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603 - the arguments are ours
            [programs / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", **account
        )

    cluster = str(place / "cluster")
    run("initdb", "-D", cluster, "-U", "carillon", "-A", "trust", "--no-locale", "-E", "UTF8")
    options = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
    run("pg_ctl", "-D", cluster, "-w", "-l", str(place / "log"), "-o", f"-k {place} {options}", "start")
    try:
        url = f"postgresql://carillon@/postgres?host={place}"
        print(f"On Debian's PostgreSQL {programs.parent.name}:", flush=True)
        return subprocess.run(  # noqa: S603 - the command is the caller's own
            command, check=False, env={**os.environ, "CARILLON_TEST_DATABASE_URL": url}
        ).returncode
    finally:
        run("pg_ctl", "-D", cluster, "-m", "immediate", "stop")
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
