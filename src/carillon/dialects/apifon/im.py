"""Instant messages: sending texts with what they show, and files."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from carillon.dialects.apifon import schemas_im
from carillon.dialects.apifon.mapping_im import PLACES, read_send_file, read_send_im
from carillon.dialects.apifon.mapping_messages import naming_message, show_accepted
from carillon.dialects.rest import Answer, Call
from carillon.messaging.accept import send as send_message
from carillon.messaging.sendings import Send

Asked = TypeVar("Asked", bound=schemas_im.Send)

# Reading so many recipients takes some milliseconds: in a thread.
_FEW = 200


async def send(call: Call) -> Answer:
    """Send an instant message to many numbers: it is accepted for good when this answers."""
    asked: schemas_im.SendIm = call.body
    return await _send(call, asked, lambda: read_send_im(asked, call.actor, call.outbound_allow))


async def send_file(call: Call) -> Answer:
    """Send a file to many numbers: it is accepted for good when this answers."""
    asked: schemas_im.SendFile = call.body
    return await _send(call, asked, lambda: read_send_file(asked, call.actor, call.outbound_allow))


async def _send(call: Call, asked: Asked, read: Callable[[], Send]) -> Answer:
    command = await asyncio.to_thread(read) if len(asked.subscribers) > _FEW else read()
    with naming_message(PLACES):
        accepted = await call.db.run_spanning(send_message, call.actor, command)
    return Answer(data=show_accepted(command, accepted, command.recipients.addresses))
