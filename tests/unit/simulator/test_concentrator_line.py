"""The concentrator's line: how much it does at a time, and which meters it holds for unreachable."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest

from aforo.dclink.messages import ItemVerdict
from aforo.domain.causes import Cause
from aforo.flow.device_client import PUBLIC_CLIENT
from aforo.simulator.concentrator_line import EXCHANGES_PER_TURN
from unit.simulator.driven_concentrator import SET_TAG, Crash, HeadEnd, MeterWire, Site, an_item
from unit.simulator.driven_meter import NOON, OTHER_KEYS, SECOND

MANY = 40
"""Meters whose first orders take more exchanges than one call of `advance` makes."""


@dataclass
class NoisyWire(MeterWire):
    """answers: whether the answer to a client's exchange arrives; the exchange's place is counted from 1."""

    answers: Callable[[int, int], bool] = lambda client_sap, place: True

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        answer = super().respond(client_sap, server_sap, apdu, now)
        return answer if self.answers(client_sap, len(self.seen)) else None


def noisy_site(answers: Callable[[int, int], bool]) -> Site:
    site = Site()
    site.wires["M-1"] = NoisyWire(site.meters["M-1"].line(), answers=answers)
    return site


def exchanges(site: Site) -> int:
    return sum(len(wire.seen) for wire in site.wires.values())


def test_one_call_does_a_bounded_piece_of_work_and_asks_to_be_called_again_at_once() -> None:
    numbers = [f"M-{place}" for place in range(MANY)]
    site = Site(*numbers)
    headend = HeadEnd.in_session(site)

    headend.submit(*(an_item(place + 1, number) for place, number in enumerate(numbers)))
    pieces = [exchanges(site)]
    while site.concentrator.next_deadline() == NOON:
        site.concentrator.advance(NOON)
        pieces.append(exchanges(site) - sum(pieces))

    assert len(pieces) > 1
    assert max(pieces) <= EXCHANGES_PER_TURN + 1, "and the one that is begun last"
    assert site.concentrator.next_deadline() is None
    assert [result.verdict for result in headend.pushed()] == [ItemVerdict.OK] * MANY


def test_an_exchange_is_answered_after_the_line_s_delay_and_no_other_begins_before() -> None:
    site = Site("M-1", "M-2", line_delay=SECOND)
    headend = HeadEnd.in_session(site)
    headend.submit(an_item(1, "M-1"), an_item(2, "M-2"))

    begun = []
    for _ in range(10):
        begun.append(exchanges(site))
        site.now += SECOND / 2
        site.concentrator.advance(site.now)

    assert begun == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert site.concentrator.next_deadline() == NOON + 6 * SECOND


def test_a_meter_that_falls_silent_in_the_middle_of_an_order_is_unreachable() -> None:
    site = noisy_site(lambda _, place: place <= 6)
    headend = HeadEnd.in_session(site)

    (result,) = headend.carried_out(an_item(1))

    (row,) = headend.rows()
    assert (result.verdict, result.cause) == (ItemVerdict.KO, Cause.METER_UNREACHABLE.value)
    assert (row.reachable, row.last_seen) == (False, NOON)


def test_a_meter_that_ignores_our_keys_and_answers_its_public_client_is_not_unreachable() -> None:
    site = noisy_site(lambda client_sap, _: client_sap == PUBLIC_CLIENT)
    headend = HeadEnd.in_session(site)

    (result,) = headend.carried_out(an_item(1))

    assert result.cause == Cause.WRONG_KEY.value
    assert headend.rows()[0].reachable


def test_a_meter_that_answers_is_not_unreachable_though_the_outcome_is_unknown() -> None:
    """The power fails behind the SET; before it is back, the meter is given other keys, and says so."""
    site = Site()
    wire = site.wires["M-1"]
    HeadEnd.in_session(site).carried_out(an_item(1))
    set_at = next(place for place, apdu in enumerate(wire.seen) if apdu[0] == SET_TAG)
    site = Site()
    site.wires["M-1"].crash_at = set_at
    with pytest.raises(Crash):
        HeadEnd.in_session(site).submit(an_item(1))
    site.meters["M-1"].faults.keys = OTHER_KEYS

    site.start()
    headend = HeadEnd.in_session(site, 2)

    (result,) = headend.pending()
    assert (result.verdict, result.cause) == (ItemVerdict.UNKNOWN, Cause.OUTCOME_UNKNOWN.value)
    assert headend.rows()[0].reachable


def test_a_busy_concentrator_takes_no_new_order_and_knows_the_old_ones() -> None:
    site = Site("M-1", "M-2", line_delay=SECOND)
    headend = HeadEnd.in_session(site)
    headend.submit(an_item(1, "M-1"))

    site.concentrator.ledger.is_busy = True
    answers = headend.submit(an_item(1, "M-1"), an_item(2, "M-2"))
    site.concentrator.ledger.is_busy = False

    assert [(answer.taken, answer.cause) for answer in answers] == [(True, ""), (False, "CONCENTRATOR_FAULT")]
    assert headend.submit(an_item(2, "M-2"))[0].taken
