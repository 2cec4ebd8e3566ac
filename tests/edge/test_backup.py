"""A backup of a running system: tried, restored, and what must not be used twice goes on far above."""

import asyncio
import json
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from aforo.adapters.postgres import backup
from aforo.adapters.postgres.embedded import EmbeddedPostgres
from aforo.app.main import main
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import Scene, live_scene

PLAN = TownPlan(name="one", concentrator=(ConcentratorPlan(number="C-1", meter=(MeterPlan(number="101"),)),))


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    monkeypatch.delenv("AFORO_DATABASE_URL", raising=False)
    async with live_scene(tmp_path / "data", PLAN) as scene:
        assert await scene.send("101") == "0.3"
        await scene.answer()
        yield scene


async def aforo(*words: str) -> tuple[int, str]:
    """In a process of its own: exit code, and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aforo", *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode()


async def test_what_a_running_system_held_is_there_again(scene: Scene, tmp_path: Path) -> None:
    file, data, restored = tmp_path / "one.aforo", str(tmp_path / "data"), str(tmp_path / "restored")

    code, told = await aforo("backup", "make", str(file), "--data", data, "--json")
    assert code == 0, told
    assert (json.loads(told)["rows"]["orders"], file.stat().st_mode & 0o777) == (1, 0o600)
    scene.system.stop()
    held = await _numbers(tmp_path / "data")

    code, told = await aforo("restore", str(file), "--data", restored, "--json")
    assert code == 0, told
    assert json.loads(told)["open_orders"] == 0
    found = await _numbers(tmp_path / "restored")
    assert found["counters"] == [counter + backup.COUNTERS_LEAP for counter in held["counters"]]
    for name in ("fence", "order_id", "epoch"):
        assert found[name] == held[name] + backup.NUMBERS_LEAP

    code, told = await aforo("restore", str(file), "--data", restored)
    assert (code, "not empty" in told) == (1, True)


async def _numbers(data: Path) -> dict[str, Any]:
    with EmbeddedPostgres.start(data / "postgres") as server:
        connection = await asyncpg.connect(**server.connect_arguments())
        counters = await connection.fetch("SELECT next FROM invocation_counters ORDER BY device")
        numbers = {
            "counters": [row["next"] for row in counters],
            "fence": await connection.fetchval("SELECT last_value FROM fences"),
            "order_id": await connection.fetchval("SELECT last_value FROM order_ids"),
            "epoch": await connection.fetchval("SELECT max(epoch) FROM lane_epochs"),
        }
        await connection.close()
    return numbers


@pytest.fixture
async def made(scene: Scene, tmp_path: Path) -> Path:
    file = tmp_path / "one.aforo"
    code, told = await aforo("backup", "make", str(file), "--data", str(tmp_path / "data"))
    assert code == 0, told
    return file


def rewritten(file: Path, **changes: Any) -> Path:
    """The same dump under another manifest."""
    other = file.with_name("other.aforo")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(other, "w") as new:
        manifest = json.loads(old.read("manifest.json"))
        new.writestr("manifest.json", json.dumps({**manifest, **changes}))
        new.writestr("database.dump", old.read("database.dump"))
    return other


async def test_a_backup_is_tried_elsewhere(made: Path) -> None:
    code, told = await aforo("backup", "verify", str(made))
    assert (code, "0 findings in the audit trail; it can be restored" in told) == (0, True)


@pytest.mark.parametrize("changes", [{"rows": {"orders": 2}}, {"last_seal": [1, "00" * 32]}])
async def test_one_that_does_not_hold_what_it_says_is_found_out(made: Path, changes: dict[str, Any]) -> None:
    code, told = await aforo("backup", "verify", str(rewritten(made, **changes)))
    assert (code, "DO NOT rely on it" in told) == (1, True)


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "no.aforo"
    file.write_bytes(b"PK")
    for words in (["backup", "verify", str(file)], ["restore", str(file), "--data", str(tmp_path / "new")]):
        assert main(words) == 1
        assert "is no backup of aforo's" in capsys.readouterr().err
    assert main(["backup", "make", str(file)]) == 2
    assert not (tmp_path / "new").exists()


def test_a_password_is_not_among_the_words_that_everybody_sees() -> None:
    words, environment = backup.way_to({"dsn": "postgresql://me:p%40ss@db.example:5433/aforo?sslmode=require"})

    assert words == ["--dbname=postgresql://me@db.example:5433/aforo?sslmode=require"]
    assert environment == {"PGPASSWORD": "p@ss"}
