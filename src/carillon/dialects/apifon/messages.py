"""SMS: sending them, and removing those that are scheduled."""

import asyncio
from uuid import UUID

from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.mapping import chosen
from carillon.dialects.apifon.mapping_messages import naming_message, read_send, show_accepted
from carillon.dialects.rest import Answer, Call
from carillon.messaging.accept import send as send_text
from carillon.messaging.scheduling import CancelSendings, cancel_sendings

_REQUEST, _REFERENCE = "REQUEST_ID", "REFERENCE_ID"
# Reading so many recipients takes some milliseconds: in a thread.
_FEW = 200


async def send(call: Call) -> Answer:
    """Send a text to many numbers: it is accepted for good when this answers."""
    asked: schemas.SendSms = call.body
    if len(asked.subscribers) > _FEW:
        command = await asyncio.to_thread(read_send, asked, call.actor.traffic_class, call.outbound_allow)
    else:
        command = read_send(asked, call.actor.traffic_class, call.outbound_allow)
    with naming_message():
        accepted = await call.db.run_spanning(send_text, call.actor, command)
    return Answer(data=show_accepted(command, accepted, command.recipients.addresses))


async def remove(call: Call) -> Answer:
    """Cancel what waits of a request, or of all that have a reference, and answer how many messages that were."""
    asked: schemas.RemoveSms = call.body
    if chosen(asked.field.strip().upper(), (_REQUEST, _REFERENCE), "field") == _REFERENCE:
        command = CancelSendings(reference=asked.id)
    else:
        try:
            command = CancelSendings(sending_ids=[UUID(asked.id.strip())])
        except ValueError:
            return Answer(data=0)
    return Answer(data=await call.db.run(cancel_sendings, call.actor, command))
