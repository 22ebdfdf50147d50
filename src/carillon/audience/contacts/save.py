"""Saving one contact: what an API's create and update of a single contact do, with refusals instead of row errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind
from carillon.audience.contacts.lookup import FindContacts, get_contact
from carillon.audience.contacts.subscription import Confirm, confirm
from carillon.audience.fields import field_kinds
from carillon.audience.labelled_fields import LabelledValue, read_labelled
from carillon.audience.locks import lock_audience
from carillon.audience.memberships import NO_MOVES, Regroup, regroup, require_groups
from carillon.audience.upsert.ambiguous_phones import read_ambiguous_rows, resolve_phone
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.parse import read_row
from carillon.audience.upsert.rows import KEYS, Batch, ContactRow, decode_patch
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, KeyConflictError
from carillon.kit.actor import Actor
from carillon.kit.ids import ContactId
from carillon.tenancy.accounts import checked_country

SQL = load_statements("carillon.audience.contacts", "save.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveContact:
    """Change the contact with `contact_id`; without one, the contact that the row's keys name, or else make it.

    `country` reads national phones in the stead of the audience's. With `ambiguous_phone` a number without a plus may
    be an international one as well (`ambiguous_phones`). `labelled_fields` are values of custom fields, which are
    made where they are missing; `clear_fields` empties the fields that the row does not give;
    `is_confirmed` subscribes the contact or makes it unconfirmed where it isn't unsubscribed.
    """

    row: ContactRow
    contact_id: int | None = None
    country: str | None = None
    ambiguous_phone: bool = False
    labelled_fields: Sequence[LabelledValue] = ()
    groups: Regroup = NO_MOVES
    clear_fields: bool = False
    is_confirmed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedContact:
    """The contact, and what became of it."""

    contact_id: ContactId
    outcome: Literal["new", "updated", "unchanged"]


async def save_contact(tx: Tx, actor: Actor, command: SaveContact) -> SavedContact:
    """Create or change one contact, wholly or not at all.

    Raises InvalidInputError with the field of a value that can't be read (`labelled_fields.<place>.value` of a labelled
    one, and `.label` of one whose field can't be made), KeyConflictError when the row's keys belong to several contacts
    or to another than the one that is changed, NotFoundError for `contact` and for a `group` that it would join.
    """
    audience = await lock_audience(tx, actor)
    country = audience.country if command.country is None else checked_country(command.country)
    row, places = await _whole_row(tx, actor, command, country)
    kinds = await field_kinds(tx, actor)
    try:
        batch = read_row(row, country, kinds)
    except InvalidInputError as error:
        raise InvalidInputError(places.get(error.field, error.field), error.message) from error
    owners = await _owners(tx, actor, batch)
    target = command.contact_id
    if set(owners.values()) - {target or next(iter(owners.values()), None)}:
        raise KeyConflictError(owners)
    if target is None:
        target = next(iter(owners.values()), None)
    if command.clear_fields and target is not None:
        old = await tx.fetchval(SQL["fields_of"], actor.account_id, actor.audience_id, target)
        emptied = dict.fromkeys(decode_patch(old or "{}"), "")
        batch = read_row(msgspec.structs.replace(row, fields=emptied | row.fields), country, kinds)
    # Before a group is made for a name: it might get the very id that is unknown.
    await require_groups(tx, actor, command.groups.join)
    outcome = await upsert(tx, actor, batch, contact_id=target, expect_new=target is None)
    kept: Mapping[str, Any] = outcome.kept.row(0, named=True)
    await regroup(tx, actor, kept["contact_id"], command.groups)
    if command.is_confirmed is not None:
        await confirm(tx, actor, Confirm(contact_id=kept["contact_id"], is_confirmed=command.is_confirmed))
    return SavedContact(contact_id=ContactId(kept["contact_id"]), outcome=kept["outcome"])


async def save_and_get_contact(tx: Tx, actor: Actor, command: SaveContact) -> Contact:
    """Save a contact as `save_contact` does, and return it as it is then."""
    saved = await save_contact(tx, actor, command)
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=str(saved.contact_id))
    return await get_contact(tx, actor, FindContacts(key=key))


async def _whole_row(tx: Tx, actor: Actor, command: SaveContact, country: str) -> tuple[ContactRow, Mapping[str, str]]:
    """Return the row with the number that is meant and its labelled values, and the places of these by field."""
    row = command.row
    if command.ambiguous_phone:
        row = await resolve_phone(tx, actor, read_ambiguous_rows([row], country), command.contact_id)
    texts, places = await read_labelled(tx, actor, command.labelled_fields)
    return msgspec.structs.replace(row, fields={**row.fields, **texts}), places


async def _owners(tx: Tx, actor: Actor, batch: Batch) -> dict[str, int]:
    """Tell whose the row's keys are, key by key."""
    values = batch.frame.row(0, named=True)
    keys = {key: values[key] for key in KEYS if values[key]}
    rows = await tx.fetch(
        SQL["owners_of_keys"], actor.account_id, actor.audience_id, *(keys.get(key, "") for key in KEYS)
    )
    return {key: row["contact_id"] for key in keys for row in rows if row[key] == keys[key]}
