"""Which carriers are unwell, what is routed past them, and how they come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import Stopwatch

from carillon.carriers.contract import Accepted, Failed, Receipt, ReceiptState, Reply
from carillon.carriers.failures import Failure
from carillon.kit.traffic import TrafficClass
from carillon.routing.choice import Choice
from carillon.routing.health import HALF_LIFE, PROBES, Figures, Health, country_of

OTP, MARKETING = TrafficClass.OTP, TrafficClass.MARKETING
ISRAEL, GREECE = "972521234567", "306912345678"


@pytest.fixture
def time() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def health(time: Stopwatch) -> Health:
    return Health(time)


def order(health: Health, address: str = ISRAEL, traffic_class: TrafficClass = OTP, choice: Choice = (1, 2)) -> Choice:
    (found,) = health.arrange([choice], [address], traffic_class=traffic_class)
    return found


def submit(
    health: Health, carrier_id: int, taken: int, failed: int = 0, *, failure: Failure = Failure.UNAVAILABLE
) -> None:
    outcomes = [Accepted(reference="r")] * taken + [Failed(failure=failure)] * failed
    health.submitted(carrier_id, [ISRAEL] * len(outcomes), outcomes, seconds=0.1)


def receive(health: Health, time: Stopwatch, carrier_id: int, *states: ReceiptState, seconds: float = 4.0) -> None:
    """Submit twenty messages, and let their receipts come after some seconds."""
    references = list(map(str, range(20)))
    outcomes = [Accepted(reference=reference) for reference in references]
    health.submitted(carrier_id, [ISRAEL] * len(outcomes), outcomes, seconds=0.1)
    time.seconds += seconds
    for state in states:
        health.received(carrier_id, [Receipt(reference=reference, state=state) for reference in references])


@pytest.mark.parametrize(
    ("address", "code"),
    [(ISRAEL, "972"), (GREECE, "30"), ("12125550100", "1"), ("79161234567", "7"), ("9904@example.com", ""), ("", "")],
)
def test_a_country_is_a_calling_code(address: str, code: str) -> None:
    assert country_of(address) == code


def test_while_nothing_is_known_the_route_s_order_stays(health: Health) -> None:
    assert order(health) == (1, 2)
    assert order(health, choice=None) is None
    submit(health, 1, 100)
    assert order(health) == (1, 2)


@pytest.mark.parametrize("failure", [Failure.UNAVAILABLE, Failure.TEMPORARY, Failure.NO_CARRIER_ROUTE, Failure.LOST])
def test_a_carrier_that_fails_is_moved_behind_the_others_in_that_country(
    health: Health, time: Stopwatch, failure: Failure
) -> None:
    submit(health, 1, 6, 3, failure=failure)
    assert order(health) == (1, 2)  # too few to tell
    submit(health, 1, 6, 3, failure=failure)
    time.seconds += 2
    assert order(health) == (2, 1)
    assert order(health, GREECE) == (1, 2)
    assert "33%" in health.unwell([1, 2], "972")[1]
    assert failure in health.unwell([1, 2], "972")[1]


@pytest.mark.parametrize("failure", [Failure.THROTTLED, Failure.UNKNOWN_SUBSCRIBER, Failure.REFUSED_BY_CARRIER])
def test_throttling_and_refusals_are_no_ailment(health: Health, failure: Failure) -> None:
    submit(health, 1, 1, 50, failure=failure)
    assert order(health) == (1, 2)


def test_where_all_are_unwell_the_order_stays(health: Health) -> None:
    submit(health, 1, 0, 20)
    submit(health, 2, 0, 20)
    assert order(health) == (1, 2)


def test_slow_answers_are_an_ailment(health: Health) -> None:
    for _ in range(20):
        health.answered(1, "972", seconds=6.0)
    assert order(health) == (2, 1)
    assert "6.0 seconds" in health.unwell([1, 2], "972")[1]


def test_deliveries_count_beside_those_of_another_carrier_only(health: Health, time: Stopwatch) -> None:
    receive(health, time, 1, ReceiptState.DELIVERED, seconds=300)
    assert order(health) == (1, 2)
    receive(health, time, 2, ReceiptState.DELIVERED, seconds=5)
    time.seconds += 2
    assert order(health) == (2, 1)
    assert "300 seconds, and 5" in health.unwell([1, 2], "972")[1]
    receive(health, time, 1, ReceiptState.UNDELIVERED)
    receive(health, time, 1, ReceiptState.EXPIRED)
    assert "of its receipts say delivered, and 100%" in health.unwell([1, 2], "972")[1]
    # What is no end, comes twice or is of nobody's message is not counted.
    receive(health, time, 1, ReceiptState.ACCEPTED, ReceiptState.EXPIRED, ReceiptState.DELIVERED)
    health.received(1, [Receipt(reference="unknown", state=ReceiptState.DELIVERED)] * 100)
    health.received(1, [Reply(address=ISRAEL, to="1", text="")])
    assert "of its receipts" in health.unwell([1, 2], "972")[1]
    assert health.figures(1, "972").delivered < 20


def test_one_in_so_many_is_a_probe_but_no_otp(health: Health) -> None:
    submit(health, 1, 0, 20)
    orders = [order(health, traffic_class=MARKETING) for _ in range(10 * PROBES)]
    assert (orders.count((1, 2)), orders.count((2, 1))) == (10, 10 * (PROBES - 1))
    assert {order(health, traffic_class=OTP) for _ in range(10 * PROBES)} == {(2, 1)}


def test_a_carrier_that_is_well_again_comes_back(health: Health, time: Stopwatch) -> None:
    submit(health, 1, 0, 200)
    for _ in range(600):
        time.seconds += 1
        if order(health, traffic_class=MARKETING) == (1, 2):
            submit(health, 1, 10)
    assert order(health) == (1, 2)


def test_what_is_not_tried_is_forgotten(health: Health, time: Stopwatch) -> None:
    submit(health, 1, 0, 40)
    time.seconds += HALF_LIFE
    assert order(health) == (2, 1)
    time.seconds += 2 * HALF_LIFE
    assert order(health) == (1, 2)
    time.seconds += 20 * HALF_LIFE
    health.own()
    assert health.own() == {}


def test_what_other_processes_have_seen_counts_too(health: Health, time: Stopwatch) -> None:
    health.set_others({(1, "972"): Figures(tries=6, failures={"lost": 6.0})})
    assert order(health) == (1, 2)
    submit(health, 1, 0, 6)
    time.seconds += 2
    assert order(health) == (2, 1)
    health.set_others({})
    time.seconds += 2
    assert order(health) == (1, 2)


@given(st.permutations([1, 2, 3]), st.sets(st.integers(1, 3)))
def test_an_order_has_each_carrier_once_and_keeps_that_of_the_route(choice: list[int], ill: set[int]) -> None:
    health = Health(Stopwatch())
    for carrier_id in ill:
        submit(health, carrier_id, 0, 20)
    found = order(health, choice=tuple(choice))
    assert found == (*(one for one in choice if one not in ill), *(one for one in choice if one in ill))


def test_of_many_messages_a_sample_is_awaited(health: Health) -> None:
    outcomes = [Accepted(reference=str(number)) for number in range(500_000)]
    health.submitted(1, [ISRAEL] * len(outcomes), outcomes, seconds=0.1)
    assert 10_000 <= len(health._awaited) <= 20_000
