"""The embedded server, for real: every test starts PostgreSQL in a folder of its own.

Run as root, the server takes another account where that one can enter, and a user namespace elsewhere; run
as an ordinary user it is that user's. The tests hold in each case.
"""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from carillon.db.embedded import (
    STOP_SECONDS,
    EmbeddedError,
    EmbeddedServer,
    embedded_server,
    psql_path,
    running_dsn,
)
from carillon.db.embedded_settings import GB, MB, memory_bytes, server_settings
from carillon.db.embedded_state import postmaster, processes

pytestmark = pytest.mark.any_database

SECONDS = 60

_reachable = os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in psql_path().parents)
needs_others = pytest.mark.skipif(not _reachable, reason="other accounts cannot enter this checkout (a clone in /root)")

# Holds the server until a line arrives; gives up root first if told so (after the imports: the interpreter
# may live in root's home).
HOLD = """
import os, sys
from pathlib import Path
from carillon.db.embedded import embedded_server
uid = int(sys.argv[2])
if uid != os.geteuid():
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
with embedded_server(Path(sys.argv[1])) as server:
    print(server.dsn, flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that uses the server of a folder."""

    def __init__(self, data_dir: Path, uid: int | None = None) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter with the script above
            [sys.executable, "-c", HOLD, str(data_dir), str(os.geteuid() if uid is None else uid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def dsn(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def leave(self) -> int:
        self.process.communicate("\n", timeout=SECONDS)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=SECONDS)


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    """Starts holders; those that a failed test leaves behind are told to leave."""
    holders: list[Holder] = []

    def start(data_dir: Path, uid: int | None = None) -> Holder:
        holders.append(Holder(data_dir, uid))
        return holders[-1]

    yield start
    for holder in holders:
        if holder.process.poll() is None:
            holder.leave()
        holder.process.communicate()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account may enter, and at the end a proof that no server is left below it."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 4 * GB
    folder = Path(tempfile.mkdtemp(prefix="carillon-embedded-", dir=memory if roomy else None))
    folder.chmod(0o755)
    yield folder
    left = [pid for cluster in folder.rglob("postgres") if cluster.is_dir() for pid in processes(cluster)]
    shutil.rmtree(folder)
    assert left == []


def psql(dsn: str, *statements: str) -> subprocess.CompletedProcess[str]:
    options = [option for statement in statements for option in ("-c", statement)]
    return subprocess.run(  # noqa: S603 - psql with this file's statements
        [psql_path(), "-XAtq", "-v", "ON_ERROR_STOP=1", dsn, *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def ask(dsn: str, *statements: str) -> str:
    ended = psql(dsn, *statements)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def refused(dsn: str, statement: str) -> str:
    ended = psql(dsn, statement)
    assert ended.returncode != 0
    return ended.stderr


@contextmanager
def busy_client(dsn: str, statement: str) -> Iterator[int]:
    """Run a statement without end; the pid is its server process, which the test takes down."""
    name = "carillon-busy"
    with subprocess.Popen(  # noqa: S603 - psql with this file's statements
        [psql_path(), "-X", f"{dsn}&application_name={name}", "-c", statement], stderr=subprocess.DEVNULL
    ) as client:
        find = (
            f"SELECT pid FROM pg_stat_activity WHERE application_name = '{name}'"  # noqa: S608 - two lines up
            " AND state = 'active' AND query NOT IN ('', ';')"
        )
        try:
            eventually(lambda: ask(dsn, find) != "")
            yield int(ask(dsn, find))
            assert client.wait(SECONDS) != 0
        finally:
            client.kill()


def write_row(dsn: str, note: str) -> None:
    insert = f"INSERT INTO kept VALUES ('{note}')"  # noqa: S608 - a note of this file
    ask(dsn, "CREATE TABLE IF NOT EXISTS kept (note text)", insert)


def rows(dsn: str) -> list[str]:
    return ask(dsn, "SELECT note FROM kept ORDER BY note").splitlines()


def socket_dir_of(dsn: str) -> Path:
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


def eventually(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def kill_all(cluster: Path) -> None:
    """A power cut, as far as PostgreSQL can tell."""
    for pid in processes(cluster):
        with suppress(ProcessLookupError):  # its children come and go
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: not processes(cluster))


async def test_the_first_start_makes_a_database_that_answers(place: Path) -> None:
    data_dir = place / "data"
    with embedded_server(data_dir) as server:
        connection = await asyncpg.connect(server.dsn)
        row = await connection.fetchrow(
            "SELECT current_database() AS database, current_user AS role, lower('ÄÉ') AS lower,"
            " current_setting('server_encoding') AS encoding, current_setting('TimeZone') AS zone,"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser"
        )
        await connection.close()
    assert row is not None
    assert dict(row) == {
        "database": "carillon",
        "role": "carillon",
        "lower": "äé",
        "encoding": "UTF8",
        "zone": "UTC",
        "superuser": False,
    }


def test_the_application_owns_its_database_and_nothing_else(place: Path) -> None:
    with embedded_server(place / "data") as server:
        attributes = "rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
        find = f"SELECT {attributes} FROM pg_roles WHERE rolname = 'carillon'"  # noqa: S608 - the line above
        assert ask(server.dsn, find) == "f|f|f|f|f"
        assert (
            ask(server.dsn, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'carillon'") == "carillon"
        )
        assert ask(server.dsn, "SELECT count(*) FROM pg_auth_members WHERE member = 'carillon'::regrole") == "0"
        for statement in (
            "COPY (SELECT 1) TO PROGRAM 'cat'",
            "SELECT pg_read_file('/etc/passwd')",
            "ALTER SYSTEM SET fsync = off",
            "SET ROLE carillon_admin",
            "CREATE ROLE other",
        ):
            assert "permission denied" in refused(server.dsn, statement), statement
        write_row(server.dsn, "its own")
        assert ask(server.admin_dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "t"


# How the version before made a cluster: its superuser is the application's role, and owns everything.
AS_BEFORE = (
    ("carillon_admin", "CREATE ROLE helper SUPERUSER LOGIN"),
    ("helper", "REASSIGN OWNED BY carillon TO carillon_admin"),
    ("helper", "DROP ROLE carillon"),
    ("helper", "ALTER ROLE carillon_admin RENAME TO carillon"),
    ("carillon", "DROP ROLE helper"),
)
OWNERS = (
    "SELECT string_agg(DISTINCT pg_get_userbyid(c.relowner), ',') FROM pg_class c"
    " WHERE c.relnamespace IN ('public'::regnamespace, to_regnamespace('own'))"
)


def of_before(server: EmbeddedServer) -> None:
    """Make the cluster one of the version before, with something of everything in it."""
    for role, statement in AS_BEFORE:
        ask(server.dsn.replace("//carillon@", f"//{role}@"), statement)
    (server.data_dir / "postgres" / "carillon.role").unlink()
    ask(
        server.dsn,
        "CREATE TABLE numbered (n serial PRIMARY KEY, i int GENERATED ALWAYS AS IDENTITY, note text)",
        "CREATE VIEW noted AS SELECT note FROM numbered",
        "CREATE SEQUENCE apart",
        "CREATE SCHEMA own",
        'CREATE TABLE own."Quoted name" (note text) PARTITION BY LIST (note)',
        "CREATE DOMAIN own.short AS text",
        "CREATE TYPE own.state AS ENUM ('a')",
        "CREATE FUNCTION own.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'",
    )
    assert ask(server.dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "t"


def settled(server: EmbeddedServer) -> None:
    """Hold a cluster against what `of_before` has made."""
    assert ask(server.dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "f"
    assert ask(server.dsn, OWNERS) == "carillon"
    others = "SELECT count(*) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname NOT IN ('carillon', 'carillon_admin')"
    assert ask(server.dsn, others) == "0"
    assert rows(server.dsn) == ["of before"]
    write_row(server.dsn, "of now")
    ask(
        server.dsn,
        "INSERT INTO numbered (note) VALUES ('x')",
        "ALTER TABLE numbered ADD COLUMN more text",
        'DROP TABLE own."Quoted name"',
        "DROP FUNCTION own.twice",
        "DROP SCHEMA own CASCADE",
    )


def test_a_cluster_of_the_version_before_is_given_to_a_role_that_is_no_superuser(place: Path) -> None:
    with embedded_server(place / "data") as server:
        of_before(server)
        write_row(server.dsn, "of before")
    with embedded_server(place / "data") as server:
        settled(server)
    with embedded_server(place / "data") as server:
        assert rows(server.dsn) == ["of before", "of now"]


async def test_a_cluster_is_given_away_while_the_version_before_runs(place: Path) -> None:
    with embedded_server(place / "data") as before:
        of_before(before)
        write_row(before.dsn, "of before")
        connection = await asyncpg.connect(before.dsn)
        with embedded_server(place / "data") as server:
            settled(server)
            await connection.execute("INSERT INTO kept VALUES ('of before, later')")
            await connection.close()
            assert rows(server.dsn) == ["of before", "of before, later", "of now"]


def test_what_was_interrupted_is_done_at_the_next_start(place: Path) -> None:
    with embedded_server(place / "data") as server:
        of_before(server)
        write_row(server.dsn, "of before")
        ask(server.dsn, "CREATE ROLE carillon_upgrade SUPERUSER LOGIN")  # and no more
        with embedded_server(place / "data") as again:
            settled(again)
        ask(server.admin_dsn, "CREATE ROLE carillon_upgrade SUPERUSER LOGIN")  # all but its end
        (place / "data" / "postgres" / "carillon.role").unlink()
        with embedded_server(place / "data") as again:
            assert ask(again.dsn, "SELECT count(*) FROM pg_roles WHERE rolname = 'carillon_upgrade'") == "0"


def test_nobody_else_reaches_the_folder_or_the_socket(place: Path) -> None:
    data_dir = place / "data"
    with embedded_server(data_dir) as server:
        assert data_dir.stat().st_mode & 0o067 == 0
        assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700
        assert (data_dir / "postgres.log").stat().st_mode & 0o777 == 0o600
        assert (data_dir / "run").stat().st_mode & 0o777 == 0o700
        assert ask(server.dsn, "SHOW listen_addresses") == ""


def test_the_connection_string_is_known_only_while_the_server_runs(place: Path) -> None:
    data_dir = place / "data"
    assert running_dsn(data_dir) is None
    with embedded_server(data_dir) as server:
        assert running_dsn(data_dir) == server.dsn
    assert running_dsn(data_dir) is None
    assert processes(data_dir / "postgres") == []


def test_the_last_user_stops_the_server_and_no_one_before(place: Path, hold: Callable[..., Holder]) -> None:
    data_dir = place / "data"
    first = hold(data_dir)
    dsn = first.dsn()
    with embedded_server(data_dir) as second:
        assert second.dsn == dsn
        assert first.leave() == 0
        assert ask(dsn, "SELECT 1") == "1"
        with embedded_server(data_dir) as third:
            assert third.dsn == dsn
        assert ask(dsn, "SELECT 1") == "1"
    assert running_dsn(data_dir) is None


def test_processes_that_start_at_once_share_one_server(place: Path, hold: Callable[..., Holder]) -> None:
    holders = [hold(place / "data") for _ in range(4)]
    assert len({holder.dsn() for holder in holders}) == 1
    assert [holder.leave() for holder in holders] == [0, 0, 0, 0]
    assert running_dsn(place / "data") is None


def test_a_killed_owner_leaves_a_server_that_the_next_start_uses(place: Path, hold: Callable[..., Holder]) -> None:
    cluster = place / "data" / "postgres"
    owner = hold(place / "data")
    write_row(owner.dsn(), "committed")
    server = postmaster(cluster)
    owner.kill()
    assert server is not None
    with embedded_server(place / "data") as joined:
        assert postmaster(cluster) == server
        assert rows(joined.dsn) == ["committed"]
    assert processes(cluster) == []


def test_a_terminals_interrupt_reaches_its_process_and_not_the_server(place: Path, hold: Callable[..., Holder]) -> None:
    interrupted, other = hold(place / "data"), hold(place / "data")
    assert interrupted.dsn() == (dsn := other.dsn())
    server = postmaster(place / "data" / "postgres")
    os.killpg(interrupted.process.pid, signal.SIGINT)
    interrupted.process.communicate(timeout=SECONDS)
    assert ask(dsn, "SELECT 1") == "1"
    assert postmaster(place / "data" / "postgres") == server
    assert other.leave() == 0


def test_a_killed_server_recovers_what_was_committed(place: Path) -> None:
    cluster = place / "data" / "postgres"
    with embedded_server(place / "data") as server:
        write_row(server.dsn, "committed")
        kill_all(cluster)
        with embedded_server(place / "data") as recovered:
            assert rows(recovered.dsn) == ["committed"]


def test_a_backend_that_outlives_its_server_does_not_block_the_next_start(place: Path) -> None:
    cluster = place / "data" / "postgres"
    with embedded_server(place / "data") as server:
        write_row(server.dsn, "committed")
        with busy_client(server.dsn, "DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$") as backend:
            dead = postmaster(cluster)
            assert dead is not None
            os.kill(dead, signal.SIGKILL)
            eventually(lambda: postmaster(cluster) is None)
            assert backend in processes(cluster)
            with embedded_server(place / "data") as recovered:
                assert rows(recovered.dsn) == ["committed"]


@pytest.mark.parametrize("pid", ["this process", "none"])
def test_a_lock_file_from_before_a_power_cut_does_not_stop_the_start(place: Path, pid: str) -> None:
    place.chmod(0o700)  # so that the server runs under this process's uid, and can see it alive
    cluster = place / "data" / "postgres"
    with embedded_server(place / "data") as server:
        write_row(server.dsn, "committed")
        socket_lock = socket_dir_of(server.dsn) / ".s.PGSQL.5432.lock"
        before = [(path, path.read_text()) for path in (cluster / "postmaster.pid", socket_lock)]
        kill_all(cluster)
        for path, text in before:
            path.write_text(f"{os.getpid()}\n{text.partition(chr(10))[2]}" if pid == "this process" else "")
        assert running_dsn(place / "data") is None
        with embedded_server(place / "data") as recovered:
            assert rows(recovered.dsn) == ["committed"]


@pytest.mark.parametrize("reached", ["PG_VERSION", "global/pg_control", "base/1/PG_VERSION", "postmaster.opts"])
def test_an_interrupted_first_start_begins_again(place: Path, hold: Callable[..., Holder], reached: str) -> None:
    data_dir = place / "data"
    first = hold(data_dir)
    eventually(lambda: (data_dir / "postgres.new" / reached).exists() or (data_dir / "postgres").exists())
    first.kill()
    with embedded_server(data_dir) as server:
        assert ask(server.dsn, "SELECT current_database()") == "carillon"
        assert not (data_dir / "postgres.new").exists()


@pytest.mark.parametrize("name", ["x" * 120, "with a, comma", "späth", "quote'd"])
def test_a_folder_whose_path_no_socket_can_have_works_too(
    place: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = place / name
    with embedded_server(data_dir) as server:
        assert ask(server.dsn, "SELECT 1") == "1"
        monkeypatch.setenv("TMPDIR", str(place))  # another process may have another one
        monkeypatch.setattr(tempfile, "tempdir", None)
        assert running_dsn(data_dir) == server.dsn
        with embedded_server(data_dir) as joined:
            assert joined.dsn == server.dsn
        socket_dir = socket_dir_of(server.dsn)
        assert socket_dir.stat().st_mode & 0o777 == 0o700
    assert not socket_dir.exists()


def test_a_folder_with_a_space_has_its_own_socket(place: Path) -> None:
    with embedded_server(place / "my data") as server:
        assert "my%20data/run" in server.dsn
        assert ask(server.dsn, "SELECT 1") == "1"


def test_a_socket_folder_that_somebody_planted_is_refused(place: Path) -> None:
    data_dir = place / ("x" * 120)
    name = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    planted = Path(tempfile.gettempdir(), f"carillon-{name}")
    planted.symlink_to(place)
    try:
        with pytest.raises(EmbeddedError, match=name), embedded_server(data_dir):
            pass
    finally:
        planted.unlink()


@needs_others
def test_a_folder_that_others_may_enter_is_not_served_by_root(place: Path) -> None:
    with embedded_server(place / "data"):
        cluster = place / "data" / "postgres"
        server = postmaster(cluster)
        assert cluster.stat().st_uid == Path("/proc", str(server)).stat().st_uid != 0


def test_a_folder_that_only_its_owner_enters_is_served_and_stays_the_owners(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    with embedded_server(private / "data") as server:
        assert ask(server.dsn, "SELECT 1") == "1"
        owners = {path.lstat().st_uid for path in private.rglob("*")}
        assert owners == {os.geteuid()}


def test_a_cluster_that_moved_where_its_account_cannot_follow_starts_there(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    with embedded_server(place / "data") as server:
        write_row(server.dsn, "before the move")
    (place / "data").rename(private / "data")
    with embedded_server(private / "data") as server:
        assert rows(server.dsn) == ["before the move"]
    (private / "data").rename(place / "data")
    with embedded_server(place / "data") as server:
        assert rows(server.dsn) == ["before the move"]


@needs_others
def test_an_ordinary_users_folder_is_served_by_that_user_also_when_root_starts_it(
    place: Path, hold: Callable[..., Holder]
) -> None:
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    home = place / "home"
    home.mkdir(mode=0o700)
    os.chown(home, user, -1)
    holder = hold(home / "data", user)
    write_row(holder.dsn(), "of the user")
    assert holder.leave() == 0
    with embedded_server(home / "data") as server:
        assert rows(server.dsn) == ["of the user"]
        assert {path.lstat().st_uid for path in (home / "data").rglob("*")} == {user}
    again = hold(home / "data", user)
    assert rows(again.dsn()) == ["of the user"]
    assert again.leave() == 0


def test_a_cluster_of_another_major_version_is_named_and_left_alone(place: Path) -> None:
    with embedded_server(place / "data"):
        pass
    version = place / "data" / "postgres" / "PG_VERSION"
    version.write_text("17\n")
    with (
        pytest.raises(EmbeddedError, match=r"PostgreSQL 17.* PostgreSQL 18.*pg_dump"),
        embedded_server(place / "data"),
    ):
        pass
    assert version.read_text() == "17\n"


def test_a_folder_that_is_no_cluster_is_left_alone(place: Path) -> None:
    photo = place / "data" / "postgres" / "elephant.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_text("not a database")
    with pytest.raises(EmbeddedError, match="not a PostgreSQL cluster"), embedded_server(place / "data"):
        pass
    assert photo.exists()


def test_a_folder_that_cannot_be_made_is_explained() -> None:
    with (
        pytest.raises(EmbeddedError, match=r"--data-dir.*--database-url"),
        embedded_server(Path("/proc/data")),
    ):
        pass


def test_a_name_that_a_lock_file_cannot_hold_is_refused(place: Path) -> None:
    with pytest.raises(EmbeddedError, match="unprintable"), embedded_server(place / "two\nlines"):
        pass


def test_a_folder_that_no_account_can_serve_is_explained(place: Path) -> None:
    data_dir = place / "home" / "data"
    data_dir.mkdir(mode=0o700, parents=True)
    if os.geteuid() == 0:  # root without privileges cannot enter the one, nobody cannot enter the other
        data_dir.parent.chmod(0o700)
        os.chown(data_dir.parent, pwd.getpwnam("nobody").pw_uid, -1)
    else:
        data_dir.chmod(0o500)
    with pytest.raises(EmbeddedError, match=r"(?s)--data-dir.*--database-url"), embedded_server(data_dir):
        pass
    data_dir.chmod(0o700)


def test_a_folder_whose_run_is_somebody_elses_is_left_alone(place: Path) -> None:
    lock = place / "data" / "run" / "other.pid"
    lock.parent.mkdir(parents=True)
    lock.parent.chmod(0o755)
    lock.touch()
    with pytest.raises(EmbeddedError, match="--data-dir"), embedded_server(place / "data"):
        pass
    assert lock.parent.stat().st_mode & 0o777 == 0o755
    assert not (place / "data" / "postgres").exists()


def test_a_server_that_cannot_start_says_what_its_log_says(place: Path) -> None:
    with embedded_server(place / "data"):
        pass
    (place / "data" / "postgres" / "global" / "pg_control").unlink()
    with (
        pytest.raises(EmbeddedError, match="could not find the database system"),
        embedded_server(place / "data"),
    ):
        pass
    assert running_dsn(place / "data") is None


def test_the_log_keeps_no_personal_data(place: Path) -> None:
    marker = "maria.sample@example.org"
    with embedded_server(place / "data") as server:
        ask(server.dsn, "CREATE TABLE person (email text PRIMARY KEY)")
        insert = f"INSERT INTO person VALUES ('{marker}')"  # noqa: S608 - the sample three lines up
        ask(server.dsn, insert)
        assert marker in refused(server.dsn, insert)  # the client is told
        assert marker in refused(server.dsn, f"SELECT '{marker}'::integer")
        refused(server.dsn, f"DO $$ BEGIN RAISE WARNING '{marker}'; RAISE EXCEPTION '{marker}'; END $$")
        with busy_client(server.dsn, f"SELECT pg_sleep(600), '{marker}'") as backend:
            os.kill(backend, signal.SIGKILL)
        log = place / "data" / "postgres.log"
        eventually(lambda: "reinitializing" in log.read_text())
    assert "starting PostgreSQL" in log.read_text()
    assert marker not in log.read_text()


def test_a_server_that_recovers_from_a_crash_is_left_quickly_and_whole(place: Path) -> None:
    with embedded_server(place / "data") as server:
        write_row(server.dsn, "committed")
        with busy_client(server.dsn, "SELECT pg_sleep(600)") as backend:
            os.kill(backend, signal.SIGKILL)
        log = place / "data" / "postgres.log"
        eventually(lambda: "reinitializing" in log.read_text())
        began = time.monotonic()
    assert time.monotonic() - began < STOP_SECONDS
    with embedded_server(place / "data") as server:
        assert rows(server.dsn) == ["committed"]


def test_a_long_log_gives_way_to_a_new_one(place: Path) -> None:
    with embedded_server(place / "data"):
        pass
    log = place / "data" / "postgres.log"
    with log.open("ab") as grown:
        grown.truncate(10 * MB + 1)
    with embedded_server(place / "data"):
        assert log.stat().st_size < MB
    assert (place / "data" / "postgres.log.1").stat().st_size == 10 * MB + 1


def test_the_callers_environment_changes_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nonsense = {
        "PGHOST": "nowhere.invalid",
        "PGPORT": "1",
        "PGDATA": "/nowhere",
        "PGOPTIONS": "-c fsync=off",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "tlh_QO.UTF-8",
        "LANG": "tlh_QO",
    }
    for name, value in nonsense.items():
        monkeypatch.setenv(name, value)
    with embedded_server(place / "data") as server:
        monkeypatch.delenv("PGOPTIONS")  # that one is the client's own to use
        assert ask(server.dsn, "SHOW timezone", "SHOW log_timezone", "SHOW lc_messages") == "UTC\nUTC\nC"


def test_durability_cannot_be_switched_off_by_a_file_of_the_cluster(place: Path) -> None:
    protected = ("fsync", "synchronous_commit", "full_page_writes")
    with embedded_server(place / "data") as server:
        ask(server.admin_dsn, *(f"ALTER SYSTEM SET {name} = off" for name in protected))
    with embedded_server(place / "data") as server:
        assert ask(server.dsn, *(f"SHOW {name}" for name in protected)) == "on\non\non"


def test_the_settings_fit_the_machine(tmp_path: Path) -> None:
    settings = server_settings(tmp_path, tmp_path / "run", lz4=False)
    sizes = {name: int(value[:-2]) * MB for name, value in settings.items() if value.endswith("MB")}
    assert sizes["shared_buffers"] <= min(2 * GB, memory_bytes() // 4)
    assert GB <= sizes["max_wal_size"] <= max(GB, min(8 * GB, shutil.disk_usage(tmp_path).free // 10))
    assert sizes["min_wal_size"] < sizes["max_wal_size"]
