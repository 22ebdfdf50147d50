"""Who opens links: browsers, previewers and scanners."""

from datetime import UTC, datetime, timedelta

import pytest

from carillon.links.visitors import Browser, Reason, browser_of, is_too_soon, reasons_in

pytestmark = pytest.mark.any_database

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
ANDROID = f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/126.0.6478.71 Mobile Safari/537.36"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        (ANDROID, Browser("Chrome_126_0", "Android_14")),
        (IPHONE, Browser("Safari_17_5", "iOS_17")),
        (IPHONE.replace("Version/17.5", "CriOS/126.0"), Browser("Chrome_126_0", "iOS_17")),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/80.0.3987.132 Safari/537.36",
            Browser("Chrome_80_0", "Windows_10"),
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/120.0 Safari/537.36 Edg/120.1",
            Browser("Edge_120_1", "Windows_10"),
        ),
        (ANDROID.replace("Chrome/", "SamsungBrowser/25.0 Chrome/"), Browser("Samsung_Internet_25_0", "Android_14")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", Browser("Firefox_127_0", "Linux")),
        ("Mozilla/5.0 (Android; Mobile; rv:127.0) Gecko/127.0 Firefox/127", Browser("Firefox_127_0", "Android")),
        (
            "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
            Browser("Internet_Explorer_11_0", "Windows_6"),
        ),
        ("", Browser("", "")),
        ("what is this", Browser("", "")),
    ],
)
def test_browsers_and_systems_are_read(agent: str, browser: Browser) -> None:
    assert browser_of(agent) == browser


@pytest.mark.parametrize("agent", [ANDROID, IPHONE])
def test_a_browser_is_a_person_unless_something_else_says_otherwise(agent: str) -> None:
    assert reasons_in("GET", {"user-agent": agent}) == ()


@pytest.mark.parametrize(
    ("method", "headers", "reason"),
    [
        ("HEAD", {"user-agent": ANDROID}, Reason.HEAD),
        ("GET", {"user-agent": ANDROID, "purpose": "prefetch"}, Reason.PREFETCH),
        ("GET", {"user-agent": ANDROID, "sec-purpose": "prefetch;prerender"}, Reason.PREFETCH),
        ("GET", {"user-agent": ANDROID, "x-purpose": "preview"}, Reason.PREFETCH),
        ("GET", {"user-agent": ANDROID, "x-moz": "prefetch"}, Reason.PREFETCH),
        ("GET", {}, Reason.NO_AGENT),
        ("GET", {"user-agent": " "}, Reason.NO_AGENT),
    ],
)
def test_what_says_of_itself_that_nobody_looks_is_a_machine(
    method: str, headers: dict[str, str], reason: Reason
) -> None:
    assert reasons_in(method, headers) == (reason,)


@pytest.mark.parametrize(
    "agent",
    [
        "WhatsApp/2.23.20.0 A",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "TelegramBot (like TwitterBot)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/119.0 Safari/537.36",
        "Barracuda Sentinel (EE)",
        "curl/8.5.0",
        "python-requests/2.31.0",
        "Go-http-client/2.0",
        "okhttp/4.12.0",
    ],
)
def test_previewers_scanners_and_programs_are_machines(agent: str) -> None:
    assert reasons_in("GET", {"user-agent": agent}) == (Reason.KNOWN_MACHINE,)


def test_all_reasons_are_told_together() -> None:
    assert reasons_in("HEAD", {"user-agent": "curl/8", "purpose": "prefetch"}) == (
        Reason.HEAD,
        Reason.PREFETCH,
        Reason.KNOWN_MACHINE,
    )


NOW = datetime(2025, 3, 9, 10, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("delivered", "submitted", "too_soon"),
    [
        (NOW - 10 * SECOND, NOW - 20 * SECOND, False),
        (NOW + 5 * SECOND, NOW - 2 * SECOND, False),  # its receipt is late
        (NOW, NOW - SECOND / 2, True),
        (NOW - SECOND, NOW - SECOND, False),
        (None, NOW - SECOND, False),
        (None, NOW + SECOND, True),
        (None, None, True),
    ],
)
def test_nobody_opens_a_link_before_the_message_can_be_read(
    delivered: datetime | None, submitted: datetime | None, *, too_soon: bool
) -> None:
    assert is_too_soon(NOW, delivered, submitted) is too_soon
