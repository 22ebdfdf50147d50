"""The operations on messages by SMS: send, and look at one."""

from uuid import UUID

from carillon.dialects.nrs import replies, schemas
from carillon.dialects.nrs.errors import INVALID_SCHEDULE, RefusedError
from carillon.dialects.nrs.mapping_sends import (
    STATUSES,
    SendFacts,
    read_send,
    refusal_of_all,
    show_results,
    with_links_of_each,
)
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.links.lookup import own_links_in
from carillon.messaging.accept import send
from carillon.messaging.queries import get_message_state

PATH = "/api/rest/sms"

_ACCEPTED = 202
_MIXED = 207


async def send_sms(call: Call) -> Answer:
    """Accept a text for recipients: 202 for all of them, 207 for some."""
    asked: schemas.SendSms = call.body
    facts = SendFacts(
        now=call.db.clock.now() + call.actor.clock_offset,
        country=call.actor.country,
        traffic_class=call.actor.traffic_class,
        outbound_allow=call.outbound_allow,
    )
    command = read_send(asked, facts)
    if command.callback_url is not None:
        targets = await call.db.run_spanning(own_links_in, call.actor, command.text)
        command = with_links_of_each(command, targets)
    try:
        accepted = await call.db.run_spanning(send, call.actor, command)
    except InvalidInputError as error:
        if error.field == "scheduled_at":
            raise RefusedError(INVALID_SCHEDULE) from error
        raise
    refusal = refusal_of_all(accepted.failures)
    if refusal is not None:
        raise RefusedError(refusal)
    if accepted.campaign is None:
        raise AssertionError("every send of this dialect is of a campaign")
    return Answer(
        data=replies.Sent(
            campaign_id=accepted.campaign.campaign_id,
            sending_id=accepted.campaign.sending_number,
            result=show_results(asked, command, accepted),
        ),
        status=_MIXED if any(accepted.failures) else _ACCEPTED,
    )


async def show(call: Call) -> Answer:
    """Show where a message is."""
    try:
        message_id = UUID(call.request.segments["id"])
    except ValueError as error:
        raise NotFoundError("message") from error
    state = await call.db.read(get_message_state, call.actor, message_id)
    return Answer(data=replies.MessageStatus(id=str(message_id), status=STATUSES[state]))
