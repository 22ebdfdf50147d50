"""Rows a second of `carillon import` against plain COPY of the same rows into the same indexed tables.

    python -m bench.import_contacts [--rows 1000000] [--repeat 2] [--only plain|group] [--big]

In one run, on a server of its own, alternating, what is compared side by side: COPY of the accepted rows and their
memberships as prepared text, in one transaction; the first import of the file with a group by the command itself in a
process of its own, into the empty tables; the same file into another group, all of whose contacts are known; the first
import without a group; the same file again; the file with every other row changed; COPY of the rows alone. `--big` adds
the import into a table that already holds 10,000,000 contacts. Each line ends with the median ratio and what it must be
at least. Memory is the importing process's peak.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from bench.corpus import write_file

from carillon.db.database import Database
from carillon.db.embedded import EmbeddedServer, embedded_server
from carillon.db.migrate import upgrade
from carillon.kit.clock import SystemClock
from carillon.tenancy.accounts import CreateAccount, Operator, create_account

BIG = 10_000_000
FILL_STEP = 500_000
MEMORY_LIMIT_MB = 400

INDEXES = """
SELECT CASE WHEN i.indisprimary THEN 'ALTER TABLE contact DROP CONSTRAINT ' || c.relname
            ELSE 'DROP INDEX ' || c.relname END AS away,
       CASE WHEN i.indisprimary THEN 'ALTER TABLE contact ADD CONSTRAINT ' || c.relname || ' '
                                     || pg_get_constraintdef(k.oid)
            ELSE pg_get_indexdef(i.indexrelid) END AS back
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'p'
WHERE i.indrelid = 'contact'::regclass
"""
COMMAND = [sys.executable, "-c", "from carillon.cli import main; main()"]
TABLES = ("contact", "membership", "contact_group", "contact_import", "audit_entry")
FILL = """
INSERT INTO contact (account_id, audience_id, contact_id, created_at, updated_at, phone_quality, sms_status,
                     email_status, phone, email, phone_region, fields)
SELECT $1, $2, $3 + n, $5, $5, 33, 1, 1, '44' || 7800000000 + (($3 + n) * 7368787 % 100000000),
       'person' || ($3 + n) * 7368787 % 100000000 || '@example.org', 'GB',
       jsonb_build_object('first_name', 'Maeve', 'last_name', 'Lloyd-Jones', 'city', 'Bristol', 'text1', 'gold',
                          'text2', 'ref-' || $3 + n, 'number1', ($3 + n) % 100000 / 100.0, 'birth_date', '1980-02-03')
