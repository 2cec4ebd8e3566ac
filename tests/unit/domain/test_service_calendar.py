"""The service calendar, across weekends, holidays and both changes of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.domain.service_calendar import AmbiguousTime, ServiceCalendar, first_instant, moment_of

SANTIAGO, PUNTA_ARENAS = "America/Santiago", "America/Punta_Arenas"
COYHAIQUE, EASTER = "America/Coyhaique", "Pacific/Easter"
ZONES = [SANTIAGO, PUNTA_ARENAS, COYHAIQUE, EASTER]
CHILE_2026 = frozenset({date(2026, 9, 18), date(2026, 9, 19), date(2026, 10, 12), date(2026, 12, 25)})
CALENDAR = ServiceCalendar(holidays=CHILE_2026)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "opening"),
    [
        (SANTIAGO, "2026-09-07T11:00"),
        (EASTER, "2026-09-07T13:00"),
        (PUNTA_ARENAS, "2026-09-07T11:00"),
        (COYHAIQUE, "2026-09-07T11:00"),
    ],
)
def test_what_is_held_on_the_saturday_before_the_clocks_change_is_released_on_monday(zone: str, opening: str) -> None:
    saturday = datetime(2026, 9, 5, 12, tzinfo=ZoneInfo(SANTIAGO))
    assert CALENDAR.next_opening(saturday, zone) == utc(opening)


def test_a_midnight_that_the_clocks_jump_over_is_the_first_moment_after() -> None:
    assert moment_of("2026-09-06T00:00", SANTIAGO) == utc("2026-09-06T04:00")
    assert moment_of("2026-09-06T00:30", SANTIAGO) == utc("2026-09-06T04:00")
    assert moment_of("2026-09-06T01:00", SANTIAGO) == utc("2026-09-06T04:00")
    assert moment_of("2026-09-05T23:59:59", SANTIAGO) == utc("2026-09-06T03:59:59")


def test_a_time_that_occurs_twice_needs_its_offset() -> None:
    with pytest.raises(AmbiguousTime, match="twice in America/Santiago"):
        moment_of("2026-04-04T23:30", SANTIAGO)
    assert moment_of("2026-04-04T23:30-03:00", SANTIAGO) == utc("2026-04-05T02:30")
    assert moment_of("2026-04-04T23:30-04:00", SANTIAGO) == utc("2026-04-05T03:30")
    assert moment_of("2026-04-04T23:30", PUNTA_ARENAS) == utc("2026-04-05T02:30")


@pytest.mark.parametrize("day", ["2026-09-18", "2026-10-12", "2026-09-05", "2026-09-06", "2026-09-19"])
def test_holidays_and_weekends_are_closed(day: str) -> None:
    assert not CALENDAR.is_open(moment_of(f"{day}T12:00", SANTIAGO), SANTIAGO)


def test_a_bank_holiday_is_a_working_day() -> None:
    assert CALENDAR.is_open(moment_of("2026-12-31T12:00", SANTIAGO), SANTIAGO)


@pytest.mark.parametrize(
    ("at", "is_open"), [("07:59:59", False), ("08:00", True), ("17:59:59", True), ("18:00", False)]
)
def test_the_window_opens_with_its_first_second_and_closes_before_its_last(at: str, is_open: bool) -> None:
    assert CALENDAR.is_open(moment_of(f"2026-11-25T{at}", SANTIAGO), SANTIAGO) is is_open


def test_an_open_moment_is_its_own_opening_and_an_evening_waits_for_the_morning() -> None:
    noon, evening = moment_of("2026-11-25T12:00", SANTIAGO), moment_of("2026-11-25T20:00", SANTIAGO)
    assert CALENDAR.next_opening(noon, SANTIAGO) == noon
    assert CALENDAR.next_opening(evening, SANTIAGO) == moment_of("2026-11-26T08:00", SANTIAGO)
    assert CALENDAR.next_working_day(noon, SANTIAGO) == moment_of("2026-11-26T08:00", SANTIAGO)
    assert CALENDAR.next_opening(moment_of("2026-11-25T03:00", SANTIAGO), SANTIAGO) == moment_of(
        "2026-11-25T08:00", SANTIAGO
    )


def test_a_local_rule_goes_before_the_weekday_and_the_holidays() -> None:
    saturday, holiday = date(2026, 11, 28), date(2026, 9, 18)
    calendar = ServiceCalendar(holidays=CHILE_2026 | {date(2026, 11, 26)}, open_days=frozenset({saturday, holiday}))
    assert calendar.is_working_day(saturday)
    assert calendar.is_working_day(holiday)
    assert not calendar.is_working_day(date(2026, 11, 26))


def test_fridays_and_eves_can_be_closed_too() -> None:
    friday, eve = date(2026, 11, 27), date(2026, 9, 17)
    assert CALENDAR.is_working_day(friday)
    assert CALENDAR.is_working_day(eve)
    assert not ServiceCalendar(holidays=CHILE_2026, skips_fridays=True).is_working_day(friday)
    assert not ServiceCalendar(holidays=CHILE_2026, skips_eves=True).is_working_day(eve)


def test_a_window_that_never_opens_is_refused() -> None:
    with pytest.raises(ValueError, match="never open"):
        ServiceCalendar(opens=time(18), closes=time(8))


def test_a_calendar_without_an_open_day_is_told_and_not_searched_for_ever() -> None:
    every_day = frozenset(date(2026, 1, 1) + timedelta(days=each) for each in range(1000))
    with pytest.raises(ValueError, match="no open day"):
        ServiceCalendar(holidays=every_day).next_opening(utc("2026-01-01T12:00"), SANTIAGO)


MOMENTS = st.integers(0, 5 * 366 * 86_400).map(lambda seconds: utc("2024-01-01T00:00") + timedelta(seconds=seconds))


@given(at=MOMENTS, zone=st.sampled_from(ZONES))
def test_the_next_opening_is_open_and_nothing_before_it_is(at: datetime, zone: str) -> None:
    opening = CALENDAR.next_opening(at, zone)
    assert opening >= at
    assert CALENDAR.is_open(opening, zone)
    if opening > at:
        assert not CALENDAR.is_open(opening - timedelta(seconds=1), zone)
        assert not CALENDAR.is_open(at + (opening - at) / 2, zone)


@given(moment=MOMENTS, zone=st.sampled_from(ZONES))
def test_the_first_instant_shows_the_wall_time_or_the_one_behind_a_jump(moment: datetime, zone: str) -> None:
    wall = moment.replace(tzinfo=None)
    instant = first_instant(wall, zone)
    assert instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) >= wall.replace(microsecond=0)
    assert (instant - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None) < wall
