"""The operations on the blacklists."""

from dataclasses import replace

from carillon.audience.suppressions import (
    Address,
    Channel,
    PageSuppressions,
    Reactivate,
    Suppress,
    Suppression,
    page_suppressions,
    reactivate,
    read_address,
    suppress,
)
from carillon.db.database import Tx
from carillon.dialects.nrs import schemas
from carillon.dialects.nrs.contacts import resolve_known_phone
from carillon.dialects.nrs.mapping import CHANNELS, show_line
from carillon.dialects.nrs.paging import read_page, show_page
from carillon.dialects.nrs.replies import One
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.page import Counted, NumberedPage

PATH = "/api/rest/v2/blacklist"

_REASON, _NAME = "360NRS blacklist", "360NRS"
_GONE = 204


def _channel_of(call: Call) -> tuple[str, Channel]:
    word = call.request.segments["type"]
    channel = CHANNELS.get(word)
    if channel is None:
        raise NotFoundError("blacklist")
    return word, channel


async def _address(call: Call, channel: Channel, recipient: str) -> Address:
    value = recipient
    if channel is not Channel.EMAIL:
        value = await resolve_known_phone(call, recipient)
    return Address(channel=channel, value=value)


async def _checked_address(call: Call, channel: Channel, recipient: str) -> Address:
    """Give the address that a recipient is. Raises InvalidInputError for what can't be written to on the channel."""
    address = await _address(call, channel, recipient)
    if read_address(address, call.actor.country) is None:
        kind = "an e-mail address" if channel is Channel.EMAIL else "a phone number"
        raise InvalidInputError("recipient", f"This is not {kind}.")
    return address


async def _add(tx: Tx, actor: Actor, address: Address) -> Suppression:
    await suppress(tx, actor, Suppress(addresses=[address], reason=_REASON, actor_name=_NAME))
    query = PageSuppressions(channels=[address.channel], page=NumberedPage(), address=address.value)
    return (await page_suppressions(tx, actor, query)).items[0]


async def _remove(tx: Tx, actor: Actor, address: Address) -> None:
    if (await reactivate(tx, actor, Reactivate(addresses=[address], reason=_REASON, actor_name=_NAME))).failed:
        raise NotFoundError("recipient", "The recipient is not on the blacklist.")


async def list_recipients(call: Call) -> Answer:
    """Show a page of the recipients."""
    word, channel = _channel_of(call)
    asked: schemas.ListBlacklist = call.query
    page = read_page(asked)
    query = PageSuppressions(channels=[channel], page=page)
    if asked.recipient.strip():
        query = replace(query, address=(await _address(call, channel, asked.recipient)).value)
    found: Counted[Suppression] = Counted(items=[], total=0)  # nothing was sent yet, so no sending brought anybody in
    if asked.sending_id is None:
        found = await call.db.read(page_suppressions, call.actor, query)
    path = f"{PATH}/{word}"
    return Answer(data=show_page(call.request, path, page, found, lambda one: show_line(word, one, in_list=True)))


async def add(call: Call) -> Answer:
    """Leave a recipient alone from now on; one that is there already stays as it is."""
    word, channel = _channel_of(call)
    address = await _checked_address(call, channel, call.body.recipient)
    line = await call.db.run(_add, call.actor, address)
    return Answer(data=One(show_line(word, line, in_list=False)))


async def remove(call: Call) -> Answer:
    """Let a recipient be written to again."""
    _, channel = _channel_of(call)
    address = await _checked_address(call, channel, call.body.recipient)
    await call.db.run(_remove, call.actor, address)
    return Answer(data=None, status=_GONE)
