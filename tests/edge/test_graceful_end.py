"""SIGTERM: what is out comes to its end first, and nothing new is handed out."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import WAIT_S, Scene, count_sets, live_scene

METERS = ("101", "201")
PLAN = TownPlan(
    name="slow lines",
    concentrator=(
        ConcentratorPlan(number="C-1", line_delay_ms=120, meter=(MeterPlan(number="101", limit_w=9000),)),
        ConcentratorPlan(
            number="C-2", link="transparent", line_delay_ms=120, meter=(MeterPlan(number="201", limit_w=9000),)
        ),
    ),
)


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with live_scene(tmp_path / "data", PLAN) as scene:
        count_sets(scene, monkeypatch)
        yield scene


async def is_out(scene: Scene, meter: str) -> bool:
    return (await scene.system.order(f"OS-{meter}"))["state"] in ("dispatched", "in_progress")


@pytest.mark.parametrize("meter", METERS)
async def test_an_order_that_is_out_is_brought_to_its_end_before_the_process_is_gone(scene: Scene, meter: str) -> None:
    assert await scene.send(meter) == "0.3"
    async with asyncio.timeout(WAIT_S):
        while not await is_out(scene, meter):
            pass

    await asyncio.to_thread(scene.system.stop)
    await scene.system.start()

    order = await scene.system.order(f"OS-{meter}")
    told = [fact["name"] for fact in order["facts"]]
    assert (order["state"], order["attempts"]) == ("VERIFIED", 1)
    assert "LinkLost" not in told
    assert told.count("ResultCollected") == 1
    assert len(scene.sets) == 1
