"""What a file says of who may be written to, applied to the contacts of its rows.

A file only takes reachability away: whoever is unsubscribed, unconfirmed or blocked stays so whatever a row says, and a
contact that was there doesn't consent by a file. With a reason (`--resubscribe`) it gives back as well.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from carillon.audience.consents import (
    ConsentKey,
    ConsentOrigin,
    CreatePurpose,
    make_purposes,
    stored_consents,
    write_consents,
)
from carillon.audience.contacts.contact import Device, SubscriptionStatus
from carillon.audience.contacts.subscription import (
    LowerStatuses,
    Resubscribe,
    SubscriptionChange,
    lower_statuses,
    resubscribe,
)
from carillon.audience.devices import RegisteredDevice, devices_of, register_devices
from carillon.audience.imports.carried import Block, SaidConsent, unusable
from carillon.audience.imports.consent_columns import ADDRESS_COLUMNS, ARCHIVED, OWN, SAID
from carillon.audience.imports.consent_words import Said
from carillon.audience.locks import addresses_of, lock_audience
from carillon.audience.removed_unsubscribes import remember_said
from carillon.audience.suppression_queries import suppressed_among
from carillon.audience.suppression_records import RestoreSuppressions, restore_suppressions
from carillon.audience.suppressions import Address, Channel, Suppress, contacts_with, suppress, unsubscribe_addresses
from carillon.audience.unsubscriptions import ContactChannel, Unsubscription
from carillon.audience.upsert.match import NEW
from carillon.audience.upsert.rows import RowError
from carillon.db.database import Tx
from carillon.kit.actor import Actor

# A statement of a channel says nothing of the other.
_STATUSES = {
    Said.UNCONFIRMED: SubscriptionStatus.UNCONFIRMED,
    Said.UNSUBSCRIBED: SubscriptionStatus.UNSUBSCRIBED,
    Said.BLOCKED: SubscriptionStatus.UNSUBSCRIBED,
}


@dataclass(slots=True)
class TakenAway:
    """What the rows of a file that gives back take away, or have taken so far: of rows that disagree these win."""

    contacts: dict[Channel, set[int]] = field(default_factory=lambda: defaultdict(set))
    archived: set[int] = field(default_factory=set)
    addresses: dict[Channel, set[str]] = field(default_factory=lambda: defaultdict(set))
    consents: set[ConsentKey] = field(default_factory=set)

    def add(self, said: pl.DataFrame, named: pl.DataFrame) -> None:
        """Add what rows take away; `named` has the contacts that each names, by `row`."""
        for channel, column in ADDRESS_COLUMNS.items():
            taken = said.filter(pl.col(SAID[channel]) > Said.SUBSCRIBED)
            self.addresses[Channel(channel)].update(_given(taken, column))
            self.contacts[Channel(channel)].update(named.join(taken, on="row", how="semi")["contact_id"])


def takes_away(said: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows that may take something away: to the others nothing is done."""
    names = [name for name in (*SAID.values(), *OWN.values()) if name in said.columns]
    return said.filter(pl.any_horizontal(pl.col(name) > Said.SUBSCRIBED for name in names))


def has_blocks(said: pl.DataFrame) -> bool:
    """Tell whether any row blocks an address: its writer must hold the whole account (`lock_account`)."""
    return bool(said.select(pl.any_horizontal(pl.col(name) == Said.BLOCKED for name in SAID.values()).any()).item())


