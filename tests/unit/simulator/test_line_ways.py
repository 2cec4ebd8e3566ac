"""Lines of a concentrator: who is heard, over how many repeaters, over which medium, and for what reason not."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import mean, median
from zoneinfo import ZoneInfo

import pytest

from aforo.simulator.line_ways import Line, LineWays, Way
from aforo.simulator.media import LINES, LinePlan
from aforo.simulator.outages import Outage

NOON = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SANTIAGO = ZoneInfo("America/Santiago")
METERS = [f"M-{number:03d}" for number in range(300)]
QUIET = LinePlan(name="quiet", exchange_ms=100)
WEAK = replace(QUIET, name="weak", dead_days=0.1, whole_days=0.0)


def a_line(plan: LinePlan, meters: list[str] = METERS, seed: str = "1") -> Line:
    return Line(plan, meters, seed=seed, zone=SANTIAGO)


def ways_over(plan: LinePlan, other: LinePlan | None = None) -> LineWays:
    return LineWays(plan, other, METERS, seed="1", zone=SANTIAGO)


def test_plc_is_heard_as_much_as_the_published_day_was() -> None:
    """1.1 % of the days dead, 47 % whole, the others heard 90.5 % of the time: 94.0 % of all."""
    plan = replace(LINES["plc"], dips_per_day=0.0, repeaters=(1.0,))
    line = a_line(plan)
    heard = [isinstance(line.way(meter, NOON + day * DAY), Way) for meter in METERS for day in range(40)]

    assert abs(mean(heard) - 0.94) < 0.01


def test_a_meter_that_is_away_comes_back_and_an_absence_lasts_a_quarter_of_an_hour_in_the_middle() -> None:
    line = a_line(replace(LINES["plc"], dips_per_day=0.0, repeaters=(1.0,), dead_days=0.0))
    seen = set[Outage]()
    for meter in METERS[:60]:
        for minutes in range(0, 24 * 60, 2):
            way = line.way(meter, NOON + minutes * MINUTE)
            if isinstance(way, Outage):
                assert line.way(meter, way.end) != way
                seen.add(way)

    assert {outage.cause for outage in seen} == {"away"}
    assert 7 < median((outage.end - outage.begin) / MINUTE for outage in seen) < 15  # a day's last is cut off


def test_what_is_asked_first_changes_nothing() -> None:
    moments = [NOON + hours * HOUR for hours in range(0, 96, 7)]
    questions = [(meter, at) for meter in METERS[:20] for at in moments]
    forwards, backwards = a_line(LINES["plc"]), a_line(LINES["plc"])

    told = {question: forwards.way(*question) for question in questions}

    assert {question: backwards.way(*question) for question in reversed(questions)} == told
    assert {question: a_line(LINES["plc"], seed="2").way(*question) for question in questions} != told


def test_repeaters_are_meters_one_stretch_nearer_in_the_shares_given() -> None:
    line = a_line(replace(QUIET, repeaters=(0.5, 0.3, 0.2)))
    hops = {meter: heard.hops for meter in METERS if isinstance(heard := line.way(meter, NOON), Way)}
    shares = Counter(hops.values())

    assert [round(shares[count] / len(METERS), 1) for count in (1, 2, 3)] == [0.5, 0.3, 0.2]
    for meter in METERS:
        repeater = line.repeater_of(meter)
        assert (repeater is None) == (hops[meter] == 1)
        assert repeater is None or hops[repeater] == hops[meter] - 1


def test_without_its_repeater_a_meter_is_not_heard_until_it_has_found_another() -> None:
    line = a_line(replace(WEAK, repeaters=(0.5, 0.5), dead_days=0.0, whole_days=0.5, reattach_s=300))
    found = 0
    for meter in METERS:
        repeater = line.repeater_of(meter)
        for minutes in range(0, 600, 3):
            now = NOON + minutes * MINUTE
            theirs = line.way(repeater, now) if repeater else None
            mine = line.way(meter, now)
            if isinstance(mine, Outage) and mine.cause == "repeater":
                assert isinstance(theirs, Outage)
                assert mine.end - mine.begin == 5 * MINUTE
                found += 1

    assert found > 20


def test_each_stretch_takes_as_long_again_and_loses_as_much() -> None:
    line = a_line(replace(QUIET, repeaters=(0.5, 0.5), loss=0.1))
    ways = {way.hops: way for meter in METERS if isinstance(way := line.way(meter, NOON), Way)}

    assert [round(ways[hops].loss, 3) for hops in (1, 2)] == [0.1, 0.19]
    assert [line.exchange_s(ways[hops], Random(1)) for hops in (1, 2)] == [0.1, 0.2]


def test_the_evening_is_noisier_by_the_local_clock() -> None:
    line = a_line(replace(QUIET, loss=0.01, noise_percent=(*(100,) * 20, 300, *(100,) * 3)))
    evening = datetime(2026, 11, 24, 20, 30, tzinfo=SANTIAGO)

    losses = [way.loss for at in (NOON, evening) if isinstance(way := line.way("M-000", at), Way)]

    assert losses == [pytest.approx(0.01), pytest.approx(0.03)]


def test_a_dip_takes_a_share_of_the_meters_for_hours() -> None:
    line = a_line(replace(QUIET, dips_per_day=1.0, whole_days=1.0))
    shares = list[float]()
    for hours in range(24 * 30):
        ways = [line.way(meter, NOON + hours * HOUR) for meter in METERS]
        taken = [way for way in ways if isinstance(way, Outage)]
        if taken:
            assert len(set(taken)) == 1
            assert 3 * HOUR <= taken[0].end - taken[0].begin <= 5 * HOUR
            shares.append(len(taken) / len(METERS))

    assert 60 < len(shares) < 180
    assert 0.05 < min(shares) < max(shares) < 0.35


def test_a_hybrid_meter_is_handed_over_to_radio_after_a_while_and_comes_back() -> None:
    plc = replace(WEAK, name="plc", dead_days=0.0, other="rf", handover_s=120)
    alone, both = ways_over(plc), ways_over(plc, replace(QUIET, name="rf"))
    media = Counter[str]()
    for meter in METERS[:100]:
        for minutes in range(0, 24 * 60, 5):
            now = NOON + minutes * MINUTE
            first, way = alone.way(meter, now), both.way(meter, now)
            if isinstance(first, Way) or now - first.begin < 2 * MINUTE:
                assert way == first
            else:
                assert isinstance(way, Way)
                assert way.medium == "rf"
            media[way.medium if isinstance(way, Way) else "none"] += 1

    assert media["plc"] > media["rf"] > media["none"] > 0


def test_an_exchange_takes_the_time_of_the_medium_in_use() -> None:
    plc = replace(WEAK, name="plc", dead_days=1.0, other="rf", handover_s=0, exchange_ms=900)
    ways = ways_over(plc, replace(QUIET, name="rf", exchange_ms=200))

    assert ways.exchange_s("M-000", NOON, Random(1)) == 0.2
