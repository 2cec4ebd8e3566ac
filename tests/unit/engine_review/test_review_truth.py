"""What the customer is told is what the meter did, whatever moves, restarts or comes late in between."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from aforo.dlms.events import Request, Response, SetRequest
from aforo.dlms.keys import Key, Keys, SystemTitle
from aforo.dlms.server import Server
from aforo.domain.causes import Cause
from aforo.domain.devices import Address, Link
from aforo.domain.identifiers import ConcentratorNumber, Fence, MeterNumber
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit
from aforo.domain.readback import Verdict
from aforo.domain.retry_plan import RetryPlan
from aforo.engine.dispatcher import Dispatcher
from aforo.flow import step7_collect_result as step7
from aforo.flow.meter_errand import MeterErrand
from aforo.flow.step2_route_to_headend import route_to_headend
from aforo.flow.visit import MeterTask
from aforo.simulator.meter_endpoint import MeterEndpoint
from cases import WEDNESDAY, a_request, an_order
from cases import a_meter as a_registered_meter
from unit.engine.engine_situations import KEYS, HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLine, SimulatedLines, a_concentrator
from unit.simulator.driven_meter import MODEL, NOON, Reader, a_meter

PLAN = RetryPlan.parse("20,120")


@pytest.fixture
def sets(monkeypatch: pytest.MonkeyPatch) -> list[SetRequest]:
    """SET requests that reached any simulated device."""
    seen: list[SetRequest] = []
    answer = Server.answer

    def counted(server: Server, request: Request) -> Response:
        if isinstance(request, SetRequest):
            seen.append(request)
        return answer(server, request)

    monkeypatch.setattr(Server, "answer", counted)
    return seen


def test_a_new_concentrator_that_knows_nothing_of_an_order_is_no_proof_that_it_never_left() -> None:
    """The old one may have carried it out."""
    out = an_order(OrderState.RECONCILING)
    moved = route_to_headend(out, a_registered_meter(concentrator=ConcentratorNumber("C-2")), WEDNESDAY).order

    asked = step7.never_arrived(moved, WEDNESDAY, PLAN).order

    assert asked.state is OrderState.RECONCILING
    assert step7.belongs(asked, Fence(7)), "the old concentrator's own result would still count"


def test_an_order_carried_out_before_its_meter_moved_is_verified_and_never_expired_or_sent_again(
    sets: list[SetRequest],
) -> None:
    async def scene() -> None:
        headend = HeadEnd()
        lines = SimulatedLines(headend.clock)
        object.__setattr__(headend.ports, "lines", lines)
        meter = a_meter(number="M-1")
        hub = lines.devices["C-1"] = a_concentrator({"M-1": meter})
        lines.devices["C-2"] = a_concentrator({"M-1": meter})
        for number in ("C-1", "C-2"):
            await headend.concentrator(number)
        known = await headend.linked_meter(Link.DELEGATED)
        hub.drops_pushes = True
        request = a_request(not_after=headend.start + timedelta(seconds=30))
        order = await headend.order(lane="concentrator:C-1", request=request)
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(5)
            assert meter.threshold_w == 2500
            del lines.devices["C-1"]
            lines.opened[0].is_cut = True
            await headend.registry.put_meters([replace(known, concentrator=ConcentratorNumber("C-2"))], headend.start)
            await second(3600)

        assert (await headend.now(order)).state is OrderState.VERIFIED
        assert len(sets) == 1

    in_virtual_time(scene())


def test_no_set_leaves_after_not_after_however_long_the_way_to_the_meter_was(sets: list[SetRequest]) -> None:
    meter = a_meter()
    reader = Reader(meter.line(), now=NOON + timedelta(minutes=2))
    task = MeterTask("LIMIT", PowerLimit(2500), not_after=NOON + timedelta(minutes=1))

    result = reader.drive(MeterErrand(reader.client).carry_out(task, MODEL))

    assert (result.verdict, result.cause, sets) == (Verdict.KO, Cause.EXPIRED, [])


def test_a_direct_meter_reached_too_late_is_not_commanded_and_the_order_expires(sets: list[SetRequest]) -> None:
    async def scene() -> None:
        headend = HeadEnd()
        lines = SimulatedLines(headend.clock)
        object.__setattr__(headend.ports, "lines", lines)
        await headend.direct_meter()
        keys = Keys(Key(KEYS.encryption_key), Key(KEYS.authentication_key))
        lines.devices["M-1"] = MeterEndpoint(a_meter(title=SystemTitle(KEYS.system_title), keys=keys))
        order = await headend.order(request=a_request(not_after=headend.start + timedelta(seconds=30)))
        at_once = lines.open

        async def slowly(address: Address) -> SimulatedLine:
            await asyncio.sleep(40)
            return await at_once(address)

        lines.open = slowly  # type: ignore[method-assign]  # a modem that has to attach first
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(600)

        assert (await headend.now(order)).state is OrderState.EXPIRED
        assert sets == []

    in_virtual_time(scene())


def test_one_order_whose_result_was_told_before_does_not_make_the_others_unknown() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        lines = SimulatedLines(headend.clock)
        object.__setattr__(headend.ports, "lines", lines)
        meters = {f"M-{number}": a_meter(number=f"M-{number}") for number in (1, 2)}
        hub = lines.devices["C-1"] = a_concentrator(meters, line_delay=timedelta(seconds=60))
        await headend.concentrator()
        known = await headend.linked_meter(Link.DELEGATED)
        await headend.registry.put_meters(
            [replace(known, number=MeterNumber(number)) for number in meters], headend.start
        )
        told, waiting = [await headend.order(f"M-{number}", lane="concentrator:C-1") for number in (1, 2)]
        hub.drops_pushes = True
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(100)
            # As if the first one's result had been acknowledged and lost here.
            begun = hub.memory.begun
            hub.memory.begun = None
            assert begun is not None
            await second(130)
            states = [(await headend.facts_of(order)).count("LinkLost") for order in (told, waiting)]

        assert states == [1, 0]

    in_virtual_time(scene())
