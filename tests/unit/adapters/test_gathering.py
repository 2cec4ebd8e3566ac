"""Gathering: a call that is alone waits for nobody, and calls under load wait a little for each other."""

import asyncio
from collections.abc import Sequence

from aforo.adapters.postgres.group_commit import PACE_S, Gathering
from unit.engine.virtual_time import in_virtual_time

WORK_S = 0.001


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


def test_after_a_batch_of_several_the_next_gathers_a_little_longer() -> None:
    async def play() -> None:
        batches = Batches()
        calls = [batches.ask(item, at=item * WORK_S / 2) for item in range(6)]
        await asyncio.gather(*calls)

        assert batches.begun == [(0.0, [0]), (WORK_S, [1, 2]), (2 * WORK_S + PACE_S, [3, 4, 5])]

    in_virtual_time(play())


def test_who_is_alone_again_waits_once_at_most() -> None:
    async def play() -> None:
        batches = Batches()
        await asyncio.gather(batches.ask(0, at=0), batches.ask(1, at=0))
        await batches.ask(2, at=1)
        await batches.ask(3, at=2)

        assert batches.begun == [(0.0, [0, 1]), (1 + PACE_S, [2]), (2.0, [3])]

    in_virtual_time(play())
