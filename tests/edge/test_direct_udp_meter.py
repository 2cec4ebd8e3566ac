"""A point-to-point meter that speaks the wrapper over UDP, through the real process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aforo.cim.message import Result
from aforo.simulator.town_plan import MeterPlan, TownPlan
from edge.live_system import Scene, count_sets, live_scene

GOOD, FORGETFUL, SILENT = "501", "502", "503"
PLAN = TownPlan(
    name="datagrams",
    meter=(
        MeterPlan(number=GOOD, framing="udp"),
        MeterPlan(number=FORGETFUL, framing="udp", swallows_answer=True),
        MeterPlan(number=SILENT, framing="udp", silent=True),
    ),
)


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with live_scene(tmp_path / "data", PLAN) as scene:
        count_sets(scene, monkeypatch)
        yield scene


@pytest.mark.parametrize("meter", [GOOD, FORGETFUL])
async def test_an_order_goes_over_udp_once_and_is_read_back_even_when_its_answer_is_lost(
    scene: Scene, meter: str
) -> None:
    assert await scene.send(meter, 2500) == "0.3"

    answer = await scene.answer()

    assert (answer.reply.result, answer.error.code) == (Result.OK, "0.0")
    assert (scene.town.meters[meter].threshold_w, len(scene.sets)) == (2500, 1)


async def test_a_meter_that_answers_no_datagram_is_unreachable(scene: Scene) -> None:
    await scene.send(SILENT, 2500)

    answer = await scene.answer()

    assert answer.reply.result is Result.FAILED
    assert "METER_UNREACHABLE" in answer.error.details
    assert scene.sets == []