async def take_away(  # noqa: PLR0913 - the rows, and what became of them
    tx: Tx,
    actor: Actor,
    said: pl.DataFrame,
    named: pl.DataFrame,
    reason: str,
    *,
    origins: Mapping[tuple[int, str], Unsubscription],
    taken: TakenAway | None = None,
) -> None:
    """Unsubscribe, unconfirm and block as rows say. The audience must be locked, the account for blocks.

    `said` has a line for each row: its number `row`, its `phone` and `email` as they were read, and the columns SAID;
    `named` has a line for each contact that a row names: `row` and `contact_id`. Addresses count as well as these: one
    that another contact has is unsubscribed or unconfirmed there, and what is said of one that nobody has in the end,
    as a later row gave its contact another, is remembered. A row that has no address blocks those of its contact. How
    contacts came to be unsubscribed is kept: as `origins` say by row and channel, else now and for the reason. What is
    taken away is added to `taken`.
    """
    said = takes_away(await _own_under_suppressions(tx, actor, said))
    if said.is_empty():
        return
    if taken is not None:
        taken.add(said, named)
    of_contacts = said.join(named, on="row", how="inner")
    changes = [
        SubscriptionChange(contact_id=contact_id, sms=_STATUSES.get(Said(sms)), email=_STATUSES.get(Said(email)))
        for contact_id, sms, email in of_contacts.select("contact_id", *SAID.values()).iter_rows()
    ]
    has_none = pl.all_horizontal(pl.col(column).fill_null("") == "" for column in ADDRESS_COLUMNS.values())
    nameless = of_contacts.filter(has_none)
    for channel, column in ADDRESS_COLUMNS.items():
        unconfirmed = _addresses(said, column, pl.col(SAID[channel]) == Said.UNCONFIRMED)
        for contact_id in await _holders(tx, actor, Channel(channel), unconfirmed):
            status = _STATUSES[Said.UNCONFIRMED]
            by_sms, by_email = (status if channel == one else None for one in ADDRESS_COLUMNS)
            changes.append(SubscriptionChange(contact_id=contact_id, sms=by_sms, email=by_email))
    lower = LowerStatuses(changes=changes, reason=reason, origins=_of_contacts(tx, of_contacts, origins))
    await lower_statuses(tx, actor, lower)
    for channel, column in ADDRESS_COLUMNS.items():
        addresses = _addresses(said, column, pl.col(SAID[channel]) >= Said.UNSUBSCRIBED)
        if addresses:
            await unsubscribe_addresses(tx, actor, Channel(channel), addresses, reason=reason)
        lowered = said.filter((pl.col(SAID[channel]) > Said.SUBSCRIBED) & (pl.col(column).fill_null("") != ""))
        statuses = [
            (address, "", int(_STATUSES[Said(one)]))
            for address, one in lowered.select(column, SAID[channel]).iter_rows()
        ]
        await remember_said(tx, actor, Channel(channel), statuses)
        is_blocked = pl.col(SAID[channel]) == Said.BLOCKED
        blocked = dict.fromkeys(_addresses(said, column, is_blocked))
        contact_ids = nameless.filter(is_blocked)["contact_id"].to_list()
        for addresses_here in await addresses_of(tx, actor, contact_ids) if contact_ids else ():
            address = addresses_here[list(ADDRESS_COLUMNS).index(channel)]
            blocked |= {address: None} if address else {}
        await _block(tx, actor, Channel(channel), list(blocked), reason)


def _of_contacts(
    tx: Tx, rows: pl.DataFrame, origins: Mapping[tuple[int, str], Unsubscription]
) -> dict[ContactChannel, Unsubscription]:
    """Return the origins of rows as those of their contacts: of several for one, the first."""
    found: dict[ContactChannel, Unsubscription] = {}
    for row, contact_id in rows.sort("row").select("row", "contact_id").iter_rows() if origins else ():
        for channel in ADDRESS_COLUMNS:
            if (origin := origins.get((row, channel))) is not None:
                since = min(origin.unsubscribed_at, tx.now)
                found.setdefault((contact_id, channel), replace(origin, unsubscribed_at=since))
    return found


def _addresses(said: pl.DataFrame, column: str, condition: pl.Expr) -> list[str]:
    return _given(said.filter(condition), column)


def _given(said: pl.DataFrame, column: str) -> list[str]:
    return said.filter(pl.col(column).fill_null("") != "")[column].unique(maintain_order=True).to_list()


async def _holders(tx: Tx, actor: Actor, channel: Channel, addresses: Sequence[str]) -> Sequence[int]:
    """Return the contacts of the audience that have addresses."""
    found = await contacts_with(tx, actor, channel, addresses, [actor.audience_id]) if addresses else {}
    return found.get(actor.audience_id, ())


async def _block(tx: Tx, actor: Actor, channel: Channel, keys: Sequence[str], reason: str) -> None:
    if keys:
        given = keys if channel is Channel.EMAIL else [f"+{key}" for key in keys]
        addresses = [Address(channel=channel, value=value) for value in given]
        await suppress(tx, actor, Suppress(addresses=addresses, reason=reason))


