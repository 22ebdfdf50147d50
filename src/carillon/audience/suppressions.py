"""Suppressions: addresses of an account that must not be written to, and the ledger of how that came about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replace_values
from datetime import datetime
from enum import StrEnum
from typing import Literal

from carillon.addresses.emails import read_email
from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.counters import recounting
from carillon.audience.locks import lock_account
from carillon.audience.unsubscriptions import record_unsubscriptions, say_again
from carillon.audience.upsert.ambiguous_phones import GivenPhone, resolve_numbers
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId

SQL = load_statements("carillon.audience", "suppressions.sql")

MAX_REASON_CHARACTERS = 500

Action = Literal["unsubscribe", "reactivate"]


class Channel(StrEnum):
    """What an address is written to by."""

    SMS = "sms"
    EMAIL = "email"
    VOICE = "voice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address as the caller gave it; a phone is read with the actor's country, in the form `phone_form`."""

    channel: Channel
    value: str = field(repr=False)
    phone_form: PhoneForm = PhoneForm.NATIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppress:
    """Leave addresses alone from now on, whether or not a contact has them.

    With `unsubscribe_contacts` the contacts that have them are unsubscribed in every audience, and stay so when the
    suppression is lifted: those too that uploads make which were accepted before (docs/adr/0024).
    """

    addresses: Sequence[Address]
    reason: str
    actor_name: str | None = None
    description: str | None = None
    unsubscribe_contacts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactivate:
    """Let suppressed addresses be written to again."""

    addresses: Sequence[Address]
    reason: str
    actor_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressOutcome:
    """How many addresses were dealt with, and which were not, as they were given.

    `understood` has those that were dealt with, in the order in which they were given, and as what they were read.
    """

    done: int
    failed: Sequence[Address]
    understood: Sequence[tuple[Address, str]] = field(repr=False)


# What is suppressed for SMS is for instant messages, too: both are texts to a phone, and who has asked to get none of
# the ones gets none of the others (docs/adr/0051).
_SUPPRESSED_AS: Mapping[str, Channel] = {**{one.value: one for one in Channel}, "im": Channel.SMS}


def suppressions_of(channel: str) -> Channel:
    """Return the channel whose suppressions, statuses and consents hold for messages of a channel."""
    return _SUPPRESSED_AS[channel]


StoredAddress = tuple[Channel, str]
"""A channel, and an address in the form that the tables hold."""


# The channels on which a contact has a subscription status.
_MARKED = frozenset({Channel.SMS, Channel.EMAIL})


async def read_addresses(tx: Tx, actor: Actor, addresses: Sequence[Address]) -> list[str | None]:
    """Read addresses into the form that the tables hold; None for what can't be one.

    A phone that can be read in two ways is the one that is known (`resolve_numbers`).
    """
    given = [
        GivenPhone(value=one.value, country=actor.country, form=one.phone_form)
        for one in addresses
        if one.channel is not Channel.EMAIL
    ]
    phones = iter(await resolve_numbers(tx, actor, given))
    return [_email_key(one.value) if one.channel is Channel.EMAIL else next(phones) for one in addresses]


def _email_key(value: str) -> str | None:
    email = read_email(value)
    return email.key if email else None


async def suppress(tx: Tx, actor: Actor, command: Suppress) -> AddressOutcome:
    """Suppress addresses on their channel for the whole account; one that already is stays as it is and counts as done.

    Contacts with the address become unsubscribed on the channel in every audience, in the same transaction. Fails what
    can't be an address. Raises InvalidInputError for a blank or over-long reason.
    """
    return await _change(tx, actor, "unsubscribe", command)


