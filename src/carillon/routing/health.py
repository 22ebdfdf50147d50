"""How carriers fare, by country, and the order that follows: what fails or slows down is moved behind the others.

What is counted fades: after `HALF_LIFE` it counts half. A carrier is unwell in a country (a calling code)

* when it has not taken `UNWELL_SHARE` of at least `ENOUGH` messages: not connected, no route to the network, a failure
  for a while, or no answer. What it refuses for good is the message's fault, and throttling is its rate's;
* when at least `ENOUGH` answers took `SLOW_ANSWER` on average;
* when, of at least `ENOUGH` receipts, less than half as many say delivered as those of another carrier of the route;
* when its deliveries take more than `SLOW_DELIVERY`, and more than `SLOWER` times as long as those of such another.

An unwell carrier is moved behind the others of its route; where all are unwell, the order stays. One in `PROBES` of the
messages is still routed by the route's own order, those of class otp excepted: so its figures follow when it is well
again. Where nothing is sent, they fade below `ENOUGH`, and it is tried again.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from carillon.carriers.contract import Accepted, Outcome, Receipt, ReceiptState, Reply
from carillon.carriers.failures import Consequence, Failure
from carillon.kit.traffic import TrafficClass
from carillon.routing.choice import Choice

HALF_LIFE = 120.0
ENOUGH = 10.0
UNWELL_SHARE = 0.3
SLOW_ANSWER = 5.0
SLOW_DELIVERY = 60.0
SLOWER = 3.0
PROBES = 50

_FAILS = {Consequence.RETRY, Consequence.FAIL_OVER, Consequence.LOSE}
_NEGLIGIBLE = 0.05
_LONGEST_CODE = 3
_MANY_AWAITED, _MOST_AWAITED, _SAMPLED = 10_000, 20_000, 16
# Verdicts are kept for so long: they are asked for with each message.
_VERDICT_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Figures:
    """What was counted of a carrier in a country, faded up to now; times are sums in seconds."""

    tries: float = 0.0
    failures: dict[str, float] = field(default_factory=dict)
    answer_seconds: float = 0.0
    delivered: float = 0.0
    undelivered: float = 0.0
    delivery_seconds: float = 0.0

    def faded(self, seconds: float) -> "Figures":
        """Return what is left of it after some seconds."""
        return self._times(0.5 ** (max(0.0, seconds) / HALF_LIFE))

    def plus(self, other: "Figures") -> "Figures":
        """Return both together."""
        kinds = {*self.failures, *other.failures}
        return Figures(
            tries=self.tries + other.tries,
            failures={kind: self.failures.get(kind, 0.0) + other.failures.get(kind, 0.0) for kind in kinds},
            answer_seconds=self.answer_seconds + other.answer_seconds,
            delivered=self.delivered + other.delivered,
            undelivered=self.undelivered + other.undelivered,
            delivery_seconds=self.delivery_seconds + other.delivery_seconds,
        )

    @property
    def failed_share(self) -> float:
        """The part of the messages that it has not taken."""
        return sum(self.failures.values()) / self.tries if self.tries else 0.0

    @property
    def mean_answer(self) -> float:
        return self.answer_seconds / self.tries if self.tries else 0.0

    @property
    def receipts(self) -> float:
        return self.delivered + self.undelivered

    @property
    def delivered_share(self) -> float:
        return self.delivered / self.receipts if self.receipts else 1.0

    @property
    def mean_delivery(self) -> float:
        return self.delivery_seconds / self.delivered if self.delivered else 0.0

    @property
    def is_negligible(self) -> bool:
        """Whether it says nothing any more."""
        return self.tries + self.receipts < _NEGLIGIBLE

    def _times(self, factor: float) -> "Figures":
        return Figures(
            tries=self.tries * factor,
            failures={kind: count * factor for kind, count in self.failures.items()},
            answer_seconds=self.answer_seconds * factor,
            delivered=self.delivered * factor,
            undelivered=self.undelivered * factor,
            delivery_seconds=self.delivery_seconds * factor,
        )


Place = tuple[int, str]
"""A carrier's id and a calling code."""


