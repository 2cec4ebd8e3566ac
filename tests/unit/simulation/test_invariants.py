"""What the watchers see: counters in requests, and what a meter held when."""

from datetime import datetime, timedelta

import pytest

from aforo.domain.identifiers import MeterNumber, OrderId, OrderNumber
from aforo.domain.order_kinds import LIMIT_REMOVE
from aforo.domain.order_states import OrderState
from aforo.domain.service_calendar import ServiceCalendar
from aforo.simulation.ground_truth import GroundTruth
from aforo.simulation.invariants import AtRest, CountersAreNew, Rules, TheAnswerIsTheEnd, nonce_of
from aforo.simulation.watched_line import Holding
from cases import WEDNESDAY, a_request, an_order

GENERAL_GLO = bytes.fromhex("db0841464f00000000011e3000000145897db58f429b8fd885c498dd72208bdf")


@pytest.mark.parametrize(
    ("apdu", "nonce"),
    [
        (GENERAL_GLO, "41464f0000000001 00000145"),
        (bytes.fromhex("c81e30000000072f"), "00000007"),
        (bytes.fromhex("6014a60a040841464f0000000001be0a0408210630000000 4101"), "41464f0000000001 00000041"),
        (bytes.fromhex("c00141000100002b0101ff0200"), None),
        (b"", None),
    ],
)
def test_the_nonce_of_a_request_is_its_client_s_title_and_counter(apdu: bytes, nonce: str | None) -> None:
    assert nonce_of(apdu) == (None if nonce is None else bytes.fromhex(nonce))


def test_the_same_message_again_is_no_second_use_and_another_one_is() -> None:
    truth = GroundTruth()
    watch = CountersAreNew(truth, Rules(ServiceCalendar(), {}, truth, {}))
    other = GENERAL_GLO[:-1] + b"\x00"

    assert list(watch.heard("M-1", GENERAL_GLO)) == []
    assert list(watch.heard("M-1", GENERAL_GLO)) == []
    assert list(watch.heard("M-2", other)) == []
    assert list(watch.heard("M-1", other)) == ["invocation counter 325 of 41464f0000000001 towards M-1 was used twice"]


def test_what_a_meter_held_in_between() -> None:
    truth, minute = GroundTruth(), timedelta(minutes=1)
    holdings = [Holding(WEDNESDAY + at * minute, "M-1", 1_000 * (at + 1), by_command=True) for at in range(4)]
    truth.holdings["M-1"] = holdings

    seen = truth.held_between(MeterNumber("M-1"), WEDNESDAY + 1.5 * minute, WEDNESDAY + 2 * minute)

    assert [holding.watts for holding in seen] == [2_000, 3_000]


@pytest.mark.parametrize(
    ("ended_at", "companion", "found"),
    [
        (WEDNESDAY, False, False),
        (WEDNESDAY + timedelta(hours=1), False, True),
        (WEDNESDAY + timedelta(hours=1), True, False),
        (None, False, True),
    ],
)
def test_a_temporary_limit_has_the_order_that_ends_it_unless_it_ended_at_the_door(
    ended_at: datetime | None, companion: bool, found: bool
) -> None:
    """Once in 10,000 runs its end had passed while the order was being taken in: it was EXPIRED from the start."""
    truth = GroundTruth()
    watch = TheAnswerIsTheEnd(truth, Rules(ServiceCalendar(), {}, truth, {}))
    limiting = an_order(
        OrderState.EXPIRED if ended_at else OrderState.VALIDATED,
        request=a_request(until=WEDNESDAY),
        received_at=WEDNESDAY,
        ended_at=ended_at,
    )
    truth.orders[limiting.number] = limiting
    if companion:
        request = a_request(number=OrderNumber("END"), kind=LIMIT_REMOVE, limit=None)
        truth.orders[request.number] = an_order(request=request, id=OrderId(77), companion_of=limiting.id)

    assert bool(list(watch.ended(AtRest([], [], [], has_drained=True)))) is found
