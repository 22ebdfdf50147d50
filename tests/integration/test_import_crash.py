"""An import that is killed at any moment: nothing is doubled and nothing is lost, in the table or among the rejects."""

import csv
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support import Tenant

from carillon.db.database import Database

pytestmark = pytest.mark.any_database

ROWS = 200_000
KILLS = 5
# One row in so many has no key that can be used, another has a bad e-mail beside a good phone.
BAD_EVERY = 997
COMMAND = [sys.executable, "-c", "from carillon.cli import main; main()"]


def contacts(path: Path) -> None:
    """Write a file in which every row is told from the others by its phone and its name."""
    with path.open("w", encoding="utf-8") as file:
        file.write("Phone,Email,First name\n")
        for number in range(ROWS):
            phone = "none" if number % BAD_EVERY == 0 else f"+4474{number:08d}"
            email = "broken@" if number % BAD_EVERY <= 1 else f"u{number}@mail.example"
            file.write(f"{phone},{email},Name {number}\n")


def start(path: Path, dsn: str, account: Tenant) -> "subprocess.Popen[bytes]":
    return call(dsn, account, "import", str(path), "--group", "All")


def call(dsn: str, account: Tenant, *command: str) -> "subprocess.Popen[bytes]":
    arguments = (*command, "--account", str(account.account_id), "--database-url", dsn, "--json")
    return subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(path: Path, dsn: str, account: Tenant) -> dict[str, Any]:
    output, errors = start(path, dsn, account).communicate(timeout=240)
    assert output, errors.decode()
    report: dict[str, Any] = json.loads(output)
    return report


def names(rejects: str) -> list[str]:
    with Path(rejects).open(encoding="utf-8-sig", newline="") as file:
        return [row["First name"] for row in csv.DictReader(file)]


async def place(db: Database, account: Tenant) -> int:
    """How many rows the import has counted so far."""
    async with db.transaction() as tx:
        rows = await tx.fetchval("SELECT max(rows) FROM contact_import WHERE account_id = $1", account.account_id)
    return rows or 0


async def test_killed_at_random_moments_an_import_neither_doubles_nor_loses_a_row(
    db: Database, dsn: str, account: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    contacts(path)
    draw = random.Random(3)  # noqa: S311 - moments, not secrets
    places = []
    for _ in range(KILLS):
        process, begun = start(path, dsn, account), await place(db, account)
        # Once it has written something, at any moment of what it does next.
        while await place(db, account) == begun and process.poll() is None:
            time.sleep(0.01)  # noqa: ASYNC251 - the other process is what is waited for
        time.sleep(draw.random() / 2)  # noqa: ASYNC251 - the random moment
        process.kill()
        process.communicate()
        places.append(await place(db, account))
    assert places == sorted(places)
    report = finish(path, dsn, account)
    failed = len(range(0, ROWS, BAD_EVERY))
    problems = 2 * failed + len(range(1, ROWS, BAD_EVERY))
    assert report["resumed"] or report["already_done"]
    assert (report["rows"], report["new"], report["updated"], report["unchanged"]) == (ROWS, ROWS - failed, 0, 0)
    assert (report["failed"], report["errors"]) == (failed, problems)
    await check_contacts(db, account, failed)
    assert names(report["rejects"]) == [f"Name {number}" for number in range(ROWS) if number % BAD_EVERY <= 1]
    assert finish(path, dsn, account)["already_done"]


async def check_contacts(db: Database, account: Tenant, failed: int) -> None:
    async with db.transaction() as tx:
        found = await tx.fetch("SELECT phone, email, fields FROM contact WHERE account_id = $1", account.account_id)
        group = await tx.fetchrow(
            "SELECT members, reachable_sms, reachable_email FROM contact_group WHERE account_id = $1",
            account.account_id,
        )
        members = await tx.fetchval("SELECT count(*) FROM membership WHERE account_id = $1", account.account_id)
    assert len(found) == ROWS - failed
    expected = {
        (f"4474{number:08d}", None if number % BAD_EVERY == 1 else f"u{number}@mail.example", f"Name {number}")
        for number in range(ROWS)
        if number % BAD_EVERY
    }
    assert {(row["phone"], row["email"], json.loads(row["fields"])["first_name"]) for row in found} == expected
    emails = sum(email is not None for _, email, _ in expected)
    assert group is not None
    assert (members, *group.values()) == (len(expected), len(expected), len(expected), emails)


async def test_ctrl_c_stops_after_a_chunk_and_the_same_command_goes_on(
    db: Database, dsn: str, account: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    contacts(path)
    process = start(path, dsn, account)
    while await place(db, account) == 0 and process.poll() is None:
        time.sleep(0.01)  # noqa: ASYNC251 - the other process is what is waited for
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert b"Stopping after this chunk" in errors
    report = json.loads(output)
    assert (report["done"], report["rows"] % 20_000) == (False, 0)
    assert report["rows"] == await place(db, account) < ROWS
    assert finish(path, dsn, account)["rows"] == ROWS


async def test_ctrl_c_stops_an_import_of_suppressions_like_any(
    db: Database, dsn: str, account: Tenant, tmp_path: Path
) -> None:
    async def suppressed() -> int:
        async with db.transaction() as tx:
            asked = "SELECT count(*) FROM suppression WHERE account_id = $1"
            count: int = await tx.fetchval(asked, account.account_id)
            return count

    path = tmp_path / "stop.txt"
    path.write_text("".join(f"+4474{number:08d}\n" for number in range(ROWS)))
    process = call(dsn, account, "suppression", "import", str(path))
    while await suppressed() == 0 and process.poll() is None:
        time.sleep(0.01)  # noqa: ASYNC251 - the other process is what is waited for
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    report = json.loads(output)
    assert (report["done"], report["suppressed"] % 20_000) == (False, 0)
    assert report["suppressed"] == await suppressed() < ROWS
