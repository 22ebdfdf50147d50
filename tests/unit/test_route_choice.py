"""Which carriers a message is routed to, against a reference that looks at every route for every address."""

import time

from hypothesis import given
from hypothesis import strategies as st

from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.routing.choice import BUILT_IN_SIMULATORS, CandidateRoute, Choice, Routing, UsableCarrier

ACCOUNT = AccountId(7)
EVERYBODY = AccountId(0)
MARKETING, OTP = TrafficClass.MARKETING, TrafficClass.OTP

PREFIXES = st.sampled_from(["", "9", "97", "972", "97252", "97254", "30", "3069", "1"])
ADDRESSES = st.sampled_from(["972521234567", "972541234567", "97", "306912345678", "12125550100", "447700900000"])
SENDERS = st.sampled_from(["Shop", "Bank", "shop", ""])
CLASSES = st.sampled_from(TrafficClass)


def carrier(carrier_id: int, *, state: str = "active", kind: str = "smpp", account: int = 0) -> UsableCarrier:
    return UsableCarrier(
        account_id=AccountId(account),
        carrier_id=carrier_id,
        name=f"c{carrier_id}",
        kind=kind,
        state="paused" if state == "paused" else "active",
        per_second=None,
    )


def route(
    route_id: int,
    *carriers: int,
    account: int = 0,
    prefix: str = "",
    sender: str | None = None,
    traffic_class: TrafficClass | None = None,
) -> CandidateRoute:
    return CandidateRoute(
        account_id=AccountId(account),
        route_id=route_id,
        prefix=prefix,
        sender=sender,
        traffic_class=traffic_class,
        carriers=carriers,
    )


def routing(
    *routes: CandidateRoute,
    carriers: tuple[UsableCarrier, ...] | None = None,
    sandbox: bool = False,
    channel: str = "sms",
) -> Routing:
    known = tuple(map(carrier, range(1, 5))) if carriers is None else carriers
    return Routing(account_id=ACCOUNT, channel=channel, is_sandbox=sandbox, carriers=known, routes=routes)


def chosen(
    found: Routing, address: str = "972521234567", *, sender: str = "Shop", traffic_class: TrafficClass = MARKETING
) -> Choice:
    (one,) = found.choose([address], sender=sender, traffic_class=traffic_class)
    return one


@st.composite
def routings(draw: st.DrawFn) -> Routing:
    carriers = [
        carrier(carrier_id, state=draw(st.sampled_from(["active", "paused"])), kind=kind)
        for carrier_id, kind in draw(st.dictionaries(st.integers(1, 5), st.sampled_from(["smpp", "simulator"]))).items()
    ]
    routes = [
        route(
            number,
            *draw(st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True)),
            account=draw(st.sampled_from([EVERYBODY, ACCOUNT])),
            prefix=draw(PREFIXES),
            sender=draw(st.none() | SENDERS),
            traffic_class=draw(st.none() | CLASSES),
        )
        for number in range(1, draw(st.integers(1, 8)))
    ]
    return Routing(
        account_id=ACCOUNT,
        channel=draw(st.sampled_from(["sms", "email"])),
        is_sandbox=draw(st.booleans()),
        carriers=carriers,
        routes=draw(st.permutations(routes)),
    )


def reference(given: Routing, address: str, sender: str, traffic_class: TrafficClass) -> Choice:
    """The rules of the module's page, one after the other."""

    def usable(carriers: tuple[int, ...]) -> Choice:
        states = {one: given.carriers[one].state for one in carriers if one in given.carriers}
        active = tuple(one for one, state in states.items() if state == "active")
        return active or tuple(states) or None

    fitting = [
        one
        for one in given.routes
        if address.startswith(one.prefix)
        and (one.sender is None or one.sender == sender)
        and (one.traffic_class is None or one.traffic_class == traffic_class)
        and usable(one.carriers)
    ]
    fitting.sort(key=lambda one: one.route_id)
    fitting.sort(key=lambda one: len(one.prefix), reverse=True)
    fitting.sort(key=lambda one: one.traffic_class is None)
    fitting.sort(key=lambda one: one.sender is None)
    fitting.sort(key=lambda one: one.account_id == EVERYBODY)
    if fitting:
        return usable(fitting[0].carriers)
    if given.is_sandbox or not given.routes:
        return usable(tuple(sorted(given.carriers)))
    return None


