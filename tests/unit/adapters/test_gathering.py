"""Gathering: a call that is alone waits for nobody, and calls under load wait a little for each other."""

import asyncio
from collections.abc import Sequence

from aforo.adapters.postgres.group_commit import BATCH_MAX, CROWD, PACE_S, Gathering
from unit.engine.virtual_time import in_virtual_time

WORK_S = 0.001
CROWDED = list(range(CROWD + 1))


class Batches:
    """What was carried out together, and when that began."""

    def __init__(self) -> None:
        self.begun: list[tuple[float, list[int]]] = []
        self.gathering: Gathering[int, int] = Gathering(self._carry_out)

    async def _carry_out(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.begun.append((round(asyncio.get_running_loop().time(), 6), list(items)))
        await asyncio.sleep(WORK_S)
        return items

    async def ask(self, item: int, *, at: float) -> None:
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        assert await self.gathering.submit(item) == item


def test_calls_one_after_the_other_never_wait() -> None:
    async def play() -> None:
        batches = Batches()
        for item in range(3):
            await batches.ask(item, at=item * WORK_S)

        assert batches.begun == [(0.0, [0]), (WORK_S, [1]), (2 * WORK_S, [2])]

    in_virtual_time(play())


async def crowd(batches: Batches, *, at: float) -> None:
    await asyncio.gather(*(batches.ask(item, at=at) for item in CROWDED))


def test_a_few_at_a_time_wait_only_for_the_batch_under_way() -> None:
    async def play() -> None:
        batches = Batches()
        await asyncio.gather(*(batches.ask(item, at=item * WORK_S / 2) for item in range(6)))

        assert batches.begun == [(0.0, [0]), (WORK_S, [1, 2]), (2 * WORK_S, [3, 4]), (3 * WORK_S, [5])]

    in_virtual_time(play())


def test_after_a_crowd_the_next_batch_gathers_a_little_longer() -> None:
    async def play() -> None:
        batches = Batches()
        later = (batches.ask(item, at=item * WORK_S) for item in range(1, 5))
        await asyncio.gather(crowd(batches, at=0), *later)

        assert batches.begun == [(0.0, CROWDED), (WORK_S + PACE_S, [1, 2, 3, 4])]

    in_virtual_time(play())


def test_a_batch_that_is_full_gathers_no_longer() -> None:
    async def play() -> None:
        batches = Batches()
        full = (batches.ask(item, at=WORK_S / 2) for item in range(BATCH_MAX))
        await asyncio.gather(crowd(batches, at=0), *full)

        assert [(at, len(items)) for at, items in batches.begun] == [(0.0, len(CROWDED)), (WORK_S, BATCH_MAX)]

    in_virtual_time(play())


def test_who_is_alone_after_a_crowd_waits_once_at_most() -> None:
    async def play() -> None:
        batches = Batches()
        await crowd(batches, at=0)
        await batches.ask(2, at=1)
        await batches.ask(3, at=2)

        assert batches.begun == [(0.0, CROWDED), (1 + PACE_S, [2]), (2.0, [3])]

    in_virtual_time(play())
