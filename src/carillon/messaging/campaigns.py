"""Campaigns: names over sendings, with their counters added up."""

from collections.abc import Collection, Mapping
from uuid import UUID

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.kit.ids import AccountId
from carillon.messaging.sendings import CampaignNumbers

SQL = load_statements("carillon.messaging", "campaigns.sql")

MAX_NAME_CHARACTERS = 255
MAX_TAGS = 100

CampaignName = tuple[str, str]
"""A channel and a campaign's name."""


def check_campaign_name(name: str) -> str:
    """Return a name without blanks around it. Raises InvalidInputError for `campaign`."""
    name = name.strip()
    if len(name) > MAX_NAME_CHARACTERS or "\0" in name:
        raise InvalidInputError("campaign", f"A campaign's name has {MAX_NAME_CHARACTERS} characters at most.")
    return name


async def campaigns_named(
    tx: Tx, account_id: AccountId, names: Collection[CampaignName]
) -> Mapping[CampaignName, CampaignNumbers]:
    """Return the campaigns of names, which are compared without case; made where they are missing."""
    if not names:
        return {}
    wanted = {(channel, name.casefold()): (channel, name) for channel, name in sorted(names)}
    found = await _find(tx, account_id, wanted)
    missing = {key: name for key, name in wanted.items() if key not in found}
    if missing:
        await tx.execute(
            SQL["add_campaigns"],
            account_id,
            list(await tx.ids.take("campaign", len(missing))),
            list(await tx.ids.take("sending_number", len(missing))),
            [name for _, name in missing.values()],
            [key for _, key in missing],
            [channel for channel, _ in missing],
            tx.now,
        )
        # Another transaction may have been quicker.
        found = await _find(tx, account_id, wanted)
    return {(channel, name): found[channel, name.casefold()] for channel, name in names}


async def _find(tx: Tx, account_id: AccountId, keys: Collection[CampaignName]) -> dict[CampaignName, CampaignNumbers]:
    rows = await tx.fetch(SQL["find_campaigns"], account_id, [one for one, _ in keys], [one for _, one in keys])
    return {
        (row["channel"], row["name_key"]): CampaignNumbers(
            campaign_id=row["campaign_id"], sending_number=row["sending_number"]
        )
        for row in rows
    }


async def add_tags(tx: Tx, account_id: AccountId, tags: Collection[tuple[int, str]]) -> None:
    """Add tags to campaigns, whose rows the transaction has locked; a campaign has a hundred at most."""
    if tags:
        ids, texts = zip(*sorted(tags), strict=True)
        await tx.execute(SQL["add_tags"], account_id, ids, texts, MAX_TAGS)


async def count_unsubscribed(tx: Tx, account_id: AccountId, sending_id: UUID) -> None:
    """Count somebody who unsubscribed by answering a message, in the campaign of its sending."""
    await tx.execute(SQL["count_unsubscribed"], account_id, sending_id, tx.now)
