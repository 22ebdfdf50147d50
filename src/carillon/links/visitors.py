"""Who opens a link: a browser on a system, and whether it was a person or a machine, with the reasons. Pure.

Previewers of messengers, scanners of networks and mail servers, and browsers that fetch ahead all open links that
nobody has touched. What they say of themselves is believed when it says machine; what pretends to be a person is caught
by what people can't do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

MAX_AGENT_CHARACTERS: Final = 512
SOONEST: Final = timedelta(seconds=1)
"""Nobody opens a link sooner after its message was delivered."""

AT_ONCE: Final = timedelta(seconds=0.7)
"""Nobody opens two links of a message within this. Clicks are kept for so long, and written within a second."""


class VisitorClass(StrEnum):
    """What an event says about a click."""

    HUMAN = "human"
    MACHINE = "machine"


class Reason(StrEnum):
    """Why a click is a machine's."""

    HEAD = "head"  # it asked for the headers alone
    PREFETCH = "prefetch"  # it says that it fetches ahead
    NO_AGENT = "no_agent"  # it names no browser
    KNOWN_MACHINE = "known_machine"  # it names a previewer, a scanner or a program
    TOO_SOON = "too_soon"  # before the message was delivered, or too soon after
    ALL_AT_ONCE = "all_at_once"  # other links of the message in the same moment
    HIDDEN_LINK = "hidden_link"  # its address has followed what nobody sees, of the same message in the same minute


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser as callbacks name it, such as Chrome_80_0, and its system; empty where they are not known."""

    browser: str
    os: str


_MACHINES = re.compile(
    # What names itself, whoever it is.
    r"bot\b|bot/|crawl|spider|slurp|preview|prefetch|scan|monitor|fetcher|headless|phantomjs|selenium|puppeteer|"
    # Messengers and social networks that show what is behind a link.
    r"facebookexternalhit|facebot|whatsapp|telegram|slack|discord|skypeuri|viber/|linkedin|pinterest|snapchat|"
    r"redditbot|embedly|iframely|bitlybot|vkshare|google-read-aloud|googleimageproxy|google-safety|apple-pubsub|"
    # Scanners of mail and networks.
    r"barracuda|proofpoint|mimecast|fireeye|trendmicro|symantec|sophos|safebrowsing|safelinks|virustotal|urlscan|"
    r"zscaler|forcepoint|cisco-|ironport|paloalto|phishtank|netcraft|"
    # Programs.
    r"curl/|wget|python|aiohttp|httpx|go-http|java/|okhttp|apache-http|libwww|perl|ruby|php/|guzzle|node-fetch|axios|"
    r"dalvik/|cfnetwork/|winhttp|microsoft office|ms-office|bingpreview",
    re.IGNORECASE,
)
# The first that is found: browsers name those that they descend from behind themselves.
_BROWSERS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("Edge", r"Edg(?:e|A|iOS)?/(\d+)(?:\.(\d+))?"),
        ("Opera", r"(?:OPR|Opera|OPiOS)/(\d+)(?:\.(\d+))?"),
        ("Samsung_Internet", r"SamsungBrowser/(\d+)(?:\.(\d+))?"),
        ("UC_Browser", r"UCBrowser/(\d+)(?:\.(\d+))?"),
        ("Yandex", r"YaBrowser/(\d+)(?:\.(\d+))?"),
        ("MIUI", r"MiuiBrowser/(\d+)(?:\.(\d+))?"),
        ("Firefox", r"(?:Firefox|FxiOS)/(\d+)(?:\.(\d+))?"),
        ("Chrome", r"(?:Chrome|CriOS)/(\d+)(?:\.(\d+))?"),
        ("Safari", r"Version/(\d+)(?:\.(\d+))?.*Safari/"),
        ("Internet_Explorer", r"(?:MSIE |Trident/.*rv:)(\d+)(?:\.(\d+))?"),
    )
)
_SYSTEMS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("iOS", r"(?:iPhone|iPad|iPod).*? OS (\d+)"),
        ("iOS", r"iPhone|iPad|iPod()"),
        ("Android", r"Android (\d+)"),
        ("Android", r"Android()"),
        ("Windows", r"Windows NT (\d+)"),
        ("Windows", r"Windows()"),
        ("ChromeOS", r"CrOS()"),
        ("macOS", r"Mac OS X (\d+)"),
        ("Linux", r"Linux()"),
    )
)


@lru_cache(maxsize=2_000)
def browser_of(agent: str) -> Browser:
    """Read a User-Agent header."""
    browser = os = ""
    for name, pattern in _BROWSERS:
        if found := pattern.search(agent):
            browser = f"{name}_{found[1]}_{found[2] or 0}"
            break
    for name, pattern in _SYSTEMS:
        if found := pattern.search(agent):
            version = found.group(1) if pattern.groups else None
            os = f"{name}_{version}" if version else name
            break
    return Browser(browser, os)


@lru_cache(maxsize=2_000)
def _reason_of(agent: str) -> Reason | None:
    if not agent.strip():
        return Reason.NO_AGENT
    return Reason.KNOWN_MACHINE if _MACHINES.search(agent) else None


_AHEAD = {
    "purpose": ("prefetch", "preview"),
    "x-purpose": ("preview",),
    "x-moz": ("prefetch",),
    "sec-purpose": ("prefetch", "prerender"),
    "x-fb-http-engine": ("liger-preview",),
}


def reasons_in(method: str, headers: Mapping[str, str]) -> tuple[Reason, ...]:
    """Return why a request is a machine's, as far as it says so itself."""
    found = [Reason.HEAD] if method == "HEAD" else []
    ahead = _AHEAD.keys() & headers.keys()
    if ahead and any(value in headers[name].lower() for name in ahead for value in _AHEAD[name]):
        found.append(Reason.PREFETCH)
    reason = _reason_of(headers.get("user-agent", "")[:MAX_AGENT_CHARACTERS])
    if reason is not None:
        found.append(reason)
    return tuple(found)


def is_too_soon(opened_at: datetime, delivered_at: datetime | None, submitted_at: datetime | None) -> bool:
    """Tell whether a link was opened before its message can have been read.

    Receipts come late: of a message without one, all that is known is when it was submitted.
    """
    known = delivered_at or submitted_at
    if known is None:
        return True
    if delivered_at is None:
        return opened_at < known
    # A receipt may come seconds behind the message.
    return opened_at < (submitted_at or delivered_at) + SOONEST
