"""The ladder above "verified": the meter's own demand proves that a limit is kept, or that it is not."""

from datetime import timedelta

import pytest

from aforo.domain.causes import Cause
from aforo.domain.devices import Link
from aforo.domain.order import Order
from aforo.domain.order_kinds import LIMIT, PROVE
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit
from aforo.engine.dispatcher import Dispatcher
from aforo.flow.proof_of_effect import Rung, rung_of
from aforo.flow.step1_receive_order import plan_proof
from aforo.simulator.meter import Meter
from cases import a_request, an_order
from unit.engine.engine_situations import HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLines, a_concentrator
from unit.simulator.driven_meter import a_meter

HOUR = 3600
BOARD = "concentrator:C-1"


class Scene:
    """A limit of 2500 W at a meter behind a concentrator, and the order that is to prove it."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.headend = HeadEnd()
        self.lines = SimulatedLines(self.headend.clock)
        object.__setattr__(self.headend.ports, "lines", self.lines)
        self.concentrator = self.lines.devices["C-1"] = a_concentrator({"M-1": meter})

    async def begin(self) -> tuple[Order, Order]:
        headend = self.headend
        self.meter.advance(headend.start)
        await headend.concentrator()
        await headend.linked_meter(Link.DELEGATED)
        limiting = await headend.order(lane=BOARD, request=a_request(limit=PowerLimit(2_500)))
        planned = plan_proof(limiting, await headend.orders.new_order_id(), headend.start)
        return limiting, await headend.book.receive(planned)

    async def until(self, seconds: float) -> None:
        dispatcher = Dispatcher(self.headend.ports, self.headend.reports, leases=alone())
        self.headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(seconds)


def test_a_limit_under_which_the_customer_stays_is_effective() -> None:
    async def run() -> None:
        scene = Scene(a_meter(1_900))
        limiting, proof = await scene.begin()
        await scene.until(HOUR)

        limit, proved = await scene.headend.now(limiting), await scene.headend.now(proof)
        assert limit.state is OrderState.VERIFIED
        assert (proved.kind, proved.state) == (PROVE, OrderState.VERIFIED)
        assert proved.evidence is not None
        assert (proved.evidence["demand_w"], proved.evidence["period_s"]) == ("1900", 900)
        assert rung_of(limit, proved) is Rung.EFFECTIVE
        assert proved.ended_at is not None
        assert limit.ended_at is not None
        assert proved.ended_at >= limit.ended_at + timedelta(minutes=30)

    in_virtual_time(run())


def test_a_demand_above_the_limit_is_a_breach_that_the_commercial_system_is_told() -> None:
    """The meter shows the limit, and its control mode lets nothing open."""

    async def run() -> None:
        scene = Scene(a_meter(4_000, control_mode=0))
        limiting, proof = await scene.begin()
        await scene.until(HOUR)

        limit, proved = await scene.headend.now(limiting), await scene.headend.now(proof)
        assert limit.state is OrderState.VERIFIED
        assert (proved.state, proved.cause) == (OrderState.FAILED, Cause.BREACHED)
        assert proved.detail == "the demand was 4000 W, the limit is 2500 W"
        assert rung_of(limit, proved) is Rung.BREACHED
        assert any(body["data"]["cause"] == "BREACHED" for body in _results(scene.headend))

    in_virtual_time(run())


def test_a_meter_that_has_tripped_proves_its_limit() -> None:
    async def run() -> None:
        scene = Scene(a_meter(4_000, control_mode=4, min_over_threshold_s=1_700))
        _, proof = await scene.begin()
        await scene.until(HOUR)

        proved = await scene.headend.now(proof)
        assert proved.state is OrderState.VERIFIED
        assert proved.evidence is not None
        assert proved.evidence["breaker"] != "connected"

    in_virtual_time(run())


def test_what_was_never_limited_has_nothing_to_be_proved() -> None:
    async def run() -> None:
        scene = Scene(a_meter(1_000))
        scene.meter.faults.silent = True
        limiting, proof = await scene.begin()
        await scene.until(9 * HOUR)

        assert (await scene.headend.now(limiting)).state is OrderState.FAILED
        ended = await scene.headend.now(proof)
        assert (ended.state, ended.cause) == (OrderState.CANCELLED, Cause.CANCELLED)

    in_virtual_time(run())


def test_another_limit_since_then_ends_the_proof() -> None:
    async def run() -> None:
        scene = Scene(a_meter(1_000))
        limiting, proof = await scene.begin()
        await scene.until(60)
        await scene.headend.order(lane=BOARD, request=a_request(limit=PowerLimit(6_000)))
        await scene.until(HOUR)

        assert (await scene.headend.now(limiting)).state is OrderState.VERIFIED
        ended = await scene.headend.now(proof)
        assert ended.state is OrderState.CANCELLED
        assert ended.detail == "another limit, 6000 W, is in force"

    in_virtual_time(run())


def test_it_waits_until_a_whole_period_lies_behind_the_limit() -> None:
    async def run() -> None:
        scene = Scene(a_meter(1_000))
        _, proof = await scene.begin()
        await scene.until(30 * 60)

        waiting = await scene.headend.now(proof)
        assert (waiting.state, waiting.cause) == (OrderState.HELD, Cause.AWAITING_PROOF)

    in_virtual_time(run())


@pytest.mark.parametrize(
    ("state", "evidence", "rung"),
    [
        (OrderState.VALIDATED, None, Rung.NONE),
        (OrderState.IN_PROGRESS, None, Rung.DELIVERED),
        (OrderState.UNCONFIRMED, None, Rung.DELIVERED),
        (OrderState.FAILED, {"written": 2500}, Rung.WRITTEN),
        (OrderState.VERIFIED, {"written": 2500}, Rung.VERIFIED),
    ],
)
def test_the_rungs_below(state: OrderState, evidence: dict[str, object] | None, rung: Rung) -> None:
    order = an_order(state, evidence=evidence)

    assert order.kind is LIMIT
    assert rung_of(order, None) is rung


def _results(headend: HeadEnd) -> list[dict[str, dict[str, object]]]:
    return [result.body for result in headend.orders.results.values()]
