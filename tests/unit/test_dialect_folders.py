"""Every dialect's folder has the same names for the same things, and nothing below knows a vendor."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest

import carillon
from carillon.dialects.contract import OperationRunner, Services
from carillon.dialects.registry import DIALECTS
from carillon.dialects.rest import Call

ROOT = Path(carillon.__file__).parent
FILES = {
    "README.md",
    "__init__.py",
    "auth.py",
    "dialect.py",
    "errors.py",
    "examples.py",
    "mapping.py",
    "operations.py",
    "replies.py",
    "schemas.py",
}
NAMES = re.compile(rf"['\"](?:{'|'.join(one.name for one in DIALECTS)})['\"]")


@pytest.mark.parametrize("name", [one.name for one in DIALECTS])
def test_every_dialects_folder_has_the_same_files(name: str) -> None:
    assert {path.name for path in (ROOT / "dialects" / name).iterdir()} >= FILES


def test_every_folder_of_a_dialect_is_served() -> None:
    folders = {path.name for path in (ROOT / "dialects").iterdir() if (path / "dialect.py").exists()}
    assert folders == {one.name for one in DIALECTS}


def test_nothing_below_the_dialects_names_one() -> None:
    above = {ROOT / "dialects", ROOT / "cli"}
    below = [path for path in ROOT.rglob("*.py") if not above & set(path.parents)]
    assert len(below) > 50
    assert [path for path in below if NAMES.search(path.read_text())] == []


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """Each module that a file imports, with the name that it imports of it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((one.name, "") for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", one.name) for one in node.names)


# What dialects stand on; the pure packages and http/ are open to them.
BELOW = (
    "audience",
    "billing",
    "carriers",
    "db",
    "events",
    "links",
    "messaging",
    "otp",
    "outbound",
    "routing",
    "tenancy",
    "workers",
)
DIALECT_FILES = sorted((ROOT / "dialects").rglob("*.py"))
CALLERS = [*DIALECT_FILES, *sorted((ROOT / "cli").rglob("*.py"))]


@pytest.mark.parametrize("path", CALLERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_dialects_and_commands_use_no_statement_and_no_private_name_of_another_module(path: Path) -> None:
    imported = {name for _, name in imports_of(path)}
    read = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
    }
    assert [name for name in sorted(imported | read) if name == "SQL" or re.match("_(?!_)", name)] == []


def test_what_no_dialect_uses_of_the_engine_is_forbidden_to_dialects() -> None:
    contracts = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (forbidden,) = (set(one["forbidden_modules"]) for one in contracts if one["name"].startswith("Dialects call"))
    pairs = [pair for path in DIALECT_FILES for pair in imports_of(path)]
    used = {module for module, _ in pairs} | {f"{module}.{name}" for module, name in pairs}
    inside = [path for folder in BELOW for path in sorted((ROOT / folder).rglob("*.py"))]
    modules = [
        ".".join(("carillon", *path.relative_to(ROOT).with_suffix("").parts))
        for path in inside
        if path.name != "__init__.py"
    ]
    open_to_them = [one for one in modules if not any(f"{one}.".startswith(f"{other}.") for other in forbidden)]
    assert [one for one in open_to_them if one not in used] == []
    assert {"asyncpg", "carillon.tenancy.audit"} <= forbidden


@pytest.mark.parametrize("kind", [Services, Call])
def test_a_handler_runs_operations_and_opens_no_transaction(kind: type) -> None:
    assert get_type_hints(kind)["db"] is OperationRunner
    assert {name for name in vars(OperationRunner) if not name.startswith("_")} == {
        "read",
        "run",
        "run_at_once",
        "run_spanning",
    }


@pytest.mark.parametrize("path", DIALECT_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_handler_runs_is_an_operation_and_nothing_of_its_own(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    features = tuple(f"carillon.{one}" for one in ("audience", "billing", "links", "messaging", "otp", "tenancy"))
    operations = {
        one.asname or one.name for node in imports for one in node.names if str(node.module).startswith(features)
    }
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    given = [ast.unparse(one.args[0]) for one in calls if re.search(r"\bdb\.(run\w*|read)$", ast.unparse(one.func))]
    assert [one for one in given if one.split(".")[0] not in operations] == []
