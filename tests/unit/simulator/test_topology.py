"""Meters that come to another concentrator: as often as the town says, to a neighbour, the same in every run."""

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from aforo.simulator.topology import MONTH, moves
from aforo.simulator.town import Town
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan

NOON = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def a_plan(moved_per_month: float, links: tuple[str, ...] = ("delegated",) * 3) -> TownPlan:
    concentrators = tuple(
        ConcentratorPlan(number=f"C-{place}", link=link, meters=100, first_meter=1_000 * place)
        for place, link in enumerate(links, 1)
    )
    return TownPlan(name="t", moved_per_month=moved_per_month, concentrator=concentrators)


def test_as_many_move_in_a_month_as_the_town_says() -> None:
    found = list(takewhile(lambda move: move.at < NOON + 20 * MONTH, moves(a_plan(0.1), NOON)))

    assert 500 < len(found) < 700  # 20 months, a tenth of 300 each
    assert [move.at for move in found] == sorted(move.at for move in found)


def test_nothing_moves_in_a_town_that_says_so_or_has_but_one_line_of_a_kind() -> None:
    assert list(moves(a_plan(0.0), NOON)) == []
    assert list(moves(a_plan(0.5, ("delegated", "transparent")), NOON)) == []


def test_each_goes_to_a_neighbour_of_the_same_kind() -> None:
    plan = a_plan(0.5, ("delegated", "transparent", "delegated", "delegated", "transparent"))
    row = {"delegated": ["C-1", "C-3", "C-4"], "transparent": ["C-2", "C-5"]}
    where = {str(1_000 * place + offset): f"C-{place}" for place in range(1, 6) for offset in range(100)}

    for move in islice(moves(plan, NOON), 500):
        kind = next(numbers for numbers in row.values() if where[move.meter] in numbers)
        assert abs(kind.index(move.to) - kind.index(where[move.meter])) == 1
        where[move.meter] = move.to


def test_the_town_takes_every_move() -> None:
    plan = a_plan(0.5)
    town = Town(plan)
    for move in islice(moves(plan, NOON), 200):
        town.move(move.meter, move.to)
        assert move.meter in town.concentrators[move.to].memory.table

    assert sum(len(one.memory.table) for one in town.concentrators.values()) == 300


def test_the_same_town_moves_alike_and_from_whenever_it_is_opened() -> None:
    later = NOON + timedelta(days=3)
    here, there = list(islice(moves(a_plan(0.1), NOON), 9)), list(islice(moves(a_plan(0.1), later), 9))

    assert [(move.meter, move.to, move.at - NOON) for move in here] == [
        (move.meter, move.to, move.at - later) for move in there
    ]


def test_a_meter_that_its_concentrator_does_not_know_is_nobody_to_move() -> None:
    alone = MeterPlan(number="7", in_table=False)
    concentrators = tuple(ConcentratorPlan(number=number, meter=()) for number in ("C-1", "C-2"))
    plan = TownPlan(
        name="t", moved_per_month=1.0, concentrator=(*concentrators, ConcentratorPlan(number="C-3", meter=(alone,)))
    )

    assert list(moves(plan, NOON)) == []
