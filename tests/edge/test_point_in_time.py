"""The database as it was at a chosen moment: what was accepted before is there, what came later is not."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.embedded_situations import until
from edge.live_system import TOKEN, WAIT_S, LiveSystem, Scene, live_scene
from edge.test_backup import aforo

METERS = ("101", "102", "103")
PLAN = TownPlan(
    name="three",
    concentrator=(ConcentratorPlan(number="C-1", meter=tuple(MeterPlan(number=number) for number in METERS)),),
)


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    monkeypatch.delenv("AFORO_DATABASE_URL", raising=False)
    async with live_scene(tmp_path / "data", PLAN) as scene:
        yield scene


@contextmanager
def following(log: Path, data: Path) -> Iterator[None]:
    """Ended with SIGTERM."""
    command = [sys.executable, "-m", "aforo", "backup", "follow", str(log), "--data", str(data)]
    with subprocess.Popen(command) as follower:
        try:
            until(lambda: any(log.glob("*.partial")))
            yield
        finally:
            follower.send_signal(signal.SIGTERM)
            assert follower.wait(WAIT_S) == 0


async def carried_out(scene: Scene, meter: str) -> None:
    before = len(scene.legacy.answers)
    assert await scene.send(meter) == "0.3"
    async with asyncio.timeout(WAIT_S):
        while len(scene.legacy.answers) == before:
            scene.legacy.came.clear()
            await scene.legacy.came.wait()


async def test_orders_until_the_moment_are_there_and_later_ones_are_not(scene: Scene, tmp_path: Path) -> None:
    base, log, data = tmp_path / "base", tmp_path / "log", tmp_path / "data"
    await carried_out(scene, "101")
    code, told = await aforo("backup", "base", str(base), "--data", str(data))
    assert code == 0, told
    with following(log, data):
        await carried_out(scene, "102")
        moment = datetime.now(UTC)  # noqa: TID251 (by the database's own clock)
        await carried_out(scene, "103")
        scene.system.stop()

    recovered = str(tmp_path / "recovered")
    code, told = await aforo(
        "backup", "recover", str(base), "--log", str(log), "--to", "2100-01-01T00:00Z", "--data", recovered
    )
    assert code == 1, told
    assert not (tmp_path / "recovered" / "postgres").exists(), "nothing half-way is taken for the system's own"

    code, told = await aforo(
        "backup", "recover", str(base), "--log", str(log), "--to", moment.isoformat(), "--data", recovered, "--json"
    )
    assert code == 0, told
    assert json.loads(told)["open_orders"] == 0
    assert await _orders(Path(recovered)) == {"OS-101": "VERIFIED", "OS-102": "VERIFIED"}

    last = str(tmp_path / "last")
    code, told = await aforo("backup", "recover", str(base), "--log", str(log), "--data", last)
    assert code == 0, told
    assert set(await _orders(Path(last))) == {"OS-101", "OS-102", "OS-103"}
    code, told = await aforo("backup", "recover", str(base), "--log", str(log), "--data", last)
    assert (code, "empty data folder" in told) == (1, True)


async def _orders(data: Path) -> dict[str, str]:
    """Of a system that runs on it, whose audit trail holds."""
    system = LiveSystem(data)
    await system.start()
    try:
        async with system.api() as api:
            listed = (await api.get("/orders", params={"limit": 100})).json()["orders"]
        code, told = await asyncio.to_thread(_verified, system.url)
        assert code == 0, told
    finally:
        system.stop()
    return {order["number"]: order["state"] for order in listed}


def _verified(url: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "aforo", "audit", "verify", "--url", url]
    ended = subprocess.run(
        command, env={**os.environ, "AFORO_TOKEN": TOKEN}, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout


async def test_what_is_no_base_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    (tmp_path / "log").mkdir()
    code, told = await aforo(
        "backup", "recover", str(tmp_path), "--log", str(tmp_path / "log"), "--data", str(tmp_path / "new")
    )
    assert (code, "is no base backup" in told) == (1, True)
    assert not (tmp_path / "new" / "postgres").exists()
