"""`aforo status`, health, readiness and metrics of a running system that has done an order."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aforo.app.main import main
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import TOKEN, Scene, live_scene

PLAN = TownPlan(name="one", concentrator=(ConcentratorPlan(number="C-1", meter=(MeterPlan(number="101"),)),))


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setenv("AFORO_TOKEN", TOKEN)
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    async with live_scene(tmp_path / "data", PLAN) as scene:
        assert await scene.send("101") == "0.3"
        await scene.answer()
        yield scene


async def test_it_tells_how_it_stands(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(main, ["status", "--url", scene.system.url, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ended_last_minute"], told["processes"], told["due"]) == (1, 1, 0)
    assert (told["open"], told["lanes"], told["done_in_s"]) == ({}, [], 0)

    assert await asyncio.to_thread(main, ["status", "--url", scene.system.url]) == 0
    assert "1 in the last minute" in capsys.readouterr().out


async def test_prometheus_finds_what_it_did_under_names_that_are_few(scene: Scene) -> None:
    async with scene.system.api() as api:
        page = (await api.get("/metrics")).text

    assert re.search(r'^aforo_orders_received_total\{kind="LIMIT"\} 1\.0$', page, re.MULTILINE)
    assert re.search(r'^aforo_orders_ended_total\{cause="",kind="LIMIT",state="VERIFIED"\} 1\.0$', page, re.MULTILINE)
    assert re.search(r'^aforo_facts_total\{name="LegacyAnswered"\} 1\.0$', page, re.MULTILINE)
    assert re.search(r"^aforo_processes 1\.0$", page, re.MULTILINE)
    assert '"101"' not in page, "a meter's number is no label"


async def test_whoever_keeps_it_running_needs_no_token(scene: Scene) -> None:
    async with scene.system.api() as api:
        answers = [await api.get(path, headers={"authorization": ""}) for path in ("/health", "/ready", "/metrics")]

    assert [answer.status_code for answer in answers] == [200, 200, 401]
