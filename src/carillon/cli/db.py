"""`carillon db`."""

import asyncio
from typing import TYPE_CHECKING, Literal

import click

from carillon.cli.session import Session, with_session
from carillon.db.embedded import EmbeddedError, running_dsn
from carillon.db.installation import require_cluster

if TYPE_CHECKING:
    from carillon.db.migrate import SchemaStatus, UpgradeReport


@click.group
def group() -> None:
    """Create, upgrade and inspect the database."""


@group.command
@with_session
def create(session: Session) -> None:
    """Create the database of an installation: in a folder, or in a database of your own, best an empty one.

    The folder is made where it is missing, and other files in it stay. `carillon serve` does it by itself; no other
    command does. A database of Carillon's that is there already is left as it is, too.

    For example:

        carillon db create --data-dir /srv/carillon

        carillon db create --database-url postgresql://me:secret@host/db
    """
    from carillon.db import migrate  # noqa: PLC0415 - loads the database driver, which `db url` must not
    from carillon.kit.clock import SystemClock  # noqa: PLC0415 - goes with it
    from carillon.runtime import reachable  # noqa: PLC0415 - the same

    with session.server(create=True) as dsn, reachable():
        target = session.settings.control_url or dsn
        is_new = asyncio.run(migrate.schema_status(target)).is_empty
        if is_new:
            asyncio.run(migrate.upgrade(target, now=SystemClock().now()))
    first = "A first account: carillon account create NAME --country ISO2"
    session.answer(
        {"created": is_new},
        ["The database is created.", first] if is_new else "There is a Carillon in this database already.",
    )


@group.command
@click.option(
    "--phase",
    type=click.Choice(["pre", "post", "all"]),
    default="all",
    show_default=True,
    help="pre: what must be there before the new version starts; post: what may go when no old one is left.",
)
@with_session
def upgrade(session: Session, *, phase: Literal["pre", "post", "all"]) -> None:
    """Bring the database's schema to what this version knows. Safe to run twice.

    On a Citus cluster it also distributes the tables that are not distributed yet, and gives new or moved shards
    the planner's hints.

    Example, for an upgrade without a break, in which the servers are replaced between the two:

        carillon db upgrade --phase pre

        carillon db upgrade --phase post
    """
    from carillon.db import migrate  # noqa: PLC0415 - loads the database driver, which `db url` must not
    from carillon.kit.clock import SystemClock  # noqa: PLC0415 - goes with it
    from carillon.runtime import reachable, require_installation  # noqa: PLC0415 - the same

    phases: tuple[migrate.Phase, ...] = ("pre", "post") if phase == "all" else (phase,)
    with session.server() as dsn, reachable():
        target = session.settings.control_url or dsn
        asyncio.run(require_installation(session.settings, dsn))
        report = asyncio.run(migrate.upgrade(target, now=SystemClock().now(), phases=phases))
    session.answer(report, _upgrade_lines(report))


def _upgrade_lines(report: "UpgradeReport") -> list[str]:
    lines = [*report.applied, f"{len(report.applied)} migrations were applied."]
    if report.distributed:
        lines += [*report.distributed, f"{len(report.distributed)} tables were distributed over the cluster."]
    if report.hinted:
        lines.append(f"The shards of {', '.join(report.hinted)} got the planner's hints, and new statistics.")
    return lines


@group.command
@with_session
def status(session: Session) -> None:
    """Tell which migrations the database has and which it lacks.

    For example:

        carillon db status --json
    """
    from carillon.db.migrate import schema_status  # noqa: PLC0415 - loads the database driver
    from carillon.runtime import reachable, require_installation  # noqa: PLC0415 - the same

    with session.server() as dsn, reachable():
        asyncio.run(require_installation(session.settings, dsn))
        found = asyncio.run(schema_status(session.settings.control_url or dsn))
    session.answer(found, _status_lines(found))


def _status_lines(found: "SchemaStatus") -> list[str]:
    from carillon.db.migrate import RESTORE_TABLES  # noqa: PLC0415 - as above

    parts = (
        *(("applied", found.applied), ("missing", found.missing), ("unknown", found.unknown)),
        ("missing table", found.missing_tables),
    )
    lines = [f"{state}  {version}" for state, versions in parts for version in versions]
    if found.unknown:
        return [*lines, "The database was upgraded by a newer Carillon: install that version."]
    if found.missing:
        lines.append("Run: carillon db upgrade")
    if found.missing_tables:
        lines.append(RESTORE_TABLES)
    if found.missing or found.missing_tables:
        return lines
    return [*lines, "The schema is up to date."]


@group.command
@with_session
def url(session: Session) -> None:
    """Print the connection string of the running database, for psql and pg_dump.

    For example:

        psql "$(carillon db url)"
    """
    settings = session.settings
    found = settings.database_url or running_dsn(settings.data_dir)
    if found is None:
        require_cluster(settings)
        raise EmbeddedError(
            f"The embedded PostgreSQL in the folder {settings.data_dir.absolute()} isn't running: it runs while "
            "`carillon serve` does. Name another with --data-dir or --database-url."
        )
    session.answer({"url": found}, found)
