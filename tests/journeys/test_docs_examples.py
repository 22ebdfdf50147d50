"""The shell blocks of the pages are run, in their order, and must print what the page shows.

In a page, a `sh` block is run; a `json` or `text` block behind it is what it prints, where … stands for anything. A
comment before a block says what else a reader does: `not run: why`, `another terminal` (it goes on in the background
until it says that it serves), `Ctrl-C` (all of those stop).
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENV = Path(sys.executable).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "tutorial.md",
    *sorted((ROOT / "docs" / "tutorial").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$|^<!-- (?P<comment>.*?) -->$", re.MULTILINE | re.DOTALL)
SHOWN = {"json", "text"}
NOT_FOR_A_SHELL = {"csv", "ini", "nginx", "sql", "toml", "http"}

# `make run` is `make install`, which needs the network, and then this.
STAND_INS = {"make run": "carillon serve --data-dir data", "1000000": "10000", "1,000,000": "10,000"}

PRELUDE = """\
set -euo pipefail
served=()
stop_all() {
  for one in "${served[@]}"; do kill -TERM "$one" 2>/dev/null || true; done
  for one in "${served[@]}"; do wait "$one" 2>/dev/null || true; done
  served=()
}
trap stop_all EXIT
serve() {
  local log
  log=$(mktemp served.XXXXXX)  # of its own: an earlier server's says already that it serves
  bash -c "$1" >"$log" 2>&1 &
  served+=($!)
  for _ in $(seq 600); do
    grep -q "Ctrl-C stops it" "$log" && return
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  cat "$log" >&2
  return 1
}
"""


@dataclass
class Step:
    """A block of a page and what a reader does with it."""

    code: str
    comment: str = ""
    shown: list[tuple[str, str]] = field(default_factory=list)


def steps(page: str) -> list[Step]:
    found: list[Step] = []
    comment = ""
    for match in FENCE.finditer(page):
        language, text = match["language"], match["text"]
        if match["comment"] is not None:
            comment = match["comment"]
            if comment == "Ctrl-C":
                found.append(Step("", "Ctrl-C"))
                comment = ""
        elif language == "sh":
            found.append(Step(text, comment))
            comment = ""
        elif language in SHOWN:
            found[-1].shown.append((language, text))
        else:
            assert language in NOT_FOR_A_SHELL, f"what is a block of {language or 'no language'}?"
    return found


def script(page_steps: list[Step]) -> str:
    """One shell runs a page from its top to its end, as its reader's does."""
    parts = [PRELUDE]
    for place, step in enumerate(page_steps):
        parts.append(f"printf '\\n@@ {place}\\n'")
        if step.comment == "Ctrl-C":
            parts.append("stop_all")
        elif step.comment == "another terminal":
            parts.append(f"serve {shell_quoted('exec ' + step.code.strip())}")
        elif not step.comment.startswith("not run: "):
            assert not step.comment, f"what is <!-- {step.comment} -->?"
            parts.append(step.code)
    return "\n".join(parts)


def shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def prepared(path: Path) -> tuple[str, str]:
    """Read a page, with ports that are free in the stead of its own; the page and its port."""
    port = free_port()
    page = path.read_text("utf-8")
    for ours, theirs in {**STAND_INS, "8080": port, "8090": free_port()}.items():
        page = re.sub(rf"(?<![\w,]){ours}(?![\w,])", theirs, page)
    return page, port


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder like a checkout, that every account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="carillon-docs-"))
    folder.chmod(0o755)
    (folder / ".venv").symlink_to(VENV)
    yield folder
    shutil.rmtree(folder)


SMSC = "smsc.example:2775"


@contextmanager
def with_smsc(page: str) -> Iterator[str]:
    """A page that names an operator's SMSC, with a scripted one in its stead."""
    if SMSC not in page:
        yield page
        return
    command = [sys.executable, "-m", "tests.carriers.scripted_smsc", "--password", "secret"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as smsc:  # noqa: S603 - our own
        assert smsc.stdout is not None
        try:
            yield page.replace(SMSC, f"127.0.0.1:{smsc.stdout.readline().split()[1]}")
        finally:
            smsc.terminate()
            smsc.communicate(timeout=10)


def run(commands: str, place: Path, port: str) -> tuple[int, str, str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CARILLON_")},
        "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
        "CARILLON_PORT": port,
        "COLUMNS": "100",
    }
    shell = subprocess.Popen(  # noqa: S603 - the commands are our own pages
        ["bash", "-c", commands],  # noqa: S607 - the reader's shell is whatever bash there is
        cwd=place,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = shell.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGTERM)  # the servers that the page has started stop their databases
        out, err = shell.communicate()
    return shell.returncode, out, err


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_example_of_a_page_works_and_prints_what_the_page_shows(path: Path, place: Path) -> None:
    page, port = prepared(path)
    with with_smsc(page) as page_with_smsc:
        page_steps = steps(page_with_smsc)
        code, out, err = run(script(page_steps), place, port)
    printed = re.split(r"^\n?@@ \d+\n", out, flags=re.MULTILINE)[1:]
    where = f"block {len(printed)} of {len(page_steps)}"
    assert code == 0, f"{where} failed:\n{page_steps[len(printed) - 1].code}\n{printed[-1]}\n{err}"
    assert len(printed) == len(page_steps)
    for step, text in zip(page_steps, printed, strict=True):
        if step.comment:
            continue  # what a server prints is not on the reader's terminal, and what isn't run prints nothing
        for language, shown in step.shown:
            is_as_shown = is_like(json.loads(shown), json.loads(text)) if language == "json" else fits(shown, text)
            assert is_as_shown, f"{step.code}\nprints\n{text}\nand the page shows\n{shown}"


def is_like(shown: object, printed: object) -> bool:
    """Compare JSON: "…" is anything, and a key "…" all the keys that the page leaves out."""
    if isinstance(shown, str) and "…" in shown:
        return shown == "…" or fits(shown, str(printed))
    if isinstance(shown, dict):
        if not isinstance(printed, dict):
            return False
        keys = shown.keys() - {"…"}
        is_whole = "…" in shown or keys == printed.keys()
        return is_whole and all(key in printed and is_like(shown[key], printed[key]) for key in keys)
    if isinstance(shown, list):
        if not isinstance(printed, list) or len(shown) != len(printed):
            return False
        return all(is_like(one, other) for one, other in zip(shown, printed, strict=True))
    return shown == printed


def fits(shown: str, printed: str) -> bool:
    """Compare text: … is any part of a line, and alone on a line any number of lines.

    How wide a gap is doesn't matter, as a table's columns are as wide as their values, nor does a byte order mark,
    which no terminal shows.
    """
    shown, printed = (re.sub(" +", " ", text.replace("\ufeff", "")) for text in (shown, printed))
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else f"{'.*?'.join(map(re.escape, line.rstrip().split('…')))}[ ]*\n"
        for line in shown.strip("\n").split("\n")
    )
    return re.fullmatch(pattern, f"{printed.strip(chr(10))}\n") is not None


def test_what_a_page_shows_must_be_what_is_printed() -> None:
    assert fits("one\n…\nlast of … rows\n", "one\ntwo\nthree\nlast of 12 rows\n")
    assert not fits("one\nlast of … rows\n", "one\ntwo\nlast of 12 rows\n")
    assert is_like({"a": 1, "…": "…"}, {"a": 1, "b": 2})
    assert not is_like({"a": 1}, {"a": 1, "b": 2})
    assert not is_like({"a": [1, "…"]}, {"a": [1]})
    assert is_like({"id": "BodyPart_…"}, {"id": "BodyPart_7"})
