"""Virtual time: it jumps, it keeps its order, and waiting for nothing is told."""

import asyncio
from collections.abc import Iterator

import pytest

from aforo.simulation.virtual_loop import NothingWillHappen, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop(lambda *_: None)
    yield made
    made.close()


def test_three_days_pass_at_once(loop: VirtualLoop) -> None:
    loop.run_until_complete(asyncio.sleep(3 * 86_400))

    assert loop.time() == 3 * 86_400


def test_timers_of_one_moment_go_in_the_order_in_which_they_were_set(loop: VirtualLoop) -> None:
    seen: list[int] = []
    for number in range(50):
        loop.call_at(7.0, seen.append, number)

    loop.run_until_complete(asyncio.sleep(8))

    assert seen == list(range(50))


def test_tasks_in_a_set_are_iterated_in_the_order_in_which_they_were_made(loop: VirtualLoop) -> None:
    async def scene() -> list[str]:
        tasks = [loop.create_task(asyncio.sleep(0), name=f"t{number}") for number in range(40)]
        return [task.get_name() for task in set(tasks)]

    assert loop.run_until_complete(scene()) == [f"t{number}" for number in range(40)]


def test_when_everybody_waits_for_nothing_that_is_told(loop: VirtualLoop) -> None:
    with pytest.raises(NothingWillHappen):
        loop.run_until_complete(asyncio.Event().wait())
