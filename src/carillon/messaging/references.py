"""What this process knows of messages that carriers have: by which reference, and whether answers are being recorded."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from carillon.kit.ids import AccountId

# Some 300 bytes each. Receipts of older ones are matched in the database.
_MAX_KNOWN = 100_000


class KnownReferences:
    """The messages of the latest references, by carrier; and the submits whose outcome is not committed yet."""

    def __init__(self) -> None:
        self._messages: OrderedDict[tuple[int, str], tuple[AccountId, UUID]] = OrderedDict()
        self._unrecorded: dict[int, int] = {}
        self._recorded: dict[int, asyncio.Event] = {}

    def remember(self, carrier_id: int, reference: str, account_id: AccountId, message_id: UUID) -> None:
        """Keep whose reference it is."""
        self._messages[carrier_id, reference] = (account_id, message_id)
        if len(self._messages) > _MAX_KNOWN:
            self._messages.popitem(last=False)

    def find(self, carrier_id: int, reference: str) -> tuple[AccountId, UUID] | None:
        """Return the account and the message of a reference; None where it is not known here."""
        return self._messages.get((carrier_id, reference))

    @contextmanager
    def recording(self, carrier_id: int) -> Iterator[None]:
        """Mark that messages are with a carrier whose outcomes are committed when the block ends."""
        self._unrecorded[carrier_id] = self._unrecorded.get(carrier_id, 0) + 1
        try:
            yield
        finally:
            self._unrecorded[carrier_id] -= 1
            event = self._recorded.pop(carrier_id, None)
            if event is not None:
                event.set()

    def is_recording(self, carrier_id: int) -> bool:
        """Whether outcomes of a carrier are still to be committed: a receipt may be of one of them."""
        return self._unrecorded.get(carrier_id, 0) > 0

    async def recorded(self, carrier_id: int, seconds: float) -> None:
        """Wait until outcomes of a carrier were committed, for so long at most."""
        if self.is_recording(carrier_id):
            event = self._recorded.setdefault(carrier_id, asyncio.Event())
            try:
                async with asyncio.timeout(seconds):
                    await event.wait()
            except TimeoutError:
                return
