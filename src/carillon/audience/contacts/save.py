"""Saving one contact: what an API's create and update of a single contact do, with refusals instead of row errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.consents import ConsentChange, require_purposes, write_consents
from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.lookup import FindContacts, get_contact
from carillon.audience.contacts.subscription import (
    ChangeSubscriptions,
    Confirm,
    SubscriptionChange,
    change_subscriptions,
    confirm,
)
from carillon.audience.labelled_fields import LabelledValue, read_labelled
from carillon.audience.locks import addresses_of, lock_audience
from carillon.audience.memberships import NO_MOVES, Regroup, regroup, require_groups
from carillon.audience.suppression_queries import suppressed_among
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.ambiguous_phones import read_ambiguous_rows, resolve_phone, resolve_row
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.parse import read_row
from carillon.audience.upsert.rows import KEYS, Batch, ContactRow, decode_patch
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, KeyConflictError, SuppressedAddressError
from carillon.kit.actor import Actor
from carillon.kit.ids import ContactId
from carillon.tenancy.accounts import checked_country

SQL = load_statements("carillon.audience.contacts", "save.sql")

_UNSUBSCRIBED = SubscriptionStatus.UNSUBSCRIBED

_Statuses = Mapping[Channel, SubscriptionStatus | None]
"""What becomes of a contact on each channel; None leaves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveContact:
    """Change the contact with `contact_id`; without one, the contact that the row's keys name, or else make it.

    `country` reads national phones in place of the audience's, and a number without a plus may be an international one
    as well in every `phone_form` but NATIONAL (`ambiguous_phones`), which reads national ones first. `clear_fields`
    empties the fields that the row does not give. `labelled_fields` are values of custom fields, which are made where
    they are missing. Statuses that are None stay; a
    new contact is subscribed. `is_confirmed` subscribes the contact or makes it unconfirmed where it isn't
    unsubscribed. With `must_be_new` no contact may have any of the row's keys.

    With `refuse_suppressed` a suppressed address can't be subscribed or unconfirmed, but in a stop list, which
    suppresses it; a contact that gets one is unsubscribed there.
    """

    row: ContactRow
    contact_id: int | None = None
    country: str | None = None
    phone_form: PhoneForm = PhoneForm.NATIONAL
    labelled_fields: Sequence[LabelledValue] = ()
    groups: Regroup = NO_MOVES
    clear_fields: bool = False
    sms: SubscriptionStatus | None = None
    email: SubscriptionStatus | None = None
    is_confirmed: bool | None = None
    consents: Sequence[ConsentChange] = ()
    must_be_new: bool = False
    refuse_suppressed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedContact:
    """The contact, and what became of it.

    Phone and e-mail are the row's, normalised: None where it gives none, "" where it empties.
    """

    contact_id: ContactId
    outcome: Literal["new", "updated", "unchanged"]
    phone: str | None
    email: str | None


async def save_contact(tx: Tx, actor: Actor, command: SaveContact) -> SavedContact:
    """Create or change one contact, wholly or not at all.

    Raises InvalidInputError with the field of a value that can't be read (`labelled_fields.<place>.value` of a labelled
    one, and `.label` of one whose field can't be made), KeyConflictError when the row's keys belong to several contacts
    or to another than the one that is changed, NotFoundError for `contact`, for a `group` that it would join and for a
    `purpose` that the audience doesn't have, SuppressedAddressError for `phone` and `email`. InvalidInputError, too,
    for the last phone, e-mail or external id of a contact, which it would lose: nobody could find it.
    """
    audience = await lock_audience(tx, actor)
    country = audience.country if command.country is None else checked_country(command.country)
    batch, target = await _read(tx, actor, command, country)
    values = batch.frame.row(0, named=True)
    await _require_key_left(tx, actor, values, target)
    statuses: _Statuses = {Channel.SMS: command.sms, Channel.EMAIL: command.email}
    if command.refuse_suppressed and not audience.is_stoplist:
        statuses = await _permitted(tx, actor, statuses, values, target)
    # Before a group is made for a name: it might get the very id that is unknown.
    await require_groups(tx, actor, command.groups.join)
    await require_purposes(tx, actor, command.consents)
    outcome = await upsert(tx, actor, batch, contact_id=target, expect_new=target is None)
    kept: Mapping[str, Any] = outcome.kept.row(0, named=True)
    saved = SavedContact(
        contact_id=ContactId(kept["contact_id"]), outcome=kept["outcome"], phone=values["phone"], email=values["email"]
    )
    await regroup(tx, actor, saved.contact_id, command.groups)
    if command.is_confirmed is not None:
        await confirm(tx, actor, Confirm(contact_id=saved.contact_id, is_confirmed=command.is_confirmed))
    await _set_statuses(tx, actor, saved, statuses)
    consents = {(int(saved.contact_id), one.purpose, one.channel): one.granted for one in command.consents}
    await write_consents(tx, actor, consents)
    return saved


