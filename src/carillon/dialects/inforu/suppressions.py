"""The functions on unsubscribes."""

from collections.abc import Sequence

from carillon.audience.contacts.contact import ContactKey
from carillon.audience.suppressed_contacts import CheckKeysUnsubscribed, check_keys_unsubscribed
from carillon.audience.suppression_ledger import (
    ListSuppressionEntries,
    SuppressionHistory,
    list_suppression_entries,
    suppression_history,
)
from carillon.audience.suppression_queries import ListSuppressions, list_suppressions
from carillon.audience.suppressions import Action, Address, Reactivate, Suppress, reactivate, suppress
from carillon.dialects.inforu import replies, schemas
from carillon.dialects.inforu.calls import Call, check_count
from carillon.dialects.inforu.mapping import (
    CHANNELS,
    CHANNELS_OR_ALL,
    KEY_KINDS,
    choose,
    contact_key,
    outcome,
    usable,
)
from carillon.dialects.inforu.mapping_dates import read_since, read_until
from carillon.dialects.inforu.paging import place_in_list, show_page

ACTIONS: dict[str, Action | None] = {"Unsubscribe": "unsubscribe", "Reactivate": "reactivate", "All": None}

DEFAULT_NAME = "API"


def _addresses(items: Sequence[object]) -> tuple[list[Address], list[replies.Address]]:
    """Sort items into addresses and what can't be used."""
    check_count(len(items), schemas.MAX_ITEMS)
    read = [usable(item, CHANNELS) for item in items]
    addresses = [Address(channel=one[1], value=one[2]) for one in read if isinstance(one, tuple)]
    return addresses, [one for one in read if not isinstance(one, tuple)]


def _name(given: str | None) -> str:
    return DEFAULT_NAME if given is None or not given.strip() else given


async def unsubscribe(call: Call, asked: schemas.Unsubscribe) -> replies.AddressOutcome:
    """Suppress addresses."""
    addresses, unusable = _addresses(asked.items)
    command = Suppress(
        addresses=addresses,
        reason=asked.unsubscribe_reason,
        actor_name=_name(asked.unsubscribe_name),
    )
    return outcome(await call.services.db.run(suppress, call.actor, command), unusable)


async def reactivate_unsubscribe(call: Call, asked: schemas.ReactivateUnsubscribe) -> replies.AddressOutcome:
    """Lift suppressions."""
    addresses, unusable = _addresses(asked.items)
    command = Reactivate(
        addresses=addresses,
        reason=asked.reactivation_reason,
        actor_name=_name(asked.reactivation_name),
    )
    return outcome(await call.services.db.run(reactivate, call.actor, command), unusable)


async def get_unsubscribe_list(
    call: Call, asked: schemas.GetUnsubscribeList
) -> replies.Batch[replies.SuppressedAddress]:
    """List suppressed addresses of a span of time."""
    query = ListSuppressions(
        channels=choose(CHANNELS_OR_ALL, asked.type.strip() or "All", "Data.Type")[1],
        since=read_since(asked.from_date, call.show.zone, "Data.FromDate"),
        until=read_until(asked.to_date, call.show.zone, "Data.ToDate"),
        after_id=place_in_list(asked.last_fetched_id),
        limit=call.services.page_size,
    )
    page = await call.services.db.read(list_suppressions, call.actor, query)
    return show_page(page, call.show.suppression)


async def get_unsubscribe_history(
    call: Call, asked: schemas.GetUnsubscribeHistory
) -> replies.Listing[replies.HistoryEntry]:
    """Tell what happened to an address, or to the addresses of a contact, newest first."""
    _, key = contact_key(asked.type, asked.value, "Data.Type")
    entries = await call.services.db.read(suppression_history, call.actor, SuppressionHistory(key=key))
    return replies.Listing(count=len(entries), items=[call.show.entry(one) for one in entries])


async def get_unsubscribe_history_list(
    call: Call, asked: schemas.GetUnsubscribeHistoryList
) -> replies.Batch[replies.HistoryEntry]:
    """List the whole history, of a channel, an action or a span of time."""
    query = ListSuppressionEntries(
        channels=choose(CHANNELS_OR_ALL, asked.type or "All", "Data.Type")[1],
        action=choose(ACTIONS, asked.action, "Data.Action")[1] if asked.action else None,
        since=read_since(asked.from_date, call.show.zone, "Data.FromDate"),
        until=read_until(asked.to_date, call.show.zone, "Data.ToDate"),
        after_id=place_in_list(asked.last_fetched_id),
        limit=call.services.page_size,
    )
    page = await call.services.db.read(list_suppression_entries, call.actor, query)
    return show_page(page, call.show.entry)


async def check_if_unsubscribe(call: Call, asked: schemas.CheckIfUnsubscribe) -> replies.SuppressionCheck:
    """Sort addresses, and contacts, into those that are unsubscribed and those that are not."""
    check_count(len(asked.items), schemas.MAX_ITEMS)
    read = [usable(item, KEY_KINDS) for item in asked.items]
    keys = [ContactKey(kind=one[1], value=one[2]) for one in read if isinstance(one, tuple)]
    verdicts = iter(await call.services.db.read(check_keys_unsubscribed, call.actor, CheckKeysUnsubscribed(keys=keys)))
    unsubscribed: list[replies.Address] = []
    free: list[replies.Address] = []
    for one in read:
        if isinstance(one, tuple):
            (unsubscribed if next(verdicts) else free).append(replies.Address(type=one[0], value=one[2]))
        else:
            free.append(one)
    return replies.SuppressionCheck(
        unsubscribe=replies.Listing(count=len(unsubscribed), items=unsubscribed),
        not_unsubscribe=replies.Listing(count=len(free), items=free),
    )
