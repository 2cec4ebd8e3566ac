"""Delegated orders from a head-end's connection to the meter and back: what is carried out, and what is told of it."""

from datetime import timedelta

import pytest

from aforo.dclink.messages import ItemKind, ItemResult, ItemVerdict
from aforo.dlms.events import DataAccess
from aforo.domain.causes import Cause
from aforo.flow.device_client import PUBLIC_CLIENT
from aforo.simulator.concentrator_line import CLIENTS_MAX
from aforo.simulator.concentrator_settings import Begun, MeterAccess
from unit.simulator.driven_concentrator import HeadEnd, Site, an_item
from unit.simulator.driven_meter import METER_TITLE, NOON, OTHER_KEYS, SECOND


def outcome(result: ItemResult) -> tuple[ItemVerdict, str]:
    return result.verdict, result.cause


def test_a_limit_is_carried_out_and_its_evidence_is_pushed() -> None:
    site = Site(line_delay=timedelta(milliseconds=40))
    headend = HeadEnd.in_session(site)

    (result,) = headend.carried_out(an_item(1, limit_w=2_500))

    assert outcome(result) == (ItemVerdict.OK, "")
    assert result.readback is not None
    assert (result.readback.before, result.readback.written, result.readback.threshold) == (30_000, 2_500, 2_500)
    assert NOON < result.readback.read_at <= result.at
    assert site.meters["M-1"].threshold_w == 2_500
    assert site.wires["M-1"].sets == 1


def test_a_reading_tells_the_threshold_and_writes_nothing() -> None:
    site = Site()

    (result,) = HeadEnd.in_session(site).carried_out(an_item(1, kind=ItemKind.READ, limit_w=0))

    assert outcome(result) == (ItemVerdict.OK, "")
    assert result.readback is not None
    assert (result.readback.written, result.readback.threshold) == (None, 30_000)
    assert site.wires["M-1"].sets == 0


@pytest.mark.parametrize(
    ("refusal", "cause"),
    [
        (DataAccess.HARDWARE_FAULT, Cause.HARDWARE_FAULT),
        (DataAccess.TEMPORARY_FAILURE, Cause.TEMPORARY_FAILURE),
        (DataAccess.READ_WRITE_DENIED, Cause.ACCESS_DENIED),
        (DataAccess.TYPE_UNMATCHED, Cause.TYPE_UNMATCHED),
        (DataAccess.OTHER_REASON, Cause.METER_REFUSED),
    ],
)
def test_a_meter_s_refusal_comes_back_as_its_cause(refusal: DataAccess, cause: Cause) -> None:
    site = Site()
    site.meters["M-1"].faults.refuse_command = refusal

    (result,) = HeadEnd.in_session(site).carried_out(an_item(1))

    assert outcome(result) == (ItemVerdict.KO, cause.value)
    assert site.meters["M-1"].threshold_w == 30_000


def test_a_meter_that_only_says_yes_is_found_out() -> None:
    site = Site()
    site.meters["M-1"].faults.pretends_to_obey = True

    (result,) = HeadEnd.in_session(site).carried_out(an_item(1))

    assert outcome(result) == (ItemVerdict.KO, Cause.VERIFY_MISMATCH.value)
    assert result.readback is not None
    assert (result.readback.written, result.readback.threshold) == (2_500, 30_000)


def test_other_keys_than_the_meter_s_are_a_wrong_key_and_not_silence() -> None:
    site = Site()
    site.meters["M-1"].faults.keys = OTHER_KEYS
    headend = HeadEnd.in_session(site)

    (result,) = headend.carried_out(an_item(1))

    assert outcome(result) == (ItemVerdict.KO, Cause.WRONG_KEY.value)
    assert headend.rows()[0].reachable


def test_a_meter_whose_keys_only_the_head_end_has_is_not_commanded() -> None:
    site = Site(keys=None)

    (result,) = HeadEnd.in_session(site).carried_out(an_item(1))

    assert outcome(result) == (ItemVerdict.KO, Cause.WRONG_KEY.value)
    assert site.wires["M-1"].seen == []


