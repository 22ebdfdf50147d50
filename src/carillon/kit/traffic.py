"""Traffic classes: what a message is for, which decides its turn and what becomes of an unknown outcome."""

from enum import IntEnum


class TrafficClass(IntEnum):
    """What a message is for. The values are stored, and are the order in which due messages have their turn."""

    OTP = 1
    TRANSACTIONAL = 2
    MARKETING = 3

    @property
    def is_repeated_when_lost(self) -> bool:
        """Whether a message whose outcome is unknown is submitted again: better twice than never."""
        return self is not TrafficClass.MARKETING
