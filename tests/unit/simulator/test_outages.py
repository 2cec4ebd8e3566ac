"""Outages: the same whenever and in whatever order one asks, and as often and as long as the distribution says."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from aforo.simulator.outages import DAY_S, Lasting, Outage, Outages, begun_on, happening, spread_over

SECOND = timedelta(seconds=1)
MONDAY = 20_000


def chance(seed: int) -> Random:
    return Random(seed)


@given(st.integers(0, 10**6), st.floats(0.0, DAY_S), st.floats(1.0, 50_000.0), st.floats(0.0, 2.0))
def test_the_absences_of_a_day_add_up_and_do_not_touch(seed: int, away_s: float, median_s: float, sigma: float) -> None:
    found = list(spread_over(MONDAY, away_s, Lasting(median_s, sigma), chance(seed), "away"))

    assert abs(sum((one.end - one.begin) / SECOND for one in found) - away_s) < 0.01
    assert all(before.end <= after.begin for before, after in pairwise(found))
    if found:
        assert begun_on(MONDAY) <= found[0].begin
        assert found[-1].end <= begun_on(MONDAY + 1) + 0.01 * SECOND


def test_outages_happen_as_often_as_they_shall() -> None:
    found = [list(happening(MONDAY, 2.5, Lasting(60.0), chance(seed), "cut")) for seed in range(2_000)]

    assert abs(mean(len(one) for one in found) - 2.5) < 0.1
    assert list(happening(MONDAY, 0.0, Lasting(60.0), chance(1), "cut")) == []


def test_an_outage_is_found_on_the_days_after_the_one_on_which_it_began() -> None:
    begin = begun_on(MONDAY) + timedelta(hours=23)
    fault = Outage(begin, begin + timedelta(hours=50), "SIM fault")
    cut = Outage(begin + timedelta(hours=2), begin + timedelta(hours=3), "cut")
    days = {MONDAY: (fault,), MONDAY + 1: (cut,)}
    outages = Outages(lambda day: days.get(day, ()), timedelta(days=3))

    assert outages.at(begin - SECOND) is None
    assert outages.at(begin) == fault
    assert outages.at(cut.begin) == fault  # the one that ends last
    assert outages.at(fault.end - SECOND) == fault
    assert outages.at(fault.end) is None
    assert list(outages.begun(begin, begin + timedelta(hours=60))) == [cut]
    assert list(outages.begun(begin - SECOND, begin)) == [fault]


def test_a_day_is_worked_out_once_however_often_it_is_asked_for() -> None:
    asked = list[int]()

    def of_day(day: int) -> tuple[Outage, ...]:
        asked.append(day)
        return ()

    outages = Outages(of_day)
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    for hours in range(0, 240, 2):
        outages.at(now + timedelta(hours=hours))

    assert len(asked) == len(set(asked)) == 12
