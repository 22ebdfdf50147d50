"""Rates of carriers and senders, and what lower classes leave to higher ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import Stopwatch

from carillon.kit.traffic import TrafficClass
from carillon.routing.rates import Rates

OTP, TRANSACTIONAL, MARKETING = TrafficClass


@pytest.fixture
def time() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def rates(time: Stopwatch) -> Rates:
    return Rates(time)


def take(rates: Rates, wanted: int = 1000, traffic_class: TrafficClass = MARKETING, sender: str = "Shop") -> int:
    return rates.take(1, sender, traffic_class, wanted).count


def test_without_a_rate_as_many_are_granted_as_are_wanted(rates: Rates) -> None:
    assert take(rates, 200) == 200


def test_a_rate_is_reached_and_not_passed(rates: Rates, time: Stopwatch) -> None:
    rates.set_rate(1, 100.0)
    first = take(rates)
    assert first <= 20
    passed = 0
    for _ in range(1000):
        time.seconds += 0.01
        passed += take(rates)
    assert 990 <= passed <= 1000


def test_who_is_refused_knows_when_to_ask_again(rates: Rates, time: Stopwatch) -> None:
    rates.set_rate(1, 2.0)
    assert take(rates) == 1
    refused = rates.take(1, "Shop", MARKETING, 5)
    assert refused.count == 0
    time.seconds += refused.wait_seconds
    assert take(rates) == 1


@pytest.mark.parametrize("rate", [0.5, 1.0, 7.0, 50.0, 1000.0])
def test_a_higher_class_never_waits_behind_a_lower_one(rates: Rates, time: Stopwatch, rate: float) -> None:
    rates.set_rate(1, rate)
    for _ in range(100):
        time.seconds += 0.05
        take(rates, 1000, MARKETING)
    assert take(rates, 1, TRANSACTIONAL) == 1
    take(rates, 1000, TRANSACTIONAL)
    assert take(rates, 1, OTP) == 1
    assert take(rates, 1000, MARKETING) == 0


def test_each_sender_has_its_own_rate_within_the_carriers(rates: Rates, time: Stopwatch) -> None:
    rates.set_rate(1, 100.0, 1.0)
    assert take(rates, sender="Shop") == take(rates, sender="Bank") == 1
    assert take(rates, sender="Shop") == 0
    time.seconds += 1
    assert take(rates, sender="Shop") == 1
    rates.set_rate(1, 100.0)
    assert take(rates, sender="Shop") > 1


def test_a_throttled_carrier_is_left_alone_longer_each_time_until_it_takes_messages(
    rates: Rates, time: Stopwatch
) -> None:
    assert rates.throttled(1) == 0.5
    assert rates.throttled(1) == 0.5  # an answer to what was under way
    assert (take(rates), rates.take(1, "Shop", OTP, 1).wait_seconds) == (0, 0.5)
    time.seconds += 0.5
    assert take(rates, 5) == 5
    assert rates.throttled(1) == 1.0
    time.seconds += 1
    rates.accepted(1)
    assert rates.throttled(1) == 0.5
    time.seconds += 1
    assert rates.throttled(1, 5.0) == 5.0
    rates.forget(1)
    assert take(rates, 5) == 5


@given(
    st.floats(0.1, 10_000),
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from(TrafficClass), st.integers(1, 500)), max_size=30),
)
def test_no_time_sees_more_than_its_rate_and_a_bucket(
    rate: float, asked: list[tuple[float, TrafficClass, int]]
) -> None:
    time = Stopwatch()
    rates = Rates(time)
    rates.set_rate(1, rate)
    began, passed = time.seconds, 0
    for pause, traffic_class, wanted in asked:
        time.seconds += pause
        granted = take(rates, wanted, traffic_class)
        assert 0 <= granted <= wanted
        passed += granted
    bucket = max(1.0, rate / 5)
    assert passed <= (time.seconds - began) * rate + bucket + 2 * max(1.0, bucket / 10) + 1e-6


def test_a_carriers_own_rate_or_its_senders_say_how_many_messages_a_while_may_have() -> None:
    rates = Rates()
    assert rates.within(1, 2.0) is None
    rates.set_rate(1, 10.0)
    assert rates.within(1, 2.0) == 20
    rates.set_rate(1, 10.0, 0.1)
    assert rates.within(1, 2.0) == 1
