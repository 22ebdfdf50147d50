"""Where a short link may lead: never where a browser would read another host, or a script, than is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from carillon.errors import InvalidInputError
from carillon.links.targets import (
    check_data,
    check_page_key,
    check_posted_url,
    check_url,
    host_of,
    is_url,
    read_domain,
    valid_urls,
)

pytestmark = pytest.mark.any_database


GOOD = [
    "https://shop.example",
    "http://shop.example:8080/a/b?c=d&e=f#g",
    "HTTPS://Shop.Example/",
    "https://[2001:db8::1]/",
    "https://192.0.2.1/x",
    "https://shop.example?next=https://other.example",
    "https://shop.example/a%20b",
    "viber://pa?chatURI=shop",
    "https://shop.example/?q=" + "x" * 2_000,
]


@pytest.mark.parametrize("url", GOOD)
def test_http_https_and_viber_are_taken_as_they_are(url: str) -> None:
    assert check_url(url) == url


def test_other_scripts_are_encoded() -> None:
    assert check_url("https://παράδειγμα.example/προσφορά") == (
        "https://xn--hxajbheg2az3al.example/%CF%80%CF%81%CE%BF%CF%83%CF%86%CE%BF%CF%81%CE%AC"
    )


OPEN_REDIRECTS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://shop.example",
    "tel:123",
    "intent://scan/#Intent;scheme=zxing;end",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https://shop.example@evil.example",
    "https://shop.example:pw@evil.example/",
    "https://shop.example%40evil.example/",
    "https://shop.example\\@evil.example/",
    "https://shop.example\\.evil.example/",
    "https://shop.example/\r\nSet-Cookie: a=b",
    "https://shop.example/\n",
    "https://shop.example/ x",
    "https://shop.example/\tx",
    "https://shop.example/\0",
    "https://evil。example\u2028/",
    "https://",
    "https://-:x/",
    "https://shop.example:port/",
    "viber://",
    "",
    "shop.example",
    "https://shop.example/" + "x" * 2_048,
]


@pytest.mark.parametrize("url", OPEN_REDIRECTS)
def test_what_a_browser_may_read_as_another_place_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_url(url, "params.url")
    assert caught.value.field == "params.url"


def test_a_form_is_sent_to_http_and_https_alone() -> None:
    assert check_posted_url("HTTPS://Shop.Example/") == "HTTPS://Shop.Example/"
    for wrong in ("viber://pa?chatURI=shop", "VIBER://pa", "javascript:x"):
        with pytest.raises(InvalidInputError) as caught:
            check_posted_url(wrong, "params.url")
        assert caught.value.field == "params.url"


@given(st.text(max_size=60))
def test_whatever_is_taken_is_ascii_without_blanks_and_has_the_host_that_is_written(rest: str) -> None:
    try:
        url = check_url(f"https://shop.example/{rest}")
    except InvalidInputError:
        return
    assert url.isascii()
    assert url.isprintable()
    assert not set(url) & set(" \\\r\n\t")
    assert URL(url).host == "shop.example"


@pytest.mark.parametrize(("text", "url"), [("https://a.example", True), ("javascript:x", True), ("spring-2025", False)])
def test_a_url_is_told_from_a_pages_key(text: str, *, url: bool) -> None:
    assert is_url(text) is url


def test_a_pages_key_has_up_to_64_letters_digits_hyphens_and_underscores() -> None:
    assert check_page_key("Spring_2025-b") == "Spring_2025-b"
    for wrong in ("", "a/b", "a b", "x" * 65):
        with pytest.raises(InvalidInputError):
            check_page_key(wrong)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("https://Go.Shop.example/", "https://go.shop.example"),
        ("http://go.shop.example:81", "http://go.shop.example:81"),
    ],
)
def test_a_domain_is_a_scheme_and_a_host(text: str, domain: str) -> None:
    assert read_domain(text) == domain
    assert host_of(domain) == domain.partition("://")[2]


@pytest.mark.parametrize(
    "text", ["go.shop.example", "https://a.example/path", "ftp://a.example", "https://a@b", "https://"]
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        read_domain(text, "landing_domain")


@pytest.mark.parametrize("data", [{str(one): "" for one in range(101)}, {"a": "x" * 10_001}, {"a": "\0"}])
def test_too_much_data_is_refused(data: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        check_data(data)


def test_many_urls_are_read_at_once_as_one_by_one() -> None:
    """But for what is encoded first, and deep links: these are looked at one by one."""
    urls = [*OPEN_REDIRECTS, *GOOD, "https://παράδειγμα.example"]
    good = [not url.startswith("viber") for url in GOOD]
    assert valid_urls(urls) == [False] * len(OPEN_REDIRECTS) + good + [False]


@given(st.lists(st.text(alphabet=st.characters(codec="ascii"), max_size=40)))
def test_whatever_is_read_at_once_is_taken_one_by_one(rests: list[str]) -> None:
    urls = [f"https://{rest}" for rest in rests]
    for url, is_valid in zip(urls, valid_urls(urls), strict=True):
        if is_valid:
            assert check_url(url) == url
        else:
            with pytest.raises(InvalidInputError):
                check_url(url)
