"""The operations on the blacklists."""

from dataclasses import replace

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.query import ContactQuery, page_contacts
from carillon.audience.single_suppressions import (
    ReactivateAddress,
    SuppressAddress,
    reactivate_address,
    suppress_address,
)
from carillon.audience.suppression_queries import PageSuppressions, page_suppressions
from carillon.audience.suppressions import Address, Channel
from carillon.db.filters import Condition, Op
from carillon.dialects.nrs import replies, schemas
from carillon.dialects.nrs.mapping import CHANNELS, show_line, show_unsubscribed
from carillon.dialects.nrs.paging import read_page, show_page
from carillon.dialects.nrs.replies import One
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.page import Counted

PATH = "/api/rest/v2/blacklist"

# By what a contact that is unsubscribed on a channel is found.
_KEYS = {Channel.SMS: KeyKind.PHONE, Channel.EMAIL: KeyKind.EMAIL}
_REASON, _NAME = "360NRS blacklist", "360NRS"
_GONE = 204


def _channel_of(call: Call) -> tuple[str, Channel]:
    name = call.request.segments["type"]
    channel = CHANNELS.get(name)
    if channel is None:
        raise NotFoundError("blacklist")
    return name, channel


def _address(call: Call, channel: Channel) -> Address:
    return Address(channel=channel, value=call.body.recipient, phone_form=PhoneForm.INTERNATIONAL_FIRST)


async def list_recipients(call: Call) -> Answer:
    """Show a page of the recipients: those that are suppressed, then those that the audience alone has unsubscribed."""
    name, channel = _channel_of(call)
    asked: schemas.ListBlacklist = call.query
    page = read_page(asked)
    query = PageSuppressions(channels=[channel], page=page)
    if asked.recipient.strip():
        query = replace(query, address=asked.recipient, phone_form=PhoneForm.INTERNATIONAL_FIRST)
    lines: list[replies.BlacklistLine] = []
    total = 0  # a suppression is not kept with the sending that its recipient answered
    if asked.sending_id is None:
        found = await call.db.read(page_suppressions, call.actor, query)
        places = {"limit": page.size - len(found.items), "offset": max(0, page.offset - found.total)}
        rest = await _unsubscribed(call, channel, asked.recipient, **places)
        lines = [show_line(name, one, in_list=True) for one in found.items]
        lines += [show_unsubscribed(name, one, channel) for one in rest.items]
        total = found.total + rest.total
    counted = Counted(items=lines, total=total)
    return Answer(data=show_page(call.request, f"{PATH}/{name}", page, counted, lambda line: line))


async def _unsubscribed(call: Call, channel: Channel, recipient: str, *, limit: int, offset: int) -> Counted[Contact]:
    """List contacts that are unsubscribed in the audience, and whose address nothing suppresses."""
    kind = _KEYS.get(channel)
    if kind is None:
        return Counted(items=[], total=0)
    key = ContactKey(kind=kind, value=recipient, phone_form=PhoneForm.INTERNATIONAL_FIRST)
    query = ContactQuery(
        conditions=[
            Condition(f"{channel}_status", Op.EQ, int(SubscriptionStatus.UNSUBSCRIBED)),
            Condition(f"suppressed_{channel}", Op.EQ, value=False),
        ],
        keys=[key] if recipient.strip() else (),
        limit=limit,
        offset=offset,
    )
    return await call.db.read(page_contacts, call.actor, query)


async def add(call: Call) -> Answer:
    """Suppress a recipient; one that is there already stays as it is."""
    name, channel = _channel_of(call)
    command = SuppressAddress(address=_address(call, channel), reason=_REASON, actor_name=_NAME)
    line = await call.db.run(suppress_address, call.actor, command)
    return Answer(data=One(show_line(name, line, in_list=False)))


async def remove(call: Call) -> Answer:
    """Lift the suppression of a recipient."""
    _, channel = _channel_of(call)
    command = ReactivateAddress(address=_address(call, channel), reason=_REASON, actor_name=_NAME)
    try:
        await call.db.run(reactivate_address, call.actor, command)
    except NotFoundError:
        if (await _unsubscribed(call, channel, call.body.recipient, limit=1, offset=0)).items:
            message = "The recipient has unsubscribed from its list, which alone subscribes it again."
            raise InvalidInputError("recipient", message) from None
        raise
    return Answer(data=None, status=_GONE)
