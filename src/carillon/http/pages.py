"""Pages for people: HTML built as a tree, so that nothing of a request can become markup, without any script."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from xml.etree import ElementTree as ET  # builds and writes; it never parses

from carillon.http.request import Reply

MEDIA_TYPE = "text/html; charset=utf-8"

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { background: #f4f4f4; padding: 1rem; overflow: auto; } table { border-collapse: collapse; }
th, td { border: 1px solid #ccc; padding: .25rem .5rem; text-align: left; vertical-align: top; }
"""
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""What goes with every page: a browser runs no script, loads nothing, and tells nobody where it comes from."""


class HtmlPage:
    """A page under a title, to whose `body` elements are added."""

    def __init__(self, title: str) -> None:
        self._root = ET.Element("html", lang="en")
        head = add(self._root, "head")
        add(head, "meta", charset="utf-8")
        add(head, "title", title)
        add(head, "style", _STYLE)
        self.body = add(self._root, "body")

    def content(self) -> bytes:
        """Write it."""
        markup: str = ET.tostring(self._root, encoding="unicode", method="html")
        return f"<!DOCTYPE html>\n{markup}".encode()


def add(parent: ET.Element, tag: str, text: str | None = None, /, **attributes: str) -> ET.Element:
    """Add an element with a text."""
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child


def page_reply(page: HtmlPage, *, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    """Answer with a page."""
    return Reply(status=status, body=page.content(), media_type=MEDIA_TYPE, headers=HEADERS)
