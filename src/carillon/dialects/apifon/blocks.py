"""The bounce list: addresses that are blocked for the whole account."""

from collections.abc import Mapping, Sequence
from typing import Any

from carillon.audience.suppression_queries import PageSuppressions, page_suppressions
from carillon.audience.suppressions import Channel, Reactivate, Suppress, reactivate, suppress
from carillon.db.filters import Condition, Op, Order
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.mapping import chosen, in_query, only, read_fields
from carillon.dialects.apifon.mapping_blocks import (
    BLOCK_REASONS,
    TYPES,
    USER,
    address_of,
    read_conditions,
    read_order,
    show_block,
)
from carillon.dialects.apifon.paging import links_of, read_page
from carillon.dialects.apifon.replies import tagged
from carillon.dialects.reading import read_request, read_text
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.page import NumberedPage

_CHANNELS = tuple(TYPES.values())


async def block(call: Call) -> Answer:
    """Block an address: no list's campaigns reach it any more."""
    asked: schemas.Block = call.body
    reason = chosen(asked.reason, BLOCK_REASONS, "reason")
    command = Suppress(
        addresses=[address_of(asked.destination)],
        reason=reason,
        actor_name=USER,
        description=(asked.description or "").strip() or None,
        unsubscribe_contacts=True,
    )
    done = await call.db.run(suppress, call.actor, command)
    if done.failed:
        raise InvalidInputError("destination", "This is neither a mobile number with its country code nor an address.")
    return Answer(data=None, status=201)


async def unblock(call: Call) -> Answer:
    """Lift a block."""
    command = Reactivate(
        addresses=[address_of(call.request.segments["destination"])], reason="unblocked", actor_name=USER
    )
    done = await call.db.run(reactivate, call.actor, command)
    if done.failed:
        raise _unknown()
    return Answer(data=None, status=204)


async def list_blocks(call: Call) -> Answer:
    """List blocked addresses."""
    asked: schemas.ListBlocks = call.query
    channels = [TYPES[chosen(asked.type, tuple(TYPES), "type")]] if asked.type else _CHANNELS
    conditions = []
    if asked.reason:
        conditions.append(Condition("reason", Op.EQ, chosen(asked.reason, BLOCK_REASONS, "reason")))
    page = read_page(asked.page, asked.size)
    order = read_order(asked.sort, asked.sort_dir, "date_created")
    found, total = await _found(call, channels, conditions, order, page)
    fields = read_fields(asked.fields)
    return Answer(
        data={
            "meta": {"page": page.number, "size": page.size, "total": total},
            "links": links_of(call.request, page, total),
            "results": [only(one, fields) for one in found],
        }
    )


async def query_blocks(call: Call) -> Answer:
    """List the blocked addresses that meet all conditions."""
    asked: schemas.Query = call.body
    sort = read_request(schemas.Sort, asked.sort[0] if asked.sort else None, "sort")
    page = read_page(asked.page, asked.size)
    try:
        order = read_order(sort.sort_field, sort.sort_dir, "id")
        found, total = await _found(call, _CHANNELS, read_conditions(asked.conditions), order, page)
    except InvalidInputError as error:
        raise in_query(error) from error
    fields = [name for one in asked.fields for name in read_fields(read_text(one, "fields"))]
    return Answer(
        data={
            "meta": {"page": page.number, "size": page.size, "total": total},
            "results": [only(one, fields) for one in found],
        }
    )


async def show(call: Call) -> Answer:
    """Show a blocked address; 304 when the caller has it as it is."""
    address = address_of(call.request.segments["destination"])
    query = PageSuppressions(channels=[address.channel], page=NumberedPage(size=1), address=address.value)
    page = await call.db.read(page_suppressions, call.actor, query)
    if not page.items:
        raise _unknown()
    shown = show_block(page.items[0])
    return tagged(call, shown, shown["meta"]["Etag"])


async def _found(
    call: Call, channels: Sequence[Channel], conditions: Sequence[Condition], order: Order, page: NumberedPage
) -> tuple[list[Mapping[str, Any]], int]:
    query = PageSuppressions(channels=channels, page=page, conditions=conditions, order=order)
    found = await call.db.read(page_suppressions, call.actor, query)
    return [show_block(one) for one in found.items], found.total


def _unknown() -> NotFoundError:
    return NotFoundError("destination", "This destination isn't blocked.")
