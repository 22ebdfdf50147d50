"""The disk is full for a while: callers are told to come back, and what was accepted is processed afterwards."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.journeys.serving import Home, body, client_of, report, until

from carillon.db.embedded import running_dsn

MEGABYTES = 400
ROWS = 5_000
FULL_SECONDS = 10
UPLOADS = 12
UNAVAILABLE = 503
STATES = "SELECT state, count(*) AS uploads FROM contact_import GROUP BY state"
FILL = 'dd if=/dev/zero of="$1" bs=1M status=none; dd if=/dev/zero of="$1.rest" bs=4k status=none'
FILLED = 1024**2  # fewer bytes than this are free then


@contextmanager
def small_disk() -> Iterator[Path]:
    """Mount a small file system; skip where this account may not."""
    place = Path(tempfile.mkdtemp(prefix="carillon-disk-"))
    options = f"size={MEGABYTES}m,mode=0755"
    made = subprocess.run(  # noqa: S603 - fixed arguments
        ["/bin/mount", "-t", "tmpfs", "-o", options, "carillon-test", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        place.rmdir()
        pytest.skip(f"No file system can be mounted: {made.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["/bin/umount", "-l", str(place)], check=True)  # noqa: S603 - the same
        place.rmdir()


def upload(client: httpx.Client, number: int) -> httpx.Response:
    rows = [
        {"PhoneNumber": f"05{number * ROWS + row:08d}", "FirstName": "Noa" * 20, "Text1": "x" * 200}
        for row in range(ROWS)
    ]
    return client.post("CreateOrUpdateContacts", json=body({"List": rows}))


async def states(at: Home) -> dict[str, int]:
    connection = await asyncpg.connect(running_dsn(at.data_dir))
    try:
        return {row["state"]: row["uploads"] for row in await connection.fetch(STATES)}
    finally:
        await connection.close()


def fill(place: Path) -> list[Path]:
    """Leave no room, and return the files that take it. PostgreSQL frees some when it crashes: that is taken, too."""
    fillers: list[Path] = []

    def full() -> bool:
        filler = place / f"filler{len(fillers)}"
        subprocess.run(["/bin/sh", "-c", FILL, "sh", str(filler)], check=False, capture_output=True)  # noqa: S603 - fixed
        fillers.extend((filler, filler.with_name(f"{filler.name}.rest")))
        return shutil.disk_usage(place).free < FILLED

    until(full, "a full disk")
    return fillers


def be_full(client: httpx.Client, url: str, first: int) -> list[str]:
    """Upload while the disk is full, and return the tokens of what is accepted all the same."""
    statuses: Counter[int] = Counter()
    ready: Counter[int] = Counter()
    tokens = []
    ends = time.monotonic() + FULL_SECONDS
    numbers = count(first)
    while time.monotonic() < ends:
        number = next(numbers)
        reply = upload(client, number)
        statuses[reply.status_code] += 1
        if reply.status_code == UNAVAILABLE:
            assert int(reply.headers["retry-after"]) > 0
        elif reply.json()["StatusId"] == 1:
            tokens.append(reply.json()["Data"]["RequestToken"])
        ready[httpx.get(f"{url}/readyz").status_code] += 1
    print(f"while it was full: {dict(statuses)}, /readyz {dict(ready)}")
    assert statuses[UNAVAILABLE] > 0
    assert set(statuses) <= {200, UNAVAILABLE}
    assert ready[UNAVAILABLE] > 0
    return tokens


def test_what_was_accepted_outlasts_a_full_disk() -> None:
    if os.geteuid() != 0:
        pytest.skip("Only root may mount a file system.")
    with small_disk() as place:
        at = Home(place=place)
        try:
            process = at.serve()
            client = client_of(process, at.unlimited())
            until_ready(process.url)
            replies = [upload(client, number) for number in range(UPLOADS)]
            assert {reply.status_code for reply in replies} == {200}
            tokens = [reply.json()["Data"]["RequestToken"] for reply in replies]
            fillers = fill(place)
            with contextlib.suppress(OSError, asyncpg.PostgresError):  # it may be down
                print(f"uploads when it was full: {asyncio.run(states(at))}")
            tokens += be_full(client, process.url, UPLOADS)
            for file in fillers:
                file.unlink(missing_ok=True)
            until_ready(process.url)
            for token in tokens:
                shown = report(client, token)
                assert (shown["Rows"], shown["RowsFailed"]) == (ROWS, 0)
            assert asyncio.run(states(at)) == {"done": len(tokens)}
            assert process.end() == 0
        finally:
            client.close()
            for one in at.processes:
                print(one.log[-3_000:])
            at.clear()


def until_ready(url: str) -> None:
    until(lambda: httpx.get(f"{url}/readyz").status_code == 200, "a ready server")
