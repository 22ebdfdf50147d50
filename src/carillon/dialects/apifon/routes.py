"""The dialect as it is mounted: the table of operations, the spellings of paths, and what is not served yet."""

from collections.abc import Sequence

from carillon.dialects.apifon import auth, blocks, fields, groups, lists, oauth, schemas, subscribers
from carillon.dialects.apifon.errors import present_error
from carillon.dialects.apifon.examples import first_calls
from carillon.dialects.apifon.replies import LISTS
from carillon.dialects.apifon.scopes import let_in_with
from carillon.dialects.mount import Dialect, Route
from carillon.dialects.rest import Operation, coverage_of, describe_operations, route_of
from carillon.tenancy.scopes import Scope

BASE = "/services/api/v1"
_OTHER_BASE = "/services"
_BLOCKS = f"{BASE}/bounce/subscriber"
_LIST = f"{LISTS}/{{list_id}}"
_SUBSCRIBERS = f"{_LIST}/subscriber"
_PAGING = ("fields", "page", "size", "sort", "sort_dir")

_HEAD = """\
# Apifon: what is served

Generated from the table of operations; do not edit. The reference is `001_94193108bab8683b.txt`; what is our own choice
is told in the [dialect's README](../../src/carillon/dialects/apifon/README.md).

Every path is served with and without a slash at its end, under `/services/api/v1` and `/services`. Callers sign
(ApifonWS) or show a token of `POST /oauth2/token`; `POST /oauth2/revoke` ends one. Of the reference's resources
these are the bounce list, lists and subscribers; **sending is not served yet**.
"""

_READ, _WRITE = "readSubscriber", "writeSubscriber"
_READ_LISTS, _WRITE_LISTS, _EMPTY_LISTS = "readList", "writeList", "writeList writeSubscriber"

_CAMPAIGN_DEFAULTS = ("campaign_defaults", "sender_id", "viber_sender_id", "sender_name", "from", "reply_to")
_GDPR_PROPERTIES = ("gdpr_properties", "gdpr_compliant", "legal_text", "title", "description")
_DOUBLE_OPTIN = ("double_optin", "mobile", "email", "review_mobile_details")
_LIST_PARTS = ("title", "description", "prefix", *_CAMPAIGN_DEFAULTS, *_GDPR_PROPERTIES, *_DOUBLE_OPTIN)

_LIST_OPERATIONS: Sequence[tuple[str, Operation]] = (
    (
        _WRITE_LISTS,
        Operation(
            method="POST",
            path=LISTS,
            title="Add List",
            summary="Makes a list: an audience of the account.",
            scope=Scope.AUDIENCE_WRITE,
            handle=lists.create,
            body=schemas.AddList,
            status=201,
            reference=("type", *_LIST_PARTS),
            sample={"title": "Spring letters", "type": "ADVANCED", "prefix": "+30"},
        ),
    ),
    (
        _READ_LISTS,
        Operation(
            method="GET",
            path=LISTS,
            title="Get Lists",
            summary="Shows a page of the account's lists, those that other doors have made among them.",
            scope=Scope.AUDIENCE_READ,
            handle=lists.list_lists,
            query=schemas.ListLists,
            reference=("type", *_PAGING),
            notes=(
                "`meta.total` counts lists, not pages.",
                "Lists are sorted by id, title, prefix (by its country), date_created or date_updated; any other: 400.",
                "A list's subscribers are counted when it is shown.",
            ),
        ),
    ),
    (
        _READ_LISTS,
        Operation(
            method="GET",
            path=_LIST,
            title="Get List",
            summary="Shows a list, with an ETag; If-None-Match is honoured.",
            scope=Scope.AUDIENCE_READ,
            handle=lists.show,
            query=schemas.ShowOne,
            reference=("list_id", "fields"),
        ),
    ),
    (
        _WRITE_LISTS,
        Operation(
            method="PUT",
            path=_LIST,
            title="Update List",
            summary="Changes a list.",
            scope=Scope.AUDIENCE_WRITE,
            handle=lists.update,
            body=schemas.ChangeList,
            status=204,
            reference=("list_id", *_LIST_PARTS),
            sample={"title": "Summer letters", "prefix": "+30"},
            notes=("An optional part that isn't given stays as it is.",),
        ),
    ),
    (
        _EMPTY_LISTS,
        Operation(
            method="DELETE",
            path=_LIST,
            title="Remove List",
            summary="Removes a list with everything in it; blocks stay, they are the account's.",
            scope=Scope.AUDIENCE_WRITE,
            handle=lists.delete,
            status=204,
            reference=("list_id",),
            notes=("The account's default audience, and one that a credential works in, are refused: 400.",),
        ),
    ),
)

