"""What this process knows of messages that carriers have: their references, and which answers are being recorded."""

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
        self._unrecorded: dict[int, set[asyncio.Future[None]]] = {}

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
        recorded = asyncio.get_running_loop().create_future()
        under_way = self._unrecorded.setdefault(carrier_id, set())
        under_way.add(recorded)
        try:
            yield
        finally:
            under_way.discard(recorded)
            recorded.set_result(None)

    def unrecorded(self, carrier_id: int) -> "frozenset[asyncio.Future[None]]":
        """Return the submits whose outcomes are still to be committed: a receipt that is here may be of one of them."""
        return frozenset(self._unrecorded.get(carrier_id, ()))


async def until_recorded(under_way: "frozenset[asyncio.Future[None]]", seconds: float) -> None:
    """Wait until outcomes are committed, for so long at most."""
    if under_way:
        await asyncio.wait(under_way, timeout=seconds)
