"""Where a short link leads: a URL, or a landing page of the account; and which URLs it may lead to. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

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
class LinkTarget:
    """Where a link leads, and how: `url` has been checked (`check_url`), or `page_key` names a landing page.

    `data` is for the page's placeholders, and for the form of a link that `posts`. With `redirects` false a page of
    ours leads to the URL. `domain` is the account's own, `http` or `https` and a host (`read_domain`).
    """

    url: str | None = field(default=None, repr=False)
    page_key: str | None = None
    data: Mapping[str, str] | None = field(default=None, repr=False)
    redirects: bool = True
    posts: bool = False
    has_system_parameters: bool = False
    is_tracked: bool = True
    domain: str | None = None

    @property
    def options(self) -> int:
        """The bits of `link.options`."""
        return (
            (0 if self.redirects else LEADS_ON)
            | (POSTS if self.posts else 0)
            | (SYSTEM_PARAMETERS if self.has_system_parameters else 0)
            | (TRACKED if self.is_tracked else 0)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLink:
    """A link as it is shown to who has asked for it."""

    code: str
    url: str = field(repr=False)


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