def country_of(address: str) -> str:
    """Return the calling code of E.164 digits; "" for what begins with none, such as an e-mail address."""
    return _code(address[:_LONGEST_CODE])


@lru_cache(maxsize=5_000)
def _code(digits: str) -> str:
    if not (digits.isascii() and digits.isdecimal()):
        return ""
    lengths = range(1, len(digits) + 1)
    return next((digits[:n] for n in lengths if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE), "")


def what_ails(figures: Figures, others: Iterable[Figures]) -> str | None:
    """Say in a sentence why a carrier is unwell beside the others of its route, or None where it is well."""
    if figures.tries >= ENOUGH:
        if figures.failed_share >= UNWELL_SHARE:
            kinds = ", ".join(sorted(kind for kind, count in figures.failures.items() if count >= _NEGLIGIBLE))
            return f"it has not taken {figures.failed_share:.0%} of the latest messages ({kinds})"
        if figures.mean_answer >= SLOW_ANSWER:
            return f"its answers take {figures.mean_answer:.1f} seconds"
    if figures.receipts < ENOUGH:
        return None
    known = [one for one in others if one.receipts >= ENOUGH]
    best = max((one.delivered_share for one in known), default=0.0)
    if figures.delivered_share < best / 2:
        return f"{figures.delivered_share:.0%} of its receipts say delivered, and {best:.0%} of another carrier's"
    quickest = min((one.mean_delivery for one in known if one.delivered), default=None)
    if quickest is not None and figures.mean_delivery > max(SLOW_DELIVERY, SLOWER * quickest):
        return f"its deliveries take {figures.mean_delivery:.0f} seconds, and {quickest:.0f} over another carrier"
    return None


