"""Power fails in the middle of an order, at every exchange of it: one command at most, and no result is lost."""

import pytest

from aforo.dclink.messages import ItemKind, ItemResult, ItemVerdict
from unit.simulator.driven_concentrator import Crash, HeadEnd, Site, an_item
from unit.simulator.driven_meter import SECOND

ITEM = an_item(1, limit_w=2_500)


def exchanges_of(*, kind: ItemKind = ItemKind.LIMIT) -> list[bytes]:
    """Every APDU that the meter hears for one order, on first contact."""
    site = Site()
    HeadEnd.in_session(site).carried_out(an_item(1, kind=kind))
    return site.wires["M-1"].seen


EXCHANGES = len(exchanges_of())


def crashed(site: Site, exchange: int, *, delivered: bool) -> None:
    """Hand over the order, and lose the power at that exchange."""
    wire = site.wires["M-1"]
    wire.crash_at, wire.delivered = exchange, delivered
    headend = HeadEnd.in_session(site)
    with pytest.raises(Crash):
        headend.submit(ITEM)
    headend.lose()
    site.start()


def recovered(site: Site, epoch: int = 2) -> tuple[ItemResult, ...]:
    """What a head-end that comes back learns."""
    headend = HeadEnd.in_session(site, epoch)
    site.run()
    return headend.pending()


def test_an_order_takes_about_a_dozen_exchanges_so_that_these_tests_mean_something() -> None:
    assert 8 <= EXCHANGES <= 24


@pytest.mark.parametrize("exchange", range(EXCHANGES))
def test_after_a_crash_behind_any_exchange_one_set_has_reached_the_meter_and_the_result_is_told(exchange: int) -> None:
    site = Site()
    crashed(site, exchange, delivered=True)

    (result,) = recovered(site)

    assert (result.order_id, result.verdict, result.cause) == (1, ItemVerdict.OK, "")
    assert result.readback is not None
    assert (result.readback.before, result.readback.threshold) == (30_000, 2_500)
    assert site.wires["M-1"].sets == 1


@pytest.mark.parametrize("exchange", range(EXCHANGES))
def test_after_a_crash_before_any_exchange_the_result_says_what_the_meter_says(exchange: int) -> None:
    """When the SET itself was cut off, nobody but the meter knows that it never arrived: it is read, not commanded."""
    site = Site()
    crashed(site, exchange, delivered=False)
    was_set = site.memory.begun is not None and site.memory.begun.task.written is not None

    (result,) = recovered(site)

    sets = site.wires["M-1"].sets
    assert (result.verdict is ItemVerdict.OK) == (sets == 1)
    assert site.meters["M-1"].threshold_w == (2_500 if sets else 30_000)
    assert sets == 1 or was_set
    assert sets <= 1


@pytest.mark.parametrize("delivered", [True, False])
def test_crash_upon_crash_commands_once(delivered: bool) -> None:
    """The power fails at every exchange in turn until the order has ended."""
    site = Site()
    wire = site.wires["M-1"]
    wire.delivered = delivered
    headend = HeadEnd.in_session(site)
    wire.crash_at = 0
    with pytest.raises(Crash):
        headend.submit(ITEM)
    crashes = 1
    while site.memory.begun is not None:
        site.start()
        wire.crash_at = len(wire.seen) + crashes
        try:
            site.concentrator.advance(site.now)
        except Crash:
            crashes += 1

    (result,) = site.memory.results.values()
    assert crashes > EXCHANGES / 2
    assert wire.sets <= 1
    assert (result.verdict is ItemVerdict.OK) == (wire.sets == 1)


def test_a_meter_that_is_silent_after_the_crash_leaves_the_outcome_unknown() -> None:
    site = Site()
    set_at = next(place for place, apdu in enumerate(exchanges_of()) if apdu[0] == 0xC9)
    crashed(site, set_at, delivered=True)
    site.meters["M-1"].faults.silent = True

    (result,) = recovered(site)

    assert (result.verdict, result.cause) == (ItemVerdict.UNKNOWN, "OUTCOME_UNKNOWN")
    assert site.wires["M-1"].sets == 1


@pytest.mark.parametrize("after_the_set", [False, True])
def test_a_meter_taken_out_of_the_table_during_a_crash_ends_its_order_truthfully(after_the_set: bool) -> None:
    site = Site()
    set_at = next(place for place, apdu in enumerate(exchanges_of()) if apdu[0] == 0xC9)
    crashed(site, set_at if after_the_set else set_at - 1, delivered=True)
    site.concentrator.remove_meter("M-1")

    (result,) = recovered(site)

    told = (ItemVerdict.UNKNOWN, "OUTCOME_UNKNOWN") if after_the_set else (ItemVerdict.KO, "NOT_IN_TABLE")
    assert (result.verdict, result.cause) == told


@pytest.mark.parametrize("exchange", range(len(exchanges_of(kind=ItemKind.READ))))
def test_a_reading_that_was_cut_off_is_done_again(exchange: int) -> None:
    site = Site()
    wire = site.wires["M-1"]
    wire.crash_at = exchange
    headend = HeadEnd.in_session(site)
    with pytest.raises(Crash):
        headend.submit(an_item(1, kind=ItemKind.READ, limit_w=0))
    site.start()

    (result,) = recovered(site)

    assert result.verdict is ItemVerdict.OK
    assert wire.sets == 0


def test_what_waited_and_what_was_owed_survives() -> None:
    site = Site("M-1", "M-2", "M-3", line_delay=SECOND)
    headend = HeadEnd.in_session(site)
    headend.carried_out(an_item(1, "M-1"))
    headend.submit(an_item(2, "M-2"), an_item(3, "M-3"))

    site.start()
    headend = HeadEnd.in_session(site, 2)
    owed = [result.order_id for result in headend.pending()]
    queued = [(queued.order_id, queued.begun) for queued in headend.queue()]
    site.run()

    assert owed == [1]
    assert queued == [(2, True), (3, False)]
    assert [result.order_id for result in headend.pending()] == [1, 2, 3]
    assert [site.wires[number].sets for number in site.wires] == [1, 1, 1]


def test_fences_counters_and_the_epoch_survive() -> None:
    site = Site()
    headend = HeadEnd.in_session(site, 4)
    headend.carried_out(an_item(5, epoch=4, fence=9))
    counters = dict(site.memory.meter_counters)

    site.start()
    again = HeadEnd(site)
    again.associate()

    assert again.open_session(3) == 4
    assert again.open_session(5) == 5
    assert [answer.cause for answer in again.submit(an_item(6, epoch=5, fence=9))] == ["STALE_FENCE"]
    assert [result.verdict for result in again.carried_out(an_item(7, epoch=5, fence=10))] == [ItemVerdict.OK]
    assert site.memory.meter_counters["M-1"] > counters["M-1"]
