"""What is answered where a link is opened: a redirect, a page that leads on, or a landing page. Pure."""

import base64
import hashlib
import re
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from carillon.http.request import Reply
from carillon.links.lookup import Link
from carillon.links.rendering import PAGE_POLICY, render_page

HTML: Final = "text/html; charset=utf-8"
HIDDEN: Final = "more"
"""The last part of the path of a link that is in every landing page, and that nobody sees."""

ALWAYS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""The headers of every answer. Nothing remembers where a link leads: whoever opens it again is seen again."""

_FOUND = HTTPStatus.FOUND.value
_GO_ON = "var f=document.forms[0];if(f)f.submit();else location.replace(document.links[0].href)"
_GO_ON_HASH = base64.b64encode(hashlib.sha256(_GO_ON.encode()).digest()).decode()
# Never written from a URL, whose characters may end a source or a directive.
_POSTED_TO = "http: https:"
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)


def system_parameters(link: Link) -> dict[str, str]:
    """Return what a target gets about the message of its link: its ids and the code, and nothing of the recipient."""
    given = {
        "message_id": link.message_id and str(link.message_id),
        "request_id": link.sending_id and str(link.sending_id),
        "short_code": link.code,
    }
    return {name: value for name, value in given.items() if value}


def url_of(link: Link) -> str:
    """Return the URL that a link leads to, with system parameters where it has them."""
    url = link.url or ""
    if not link.has_system_parameters or not url.lower().startswith("http"):
        return url
    place, mark, fragment = url.partition("#")
    joined = "" if place.endswith(("?", "&")) else "&" if "?" in place else "?"
    return f"{place}{joined}{urlencode(system_parameters(link))}{mark}{fragment}"


def redirect(link: Link) -> Reply:
    """Lead to the URL."""
    headers = {**ALWAYS, "Location": url_of(link)}
    return Reply(status=_FOUND, media_type=HTML, headers=headers)


def lead_on(link: Link) -> Reply:
    """Answer a page of ours that leads to the URL by itself, or at a touch: by GET, or by POST with the link's data."""
    if link.posts:
        url = link.url or ""
        given = {**link.data, **(system_parameters(link) if link.has_system_parameters else {})}
        fields = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in given.items()
        )
        on = f'<form method="post" action="{escape(url)}">{fields}<button>Continue</button></form>'
    else:
        url = url_of(link)
        on = f'<a href="{escape(url)}" rel="noreferrer">Continue</a>'
    posted_to = _POSTED_TO if link.posts else "'none'"
    policy = (
        f"default-src 'none'; script-src 'sha256-{_GO_ON_HASH}'; "
        f"form-action {posted_to}; base-uri 'none'; frame-ancestors 'none'"
    )
    body = f"{_head('Continue')}{on}<script>{_GO_ON}</script></body></html>"
    return _page(HTTPStatus.OK, body, policy)


def landing_page(link: Link, template: str) -> Reply:
    """Render a landing page with the values of its recipient. Raises InvalidInputError for `template`."""
    page = render_page(template, link.data)
    trap = f'<a href="{link.code}/{HIDDEN}" rel="nofollow" style="display:none" aria-hidden="true" tabindex="-1"></a>'
    end = _BODY_END.search(page)
    place = end.start() if end else len(page)
    return _page(HTTPStatus.OK, page[:place] + trap + page[place:], PAGE_POLICY)


def nothing(status: HTTPStatus, sentence: str) -> Reply:
    """Answer that a link leads nowhere."""
    return _page(status, f"{_head('Nothing here')}<p>{escape(sentence)}</p></body></html>", "default-src 'none'")


def _head(title: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title></head><body>"
    )


def _page(status: HTTPStatus, body: str, policy: str) -> Reply:
    headers = {**ALWAYS, "Content-Security-Policy": policy}
    return Reply(status=status.value, body=body.encode("utf-8", "replace"), media_type=HTML, headers=headers)