@given(routings(), st.lists(ADDRESSES, max_size=6), SENDERS, CLASSES)
def test_the_most_specific_route_that_fits_decides(
    found: Routing, addresses: list[str], sender: str, traffic_class: TrafficClass
) -> None:
    expected = [reference(found, address, sender, traffic_class) for address in addresses]
    assert found.choose(addresses, sender=sender, traffic_class=traffic_class) == expected
    assert found.choose(addresses, sender=sender, traffic_class=traffic_class) == expected
    for address, choice in zip(addresses, expected, strict=True):
        decided = found.route_for(address, sender=sender, traffic_class=traffic_class)
        assert choice == (found.without_route() if decided is None else found.usable(decided.carriers))


def test_what_makes_a_route_specific_counts_in_this_order() -> None:
    everybodys = route(1, 1, prefix="972521234567", sender="Shop", traffic_class=MARKETING)
    own = route(2, 2, account=ACCOUNT)
    assert chosen(routing(everybodys, own)) == (2,)
    long, of_class, of_sender = (
        route(3, 1, prefix="97252123"),
        route(4, 2, traffic_class=MARKETING),
        route(5, 3, sender="Shop"),
    )
    assert chosen(routing(long, of_class, of_sender)) == (3,)
    assert chosen(routing(long, of_class)) == (2,)
    assert chosen(routing(long, route(6, 4, prefix="972"))) == (1,)
    assert chosen(routing(route(8, 2), route(7, 1))) == (1,)


def test_paused_carriers_are_passed_over_and_wait_when_there_are_no_others() -> None:
    carriers = (carrier(1, state="paused"), carrier(2), carrier(3, state="paused"))
    assert chosen(routing(route(1, 1, 2, 3), carriers=carriers)) == (2,)
    assert chosen(routing(route(1, 3, 1), carriers=carriers)) == (3, 1)


def test_without_any_route_all_carriers_of_the_channel_are_one() -> None:
    assert chosen(routing()) == (1, 2, 3, 4)
    assert chosen(routing(carriers=())) is None
    assert chosen(routing(route(1, 1, prefix="30"))) is None
    assert chosen(routing(route(1, 1, traffic_class=OTP))) is None


def test_a_sandbox_is_routed_to_simulators_only() -> None:
    real, simulator = carrier(1), carrier(2, kind="simulator")
    assert chosen(routing(route(1, 1), carriers=(real,), sandbox=True)) == (BUILT_IN_SIMULATORS["sms"],)
    assert chosen(routing(carriers=(real,), sandbox=True, channel="email")) is None
    assert chosen(routing(route(1, 1), carriers=(real, simulator), sandbox=True)) == (2,)
    assert chosen(routing(route(1, 1, 2, prefix="30"), carriers=(real, simulator), sandbox=True)) == (2,)


def test_a_thousand_addresses_take_well_under_a_millisecond() -> None:
    found = routing(
        *(route(number, number % 4 + 1, prefix=str(number)) for number in range(1, 400)),
        route(400, 1, sender="Bank"),
    )
    addresses = [f"9725{number:08d}" for number in range(1000)]
    best = 1.0
    for _ in range(20):
        began = time.perf_counter()
        found.choose(addresses, sender="Shop", traffic_class=MARKETING)
        best = min(best, time.perf_counter() - began)
    assert best < 0.001


def test_what_is_remembered_is_bounded() -> None:
    found = routing(route(1, 1), route(2, 2, prefix="97252123456789"))
    addresses = [f"9725{number:08d}" for number in range(50_000)]
    assert set(found.choose(addresses, sender="Shop", traffic_class=MARKETING)) == {(1,)}
    assert max(len(table) for table in found._tables.values()) <= 20_000
