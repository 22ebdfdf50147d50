"""The operations of subscribers and of the bounce list, each with the scope that the reference asks for."""

from collections.abc import Sequence

from carillon.dialects.apifon import blocks, schemas, subscribers
from carillon.dialects.apifon.replies import LISTS
from carillon.dialects.rest import Operation
from carillon.tenancy.scopes import Scope

_SUBSCRIBERS = f"{LISTS}/{{list_id}}/subscriber"
_BLOCKS = "/services/api/v1/bounce/subscriber"
_READ, _WRITE = "readSubscriber", "writeSubscriber"
_PAGING = ("fields", "page", "size", "sort", "sort_dir")
_SUBSCRIBER_PARTS = (
    "destination",
    "email",
    "status",
    "email_status",
    "subscriber_fields",
    "gdpr_fields",
    "groupOptions",
)

SUBSCRIBER_OPERATIONS: Sequence[tuple[str, Operation]] = (
    (
        _WRITE,
        Operation(
            method="POST",
            path=_SUBSCRIBERS,
            title="Add Subscriber",
            summary="Adds a subscriber to a list: 409 when the list has its number or its address.",
            scope=Scope.AUDIENCE_WRITE,
            handle=subscribers.create,
            body=schemas.Subscriber,
            status=201,
            reference=("list_id", *_SUBSCRIBER_PARTS),
            sample={"destination": "+306912345678", "email": "ana@mail.example", "status": "SUBSCRIBED"},
            notes=(
                "A status that isn't given is SUBSCRIBED; that a blocked address can't be, 400.",
                "Nothing is sent for UNCONFIRMED yet.",
            ),
        ),
    ),
    (
        _WRITE,
        Operation(
            method="POST",
            path=f"{_SUBSCRIBERS}/bulk",
            title="Add Subscribers",
            summary="Adds many subscribers, and changes those that are there when asked to.",
            scope=Scope.AUDIENCE_WRITE,
            handle=subscribers.create_many,
            body=schemas.AddSubscribers,
            reference=("list_id", "update_on_duplicate", "subscribers", *_SUBSCRIBER_PARTS),
            sample={
                "update_on_duplicate": True,
                "subscribers": [{"destination": "+306912345678", "email": "ana@mail.example", "status": "SUBSCRIBED"}],
            },
            notes=(
                "Up to ten rows are written before the reply; more are stored before it and worked off in their order.",
                "A row that can't be used is left out.",
                "A row whose addresses are all blocked is left out; where one of two is, that one is unsubscribed.",
            ),
        ),
    ),
    (
        _READ,
        Operation(
            method="GET",
            path=_SUBSCRIBERS,
            title="Get Subscribers",
            summary="Shows a page of a list's subscribers.",
            scope=Scope.AUDIENCE_READ,
            handle=subscribers.list_subscribers,
            query=schemas.ListSubscribers,
            reference=("list_id", "status", "email", *_PAGING),
            notes=("`meta.total` counts subscribers, not pages; what comes before a page is walked over.",),
        ),
    ),
    (
        _READ,
        Operation(
            method="POST",
            path=f"{_SUBSCRIBERS}/query",
            title="Query Subscribers",
            summary="Shows a page of the subscribers that meet all conditions.",
            scope=Scope.AUDIENCE_READ,
            handle=subscribers.query_subscribers,
            body=schemas.Query,
            reference=(
                "list_id",
                "conditions",
                "name",
                "op",
                "vl",
                "fields",
                "sort",
                "sort_dir",
                "sort_field",
                "page",
                "size",
            ),
            sample={"conditions": [{"name": "destination", "op": "beginsWith", "vl": "3069"}], "size": 50},
            notes=(
                "All eight operators are taken on dates too.",
                "groupOptions is asked with eq, exists and nexists.",
                "A subscriber field or a GDPR field is compared by walking over the list.",
            ),
        ),
    ),
    (
        _WRITE,
        Operation(
            method="PUT",
            path=f"{_SUBSCRIBERS}/{{lookup_md5}}",
            title="Update Subscriber",
            summary="Changes a subscriber, who is archived no more.",
            scope=Scope.AUDIENCE_WRITE,
            handle=subscribers.update,
            body=schemas.Subscriber,
            status=204,
            reference=("list_id", "lookup_md5", *_SUBSCRIBER_PARTS),
            notes=(
                "What isn't given stays.",
                "groupOptions are all the subgroups that the subscriber shall have, those of GROUPS too.",
            ),
        ),
    ),
    (
        _READ,
        Operation(
            method="GET",
            path=f"{_SUBSCRIBERS}/{{lookup_md5}}",
            title="Get Subscriber",
            summary="Shows a subscriber, with an ETag; If-None-Match is honoured.",
            scope=Scope.AUDIENCE_READ,
            handle=subscribers.show,
            query=schemas.ShowOne,
            reference=("list_id", "lookup_md5", "fields"),
            notes=("Nothing is served yet at the addresses in form_urls.",),
        ),
    ),
    (
        _WRITE,
        Operation(
            method="DELETE",
            path=f"{_SUBSCRIBERS}/{{lookup_md5}}",
            title="Remove Subscriber",
            summary="Archives a subscriber, or deletes it.",
            scope=Scope.AUDIENCE_WRITE,
            handle=subscribers.delete,
            query=schemas.RemoveSubscriber,
            status=204,
            reference=("list_id", "lookup_md5", "permanent"),
        ),
    ),
    (
        _WRITE,
        Operation(
            method="POST",
            path=f"{_SUBSCRIBERS}/{{lookup_md5}}/subscribe",
            title="Subscribe Subscriber",
            summary="Subscribes a subscriber on the channel whose identifier is given.",
            scope=Scope.AUDIENCE_WRITE,
            handle=subscribers.subscribe,
            status=204,
            reference=("list_id", "lookup_md5"),
            notes=("A blocked address: 400.",),
        ),
    ),
    (
        _WRITE,
        Operation(
            method="POST",
            path=f"{_SUBSCRIBERS}/{{lookup_md5}}/unsubscribe",
            title="Unsubscribe Subscriber",
            summary="Unsubscribes a subscriber on the channel whose identifier is given.",
            scope=Scope.AUDIENCE_WRITE,
            handle=subscribers.unsubscribe,
            status=204,
            reference=("list_id", "lookup_md5"),
        ),
    ),
)

