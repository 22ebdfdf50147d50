import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.carriers.window import Waiting, limits
from carillon.kit.traffic import TrafficClass

pytestmark = pytest.mark.any_database


@given(st.integers(1, 500))
def test_each_class_has_room_and_lower_ones_less(size: int) -> None:
    (_, otp), (_, transactional), (_, marketing) = limits(size)
    assert size == otp >= transactional >= marketing >= 1


@given(
    st.lists(st.tuples(st.sampled_from(TrafficClass), st.integers()), max_size=60),
    st.integers(1, 20),
    st.integers(0, 20),
    st.one_of(st.none(), st.integers(0, 20)),
)
def test_what_is_taken_fits_and_is_the_highest_of_what_waits(
    items: list[tuple[TrafficClass, int]], size: int, in_use: int, most: int | None
) -> None:
    waiting: Waiting[tuple[TrafficClass, int]] = Waiting()
    for one in items:
        waiting.add(one[0], [one])
    taken = waiting.take(limits(size), in_use, most)
    assert len(taken) <= max(0, size - in_use)
    assert most is None or len(taken) <= most
    in_order = sorted(items, key=lambda one: one[0])
    assert taken == in_order[: len(taken)] or TrafficClass.TRANSACTIONAL in {one for one, _ in in_order}
    assert len(waiting) == len(items) - len(taken)
    assert sorted([*taken, *waiting.take_all()]) == sorted(items)
    assert not waiting
