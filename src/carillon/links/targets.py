"""Where a short link leads: a URL, or a landing page of the account; and which URLs it may lead to. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl
from yarl import URL

from carillon.errors import InvalidInputError

MAX_URL_CHARACTERS: Final = 2_048
MAX_DATA: Final = 100
MAX_DATA_CHARACTERS: Final = 10_000
"""So many values for placeholders, and so many characters of all of them."""

# Bits of link.options.
LEADS_ON: Final = 1  # a page of ours leads to the URL, no redirect
POSTS: Final = 2  # that page sends a form
SYSTEM_PARAMETERS: Final = 4
TRACKED: Final = 8

# A host without a user's name before it, which looks like another host; neither blanks nor backslashes, which browsers
# read in ways of their own.
_HTTP = re.compile(
    r"https?://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:[/?#][!-\[\]-~]*)?",
    re.IGNORECASE,
)

# "Viber deep links are also permittable" (IM Gateway, Deep Links).
_DEEP = re.compile(r"viber://[!-\[\]-~]+", re.IGNORECASE)
_PAGE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a link leads: to its URL, or to the landing page of a key, whose placeholders `data` is for.

    `data` is also what the form of a link has that posts. `options` are the bits above. `domain` is the account's own,
    as `https://host` (`read_domain`).
    """

    options: int = TRACKED
    page_key: str | None = None
    data: Mapping[str, str] | None = field(default=None, repr=False)
    domain: str | None = None


PLAIN: Final = Way()
"""A redirect to the URL as it is, and clicks are recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkColumn:
    """Where the links of a placeholder lead, in a column as long as the recipients, and how.

    `urls` have been checked (`check_url`, `valid_urls`); one is None where the way has a landing page. All lead in
    `way` but the `others`, by their rows.
    """

    urls: Sequence[str | None] = field(repr=False)
    way: Way = PLAIN
    others: Mapping[int, Way] = field(default_factory=dict)

    @property
    def ways(self) -> Sequence[Way]:
        """The way of each row."""
        count = len(self.urls)
        return [self.others.get(row, self.way) for row in range(count)] if self.others else [self.way] * count

    @property
    def distinct_ways(self) -> Sequence[Way]:
        """Those that there are, some of them perhaps more than once."""
        return [*self.others.values()] if len(self.others) == len(self.urls) else [self.way, *self.others.values()]

    @property
    def domains(self) -> Sequence[str | None]:
        """The domain of each row."""
        return [way.domain for way in self.ways]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLinks:
    """The codes and short URLs of links by placeholder, in columns as long as the recipients."""

    codes: Mapping[str, Sequence[str]] = field(repr=False)
    urls: Mapping[str, Sequence[str]] = field(repr=False)


def valid_urls(urls: Sequence[str]) -> list[bool]:
    """Tell which URLs are taken as they are (`check_url`), for many at once."""
    column = pl.Series(urls, dtype=pl.String)
    is_short = column.str.len_bytes() <= MAX_URL_CHARACTERS
    return (is_short & column.str.contains(rf"(?i)\A(?:{_HTTP.pattern})\z")).to_list()


def check_url(url: str, field: str = "url") -> str:
    """Return a URL that a link may lead to, as it is sent: http, https, or a deep link that the vendors permit.

    Raises InvalidInputError for `field`.
    """
    if not url.isascii():
        url = _encoded(url, field)
    if len(url) > MAX_URL_CHARACTERS or not (_HTTP.fullmatch(url) or _DEEP.fullmatch(url)):
        raise InvalidInputError(
            field,
            f"This is a URL of at most {MAX_URL_CHARACTERS} characters that starts with http://, https:// or viber://.",
        )
    return url


def check_posted_url(url: str, field: str = "url") -> str:
    """Return a URL that a form is sent to: http or https, since no deep link takes one.

    Raises InvalidInputError for `field`.
    """
    url = check_url(url, field)
    if not _HTTP.fullmatch(url):
        raise InvalidInputError(field, "A form is sent to http:// or https:// alone.")
    return url


def _encoded(url: str, field: str) -> str:
    try:
        return str(URL(url))
    except ValueError:
        raise InvalidInputError(field, "This is no URL.") from None


def is_url(text: str) -> bool:
    """Tell a URL, of whatever scheme, from a page's key."""
    return _PAGE_KEY.fullmatch(text) is None


def check_page_key(key: str, field: str = "page") -> str:
    """Return the key of a landing page. Raises InvalidInputError for `field`."""
    if not _PAGE_KEY.fullmatch(key):
        raise InvalidInputError(field, "A page has a key of 1 to 64 letters, digits, hyphens and underscores.")
    return key


def check_data(data: Mapping[str, str], field: str = "data") -> Mapping[str, str]:
    """Return values for placeholders. Raises InvalidInputError for `field`."""
    if len(data) > MAX_DATA or sum(len(key) + len(value) for key, value in data.items()) > MAX_DATA_CHARACTERS:
        raise InvalidInputError(
            field, f"These are at most {MAX_DATA} values with {MAX_DATA_CHARACTERS} characters together."
        )
    if any("\0" in value or "\0" in key for key, value in data.items()):
        raise InvalidInputError(field, "A value has no null.")
    return data


_DOMAIN = re.compile(r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?)/?", re.IGNORECASE)


def read_domain(text: str, field: str = "domain") -> str:
    """Return an account's own domain as `https://host`. Raises InvalidInputError for `field`."""
    found = _DOMAIN.fullmatch(text.strip())
    if found is None or len(found[2]) > 253:  # noqa: PLR2004 - DNS
        raise InvalidInputError(field, "A domain is http:// or https:// and a host, without a path.")
    return f"{found[1].lower()}://{found[2].lower()}"


def host_of(domain: str) -> str:
    """Return the host of what `read_domain` gave."""
    return domain.partition("://")[2]
