"""A concentrator is given about as much as it carries out in a minute."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.domain.devices import Link
from aforo.engine.adaptive_window import FIRST, LEAST, AdaptiveWindow
from aforo.engine.dispatcher import Dispatcher
from cases import a_request
from unit.engine.engine_situations import HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLines, a_concentrator
from unit.simulator.driven_meter import a_meter

NOON = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at_work(gap_s: float, results: int = 200, *, largest: int = 256, at_once: int = 1) -> AdaptiveWindow:
    window, now = AdaptiveWindow(largest), NOON
    window.began(now)
    for _ in range(results):
        now += gap_s * at_once * SECOND
        window.answered(at_once, now)
    return window


@pytest.mark.parametrize(("gap_s", "size"), [(0.01, 256), (0.5, 120), (3.0, 20), (30.0, LEAST), (600.0, LEAST)])
def test_it_comes_to_be_a_minute_s_work(gap_s: float, size: int) -> None:
    assert at_work(gap_s).size == size


@pytest.mark.parametrize("at_once", [1, 7, 30])
def test_results_that_come_together_count_as_many(at_once: int) -> None:
    assert at_work(1.0, at_once=at_once).size == 60


def test_it_at_most_doubles_with_each_answer() -> None:
    assert [at_work(0.001, results).size for results in (0, 1, 2, 3, 4)] == [FIRST, 64, 128, 256, 256]


def test_a_concentrator_that_is_full_gets_half_until_it_answers_again() -> None:
    window = at_work(0.5)
    window.refused()
    assert window.size == 60

    for _ in range(9):
        window.refused()
    assert window.size == LEAST

    window.answered(1, NOON + 100.5 * SECOND)
    assert window.size == 2 * LEAST


def test_what_was_out_when_the_session_began_counts_from_its_first_answer_on() -> None:
    window = AdaptiveWindow(256)
    for second_of in range(60):
        window.answered(1, NOON + second_of * SECOND)

    assert window.size == 60


def test_a_rest_without_orders_does_not_count() -> None:
    window = at_work(1.0)

    window.began(NOON + timedelta(hours=3))
    window.answered(1, NOON + timedelta(hours=3) + SECOND)

    assert window.size == 60


@given(st.lists(st.tuples(st.floats(0, 10_000), st.integers(0, 500), st.booleans())), st.integers(1, 2_000))
def test_it_is_never_empty_and_never_too_large(history: list[tuple[float, int, bool]], largest: int) -> None:
    window, now = AdaptiveWindow(largest), NOON
    window.began(now)
    for gap_s, results, is_full in history:
        now += gap_s * SECOND
        window.answered(results, now)
        if is_full:
            window.refused()
        assert 1 <= window.size <= largest


def test_a_slow_concentrator_holds_no_more_than_a_few_orders_at_a_time() -> None:
    async def run() -> None:
        headend = HeadEnd()
        lines = SimulatedLines(headend.clock)
        object.__setattr__(headend.ports, "lines", lines)
        numbers = [f"M-{place}" for place in range(80)]
        meters = {number: a_meter() for number in numbers}
        concentrator = lines.devices["C-1"] = a_concentrator(meters, line_delay=timedelta(seconds=1))
        await headend.concentrator()
        for number in numbers:
            await headend.linked_meter(Link.DELEGATED, number)
            await headend.order(number, lane="concentrator:C-1", request=a_request(meter=number))
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        held = list[int]()
        async with running(dispatcher.run()):
            for minute in range(1, 15):
                await second(60 * minute)
                held.append(len(concentrator.memory.waiting))

        assert held[0] >= FIRST // 2  # before anything was known of it
        assert max(held[5:]) <= 16  # an order takes it some 5 s
        assert all(meter.threshold_w == 2_500 for meter in list(meters.values())[:60])

    in_virtual_time(run())
