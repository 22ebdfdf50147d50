"""Pages by LastFetchedId: where one starts, and how it is shown."""

from collections.abc import Callable
from typing import TypeVar

from carillon.audience.contacts.contact import MAX_ID
from carillon.dialects.inforu.replies import Batch
from carillon.kit.page import Page

Item = TypeVar("Item")
Shown = TypeVar("Shown")


def place_in_list(last_fetched_id: int | None) -> int:
    """Return the id after which the page starts; one below or above every id counts as the first or the last."""
    return min(max(last_fetched_id or 0, 0), MAX_ID)


def show_page(page: Page[Item], show: Callable[[Item], Shown]) -> Batch[Shown]:
    """Show a page with the id that the next request asks with."""
    return Batch(last_fetched_id=page.last_id, count=len(page.items), items=[show(one) for one in page.items])