def test_a_silent_meter_is_unreachable_after_the_wait_and_was_not_commanded() -> None:
    site = Site()
    site.meters["M-1"].faults.silent = True
    headend = HeadEnd.in_session(site)

    (result,) = headend.carried_out(an_item(1))

    assert outcome(result) == (ItemVerdict.KO, Cause.METER_UNREACHABLE.value)
    assert result.at >= NOON + site.settings.answer_wait
    assert not headend.rows()[0].reachable
    assert site.wires["M-1"].sets == 0


def test_a_lost_answer_to_the_set_is_made_good_by_reading() -> None:
    site = Site()
    site.meters["M-1"].faults.swallow_answer_to_next_command = True

    (result,) = HeadEnd.in_session(site).carried_out(an_item(1))

    assert outcome(result) == (ItemVerdict.OK, "")
    assert result.readback is not None
    assert (result.readback.before, result.readback.written, result.readback.threshold) == (30_000, 2_500, 2_500)
    assert site.wires["M-1"].sets == 1


def test_a_set_that_never_arrived_is_told_as_not_carried_out() -> None:
    site = Site()
    site.meters["M-1"].faults.lose_next_command = True

    (result,) = HeadEnd.in_session(site).carried_out(an_item(1))

    assert outcome(result) == (ItemVerdict.KO, Cause.VERIFY_MISMATCH.value)
    assert site.wires["M-1"].sets == 1


def test_silence_for_good_after_the_set_is_unknown() -> None:
    site = Site(line_delay=SECOND)
    meter, wire = site.meters["M-1"], site.wires["M-1"]
    meter.faults.swallow_answer_to_next_command = True
    headend = HeadEnd.in_session(site)
    headend.submit(an_item(1))
    while not wire.sets:
        site.run(within=SECOND)
    meter.faults.silent = True

    site.run()

    (result,) = headend.pushed()
    assert outcome(result) == (ItemVerdict.UNKNOWN, Cause.OUTCOME_UNKNOWN.value)
    assert result.readback is None
    assert not headend.rows()[0].reachable
    assert wire.sets == 1
    assert meter.threshold_w == 2_500, "it had obeyed: a failure would have been a lie"


def test_one_association_serves_many_orders() -> None:
    site = Site()
    headend = HeadEnd.in_session(site)
    headend.carried_out(an_item(1))
    first = len(site.wires["M-1"].seen)

    headend.carried_out(an_item(2, limit_w=3_000))

    assert len(site.wires["M-1"].seen) - first < first
    assert site.meters["M-1"].threshold_w == 3_000


def test_a_kept_association_that_ended_at_the_meter_is_no_reason_to_fail() -> None:
    site = Site()
    headend = HeadEnd.in_session(site)
    headend.carried_out(an_item(1))
    site.wires["M-1"].line = site.meters["M-1"].line()

    (result,) = headend.carried_out(an_item(2, limit_w=3_000))

    assert outcome(result) == (ItemVerdict.OK, "")
    assert site.wires["M-1"].sets == 2


def test_orders_of_a_higher_priority_go_next() -> None:
    site = Site("M-1", "M-2", "M-3", line_delay=SECOND)
    headend = HeadEnd.in_session(site)
    headend.submit(an_item(1, "M-1"), an_item(2, "M-2"))

    headend.submit(an_item(3, "M-3", priority=1))
    site.run()

    assert [result.order_id for result in headend.pushed()] == [1, 3, 2]


def test_a_withdrawn_order_never_reaches_its_meter() -> None:
    site = Site("M-1", "M-2", line_delay=SECOND)
    headend = HeadEnd.in_session(site)
    headend.submit(an_item(1, "M-1"), an_item(2, "M-2"))

    answers = [headend.withdraw(number).name for number in (1, 2, 3)]
    site.run()

    assert answers == ["BEGUN", "WITHDRAWN", "UNKNOWN"]
    assert [result.order_id for result in headend.pushed()] == [1]
    assert site.wires["M-2"].seen == []


def test_an_order_does_not_begin_after_its_time() -> None:
    site = Site("M-1", "M-2", line_delay=SECOND)
    headend = HeadEnd.in_session(site)

    headend.submit(an_item(1, "M-1"), an_item(2, "M-2", not_after=NOON + SECOND))
    site.run()

    assert [outcome(result) for result in headend.pushed()] == [(ItemVerdict.OK, ""), (ItemVerdict.KO, "EXPIRED")]
    assert site.wires["M-2"].seen == []


