"""States of messages and sendings, and how the counters of a sending follow its messages."""

from collections.abc import Mapping
from enum import StrEnum


class MessageState(StrEnum):
    """Where a message is. The moves between them are in `schema.sql`, table message."""

    EXCLUDED = "excluded"
    WAITING = "waiting"
    SUBMITTED = "submitted"
    UNCERTAIN = "uncertain"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_open(self) -> bool:
        """Whether something is still to come of it."""
        return self in {MessageState.WAITING, MessageState.SUBMITTED, MessageState.UNCERTAIN}


class SendingState(StrEnum):
    """Where a sending is."""

    MATERIALISING = "materialising"
    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


RANKS: Mapping[MessageState, int] = {
    MessageState.WAITING: 0,
    MessageState.UNCERTAIN: 1,
    MessageState.SUBMITTED: 2,
    MessageState.UNKNOWN: 3,
    MessageState.EXPIRED: 4,
    MessageState.UNDELIVERED: 4,
    MessageState.REJECTED: 4,
    MessageState.DELIVERED: 5,
    MessageState.EXCLUDED: 6,
    MessageState.CANCELLED: 6,
}
"""A message moves to states of a higher rank only, in whatever order receipts come: delivered wins over other ends.

`ledger.sql` has them too. What is excluded or cancelled has waited until then, and stays so.
"""
