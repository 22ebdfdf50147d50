"""Lists between Apifon's values and ours: what is asked, and what is shown. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from carillon.addresses.emails import read_email
from carillon.addresses.phones import region_of_calling_code
from carillon.audience.audiences import AudienceCounts, ChangeAudience, CreateAudience, SenderDefaults
from carillon.audience.group_sets import Selection
from carillon.audience.suppressions import Channel
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.forms import form_id
from carillon.dialects.apifon.mapping import epoch_milliseconds, etag_of
from carillon.dialects.apifon.mapping_structure import (
    Group,
    ListAttributes,
    SubscriberList,
    attributes_of,
    stored_attributes,
)
from carillon.dialects.reading import read_request, require
from carillon.errors import InvalidInputError
from carillon.kit.names import checked_name

LIST_TYPE = "ADVANCED"
CHANNELS: Mapping[str, Channel] = {"mobile": Channel.SMS, "email": Channel.EMAIL}
SELECTIONS: Mapping[str, Selection] = {"SINGLE": Selection.SINGLE, "MULTIPLE": Selection.MULTIPLE}

_REVIEW = "review_mobile_details"
_SELECTION_NAMES = {selection: name for name, selection in SELECTIONS.items()}
# Our names of what is in campaign_defaults.
_SENDERS = {
    "from": "email_from",
    "reply_to": "email_reply_to",
    "sender_id": "sms_sender",
    "sender_name": "email_name",
    "viber_sender_id": "viber_sender",
}
_SENDER_CHARACTERS, _SENDER_DIGITS = 11, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenList:
    """What a caller sets of a list; None leaves it, and so do attributes that aren't among the `values`."""

    title: str
    country: str
    double_opt_in: frozenset[Channel] | None = None
    senders: SenderDefaults | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def creation(self) -> CreateAudience:
        return CreateAudience(
            name=self.title,
            country=self.country,
            double_opt_in=self.double_opt_in or frozenset(),
            sender_defaults=self.senders or SenderDefaults(),
            attributes=stored_attributes(ListAttributes(**self.values)),
        )

    def change(self, shown: SubscriberList) -> ChangeAudience:
        """Change the audience of a list."""
        attributes = msgspec.structs.replace(attributes_of(shown.described), **self.values)
        return ChangeAudience(
            name=self.title,
            country=self.country,
            double_opt_in=self.double_opt_in,
            sender_defaults=self.senders,
            attributes=stored_attributes(attributes),
        )


def read_list(asked: schemas.ChangeList) -> WrittenList:
    """Read what a caller sets of a list. Raises InvalidInputError with the place of what can't be used."""
    try:
        title = checked_name(asked.title, schemas.MAX_TITLE_CHARACTERS)
    except InvalidInputError as error:
        raise InvalidInputError("title", error.message) from error
    country = region_of_calling_code(asked.prefix)
    if country is None:
        raise InvalidInputError("prefix", "This is no country's calling code; +30 is one.")
    values: dict[str, Any] = {"prefix": f"+{asked.prefix.strip().removeprefix('+').removeprefix('00')}"}
    if asked.description is not None:
        values["description"] = _short(asked.description, "description")
    if asked.gdpr_properties is not None:
        values["gdpr_properties"] = _gdpr_properties(asked.gdpr_properties)
    channels = None
    if asked.double_optin is not None:
        channels, values["double_optin"] = _double_optin(asked.double_optin)
    senders = None if asked.campaign_defaults is None else _senders(asked.campaign_defaults)
    return WrittenList(title=title, country=country, double_opt_in=channels, senders=senders, values=values)


def _short(text: str, place: str) -> str:
    if len(text) > schemas.MAX_TEXT_CHARACTERS:
        raise InvalidInputError(place, f"A text has at most {schemas.MAX_TEXT_CHARACTERS} characters.")
    return text


def _senders(given: Mapping[str, Any]) -> SenderDefaults:
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
    return SenderDefaults(**{_SENDERS[name]: text for name, text in kept.items()})


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


def _double_optin(given: Mapping[str, Any]) -> tuple[frozenset[Channel], dict[str, bool]]:
    asked = read_request(schemas.DoubleOptin, given, "double_optin")
    if asked.review_mobile_details and not asked.mobile:
        raise InvalidInputError("double_optin.review_mobile_details", "This can only be true where mobile is.")
    channels = frozenset(channel for name, channel in CHANNELS.items() if getattr(asked, name))
    return channels, {_REVIEW: bool(asked.review_mobile_details)}


def list_tag(shown: SubscriberList, account_name: str) -> str:
    """Make a list's tag: of what is the same on every host."""
    return etag_of(show_list(shown, account_name))


def show_list(shown: SubscriberList, account_name: str) -> dict[str, Any]:
    """Show a list that is described with its counts, without its tag and the addresses of its forms."""
    described, attributes = shown.described, shown.attributes
    audience, counts = described.audience, described.counts
    if counts is None:
        raise ValueError("a list is shown with its counts")
    return {
        "id": shown.list_id,
        "type": LIST_TYPE,
        "title": audience.name,
        "status": _status(counts),
        "description": attributes.description,
        "prefix": attributes.prefix,
        "account_id": shown.actor.account_id,
        "date_created": epoch_milliseconds(audience.created_at),
        "date_updated": epoch_milliseconds(audience.updated_at),
        "campaign_defaults": {
            name: text for name, ours in _SENDERS.items() if (text := getattr(audience.sender_defaults, ours))
        },
        "total_subscribers": counts.contacts,
        "active_subscribers": counts.reachable_sms,
        "active_email_subscribers": counts.reachable_email,
        "form_id": str(form_id(shown.actor.account_id, audience.audience_id)),
        "groups": [show_group(group) for group in shown.groups],
        "subscriber_fields": [
            {name: getattr(one, name) for name in ("field", "length", "name", "type", "internal")}
            | ({"date_format": one.date_format} if one.date_format else {})
            for one in attributes.fields
        ],
        "gdpr_fields": [
            {"field": one.key, "name": one.name, "description": one.description, **dict.fromkeys(CHANNELS, True)}
            for one in described.purposes
        ],
        "brand_name": account_name,
        "company_name": account_name,
        "gdpr_properties": attributes.gdpr_properties,
        "double_optin": _show_double_optin(shown),
    }


def _show_double_optin(shown: SubscriberList) -> dict[str, bool]:
    confirmed = shown.described.audience.double_opt_in
    channels = {name: channel in confirmed for name, channel in CHANNELS.items()}
    return channels | {_REVIEW: shown.attributes.double_optin.get(_REVIEW, False)}


def _status(counts: AudienceCounts) -> str:
    if counts.importing:
        return "UPDATING"
    return "CORRUPTED" if counts.import_failed else "IDLE"


def show_group(group: Group) -> dict[str, Any]:
    """Show a group with its subgroups."""
    return {
        "name": group.name,
        "field": group.field,
        "type": "GROUP",
        "internal": group.attributes.internal,
        "selectionType": _SELECTION_NAMES[group.selection],
        "options": [{"name": one.name, "field": one.field} for one in group.options],
        "formHidden": group.attributes.form_hidden,
        "groupOptionsOrientation": group.attributes.orientation,
    }
