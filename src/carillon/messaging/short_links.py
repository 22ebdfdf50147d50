"""The short links of a request: codes before its transaction, so that texts have them, and rows in it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from carillon.db.database import Database, Tx
from carillon.kit.actor import Actor
from carillon.links.shorten import LinkOwner, MadeLink, make_links, write_links
from carillon.links.targets import LinkTarget
from carillon.messaging.placing import Placement, Rows
from carillon.messaging.prepare import PreparedSend
from carillon.messaging.sendings import Send
from carillon.text.placeholders import Template

OF_ALL = -1
"""The row of a link that is everybody's."""


async def with_links(db: Database, actor: Actor, command: Send) -> tuple[Send, Sequence[MadeLink]]:
    """Give the links that a text has placeholders for their codes, and put their URLs in the places.

    Links that it has no placeholder for are not made. Raises what `make_links` does.
    """
    if command.placeholders is None or not (command.links or command.recipients.links):
        return command, ()
    keys = Template.parse(command.text, command.placeholders).keys
    shared = {name: target for name, target in command.links.items() if name in keys}
    made = await make_links(db, actor, list(_wanted(command, shared, keys)))
    if not made:
        return command, ()
    if command.groups and shared:
        # Who the members are is not known yet: their links are one.
        urls = {one.name: one.url for one in made if one.row == OF_ALL}
        command = replace(command, text=Template.parse(command.text, command.placeholders).render(urls))
    given = command.recipients
    values = [dict(one) for one in given.values] if given.values else [{} for _ in given.addresses]
    for one in made:
        if one.row != OF_ALL:
            values[one.row][one.name] = one.url
    return replace(command, recipients=replace(given, values=values)), made


def _wanted(
    command: Send, shared: Mapping[str, LinkTarget], keys: frozenset[str]
) -> "list[tuple[int, str, LinkTarget]]":
    rows = [OF_ALL] if command.groups else range(len(command.recipients.addresses))
    wanted = [(row, name, target) for row in rows for name, target in shared.items()] if shared else []
    for row, own in enumerate(command.recipients.links or ()):
        wanted += [(row, name, target) for name, target in own.items() if name in keys]
    return wanted


async def write_links_of(
    tx: Tx, actor: Actor, requests: Sequence[PreparedSend], placements: Sequence[Placement], rows: Rows
) -> None:
    """Write the links of requests that are written, in the names of their messages."""
    links: list[tuple[MadeLink, LinkOwner]] = []
    for place, (request, placement) in enumerate(zip(requests, placements, strict=True)):
        if not request.links or not placement.is_written:
            continue
        start = rows.places.index(place) if request.numbers else 0
        sending_id = placement.sending_id
        links += [
            (
                one,
                LinkOwner(
                    sending_id=sending_id,
                    message_id=None if one.row == OF_ALL else rows.message_ids[start + one.row],
                ),
            )
            for one in request.links
        ]
    await write_links(tx, actor, links)