async def _own_under_suppressions(tx: Tx, actor: Actor, said: pl.DataFrame) -> pl.DataFrame:
    """Let an export's row say what its contact said where its address is suppressed here too, or it is archived.

    Elsewhere it says the status that it was exported with, which the suppression made.
    """
    for channel, column in ADDRESS_COLUMNS.items():
        own = OWN[channel]
        if own not in said.columns or not (said[own] > Said.NOTHING).any():
            continue
        addresses = said.filter(pl.col(own) > Said.NOTHING)[column].drop_nulls().to_list()
        suppressed = await suppressed_among(tx, actor, Channel(channel), addresses)
        status = SAID[channel]
        is_over = pl.col(ARCHIVED[channel]) | pl.col(column).is_in(list(suppressed)).fill_null(value=False)
        said = said.with_columns(
            pl.when((pl.col(own) > Said.NOTHING) & is_over)
            .then(pl.col(own))
            .otherwise(pl.max_horizontal(own, status))
            .alias(status)
        )
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack:
    """Why contacts are subscribed again, and what is older: whatever was said since the file came is left alone."""

    reason: str
    before: datetime


async def give_back(  # noqa: PLR0913 - the rows, and what became of them
    tx: Tx, actor: Actor, said: pl.DataFrame, kept: pl.DataFrame, back: GiveBack, *, taken: TakenAway
) -> int:
    """Subscribe the contacts of rows that say so, and that no other row takes away or archives; return how many.

    The account must be locked. A row speaks of the address that it has, so one without it, or whose address another
    contact has, subscribes nobody. A contact counts once for each channel.
    """
    contacts_of_rows = kept.filter(~pl.col("contact_id").is_in(list(taken.archived))).select("row", "contact_id")
    rows = said.join(contacts_of_rows, on="row", how="inner")
    asked: dict[Channel, Collection[int]] = {}
    for channel, column in ADDRESS_COLUMNS.items():
        highest = rows.group_by("contact_id").agg(pl.col(SAID[channel]).max(), pl.col(column).drop_nulls().last())
        wanted = highest.filter((pl.col(SAID[channel]) == Said.SUBSCRIBED) & (pl.col(column).fill_null("") != ""))
        contacts, addresses = taken.contacts[Channel(channel)], taken.addresses[Channel(channel)]
        wanted = wanted.filter(~pl.col("contact_id").is_in(contacts) & ~pl.col(column).is_in(addresses))
        contact_ids = wanted["contact_id"].to_list()
        place = list(ADDRESS_COLUMNS).index(channel)
        has = {one[place] for one in await addresses_of(tx, actor, contact_ids)} if contact_ids else set()
        asked[Channel(channel)] = wanted.filter(pl.col(column).is_in(list(has)))["contact_id"].to_list()
    return await resubscribe(tx, actor, Resubscribe(contact_ids=asked, reason=back.reason, before=back.before))


async def restore_blocks(tx: Tx, actor: Actor, blocks: Sequence[Block], reason: str) -> tuple[int, list[RowError]]:
    """Suppress what lines say; return how many addresses were not before, and the lines whose address can't be one."""
    records = [block.record for block in blocks]
    restored = await restore_suppressions(tx, actor, RestoreSuppressions(records=records, reason=reason))
    return restored.added, [unusable(blocks[place]) for place in restored.failed]


async def add_devices(tx: Tx, actor: Actor, devices: Sequence[tuple[int, Device]], kept: pl.DataFrame) -> None:
    """Give rows' contacts the devices that they lack."""
    if not devices:
        return
    contact_ids = dict(kept.select("row", "contact_id").iter_rows())
    known = await devices_of(tx, actor, sorted(set(contact_ids.values())))
    given = [
        RegisteredDevice(
            contact_id=contact_ids[row], platform=one.platform, token=one.token, application=one.application
        )
        for row, one in devices
        if row in contact_ids
    ]
    await register_devices(tx, actor, [one for one in given if one not in known])


