"""The command as a process: it starts fast, and brings its own PostgreSQL along."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from carillon.db.embedded import embedded_server, running_dsn

pytestmark = pytest.mark.any_database

CARILLON = Path(sys.executable).with_name("carillon")

# Each of these takes as long to import as all of `carillon --help` may.
HEAVY = {"asyncpg", "cryptography", "litestar", "lxml", "phonenumbers", "polars", "structlog", "uvicorn"}

LOADED = """
import sys
from carillon.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="carillon-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def carillon(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(CARILLON), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("db", "url"), ("db", "url", "--database-url", "postgresql://db.example/x"), ("db", "--help")],
)
def test_what_needs_nothing_heavy_loads_nothing_heavy(place: Path, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", LOADED, *arguments]
    ended = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    loaded = set(ended.stderr.splitlines()[-1].split())
    assert "carillon" in loaded
    assert loaded & HEAVY == set()


def test_commands_start_the_embedded_server_and_stop_it_again(place: Path) -> None:
    data_dir = place / "data"
    refused = carillon("account", "create", "Blue Shop", "--data-dir", data_dir)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"There is no Carillon in the folder {data_dir}." in refused.stderr
    assert not data_dir.exists()
    assert "empty folder" not in carillon("db", "create", "--help").stdout
    data_dir.mkdir()
    (data_dir / "notes.txt").write_text("kept")
    assert carillon("db", "create", "--data-dir", data_dir).returncode == 0
    assert (data_dir / "notes.txt").read_text() == "kept"
    made = carillon("account", "create", "Blue Shop", "--json", "--data-dir", data_dir)
    assert made.returncode == 0, made.stderr
    account_id = json.loads(made.stdout)["account_id"]
    assert running_dsn(data_dir) is None
    command = ("credential", "create", "--account", account_id, "--dialect", "apifon", "--data-dir", data_dir)
    assert carillon(*command).returncode == 0
    assert (data_dir / "secret.key").stat().st_mode & 0o777 == 0o600
    listed = carillon("account", "list", "--data-dir", data_dir)
    assert "Blue Shop" in listed.stdout


async def test_commands_join_a_server_that_runs_and_leave_it_running(place: Path) -> None:
    data_dir = place / "data"
    with embedded_server(data_dir) as server:
        refused = carillon("account", "list", "--data-dir", data_dir)
        assert f"in the folder {data_dir}, whose database is empty." in refused.stderr
        assert carillon("db", "create", "--data-dir", data_dir).returncode == 0
        assert carillon("account", "create", "Blue Shop", "--data-dir", data_dir).returncode == 0
        url = carillon("db", "url", "--data-dir", data_dir).stdout.strip()
        assert url == server.dsn == running_dsn(data_dir)
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT name FROM account") == "Blue Shop"
        await connection.close()
    ended = carillon("db", "url", "--data-dir", data_dir)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"in the folder {data_dir} isn't running" in ended.stderr
    assert "Name another with --data-dir" in ended.stderr


@pytest.mark.parametrize("command", ["url", "status"])
def test_a_folder_without_a_database_has_no_url_and_no_status(place: Path, command: str) -> None:
    ended = carillon("db", command, "--data-dir", place / "data")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"There is no Carillon in the folder {place / 'data'}. Name another with --data-dir" in ended.stderr
    assert not (place / "data").exists()


def test_a_folder_that_is_a_file_is_told_without_a_traceback(place: Path) -> None:
    (place / "data").touch()
    ended = carillon("account", "list", "--data-dir", place / "data")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    ended = carillon("account", "list", "--data-dir", place / "data" / "inside")
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ")
    assert "Traceback" not in ended.stderr


COMPLETED = """\
eval "$("$0" completion bash)"
COMP_WORDS=(carillon "$@")
COMP_CWORD=$#
_carillon_completion "$0" "${@: -1}" 2>/dev/null  # it is said that this is no completion
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("import", "./pl"), ["./places", "./plain text.csv"]),
        (("import", "l"), ["list", "letters.csv"]),
        (("import", "--map", "a=phone", "./plain"), ["./plain text.csv"]),
        (("import", "--re"), ["--rejects", "--resubscribe"]),
        (("import", "letters.csv", "--dr"), ["--dry-run"]),
        (("import", "list", "--li"), ["--limit"]),
        (("suppression", "import", "le"), ["letters.csv"]),
    ],
    ids=" ".join,
)
def test_bash_completes_the_files_and_flags_of_an_import_beside_its_commands(
    place: Path, words: tuple[str, ...], offered: list[str]
) -> None:
    (place / "places").mkdir()
    for name in ("plain text.csv", "letters.csv"):
        (place / name).touch()
    command = ["bash", "--norc", "-c", COMPLETED, str(CARILLON), *words]
    ended = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert sorted(ended.stdout.splitlines()) == sorted(offered)
