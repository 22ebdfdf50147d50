"""How commands show a contact."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from carillon.audience.contacts.contact import Contact
from carillon.audience.contacts.query import ContactQuery
from carillon.cli.visible import visible, visible_address

whole_contacts = partial(
    ContactQuery, with_groups=True, with_consents=True, with_suppressions=True, with_unsubscriptions=True
)
"""Ask for contacts with all that `contact_json` says of them: what wasn't fetched it would say that they don't have."""


_NESTED = ("groups", "consents", "suppressed", "unsubscribed")


def contact_row(one: Contact) -> dict[str, object]:
    """Return what a list for people has of a contact."""
    return {
        "contact_id": one.contact_id,
        "phone": visible_address(one.any_phone),
        "email": one.any_email,
        "external_id": one.external_id,
        "first_name": one.fields.get("first_name"),
        "last_name": one.fields.get("last_name"),
        "sms_status": one.sms_status.name.lower(),
        "email_status": one.email_status.name.lower(),
    }


def contact_json(one: Contact) -> dict[str, Any]:
    """Return all that is known of a contact."""
    return {
        "contact_id": one.contact_id,
        "external_id": one.external_id,
        "phone": one.any_phone,
        "email": one.any_email,
        "landline": one.landline,
        "sms_status": one.sms_status.name.lower(),
        "email_status": one.email_status.name.lower(),
        "archived": one.is_archived,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "fields": dict(one.fields),
        "groups": [{"group_id": group.group_id, "name": group.name} for group in one.groups],
        "consents": [
            {"purpose": consent.purpose, "channel": consent.channel, "granted": consent.granted}
            for consent in one.consents
        ],
        "suppressed": {str(channel): since for channel, since in one.suppressions.items()},
        "unsubscribed": {
            str(channel): {name: getattr(how, name) for name in ("unsubscribed_at", "source", "actor", "reason")}
            for channel, how in one.unsubscriptions.items()
        },
    }


def contact_lines(one: Contact) -> list[str]:
    """Return all that is known of a contact, a line each; what it doesn't have is left out."""
    shown = contact_json(one) | {"phone": visible_address(one.any_phone)}
    fields = shown.pop("fields")
    nested: Mapping[str, Any] = {name: shown.pop(name) for name in _NESTED}
    lines = [_line(name, value) for name, value in shown.items() if value not in (None, False)]
    lines += [_line(name, value) for name, value in sorted(fields.items())]
    lines += [_line("group", f"{group['name']} ({group['group_id']})") for group in nested["groups"]]
    for consent in nested["consents"]:
        verb = "granted" if consent["granted"] else "refused"
        lines.append(_line("consent", f"{consent['purpose']} by {consent['channel']}: {verb}"))
    lines += [
        _line("suppressed", f"{channel}, since {_text(since)}") for channel, since in nested["suppressed"].items()
    ]
    lines += [_line("unsubscribed", _how(channel, how)) for channel, how in nested["unsubscribed"].items()]
    return lines


def _how(channel: str, how: Mapping[str, Any]) -> str:
    reason = f": {how['reason']}" if how["reason"] else ""
    return f"{channel}, since {_text(how['unsubscribed_at'])}, {how['source']} by {how['actor']}{reason}"


def _line(name: str, value: object) -> str:
    return f"{name + ':':<14} {_text(value)}"


def _text(value: object) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if isinstance(value, datetime) else visible(str(value))
