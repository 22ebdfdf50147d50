"""The choice of carriers for addresses: pure, and fast enough to be made for each message.

Of the routes that fit a message, the most specific one decides. In this order, the first difference counts:

1. a route of the account's own before one of everybody's;
2. one that names the sender before one for any;
3. one that names the traffic class before one for any;
4. the longer prefix;
5. the older one.

A route's carriers are those of it that are active, in its order; while none is, the paused ones, so that messages wait
for them. A route without either, as no carrier of it is the account's to use, is as if it were not there.

An account for which there is no route at all on a channel is routed to all carriers of that channel that it may use, in
the order of their ids. Where there are routes and none fits, there is no route. A sandbox account is routed to
simulators only: routes count with the simulators in them, and whatever they leave open goes to all simulators, or,
where no row is one, to the built-in one of the channel.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass

BUILT_IN_SIMULATORS: Mapping[str, int] = {"sms": 0, "im": -1}
"""The carrier_id of the simulators that sandbox accounts have without a row of theirs, by channel."""

Choice = tuple[int, ...] | None
"""The ids of carriers in the order in which they are tried; None is no route."""

# So many first digits are remembered for a sender and class; when there are more, remembering begins again.
_MAX_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableCarrier:
    """A carrier that the account may be routed to. `account_id` 0 is everybody's."""

    account_id: AccountId
    carrier_id: int
    name: str
    kind: str
    state: Literal["active", "paused"]
    per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRoute:
    """A route that the account's traffic may take. `sender` and `traffic_class` None, and an empty prefix, are any."""

    account_id: AccountId
    route_id: int
    prefix: str
    sender: str | None
    traffic_class: TrafficClass | None
    carriers: tuple[int, ...]

    def fits(self, address: str, sender: str, traffic_class: TrafficClass) -> bool:
        """Whether it is for a message."""
        return self.fits_all(sender, traffic_class) and address.startswith(self.prefix)

    def fits_all(self, sender: str | None, traffic_class: TrafficClass) -> bool:
        """Whether it is for messages of a sender and class to some address; None is a sender that no route names."""
        return self.sender in (None, sender) and self.traffic_class in (None, traffic_class)

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int]:
        """What is greater the more specific it is."""
        return (
            self.account_id != 0,
            self.sender is not None,
            self.traffic_class is not None,
            len(self.prefix),
            -self.route_id,
        )


class Routing:
    """The routes and carriers of an account on a channel at one moment, and the choice among them."""

    def __init__(
        self,
        *,
        account_id: AccountId,
        channel: str,
        is_sandbox: bool,
        carriers: Iterable[UsableCarrier],
        routes: Iterable[CandidateRoute],
    ) -> None:
        self.account_id = account_id
        self.channel = channel
        self.is_sandbox = is_sandbox
        self.carriers = {one.carrier_id: one for one in carriers if not is_sandbox or one.kind == "simulator"}
        if is_sandbox and channel in BUILT_IN_SIMULATORS and not self.carriers:
            built_in = _built_in(BUILT_IN_SIMULATORS[channel])
            self.carriers[built_in.carrier_id] = built_in
        self.routes = tuple(sorted(routes, key=lambda route: route.rank, reverse=True))
        """All of them, the more specific ones first."""
        self._choices = {route.route_id: self.usable(route.carriers) for route in self.routes}
        self._senders = frozenset(route.sender for route in self.routes)
        self._tables: dict[tuple[str | None, TrafficClass], _Table] = {}

    def choose(self, addresses: Sequence[str], *, sender: str, traffic_class: TrafficClass) -> list[Choice]:
        """Return the carriers for each address, which are E.164 digits without a plus on channels of phones."""
        named = sender if sender in self._senders else None
        table = self._tables.get((named, traffic_class)) or self._new_table(named, traffic_class)
        length = table.length
        if not length:
            return [table[""]] * len(addresses)
        return [table[address[:length]] for address in addresses]

    def route_for(self, address: str, *, sender: str, traffic_class: TrafficClass) -> CandidateRoute | None:
        """Return the route that decides for a message; None where none is there, or fits."""
        return next(
            (route for route in self.fitting(address, sender, traffic_class) if self._choices[route.route_id]), None
        )

    def fitting(self, address: str, sender: str, traffic_class: TrafficClass) -> list[CandidateRoute]:
        """Return the routes that fit a message, the more specific ones first."""
        return [route for route in self.routes if route.fits(address, sender, traffic_class)]

    def usable(self, carriers: Iterable[int]) -> Choice:
        """Return the active ones of a route's carriers, or else the paused ones, or None."""
        known = [self.carriers[one] for one in carriers if one in self.carriers]
        active = tuple(one.carrier_id for one in known if one.state == "active")
        return active or tuple(one.carrier_id for one in known) or None

    def without_route(self) -> Choice:
        """Return the carriers of a message that no route fits."""
        if self.is_sandbox or not self.routes:
            return self.usable(sorted(self.carriers))
        return None

    def _new_table(self, sender: str | None, traffic_class: TrafficClass) -> "_Table":
        fitting = [
            route
            for route in self.routes
            if route.fits_all(sender, traffic_class) and self._choices[route.route_id] is not None
        ]
        by_prefix: dict[str, Choice] = {"": self.without_route()}
        # All routes that fit an address have prefixes of each other: its longest one says which they are.
        for prefix in {route.prefix for route in fitting} | {""}:
            best = next((route for route in fitting if prefix.startswith(route.prefix)), None)
            if best is not None:
                by_prefix[prefix] = self._choices[best.route_id]
        table = self._tables[sender, traffic_class] = _Table(by_prefix)
        return table


class _Table(dict[str, Choice]):
    """The choice by the first digits of an address, as many as the longest prefix has; remembered when it is made."""

    def __init__(self, by_prefix: dict[str, Choice]) -> None:
        super().__init__()
        self._by_prefix = by_prefix
        self._lengths = sorted({len(prefix) for prefix in by_prefix}, reverse=True)
        self.length = self._lengths[0]

    def __missing__(self, digits: str) -> Choice:
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        prefix = next(digits[:length] for length in self._lengths if digits[:length] in self._by_prefix)
        found = self[digits] = self._by_prefix[prefix]
        return found


def _built_in(carrier_id: int) -> UsableCarrier:
    return UsableCarrier(
        account_id=AccountId(0),
        carrier_id=carrier_id,
        name="simulator",
        kind="simulator",
        state="active",
        per_second=None,
    )
