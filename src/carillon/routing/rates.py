"""How fast a carrier is written to: token buckets for carriers and senders, with a share kept for higher classes.

A bucket holds a fifth of a second's worth, at least one message, and beside it what each lower class leaves to the
higher ones: a tenth of that, at least one. So in any t seconds at most `rate * t` and what the bucket holds are taken,
marketing has the whole rate while nothing else is sent, and one message of a higher class never waits behind it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from carillon.kit.traffic import TrafficClass

_BURST_SECONDS = 0.2
_RESERVED_SHARE = 0.1
_CLASSES_BELOW = 2  # transactional and marketing leave something to those above
# Tokens are floats: what is short of a whole one by less than this is whole.
_ROUNDING = 1e-9
# A carrier that says that it is throttled is left alone for so long, twice as long each time that it says so again.
_FIRST_HOLD_SECONDS, _LONGEST_HOLD_SECONDS = 0.5, 30.0
# Past so many senders those whose bucket is full again are dropped: a full bucket is the same as none.
_SWEEP_AT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """How many messages may be submitted now; where it is none, in how many seconds it is worth asking again."""

    count: int
    wait_seconds: float = 0.0


class Bucket:
    """A token bucket for one rate in messages per second."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._burst = max(1.0, rate * _BURST_SECONDS)
        self._reserve = max(1.0, self._burst * _RESERVED_SHARE)
        self._capacity = self._burst + _CLASSES_BELOW * self._reserve
        self._tokens = self._capacity
        self._at = now

    def available(self, traffic_class: TrafficClass, now: float) -> int:
        """Tell how many messages of a class may go now."""
        return max(0, int(self._above_reserve(traffic_class, now) + _ROUNDING))

    def seconds_until_one(self, traffic_class: TrafficClass, now: float) -> float:
        """Tell in how many seconds one more of a class may go, if nobody else takes it."""
        return max(0.0, (1 - self._above_reserve(traffic_class, now)) / self.rate)

    def take(self, count: int) -> None:
        """Take what was said to be available."""
        self._tokens -= count

    def is_full(self, now: float) -> bool:
        """Whether nothing was taken lately."""
        self._flow(now)
        return self._tokens >= self._capacity

    def _above_reserve(self, traffic_class: TrafficClass, now: float) -> float:
        self._flow(now)
        return self._tokens - (traffic_class - TrafficClass.OTP) * self._reserve

    def _flow(self, now: float) -> None:
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._at) * self.rate)
        self._at = now


class Rates:
    """The rates of this process: its share of a carrier's, and of each sender's on that carrier."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._carriers: dict[int, Bucket] = {}
        self._sender_rates: dict[int, float] = {}
        self._senders: dict[tuple[int, str], Bucket] = {}
        self._sweep_at = _SWEEP_AT
        # By carrier: until when it is left alone, and for how long it was told to be.
        self._holds: dict[int, tuple[float, float]] = {}

    def set_rate(self, carrier_id: int, per_second: float | None, sender_per_second: float | None = None) -> None:
        """Set what this process may submit through a carrier in a second, altogether and for each sender."""
        _set_or_drop(self._sender_rates, carrier_id, sender_per_second)
        bucket = self._carriers.get(carrier_id)
        if per_second is None:
            self._carriers.pop(carrier_id, None)
        elif bucket is None or bucket.rate != per_second:
            self._carriers[carrier_id] = Bucket(per_second, self._monotonic())

    def forget(self, carrier_id: int) -> None:
        """Drop what is known of a carrier that is not run any more."""
        self.set_rate(carrier_id, None)
        self._holds.pop(carrier_id, None)
        self._senders = {key: bucket for key, bucket in self._senders.items() if key[0] != carrier_id}

    def take(self, carrier_id: int, sender: str, traffic_class: TrafficClass, wanted: int) -> Grant:
        """Take leave to submit messages of one sender and class, `wanted` at most."""
        now = self._monotonic()
        held_until, _ = self._holds.get(carrier_id, (0.0, 0.0))
        if held_until > now:
            return Grant(count=0, wait_seconds=held_until - now)
        buckets = [one for one in (self._carriers.get(carrier_id), self._sender(carrier_id, sender, now)) if one]
        count = min([wanted, *(bucket.available(traffic_class, now) for bucket in buckets)])
        if count <= 0:
            return Grant(
                count=0, wait_seconds=max((one.seconds_until_one(traffic_class, now) for one in buckets), default=0.0)
            )
        for bucket in buckets:
            bucket.take(count)
        return Grant(count=count)

    def within(self, carrier_id: int, seconds: float) -> int | None:
        """Return how many messages some time may have, one sender's if that is less; None where there are no rates."""
        rates = [bucket.rate] if (bucket := self._carriers.get(carrier_id)) else []
        rates += [rate] if (rate := self._sender_rates.get(carrier_id)) else []
        return max(1, int(min(rates) * seconds)) if rates else None

    def throttled(self, carrier_id: int, retry_after: float | None = None) -> float:
        """Leave a carrier alone that says that it is throttled; returns for how many seconds.

        That is as long as it asked for, or else twice as long as the last time; answers that come from before, while it
        is left alone already, change nothing.
        """
        now = self._monotonic()
        until, last = self._holds.get(carrier_id, (0.0, 0.0))
        if until > now:
            return until - now
        seconds = min(retry_after or max(_FIRST_HOLD_SECONDS, 2 * last), _LONGEST_HOLD_SECONDS)
        self._holds[carrier_id] = now + seconds, seconds
        return seconds

    def accepted(self, carrier_id: int) -> None:
        """Note that a carrier takes messages again: its next hold is a first one."""
        if carrier_id in self._holds and self._holds[carrier_id][0] <= self._monotonic():
            del self._holds[carrier_id]

    def _sender(self, carrier_id: int, sender: str, now: float) -> Bucket | None:
        rate = self._sender_rates.get(carrier_id)
        if rate is None:
            return None
        bucket = self._senders.get((carrier_id, sender))
        if bucket is None or bucket.rate != rate:
            if len(self._senders) >= self._sweep_at:
                self._senders = {key: one for key, one in self._senders.items() if not one.is_full(now)}
                self._sweep_at = max(_SWEEP_AT, 2 * len(self._senders))
            bucket = self._senders[carrier_id, sender] = Bucket(rate, now)
        return bucket


def _set_or_drop(rates: dict[int, float], carrier_id: int, rate: float | None) -> None:
    if rate is None:
        rates.pop(carrier_id, None)
    else:
        rates[carrier_id] = rate
