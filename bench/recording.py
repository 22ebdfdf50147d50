"""The SQL that the engine runs: recorded with its parameters in one process, and replayed bare through the driver."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import asyncpg

from carillon.db.database import Database, Tx

_ONE_PLAN = {"plan_cache_mode": "force_generic_plan", "max_parallel_workers_per_gather": "0"}
_WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass(slots=True)
class Statement:
    """A statement with its parameters, or the rows of a COPY."""

    text: str
    arguments: tuple[Any, ...]
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Recording:
    """The transactions that have written, in the order of their commits."""

    transactions: list[list[Statement]] = field(default_factory=list)


@contextmanager
def recorded(recording: Recording) -> Iterator[None]:  # noqa: C901 - what it wraps shares what it knows
    """Record what transactions of this process write during the block; those that find nothing to do are left out."""
    open_: dict[Tx, tuple[list[Statement], list[bool]]] = {}

    def wrapped(name: str) -> Any:
        original = getattr(Tx, name)

        async def run(tx: Tx, statement: str, *arguments: Any) -> Any:
            found = await original(tx, statement, *arguments)
            if tx in open_:
                statements, wrote = open_[tx]
                statements.append(Statement(statement, arguments))
                if any(word in statement for word in _WRITES) and (name == "execute" or found):
                    wrote.append(True)
            return found

        return run

    copy_records, transaction = Tx.copy_records, Database.transaction

    async def copied(tx: Tx, table: str, columns: Sequence[str], records: Sequence[Sequence[object]]) -> None:
        await copy_records(tx, table, columns, records)
        if tx in open_:
            statements, wrote = open_[tx]
            statements.append(Statement(table, tuple(records), tuple(columns)))
            wrote.append(True)

    @asynccontextmanager
    async def watched(db: Database, actor: object = None) -> AsyncIterator[Tx]:
        async with transaction(db, actor) as tx:
            open_[tx] = [], []
            try:
                yield tx
            finally:
                statements, wrote = open_.pop(tx)
        if wrote:
            recording.transactions.append(statements)

    names = ("fetch", "fetchrow", "fetchval", "execute")
    patches = [patch.object(Tx, name, wrapped(name)) for name in names]
    patches += [patch.object(Tx, "copy_records", copied), patch.object(Database, "transaction", watched)]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


async def replay(dsn: str, recording: Recording) -> float:
    """Run the recorded transactions one after another on one connection; return the seconds."""
    connection = await asyncpg.connect(dsn, server_settings=_ONE_PLAN, statement_cache_size=500)
    try:
        began = time.perf_counter()
        for statements in recording.transactions:
            async with connection.transaction():
                for one in statements:
                    if one.columns:
                        await connection.copy_records_to_table(
                            one.text, records=one.arguments, columns=list(one.columns)
                        )
                    else:
                        await connection.fetch(one.text, *one.arguments)
        return time.perf_counter() - began
    finally:
        await connection.close()