_FIELD_OPERATIONS: Sequence[tuple[str, Operation]] = (
    (
        _WRITE_LISTS,
        Operation(
            method="POST",
            path=f"{_LIST}/field",
            title="Add Subscriber field",
            summary="Adds a field to a list.",
            scope=Scope.AUDIENCE_WRITE,
            handle=fields.create,
            body=schemas.AddField,
            status=201,
            reference=(
                "list_id",
                "name",
                "type",
                "length",
                "date_format",
                "internal",
            ),
            sample={"name": "Birthday", "type": "DATE", "length": 20, "date_format": "dd/MM/yy"},
            notes=(
                "A name that a field of ours has, of a kind that fits, is that field: First Name is first_name.",
                "Location is the list, which shows the field.",
            ),
        ),
    ),
    (
        _WRITE_LISTS,
        Operation(
            method="PUT",
            path=f"{_LIST}/field/{{field}}",
            title="Update Subscriber field",
            summary="Changes a field of a list; its identifier stays.",
            scope=Scope.AUDIENCE_WRITE,
            handle=fields.update,
            body=schemas.ChangeField,
            reference=(
                "list_id",
                "field",
                "name",
                "length",
                "date_format",
                "internal",
            ),
        ),
    ),
    (
        _EMPTY_LISTS,
        Operation(
            method="DELETE",
            path=f"{_LIST}/field/{{field}}",
            title="Remove Subscriber field",
            summary="Removes a field, and what subscribers have in it.",
            scope=Scope.AUDIENCE_WRITE,
            handle=fields.delete,
            status=204,
            reference=(
                "list_id",
                "field",
            ),
        ),
    ),
    (
        _WRITE_LISTS,
        Operation(
            method="POST",
            path=f"{_LIST}/gdpr",
            title="Add GDPR field",
            summary="Adds a purpose that subscribers agree to, on each channel.",
            scope=Scope.AUDIENCE_WRITE,
            handle=fields.create_purpose,
            body=schemas.SaveGdprField,
            status=201,
            reference=(
                "list_id",
                "name",
                "description",
            ),
        ),
    ),
    (
        _WRITE_LISTS,
        Operation(
            method="PUT",
            path=f"{_LIST}/gdpr/{{field}}",
            title="Update GDPR field",
            summary="Changes a purpose; its identifier stays.",
            scope=Scope.AUDIENCE_WRITE,
            handle=fields.update_purpose,
            body=schemas.SaveGdprField,
            reference=(
                "list_id",
                "field",
                "name",
                "description",
            ),
        ),
    ),
    (
        _WRITE_LISTS,
        Operation(
            method="POST",
            path=f"{_LIST}/group",
            title="Add Group",
            summary="Adds a group to a list.",
            scope=Scope.AUDIENCE_WRITE,
            handle=groups.create,
            body=schemas.SaveGroup,
            status=201,
            reference=(
                "list_id",
                "name",
                "type",
                "internal",
                "selectionType",
                "groupOptionsOrientation",
            ),
            sample={"name": "Food", "type": "GROUP", "selectionType": "MULTIPLE"},
        ),
    ),
    (
        _READ_LISTS,
        Operation(
            method="GET",
            path=f"{_LIST}/group/{{group_field}}",
            title="Get Group",
            summary="Shows a group with its subgroups.",
            scope=Scope.AUDIENCE_READ,
            handle=groups.show,
            reference=(
                "list_id",
                "group_field",
            ),
        ),
    ),
    (
        _WRITE_LISTS,
        Operation(
            method="PUT",
            path=f"{_LIST}/group/{{group_field}}",
            title="Update Group",
            summary="Changes a group; what is optional and isn't given stays.",
            scope=Scope.AUDIENCE_WRITE,
            handle=groups.update,
            body=schemas.SaveGroup,
            reference=(
                "list_id",
                "group_field",
                "name",
                "type",
                "internal",
                "selectionType",
                "groupOptionsOrientation",
            ),
        ),
    ),
    (
        _EMPTY_LISTS,
        Operation(
            method="DELETE",
            path=f"{_LIST}/group/{{group_field}}",
            title="Remove Group",
            summary="Removes a group with its subgroups; subscribers stay.",
            scope=Scope.AUDIENCE_WRITE,
            handle=groups.delete,
            status=204,
            reference=(
                "list_id",
                "group_field",
            ),
        ),
    ),
    (
        _WRITE_LISTS,
        Operation(
            method="POST",
            path=f"{_LIST}/{{group_field}}/option",
            title="Add Subgroup",
            summary="Adds a subgroup to a group: a group of ours.",
            scope=Scope.AUDIENCE_WRITE,
            handle=groups.create_option,
            body=schemas.SaveOption,
            status=201,
            reference=(
                "list_id",
                "group_field",
                "name",
            ),
        ),
    ),
    (
        _WRITE_LISTS,
        Operation(
            method="POST",
            path=f"{_LIST}/{{group_field}}/options",
            title="Add Subgroups",
            summary="Adds several subgroups to a group.",
            scope=Scope.AUDIENCE_WRITE,
            handle=groups.create_options,
            body=schemas.AddOptions,
            status=201,
            reference=(
                "list_id",
                "group_field",
                "name",
            ),
            sample={"name": ["Fish", "Meat"]},
        ),
    ),
    (
        _READ_LISTS,
        Operation(
            method="GET",
            path=f"{_LIST}/{{group_field}}/option/{{option_field}}",
            title="Get Subgroup",
            summary="Shows a subgroup.",
            scope=Scope.AUDIENCE_READ,
            handle=groups.show,
            reference=(
                "list_id",
                "group_field",
                "option_field",
            ),
        ),
    ),
    (
        _WRITE_LISTS,
        Operation(
            method="PUT",
            path=f"{_LIST}/{{group_field}}/{{option_field}}",
            title="Update Subgroup",
            summary="Renames a subgroup.",
            scope=Scope.AUDIENCE_WRITE,
            handle=groups.update_option,
            body=schemas.SaveOption,
            reference=(
                "list_id",
                "group_field",
                "option_field",
                "name",
            ),
        ),
    ),
    (
        _EMPTY_LISTS,
        Operation(
            method="DELETE",
            path=f"{_LIST}/{{group_field}}/{{option_field}}",
            title="Remove Subgroup",
            summary="Removes a subgroup; subscribers stay.",
            scope=Scope.AUDIENCE_WRITE,
            handle=groups.delete_option,
            status=204,
            reference=(
                "list_id",
                "group_field",
                "option_field",
            ),
        ),
    ),
)

