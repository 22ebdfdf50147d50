"""Numbered pages, and the links between them."""

from urllib.parse import parse_qsl, urlencode

from carillon.dialects.apifon import schemas
from carillon.errors import InvalidInputError
from carillon.http.request import Request
from carillon.kit.page import NumberedPage

_MAX_PAGE = 10**9


def read_page(number: int | None, size: int | None, default: int = schemas.MAX_PAGE_SIZE) -> NumberedPage:
    """Read which page is asked for: the first, of the default size, unless said otherwise. Raises InvalidInputError."""
    if number is not None and not 1 <= number <= _MAX_PAGE:
        raise InvalidInputError("page", "Pages are numbered from 1.")
    if size is not None and not 1 <= size <= schemas.MAX_PAGE_SIZE:
        raise InvalidInputError("size", f"A page has 1 to {schemas.MAX_PAGE_SIZE} items.")
    return NumberedPage(number=number or 1, size=size or default)


def links_of(request: Request, page: NumberedPage, total: int) -> dict[str, str]:
    """Return the addresses of the pages around one, which all name the size; "" where there is none."""
    last = max(1, -(-total // page.size))
    place = f"{request.base_url}{request.raw_path.rstrip('/')}"
    kept = [(name, value) for name, value in parse_qsl(request.query) if name.lower() not in {"page", "size"}]

    def link(number: int) -> str:
        if not 1 <= number <= last:
            return ""
        return f"{place}?{urlencode([*kept, ('page', str(number)), ('size', str(page.size))])}"

    return {"prev": link(page.number - 1), "next": link(page.number + 1), "first": link(1), "last": link(last)}
