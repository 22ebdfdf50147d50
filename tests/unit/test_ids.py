"""UUIDv7: the order and the bounds of ids that are made from a moment."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from carillon.kit.ids import first_uuid_of

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants them so


@given(MOMENTS)
@example(datetime(2004, 5, 2, 7, 51, 51, 123000, tzinfo=UTC))
def test_the_first_id_of_a_moment_has_its_millisecond(moment: datetime) -> None:
    milliseconds = timedelta(milliseconds=first_uuid_of(moment).int >> 80)
    assert timedelta(0) <= moment - (datetime(1970, 1, 1, tzinfo=UTC) + milliseconds) < timedelta(milliseconds=1)


@given(MOMENTS)
def test_the_first_id_of_a_moment_is_a_uuid_of_version_7(moment: datetime) -> None:
    made = first_uuid_of(moment)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
