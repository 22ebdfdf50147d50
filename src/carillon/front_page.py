"""The page at `/`: what this is, whether it is well, where its documentation is, and first calls to copy."""

import re
import shlex
from collections.abc import Sequence
from xml.etree import ElementTree as ET  # builds and writes; it never parses

from carillon.dialects.contract import Dialect
from carillon.docs_pages import BASE, START, DocsPages
from carillon.http.pages import HtmlPage, add
from carillon.settings import Settings

# What a host may be that is written into lines for a shell.
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_LINKS = (
    ("/healthz", "whether the process lives"),
    ("/readyz", "whether it can answer calls"),
    ("/metrics", "what it counts, for Prometheus"),
    ("/schema/openapi.json", "every call of every API, as OpenAPI 3.1"),
)


def front_page(settings: Settings, dialects: Sequence[Dialect], docs: DocsPages, scheme: str, host: str) -> HtmlPage:
    """Write the page for whoever has called `host`."""
    page = HtmlPage("Carillon")
    body = page.body
    add(body, "h1", "Carillon")
    add(body, "p", "An audience and messaging platform that speaks the HTTP APIs of five vendors. It runs here.")
    add(body, "h2", "Health and reference")
    links = add(body, "ul")
    for path, meaning in _LINKS:
        _add_link(links, path, meaning)
    add(body, "h2", "Documentation")
    if docs.files:
        pages = add(body, "ul")
        _add_link(pages, START, "tutorials, how-to pages, the reference of commands, and why things are as they are")
        for dialect in dialects:
            _add_link(pages, f"{BASE}dialects/{dialect.name}.md", "what is served of this vendor's API")
    else:
        add(body, "p", "It is in the folder docs of Carillon's repository: docs/index.md.")
    if dialects:
        _add_first_calls(page, settings, dialects, _base_url(scheme, host))
    return page


def _add_link(links: ET.Element, path: str, meaning: str) -> None:
    add(add(links, "li"), "a", path, href=path).tail = f": {meaning}"


def _base_url(scheme: str, host: str) -> str:
    return f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"


def _add_first_calls(page: HtmlPage, settings: Settings, dialects: Sequence[Dialect], url: str) -> None:
    body = page.body
    add(body, "h2", "First calls")
    demo = settings.data_dir / "demo.env"
    if settings.database_url is None and demo.exists():
        # Where a page may be seen from elsewhere, it doesn't say how the machine's folders are called.
        shown = demo.resolve() if settings.host in _LOOPBACK else demo.name
        add(body, "p", "The demo account's messages go to simulated phones. Its credentials, for a terminal here:")
        add(body, "pre", f"set -a; . {shlex.quote(str(shown))}; set +a")
    else:
        add(body, "p", "They take a credential from variables, as INFORU_TOKEN. To make one:")
        add(body, "pre", "carillon credential create --account 1 --dialect inforu")
    for dialect in dialects:
        add(body, "h3", dialect.name)
        add(body, "pre", "\n".join(dialect.first_calls(url)))
