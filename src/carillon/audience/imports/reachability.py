"""What a file says of who may be written to, applied to the contacts of its rows.

A file only takes reachability away: whoever is unsubscribed, unconfirmed or blocked stays so whatever a row says.
"""

from collections.abc import Sequence

import polars as pl

from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.contacts.subscription import LowerStatuses, SubscriptionChange, lower_statuses
from carillon.audience.imports.consent_columns import SAID, Said
from carillon.audience.suppressions import Address, Channel, Suppress, suppress, unsubscribe_addresses
from carillon.db.database import Tx
from carillon.kit.actor import Actor

ADDRESS_COLUMNS = {"sms": "phone", "email": "email"}
# A statement of a channel says nothing of the other.
_STATUSES = {
    Said.UNCONFIRMED: SubscriptionStatus.UNCONFIRMED,
    Said.UNSUBSCRIBED: SubscriptionStatus.UNSUBSCRIBED,
    Said.BLOCKED: SubscriptionStatus.UNSUBSCRIBED,
}


def takes_away(said: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows that take something away: to the others nothing is done."""
    return said.filter(pl.any_horizontal(pl.col(name) > Said.SUBSCRIBED for name in SAID.values()))


def has_blocks(said: pl.DataFrame) -> bool:
    """Tell whether any row blocks an address: its writer must hold the whole account (`lock_account`)."""
    return bool(said.select(pl.any_horizontal(pl.col(name) == Said.BLOCKED for name in SAID.values()).any()).item())


async def take_away(tx: Tx, actor: Actor, said: pl.DataFrame, kept: pl.DataFrame, reason: str) -> None:
    """Unsubscribe, unconfirm and block as rows say. The audience must be locked, the account for blocks.

    `said` has a line for each row: its number `row`, its `phone` and `email` as they were read, and the columns SAID;
    `kept` is `UpsertOutcome`'s. Addresses count as well as the row's contact: one that another contact has is
    unsubscribed there.
    """
    said = takes_away(said)
    if said.is_empty():
        return
    contact_ids = dict(kept.select("row", "contact_id").iter_rows())
    changes = [
        SubscriptionChange(contact_id=contact_ids[row], sms=_STATUSES.get(Said(sms)), email=_STATUSES.get(Said(email)))
        for row, sms, email in said.select("row", *SAID.values()).iter_rows()
        if row in contact_ids
    ]
    await lower_statuses(tx, actor, LowerStatuses(changes=changes))
    for channel, column in ADDRESS_COLUMNS.items():
        addresses = _addresses(said, column, pl.col(SAID[channel]) >= Said.UNSUBSCRIBED)
        if addresses:
            await unsubscribe_addresses(tx, actor, Channel(channel), addresses)
        blocked = _addresses(said, column, pl.col(SAID[channel]) == Said.BLOCKED)
        await _block(tx, actor, Channel(channel), blocked, reason)


def _addresses(said: pl.DataFrame, column: str, condition: pl.Expr) -> list[str]:
    return said.filter(condition & (pl.col(column).fill_null("") != ""))[column].unique(maintain_order=True).to_list()


async def _block(tx: Tx, actor: Actor, channel: Channel, keys: Sequence[str], reason: str) -> None:
    if keys:
        given = keys if channel is Channel.EMAIL else [f"+{key}" for key in keys]
        addresses = [Address(channel=channel, value=value) for value in given]
        await suppress(tx, actor, Suppress(addresses=addresses, reason=reason))
