"""Landing parameters of messages, `apifon_lp…`, between Apifon's form and ours (Request Body: LANDING PAGE). Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import msgspec

from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.mapping import chosen
from carillon.dialects.reading import read_request, read_text, require, within
from carillon.errors import InvalidInputError
from carillon.links.targets import (
    LEADS_ON,
    POSTS,
    SYSTEM_PARAMETERS,
    TRACKED,
    LinkColumn,
    ShortLinks,
    Way,
    check_data,
    check_page_key,
    check_posted_url,
    check_url,
    is_url,
    read_domain,
    valid_urls,
)
from carillon.text.placeholders import PlaceholderStyle, Template

LANDING: Final = "apifon_lp"
"""How the names of parameters begin that are landing pages."""

_PLACE = re.compile(rf"\{{{LANDING}[^{{}}]*\}}")
_METHODS = ("GET", "POST")
_BARE = Way(options=SYSTEM_PARAMETERS | TRACKED)
_encode = msgspec.json.Encoder().encode


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


def read_landings(
    params: Sequence[Mapping[str, Any] | None], keys: frozenset[str], places: Callable[[int], str]
) -> Mapping[str, LinkColumn]:
    """Read the landing parameters of recipients that their message refers to; the others are not looked at.

    The columns are in the order of the first recipient's parameters. `places` names where a recipient's stand. Raises
    InvalidInputError and MissingInputError with the place of what is wrong: a message goes to nobody with an empty
    place for a link.
    """
    if not keys or not params:
        return {}
    order = list(params[0] or ())
    names = sorted(keys, key=lambda key: (order.index(key) if key in order else len(order), key))
    return {name: _column(name, _members(params, name), places) for name in names}


def _members(params: Sequence[Any], name: str) -> list[Any]:
    try:  # most have it
        return list(map(itemgetter(name), params))
    except (KeyError, TypeError):
        return [(one or {}).get(name) for one in params]


def _column(name: str, given: Sequence[Any], places: Callable[[int], str]) -> LinkColumn:
    """Read the parameter of a name; almost all have a URL that is one and nothing else, and are read at once."""
    bare = _bare_urls(given)
    urls: list[str | None] = list(bare)
    others: dict[int, Way] = {}
    valid = valid_urls(bare)
    for row in range(len(given)) if not all(valid) else ():
        if not valid[row]:
            urls[row], others[row] = _landing(given[row], within(places(row), name))
    return LinkColumn(urls=urls, way=_BARE, others=others)


def _bare_urls(given: Sequence[Any]) -> list[str]:
    """Return the URLs of parameters that have nothing else, and blanks for the others."""
    if set(map(type, given)) == {dict} and sum(map(len, given)) == len(given):
        urls = _members(given, "url")
        if set(map(type, urls)) == {str}:
            return urls
    return [one["url"] if type(one) is dict and len(one) == 1 and type(one.get("url")) is str else "" for one in given]


def _landing(given: object, place: str) -> tuple[str | None, Way]:
    if given is None:
        raise InvalidInputError(place, "The text has a place for this landing page.")
    if not isinstance(given, Mapping):
        raise InvalidInputError(place, "A landing page is an object with a url.")
    asked = read_request(schemas.Landing, given, place)
    require(asked, place)
    redirects = asked.redirect is not False
    method = chosen((asked.method or "GET").strip().upper(), _METHODS, within(place, "method"))
    options = (
        (0 if redirects else LEADS_ON)
        | (POSTS if method == "POST" and not redirects else 0)
        | (0 if asked.prevent_sys_params else SYSTEM_PARAMETERS)
        | (0 if asked.enable_tracking is False else TRACKED)
    )
    url, at = asked.url.strip(), within(place, "url")
    leads_to_url = is_url(url)
    domain = read_domain(asked.landing_domain, within(place, "landing_domain")) if asked.landing_domain else None
    data = _data(asked.data, within(place, "data"))
    page_key = None if leads_to_url else check_page_key(url, at)
    way = Way(options=options, page_key=page_key, data=data, domain=domain)
    check = check_posted_url if options & POSTS else check_url
    return check(url, at) if leads_to_url else None, way


def _data(given: Mapping[str, Any] | None, place: str) -> Mapping[str, str] | None:
    if not given:
        return None
    return check_data({name: "" if one is None else read_text(one, place) for name, one in given.items()}, place)


def show_landings(links: ShortLinks | None, keys: frozenset[str]) -> tuple[str, Sequence[Sequence[str]]]:
    """Show the short links of recipients that their text has: further members of a result's JSON, with their columns.

    The first is shown in the old way, too. Those of the SMS behind an instant message alone are not shown
    (RESULT_DETAILS of IM).
    """
    shown = [name for name in links.codes if name in keys] if links is not None else []
    if links is None or not shown:
        return "", ()
    # What is shown of a link needs no escape but its name.
    names = [_encode(name).decode().replace("%", "%%") for name in shown]
    pages = ",".join(f'{name}:{{"short_code":"%s","short_url":"%s"}}' for name in names)
    form = f',"short_code":"%s","short_url":"%s","landing_pages":{{{pages}}}'
    return form, [column for name in (shown[0], *shown) for column in (links.codes[name], links.urls[name])]
