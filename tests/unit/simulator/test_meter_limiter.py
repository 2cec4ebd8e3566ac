"""The limiter cuts exactly when it must, and what happens after that is up to the control mode."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import dates
from aforo.dlms.cosem.limiter import EmergencyProfile
from aforo.domain.quantities import LimitNotRepresentable
from aforo.domain.readback import Breaker
from aforo.simulator.household_load import HouseholdLoad
from aforo.simulator.meter import Meter
from aforo.simulator.meter_settings import EVENTS_MAX, Customer, EventCode, MeterMemory
from aforo.simulator.meter_supply import LOOK_BACK
from unit.simulator.driven_meter import NOON, SECOND, a_meter, meter_settings

CONNECTED, READY, DISCONNECTED = Breaker.CONNECTED, Breaker.READY_FOR_RECONNECTION, Breaker.DISCONNECTED


@dataclass(frozen=True)
class ScriptedLoad:
    """watts from so many seconds after noon on, in rising order; the first ones before that too."""

    steps: tuple[tuple[int, int], ...]

    def watts(self, at: datetime) -> int:
        begun = [watts for begins, watts in self.steps if NOON + begins * SECOND <= at]
        return begun[-1] if begun else self.steps[0][1]

    def steady_until(self, at: datetime) -> datetime | None:
        return next((NOON + begins * SECOND for begins, _ in self.steps if NOON + begins * SECOND > at), None)


def limited(*steps: tuple[int, int], **given: Any) -> Meter:
    """A meter with 2,500 W for 60 s, worked out up to noon."""
    meter = a_meter(ScriptedLoad(steps), **{"limit_w": 2_500, "min_over_threshold_s": 60, **given})
    meter.advance(NOON)
    return meter


def story(meter: Meter) -> list[tuple[EventCode, float]]:
    return [(event.code, (event.at - NOON).total_seconds()) for event in meter.events]


def test_the_breaker_opens_exactly_when_the_duration_has_passed() -> None:
    meter = limited((0, 3_400))

    assert meter.supplied_w(NOON + timedelta(seconds=59.999_999)) == 3_400
    assert meter.breaker is CONNECTED
    assert meter.supplied_w(NOON + 60 * SECOND) == 0
    assert meter.breaker is READY
    assert meter.load_w(NOON + 60 * SECOND) == 3_400


def test_a_trip_is_recorded_when_it_happened_not_when_it_was_seen() -> None:
    meter = limited((0, 1_000), (100, 3_400))

    meter.advance(NOON + 5_000 * SECOND)

    [event] = meter.events
    assert (event.code, event.at) == (EventCode.LIMIT_TRIP, NOON + 160 * SECOND)
    assert (event.power_w, event.threshold_w) == (3_400, 2_500)


def test_a_dip_begins_the_duration_anew() -> None:
    meter = limited((0, 3_400), (59, 2_500), (60, 3_400), (119, 100))

    meter.advance(NOON + 600 * SECOND)

    assert meter.breaker is CONNECTED
    assert meter.events == ()


def test_a_dip_at_the_last_moment_comes_too_late() -> None:
    meter = limited((0, 3_400), (60, 100))

    meter.advance(NOON + 600 * SECOND)

    assert story(meter) == [(EventCode.LIMIT_TRIP, 60)]
    assert meter.events[0].power_w == 3_400


def test_the_threshold_itself_is_allowed() -> None:
    meter = limited((0, 2_500))

    meter.advance(NOON + 600 * SECOND)

    assert meter.breaker is CONNECTED


def test_what_the_register_does_not_show_does_not_count() -> None:
    """In steps of 10 W, 2,509 W reads 250; 2,510 W reads 251."""
    below, above = limited((0, 2_509), scaler=1), limited((0, 2_510), scaler=1)

    below.advance(NOON + 60 * SECOND)
    above.advance(NOON + 60 * SECOND)

    assert (below.breaker, above.breaker) == (CONNECTED, READY)


def test_no_duration_at_all_cuts_at_once() -> None:
    meter = limited((0, 1_000), (30, 2_501), min_over_threshold_s=0)

    meter.advance(NOON + 31 * SECOND)

    assert story(meter) == [(EventCode.LIMIT_TRIP, 30)]


def test_the_emergency_threshold_cuts_within_its_time() -> None:
    meter = limited((0, 2_000), emergency_limit_w=500)
    limiter = meter.memory.limiter
    assert limiter is not None
    limiter.profile, limiter.groups = EmergencyProfile(1, dates.encode(NOON + 600 * SECOND), 3_600), (1,)

    meter.advance(NOON + 659 * SECOND)
    assert meter.breaker is CONNECTED
    meter.advance(NOON + 660 * SECOND)

    assert story(meter) == [(EventCode.LIMIT_TRIP, 660)]
    assert meter.events[0].threshold_w == 500


def test_an_emergency_that_is_too_short_cuts_nothing() -> None:
    meter = limited((0, 2_000), emergency_limit_w=500)
    limiter = meter.memory.limiter
    assert limiter is not None
    limiter.profile, limiter.groups = EmergencyProfile(1, dates.encode(NOON + 600 * SECOND), 59), (1,)

    meter.advance(NOON + 3_600 * SECOND)

    assert meter.breaker is CONNECTED


def test_an_emergency_begins_by_the_meter_s_own_clock() -> None:
    """A clock 100 s ahead reaches the hour 100 s early."""
    meter = limited((0, 2_000), emergency_limit_w=500, clock_offset=timedelta(seconds=100))
    limiter = meter.memory.limiter
    assert limiter is not None
    limiter.profile, limiter.groups = EmergencyProfile(1, dates.encode(NOON + 600 * SECOND), 3_600), (1,)

    meter.advance(NOON + 3_600 * SECOND)

    assert story(meter) == [(EventCode.LIMIT_TRIP, 560)]


def test_where_the_mode_lets_nothing_open_the_excess_is_told_once() -> None:
    meter = limited((0, 3_400), (1_000, 100), (2_000, 3_400), control_mode=0)

    meter.advance(NOON + 10_000 * SECOND)

    assert meter.breaker is CONNECTED
    assert story(meter) == [(EventCode.LIMIT_EXCEEDED, 60), (EventCode.LIMIT_EXCEEDED, 2_060)]


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_without_local_reconnection_a_tripped_meter_waits_for_a_hand(mode: int) -> None:
    meter = limited((0, 3_400), control_mode=mode)
    meter.advance(NOON + 86_400 * SECOND)
    assert meter.breaker is READY

    assert meter.close_by_hand(NOON + 86_400 * SECOND)

    assert meter.supplied_w(NOON + 86_459 * SECOND) == 3_400
    assert meter.supplied_w(NOON + 86_460 * SECOND) == 0


@pytest.mark.parametrize("mode", [5, 6])
def test_with_local_reconnection_the_meter_closes_by_itself_and_trips_again(mode: int) -> None:
    meter = limited((0, 3_400), control_mode=mode, min_under_threshold_s=40)

    meter.advance(NOON + 200 * SECOND)

    trip, closing = EventCode.LIMIT_TRIP, EventCode.LOCAL_RECONNECT
    assert story(meter) == [(trip, 60), (closing, 100), (trip, 160), (closing, 200)]


def test_only_what_the_limiter_opened_is_closed_automatically() -> None:
    meter = limited((0, 100), control_mode=5)
    assert meter.open_by_hand(NOON)

    meter.advance(NOON + 10_000 * SECOND)

    assert meter.breaker is READY


def test_switching_without_end_is_slowed_down() -> None:
    """Durations of zero would switch infinitely often within one second."""
    meter = limited((0, 3_400), control_mode=5, min_over_threshold_s=0, min_under_threshold_s=0)

    meter.advance(NOON + 1_000 * SECOND)

    assert len(meter.events) == EVENTS_MAX
    assert meter.events[-1].at == NOON + 1_000 * SECOND


def test_a_customer_closes_by_hand_only_when_told_to() -> None:
    """After that less is drawn, until there is another limit."""
    customer = Customer(recloses_after=timedelta(seconds=300), keeps_w=900)
    meter = limited((0, 3_400), customer=customer)

    meter.advance(NOON + 5_000 * SECOND)

    assert story(meter) == [(EventCode.LIMIT_TRIP, 60), (EventCode.MANUAL_RECONNECT, 360)]
    assert meter.supplied_w(NOON + 5_000 * SECOND) == 900
    limiter = meter.memory.limiter
    assert limiter is not None
    limiter.threshold_normal = 9_900
    assert meter.supplied_w(NOON + 5_001 * SECOND) == 3_400


def test_energy_is_what_was_supplied() -> None:
    """3.4 kW for the minute before the trip, nothing after it."""
    meter = limited((0, 3_400))

    meter.advance(NOON + 7_200 * SECOND)

    assert meter.memory.energy_uws == 3_400 * 60 * 1_000_000


def test_a_day_and_more_is_skipped() -> None:
    """What came before the last 24 hours does not trip; the duration begins with them."""
    meter = limited((0, 3_400))
    now = NOON + timedelta(days=400)

    meter.advance(now)

    [event] = meter.events
    assert event.at == now - LOOK_BACK + 60 * SECOND


def test_an_earlier_moment_changes_nothing() -> None:
    meter = limited((0, 3_400))
    meter.advance(NOON + 60 * SECOND)

    meter.advance(NOON + 10 * SECOND)

    assert meter.breaker is READY
    assert meter.memory.evaluated_at == NOON + 60 * SECOND


def test_a_restart_forgets_nothing() -> None:
    memory = MeterMemory()
    before = a_meter(3_400, memory, limit_w=2_500)
    before.advance(NOON)
    before.advance(NOON + 59 * SECOND)

    after = a_meter(3_400, memory, limit_w=9_900)
    after.advance(NOON + 60 * SECOND)

    assert after.threshold_w == 2_500
    assert after.breaker is READY


steps = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 5_000)), min_size=1, max_size=12).map(
    lambda drawn: tuple(sorted(dict(drawn).items()))
)


@given(
    load=steps,
    stops=st.lists(st.integers(1, 500), max_size=10).map(sorted),
    mode=st.integers(0, 6),
    over_s=st.integers(0, 90),
    under_s=st.integers(0, 90),
)
def test_it_does_not_matter_how_often_a_meter_is_looked_at(
    load: tuple[tuple[int, int], ...], stops: list[int], mode: int, over_s: int, under_s: int
) -> None:
    given_ = {
        "control_mode": mode,
        "min_over_threshold_s": over_s,
        "min_under_threshold_s": under_s,
    }
    seldom, often = limited(*load, **given_), limited(*load, **given_)

    for stop in stops:
        often.advance(NOON + stop * SECOND)
    for meter in (seldom, often):
        meter.advance(NOON + 500 * SECOND)

    assert often.memory == seldom.memory


@given(load=steps, over_s=st.integers(1, 90))
def test_the_first_trip_is_where_counting_seconds_finds_it(load: tuple[tuple[int, int], ...], over_s: int) -> None:
    """A second, naive limiter: it counts the seconds above the threshold, one by one."""
    meter = limited(*load, min_over_threshold_s=over_s)
    over, expected = 0, None
    for second in range(500):
        over = over + 1 if meter.load_w(NOON + second * SECOND) > 2_500 else 0
        if over == over_s:
            expected = second + 1
            break

    meter.advance(NOON + 500 * SECOND)

    assert story(meter) == ([] if expected is None else [(EventCode.LIMIT_TRIP, expected)])


def test_a_household_trips_at_a_small_limit_within_a_day() -> None:
    meter = a_meter(HouseholdLoad(1), limit_w=600, min_over_threshold_s=120)
    meter.advance(NOON)

    meter.advance(NOON + timedelta(hours=24))

    assert meter.breaker is READY
    assert meter.events[0].power_w > 600


@pytest.mark.parametrize(
    "given_",
    [{"control_mode": 7}, {"scaler": 7}, {"limit_w": 9_905, "scaler": 1}, {"min_over_threshold_s": -1}, {"limit_w": 0}],
)
def test_settings_that_no_meter_could_have_are_refused(given_: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"control_mode|scaler|multiple|negative|limit"):
        meter_settings(**given_)


def test_a_limit_is_never_rounded_to_the_meter_s_scale() -> None:
    with pytest.raises(LimitNotRepresentable):
        meter_settings(limit_w=2_505, scaler=1)
