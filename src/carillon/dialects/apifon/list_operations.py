"""The operations of lists, of their fields and of their groups, each with the scopes that the reference asks for."""

from collections.abc import Sequence

from carillon.dialects.apifon import fields, groups, lists, schemas
from carillon.dialects.apifon.replies import LISTS
from carillon.dialects.rest import Operation
from carillon.tenancy.scopes import Scope

_LIST = f"{LISTS}/{{list_id}}"
_READ_LISTS, _WRITE_LISTS, _EMPTY_LISTS = "readList", "writeList", "writeList writeSubscriber"

_CAMPAIGN_DEFAULTS = ("campaign_defaults", "sender_id", "viber_sender_id", "sender_name", "from", "reply_to")
_GDPR_PROPERTIES = ("gdpr_properties", "gdpr_compliant", "legal_text", "title", "description")
_DOUBLE_OPTIN = ("double_optin", "mobile", "email", "review_mobile_details")
_LIST_PARTS = ("title", "description", "prefix", *_CAMPAIGN_DEFAULTS, *_GDPR_PROPERTIES, *_DOUBLE_OPTIN)

LIST_OPERATIONS: Sequence[tuple[str, Operation]] = (
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
            reference=("type", "fields", "page", "size", "sort", "sort_dir"),
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

FIELD_OPERATIONS: Sequence[tuple[str, Operation]] = (
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
            reference=("list_id", "name", "type", "length", "date_format", "internal"),
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
            reference=("list_id", "field", "name", "length", "date_format", "internal"),
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
            reference=("list_id", "field"),
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
            reference=("list_id", "name", "description"),
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
            reference=("list_id", "field", "name", "description"),
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
            reference=("list_id", "name", "type", "internal", "selectionType", "groupOptionsOrientation"),
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
            reference=("list_id", "group_field"),
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
            reference=("list_id", "group_field"),
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
            reference=("list_id", "group_field", "name"),
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
            reference=("list_id", "group_field", "name"),
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
            reference=("list_id", "group_field", "option_field"),
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
            reference=("list_id", "group_field", "option_field", "name"),
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
            reference=("list_id", "group_field", "option_field"),
        ),
    ),
)
