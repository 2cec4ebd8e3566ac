"""A meter whose household feeds into the network, has three phases, or whose clock runs at a pace of its own."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import GetRequest, GetResponse, SetRequest, data, dates
from aforo.dlms.cosem.disconnect_control import Switching
from aforo.dlms.obis import obis
from aforo.domain.readback import Breaker
from aforo.simulator.household_load import FixedLoad, HouseholdLoad
from aforo.simulator.households import HOUSEHOLDS
from aforo.simulator.limiter_behaviour import BEHAVIOURS
from aforo.simulator.meter import Meter
from aforo.simulator.meter_supply import Supply
from unit.simulator.driven_meter import NOON, Reader, a_meter

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
PPM = 1_000_000
CLOCK = obis("0-0:1.0.0.255")
WORKSHOP = HouseholdLoad(7, HOUSEHOLDS["workshop"], ZoneInfo("America/Santiago"))


@dataclass
class Panels:
    """Gives 2 kW for an hour from NOON on, then the house draws 500 W."""

    def watts(self, at: datetime) -> int:
        return -2_000 if at < NOON + HOUR else 500

    def steady_until(self, at: datetime) -> datetime | None:
        return NOON + HOUR if at < NOON + HOUR else None


def read(meter: Meter, code: str, now: datetime, *, of: int = 3) -> data.Value:
    reader = Reader(meter.line(), now=now, known_counter=None)
    reader.associate()
    response = reader.ask(GetRequest(of, obis(code), 2))
    assert isinstance(response, GetResponse)
    assert response.data is not None, response.result
    return data.decode(response.data)


def test_what_is_fed_in_has_registers_of_its_own() -> None:
    meter = a_meter(Panels())
    meter.advance(NOON)

    half_way = NOON + HOUR / 2
    assert [read(meter, f"1-0:{code}.255", half_way) for code in ("1.7.0", "2.7.0", "1.8.0", "2.8.0")] == [
        0,
        2_000,
        0,
        1_000,
    ]
    later = NOON + 3 * HOUR
    assert [read(meter, f"1-0:{code}.255", later) for code in ("1.7.0", "2.7.0", "1.8.0", "2.8.0")] == [
        500,
        0,
        1_000,
        2_000,
    ]


@pytest.mark.parametrize("limiter", [None, *BEHAVIOURS])
def test_a_limiter_never_cuts_a_household_for_what_it_gives(limiter: str | None) -> None:
    meter = a_meter(FixedLoad(-9_000), limit_w=500, behaviour=BEHAVIOURS[limiter] if limiter else None)
    meter.advance(NOON)

    meter.advance(NOON + 5 * HOUR)

    assert (meter.breaker, meter.events) == (Breaker.CONNECTED, ())


def test_behind_an_open_breaker_nothing_is_fed_in() -> None:
    meter = a_meter(FixedLoad(-2_000))
    meter.advance(NOON)
    meter._supply.switch(Switching.REMOTE_DISCONNECT, NOON)

    meter.advance(NOON + HOUR)

    assert meter.memory.exported_uws == 0
    assert [event.power_w for event in meter.events] == [0]


@pytest.mark.parametrize("number", [str(20_300_001 + place) for place in range(5)])
def test_three_phases_share_the_power_and_none_is_lost(number: str) -> None:
    meter = a_meter(WORKSHOP, number=number, phases=3)
    now = datetime(2026, 11, 24, 10, tzinfo=ZoneInfo("America/Santiago"))
    phases = [read(meter, f"1-0:{code}.7.0.255", now) for code in (21, 41, 61)]

    whole = read(meter, "1-0:1.7.0.255", now)

    assert isinstance(whole, int)
    assert sum(one for one in phases if isinstance(one, int)) == whole > 1_000
    assert all(isinstance(one, int) and 0.15 * whole < one < 0.55 * whole for one in phases)


def test_a_meter_of_one_phase_has_no_registers_of_phases() -> None:
    reader = Reader(a_meter().line(), known_counter=None)
    reader.associate()

    response = reader.ask(GetRequest(3, obis("1-0:21.7.0.255"), 2))

    assert isinstance(response, GetResponse)
    assert response.data is None


def test_a_clock_that_runs_fast_is_ahead_and_right_again_once_it_is_set() -> None:
    meter = a_meter(clock_drift_ppm=1_000.0)
    meter.advance(NOON)
    tomorrow = NOON + 24 * HOUR
    assert read(meter, "0-0:1.0.0.255", tomorrow, of=8) == dates.encode(tomorrow + 86.4 * SECOND)

    reader = Reader(meter.line(), now=tomorrow, known_counter=None)
    reader.associate()
    reader.ask(SetRequest(8, CLOCK, 2, data.octets(dates.encode(tomorrow))))

    assert read(meter, "0-0:1.0.0.255", tomorrow, of=8) == dates.encode(tomorrow)
    later = tomorrow + HOUR
    assert read(meter, "0-0:1.0.0.255", later, of=8) == dates.encode(later + 3.6 * SECOND)


@given(st.floats(-10_000, 10_000), st.timedeltas(-24 * HOUR, 24 * HOUR), st.timedeltas(timedelta(), 48 * HOUR))
def test_the_true_time_of_what_the_clock_tells_is_when_it_tells_it(
    drift: float, ahead: timedelta, later: timedelta
) -> None:
    meter = a_meter(clock_drift_ppm=drift, clock_offset=ahead)
    meter.advance(NOON)
    supply: Supply = meter._supply
    at = NOON + later

    assert abs(supply._true_time(supply.meter_time(at)) - at) <= timedelta(microseconds=2)


def test_a_meter_has_one_phase_or_three() -> None:
    with pytest.raises(ValueError, match="1 or 3 phases, not 2"):
        a_meter(phases=2)
