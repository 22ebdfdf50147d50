"""The types and constants behind the fixtures of conftest.py, for the tests' annotations."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from carillon.db import ordering
from carillon.db.database import Tx
from carillon.dialects.registry import CREDENTIAL_FORMAT
from carillon.http.body import Body, BodyBudget
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId
from carillon.tenancy.accounts import Operator
from carillon.tenancy.credentials import CreateCredential

MOMENT = datetime(2025, 3, 9, 10, 30, tzinfo=UTC)
OPERATOR = Operator(name="tester", source="test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A server: a connection to its maintenance database, and the connection string of any other."""

    admin: asyncpg.Connection
    url: str

    def dsn(self, database: str) -> str:
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()

    async def create(self, template: str) -> str:
        """Make a database of a random name."""
        name = f"carillon_test_{uuid4().hex}"
        owner = urlsplit(self.url).username
        made_by = "" if owner is None else f' OWNER "{owner}"'
        await self.admin.execute(f'CREATE DATABASE "{name}"{made_by} TEMPLATE {template} STRATEGY file_copy')
        return name

    async def drop(self, name: str) -> None:
        await self.admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An account of Israel with its default audience, and an actor inside it."""

    account_id: AccountId
    audience_id: AudienceId
    actor: Actor


def shorten_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs behind the test: a call that comes behind many rows soon gives up waiting for them."""
    monkeypatch.setattr(ordering, "WAIT_SECONDS", 0.05)


def new_key(dialect: str, **options: Any) -> CreateCredential:
    """Ask for a credential for a dialect's clients."""
    return CreateCredential(dialect=dialect, key_format=CREDENTIAL_FORMAT[dialect], **options)


class Stopwatch:
    """Monotonic time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def until_somebody_waits(tx: Tx | asyncpg.Connection) -> None:
    """Wait until another session waits for a lock of this transaction's."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    async with asyncio.timeout(30):
        while not await tx.fetchval(waiting):  # noqa: ASYNC110 - the database's
            await asyncio.sleep(0.01)


def body_of(content: bytes) -> Body:
    """A body that is ready to be read."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    return Body(receive, str(len(content)), BodyBudget(2**30, 2**25))


def wrong_code(code: str) -> str:
    """A code of the same form that is another one."""
    return code[:-1] + ("0" if code[-1] != "0" else "1")
