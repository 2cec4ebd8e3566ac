"""Roles: whoever holds one is called, here or by the bell."""

import asyncio

from aforo.engine.leases import LeaseKeeper
from aforo.engine.memory_leases import SoleProcess
from aforo.engine.roles import Roles
from unit.engine.virtual_time import in_virtual_time


class Elsewhere(SoleProcess):
    """A bell that tells what was rung, and leases of which others hold some."""

    def __init__(self, *others: str) -> None:
        self.rung: list[str] = []
        self._others = others

    async def take(self, name: str) -> bool:
        return name not in self._others

    def ring(self, subject: str) -> None:
        self.rung.append(subject)


def test_after_it_has_joined_anew_a_process_also_calls_who_has_taken_its_roles_over() -> None:
    async def scene() -> None:
        bell, woken = Elsewhere("role relay"), list[str]()
        roles = Roles(LeaseKeeper(bell, lambda *_: None), bell, frozenset({"relay", "sealer"}))

        async def for_ever() -> None:
            await asyncio.Event().wait()

        roles.add("relay", for_ever, lambda: woken.append("relay"))
        roles.add("sealer", for_ever, lambda: woken.append("sealer"))
        tasks = [asyncio.ensure_future(loop()) for loop in roles.loops.values()]
        await asyncio.sleep(1)

        roles.call_all()

        assert woken == ["relay", "sealer"]
        assert bell.rung == ["relay"]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    in_virtual_time(scene())
