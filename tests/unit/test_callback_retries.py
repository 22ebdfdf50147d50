"""When a callback is tried again: by its schedule, of which time behind a failing one is a part."""

from datetime import timedelta

import pytest
from tests.support import MOMENT

from carillon.events.retries import attempts_made, pause_after, rest_after

SCHEDULE = [timedelta(minutes=minutes) for minutes in (1, 2, 3)]


@pytest.mark.parametrize("attempts", [0, 1, 5])
def test_each_attempt_counts_one(attempts: int) -> None:
    waited = MOMENT + timedelta(days=1)
    counted = attempts_made(SCHEDULE, attempts, failures=min(attempts, 1), waiting_since=MOMENT, now=waited)
    assert counted == attempts + 1


@pytest.mark.parametrize(
    ("minutes", "made"), [(0, 1), (0.9, 1), (1, 2), (2.9, 2), (3, 3), (5.9, 3), (6, 4), (60 * 24, 4)]
)
def test_behind_a_failing_one_the_attempts_whose_time_has_passed_count_as_made(minutes: float, made: int) -> None:
    now = MOMENT + timedelta(minutes=minutes)
    assert attempts_made(SCHEDULE, 0, failures=1, waiting_since=MOMENT, now=now) == made


def test_time_in_which_nobody_tried_does_not_count() -> None:
    assert attempts_made(SCHEDULE, 0, failures=0, waiting_since=MOMENT, now=MOMENT + timedelta(days=1)) == 1


def test_it_is_tried_once_more_than_the_schedule_has_pauses() -> None:
    assert [pause_after(SCHEDULE, attempts) for attempts in (1, 2, 3, 4, 5)] == [*SCHEDULE, None, None]
    assert pause_after([], 1) is None


def test_a_rest_grows_to_a_minute() -> None:
    assert [rest_after(failures).total_seconds() for failures in (1, 4, 60, 10_000)] == [1, 4, 60, 60]
