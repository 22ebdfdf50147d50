"""What all resources' replies share: locations, entity tags and partial replies."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from carillon.dialects.apifon.errors import StaleTagError
from carillon.dialects.apifon.mapping import only, parse_id, read_fields, show_id
from carillon.dialects.rest import Answer, Call

LISTS = "/services/api/v1/list"


def location_of(call: Call, *inside: str, list_id: int | None = None) -> str:
    """Return the address of a list, the one that is called unless said otherwise, or of what is inside it.

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
    """Return the If-Match header of the call, "" where there is none."""
    return call.request.headers.get("if-match", "")


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