async def say_consents(  # noqa: PLR0913 - the rows, and what became of them
    tx: Tx,
    actor: Actor,
    said: Sequence[SaidConsent],
    frame: pl.DataFrame,
    kept: pl.DataFrame,
    *,
    taken: TakenAway | None,
    before: datetime,
) -> None:
    """Set the consents of rows' contacts: new ones say what the file says, the others only take back.

    With `taken`, the file gives: what no row so far takes away, and nobody has refused since `before`. What was refused
    at an address before is refused by a new contact that has it. Addresses count as well as the row's contact: what is
    refused at one that another contact has is refused there, and at one that nobody has in the end it is remembered.
    The audience must be locked; it gets the purposes that it lacks.
    """
    if not said:
        return
    new = set(kept.filter(kept["outcome"] == NEW)["contact_id"])
    changes, origins = _said_of_contacts(tx, said, kept, None if taken is not None else new)
    refused = _refused_at(said, frame)
    changes |= await _refused_by_holders(tx, actor, refused)
    if taken is not None:
        taken.consents.update(key for key, granted in changes.items() if not granted)
        changes = {key: granted for key, granted in changes.items() if not (granted and key in taken.consents)}
    if changes or refused:
        audience = await lock_audience(tx, actor, after_uploads=False)
        may_have_said = {contact_id for contact_id, _, _ in changes} - (set() if audience.removed_channels else new)
        known = await stored_consents(tx, actor, sorted(may_have_said))
        changes = {
            key: granted
            for key, granted in changes.items()
            if key not in known
            or (known[key]["granted"] is not granted and (not granted or _gives(taken, known[key]["given_at"], before)))
        }
        purposes = dict.fromkeys([*(key[1] for key in changes), *(one[1] for one in refused)])
        await make_purposes(tx, actor, {purpose: CreatePurpose(name=purpose) for purpose in purposes})
        await write_consents(tx, actor, changes, new=new, origins=origins)
    for channel, purpose, addresses in refused:
        statuses = [(address, purpose, int(SubscriptionStatus.UNSUBSCRIBED)) for address in addresses]
        await remember_said(tx, actor, channel, statuses)


def _gives(taken: TakenAway | None, refused_at: datetime, before: datetime) -> bool:
    return taken is not None and refused_at <= before


async def note_taken_by_rows(  # noqa: PLR0913, PLR0917 - the rows, and what became of them
    tx: Tx,
    actor: Actor,
    said: pl.DataFrame | None,
    consents: Sequence[SaidConsent],
    frame: pl.DataFrame,
    kept: pl.DataFrame,
    *,
    taken: TakenAway,
) -> None:
    """Add to `taken` what rows take away; `kept` has the contacts that they name now."""
    if said is not None:
        taken.add(takes_away(await _own_under_suppressions(tx, actor, said)), kept.select("row", "contact_id"))
    changes, _ = _said_of_contacts(tx, consents, kept, None)
    changes |= await _refused_by_holders(tx, actor, _refused_at(consents, frame))
    taken.consents.update(key for key, granted in changes.items() if not granted)


async def _refused_by_holders(
    tx: Tx, actor: Actor, refused: Sequence[tuple[Channel, str, Sequence[str]]]
) -> dict[ConsentKey, bool | None]:
    """Return what is refused at addresses as refused by the contacts that have them."""
    return {
        (contact_id, purpose, channel): False
        for channel, purpose, addresses in refused
        for contact_id in await _holders(tx, actor, channel, addresses)
    }


def _said_of_contacts(
    tx: Tx, said: Sequence[SaidConsent], kept: pl.DataFrame, may_get: Collection[int] | None
) -> tuple[dict[ConsentKey, bool | None], dict[ConsentKey, ConsentOrigin]]:
    """Return what rows say of their contacts, of several what takes the most away, and where each has it from.

    Consents are for `may_get` alone, None for all.
    """
    contact_ids = dict(kept.select("row", "contact_id").iter_rows())
    changes: dict[ConsentKey, bool | None] = {}
    origins: dict[ConsentKey, ConsentOrigin] = {}
    for one in said:
        contact_id = contact_ids.get(one.row)
        if contact_id is None or (one.granted and may_get is not None and contact_id not in may_get):
            continue
        key = (contact_id, one.purpose, one.channel)
        if changes.get(key) is not False:
            changes[key] = one.granted
            if one.origin is not None:
                origins[key] = (min(one.origin[0], tx.now), *one.origin[1:])
    return changes, origins


def _refused_at(said: Sequence[SaidConsent], frame: pl.DataFrame) -> list[tuple[Channel, str, list[str]]]:
    """List the addresses of the rows that refuse a purpose on their channel."""
    refused = [one for one in said if not one.granted]
    found: dict[tuple[Channel, str], list[str]] = {}
    for channel, column in ADDRESS_COLUMNS.items() if refused else ():
        addresses = dict(frame.select("row", column).iter_rows())
        for one in refused:
            if one.channel == channel and (address := addresses.get(one.row)):
                found.setdefault((one.channel, one.purpose), []).append(address)
    return [(channel, purpose, addresses) for (channel, purpose), addresses in found.items()]
