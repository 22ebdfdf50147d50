"""Why a message goes over which carriers, in sentences: what `carillon route why` prints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from carillon.kit.traffic import TrafficClass
from carillon.routing.choice import CandidateRoute, Routing
from carillon.routing.health import PROBES, Health, country_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Explain:
    """A message that is asked about. `address` is E.164 digits on channels of phones."""

    address: str = field(repr=False)
    sender: str
    traffic_class: TrafficClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The names of the carriers in the order in which they are tried, none where there is no route; and the reasons."""

    route_id: int | None
    carriers: Sequence[str]
    carrier_ids: Sequence[int]
    reasons: Sequence[str]


def explain(routing: Routing, health: Health, question: Explain) -> Explanation:
    """Choose carriers as a send does, and say why these, and why in this order. A probe is left aside."""
    (choice,) = routing.choose([question.address], sender=question.sender, traffic_class=question.traffic_class)
    route = routing.route_for(question.address, sender=question.sender, traffic_class=question.traffic_class)
    reasons = [*_of_sandbox(routing), *_of_route(routing, question, route)]
    ordered: tuple[int, ...] = ()
    if choice is not None:
        (arranged,) = health.arrange([choice], [question.address], traffic_class=TrafficClass.OTP)
        ordered = arranged or ()
        reasons += [*_of_states(routing, route, choice), *_of_health(routing, health, choice, question)]
    return Explanation(
        route_id=None if route is None else route.route_id,
        carriers=[routing.carriers[one].name for one in ordered],
        carrier_ids=ordered,
        reasons=reasons,
    )


def _of_sandbox(routing: Routing) -> Iterator[str]:
    if routing.is_sandbox:
        yield f"Account {routing.account_id} is a sandbox: its messages go to simulators only."


def _of_route(routing: Routing, question: Explain, route: CandidateRoute | None) -> Iterator[str]:
    fitting = routing.fitting(question.address, question.sender, question.traffic_class)
    if route is not None:
        yield f"Route {route.route_id} decides: it is {_described(route)}."
        unusable = fitting[: fitting.index(route)]
        behind = fitting[fitting.index(route) + 1 :]
        for one in unusable:
            yield f"Route {one.route_id} would be more specific, and has no carrier that the account may use."
        for one in behind:
            yield f"Route {one.route_id} fits too: it is {_described(one)}; {_why_before(route, one)}."
        return
    total = len(routing.routes)
    if total and not routing.is_sandbox:
        yield f"None of the {total} routes of channel {routing.channel} fits this address, sender and class: no route."
    elif not routing.carriers:
        yield (
            f"There is no carrier of channel {routing.channel} that account {routing.account_id} may use: no route. "
            f"Make one with: carillon carrier create NAME --channel {routing.channel} --kind … --url …"
        )
    elif not total:
        yield (
            f"There is no route on channel {routing.channel}, so all its carriers are tried in the order of their ids."
        )
    else:
        yield "No route with a simulator fits, so all simulators are tried in the order of their ids."


def _of_states(routing: Routing, route: CandidateRoute | None, choice: tuple[int, ...]) -> Iterator[str]:
    known = routing.carriers if route is None else route.carriers
    paused = [one for one in known if one in routing.carriers and routing.carriers[one].state == "paused"]
    names = ", ".join(routing.carriers[one].name for one in paused)
    if not paused:
        return
    if set(paused) & set(choice):
        yield f"All its carriers are paused ({names}): messages wait until one is resumed or their validity ends."
    else:
        yield f"Passed over, as paused: {names}."


def _of_health(routing: Routing, health: Health, choice: tuple[int, ...], question: Explain) -> Iterator[str]:
    country = country_of(question.address)
    where = f" in +{country} ({'/'.join(COUNTRY_CODE_TO_REGION_CODE[int(country)][:3])})" if country else ""
    ill = health.unwell(choice, country)
    for carrier_id, reason in ill.items():
        moved = "all are unwell, so the order stays" if len(ill) == len(choice) else "moved behind the others"
        yield f"Carrier {routing.carriers[carrier_id].name} is unwell{where}: {reason}; {moved}."
    if 0 < len(ill) < len(choice):
        yield f"One in {PROBES} messages, of class otp excepted, still tries the route's own order first."
    for carrier_id in choice:
        figures = health.figures(carrier_id, country)
        if figures.tries >= 1:
            yield (
                f"Carrier {routing.carriers[carrier_id].name}{where} lately: {figures.failed_share:.0%} not taken, "
                f"answers in {figures.mean_answer:.2f} s, {figures.delivered_share:.0%} of {figures.receipts:.0f} "
                f"receipts say delivered, after {figures.mean_delivery:.0f} s."
            )


def _described(route: CandidateRoute) -> str:
    whose = "everybody's" if not route.account_id else f"account {route.account_id}'s own"
    return ", ".join(
        [
            whose,
            "for any sender" if route.sender is None else f"for sender {route.sender!r}",
            "any class" if route.traffic_class is None else f"class {route.traffic_class.name.lower()}",
            f"prefix {route.prefix}" if route.prefix else "any address",
        ]
    )


_DIFFERENCES = (
    "an account's own route comes before everybody's",
    "a route that names the sender comes before one for any",
    "a route that names the class comes before one for any",
    "the longer prefix comes first",
    "the older route comes first",
)


def _why_before(first: CandidateRoute, second: CandidateRoute) -> str:
    pairs = zip(_DIFFERENCES, first.rank, second.rank, strict=True)
    return next(sentence for sentence, one, other in pairs if one != other)