def test_no_set_leaves_after_its_time_however_long_the_meter_took_to_reach() -> None:
    site = Site(line_delay=SECOND)
    headend = HeadEnd.in_session(site)

    (result,) = headend.carried_out(an_item(1, not_after=NOON + 3 * SECOND))

    assert outcome(result) == (ItemVerdict.KO, "EXPIRED")
    assert site.wires["M-1"].seen
    assert site.wires["M-1"].sets == 0


def test_an_order_whose_meter_left_the_table_ends_without_a_visit() -> None:
    site = Site("M-1", "M-2", line_delay=SECOND)
    headend = HeadEnd.in_session(site)
    headend.submit(an_item(1, "M-1"), an_item(2, "M-2"))

    site.concentrator.remove_meter("M-2")
    site.run()

    assert [outcome(result) for result in headend.pushed()] == [(ItemVerdict.OK, ""), (ItemVerdict.KO, "NOT_IN_TABLE")]
    assert site.wires["M-2"].seen == []


def test_a_meter_that_is_added_can_be_commanded() -> None:
    site = Site("M-1", "M-2")
    site.concentrator.remove_meter("M-2")
    headend = HeadEnd.in_session(site)
    refused = headend.submit(an_item(1, "M-2"))

    site.concentrator.add_meter("M-2", MeterAccess(keys=OTHER_KEYS, title=METER_TITLE))
    site.meters["M-2"].faults.keys = OTHER_KEYS

    assert [(answer.taken, answer.cause) for answer in refused] == [(False, "NOT_IN_TABLE")]
    assert [outcome(result) for result in headend.carried_out(an_item(2, "M-2"))] == [(ItemVerdict.OK, "")]


def test_a_meter_that_comes_back_with_other_keys_is_associated_anew() -> None:
    site = Site()
    headend = HeadEnd.in_session(site)
    headend.carried_out(an_item(1))

    site.concentrator.remove_meter("M-1")
    site.meters["M-1"].faults.keys = OTHER_KEYS
    site.wires["M-1"].line = site.meters["M-1"].line()
    site.concentrator.add_meter("M-1", MeterAccess(keys=OTHER_KEYS, title=METER_TITLE))

    assert [outcome(result) for result in headend.carried_out(an_item(2))] == [(ItemVerdict.OK, "")]


def test_an_unreachable_meter_is_called_until_it_answers() -> None:
    site = Site()
    meter, wire = site.meters["M-1"], site.wires["M-1"]
    meter.faults.silent = True
    headend = HeadEnd.in_session(site)
    headend.carried_out(an_item(1))
    before = len(wire.seen)

    site.pass_time(timedelta(minutes=2))
    called = len(wire.seen) - before
    silent = headend.rows()[0].reachable
    meter.faults.silent = False
    site.pass_time(timedelta(minutes=1))

    assert 2 <= called <= 5
    assert not silent
    assert headend.rows()[0].reachable
    assert headend.rows()[0].last_seen is not None


def test_a_probe_speaks_to_the_public_client_only() -> None:
    site = Site(keys=None)
    site.memory.table["M-1"].reachable = False
    site.concentrator.advance(NOON)

    site.pass_time(timedelta(seconds=61))

    (probe, *_) = site.wires["M-1"].seen
    assert probe[0] == 0x60, "an AARQ"
    assert site.memory.table["M-1"].reachable
    assert PUBLIC_CLIENT == 16


def test_more_meters_than_kept_associations_are_all_served() -> None:
    numbers = [f"M-{place}" for place in range(CLIENTS_MAX + 3)]
    site = Site(*numbers)
    headend = HeadEnd.in_session(site)
    items = [an_item(place + 1, number) for place, number in enumerate(numbers)]

    for first in range(0, len(items), 200):
        headend.submit(*items[first : first + 200])
    site.run()
    results = headend.pushed()
    again = headend.carried_out(an_item(len(items) + 1, numbers[0]))

    assert {result.verdict for result in [*results, *again]} == {ItemVerdict.OK}
    assert len(results) == len(numbers)


@pytest.mark.parametrize(("priority", "is_urgent"), [(0, False), (1, True)])
def test_a_concentrator_carries_the_priority_on_to_the_meter(priority: int, is_urgent: bool) -> None:
    assert Begun.of(an_item(1, "M-1", priority=priority), timedelta()).task.is_urgent is is_urgent
