"""UUIDv7 from a given moment and a given source of randomness."""

from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from carillon.kit.ids import UuidFactory, first_uuid_of

MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone there


@given(MOMENTS)
def test_an_id_is_a_version_7_of_its_millisecond(moment: datetime) -> None:
    made = UuidFactory(SystemRandom()).make(moment)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert first_uuid_of(moment) <= made < first_uuid_of(moment + timedelta(milliseconds=1))


def test_ids_of_one_millisecond_sort_in_the_order_of_their_making() -> None:
    factory = UuidFactory(SystemRandom())
    made = [factory.make(MOMENT) for _ in range(20_000)]
    assert made == sorted(set(made))


def test_another_accounts_later_clock_does_not_disturb_the_order() -> None:
    factory = UuidFactory(SystemRandom())
    ours = []
    for _ in range(1_000):
        ours.append(factory.make(MOMENT))
        factory.make(MOMENT, timedelta(hours=2))
    assert ours == sorted(set(ours))


def test_ids_sort_in_the_order_of_their_making_when_the_clock_is_set_forward_and_back() -> None:
    factory = UuidFactory(SystemRandom())
    hours = (0, 24, 24, 0, 23, 24, 25)
    made = [factory.make(MOMENT + timedelta(hours=one)) for one in hours for _ in range(100)]
    assert made == sorted(set(made))


def test_a_clock_that_was_wrong_by_more_than_a_day_is_believed_again() -> None:
    factory = UuidFactory(SystemRandom())
    factory.make(MOMENT + timedelta(days=400))
    assert factory.make(MOMENT) < first_uuid_of(MOMENT + timedelta(milliseconds=1))


def test_the_same_moment_and_randomness_give_the_same_ids() -> None:
    first, second = (UuidFactory(Random(7)) for _ in range(2))  # noqa: S311 - frozen on purpose
    assert [first.make(MOMENT) for _ in range(10)] == [second.make(MOMENT) for _ in range(10)]


def test_ids_that_are_made_together_are_those_that_are_made_one_by_one() -> None:
    first, second = (UuidFactory(Random(7)) for _ in range(2))  # noqa: S311 - frozen on purpose
    ahead = timedelta(hours=2)
    for count in (0, 1, 40_000):
        assert first.make_many(MOMENT, count, ahead) == [second.make(MOMENT, ahead) for _ in range(count)]
    assert first.make(MOMENT) == second.make(MOMENT)


@given(MOMENTS)
@example(datetime(2004, 5, 2, 7, 51, 51, 123000, tzinfo=UTC))
def test_the_first_id_of_a_moment_has_its_millisecond(moment: datetime) -> None:
    milliseconds = timedelta(milliseconds=first_uuid_of(moment).int >> 80)
    assert timedelta(0) <= moment - (datetime(1970, 1, 1, tzinfo=UTC) + milliseconds) < timedelta(milliseconds=1)


def test_ids_as_texts_are_of_version_7_of_their_millisecond_and_all_others() -> None:
    uuids = UuidFactory(SystemRandom())
    texts = [uuids.make_text(MOMENT) for _ in range(1_000)]
    ids = [UUID(one) for one in texts]
    assert len(set(ids)) == len(texts)
    assert [str(one) for one in ids] == texts
    assert {one.version for one in ids} == {7}
    assert {one.int >> 80 for one in ids} == {int(MOMENT.timestamp() * 1000)}
