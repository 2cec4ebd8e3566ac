"""A working day of a steady fleet: its faults are drawn at their rates, and the day is counted from the facts."""

import pytest

from aforo.simulation.faults import FAULTS
from aforo.simulation.scenarios import SCENARIOS
from aforo.simulation.steady_state import RATES, STEADY, interval, simulate_day, steady_schedule


def test_every_meter_is_ordered_once_in_the_morning() -> None:
    schedule, _ = steady_schedule(3)

    assert len({order.meter for order in schedule.orders}) == len(schedule.orders) == STEADY.orders == STEADY.meters
    assert all(8 * 3600 <= order.at_s <= 12 * 3600 for order in schedule.orders)


def test_faults_of_meters_are_drawn_at_their_rates() -> None:
    days = range(60)
    drawn = [fault for seed in days for fault in steady_schedule(seed)[0].faults if fault.target.startswith("M-")]
    expected = sum(rate.share for rate in RATES if rate.of == "meter")

    share = len(drawn) / (len(days) * STEADY.orders)

    assert share == pytest.approx(expected, rel=0.1)


def test_every_fault_that_is_planned_is_one_that_can_happen() -> None:
    planned = {kind for scenario in SCENARIOS.values() for kind in scenario.faults} | {rate.fault for rate in RATES}

    assert planned <= set(FAULTS)


def test_a_day_is_mostly_done_and_never_more_than_its_hard_faults_allow() -> None:
    day = simulate_day(1)

    assert day.orders == 500
    assert day.first_try <= day.on_the_day <= day.orders - day.hard + 1
    assert day.on_the_day >= 480


@pytest.mark.parametrize(
    ("found", "of", "low", "high"), [(95, 100, 0.888, 0.978), (0, 0, 0.0, 1.0), (0, 10, 0.0, 0.278)]
)
def test_wilson_s_interval(found: int, of: int, low: float, high: float) -> None:
    """First row: 95 of 100, as tabulated for Wilson's interval without continuity correction."""
    assert list(interval(found, of)) == pytest.approx([low, high], abs=1e-3)
