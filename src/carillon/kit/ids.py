"""Ids that are types, so that a group's number is never taken for a contact's."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import NewType
from uuid import UUID

AccountId = NewType("AccountId", int)
AudienceId = NewType("AudienceId", int)
ContactId = NewType("ContactId", int)
GroupId = NewType("GroupId", int)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_COUNTER_BITS, _LOW_BITS = 26, 14
_NOT_AHEAD = timedelta()
_LONGEST_STANDSTILL = timedelta(days=1)


class UuidFactory:
    """Makes UUIDv7 for given moments (RFC 9562, section 5.7, with the counter of 6.2, method 1).

    Ids of one process sort in the order of their making among those of the same clock offset, also when the machine's
    clock is set back, by a day at most: then the time in them stands still until the clock has caught up.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._counter = random.getrandbits(_COUNTER_BITS - 1)
        self._latest = _EPOCH

    def make(self, now: datetime, ahead: timedelta = _NOT_AHEAD) -> UUID:
        """Make the next id, of the present real time and of a clock that is ahead of it."""
        if now < self._latest <= now + _LONGEST_STANDSTILL:
            now = self._latest
        else:
            self._latest = now
        self._counter = (self._counter + 1) % (1 << _COUNTER_BITS)
        high, low = divmod(self._counter, 1 << _LOW_BITS)
        head = first_uuid_of(now + ahead).int | high << 64
        return UUID(int=head | low << 48 | self._random.getrandbits(48))


def first_uuid_of(moment: datetime) -> UUID:
    """Return the UUIDv7 that sorts before all that are made from a moment on."""
    # timestamp() is a float, which is up to a millisecond too early for one moment in ninety.
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)
