"""What each endpoint is asked, in Apifon's words."""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

REQUIRED = Meta(extra={"required": True})

MAX_PAGE_SIZE = 200
MAX_FIELDS = 100
MAX_CONDITIONS = 50

Destination: TypeAlias = Annotated[
    str, REQUIRED, Meta(description="The mobile number with its country code, or the e-mail address.")
]
Fields: TypeAlias = Annotated[str | None, Meta(description="The keys that the reply shall have, with commas between.")]
Page: TypeAlias = Annotated[int | None, Meta(description="Which page, from 1.")]
Size: TypeAlias = Annotated[int | None, Meta(description=f"How many items a page has: up to {MAX_PAGE_SIZE}.")]
SortDir: TypeAlias = Annotated[str | None, Meta(description="ASC or DESC.")]


class Request(msgspec.Struct, kw_only=True):
    """The base of what endpoints are asked."""


class Block(Request):
    """An address that is not written to any more."""

    destination: Destination = ""
    reason: Annotated[str, REQUIRED, Meta(description="One of BLOCK_REASONS.")] = ""
    description: Annotated[str | None, Meta(description="A few words about it.")] = None


class ListBlocks(Request):
    """The query of Get Block Subscribers."""

    type: Annotated[str | None, Meta(description="MOBILE or EMAIL.")] = None
    reason: Annotated[str | None, Meta(description="One of BLOCK_REASONS.")] = None
    fields: Fields = None
    page: Page = None
    size: Size = None
    sort: Annotated[str | None, Meta(description="The field to sort by: date_created unless said otherwise.")] = None
    sort_dir: SortDir = None


class ShowOne(Request):
    """The query of an endpoint that shows one item."""

    fields: Fields = None


class Condition(Request):
    """What an item has to meet."""

    name: Annotated[str, REQUIRED, Meta(description="The field.")] = ""
    op: Annotated[str, REQUIRED, Meta(description="eq, beginsWith, gte, gt, lte, lt, exists or nexists.")] = ""
    vl: Annotated[str | None, Meta(description="The value; exists and nexists have none.")] = None


class Sort(Request):
    """How items are sorted."""

    sort_field: Annotated[str | None, Meta(description="The field: id unless said otherwise.")] = None
    sort_dir: SortDir = None


class Query(Request):
    """The body of the query endpoints."""

    conditions: Annotated[
        list[Any],
        Meta(
            description=f"All of them must hold; up to {MAX_CONDITIONS}.",
            extra={"item": Condition, "limit": MAX_CONDITIONS},
        ),
    ] = []
    fields: Annotated[
        list[Any], Meta(description="The keys that the reply shall have.", extra={"limit": MAX_FIELDS})
    ] = []
    sort: Annotated[list[Any], Meta(description="How items are sorted.", extra={"item": Sort, "limit": 1})] = []
    page: Page = None
    size: Size = None
