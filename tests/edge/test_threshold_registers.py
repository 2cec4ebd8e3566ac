"""Meters limited by registers, through the real process: behind a concentrator that does it itself, and direct."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aforo.cim.message import Result
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import Scene, live_scene

DELEGATED, DIRECT = "701", "702"
REGISTERS = {"model": "registers-prime", "threshold_registers": 4}
PLAN = TownPlan(
    name="registers",
    concentrator=(ConcentratorPlan(number="CT-7", meter=(MeterPlan(number=DELEGATED, **REGISTERS),)),),  # type: ignore[arg-type]
    meter=(MeterPlan(number=DIRECT, **REGISTERS),),  # type: ignore[arg-type]
)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with live_scene(tmp_path / "data", PLAN) as scene:
        yield scene


@pytest.mark.parametrize("meter", [DELEGATED, DIRECT])
async def test_an_order_ends_verified_when_every_register_holds_the_limit(scene: Scene, meter: str) -> None:
    await scene.send(meter, 2500)

    answer = await scene.answer()

    assert (answer.reply.result, answer.error.code) == (Result.OK, "0.0")
    limited = scene.town.meters[meter]
    assert [limited.threshold_w, *limited.memory.thresholds] == [2500] * 4
