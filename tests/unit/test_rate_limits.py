import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.errors import RateLimitedError
from carillon.tenancy.rate_limits import RateLimiter


class Stopwatch:
    """Monotonic time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def passes(limiter: RateLimiter, credential_id: int, rate: float) -> bool:
    try:
        limiter.spend(credential_id, rate)
    except RateLimitedError:
        return False
    return True


def test_a_second_s_worth_of_calls_passes_at_once_and_the_next_waits_its_turn() -> None:
    time = Stopwatch()
    limiter = RateLimiter(time)
    assert [passes(limiter, 1, 30) for _ in range(31)] == [True] * 30 + [False]
    with pytest.raises(RateLimitedError) as refused:
        limiter.spend(1, 30)
    assert refused.value.retry_after == pytest.approx(1 / 30)
    time.seconds += refused.value.retry_after
    assert passes(limiter, 1, 30)
    assert not passes(limiter, 1, 30)


def test_a_refused_call_costs_nothing() -> None:
    time = Stopwatch()
    limiter = RateLimiter(time)
    assert [passes(limiter, 1, 2) for _ in range(50)] == [True, True] + [False] * 48
    time.seconds += 1
    assert [passes(limiter, 1, 2) for _ in range(3)] == [True, True, False]


def test_credentials_do_not_share_a_bucket() -> None:
    limiter = RateLimiter(Stopwatch())
    assert passes(limiter, 1, 1)
    assert not passes(limiter, 1, 1)
    assert passes(limiter, 2, 1)


def test_less_than_a_call_a_second_lets_one_call_in_at_its_time() -> None:
    time = Stopwatch()
    limiter = RateLimiter(time)
    assert [passes(limiter, 1, 0.1), passes(limiter, 1, 0.1)] == [True, False]
    time.seconds += 9.9
    assert not passes(limiter, 1, 0.1)
    time.seconds += 0.1
    assert passes(limiter, 1, 0.1)


def test_no_rate_is_no_limit() -> None:
    limiter = RateLimiter(Stopwatch())
    assert all(passes(limiter, 1, 0) for _ in range(10_000))


def test_buckets_that_are_full_again_are_forgotten_and_the_others_are_not() -> None:
    time = Stopwatch()
    limiter = RateLimiter(time)
    for credential_id in range(10_000):
        limiter.spend(credential_id, 100)
    time.seconds += 1
    limiter.spend(1_000_000, 1)
    for credential_id in range(20_000, 21_000):
        limiter.spend(credential_id, 100)
    assert len(limiter._full_at) <= 1_001
    assert not passes(limiter, 1_000_000, 1)


@given(st.floats(0.1, 200), st.lists(st.floats(0, 0.5), min_size=1, max_size=300))
def test_in_no_stretch_of_time_pass_more_calls_than_flow_in_and_fit(rate: float, pauses: list[float]) -> None:
    time = Stopwatch()
    limiter = RateLimiter(time)
    moments = []
    for pause in pauses:
        time.seconds += pause
        if passes(limiter, 1, rate):
            moments.append(time.seconds)
    for start, begin in enumerate(moments):
        for count, end in enumerate(moments[start:], start=1):
            assert count <= max(1.0, rate) + (end - begin) * rate + 1e-6
