"""Lists: each is an audience of the account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from carillon.addresses.emails import read_email
from carillon.addresses.phones import region_of_calling_code
from carillon.audience.audiences import (
    Audience,
    AudienceCounts,
    ChangeAudience,
    CreateAudience,
    PageAudiences,
    change_audience,
    count_audiences,
    create_audience,
    delete_audience,
    page_audiences,
)
from carillon.audience.groups import group_names
from carillon.db.database import Tx
from carillon.db.filters import Order
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.forms import FORM_URLS, form_id, list_forms
from carillon.dialects.apifon.mapping import (
    chosen,
    epoch_milliseconds,
    etag_of,
    only,
    read_direction,
    read_fields,
    show_id,
)
from carillon.dialects.apifon.replies import if_match, links_of, location_of, read_page, require_match, tagged
from carillon.dialects.apifon.structure import Group, OpenList, Structure, attributes_of, open_list, structure_of
from carillon.dialects.reading import read_request, require
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.tenancy.accounts import checked_name, get_account

_TYPE = "ADVANCED"
_SORTS = {
    "id": "audience_id",
    "title": "name",
    "prefix": "country",
    "date_created": "created_at",
    "date_updated": "updated_at",
}
_SENDER_CHARACTERS, _SENDER_DIGITS = 11, 16
_DOUBLE_OPTIN = ("mobile", "email", "review_mobile_details")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a caller says of a list; of the structure only the keys in `values` are said."""

    title: str
    country: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListContext:
    """What showing lists needs beside them."""

    account_name: str
    counts: Mapping[int, AudienceCounts]
    names: Mapping[int, Mapping[int, str]]


async def create(call: Call) -> Answer:
    """Make a list."""
    asked: schemas.AddList = call.body
    chosen(asked.type, (_TYPE,), "type")
    list_id = await call.db.run(_create, call.actor, read_list(asked))
    return Answer(data=None, status=201, headers={"Location": location_of(call, list_id=list_id)})


async def _create(tx: Tx, actor: Actor, written: Written) -> int:
    structure = Structure(**written.values)
    command = CreateAudience(name=written.title, country=written.country, attributes=attributes_of(structure))
    return (await create_audience(tx, actor, command)).audience_id


async def list_lists(call: Call) -> Answer:
    """Show a page of the account's lists."""
    asked: schemas.ListLists = call.query
    page = read_page(asked.page, asked.size, schemas.DEFAULT_LISTS)
    sort = (asked.sort or "id").strip()
    if sort not in _SORTS:
        raise InvalidInputError("sort", f"Lists are sorted by {', '.join(_SORTS)}.")
    order = Order(_SORTS[sort], descending=read_direction(asked.sort_dir))
    items, total = [], 0
    if not asked.type or chosen(asked.type, (_TYPE, "MOBILE"), "type") == _TYPE:
        found = await call.db.read(
            page_audiences, call.actor, PageAudiences(limit=page.size, offset=page.offset, order=order)
        )
        items, total = list(found.items), found.total
    around = await call.db.read(_list_context, call.actor, items)
    fields = read_fields(asked.fields)
    return Answer(
        data={
            "meta": {"page": page.number, "size": page.size, "total": total},
            "links": links_of(call.request, page, total),
            "results": [
                only(_show_list(call, one, around), fields) for one in items if one.audience_id in around.counts
            ],
        }
    )


async def show(call: Call) -> Answer:
    """Show a list."""
    opened = await call.db.read(open_list, call.actor, call.request.segments["list_id"])
    around = await call.db.read(_list_context, call.actor, [opened.audience])
    if opened.audience.audience_id not in around.counts:  # removed since it was opened
        raise NotFoundError("list")
    shown = _show_list(call, opened.audience, around)
    return tagged(call, shown, shown["meta"]["ETag"])


async def update(call: Call) -> Answer:
    """Change a list."""
    list_id = call.request.segments["list_id"]
    await call.db.run(_update, call.actor, list_id, read_list(call.body), if_match(call))
    place = location_of(call)
    return Answer(data=None, status=204, headers={"Location": place, "Content-Location": place})


async def _update(tx: Tx, actor: Actor, list_id: str, written: Written, expected: str) -> None:
    opened = await open_list(tx, actor, list_id, lock=True)
    await _require_match(tx, opened, expected)
    for name, value in written.values.items():
        setattr(opened.structure, name, value)
    command = ChangeAudience(name=written.title, country=written.country, attributes=attributes_of(opened.structure))
    await change_audience(tx, opened.actor, command)


async def delete(call: Call) -> Answer:
    """Remove a list with everything in it."""
    await call.db.run(_delete, call.actor, call.request.segments["list_id"], if_match(call))
    return Answer(data=None, status=204)


async def _require_match(tx: Tx, opened: OpenList, expected: str) -> None:
    if expected:
        around = await _list_context(tx, opened.actor, [opened.audience])
        require_match(expected, etag_of(_describe(opened.actor, opened.audience, around)))


async def _delete(tx: Tx, actor: Actor, list_id: str, expected: str) -> None:
    opened = await open_list(tx, actor, list_id, lock=True, after_uploads=False)
    await _require_match(tx, opened, expected)
    try:
        await delete_audience(tx, opened.actor)
    except InvalidInputError as error:
        raise InvalidInputError("list_id", error.message) from error


async def _list_context(tx: Tx, actor: Actor, audiences: list[Audience]) -> ListContext:
    audience_ids = [one.audience_id for one in audiences]
    return ListContext(
        account_name=(await get_account(tx, actor)).name,
        counts=await count_audiences(tx, actor, audience_ids),
        names=await group_names(tx, actor, audience_ids),
    )


