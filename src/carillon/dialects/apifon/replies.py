"""What all resources' replies share: pages, links between them, entity tags and partial responses."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.errors import StaleTagError
from carillon.dialects.apifon.mapping import only, parse_id, read_fields, show_id
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError
from carillon.http.request import Request
from carillon.kit.page import NumberedPage

LISTS = "/services/api/v1/list"

_MAX_PAGE = 10**9


def location_of(call: Call, *inside: str, list_id: int | None = None) -> str:
    """Give the address of a list, the one that is called unless said otherwise, or of what is inside it.

    Identifiers are escaped: they have letters, and a caller's spelling of an id line feeds, that no header can have.
    """
    number = list_id or parse_id(call.request.segments["list_id"]) or 0
    return "/".join([f"{call.request.base_url}{LISTS}", show_id(number), *(quote(one, safe="") for one in inside)])


def tagged(call: Call, shown: Mapping[str, Any], tag: str) -> Answer:
    """Show one item with its tag, or those of its keys that are asked for; 304 when the caller has it as it is."""
    headers = {"ETag": f'"{tag}"'}
    known = _tags(call.request.headers.get("if-none-match", ""))
    if tag in known or "*" in known:
        return Answer(data=None, status=304, headers=headers)
    return Answer(data=only(shown, read_fields(call.query.fields)), headers=headers)


def require_match(expected: str, tag: str) -> None:
    """Raise StaleTagError when a call's If-Match, if it has one, names another tag than the item's."""
    tags = _tags(expected)
    if expected and "*" not in tags and tag not in tags:
        raise StaleTagError


def if_match(call: Call) -> str:
    """Give what the caller says of the item that is to be changed."""
    return call.request.headers.get("if-match", "")


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]


def read_page(number: int | None, size: int | None, default: int = schemas.MAX_PAGE_SIZE) -> NumberedPage:
    """Read which page is asked for: the first, of the default size, unless said otherwise. Raises InvalidInputError."""
    if number is not None and not 1 <= number <= _MAX_PAGE:
        raise InvalidInputError("page", "Pages are numbered from 1.")
    if size is not None and not 1 <= size <= schemas.MAX_PAGE_SIZE:
        raise InvalidInputError("size", f"A page has 1 to {schemas.MAX_PAGE_SIZE} items.")
    return NumberedPage(number=number or 1, size=size or default)


def links_of(request: Request, page: NumberedPage, total: int) -> dict[str, str]:
    """Give the addresses of the pages around one, which say the size whoever set it; "" where there is none."""
    last = max(1, -(-total // page.size))
    place = f"{request.base_url}{request.raw_path.rstrip('/')}"
    kept = [(name, value) for name, value in parse_qsl(request.query) if name.lower() not in {"page", "size"}]

    def link(number: int) -> str:
        if not 1 <= number <= last:
            return ""
        return f"{place}?{urlencode([*kept, ('page', str(number)), ('size', str(page.size))])}"

    return {"prev": link(page.number - 1), "next": link(page.number + 1), "first": link(1), "last": link(last)}
