"""A household's load is a function of seed and time: steady within a step, alive over the day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.simulator.household_load import APPLIANCES, STEP_S, FixedLoad, HouseholdLoad, Load, UnsteadyLoad

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
SECOND = timedelta(seconds=1)
moments = st.timedeltas(timedelta(days=-9_000), timedelta(days=9_000)).map(lambda since: MIDNIGHT + since)
loads = st.integers(0, 2**32).flatmap(
    lambda seed: st.sampled_from([HouseholdLoad(seed), UnsteadyLoad(3_400, 100, seed), FixedLoad(seed)])
)


def day(load: Load) -> list[int]:
    return [load.watts(MIDNIGHT + step * STEP_S * SECOND) for step in range(86_400 // STEP_S)]


def mean(watts: list[int]) -> float:
    return sum(watts) / len(watts)


@given(load=loads, at=moments, part=st.floats(0, 1))
def test_a_load_holds_until_it_says(load: Load, at: datetime, part: float) -> None:
    until = load.steady_until(at) or at + timedelta(days=1)

    within = at + (until - at - timedelta(microseconds=1)) * part

    assert at < until
    assert load.watts(at) == load.watts(within) >= 0


def test_the_same_seed_draws_the_same() -> None:
    assert day(HouseholdLoad(7)) == day(HouseholdLoad(7))
    assert day(HouseholdLoad(7)) != day(HouseholdLoad(8))


@pytest.mark.parametrize("seed", range(8))
def test_a_day_is_a_household_s(seed: int) -> None:
    """5 to 16 kWh, a quiet night, a busy evening, and something that was switched on."""
    watts = day(HouseholdLoad(seed))

    assert 5_000 < mean(watts) * 24 < 16_000
    assert mean(watts[360 * 2 : 360 * 5]) < 300 < mean(watts[360 * 18 : 360 * 23])
    assert max(watts) > min(each.watts for each in APPLIANCES)
    assert len(set(watts)) > 200


def test_evening_is_by_the_household_s_own_clock() -> None:
    here, there = HouseholdLoad(7), HouseholdLoad(7, local=timedelta(hours=-3))

    assert there.watts(MIDNIGHT + timedelta(hours=22)) == here.watts(MIDNIGHT + timedelta(hours=19))


def test_an_unsteady_load_moves_within_its_bounds() -> None:
    watts = day(UnsteadyLoad(3_400, 100, seed=1))

    assert set(watts) <= set(range(3_300, 3_501))
    assert len(set(watts)) > 150
    assert abs(mean(watts) - 3_400) < 5
