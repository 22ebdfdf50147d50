"""The documentation as pages for people: the Markdown files of the checkout, rendered when they are first asked for."""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from posixpath import normpath
from xml.etree import ElementTree as ET

from markdown_it import MarkdownIt

from carillon.http.pages import HtmlPage

BASE = "/docs/"
"""The path of the pages."""

START = f"{BASE}index.md"
"""The page that lists all others."""

_CHECKOUT = Path(__file__).parents[2]
_DIALECTS = "src/carillon/dialects"
# What anchors of headings are made of, as forges show Markdown.
_NOT_OF_ANCHORS = re.compile(r"[^\w\- ]")


class DocsPages:
    """The pages of a checkout; there are none where the program is installed without one."""

    def __init__(self, checkout: Path = _CHECKOUT) -> None:
        self._checkout = checkout
        self._rendered: dict[str, bytes] = {}

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The path below `BASE` of each file, by the file's path in the checkout."""
        docs = self._found("docs/**/*.md")
        if not docs:
            return {}
        readmes = self._found(f"{_DIALECTS}/*/README.md")
        return (
            {file: file.removeprefix("docs/") for file in docs}
            | {file: f"dialects/{file.split('/')[-2]}/README.md" for file in readmes}
            | {file: file for file in ("README.md", "CHANGELOG.md")}
        )

    def _found(self, pattern: str) -> list[str]:
        return sorted(one.relative_to(self._checkout).as_posix() for one in self._checkout.glob(pattern))

    def page(self, name: str) -> bytes | None:
        """Return the page at a path below `BASE`; None where there is none."""
        if name not in self._rendered:
            file = next((file for file, served in self.files.items() if served == name), None)
            if file is None:
                return None
            self._rendered[name] = self._render(file)
        return self._rendered[name]

    def _render(self, file: str) -> bytes:
        markdown = MarkdownIt("commonmark", {"xhtmlOut": True}).enable("table")
        text = (self._checkout / file).read_text("utf-8")
        content = ET.fromstring(f"<main>{markdown.render(text)}</main>")  # noqa: S314 - our own pages
        page = HtmlPage(content.findtext("h1") or file)
        page.body.append(content)
        for heading in content.iter():
            if heading.tag in {"h1", "h2", "h3", "h4"}:
                heading.set("id", _NOT_OF_ANCHORS.sub("", "".join(heading.itertext()).lower()).replace(" ", "-"))
        for link in content.iter("a"):
            self._point(link, file)
        return page.content()

    def _point(self, link: ET.Element, file: str) -> None:
        """Point a link between files to the page of its file; one to a file that has no page is none here."""
        target, mark, anchor = link.get("href", "").partition("#")
        if not target or ":" in target:
            return
        served = self.files.get(normpath(f"{file.rpartition('/')[0]}/{target}"))
        if served is None:
            del link.attrib["href"]
        else:
            link.set("href", f"{BASE}{served}{mark}{anchor}")
