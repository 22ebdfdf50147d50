"""Pages by number, with the addresses of those beside them."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from carillon.dialects.nrs import replies, schemas
from carillon.errors import InvalidInputError
from carillon.http.request import Request
from carillon.kit.page import Counted, NumberedPage

Item = TypeVar("Item")
Shown = TypeVar("Shown")


def read_page(asked: schemas.Paging) -> NumberedPage:
    """Read which page is wanted; more items than the most are the most.

    Raises InvalidInputError for a page or a limit below 1, and for a page that no list has.
    """
    page = 1 if asked.page is None else asked.page
    limit = schemas.DEFAULT_LIMIT if asked.limit is None else asked.limit
    if not 1 <= page <= schemas.MAX_PAGE:
        raise InvalidInputError("page", f"It is a number from 1 to {schemas.MAX_PAGE}.")
    if limit < 1:
        raise InvalidInputError("limit", f"It is a number from 1 to {schemas.MAX_LIMIT}.")
    return NumberedPage(number=page, size=min(limit, schemas.MAX_LIMIT))


def show_page(
    request: Request, path: str, page: NumberedPage, found: Counted[Item], show: Callable[[Item], Shown]
) -> replies.Many[Shown]:
    """Show a page of the list at a path; an empty list has one page."""
    last = max(1, -(-found.total // page.size))
    kept = [(name, value) for name, value in parse_qsl(request.query, keep_blank_values=True) if name.lower() != "page"]

    def url(number: int) -> str:
        return f"{request.base_url}{path}?{urlencode([*kept, ('page', number)])}"

    links = replies.Links(
        previous=url(min(page.number - 1, last)) if page.number > 1 else None,
        next=url(page.number + 1) if page.number < last else None,
    )
    pagination = replies.Pagination(
        total=found.total,
        count=len(found.items),
        per_page=page.size,
        current_page=page.number,
        total_pages=last,
        links=links,
    )
    return replies.Many(data=[show(one) for one in found.items], meta=replies.Meta(pagination=pagination))
