"""Accepting what is too much for one transaction: recipients are kept, and written in the background."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from carillon.db.database import Tx
from carillon.kit.actor import Actor
from carillon.kit.json_texts import json_texts
from carillon.messaging.account_clock import take_account_clock
from carillon.messaging.materialisation import AddMaterialisation, add_materialisation, members_of, request_of
from carillon.messaging.members import add_members, count_members
from carillon.messaging.placement import Placement, Rows
from carillon.messaging.prepare import PreparedSend
from carillon.messaging.sending_rows import (
    accepted_of,
    campaigns_of,
    count_campaigns,
    placement_of,
    require_pace,
    rows_of,
    write_sendings,
)
from carillon.messaging.sendings import AcceptedSending, Send
from carillon.messaging.short_links import kept_links, kept_of_recipients, write_shared_links

MAX_RECIPIENTS_AT_ONCE = 5_000
"""A request to more is accepted, and its messages are written in the background."""

_MAX_MEMBERS_AT_ONCE = 20_000
# The members of larger groups are taken by the worker, which is woken by the commit.
_COLUMNS = (
    *("shard_key", "sending_id", "position", "message_id", "address", "values", "custom", "reason", "guid", "links"),
)
_encode = msgspec.json.Encoder().encode


def is_large(command: Send) -> bool:
    """Whether a request is written in the background: to groups, or to many."""
    return bool(command.groups) or len(command.recipients.addresses) > MAX_RECIPIENTS_AT_ONCE


async def accept_many(tx: Tx, actor: Actor, request: PreparedSend) -> AcceptedSending:
    """Accept a request to groups or to many: its sending is materialising, and its recipients are kept.

    Raises NotFoundError for `group`, and InvalidInputError for `scheduled_at`, `per_second`.
    """
    command = request.command
    await take_account_clock(tx, actor.account_id)
    members = await count_members(tx, actor, command.groups)
    await count_members(tx, actor, command.excluded_groups)
    placement = await placement_of(tx, actor, request)
    require_pace(placement, len(request.numbers) + members)
    placement.is_materialising = True
    rows = rows_of(tx, [request])
    rows.guids = [None] * len(rows.places)
    is_nothing = not command.groups and not rows.open_rows()
    placement.is_written = not (command.only_if_any and is_nothing)
    campaigns = await campaigns_of(tx, actor, [request], [placement])
    if placement.is_written:
        await write_sendings(tx, [actor], [request], [placement], campaigns)
        await count_campaigns(tx, actor, [request], [placement], campaigns)
        await write_shared_links(tx, actor, request, placement.sending_id)
        members = await _keep(tx, actor, request, placement, rows, members)
    if request.links is not None:
        await request.links.codes.made()
    return accepted_of(tx, request, placement, rows, 0, campaigns, members=members)


async def _keep(  # noqa: PLR0913, PLR0917 - what was accepted
    tx: Tx, actor: Actor, request: PreparedSend, placement: Placement, rows: Rows, members: int
) -> int:
    """Write the recipients, and the members of groups where they are not too many; return how many members."""
    command = request.command
    links = kept_links(request.links)
    if command.numbered:
        open_rows = rows.open_rows()
        for row, guid in zip(open_rows, await tx.ids.take("scheduled_message", len(open_rows)), strict=True):
            rows.guids[row] = guid
    named = len(rows.places)
    values = command.recipients.values
    if named:
        of_rows = kept_of_recipients(request.links, links, named)
        records = _records(actor, placement.sending_id, rows, values, of_rows)
        if request.links is not None:
            request.links.codes.begin()
        await tx.copy_records("recipient", _COLUMNS, records)
    is_taken = members <= _MAX_MEMBERS_AT_ONCE
    kept = request_of(command, links)
    if is_taken and command.groups:
        members = await add_members(tx, actor, members_of(kept, placement.sending_id, named))
    await add_materialisation(
        tx,
        actor,
        AddMaterialisation(
            sending_id=placement.sending_id,
            request=kept,
            recipients=named + members if is_taken else named,
            is_taken=is_taken,
        ),
    )
    return members


def _records(
    actor: Actor, sending_id: UUID, rows: Rows, values: Sequence[object] | None, links: Sequence[str | None]
) -> list[tuple[object, ...]]:
    texts = json_texts(values) if values else ["{}"] * len(rows.places)
    return [
        (
            actor.account_id,
            sending_id,
            row + 1,
            rows.message_ids[row],
            rows.numbers[row] or rows.given[row][:250],
            texts[row],
            _encode(custom).decode() if (custom := rows.custom[row]) else None,
            failure.value if (failure := rows.failures[row]) else None,
            rows.guids[row],
            links[row],
        )
        for row in range(len(rows.places))
    ]
