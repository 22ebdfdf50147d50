"""What every command has: the flags that name the database, a way into it, and a way to answer."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click
import msgspec

from carillon.cli.visible import harmless, visible
from carillon.errors import UnavailableError
from carillon.settings import Settings, load_settings

if TYPE_CHECKING:
    from carillon.db.database import Database, Tx
    from carillon.kit.actor import Actor
    from carillon.tenancy.accounts import Operator

Arguments = ParamSpec("Arguments")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call of a command: its settings, and whether it answers in JSON."""

    settings: Settings
    as_json: bool

    def run(self, work: Callable[["Database"], Awaitable[Outcome]]) -> Outcome:
        """Do some work with the installation's database open."""
        from carillon.runtime import open_database  # noqa: PLC0415 - half a second that `--help` must not take

        async def opened() -> Outcome:
            async with open_database(self.settings) as db:
                return await work(db)

        return asyncio.run(opened())

    def server(self, *, create: bool = False) -> AbstractContextManager[str]:
        """Return the connection string of the installation's server, which runs meanwhile, whatever its schema.

        Only with `create` a folder without a database gets one.
        """
        from carillon.runtime import database_server  # noqa: PLC0415 - as above

        return database_server(self.settings, create=create)

    def list_of(
        self,
        account_id: int,
        operation: Callable[Concatenate["Tx", "Actor", Arguments], Awaitable[Sequence[Any]]],
        none: str,
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> None:
        """Print what an operation lists of an account, in columns, or `none` where that is nothing."""

        async def work(db: "Database") -> Sequence[Any]:
            return await db.run(operation, await open_actor(db, account_id), *arguments, **keywords)

        rows = [asdict(one) for one in self.run(work)]
        self.answer(rows, table(rows, none))

    def answer(self, value: Any, lines: str | Sequence[str]) -> None:
        """Print the outcome: as JSON, or as lines for a human."""
        if self.as_json:
            click.echo(msgspec.json.encode(value))
        else:
            click.echo(harmless(lines if isinstance(lines, str) else "\n".join(lines)))


async def open_actor(
    db: "Database", account_id: int, audience_id: int | None = None, *, country: str | None = None
) -> "Actor":
    """Enter an account, in one of its audiences or in the default one; raises what `open_account` does."""
    from carillon.tenancy.accounts import OpenAccount, open_account  # noqa: PLC0415 - as above

    query = OpenAccount(account_id=account_id, audience_id=audience_id, country=country)
    return await db.read(open_account, operator(), query)


async def open_to_change(db: "Database", account_id: int, audience_id: int | None = None) -> "Actor":
    """Enter an account as `open_actor` does, after the audience's earlier uploads (docs/adr/0022).

    Commands do so that look up what they change: what is found is what is there when it is changed. Raises
    UnavailableError where the uploads are not written soon.
    """
    from carillon.audience.locks import follow_uploads  # noqa: PLC0415 - as above

    actor = await open_actor(db, account_id, audience_id)
    try:
        await db.run(follow_uploads, actor)
    except UnavailableError as error:
        raise UnavailableError(f"{error.message} Is `carillon serve` running? It writes what is queued.") from error
    return actor


async def followed() -> None:
    """Wait until every process goes by what was changed."""
    from carillon.db.remembered import REMEMBERED_SECONDS  # noqa: PLC0415 - as above

    await asyncio.sleep(REMEMBERED_SECONDS)


def operator() -> "Operator":
    """Tell who types, for the audit trail."""
    from carillon.tenancy.accounts import Operator  # noqa: PLC0415 - as above

    return Operator(name=_user_name(), source="CLI")


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def with_session(command: Callable[..., None]) -> Callable[..., None]:
    """Add the flags that name the database, and --json, to a command, and pass it a session made of them."""

    @click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="The folder of the embedded database. [default: data]",
    )
    @click.option("--database-url", metavar="URL", help="A PostgreSQL server of your own, instead of the embedded one.")
    @click.option("--control-url", metavar="URL", help="The coordinator, where that server is another node of Citus.")
    @click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A settings file. [default: carillon.toml, when there is one]",
    )
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @wraps(command)
    def with_flags(
        *,
        data_dir: Path | None,
        database_url: str | None,
        control_url: str | None,
        config: Path | None,
        as_json: bool,
        **arguments: object,
    ) -> None:
        flags = {"data_dir": data_dir, "database_url": database_url, "control_url": control_url}
        settings = load_settings(flags, config=config)
        command(Session(settings=settings, as_json=as_json), **arguments)

    return with_flags


def table(rows: Sequence[Mapping[str, object]], none: str) -> list[str]:
    """Lay rows out in columns under the names of their fields, or say `none`."""
    if not rows:
        return [none]
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def _cell(value: object) -> str:
    if value is None or value in ((), []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return visible(",".join(map(str, value)))
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    return visible(str(value))