async def reactivate(tx: Tx, actor: Actor, command: Reactivate) -> AddressOutcome:
    """Lift suppressions; fails what isn't suppressed. Contacts with the address have their own status again."""
    return await _change(tx, actor, "reactivate", command)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Since when an address is suppressed, through what, by whom and why."""

    created_at: datetime
    source: str
    actor: str
    reason: str
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntries:
    """What is done to addresses of a channel, and why to each; `name` is who did it, else the actor."""

    action: Action
    channel: Channel
    reasons: Mapping[str, str] = field(repr=False)
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What becomes of contacts whose addresses are suppressed or not any more; `unsubscribes` as in `Suppress`.

    `reason` is kept of those that become unsubscribed.
    """

    action: Action
    channel: Channel
    unsubscribes: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What is done to the addresses of one channel."""

    channel: Channel
    reason: str
    name: str
    description: str | None


async def _change(tx: Tx, actor: Actor, action: Action, command: Suppress | Reactivate) -> AddressOutcome:
    reason = checked_reason(command.reason)
    name = _checked_text("name", command.actor_name) if command.actor_name else actor.name
    given = command.description if isinstance(command, Suppress) else None
    description = _checked_text("description", given) if given else None
    unsubscribes = isinstance(command, Suppress) and command.unsubscribe_contacts
    audiences = await lock_account(tx, actor)
    pairs = list(zip(command.addresses, await read_addresses(tx, actor, command.addresses), strict=True))
    failed: list[Address] = []
    done = set[StoredAddress]()
    for channel in Channel:
        change = _Change(channel=channel, reason=reason, name=name, description=description)
        read = [(address, key) for address, key in pairs if address.channel is channel]
        keys = sorted({key for _, key in read if key})
        if not keys:
            failed += [address for address, _ in read]
            continue
        changed = await (_add if action == "unsubscribe" else _remove)(tx, actor, change, keys)
        done.update((channel, key) for key in (keys if action == "unsubscribe" else changed))
        failed += [address for address, key in read if (channel, key) not in done]
        if changed:
            reasons = dict.fromkeys(changed, reason)
            entries = LedgerEntries(action=action, channel=channel, reasons=reasons, name=name)
            await write_ledger(tx, actor, entries)
        if marked := keys if unsubscribes else changed:
            mark = Mark(action=action, channel=channel, unsubscribes=unsubscribes, reason=reason)
            await mark_contacts(tx, actor, mark, marked, audiences)
        if unsubscribes and channel in _MARKED:
            await tx.execute(SQL["unsubscribe_in_uploads"], actor.account_id, channel, keys)
    understood = [(address, key) for address, key in pairs if key is not None and (address.channel, key) in done]
    return AddressOutcome(done=len(understood), failed=failed, understood=understood)


def checked_reason(reason: str) -> str:
    """Return a reason, trimmed. Raises InvalidInputError for a blank or over-long one."""
    return _checked_text("reason", reason)


def _checked_text(field_name: str, text: str) -> str:
    text = text.strip()
    if not text or len(text) > MAX_REASON_CHARACTERS or "\0" in text:
        raise InvalidInputError(field_name, f"The {field_name} must have 1 to {MAX_REASON_CHARACTERS} characters.")
    return text


async def _add(tx: Tx, actor: Actor, change: _Change, keys: list[str]) -> list[str]:
    origin = Origin(
        created_at=tx.now,
        source=actor.source,
        actor=change.name,
        reason=change.reason,
        description=change.description,
    )
    added = await add_suppressions(tx, actor, change.channel, dict.fromkeys(keys, origin))
    if again := sorted({*keys}.difference(added)):
        await tx.execute(SQL["say_again"], actor.account_id, change.channel, again, tx.now)
    return added


async def add_suppressions(tx: Tx, actor: Actor, channel: Channel, origins: Mapping[str, Origin]) -> list[str]:
    """Suppress normalised addresses of a locked account, and nothing else; return those that were not suppressed."""
    ids = list(await tx.ids.take("suppression", len(origins)))
    columns = ([getattr(one, name) for one in origins.values()] for name in Origin.__slots__)
    rows = await tx.fetch(SQL["add_suppressions"], actor.account_id, channel, list(origins), ids, *columns)
    return sorted(row["address"] for row in rows)


async def _remove(tx: Tx, actor: Actor, change: _Change, keys: list[str]) -> list[str]:
    rows = await tx.fetch(SQL["remove_suppressions"], actor.account_id, change.channel, keys)
    return sorted(row["address"] for row in rows)


async def write_ledger(tx: Tx, actor: Actor, entries: LedgerEntries) -> None:
    """Write lines of one action on one channel, which is done now and by the actor unless another name is given."""
    keys = list(entries.reasons)
    ids = list(await tx.ids.take("suppression_entry", len(keys)))
    done = (entries.action, tx.now, actor.source, entries.name or actor.name, list(entries.reasons.values()))
    await tx.execute(SQL["write_ledger"], actor.account_id, ids, entries.channel, keys, *done)


async def mark_contacts(tx: Tx, actor: Actor, mark: Mark, keys: Sequence[str], audiences: Sequence[int]) -> None:
    """Mark the contacts that have addresses in audiences, which are locked."""
    if mark.channel not in _MARKED:
        return
    for audience_id, contact_ids in (await contacts_with(tx, actor, mark.channel, keys, audiences)).items():
        # A suppression is the account's: it marks contacts also where the actor may not work.
        inside = replace_values(actor, audience_id=AudienceId(audience_id), confined_to=None)
        if mark.unsubscribes:
            await _unsubscribe(tx, inside, mark.channel, contact_ids, mark.reason)
            continue
        where = (actor.account_id, audience_id, contact_ids, tx.now)
        async with recounting(tx, inside, contact_ids):
            await tx.execute(SQL[f"mark_{mark.channel}"], *where, mark.action == "unsubscribe")


async def contacts_with(
    tx: Tx, actor: Actor, channel: Channel, keys: Sequence[str], audiences: Sequence[int]
) -> dict[int, list[int]]:
    """Return the ids of the contacts that have normalised addresses, by their audiences in order."""
    found: dict[int, list[int]] = {}
    for row in await tx.fetch(SQL[f"contacts_with_{channel}"], actor.account_id, audiences, keys):
        found.setdefault(row["audience_id"], []).append(row["contact_id"])
    return dict(sorted(found.items()))


async def unsubscribe_addresses(
    tx: Tx, actor: Actor, channel: Channel, keys: Sequence[str], *, reason: str | None = None
) -> None:
    """Unsubscribe the contacts of the actor's audience, which is locked, that have normalised addresses."""
    found = await contacts_with(tx, actor, channel, keys, [actor.audience_id])
    for contact_ids in found.values():
        await _unsubscribe(tx, actor, channel, contact_ids, reason)


async def _unsubscribe(tx: Tx, actor: Actor, channel: Channel, contact_ids: Sequence[int], reason: str | None) -> None:
    """Unsubscribe contacts that have an address on the channel, in the actor's audience."""
    where = (actor.account_id, actor.audience_id, contact_ids, tx.now)
    async with recounting(tx, actor, contact_ids):
        changed = await tx.fetch(SQL[f"unsubscribe_{channel}"], *where)
    await say_again(tx, actor, [(contact_id, channel) for contact_id in contact_ids])
    await record_unsubscriptions(tx, actor, [row["contact_id"] for row in changed], reason=reason)
