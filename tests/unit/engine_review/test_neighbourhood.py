"""An unreachable meter is told with what its neighbours say: the meter itself, or the line."""

import pytest

from aforo.domain.causes import Cause
from aforo.domain.devices import Link
from aforo.domain.order_states import OrderState
from aforo.engine.dispatcher import Dispatcher
from unit.engine.engine_situations import HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLines, a_concentrator
from unit.simulator.driven_meter import a_meter


@pytest.mark.parametrize(
    ("silent", "words"),
    [
        (0, "47 of 47 neighbours answer: the meter itself"),
        (40, "7 of 47 neighbours answer: the line, or the concentrator"),
    ],
)
def test_the_neighbours_are_evidence(silent: int, words: str) -> None:
    async def run() -> None:
        headend = HeadEnd()
        lines = SimulatedLines(headend.clock)
        object.__setattr__(headend.ports, "lines", lines)
        meters = {f"M-{number}": a_meter() for number in range(1, 49)}
        meters["M-1"].faults.silent = True
        concentrator = lines.devices["C-1"] = a_concentrator(meters)
        for number in range(1, silent + 2):
            concentrator.memory.table[f"M-{number}"].reachable = False
            meters[f"M-{number}"].faults.silent = True
        await headend.concentrator()
        await headend.linked_meter(Link.DELEGATED)
        order = await headend.order(lane="concentrator:C-1")
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(10)

        waiting = await headend.now(order)
        assert (waiting.state, waiting.cause) == (OrderState.VALIDATED, Cause.METER_UNREACHABLE)
        assert waiting.detail == f"unreachable for the concentrator; last seen never; {words}"
        heard = await headend.registry.last_heard((await headend.concentrator()).number)
        assert heard is not None

    in_virtual_time(run())
