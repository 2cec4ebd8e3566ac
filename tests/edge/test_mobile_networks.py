"""Devices behind mobile networks, through the real process: later answers, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aforo.cim.message import Result
from aforo.simulator.media import NetworkPlan
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import Scene, count_sets, live_scene

DELEGATED, TRANSPARENT, DIRECT, DATAGRAMS, HDLC = "501", "502", "503", "504", "505"
PLAN = TownPlan(
    name="mobile",
    network=(NetworkPlan(name="slow", round_trip_ms=20, jitter_ms=20),),
    concentrator=(
        ConcentratorPlan(number="C-1", network="slow", meter=(MeterPlan(number=DELEGATED),)),
        ConcentratorPlan(number="C-2", network="slow", link="transparent", meter=(MeterPlan(number=TRANSPARENT),)),
    ),
    meter=(
        MeterPlan(number=DIRECT, network="slow"),
        MeterPlan(number=DATAGRAMS, network="slow", framing="udp"),
        MeterPlan(number=HDLC, network="slow", framing="hdlc"),
    ),
)


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with live_scene(tmp_path / "data", PLAN) as scene:
        count_sets(scene, monkeypatch)
        yield scene


@pytest.mark.parametrize("meter", [DELEGATED, TRANSPARENT, DIRECT, DATAGRAMS, HDLC])
async def test_an_order_is_carried_out_once_over_every_kind_of_link(scene: Scene, meter: str) -> None:
    assert await scene.send(meter, 2500) == "0.3"

    answer = await scene.answer()

    assert (answer.reply.result, answer.error.code) == (Result.OK, "0.0")
    assert (scene.town.meters[meter].threshold_w, len(scene.sets)) == (2500, 1)
