"""Campaigns: names over sendings, with their counters added up."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.kit.page import Counted, NumberedPage
from carillon.messaging.sendings import CampaignNumbers

SQL = load_statements("carillon.messaging", "campaigns.sql")

MAX_NAME_CHARACTERS = 255
MAX_TAGS = 100

# So many campaigns may be walked over to a page; a deeper one waits for its turn.
_CHEAP_OFFSET = 10_000

CampaignName = tuple[str, str]
"""A channel and a campaign's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign with its counters; `cost` is what was captured, with VAT, in micro-units.

    `sending_number` is the number of the one sending that vendors show of it, `sent` counts what a carrier has taken,
    `parts` the parts of that.
    """

    campaign_id: int
    sending_number: int
    name: str
    channel: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    recipients: int
    excluded: int
    waiting: int
    submitted: int
    uncertain: int
    delivered: int
    undelivered: int
    expired: int
    rejected: int
    cancelled: int
    unknown: int
    sent: int
    unsubscribed: int
    parts: int
    cost: int
    tags: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCampaigns:
    """Ask for a page of campaigns, the oldest first.

    In `name` an asterisk stands for any text, and case doesn't count. `before` and `after` bound when they were made.
    """

    name: str | None = None
    channels: Sequence[str] | None = None
    before: datetime | None = None
    after: datetime | None = None
    page: NumberedPage = field(default_factory=NumberedPage)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCampaign:
    """Name a campaign by its own number or by its sending's: one of them is given."""

    campaign_id: int | None = None
    sending_number: int | None = None


async def page_campaigns(tx: Tx, actor: Actor, query: PageCampaigns) -> Counted[Campaign]:
    """List a numbered page of campaigns, and count all that are asked for."""
    if query.page.offset > _CHEAP_OFFSET:
        tx.require_turn()
    channels = None if query.channels is None else list(query.channels)
    asked = (actor.account_id, _pattern(query.name), channels, query.before, query.after)
    total = await tx.fetchval(SQL["count_campaigns"], *asked)
    rows = await tx.fetch(SQL["page_campaigns"], *asked, query.page.size, query.page.offset)
    return Counted(items=[Campaign(**row) for row in rows], total=total)


def _pattern(name: str | None) -> str | None:
    if name is None:
        return None
    escaped = re.sub(r"([\\%_])", r"\\\1", name.casefold())
    return escaped.replace("*", "%")


async def get_campaign(tx: Tx, actor: Actor, query: GetCampaign) -> Campaign:
    """Return a campaign. Raises NotFoundError for `campaign`, or `sending` where it is named by that."""
    if query.campaign_id is not None:
        row = await tx.fetchrow(SQL["get_campaign"], actor.account_id, query.campaign_id)
    else:
        row = await tx.fetchrow(SQL["get_campaign_of_sending"], actor.account_id, query.sending_number)
    if row is None:
        raise NotFoundError("campaign" if query.campaign_id is not None else "sending")
    return Campaign(**row)


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
