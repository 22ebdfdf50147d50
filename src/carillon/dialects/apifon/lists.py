"""Lists: each is an audience of the account."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from carillon.audience.audiences import PageAudiences, create_audience, delete_audience, page_audiences
from carillon.audience.descriptions import (
    AudienceDescription,
    AudienceEdit,
    DeleteDescribedAudience,
    DescribeAudiences,
    EditAudience,
    delete_described_audience,
    describe_audience,
    describe_audiences,
    edit_audience,
)
from carillon.db.filters import Order
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.forms import FORM_URLS, list_forms
from carillon.dialects.apifon.mapping import chosen, only, read_direction, read_fields
from carillon.dialects.apifon.mapping_lists import LIST_TYPE, list_tag, read_list, show_list
from carillon.dialects.apifon.mapping_structure import SubscriberList, inside, list_of
from carillon.dialects.apifon.paging import links_of, read_page
from carillon.dialects.apifon.replies import if_match, location_of, require_match, tagged
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.tenancy.accounts import get_account

_SORTS = {
    "id": "audience_id",
    "title": "name",
    "prefix": "country",
    "date_created": "created_at",
    "date_updated": "updated_at",
}


@contextmanager
def naming_list() -> Iterator[None]:
    """Name an audience that isn't there as a list."""
    try:
        yield
    except NotFoundError as error:
        raise NotFoundError("list") if error.subject == "audience" else error from error


def actor_in(call: Call) -> Actor:
    """Return an actor in the list that is called, which may not be there. Raises NotFoundError for `list`."""
    return inside(call.actor, call.request.segments["list_id"])


async def open_list(call: Call, *, with_counts: bool = False) -> SubscriberList:
    """Find the list that is called. Raises NotFoundError for `list`."""
    actor = actor_in(call)
    with naming_list():
        return list_of(actor, await call.db.read(describe_audience, actor, with_counts=with_counts))


async def _account_name(call: Call) -> str:
    return (await call.db.read(get_account, call.actor)).name


async def create(call: Call) -> Answer:
    asked: schemas.AddList = call.body
    chosen(asked.type, (LIST_TYPE,), "type")
    made = await call.db.run(create_audience, call.actor, read_list(asked).creation())
    return Answer(data=None, status=201, headers={"Location": location_of(call, list_id=made.audience_id)})


async def list_lists(call: Call) -> Answer:
    """Show a page of the account's lists."""
    asked: schemas.ListLists = call.query
    page = read_page(asked.page, asked.size, schemas.DEFAULT_LISTS)
    sort = (asked.sort or "id").strip()
    if sort not in _SORTS:
        raise InvalidInputError("sort", f"Lists are sorted by {', '.join(_SORTS)}.")
    order = Order(_SORTS[sort], descending=read_direction(asked.sort_dir))
    ids, total = list[int](), 0
    if not asked.type or chosen(asked.type, (LIST_TYPE, "MOBILE"), "type") == LIST_TYPE:
        query = PageAudiences(limit=page.size, offset=page.offset, order=order)
        found = await call.db.read(page_audiences, call.actor, query)
        ids, total = [one.audience_id for one in found.items], found.total
    described = await call.db.read(
        describe_audiences, call.actor, DescribeAudiences(audience_ids=ids, with_counts=True)
    )
    name, fields = await _account_name(call), read_fields(asked.fields)
    return Answer(
        data={
            "meta": {"page": page.number, "size": page.size, "total": total},
            "links": links_of(call.request, page, total),
            "results": [
                only(_shown(call, list_of(call.actor, described[one]), name), fields) for one in ids if one in described
            ],
        }
    )


async def show(call: Call) -> Answer:
    opened = await open_list(call, with_counts=True)
    shown = _shown(call, opened, await _account_name(call))
    return tagged(call, shown, shown["meta"]["ETag"])


def _shown(call: Call, opened: SubscriberList, account_name: str) -> dict[str, Any]:
    tag, shown = list_tag(opened, account_name), show_list(opened, account_name)
    return {"meta": {"ETag": tag}, **shown, FORM_URLS: list_forms(call, opened.actor.audience_id)}


async def update(call: Call) -> Answer:
    written, expected, actor = read_list(call.body), if_match(call), actor_in(call)
    name = await _account_name(call) if expected else ""

    def decide(described: AudienceDescription) -> AudienceEdit:
        opened = list_of(actor, described)
        if expected:
            require_match(expected, list_tag(opened, name))
        return AudienceEdit(change=written.change(opened))

    with naming_list():
        await call.db.run(edit_audience, actor, EditAudience(decide=decide, with_counts=bool(expected)))
    place = location_of(call)
    return Answer(data=None, status=204, headers={"Location": place, "Content-Location": place})


async def delete(call: Call) -> Answer:
    """Remove a list with everything in it."""
    expected, actor = if_match(call), actor_in(call)
    name = await _account_name(call) if expected else ""

    def precondition(described: AudienceDescription) -> None:
        require_match(expected, list_tag(list_of(actor, described), name))

    try:
        with naming_list():
            if expected:
                command = DeleteDescribedAudience(precondition=precondition)
                await call.db.run(delete_described_audience, actor, command)
            else:
                await call.db.run(delete_audience, actor)
    except InvalidInputError as error:
        raise InvalidInputError("list_id", error.message) from error
    return Answer(data=None, status=204)
