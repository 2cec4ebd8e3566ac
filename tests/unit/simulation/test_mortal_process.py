"""A process that dies: its tasks stop where they are, and what it starts afterwards does not run."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from aforo.engine.ports import StoreUnavailable
from aforo.simulation.durable_ports import Disk, durable
from aforo.simulation.mortal_process import MortalProcess, note_task
from aforo.simulation.virtual_loop import VirtualLoop


class Counter:
    """A store with one call that writes."""

    def __init__(self) -> None:
        self.written = 0

    async def commit(self) -> int:
        self.written += 1
        return self.written


def in_a_process(scene: Callable[[], Awaitable[None]]) -> None:
    loop = VirtualLoop(note_task)
    try:
        loop.run_until_complete(scene())
    finally:
        loop.close()


def a_disk() -> Disk:
    return Disk(Random(1), lambda _: None)


@pytest.mark.parametrize(("dies_at", "written"), [("before commit", 0), ("commit", 0), ("after commit", 1)])
def test_what_was_committed_stays_whether_the_process_heard_of_it_or_not(dies_at: str, written: int) -> None:
    async def scene() -> None:
        store, heard = Counter(), list[int]()
        process = MortalProcess("p", lambda point: point == dies_at)
        port: Any = durable(store, process, a_disk())

        async def write() -> None:
            heard.append(await port.commit())

        process.start(write(), "write")
        await asyncio.sleep(1)

        assert store.written == written
        assert heard == []
        assert not process.is_alive

    in_a_process(scene)


def test_the_tasks_of_its_tasks_die_with_it() -> None:
    async def scene() -> None:
        seen: list[str] = []
        process = MortalProcess("p", lambda _: False)

        async def child() -> None:
            await asyncio.sleep(10)
            seen.append("child")

        async def parent() -> None:
            await asyncio.gather(child(), child())

        process.start(parent(), "parent")
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(60)

        assert seen == []

    in_a_process(scene)


def test_a_full_disk_takes_nothing_and_one_that_is_away_tells_nothing() -> None:
    async def scene() -> None:
        store, disk = Counter(), a_disk()
        port: Any = durable(store, MortalProcess("p", lambda _: False), disk)
        disk.is_full = True
        with pytest.raises(StoreUnavailable):
            await port.commit()
        disk.is_full, disk.is_away = False, True
        with pytest.raises(StoreUnavailable):
            await port.commit()
        disk.is_away = False

        assert await port.commit() == 1

    in_a_process(scene)
