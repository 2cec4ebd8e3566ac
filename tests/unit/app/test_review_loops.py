"""The loops of a running system: one that an error has ended is said, and begins anew."""

import asyncio
from pathlib import Path

import pytest

from aforo.adapters.meter_model_files import load_models
from aforo.app.system import Place
from aforo.domain.meter_models import ModelError
from aforo.engine.headend import keep_running
from unit.engine.virtual_time import in_virtual_time


def test_a_loop_that_breaks_is_reported_and_begins_anew() -> None:
    began: list[int] = []
    told: list[tuple[str, BaseException]] = []

    async def loop() -> None:
        began.append(1)
        if len(began) < 3:
            raise AssertionError("our own mistake")
        await asyncio.sleep(3600)

    async def scene() -> None:
        task = asyncio.create_task(keep_running("relay", loop, lambda name, wrong: told.append((name, wrong))))
        await asyncio.sleep(60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    in_virtual_time(scene())

    assert len(began) == 3
    assert [(name, str(wrong)) for name, wrong in told] == [("relay", "our own mistake")] * 2


def test_a_place_does_not_show_how_its_database_is_reached() -> None:
    assert "secret" not in repr(Place(data=Path(), database={"dsn": "postgresql://aforo:secret@db/aforo"}))


@pytest.mark.parametrize("wrong", ['limiter = "0-0:17"', 'breaker = "switch"', 'name = "señal"'])
def test_a_model_that_no_session_could_use_is_refused_when_it_is_read(tmp_path: Path, wrong: str) -> None:
    named = "" if wrong.startswith("name") else 'name = "own"\n'
    (tmp_path / "own.toml").write_text(f'{named}title = "Own"\n{wrong}\n', encoding="utf-8")

    with pytest.raises(ModelError, match=r"own\.toml"):
        load_models(tmp_path)
