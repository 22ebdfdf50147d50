"""The pages that are generated are what the code says, and what the pages point to is there."""

import re
import tomllib
from pathlib import Path

import pytest
from docs.generate import pages

from carillon.settings import load_settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ALL_PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]

CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize(("path", "text"), pages().items(), ids=list(pages()))
def test_a_generated_page_is_what_the_code_says(path: str, text: str) -> None:
    assert (DOCS / path).read_text("utf-8") == text, "run `make docs`"


def anchors(page: Path) -> set[str]:
    """The names that headings have where Markdown is shown: small letters, no marks, hyphens for spaces."""
    headings = re.findall(
        r"^#+ (.*)$", CODE.sub(lambda code: code[0].strip("`"), page.read_text("utf-8")), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_map_has_every_page() -> None:
    linked = {
        (DOCS / link.partition("#")[0]).resolve() for link in LINK.findall((DOCS / "index.md").read_text("utf-8"))
    }
    pages_to_find = {page for page in DOCS.rglob("*.md") if page.name != "index.md"}
    assert {str(page.relative_to(DOCS)) for page in pages_to_find - linked} == set()


def test_every_settings_file_of_the_pages_is_one_that_the_program_takes(tmp_path: Path) -> None:
    files = [text for page in ALL_PAGES for text in TOML.findall(page.read_text("utf-8"))]
    assert files
    for text in files:
        path = tmp_path / "carillon.toml"
        path.write_text(text, "utf-8")
        settings = load_settings({}, config=path, environment={})
        assert all(hasattr(settings, name) for name in tomllib.loads(text))


def test_every_variable_and_command_that_the_pages_name_exists() -> None:
    settings = set(re.findall(r"CARILLON_[A-Z_]+", pages()["reference/settings.md"])) | {
        "CARILLON_CARRIER_SECRET",
        "CARILLON_CHAOS_KEEP",
        "CARILLON_CHAOS_SECONDS",
        "CARILLON_CHAOS_SEED",
        "CARILLON_TEST_DATABASE_URL",
    }
    for page in ALL_PAGES:
        named = set(re.findall(r"\bCARILLON_[A-Z_]+\b", page.read_text("utf-8")))
        assert named <= settings, page


def test_the_architecture_page_names_every_module() -> None:
    page = (DOCS / "explanation" / "architecture.md").read_text()
    source = ROOT / "src" / "carillon"
    shown = set(re.findall(r"`(\w+\.py)`", page))
    # A dialect's files have the same names everywhere, or are a noun each; a command is a noun, too.
    modules = [
        path for path in source.rglob("*.py") if not {"cli", "__init__.py"} & set(path.relative_to(source).parts)
    ]
    of_dialects = source / "dialects"
    missing = {
        path.relative_to(source).as_posix()
        for path in modules
        if path.name not in shown and not (path.is_relative_to(of_dialects) and path.parent != of_dialects)
    }
    assert missing == set()


def test_the_drawing_of_the_rooms_has_every_room_and_no_arrow_that_the_code_lacks() -> None:
    source = ROOT / "src" / "carillon"
    drawing = (DOCS / "explanation" / "architecture.md").read_text().partition("```mermaid")[2].partition("```")[0]
    labels = dict(re.findall(r'(\w+)\["([^"]+)"\]', drawing))
    arrows = re.findall(r'^ *(\w+)(?:\["[^"]+"\])? --> (\w+)', drawing, re.MULTILINE)
    assert len(arrows) > 20
    parts = {name: re.findall(r"(\w+)/|(\w+)\.py", label.partition("<br>")[0]) for name, label in labels.items()}
    rooms = {name: [folder or file for folder, file in found] for name, found in parts.items()}
    drawn = {room for found in rooms.values() for room in found}
    assert {path.name for path in source.iterdir() if (path / "__init__.py").exists()} <= drawn
    for upper, lower in arrows:
        files = [
            path
            for room in rooms[upper]
            for path in [source / f"{room}.py", *(source / room).rglob("*.py")]
            if path.exists()
        ]
        imported = "|".join(rooms[lower])
        pattern = re.compile(rf"^\s*from carillon(?:\.| import )(?:{imported})\b", re.MULTILINE)
        assert any(pattern.search(path.read_text("utf-8")) for path in files), f"{upper} --> {lower}"
