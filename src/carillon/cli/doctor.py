"""`carillon doctor`."""

import asyncio
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import click

from carillon.cli.options import counted
from carillon.cli.session import Session, open_actor, operator, with_session
from carillon.db.embedded import EmbeddedError, bin_dir, has_cluster
from carillon.errors import CarillonError
from carillon.settings import Settings

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.db.migrate import SchemaStatus
    from carillon.tenancy.secrets import SealedSecret

# An import of a million contacts, with its journal, needs about as much.
_LEAST_BYTES = 2 * 1024**3
_OLDEST_POSTGRESQL = 15
_CONNECT_SECONDS = 2.0
_OWNER = "Run as the account that it belongs to."
_BACKUP = "Bring it back from its backup. Without one make those credentials and carriers again."
_SHOWN = {"ok": "ok   ", "warning": "look ", "failure": "WRONG"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found by a check: whether it is in order, in a sentence, and what to do where it is not."""

    check: str
    state: Literal["ok", "warning", "failure"]
    sentence: str
    remedy: str = ""


@click.command
@with_session
def doctor(session: Session) -> None:
    """Look for what is wrong with the installation.

    It says what to do about it. It looks at the PostgreSQL binaries, the database and its schema, the secret key, room
    on the disk, the limit of open files, the port, and whether there is an account. Nothing is made or changed. What is
    wrong makes the exit code 1. For example:

        carillon doctor

        carillon doctor --data-dir /srv/carillon --json
    """
    findings = list(_examine(session))
    lines = []
    for one in findings:
        lines.append(f"{_SHOWN[one.state]}  {one.check}: {one.sentence}")
        if one.remedy:
            lines.append(f"       {one.remedy}")
    wrong = sum(one.state == "failure" for one in findings)
    to_look_at = sum(one.state == "warning" for one in findings)
    nothing = f"Nothing is wrong; {counted(to_look_at, 'thing')} to look at." if to_look_at else "Nothing is wrong."
    lines.append(nothing if not wrong else f"{wrong} of {len(findings)} checks found something wrong.")
    session.answer([asdict(one) for one in findings], lines)
    if wrong:
        raise SystemExit(1)


def _examine(session: Session) -> Iterator[Finding]:
    settings = session.settings
    if settings.database_url is None:
        yield _binaries()
    database = list(_database(session))
    yield from database
    yield _secret_key(session, is_open=all(one.state != "failure" for one in database))
    yield _disk(settings)
    yield _open_files(settings)
    if settings.role != "worker":
        yield _port(settings)


def _binaries() -> Finding:
    try:
        return Finding(check="PostgreSQL", state="ok", sentence=f"its binaries are in {bin_dir()}.")
    except EmbeddedError as error:
        return Finding(check="PostgreSQL", state="failure", sentence=str(error))


def _database(session: Session) -> Iterator[Finding]:
    """Look at the database, as far as it can be opened."""
    try:
        version = _version(session)
        if version < _OLDEST_POSTGRESQL:
            remedy = f"Carillon needs PostgreSQL {_OLDEST_POSTGRESQL} or later."
            yield Finding(check="database", state="failure", sentence=f"is PostgreSQL {version}.", remedy=remedy)
            return
        status = _schema_status(session)
        if status.missing_tables:
            yield _answers(version)
            yield _schema(status)
            return
        accounts = session.run(_accounts)
    except (CarillonError, EmbeddedError) as error:
        sentence = error.message if isinstance(error, CarillonError) else str(error)
        yield Finding(check="database", state="failure", sentence=sentence)
        return
    yield _answers(version)
    yield _schema(status)
    if accounts:
        yield Finding(check="accounts", state="ok", sentence="there is one, or more.")
    else:
        remedy = "carillon account create NAME --country ISO2"
        yield Finding(check="accounts", state="warning", sentence="there is none yet.", remedy=remedy)


def _answers(version: int) -> Finding:
    return Finding(check="database", state="ok", sentence=f"answers; it is PostgreSQL {version}.")


def _schema(status: "SchemaStatus") -> Finding:
    """Look at a schema with which this version can work, but for what it lacks."""
    from carillon.db.migrate import RESTORE_TABLES  # noqa: PLC0415 - as in `_version`

    if status.missing_tables:
        sentence = f"lacks tables that were there: {', '.join(status.missing_tables)}."
        return Finding(check="schema", state="failure", sentence=sentence, remedy=RESTORE_TABLES)
    if status.missing:
        sentence = f"still has what an older version needed: {', '.join(status.missing)} is missing."
        remedy = "When no process of an older version runs any more: carillon db upgrade"
        return Finding(check="schema", state="warning", sentence=sentence, remedy=remedy)
    return Finding(check="schema", state="ok", sentence="is what this version knows.")


def _schema_status(session: Session) -> "SchemaStatus":
    """Return what the database's schema is. Raises EmbeddedError and CarillonError, also for an empty one."""
    from carillon.db.migrate import schema_status  # noqa: PLC0415 - as in `_version`
    from carillon.runtime import reachable, require_installation  # noqa: PLC0415 - as in `_version`

    with session.server() as dsn, reachable():
        asyncio.run(require_installation(session.settings, dsn))
        return asyncio.run(schema_status(session.settings.control_url or dsn))


def _version(session: Session) -> int:
    """Return the major version of the database's server. Raises EmbeddedError and CarillonError."""
    from carillon.runtime import reachable  # noqa: PLC0415 - loads the database driver, which `--help` must not

    with session.server() as dsn, reachable():
        return asyncio.run(_version_of(dsn))


async def _version_of(dsn: str) -> int:
    import asyncpg  # noqa: PLC0415 - as above

    connection = await asyncpg.connect(dsn)
    try:
        return int(connection.get_server_version().major)
    finally:
        await connection.close()


async def _accounts(db: "Database") -> int:
    from carillon.tenancy.accounts import ListAccounts, list_accounts  # noqa: PLC0415 - as above

    return len((await db.read(list_accounts, operator(), ListAccounts(limit=1))).items)


def _secret_key(session: Session, *, is_open: bool) -> Finding:
    """Look at the key's file, and whether it opens the secrets that the database, if it `is_open`, has of it."""
    path = session.settings.secret_key_path
    try:
        status = path.stat()
    except FileNotFoundError:
        return _missing_key(session, is_open=is_open)
    except OSError as error:
        sentence = f"{path} can't be read: {error.strerror}."
        return Finding(check="secret key", state="failure", sentence=sentence, remedy=_OWNER)
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        sentence = f"{path} can be read by others than its owner."
        return Finding(check="secret key", state="failure", sentence=sentence, remedy=f"chmod 600 {path}")
    if not os.access(path, os.R_OK):
        return Finding(check="secret key", state="failure", sentence=f"{path} can't be read.", remedy=_OWNER)
    return _usable_key(session, is_open=is_open)


def _usable_key(session: Session, *, is_open: bool) -> Finding:
    """Use the key, whose file is there: it has to be one, and to open what is sealed."""
    from carillon.tenancy.secrets import SecretBox, SecretKeyError  # noqa: PLC0415 - as above

    path = session.settings.secret_key_path
    box = SecretBox(path)
    try:
        box.check()
    except SecretKeyError as error:
        remedy = f"{_BACKUP} Where it never was one, remove it: the next secret that is sealed makes it."
        return Finding(check="secret key", state="failure", sentence=error.message, remedy=remedy)
    secrets = session.run(_sealed_secrets) if is_open else []
    closed = sum(not box.opens(one) for one in secrets)
    if closed:
        of_others = f"{closed:,} of {counted(len(secrets), 'sealed secret')} of credentials and carriers"
        sentence = f"{path} doesn't open {of_others}: they were sealed with another key."
        return Finding(check="secret key", state="failure", sentence=sentence, remedy=_BACKUP)
    return Finding(check="secret key", state="ok", sentence=f"is {path}, for its owner alone. Back it up.")


def _missing_key(session: Session, *, is_open: bool) -> Finding:
    path = session.settings.secret_key_path
    if is_open and session.run(_sealed_secrets):
        sentence = f"{path} is missing, and secrets of credentials or carriers are sealed with it."
        return Finding(check="secret key", state="failure", sentence=sentence, remedy=_BACKUP)
    if is_open or _is_empty(session.settings):
        sentence = f"is not made yet: the first secret that is sealed makes it, in {path}."
        return Finding(check="secret key", state="ok", sentence=sentence)
    sentence = f"{path} is not there, and the database can't be asked whether it needs it."
    remedy = "If there was one, bring it back from its backup."
    return Finding(check="secret key", state="warning", sentence=sentence, remedy=remedy)


def _is_empty(settings: Settings) -> bool:
    try:
        return settings.database_url is None and not has_cluster(settings.data_dir)
    except EmbeddedError:
        return False


async def _sealed_secrets(db: "Database") -> "list[SealedSecret]":
    from carillon.routing.carriers import FindCarrier, ListCarriers, carrier_to_run, list_carriers  # noqa: PLC0415
    from carillon.tenancy.accounts import every_account  # noqa: PLC0415 - as above
    from carillon.tenancy.credentials import sealed_secrets  # noqa: PLC0415 - as above

    found: list[SealedSecret] = []
    for one in await db.read(list_carriers, operator(), ListCarriers()):
        if one.has_secret:
            carrier = await db.read(carrier_to_run, operator(), FindCarrier(named=str(one.carrier_id)))
            found += [carrier.secret] if carrier.secret else []
    async for account_id in every_account(db, operator()):
        found += await db.read(sealed_secrets, await open_actor(db, account_id))
    return found


def _disk(settings: Settings) -> Finding:
    """Look at the room where the database is, or would be."""
    place = settings.data_dir.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    sentence = f"{free / 1024**3:,.1f} GiB are free at {place}."
    if free < _LEAST_BYTES:
        remedy = "Make room: without it PostgreSQL stops, and calls are refused until there is some."
        return Finding(check="disk", state="failure", sentence=sentence, remedy=remedy)
    return Finding(check="disk", state="ok", sentence=sentence)


def _open_files(settings: Settings) -> Finding:
    from carillon.http.connections import most_connections  # noqa: PLC0415 - loads the server, which `--help` must not

    kept, wanted = most_connections(settings.max_connections), settings.max_connections
    if kept < wanted:
        sentence = f"leave room for {kept:,} connections of callers, of the {wanted:,} of max_connections."
        return Finding(
            check="open files", state="warning", sentence=sentence, remedy="Raise the limit: ulimit -n 65536"
        )
    return Finding(check="open files", state="ok", sentence=f"leave room for {wanted:,} connections of callers.")


def _port(settings: Settings) -> Finding:
    """Ask whoever listens where the server would: nobody, or it."""
    place = f"{settings.host}:{settings.port}"
    try:
        with socket.create_connection((settings.host, settings.port), timeout=_CONNECT_SECONDS) as connection:
            connection.settimeout(_CONNECT_SECONDS)
            connection.sendall(f"GET /readyz HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode("latin-1")
    except TimeoutError:
        return Finding(check="port", state="failure", sentence=f"{place} is taken by something that doesn't answer.")
    except OSError:
        return Finding(check="port", state="ok", sentence=f"nobody listens on {place}: no server runs there now.")
    status = next(
        (one for one in ("ok", "degraded", "unavailable", "schema_mismatch") if f'"status":"{one}"' in answer), ""
    )
    if status in {"ok", "degraded"}:
        return Finding(check="port", state="ok", sentence=f"a server of Carillon answers on {place}: {status}.")
    if status:
        return Finding(check="port", state="failure", sentence=f"the server on {place} can't answer calls: {status}.")
    remedy = "Choose another port (--port, CARILLON_PORT), or stop what has it."
    return Finding(check="port", state="failure", sentence=f"something else answers on {place}.", remedy=remedy)
