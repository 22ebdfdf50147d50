"""The operations on the blacklists."""

from dataclasses import replace

from carillon.addresses.phones import PhoneForm
from carillon.audience.suppressions import (
    Address,
    Channel,
    PageSuppressions,
    ReactivateAddress,
    SuppressAddress,
    Suppression,
    page_suppressions,
    reactivate_address,
    suppress_address,
)
from carillon.dialects.nrs import schemas
from carillon.dialects.nrs.mapping import CHANNELS, show_line
from carillon.dialects.nrs.paging import read_page, show_page
from carillon.dialects.nrs.replies import One
from carillon.dialects.rest import Answer, Call
from carillon.errors import NotFoundError
from carillon.kit.page import Counted

PATH = "/api/rest/v2/blacklist"

_REASON, _NAME = "360NRS blacklist", "360NRS"
_GONE = 204


def _channel_of(call: Call) -> tuple[str, Channel]:
    word = call.request.segments["type"]
    channel = CHANNELS.get(word)
    if channel is None:
        raise NotFoundError("blacklist")
    return word, channel


def _address(call: Call, channel: Channel) -> Address:
    return Address(channel=channel, value=call.body.recipient, phone_form=PhoneForm.INTERNATIONAL_FIRST)


async def list_recipients(call: Call) -> Answer:
    """Show a page of the recipients."""
    word, channel = _channel_of(call)
    asked: schemas.ListBlacklist = call.query
    page = read_page(asked)
    query = PageSuppressions(channels=[channel], page=page)
    if asked.recipient.strip():
        query = replace(query, address=asked.recipient, phone_form=PhoneForm.INTERNATIONAL_FIRST)
    found: Counted[Suppression] = Counted(
        items=[], total=0
    )  # nothing was sent yet, so no sending has added a recipient
    if asked.sending_id is None:
        found = await call.db.read(page_suppressions, call.actor, query)
    path = f"{PATH}/{word}"
    return Answer(data=show_page(call.request, path, page, found, lambda one: show_line(word, one, in_list=True)))


async def add(call: Call) -> Answer:
    """Suppress a recipient; one that is there already stays as it is."""
    word, channel = _channel_of(call)
    command = SuppressAddress(address=_address(call, channel), reason=_REASON, actor_name=_NAME)
    line = await call.db.run(suppress_address, call.actor, command)
    return Answer(data=One(show_line(word, line, in_list=False)))


async def remove(call: Call) -> Answer:
    """Lift the suppression of a recipient."""
    _, channel = _channel_of(call)
    command = ReactivateAddress(address=_address(call, channel), reason=_REASON, actor_name=_NAME)
    await call.db.run(reactivate_address, call.actor, command)
    return Answer(data=None, status=_GONE)