FROM generate_series(1, $4::bigint) n
"""


@dataclass(slots=True)
class Figures:
    """Rows a second of every round, by what was measured; and the peak of memory, in megabytes."""

    paces: dict[str, list[float]] = field(default_factory=dict)
    memory: float = 0.0

    def add(self, name: str, rows: int, seconds: float) -> None:
        """Note and print one measurement."""
        self.paces.setdefault(name, []).append(rows / seconds)
        print(f"  {name}: {rows / seconds:,.0f} rows/s", flush=True)

    def ratio(self, name: str, other: str) -> float:
        """Return the median of the rounds' ratios: both halves of a round see the same noise."""
        return statistics.median(a / b for a, b in zip(self.paces[name], self.paces[other], strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the bench runs."""

    dsn: str
    admin: asyncpg.Connection
    account_id: int
    audience_id: int
    folder: Path
    figures: Figures

    async def empty(self) -> None:
        """Take every contact away; the planner's sample rows, which are nobody's, are put back (docs/adr/0011)."""
        await self.admin.execute(f"TRUNCATE {', '.join(TABLES)}")
        for table in TABLES:
            await self.admin.execute(f"INSERT INTO {table} SELECT * FROM sample_{table}")  # noqa: S608 - our tables
            await self.admin.execute(f"ANALYZE {table}")
        await self.settle()

    async def settle(self) -> None:
        """Leave no work of one measurement to the next."""
        await self.admin.execute("CHECKPOINT")

    async def run_import(self, name: str, file: Path, *flags: str) -> None:
        """Import a file by the command, in a process of its own."""
        report = await asyncio.to_thread(self._import, file, flags)
        self.figures.add(name, report["rows"], report["seconds"])

    def _import(self, file: Path, flags: tuple[str, ...]) -> dict[str, Any]:
        arguments = [
            "import",
            str(file),
            "--account",
            str(self.account_id),
            "--database-url",
            self.dsn,
            "--json",
            *flags,
        ]
        with tempfile.TemporaryFile() as output:
            child = subprocess.Popen([*COMMAND, *arguments], stdout=output, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                raise SystemExit(f"the import ended with exit code {child.returncode}")
            output.seek(0)
            report: dict[str, Any] = json.load(output)
        self.figures.memory = max(self.figures.memory, usage.ru_maxrss / 1024)
        return report

    async def prepare(self, table: str) -> None:
        """Write what a table holds as the text of a COPY."""
        rows = f"SELECT * FROM {table} WHERE account_id > 0 ORDER BY contact_id"  # noqa: S608 - our tables
        await self.admin.copy_from_query(rows, output=self._prepared(table))

    def _prepared(self, table: str) -> Path:
        return self.folder / f"{table}.txt"

    async def copy(self, name: str, *tables: str) -> None:
        """Load prepared text in one transaction; the first table's rows are counted."""
        started = time.perf_counter()
        async with self.admin.transaction():
            tags = []
            for table in tables:
                with self._prepared(table).open("rb") as file:
                    tags.append(await self.admin.copy_to_table(table, source=file, format="text"))
        self.figures.add(name, int(tags[0].split()[-1]), time.perf_counter() - started)

    async def fill(self, count: int) -> None:
        """Make contacts that share no address with the files'; the indexes are built behind them, which is faster."""
        now = SystemClock().now()
        indexes = await self.admin.fetch(INDEXES)
        for index in indexes:
            await self.admin.execute(index["away"])
        for start in range(0, count, FILL_STEP):
            await self.admin.execute(FILL, self.account_id, self.audience_id, 10**9 + start, FILL_STEP, now)
        for index in indexes:
            await self.admin.execute(index["back"])
        await self.admin.execute("VACUUM (ANALYZE) contact")
        await self.settle()


@contextmanager
def _server() -> Iterator[tuple[Path, EmbeddedServer]]:
    with tempfile.TemporaryDirectory(prefix="carillon-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server's account has to enter
        with embedded_server(folder / "data") as server:
            yield folder, server


async def _stage(folder: Path, server: EmbeddedServer) -> Stage:
    dsn = server.dsn
    await upgrade(dsn, now=SystemClock().now())
    db = await Database.connect(dsn)
    made = await db.run(create_account, Operator(name="bench", source="CLI"), CreateAccount(name="Bench", country="IL"))
    await db.close()
    admin = await asyncpg.connect(server.admin_dsn, command_timeout=3600)
    for table in TABLES:
        sample = f"SELECT * FROM {table} WHERE account_id = 0"  # noqa: S608 - our tables
        await admin.execute(f"CREATE TEMPORARY TABLE sample_{table} AS {sample}")
    return Stage(
        dsn=dsn,
        admin=admin,
        account_id=made.account.account_id,
        audience_id=made.audience_id,
        folder=folder,
        figures=Figures(),
    )


async def bench(rows: int, repeat: int, *, only: str | None, big: bool) -> None:
    """Measure and report."""
    with _server() as (folder, dsn):
        stage = await _stage(folder, dsn)
        file, changed = folder / "contacts.csv", folder / "changed.csv"
        write_file(file, rows)
        write_file(changed, rows, changed=True)
        print(f"{rows:,} rows, {file.stat().st_size / 1024**2:,.0f} MB")
        await stage.run_import("unmeasured", file, "--group", "Everybody")
        for table in ("contact", "membership"):
            await stage.prepare(table)
        for number in range(repeat):
            print(f"round {number + 1}", flush=True)
            if only != "plain":
                await _bench_group(stage, file)
            await stage.empty()
            await stage.run_import("first import", file)
            if only != "group":
                await _bench_without_group(stage, file, changed)
        if big:
            await _bench_big(stage, file)
        await stage.admin.close()
        report(stage.figures, only=only, big=big)


async def _bench_group(stage: Stage, file: Path) -> None:
    await stage.empty()
    await stage.copy("COPY with memberships", "contact", "membership")
    await stage.empty()
    await stage.run_import("first import with a group", file, "--group", "Everybody")
    await stage.settle()
    await stage.run_import("known contacts into another group", file, "--group", "Others")


async def _bench_without_group(stage: Stage, file: Path, changed: Path) -> None:
    await stage.settle()
    await stage.run_import("same file again", file, "--again")
    await stage.settle()
    await stage.run_import("half changed", changed)
    await stage.empty()
    await stage.copy("plain COPY", "contact")


async def _bench_big(stage: Stage, file: Path) -> None:
    await stage.empty()
    await stage.run_import("into the empty table", file)
    await stage.empty()
    print(f"filling with {BIG:,} contacts", flush=True)
    await stage.fill(BIG)
    await stage.run_import(f"into {BIG:,} contacts", file)


def report(figures: Figures, *, only: str | None, big: bool) -> None:
    """Print each ratio with its threshold."""
    lines = []
    if only != "group":
        lines += [
            ("first import", "plain COPY", 0.6),
            ("same file again", "first import", 1.3),
            ("half changed", "plain COPY", 0.4),
        ]
    if only != "plain":
        lines += [
            ("first import with a group", "COPY with memberships", 0.6),
            ("known contacts into another group", "first import", 1.3),
        ]
    if big:
        lines.append((f"into {BIG:,} contacts", "into the empty table", 0.7))
    for name, other, least in lines:
        pace = statistics.median(figures.paces[name])
        ratio = figures.ratio(name, other)
        verdict = "reached" if ratio >= least else "MISSED"
        print(f"{name}: {pace:,.0f} rows/s; ratio {ratio:.2f} of {other}, at least {least}: {verdict}")
    verdict = "reached" if figures.memory <= MEMORY_LIMIT_MB else "MISSED"
    print(f"memory of the importing process: {figures.memory:,.0f} MB, at most {MEMORY_LIMIT_MB}: {verdict}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--only", choices=["plain", "group"], help="the import without a group, or with one")
    parser.add_argument("--big", action="store_true", help="also into a table that holds 10,000,000 contacts")
    arguments = parser.parse_args()
    asyncio.run(bench(arguments.rows, arguments.repeat, only=arguments.only, big=arguments.big))


if __name__ == "__main__":
    main()
