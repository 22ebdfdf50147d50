"""Countries' hours of marketing: the next permitted moment, around midnight, holidays and changes of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.kit.traffic import TrafficClass
from carillon.messaging.rules.countries import country_rules
from carillon.messaging.rules.quiet import longest_wait, permitted_at

PARIS, BOGOTA = ZoneInfo("Europe/Paris"), ZoneInfo("America/Bogota")
FRENCH, COLOMBIAN = "33612345678", "573001234567"


def local(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def opening(address: str, text: str, zone: ZoneInfo) -> str:
    """Return the local moment at which marketing is permitted."""
    now = local(text, zone).astimezone(UTC)
    found = permitted_at(address, now, TrafficClass.MARKETING)
    assert found.tzinfo is UTC
    return found.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-03-04 08:00:00", "2026-03-04 08:00:00"),  # Wednesday
        ("2026-03-04 21:59:59", "2026-03-04 21:59:59"),
        ("2026-03-04 22:00:00", "2026-03-05 08:00:00"),
        ("2026-03-04 23:59:59", "2026-03-05 08:00:00"),
        ("2026-03-05 00:00:00", "2026-03-05 08:00:00"),
        ("2026-03-05 07:59:59", "2026-03-05 08:00:00"),
        ("2026-03-07 21:00:00", "2026-03-07 21:00:00"),  # Saturday
        ("2026-03-07 22:30:00", "2026-03-09 08:00:00"),
        ("2026-03-08 14:00:00", "2026-03-09 08:00:00"),  # the reference's example: Sunday at 2 PM
        ("2026-03-28 23:00:00", "2026-03-30 08:00:00"),  # over the change to summer time
        ("2026-10-24 23:00:00", "2026-10-26 08:00:00"),  # and back
        ("2026-12-25 12:00:00", "2026-12-25 12:00:00"),  # France's rule names no holidays
    ],
)
def test_france_is_open_from_monday_to_saturday_from_8_to_22(now: str, then: str) -> None:
    assert opening(FRENCH, now, PARIS) == then


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-03-04 07:00:00", "2026-03-04 07:00:00"),  # Wednesday
        ("2026-03-04 19:00:00", "2026-03-05 07:00:00"),
        ("2026-03-06 20:00:00", "2026-03-07 08:00:00"),  # Friday evening
        ("2026-03-07 14:59:59", "2026-03-07 14:59:59"),
        ("2026-03-07 15:00:00", "2026-03-09 07:00:00"),
        ("2026-03-08 14:00:00", "2026-03-09 07:00:00"),
        ("2026-03-21 16:00:00", "2026-03-24 07:00:00"),  # Monday is Saint Joseph's
        ("2026-04-01 19:30:00", "2026-04-04 08:00:00"),  # Maundy Thursday and Good Friday
        ("2026-07-20 10:00:00", "2026-07-21 07:00:00"),  # Independence Day
        ("2026-12-31 20:00:00", "2027-01-02 08:00:00"),  # New Year's Day in another year
    ],
)
def test_colombia_is_open_on_workdays_and_saturdays_that_are_no_holidays(now: str, then: str) -> None:
    assert opening(COLOMBIAN, now, BOGOTA) == then


def test_the_day_is_the_recipients_not_ours() -> None:
    now = datetime(2026, 3, 9, 3, 0, tzinfo=UTC)  # still Sunday in Bogota
    assert permitted_at(COLOMBIAN, now, TrafficClass.MARKETING) == datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("traffic_class", [TrafficClass.OTP, TrafficClass.TRANSACTIONAL])
def test_other_traffic_never_waits(traffic_class: TrafficClass) -> None:
    night = local("2026-03-08 03:00:00", PARIS)
    assert permitted_at(FRENCH, night, traffic_class) == night
    assert longest_wait([FRENCH], night, traffic_class) == timedelta(0)


@pytest.mark.parametrize("address", ["34600000001", "13105550100", "447700900123", "353861234567", "262692000000", "3"])
def test_marketing_to_countries_without_hours_never_waits(address: str) -> None:
    night = local("2026-03-08 03:00:00", PARIS)
    assert permitted_at(address, night, TrafficClass.MARKETING) == night


def test_the_longest_wait_is_that_of_the_country_that_opens_last() -> None:
    sunday = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
    assert longest_wait([FRENCH, None, "34600000001"], sunday, TrafficClass.MARKETING) == timedelta(hours=19)
    assert longest_wait([FRENCH, COLOMBIAN], sunday, TrafficClass.MARKETING) == timedelta(hours=24)
    assert longest_wait([], sunday, TrafficClass.MARKETING) == timedelta(0)


@given(
    now=st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as Hypothesis wants
    address=st.sampled_from([FRENCH, COLOMBIAN]),
)
def test_the_moment_found_is_permitted_and_none_before_it_is(now: datetime, address: str) -> None:
    found = permitted_at(address, now, TrafficClass.MARKETING)
    assert now <= found < now + timedelta(days=6)
    assert permitted_at(address, found, TrafficClass.MARKETING) == found
    between = now + (found - now) / 2
    assert permitted_at(address, between, TrafficClass.MARKETING) == found or between == found


def test_every_country_of_the_reference_has_its_conditions() -> None:
    rules = country_rules()
    assert set(rules) == {"FR", "ES", "GB", "US", "CO", "IE"}
    assert all(one.conditions for one in rules.values())
    assert [one.code for one in rules.values() if one.unsubscribe_notice] == ["FR"]
    # A code that several countries share would put the hours of one on the others.
    assert not {one.calling_code for one in rules.values() if one.hours} & {"1", "7", "44", "39", "47", "61", "212"}