async def save_and_get_contact(tx: Tx, actor: Actor, command: SaveContact) -> Contact:
    """Save a contact as `save_contact` does, and return it as it is then."""
    saved = await save_contact(tx, actor, command)
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=str(saved.contact_id))
    return await get_contact(tx, actor, FindContacts(key=key))


async def _read(tx: Tx, actor: Actor, command: SaveContact, country: str) -> tuple[Batch, int | None]:
    """Read the row, and return the contact that it means, None for a new one."""
    labelled = await read_labelled(tx, actor, command.labelled_fields)
    row = command.row
    match command.phone_form:
        case PhoneForm.NATIONAL:
            pass
        case PhoneForm.NATIONAL_IF_VALID:
            row = await resolve_row(tx, actor, row, country)
        case PhoneForm.NATIONAL_FIRST | PhoneForm.INTERNATIONAL_FIRST:
            row = await resolve_phone(tx, actor, read_ambiguous_rows([row], country), command.contact_id)
    row = msgspec.structs.replace(row, fields={**row.fields, **labelled.texts})
    try:
        batch = read_row(row, country, labelled.kinds)
    except InvalidInputError as error:
        raise InvalidInputError(labelled.places.get(error.field, error.field), error.message) from error
    target = await _target(tx, actor, command, batch)
    if command.clear_fields and target is not None:
        old = await tx.fetchval(SQL["fields_of"], actor.account_id, actor.audience_id, target)
        emptied = dict.fromkeys(decode_patch(old or "{}"), "")
        batch = read_row(msgspec.structs.replace(row, fields=emptied | row.fields), country, labelled.kinds)
    return batch, target


async def _target(tx: Tx, actor: Actor, command: SaveContact, batch: Batch) -> int | None:
    """Return the contact that the row means. Raises KeyConflictError."""
    owners = await _owners(tx, actor, batch)
    named = next(iter(owners.values()), None)
    if (owners and command.must_be_new) or set(owners.values()) - {command.contact_id or named}:
        raise KeyConflictError(owners)
    return named if command.contact_id is None else command.contact_id


async def _owners(tx: Tx, actor: Actor, batch: Batch) -> dict[str, int]:
    """Tell whose the row's keys are, key by key."""
    values = batch.frame.row(0, named=True)
    keys = {key: values[key] for key in KEYS if values[key]}
    rows = await tx.fetch(
        SQL["owners_of_keys"], actor.account_id, actor.audience_id, *(keys.get(key, "") for key in KEYS)
    )
    return {key: row["contact_id"] for key in keys for row in rows if row[key] == keys[key]}


async def _require_key_left(tx: Tx, actor: Actor, values: Mapping[str, Any], target: int | None) -> None:
    """Raise InvalidInputError for a key that is emptied where the contact has no other one then."""
    if target is None or "" not in (values[key] for key in KEYS):
        return
    known = await tx.fetchrow(SQL["keys_of"], actor.account_id, actor.audience_id, target)
    if known is None:
        return
    lost = [key for key in KEYS if known[key] and values[key] == ""]
    if lost and not any(known[key] if values[key] is None else values[key] for key in KEYS):
        message = (
            "The contact would have no phone, e-mail or external id, and nobody could find it: give it another one, or "
            "delete it."
        )
        raise InvalidInputError(lost[0], message)


async def _permitted(
    tx: Tx, actor: Actor, statuses: _Statuses, values: Mapping[str, Any], target: int | None
) -> _Statuses:
    """Return the statuses to set where suppressed addresses can't be subscribed. Raises SuppressedAddressError."""
    old: Sequence[str | None] = (None, None)
    if target is not None:
        old = next(iter(await addresses_of(tx, actor, [target])), old)
    permitted = dict(statuses)
    for (channel, status), key, before in zip(statuses.items(), ("phone", "email"), old, strict=True):
        address = before if values[key] is None else values[key]
        changes = status is not None or address != before
        if not address or not changes or status is _UNSUBSCRIBED:
            continue
        if not await suppressed_among(tx, actor, channel, [address]):
            continue
        if status is not None or target is None:
            raise SuppressedAddressError(key)
        permitted[channel] = _UNSUBSCRIBED
    return permitted


async def _set_statuses(tx: Tx, actor: Actor, saved: SavedContact, statuses: _Statuses) -> None:
    is_new = saved.outcome == "new"
    sms, email = (
        None if is_new and status is SubscriptionStatus.SUBSCRIBED else status
        for status in (statuses[Channel.SMS], statuses[Channel.EMAIL])
    )
    if sms is not None or email is not None:
        change = SubscriptionChange(contact_id=saved.contact_id, sms=sms, email=email)
        await change_subscriptions(tx, actor, ChangeSubscriptions(changes=[change]))
