"""Where short links are: the addresses that they begin with, and the codes at their ends."""

import re
from collections.abc import Callable, Sequence

from carillon.errors import ServiceError
from carillon.links.codes import CODE_CHARACTERS, LinkCodes
from carillon.links.targets import host_of

PATH = "/l/"
"""What stands before a code where a link has the address of the installation."""

_LINK = re.compile(rf"https?://([^\s/?#@]+)(?:/[^\s?#]*)?/([0-9A-Za-z]{{{CODE_CHARACTERS}}})(?![0-9A-Za-z/])")


class UnknownAddressError(ServiceError):
    """The process doesn't know where links are (`LinkAddresses.set_up`)."""

    code = "links_unknown"


class LinkAddresses:
    """What a process knows of the addresses of links, from its settings (`Database.process_state`)."""

    def __init__(self) -> None:
        self._codes: LinkCodes | None = None
        self._base = ""
        self._host: str | None = None
        self.keeps_days = 365
        """Links that were made longer ago are gone."""
        self.last_account = 0
        """The largest id of an account that this process knows of."""

    def set_up(self, derive: Callable[[str], bytes], *, base: str, is_chosen: bool, keeps_days: int) -> None:
        """Set what links begin with, which is `base` and a slash.

        `is_chosen` says that an operator has named it: then no other host leads anywhere for links without a domain of
        their own, and accounts may have such domains.
        """
        self._codes = LinkCodes(derive)
        self._base = base.rstrip("/")
        self._host = host_of(self._base).partition("/")[0].lower() if is_chosen else None
        self.keeps_days = keeps_days

    @property
    def codes(self) -> LinkCodes:
        """What makes and reads codes. Raises UnknownAddressError."""
        if self._codes is None:
            raise UnknownAddressError
        return self._codes

    @property
    def is_chosen(self) -> bool:
        """Whether an operator has named the address of links."""
        return self._host is not None

    def urls_of(self, codes: Sequence[str], domains: Sequence[str | None]) -> list[str]:
        """Return the short URLs of codes; a domain is an account's own, as `https://host`."""
        if len(set(domains)) == 1:  # almost always, of very many
            before = f"{domains[0] or self._base}/"
            return [before + code for code in codes]
        return [f"{domain or self._base}/{code}" for code, domain in zip(codes, domains, strict=True)]

    def leads(self, host: str, domain: str | None) -> bool:
        """Whether a link of a domain (None: the installation's) leads on where it was asked for at a host.

        Nobody's link leads on from another's domain: whoever knows that domain would trust it.
        """
        given = host.lower()
        if domain is not None:
            return given == host_of(domain)
        return self._host is None or given == self._host

    def links_in(self, text: str) -> Sequence[tuple[str, str]]:
        """Return the URLs in a text that look like short links, with their codes."""
        return [(found[0], found[2]) for found in _LINK.finditer(text)]
