"""`aforo order import`: many orders at once, each taken or refused for itself, and none twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

from aforo.adapters.order_intake_api import OrderRow
from aforo.app.main import main
from aforo.domain.order_kinds import KINDS
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import TOKEN, WAIT_S, Scene, live_scene

METERS = tuple(MeterPlan(number=f"1{place:02}") for place in range(20))
PLAN = TownPlan(name="one", concentrator=(ConcentratorPlan(number="C-1", meter=METERS),))
HEAD = "order,meter,kind,limit_w,special,priority\n"


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setenv("AFORO_TOKEN", TOKEN)
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    async with live_scene(tmp_path / "data", PLAN) as scene:
        yield scene


async def imported(scene: Scene, file: Path, *words: str) -> int:
    command = ["order", "import", str(file), "--url", scene.system.url, "--source", "CIS"]
    return await asyncio.to_thread(main, [*command, "--reply-address", scene.legacy.address, *words])


async def test_every_line_is_ordered_and_answered_and_a_second_run_repeats_nothing(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(HEAD + "".join(f"N-{one.number},{one.number},limit,2500,mass,\n" for one in METERS))

    for _ in range(2):
        assert await imported(scene, file, "--json") == 0
        assert json.loads(capsys.readouterr().out) == {"accepted": 20, "refused": []}

    async with asyncio.timeout(WAIT_S):
        while len(scene.legacy.message_ids) < len(METERS):
            scene.legacy.came.clear()
            await scene.legacy.came.wait()
    assert {scene.town.meters[one.number].threshold_w for one in METERS} == {2500}
    assert len(scene.legacy.message_ids) == len(METERS)


async def test_a_line_that_is_refused_says_why_and_holds_back_no_other(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.csv"
    lines = (
        "N-1,100,LIMIT,2500,mass,high",
        "N-2,999,LIMIT,2500,mass,",
        "N-3,101,MELT,2500,mass,",
        "N-4,102,LIMIT,,mass,",
        "N-5,103,RECONNECT,,,",
        "N-6,104,LIMIT,much,mass,",
    )
    file.write_text(HEAD + "\n".join(lines))

    assert await imported(scene, file) == 1

    told = capsys.readouterr().out.splitlines()
    assert told[-1] == "2 accepted, 4 refused"
    assert [line.split(": ")[1] for line in told[:-1]] == ["N-2", "N-3", "N-4", "N-6"]
    assert f"{file}:3: N-2: 2.4 " in told[0]
    assert "kind: Input should be" in told[1]
    assert "1.7 PowerLimit is missing." in told[2]
    assert "limit_w: Input should be a valid integer" in told[3]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("order,limit_w\nN-1,2500\n", ":1: meter: This column is missing."),
        ("order,meter,colour\nN-1,100,red\n", ":1: colour: Unknown column"),
        ("order,meter\nN-1,100,2500\n", ":2: "),
        ("order,meter\n", "has no rows"),
    ],
)
def test_a_file_that_is_none_orders_nothing(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    file = tmp_path / "orders.csv"
    file.write_text(text)

    assert main(["order", "import", str(file), "--url", "http://127.0.0.1:9"]) == 1
    assert words in capsys.readouterr().err


def test_every_kind_that_can_be_ordered_can_be_imported() -> None:
    kinds = get_args(OrderRow.model_fields["kind"].annotation)
    assert set(kinds) == {kind.name for kind in KINDS.values() if kind.control_type}
