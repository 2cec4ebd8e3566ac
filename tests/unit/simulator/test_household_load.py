"""A household's load is a function of seed and time: steady within a step, alive over the day and the year."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.simulator.household_load import STEP_S, FixedLoad, HouseholdLoad, Load, UnsteadyLoad
from aforo.simulator.households import HOUSEHOLDS
from aforo.simulator.sunshine import Place

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SANTIAGO = ZoneInfo("America/Santiago")
MADRID = Place(40.4, -3.7)
SUMMER, WINTER = datetime(2026, 1, 12, tzinfo=SANTIAGO), datetime(2026, 7, 13, tzinfo=SANTIAGO)
"""Mondays, in the south."""

moments = st.timedeltas(timedelta(days=-9_000), timedelta(days=9_000)).map(lambda since: MIDNIGHT + since)
households = st.builds(
    HouseholdLoad, st.integers(0, 2**32), st.sampled_from(list(HOUSEHOLDS.values())), st.sampled_from([UTC, SANTIAGO])
)
others = st.integers(0, 2**32).flatmap(lambda seed: st.sampled_from([UnsteadyLoad(3_400, 100, seed), FixedLoad(seed)]))


def day(load: Load, midnight: datetime = MIDNIGHT, step_s: int = STEP_S) -> list[int]:
    return [load.watts(midnight + step * step_s * SECOND) for step in range(86_400 // step_s)]


def mean(watts: list[int]) -> float:
    return sum(watts) / len(watts)


def kwh(kind: str, midnight: datetime, *, households: int = 12) -> tuple[float, float]:
    """Drawn and given in a day, of one on average."""
    loads = [HouseholdLoad(seed, HOUSEHOLDS[kind], SANTIAGO) for seed in range(households)]
    watts = [each for load in loads for each in day(load, midnight, 60)]
    return 24 * mean([max(0, each) for each in watts]) / 1000, 24 * mean([max(0, -each) for each in watts]) / 1000


@given(load=st.one_of(households, others), at=moments, part=st.floats(0, 1))
def test_a_load_holds_until_it_says(load: Load, at: datetime, part: float) -> None:
    until = load.steady_until(at) or at + timedelta(days=1)

    within = at + (until - at - timedelta(microseconds=1)) * part

    assert at < until
    assert load.watts(at) == load.watts(within)


def test_the_same_seed_draws_the_same() -> None:
    assert day(HouseholdLoad(7)) == day(HouseholdLoad(7))
    assert day(HouseholdLoad(7)) != day(HouseholdLoad(8))


@pytest.mark.parametrize("seed", range(8))
def test_a_day_is_a_household_s(seed: int) -> None:
    """5 to 16 kWh, a quiet night, a busy evening, and something that was switched on."""
    watts = day(HouseholdLoad(seed))

    assert 5_000 < mean(watts) * 24 < 16_000
    assert mean(watts[360 * 2 : 360 * 5]) < 300 < mean(watts[360 * 18 : 360 * 23])
    assert max(watts) > min(each.watts for each in HOUSEHOLDS["house"].appliances)
    assert len(set(watts)) > 200


def test_evening_is_by_the_local_clock_in_winter_and_in_summer() -> None:
    load = HouseholdLoad(7, zone=SANTIAGO)
    for midnight in (SUMMER, WINTER):
        watts = day(load, midnight)
        assert mean(watts[360 * 2 : 360 * 5]) * 2 < mean(watts[360 * 18 : 360 * 23])


def test_a_house_heated_by_electricity_draws_twice_as_much_in_winter_and_others_a_little_more() -> None:
    assert kwh("electric-heating", WINTER)[0] > 2 * kwh("electric-heating", SUMMER)[0]
    assert kwh("house", SUMMER)[0] < kwh("house", WINTER)[0] < 2 * kwh("house", SUMMER)[0]
    assert kwh("flat", WINTER)[0] < kwh("house", WINTER)[0]


def test_the_seasons_of_the_north_are_the_others() -> None:
    july = datetime(2026, 7, 20, tzinfo=UTC)

    assert MADRID.season(july) < -0.99
    assert Place(-33.45, -70.67).season(july) > 0.99
    assert abs(MADRID.season(july + timedelta(days=91))) < 0.05


def test_panels_give_by_day_and_more_in_summer() -> None:
    given_in = {midnight: kwh("solar", midnight)[1] for midnight in (SUMMER, WINTER)}
    night = [HouseholdLoad(seed, HOUSEHOLDS["solar"], SANTIAGO).watts(SUMMER + 2 * 3_600 * SECOND) for seed in range(9)]

    assert given_in[SUMMER] > given_in[WINTER] > 0
    assert kwh("house", SUMMER)[1] == 0
    assert min(night) >= 0


@pytest.mark.parametrize(
    ("place", "at", "least", "most"),
    [
        (MADRID, datetime(2026, 6, 21, 12, 15, tzinfo=UTC), 0.955, 0.958),  # 73.0 degrees at solar noon
        (MADRID, datetime(2026, 12, 21, 12, 15, tzinfo=UTC), 0.43, 0.46),  # 26.2 degrees
        (MADRID, datetime(2026, 6, 21, 0, 15, tzinfo=UTC), 0.0, 0.0),
        (Place(0.0, 0.0), datetime(2026, 3, 21, 12, 0, tzinfo=UTC), 0.999, 1.0),
        (Place(-80.0, 0.0), datetime(2026, 6, 21, 12, 0, tzinfo=UTC), 0.0, 0.0),
    ],
)
def test_the_sun_stands_where_it_should(place: Place, at: datetime, least: float, most: float) -> None:
    assert least <= place.sun(at) <= most


def test_a_workshop_works_on_working_days() -> None:
    sunday = SUMMER - timedelta(days=1)

    assert kwh("workshop", SUMMER)[0] > 3 * kwh("workshop", sunday)[0]


def test_an_unsteady_load_moves_within_its_bounds() -> None:
    watts = day(UnsteadyLoad(3_400, 100, seed=1))

    assert set(watts) <= set(range(3_300, 3_501))
    assert len(set(watts)) > 150
    assert abs(mean(watts) - 3_400) < 5
