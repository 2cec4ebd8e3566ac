"""Limiters that behave as those in the field do."""

from datetime import timedelta

import pytest

from aforo.domain.readback import Breaker
from aforo.simulator.household_load import FixedLoad
from aforo.simulator.limiter_behaviour import BEHAVIOURS
from aforo.simulator.town_file import TownError, load_town
from unit.simulator.driven_meter import NOON, SECOND, a_meter

LINKY_LOADS = (1.31, 1.35, 1.40, 1.50, 1.75, 2.0, 2.5, 3.0, 4.0)
LINKY_SECONDS = {
    0.0: (522, 327, 247, 174, 100, 69, 40, 26, 14),
    0.5: (502, 308, 230, 159, 90, 61, 35, 23, 12),
    0.9: (442, 254, 181, 118, 62, 41, 22, 15, 8),
}
"""By the load before, which had lasted: seconds until the cut, worked out from the published filter (B = 0.008,
threshold 1.3) by somebody else than this code.
"""


@pytest.mark.parametrize("before", LINKY_SECONDS)
def test_the_french_filter_cuts_when_its_published_constants_say(before: float) -> None:
    linky = BEHAVIOURS["linky"]

    seconds = [linky.trip_in_s(before * before, load) for load in LINKY_LOADS]

    assert seconds == [pytest.approx(told, abs=1) for told in LINKY_SECONDS[before]]


def test_the_filter_sampled_each_second_says_the_same_as_its_formula() -> None:
    linky, heat, seconds = BEHAVIOURS["linky"], 0.25, 0
    expected = linky.trip_in_s(heat, 1.75)
    while heat <= linky.filter_trips_at**2:
        heat = linky.filter_b * 1.75**2 + (1 - linky.filter_b) * heat
        seconds += 1

    assert seconds == expected


@pytest.mark.parametrize(
    ("load", "seconds"), [(1.0, None), (1.10, None), (1.11, 10_800), (1.33, 10_800), (1.34, 120), (3.0, 120)]
)
def test_the_italian_bands(load: float, seconds: float | None) -> None:
    assert BEHAVIOURS["italy-1g"].trip_in_s(0.0, load) == seconds


@pytest.mark.parametrize(("load", "seconds"), [(1.4, None), (1.5, 900), (2.0, 300), (3.0, 300)])
def test_the_spanish_curve(load: float, seconds: float | None) -> None:
    told = BEHAVIOURS["spain-icp"].trip_in_s(0.0, load)

    assert told == (None if seconds is None else pytest.approx(seconds))


def test_between_two_points_of_a_curve_more_load_cuts_sooner() -> None:
    spain = BEHAVIOURS["spain-icp"]
    seconds = [spain.trip_in_s(0.0, 1.5 + step / 20) or 0 for step in range(11)]

    assert seconds == sorted(seconds, reverse=True)
    assert len(set(seconds)) == len(seconds)


def test_half_the_delay_at_one_load_leaves_half_of_it_at_another() -> None:
    spain = BEHAVIOURS["spain-icp"]
    heat = spain.heat_after(0.0, 1.5, 450)

    assert spain.trip_in_s(heat, 2.0) == pytest.approx(150)
    assert spain.heat_after(heat, 1.0, 1) == 0.0


def test_a_meter_cuts_as_its_behaviour_says() -> None:
    meter = a_meter(4_000, limit_w=3_000, behaviour=BEHAVIOURS["italy-1g"], control_mode=2)
    meter.advance(NOON)
    meter.advance(NOON + timedelta(minutes=179))
    assert meter.breaker is Breaker.CONNECTED

    meter.load = FixedLoad(9_000)
    meter.advance(NOON + timedelta(minutes=181))

    assert meter.breaker is not Breaker.CONNECTED
    assert meter.events[-1].at == NOON + timedelta(minutes=179) + 120 * SECOND * (1 - 179 / 180)


def test_a_prepayment_meter_closes_again_and_stays_open_after_the_fourth_trip() -> None:
    meter = a_meter(4_000, limit_w=3_000, behaviour=BEHAVIOURS["sts-prepay"], control_mode=6)
    meter.advance(NOON)

    trips = []
    for minute in range(1, 60):
        meter.advance(NOON + timedelta(minutes=minute))
        trips.append(len(meter.memory.trips))

    assert trips[0] == 1
    assert trips[-1] == 4
    assert meter.breaker is not Breaker.CONNECTED


def test_a_town_file_names_a_behaviour_or_is_refused() -> None:
    text = 'name = "t"\n[[meter]]\nnumber = "1"\nlimiter = "{}"\ncontrol_mode = {}\n'

    assert load_town(text.format("linky", 2), "t").meter[0].limiter == "linky"
    with pytest.raises(TownError, match="limiter is italy-1g, spain-icp, linky, sts-prepay, not 'german'"):
        load_town(text.format("german", 2), "t")
    with pytest.raises(TownError, match="closes by itself"):
        load_town(text.format("sts-prepay", 0), "t")
