"""Quarters of an hour at a meter: averages that are exact, the largest of them, and a load profile of whole days."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aforo.dlms import GetRequest, GetResponse, data, dates
from aforo.dlms.obis import obis
from aforo.simulator.demand import next_quarter
from aforo.simulator.household_load import FixedLoad, HouseholdLoad
from aforo.simulator.meter import Meter
from unit.simulator.driven_meter import NOON, Reader, a_meter

QUARTER = timedelta(minutes=15)
SANTIAGO = ZoneInfo("America/Santiago")
DEMAND, HIGHEST, PROFILE = obis("1-0:1.4.0.255"), obis("1-0:1.6.0.255"), obis("1-0:99.1.0.255")


def read(meter: Meter, class_id: int, code: bytes, attribute: int, now: datetime) -> data.Value:
    reader = Reader(meter.line(), now=now, known_counter=None)
    reader.associate()
    response = reader.ask(GetRequest(class_id, code, attribute))
    assert isinstance(response, GetResponse)
    assert response.data is not None, response.result
    return data.decode(response.data)


def test_the_last_average_is_that_of_the_last_whole_quarter() -> None:
    meter = a_meter(1_200)
    meter.advance(NOON + timedelta(minutes=3))
    meter.load = FixedLoad(600)
    now = NOON + timedelta(minutes=31)

    assert read(meter, 5, DEMAND, 3, now) == 600
    assert read(meter, 5, DEMAND, 8, now) == 900
    captured = read(meter, 5, DEMAND, 6, now)
    assert isinstance(captured, bytes)
    assert dates.decode(captured) == NOON + 2 * QUARTER


def test_a_quarter_that_was_not_watched_from_its_beginning_tells_nothing() -> None:
    meter = a_meter(1_200)
    meter.advance(NOON + timedelta(minutes=1))
    meter.advance(NOON + QUARTER)

    assert meter.memory.demand.ended_at is None
    assert read(meter, 5, DEMAND, 3, NOON + 2 * QUARTER) == 1_200


def test_the_largest_average_stays_and_tells_when_it_was() -> None:
    meter = a_meter(500)
    meter.advance(NOON)
    meter.advance(NOON + QUARTER)
    meter.load = FixedLoad(2_000)
    meter.advance(NOON + 2 * QUARTER)
    meter.load = FixedLoad(100)
    now = NOON + 8 * QUARTER

    assert read(meter, 4, HIGHEST, 2, now) == 2_000
    captured = read(meter, 4, HIGHEST, 5, now)
    assert isinstance(captured, bytes)
    assert dates.decode(captured) == NOON + 2 * QUARTER


def test_nothing_is_drawn_while_the_breaker_is_open() -> None:
    meter = a_meter(3_000, limit_w=1_000, min_over_threshold_s=300, control_mode=4)
    meter.advance(NOON)
    meter.advance(NOON + 2 * QUARTER)

    assert [watt_hours for _, watt_hours in meter.memory.demand.watt_hours] == [250, 0]


@pytest.mark.parametrize(("day", "rows"), [("2026-09-06", 92), ("2026-04-04", 100), ("2026-09-07", 96)])
def test_a_local_day_has_as_many_quarters_as_its_hours_hold(day: str, rows: int) -> None:
    begin = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=SANTIAGO, fold=0)
    end = (begin + timedelta(days=1)).replace(fold=1)
    meter = a_meter(HouseholdLoad(7))
    at = begin.astimezone(NOON.tzinfo)
    while at <= end.astimezone(NOON.tzinfo):
        meter.advance(at)
        at += timedelta(hours=6)
    meter.advance(end.astimezone(NOON.tzinfo))

    ends = [ended for ended, _ in meter.memory.demand.watt_hours]

    assert len([ended for ended in ends if (ended - QUARTER).astimezone(SANTIAGO).date() == begin.date()]) == rows


def test_the_rows_of_the_profile_add_up_to_the_energy_register() -> None:
    meter = a_meter(HouseholdLoad(11))
    meter.advance(NOON)
    begun_uws = meter.memory.energy_uws
    meter.advance(NOON + 40 * QUARTER)

    total = sum(watt_hours for _, watt_hours in meter.memory.demand.watt_hours)
    drawn = (meter.memory.energy_uws - begun_uws) / 3_600_000_000

    assert 0 <= drawn - total < 40  # each row leaves less than a watt-hour behind
    rows = read(meter, 7, PROFILE, 2, NOON + 40 * QUARTER)
    assert isinstance(rows, tuple)
    assert len(rows) == 40


def test_a_quarter_begins_at_a_whole_one() -> None:
    assert next_quarter(NOON) == NOON + QUARTER
    assert next_quarter(NOON + timedelta(seconds=1)) == NOON + QUARTER
