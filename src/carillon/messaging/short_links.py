"""The short links of a request: codes before its transaction, so that texts have them, and rows with its messages'.

Of a request that is written in the background, the URLs are kept with the recipients, and the rows are written with
their messages; all have the codes that the caller was answered.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import msgspec

from carillon.db.database import Database, Tx
from carillon.kit.actor import Actor
from carillon.kit.json_texts import json_texts
from carillon.links.addresses import LinkAddresses
from carillon.links.shorten import MadeLinks, Numbered, make_links, with_codes, write_links
from carillon.links.targets import PLAIN, LinkColumn, Way
from carillon.messaging.placement import Placement, Rows
from carillon.messaging.prepare import PreparedSend
from carillon.messaging.sendings import Send
from carillon.text.placeholders import Template

# A way, and the place where it is kept: with the request, where all recipients of a placeholder have the same.
_Kept = str | tuple[str | None, Way]

_decode_rows = msgspec.json.Decoder(list[list[_Kept] | None]).decode


class KeptLinks(msgspec.Struct):
    """What is kept of a request's links beside the URLs of its recipients (`MadeLinks`)."""

    day: int
    first: int
    count: int
    ways: dict[str, Way | None]


async def with_links(db: Database, actor: Actor, command: Send) -> tuple[Send, MadeLinks | None, MadeLinks | None]:
    """Give the links that a text has placeholders for their codes: those of the recipients, and those of all.

    Links that it has no placeholder for are not made. Those of all stand in the text that is returned: who the members
    of groups are is not known yet. Raises what `make_links` does.
    """
    if command.placeholders is None or not (command.links or command.recipients.links):
        return command, None, None
    template = Template.parse(command.text, command.placeholders)
    keys = template.keys
    if command.fallback is not None and command.fallback.has_placeholders:
        keys |= Template.parse(command.fallback.text, command.placeholders).keys
    if command.content is not None and command.content.button is not None:
        keys |= Template.parse(command.content.button.url, command.placeholders).keys
    own = {name: column for name, column in command.recipients.links.items() if name in keys}
    urls = {name: url for name, url in command.links.items() if name in template.keys}
    if not command.groups:
        count = len(command.recipients.addresses)
        own |= {name: LinkColumn(urls=[url] * count) for name, url in urls.items()}
        return command, await make_links(db, actor, own), None
    shared = await make_links(db, actor, {name: LinkColumn(urls=[url]) for name, url in urls.items()})
    if shared is not None:
        text = template.render(shared.sample)
        command = replace(command, text=text)
    return command, await make_links(db, actor, own), shared


async def write_links_of(tx: Tx, actor: Actor, placements: Sequence[Placement], rows: Rows) -> None:
    """Write the links of rows that are written, in the names of their messages."""
    for start, made in rows.links:
        placement = placements[rows.places[start]]
        if placement.is_written:
            message_ids = rows.message_ids[start : start + len(made.rows)]
            await write_links(tx, actor, made, sending_id=placement.sending_id, message_ids=message_ids)


async def write_shared_links(tx: Tx, actor: Actor, request: PreparedSend, sending_id: UUID) -> None:
    """Write the links that all recipients of a request have."""
    if request.shared_links is not None:
        await write_links(tx, actor, request.shared_links, sending_id=sending_id)


def kept_links(made: MadeLinks | None) -> KeptLinks | None:
    """Return what is kept of a request's links."""
    if made is None:
        return None
    ways = {name: None if column.others else column.way for name, column in made.columns.items()}
    return KeptLinks(day=made.day, first=made.first, count=made.count, ways=ways)


def kept_of_recipients(made: MadeLinks | None, kept: KeptLinks | None, count: int) -> Sequence[str | None]:
    """Return what is kept of each recipient's links, in JSON."""
    if made is None or kept is None:
        return [None] * count
    columns: list[Sequence[_Kept]] = []
    for name, column in made.columns.items():
        if kept.ways[name] is not None and None not in column.urls:
            columns.append([url or "" for url in column.urls])
        else:
            columns.append(list(zip(column.urls, column.ways, strict=True)))
    return json_texts(zip(*columns, strict=True))


def links_of_slice(
    addresses: LinkAddresses, account_id: int, kept: KeptLinks | None, start: int, given: Sequence[str | None]
) -> MadeLinks | None:
    """Return the links of recipients from a place on; who stands behind those that were named has none."""
    if kept is None or not given or given[0] is None:
        return None
    rows = [row for row in _decode_rows(f"[{','.join(one or 'null' for one in given)}]") if row is not None]
    columns: dict[str, LinkColumn] = {}
    for place, (name, way) in enumerate(kept.ways.items()):
        pairs = [_read(row[place], way) for row in rows]
        others = {} if way is not None else {at: one for at, (_, one) in enumerate(pairs)}
        columns[name] = LinkColumn(urls=[url for url, _ in pairs], way=way or PLAIN, others=others)
    numbered = Numbered(account_id=account_id, day=kept.day, first=kept.first, count=kept.count)
    return with_codes(addresses, numbered, range(start, start + len(rows)), columns)


def _read(given: _Kept, way: Way | None) -> tuple[str | None, Way]:
    return (given, way or PLAIN) if isinstance(given, str) else given
