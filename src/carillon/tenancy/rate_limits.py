"""How many calls a credential may make: a token bucket for each, in the memory of the process."""

import time
from collections.abc import Callable

from carillon.errors import RateLimitedError

# Past so many buckets those that have filled up again are dropped: a full bucket is the same as none.
_SWEEP_AT = 10_000
# A bucket's arithmetic is in floats: what is short of a whole call by less than this many seconds is whole.
_ROUNDING = 1e-9


class RateLimiter:
    """Lets each credential make a second's worth of calls at once, and then as many as flow in again.

    Every process counts for itself: with n of them behind a balancer a credential may reach n times its rate.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        # By credential: the moment in which its bucket will be full again. That one number is the bucket.
        self._full_at: dict[int, float] = {}
        self._sweep_at = _SWEEP_AT

    def spend(self, credential_id: int, rate: float) -> None:
        """Count one call against a rate in calls per second; 0 is no limit.

        Raises RateLimitedError with the seconds until the next call would pass; a refused call costs nothing.
        """
        if rate <= 0:
            return
        now = self._monotonic()
        full_at = max(self._full_at.get(credential_id, now), now) + 1 / rate
        # The bucket holds a second's worth, and at least one call.
        wait = full_at - now - max(1.0, 1 / rate)
        if wait > _ROUNDING:
            raise RateLimitedError(wait)
        self._full_at[credential_id] = full_at
        if len(self._full_at) > self._sweep_at:
            self._full_at = {key: moment for key, moment in self._full_at.items() if moment > now}
            self._sweep_at = max(_SWEEP_AT, 2 * len(self._full_at))
