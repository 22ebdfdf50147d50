"""Messages, and an inbox that keeps what it takes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from carillon.carriers.contract import OutgoingMessage, Receipt, Reply
from carillon.errors import UnavailableError
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.text.encodings import Encoding

CARRIER_ID = 42
SECRET = "Perpetuum-Carillon-7"
TEXT = "Ding dong, the code is 271828"
ADDRESS = "306912340000"
SENDER = "Carillon"

# A UUIDv7, whose last digits are counted up.
_FIRST_ID = 0x0193_8A5E_7C00_7000_8000_0000_0000_0000

_MESSAGE = OutgoingMessage(
    account_id=AccountId(7),
    message_id=UUID(int=_FIRST_ID),
    sender=SENDER,
    address=ADDRESS,
    text=TEXT,
    encoding=Encoding.GSM,
    parts=1,
    traffic_class=TrafficClass.TRANSACTIONAL,
    validity=timedelta(hours=6),
)


def message(number: int = 0, **values: Any) -> OutgoingMessage:
    """A message of its own id and, unless one is given, of an ordinary number of its own."""
    values.setdefault("address", f"30691234{number:04d}")
    return replace(_MESSAGE, message_id=UUID(int=_FIRST_ID + number), **values)


def messages(count: int) -> list[OutgoingMessage]:
    return [message(number) for number in range(count)]


@dataclass(kw_only=True)
class KeepingInbox:
    """Keeps what it takes once `open` is set; the first `failing` calls find the database unreachable."""

    taken: list[Receipt | Reply] = field(default_factory=list)
    calls: int = 0
    failing: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def take(self, carrier_id: int, received: Sequence[Receipt | Reply]) -> None:
        assert carrier_id == CARRIER_ID
        self.calls += 1
        await self.open.wait()
        if self.failing:
            self.failing -= 1
            raise UnavailableError
        self.taken += received

    async def until_taken(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.taken) < count:  # noqa: ASYNC110 - the carrier's doing
                await asyncio.sleep(0.005)
