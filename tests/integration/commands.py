"""Commands as a person or a script calls them, on the test's database: what they print, and what they refuse."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from carillon.cli import main

Run = Callable[..., Result]


def sandbox_commands(dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what calls a command on a database, where account 1 is made a sandbox account in Israel."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("CARILLON_DATABASE_URL", dsn)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="carillon")

    assert call("account", "create", "Blue Shop", "--country", "IL", "--sandbox").exit_code == 0
    return call


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def refusal(result: Result) -> str:
    """The one line that a refused command says."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line.removeprefix("Error: ")


def execute(dsn: str, statement: str) -> None:
    """Do to a database what no command does."""

    async def connected() -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(connected())