_SUBSCRIBER_PARTS = (
    "destination",
    "email",
    "status",
    "email_status",
    "subscriber_fields",
    "gdpr_fields",
    "groupOptions",
)

_SUBSCRIBER_OPERATIONS: Sequence[tuple[str, Operation]] = (
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
            reference=(
                "list_id",
                *_SUBSCRIBER_PARTS,
            ),
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
            reference=(
                "list_id",
                "update_on_duplicate",
                "subscribers",
                *_SUBSCRIBER_PARTS,
            ),
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
            reference=(
                "list_id",
                "status",
                "email",
                *_PAGING,
            ),
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
            reference=(
                "list_id",
                "lookup_md5",
                *_SUBSCRIBER_PARTS,
            ),
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
            reference=(
                "list_id",
                "lookup_md5",
                "fields",
            ),
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
            reference=(
                "list_id",
                "lookup_md5",
                "permanent",
            ),
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
            reference=(
                "list_id",
                "lookup_md5",
            ),
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
            reference=(
                "list_id",
                "lookup_md5",
            ),
        ),
    ),
)

OPERATIONS: Sequence[tuple[str, Operation]] = (
    *_LIST_OPERATIONS,
    *_FIELD_OPERATIONS,
    *_SUBSCRIBER_OPERATIONS,
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
_TABLE = [operation for _, operation in OPERATIONS]
_SECURITY = {"type": "http", "scheme": "bearer", "description": "A token of POST /oauth2/token; or sign with ApifonWS."}


def canonical_path(path: str) -> str | None:
    """Give the path in `routes`: without a slash at its end, and under the longer of the two bases."""
    trimmed = path.rstrip("/")
    if trimmed.startswith(("/oauth2/", f"{BASE}/")):
        return trimmed
    if trimmed.startswith(f"{_OTHER_BASE}/"):
        return BASE + trimmed.removeprefix(_OTHER_BASE)
    return None


DIALECT = Dialect(
    name=auth.DIALECT,
    key_words=auth.KEY_WORDS,
    routes=(
        *(route_of(operation, let_in_with(scope)) for scope, operation in OPERATIONS),
        Route(method="POST", path="/oauth2/token", function="token", handle=oauth.token),
        Route(method="POST", path="/oauth2/revoke", function="revoke", handle=oauth.revoke),
    ),
    canonical_path=canonical_path,
    present_error=present_error,
    describe=lambda: describe_operations(auth.DIALECT, _TABLE, _SECURITY),
    coverage=lambda: coverage_of(_HEAD, _TABLE),
    first_calls=first_calls,
)
