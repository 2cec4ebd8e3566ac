"""Transparent meters: the head-end's own association passes through the concentrator, unread."""

from datetime import timedelta

import pytest

from aforo.dlms import wrapper
from aforo.domain.causes import Cause
from aforo.domain.readback import Verdict
from aforo.flow.device_client import PUBLIC_CLIENT, DeviceAccess, DeviceClient
from aforo.simulator.concentrator_settings import Unreachable
from unit.simulator.driven_concentrator import Gateway, HeadEnd, Site, an_item, public_aarq
from unit.simulator.driven_meter import CLIENT_TITLE, KEYS, METER_TITLE, SECOND, Reader

EXCEPTION = b"\xd8\x01\x01"
"""exception-response: service-not-allowed, operation-not-possible (IEC 62056-5-3)."""

APDU = b"\x60\x03\x01\x02\x03"


def reader_through(site: Site, meter: str = "M-1") -> Reader:
    """A meter reader that holds the meter's keys; the concentrator does not."""
    reader = Reader(Gateway(HeadEnd(site), meter), now=site.now)
    access = DeviceAccess(own_title=CLIENT_TITLE, keys=KEYS, title=METER_TITLE, behind_gateway=True)
    reader.client = DeviceClient(access, challenge=reader._challenge)
    return reader


def test_a_limit_reaches_the_meter_under_keys_that_the_concentrator_does_not_have() -> None:
    site = Site(keys=None, line_delay=timedelta(milliseconds=40))

    result = reader_through(site).limit(2_500)

    assert result.verdict is Verdict.OK
    assert site.meters["M-1"].threshold_w == 2_500


def test_the_apdu_arrives_as_it_was_sent_and_the_answer_as_it_was_given() -> None:
    site = Site(keys=None)
    reader = reader_through(site)

    reader.read()

    assert site.wires["M-1"].seen == reader.heard
    assert len(reader.told) == len(reader.heard)


def test_a_relay_needs_no_association_with_the_concentrator() -> None:
    site = Site(keys=None)

    assert reader_through(site).read().verdict is Verdict.OK
    assert site.memory.client_counter == -1


@pytest.mark.parametrize("meter", ["M-9", "ñ"])
def test_an_unknown_meter_is_answered_with_an_exception_at_once(meter: str) -> None:
    site = Site()
    gateway = Gateway(HeadEnd(site), meter)

    gateway.ask(1, 1, APDU)

    assert gateway.heard() == EXCEPTION


def test_a_silent_meter_is_answered_with_an_exception_after_the_wait() -> None:
    site = Site()
    site.meters["M-1"].faults.silent = True
    gateway = Gateway(HeadEnd(site), "M-1")

    gateway.ask(1, 1, APDU)
    site.pass_time(site.settings.answer_wait - SECOND)
    early = gateway.heard()
    site.pass_time(SECOND)

    assert early is None
    assert gateway.heard() == EXCEPTION


@pytest.mark.parametrize("meter", ["M-1", "M-9"])
def test_a_concentrator_may_be_silent_about_them_instead(meter: str) -> None:
    site = Site(unreachable=Unreachable.SILENCE)
    site.meters["M-1"].faults.silent = True
    gateway = Gateway(HeadEnd(site), meter)

    gateway.ask(1, 1, APDU)
    site.run()

    assert gateway.heard() is None


@pytest.mark.parametrize("unreachable", Unreachable)
def test_the_meter_reader_learns_the_same_from_either(unreachable: Unreachable) -> None:
    site = Site(unreachable=unreachable)
    site.meters["M-1"].faults.silent = True

    result = reader_through(site).limit(2_500)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.METER_UNREACHABLE)


def test_a_meter_heard_through_the_gateway_counts_as_reachable() -> None:
    site = Site(keys=None)
    site.memory.table["M-1"].reachable = False

    reader_through(site).read()

    assert site.memory.table["M-1"].reachable


def test_orders_and_relays_take_turns() -> None:
    """Neither starves the other: between two orders one relay goes, and between two relays one order."""
    site = Site("M-1", "M-2", "M-3", "M-4", line_delay=SECOND)
    headend = HeadEnd.in_session(site)
    gateway = Gateway(HeadEnd(site), "M-4")
    headend.submit(an_item(1, "M-1"), an_item(2, "M-2"), an_item(3, "M-3"))
    for _ in range(3):
        gateway.ask(PUBLIC_CLIENT, 1, public_aarq())

    finished = []
    for _ in range(200):
        site.pass_time(SECOND)
        finished += [str(result.order_id) for result in headend.pushed()]
        finished += ["relay"] * sum(gateway.heard(PUBLIC_CLIENT) is not None for _ in range(3))

    assert finished == ["1", "relay", "2", "relay", "3", "relay"]


def test_more_relays_than_the_queue_holds_are_refused_at_once() -> None:
    site = Site(line_delay=SECOND, relays_max=2)
    gateway = Gateway(HeadEnd(site), "M-1")

    for _ in range(4):
        gateway.ask(PUBLIC_CLIENT, 1, public_aarq())

    assert gateway.heard(PUBLIC_CLIENT) == EXCEPTION
    assert gateway.heard(PUBLIC_CLIENT) is None
    site.run()
    assert [gateway.heard(PUBLIC_CLIENT) is not None for _ in range(4)] == [True, True, True, False]


def test_what_was_asked_by_a_connection_that_is_gone_harms_nobody() -> None:
    site = Site(line_delay=SECOND)
    gone = Gateway(HeadEnd(site), "M-1")
    gone.ask(PUBLIC_CLIENT, 1, public_aarq())

    gone.headend.lose()
    site.run()

    assert gone.headend.connection.outgoing() == b""
    assert reader_through(site).read().verdict is Verdict.OK


def test_a_response_prefix_from_a_client_goes_nowhere() -> None:
    site = Site()
    headend = HeadEnd(site)

    headend.send(wrapper.encode(1, 1, b"\xe7\x00\x03M-1" + APDU))

    assert site.wires["M-1"].seen == []
    assert headend.frames.pop().apdu == b"\xe7\x00\x03M-1" + EXCEPTION


def test_two_clients_of_one_meter_each_get_their_own_answers() -> None:
    site = Site("M-1", "M-2", line_delay=SECOND)
    headend = HeadEnd(site)
    first, second = Gateway(headend, "M-1"), Gateway(headend, "M-2")

    first.ask(PUBLIC_CLIENT, 1, public_aarq())
    second.ask(PUBLIC_CLIENT, 1, public_aarq())
    site.run()

    answers = [second.heard(PUBLIC_CLIENT), first.heard(PUBLIC_CLIENT)]
    assert all(answer is not None and answer[0] == 0x61 for answer in answers), "two AAREs"
