"""The documentation as pages: all of it, and each link leads to a page or is none."""

import re
from pathlib import Path

import pytest

from carillon.docs_pages import BASE, START, DocsPages

PAGES = DocsPages()
HREF = re.compile(r'<a href="([^"]+)"')


def shown(name: str) -> str:
    page = PAGES.page(name)
    assert page is not None, name
    return page.decode()


@pytest.mark.parametrize("name", PAGES.files.values())
def test_every_page_is_shown_and_its_links_lead_to_what_is_shown(name: str) -> None:
    page = shown(name)
    assert "<h1 id=" in page
    for link in HREF.findall(page):
        if link.startswith(("http:", "https:", "#")):
            continue
        assert link.startswith(BASE), link
        target, _, anchor = link.removeprefix(BASE).partition("#")
        assert not anchor or f'id="{anchor}"' in shown(target), link


def test_the_start_leads_to_pages_of_every_kind() -> None:
    links = HREF.findall(shown(START.removeprefix(BASE)))
    for wanted in ("README.md", "tutorial.md", "how-to/import-a-file.md", "dialects/inforu/README.md"):
        assert f"{BASE}{wanted}" in links


@pytest.mark.parametrize("name", ["", "..", "../pyproject.toml", "index", "reference/none.md", "/etc/passwd"])
def test_what_is_no_page_of_the_documentation_is_not_served(name: str) -> None:
    assert PAGES.page(name) is None


def test_where_there_is_no_checkout_there_are_no_pages(tmp_path: Path) -> None:
    pages = DocsPages(tmp_path)
    assert (dict(pages.files), pages.page("index.md")) == ({}, None)