def read_list(asked: schemas.ChangeList) -> Written:
    """Read what a caller says of a list. Raises InvalidInputError with the place of what can't be used."""
    try:
        title = checked_name(asked.title)
    except InvalidInputError as error:
        raise InvalidInputError("title", error.message) from error
    country = region_of_calling_code(asked.prefix)
    if country is None:
        raise InvalidInputError("prefix", "This is no country's calling code; +30 is one.")
    values: dict[str, Any] = {"prefix": f"+{asked.prefix.strip().removeprefix('+').removeprefix('00')}"}
    if asked.description is not None:
        values["description"] = _short(asked.description, "description")
    if asked.campaign_defaults is not None:
        values["campaign_defaults"] = _campaign_defaults(asked.campaign_defaults)
    if asked.gdpr_properties is not None:
        values["gdpr_properties"] = _gdpr_properties(asked.gdpr_properties)
    if asked.double_optin is not None:
        values["double_optin"] = _double_optin(asked.double_optin)
    return Written(title=title, country=country, values=values)


def _short(text: str, place: str) -> str:
    if len(text) > schemas.MAX_TEXT_CHARACTERS:
        raise InvalidInputError(place, f"A text has at most {schemas.MAX_TEXT_CHARACTERS} characters.")
    return text


def _campaign_defaults(given: Mapping[str, Any]) -> dict[str, str]:
    asked = read_request(schemas.CampaignDefaults, given, "campaign_defaults")
    values = {
        "from": asked.from_,
        "sender_id": asked.sender_id,
        "viber_sender_id": asked.viber_sender_id,
        "sender_name": asked.sender_name,
        "reply_to": asked.reply_to,
    }
    kept = {name: _short(text, f"campaign_defaults.{name}") for name, text in values.items() if text}
    sender = kept.get("sender_id", "")
    if len(sender) > (_SENDER_DIGITS if sender.isascii() and sender.isdigit() else _SENDER_CHARACTERS):
        raise InvalidInputError(
            "campaign_defaults.sender_id", f"At most {_SENDER_CHARACTERS} characters, or {_SENDER_DIGITS} digits."
        )
    for name in ("from", "reply_to"):
        if name in kept and read_email(kept[name]) is None:
            raise InvalidInputError(f"campaign_defaults.{name}", "Not a valid email address")
    return kept


def _gdpr_properties(given: Mapping[str, Any]) -> dict[str, Any]:
    asked = read_request(schemas.GdprProperties, given, "gdpr_properties")
    if asked == schemas.GdprProperties():
        # So a list without any is shown, and clients write back what they were shown.
        return {}
    require(asked, "gdpr_properties")
    texts = {name: getattr(asked, name) for name in ("title", "description", "legal_text")}
    return {
        "gdpr_compliant": bool(asked.gdpr_compliant),
        **{name: _short(text, f"gdpr_properties.{name}") for name, text in texts.items()},
    }


def _double_optin(given: Mapping[str, Any]) -> dict[str, bool]:
    asked = read_request(schemas.DoubleOptin, given, "double_optin")
    if asked.review_mobile_details and not asked.mobile:
        raise InvalidInputError("double_optin.review_mobile_details", "This can only be true where mobile is.")
    return {name: bool(getattr(asked, name)) for name in _DOUBLE_OPTIN}


def _show_list(call: Call, audience: Audience, around: ListContext) -> dict[str, Any]:
    shown = _describe(call.actor, audience, around)
    # The tag is of what is the same on every host.
    return {"meta": {"ETag": etag_of(shown)}, **shown, FORM_URLS: list_forms(call, audience.audience_id)}


def _describe(actor: Actor, audience: Audience, around: ListContext) -> dict[str, Any]:
    structure, counts = structure_of(audience), around.counts[audience.audience_id]
    names = around.names[audience.audience_id]
    return {
        "id": show_id(audience.audience_id),
        "type": _TYPE,
        "title": audience.name,
        "status": _status(counts),
        "description": structure.description,
        "prefix": structure.prefix,
        "account_id": actor.account_id,
        "date_created": epoch_milliseconds(audience.created_at),
        "date_updated": epoch_milliseconds(audience.updated_at),
        "campaign_defaults": structure.campaign_defaults,
        "total_subscribers": counts.contacts,
        "active_subscribers": counts.reachable_sms,
        "active_email_subscribers": counts.reachable_email,
        "form_id": str(form_id(actor.account_id, audience.audience_id)),
        "groups": [show_group(group, names) for group in structure.all_groups(names)],
        "subscriber_fields": [
            {name: getattr(one, name) for name in ("field", "length", "name", "type", "internal")}
            | ({"date_format": one.date_format} if one.date_format else {})
            for one in structure.fields
        ],
        "gdpr_fields": [
            {"field": one.field, "name": one.name, "description": one.description, "mobile": True, "email": True}
            for one in structure.gdpr
        ],
        "brand_name": around.account_name,
        "company_name": around.account_name,
        "gdpr_properties": structure.gdpr_properties,
        "double_optin": dict.fromkeys(_DOUBLE_OPTIN, False) | structure.double_optin,
    }


def _status(counts: AudienceCounts) -> str:
    if counts.importing:
        return "UPDATING"
    return "CORRUPTED" if counts.import_failed else "IDLE"


def show_group(group: Group, names: Mapping[int, str]) -> dict[str, Any]:
    """Show a group with those of its subgroups that are still there."""
    return {
        "name": group.name,
        "field": group.field,
        "type": group.type,
        "internal": group.internal,
        "selectionType": group.selection_type,
        "options": [
            {"name": names[one.group_id], "field": one.field} for one in group.options if one.group_id in names
        ],
        "formHidden": group.form_hidden,
        "groupOptionsOrientation": group.orientation,
    }