class Health:
    """What this process has seen of carriers, and what others have written down."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._own: dict[Place, tuple[float, Figures]] = {}
        self._others: dict[Place, tuple[float, Figures]] = {}
        self._orders: dict[tuple[tuple[int, ...], str], tuple[int, ...]] = {}
        self._ordered_at = 0.0
        self._until_probe = PROBES
        # What receipts are still awaited, by carrier and reference: where to, and since when.
        self._awaited: dict[tuple[int, str], tuple[str, float]] = {}
        self._until_awaited = 1

    def submitted(
        self, carrier_id: int, addresses: Sequence[str], outcomes: Sequence[Outcome], *, seconds: float
    ) -> None:
        """Count the outcomes of messages that were submitted together and answered after some seconds."""
        now = self._monotonic()
        counts: dict[tuple[str, Failure | None], int] = {}
        for address, outcome in zip(addresses, outcomes, strict=True):
            country, failure = country_of(address), None
            if isinstance(outcome, Accepted):
                if outcome.reference is not None:
                    self._await(carrier_id, outcome.reference, country, now)
            elif outcome.failure.consequence in _FAILS:
                failure = outcome.failure
            elif outcome.failure.consequence is not Consequence.REFUSE:
                continue
            counts[country, failure] = counts.get((country, failure), 0) + 1
        for (country, failure), count in counts.items():
            self.answered(carrier_id, country, seconds=seconds, failure=failure, count=count)

    def answered(
        self, carrier_id: int, country: str, *, seconds: float, failure: Failure | None = None, count: int = 1
    ) -> None:
        """Count messages that a carrier has taken, or failed to take, and answered after some seconds each."""
        figures = self._counted((carrier_id, country))
        figures.tries += count
        figures.answer_seconds += seconds * count
        if failure is not None:
            figures.failures[failure] = figures.failures.get(failure, 0.0) + count

    def received(self, carrier_id: int, received: Iterable[Receipt | Reply]) -> None:
        """Count final receipts of messages that this process has submitted, by the references that are remembered."""
        now = self._monotonic()
        for one in received:
            if isinstance(one, Reply) or one.state is ReceiptState.ACCEPTED:
                continue
            country, at = self._awaited.pop((carrier_id, one.reference), ("", None))
            if at is None:
                continue
            figures = self._counted((carrier_id, country))
            if one.state is ReceiptState.DELIVERED:
                figures.delivered += 1
                figures.delivery_seconds += now - at
            else:
                figures.undelivered += 1

    def arrange(
        self, choices: Sequence[Choice], addresses: Sequence[str], *, traffic_class: TrafficClass
    ) -> list[Choice]:
        """Put the carriers of each choice in the order in which they are tried now."""
        if not (self._own or self._others):
            return list(choices)
        return [
            choice
            if choice is None or len(choice) < 2  # noqa: PLR2004 - nothing to arrange
            else self._arranged(choice, country_of(address), traffic_class)
            for choice, address in zip(choices, addresses, strict=True)
        ]

    def unwell(self, carriers: Sequence[int], country: str) -> dict[int, str]:
        """Return those of a route's carriers that are unwell in a country, each with the reason."""
        figures = {carrier_id: self.figures(carrier_id, country) for carrier_id in carriers}
        reasons = {
            carrier_id: what_ails(one, [other for key, other in figures.items() if key != carrier_id])
            for carrier_id, one in figures.items()
        }
        return {carrier_id: reason for carrier_id, reason in reasons.items() if reason is not None}

    def figures(self, carrier_id: int, country: str) -> Figures:
        """Return what is known of a carrier in a country, of all processes together."""
        place, now = (carrier_id, country), self._monotonic()
        found = Figures()
        for known in (self._own.get(place), self._others.get(place)):
            if known is not None:
                at, figures = known
                found = found.plus(figures.faded(now - at))
        return found

    def own(self) -> dict[Place, Figures]:
        """Return what this process has counted, faded up to now; what has faded away is dropped."""
        now = self._monotonic()
        faded = {place: figures.faded(now - at) for place, (at, figures) in self._own.items()}
        self._own = {place: (now, figures) for place, figures in faded.items() if not figures.is_negligible}
        return faded

    def set_others(self, others: Mapping[Place, Figures]) -> None:
        """Replace what is known from other processes, which is faded up to now."""
        now = self._monotonic()
        self._others = {place: (now, figures) for place, figures in others.items() if not figures.is_negligible}

    def _await(self, carrier_id: int, reference: str, country: str, now: float) -> None:
        """Remember a message until its receipt; where they are many, one in `_SAMPLED` of them, the latest."""
        self._until_awaited -= 1
        if self._until_awaited:
            return
        self._until_awaited = 1 if len(self._awaited) < _MANY_AWAITED else _SAMPLED
        self._awaited[carrier_id, reference] = country, now
        if len(self._awaited) > _MOST_AWAITED:
            del self._awaited[next(iter(self._awaited))]

    def _counted(self, place: Place) -> Figures:
        """Return figures to add to. They fade in steps of a second: a message is counted in constant time."""
        now = self._monotonic()
        at, figures = self._own.get(place, (now, None))
        if figures is None:
            figures = Figures()
        elif now - at < 1:
            return figures
        else:
            figures = figures.faded(now - at)
        self._own[place] = now, figures
        return figures

    def _arranged(self, choice: tuple[int, ...], country: str, traffic_class: TrafficClass) -> tuple[int, ...]:
        now = self._monotonic()
        if now - self._ordered_at > _VERDICT_SECONDS:
            self._orders.clear()
            self._ordered_at = now
        order = self._orders.get((choice, country))
        if order is None:
            ill = self.unwell(choice, country)
            well = [one for one in choice if one not in ill]
            order = self._orders[choice, country] = (*well, *(one for one in choice if one in ill))
        if order is choice or order == choice or traffic_class is TrafficClass.OTP:
            return order
        self._until_probe -= 1
        if self._until_probe:
            return order
        self._until_probe = PROBES
        return choice
