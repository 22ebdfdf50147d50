"""Landing parameters of messages, `apifon_lp…`, between Apifon's form and ours (Request Body: LANDING PAGE). Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.mapping import chosen
from carillon.dialects.reading import read_request, read_text, require, within
from carillon.errors import InvalidInputError
from carillon.links.targets import LinkTarget, ShortLink, check_data, check_page_key, check_url, is_url, read_domain
from carillon.text.placeholders import PlaceholderStyle, Template

LANDING: Final = "apifon_lp"
"""How the names of parameters begin that are landing pages."""

_PLACE = re.compile(rf"\{{{LANDING}[^{{}}]*\}}")
_METHODS = ("GET", "POST")


def landing_keys(text: str, place: str) -> frozenset[str]:
    """Return the landing parameters that a text has places for. Raises InvalidInputError for its place."""
    try:
        keys = Template.parse(text, PlaceholderStyle.BRACES).keys
    except InvalidInputError as error:
        raise InvalidInputError(place, error.message) from error
    return frozenset(key for key in keys if key.startswith(LANDING))


def has_landing_place(text: str) -> bool:
    """Tell whether a text has a place for a landing parameter."""
    return _PLACE.search(text) is not None


def read_landings(params: Mapping[str, Any] | None, keys: frozenset[str], place: str) -> Mapping[str, LinkTarget]:
    """Read a recipient's landing parameters that its message refers to; the others are not looked at.

    Raises InvalidInputError and MissingInputError with the place of what is wrong: a message goes to nobody with an
    empty place for a link.
    """
    if not keys:
        return {}
    given = params or {}
    missing = [key for key in keys if key not in given]
    if missing:
        raise InvalidInputError(within(place, min(missing)), "The text has a place for this landing page.")
    return {name: _landing(one, within(place, name)) for name, one in given.items() if name in keys}


def _landing(given: object, place: str) -> LinkTarget:
    if type(given) is dict and len(given) == 1 and type(url := given.get("url")) is str and is_url(url):
        # As almost all are: of a hundred thousand recipients, it takes a tenth of the time.
        return LinkTarget(url=check_url(url, within(place, "url")), has_system_parameters=True)
    if not isinstance(given, Mapping):
        raise InvalidInputError(place, "A landing page is an object with a url.")
    asked = read_request(schemas.Landing, given, place)
    require(asked, place)
    redirects = asked.redirect is not False
    method = chosen((asked.method or "GET").strip().upper(), _METHODS, within(place, "method"))
    leads_to_url = is_url(asked.url.strip())
    return LinkTarget(
        url=check_url(asked.url.strip(), within(place, "url")) if leads_to_url else None,
        page_key=None if leads_to_url else check_page_key(asked.url.strip(), within(place, "url")),
        data=_data(asked.data, within(place, "data")),
        redirects=redirects,
        posts=method == "POST" and not redirects,
        has_system_parameters=not asked.prevent_sys_params,
        is_tracked=asked.enable_tracking is not False,
        domain=read_domain(asked.landing_domain, within(place, "landing_domain")) if asked.landing_domain else None,
    )


def _data(given: Mapping[str, Any] | None, place: str) -> Mapping[str, str] | None:
    if not given:
        return None
    return check_data({name: "" if one is None else read_text(one, place) for name, one in given.items()}, place)


def show_landings(links: Mapping[str, ShortLink]) -> dict[str, Any]:
    """Show the short links of a recipient; the first is shown in the old way, too."""
    if not links:
        return {}
    shown = {name: {"short_code": one.code, "short_url": one.url} for name, one in links.items()}
    return {**next(iter(shown.values())), "landing_pages": shown}
