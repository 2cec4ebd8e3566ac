"""What went over the line for an order, in words, through the real process: to the last frame, and without a key."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import Scene, live_scene

DELEGATED, TRANSPARENT, DIRECT, WRONG = "801", "802", "803", "804"
PLAN = TownPlan(
    name="frames",
    concentrator=(
        ConcentratorPlan(number="CT-8", meter=(MeterPlan(number=DELEGATED),)),
        ConcentratorPlan(number="CT-9", link="transparent", meter=(MeterPlan(number=TRANSPARENT),)),
    ),
    meter=(MeterPlan(number=DIRECT), MeterPlan(number=WRONG)),
)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with live_scene(tmp_path / "data", PLAN) as scene:
        yield scene


async def words_of(scene: Scene, meter: str) -> list[str]:
    """Of all frames of all visits, a line each."""
    document = await scene.system.order(f"OS-{meter}/frames")
    return [line.strip() for visit in document["visits"] for frame in visit["frames"] for line in frame["words"]]


@pytest.mark.parametrize("meter", [DIRECT, TRANSPARENT])
async def test_every_frame_of_a_verified_order_is_told_in_words_and_no_key_is(scene: Scene, meter: str) -> None:
    await scene.send(meter, 2500)
    await scene.answer()

    words = await words_of(scene, meter)

    told = "\n".join(words)
    assert told.count("set-request: normal") == 1
    assert "data: double-long-unsigned 2500" in told
    assert told.count("attribute: 4 threshold_normal") == 3
    assert "mechanism-name: HLS, GMAC" in told
    assert "the key fits" in told
    assert not any("not deciphered" in line or "not decoded" in line for line in words)
    keys = scene.town.meters[meter].settings.keys
    assert not any(key.octets.hex() in told for key in keys.present())


async def test_a_concentrator_that_visits_by_itself_keeps_its_frames(scene: Scene) -> None:
    await scene.send(DELEGATED, 2500)
    await scene.answer()
    assert await words_of(scene, DELEGATED) == []


async def test_under_a_wrong_key_it_is_seen_that_the_key_does_not_fit(scene: Scene) -> None:
    scene.town.meters[WRONG].faults.keys = scene.town.meters[DIRECT].settings.keys
    await scene.send(WRONG, 2500)
    await scene.answer()

    words = await words_of(scene, WRONG)

    assert any(line.endswith("glo-initiate-request") for line in words)
    assert not any("set-request" in line for line in words)


@pytest.mark.parametrize(("meter", "priority"), [(DIRECT, "high"), (TRANSPARENT, "normal")])
async def test_an_urgent_order_tells_the_meter_so_in_every_request(scene: Scene, meter: str, priority: str) -> None:
    await scene.send(meter, 2500, priority=priority)
    await scene.answer()

    document = await scene.system.order(f"OS-{meter}/frames")

    told = [
        [line.strip() for line in frame["words"]]
        for visit in document["visits"]
        for frame in visit["frames"]
        if frame["from"] == "HeadEnd"
    ]
    asked = [lines for lines in told if any(line.endswith("threshold_normal") for line in lines)]
    assert len(asked) == 3
    assert all(any(f"{priority} priority" in line for line in lines) for lines in asked)