BLOCK_OPERATIONS: Sequence[tuple[str, Operation]] = (
    (
        _WRITE,
        Operation(
            method="POST",
            path=f"{_BLOCKS}/block",
            title="Add blocked subscriber",
            summary="Blocks a mobile number or an e-mail address, which also unsubscribes it in every list.",
            scope=Scope.AUDIENCE_WRITE,
            handle=blocks.block,
            body=schemas.Block,
            status=201,
            reference=("destination", "reason", "description"),
            sample={"destination": "306912345678", "reason": "sub_requested"},
            notes=("One that is blocked already stays as it is, and answers 201 too.",),
        ),
    ),
    (
        _READ,
        Operation(
            method="GET",
            path=_BLOCKS,
            title="Get blocked subscribers",
            summary="Lists blocked addresses by pages.",
            scope=Scope.AUDIENCE_READ,
            handle=blocks.list_blocks,
            query=schemas.ListBlocks,
            reference=("type", "reason", *_PAGING),
            notes=("A page that does not exist is empty. What comes before a page is walked over.",),
        ),
    ),
    (
        _READ,
        Operation(
            method="GET",
            path=f"{_BLOCKS}/{{destination}}",
            title="Get blocked subscriber by destination",
            summary="Shows a blocked address, with an ETag; If-None-Match is honoured.",
            scope=Scope.AUDIENCE_READ,
            handle=blocks.show,
            query=schemas.ShowOne,
            reference=("fields", "destination"),
        ),
    ),
    (
        _READ,
        Operation(
            method="POST",
            path=f"{_BLOCKS}/query",
            title="Query blocked subscribers",
            summary="Lists the blocked addresses that meet all conditions.",
            scope=Scope.AUDIENCE_READ,
            handle=blocks.query_blocks,
            body=schemas.Query,
            reference=("conditions", "name", "op", "vl", "fields", "sort", "sort_dir", "sort_field", "page", "size"),
            sample={"conditions": [{"name": "destination", "op": "beginsWith", "vl": "3069"}], "size": 50},
            notes=("All eight operators are taken on dates too, as the reference's own example does.",),
        ),
    ),
    (
        _WRITE,
        Operation(
            method="DELETE",
            path=f"{_BLOCKS}/unblock/{{destination}}",
            title="Remove blocked subscriber",
            summary="Lifts a block; 404 when there is none.",
            scope=Scope.AUDIENCE_WRITE,
            handle=blocks.unblock,
            status=204,
            reference=("destination",),
        ),
    ),
)
