"""Whoever works under a lease is stopped as soon as it may be another's."""

import asyncio
from datetime import timedelta

import pytest

from aforo.engine.leases import LEASE, LOOKS_AFTER_JOINING, RENEWALS, HeldElsewhere, LeaseKeeper
from aforo.engine.memory_leases import SoleProcess
from aforo.engine.ports import LeaseLost, Standing, StoreUnavailable
from unit.engine.virtual_time import in_virtual_time

RENEW_S = LEASE.total_seconds() / RENEWALS


class Shared(SoleProcess):
    """standing: the answer to the next renewals; an exception is raised."""

    is_shared = True

    def __init__(self) -> None:
        self.standing: Standing | Exception | None = Standing(1, ())
        self.joined = 0
        self.let_go_of: list[str] = []
        self.others: set[str] = set()

    async def join(self, lease: timedelta) -> None:
        self.joined += 1

    async def renew(self, lease: timedelta) -> Standing | None:
        if isinstance(self.standing, Exception):
            raise self.standing
        return self.standing

    async def take(self, name: str) -> bool:
        return name not in self.others

    async def let_go(self, name: str) -> None:
        self.let_go_of.append(name)


def keeper(leases: Shared) -> LeaseKeeper:
    return LeaseKeeper(leases, lambda *_: None)


async def worked(keeper: LeaseKeeper, name: str, ended: list[str]) -> None:
    try:
        async with keeper.held(name):
            await asyncio.Event().wait()
    except LeaseLost:
        ended.append(name)


def test_what_another_process_holds_is_not_begun() -> None:
    async def scene() -> None:
        leases = Shared()
        leases.others.add("lane")
        with pytest.raises(HeldElsewhere):
            async with keeper(leases).held("lane"):
                raise AssertionError("not held")
        assert leases.let_go_of == []

    in_virtual_time(scene())


def test_it_is_let_go_when_the_work_ends_well_or_badly_and_not_when_the_process_ends() -> None:
    async def scene() -> None:
        leases = Shared()
        ours = keeper(leases)
        async with ours.held("one"):
            assert ours.holds("one")
        with pytest.raises(ValueError, match="broke"):
            async with ours.held("two"):
                raise ValueError("broke")
        task = asyncio.create_task(worked(ours, "three", []))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert leases.let_go_of == ["one", "two"]
        assert not ours.holds("one")

    in_virtual_time(scene())


def test_everything_under_a_lapsed_lease_is_stopped_and_the_process_joins_anew() -> None:
    async def scene() -> None:
        leases, ended = Shared(), list[str]()
        ours = keeper(leases)
        tasks = [asyncio.create_task(worked(ours, name, ended)) for name in ("one", "two")]
        running = asyncio.create_task(ours.run())
        await asyncio.sleep(10 * RENEW_S)
        assert ended == []
        leases.standing = None
        await asyncio.sleep(RENEW_S)
        assert sorted(ended) == ["one", "two"]
        assert leases.joined >= 1
        assert leases.let_go_of == []
        running.cancel()
        await asyncio.gather(*tasks, running, return_exceptions=True)

    in_virtual_time(scene())


def test_when_another_process_is_gone_what_it_may_not_have_rung_for_is_looked_for() -> None:
    async def scene() -> None:
        leases, looks = Shared(), list[float]()
        ours = keeper(leases)
        ours.on_joined = lambda: looks.append(round(asyncio.get_running_loop().time() / RENEW_S))
        running = asyncio.create_task(ours.run())
        await asyncio.sleep(9.5 * RENEW_S)
        leases.standing = Standing(2, ())
        await asyncio.sleep(10 * RENEW_S)
        leases.standing = Standing(1, ())
        await asyncio.sleep(10 * RENEW_S)

        assert looks == [*range(LOOKS_AFTER_JOINING), 20]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    in_virtual_time(scene())


def test_a_store_that_is_away_is_waited_for_as_long_as_the_lease_lasts() -> None:
    async def scene() -> None:
        leases, ended = Shared(), list[str]()
        ours = keeper(leases)
        task = asyncio.create_task(worked(ours, "one", ended))
        running = asyncio.create_task(ours.run())
        await asyncio.sleep(RENEW_S / 2)
        leases.standing = StoreUnavailable("away")
        await asyncio.sleep(LEASE.total_seconds() - RENEW_S / 2)
        assert ended == []
        await asyncio.sleep(2 * RENEW_S)
        assert ended == ["one"]
        running.cancel()
        await asyncio.gather(task, running, return_exceptions=True)

    in_virtual_time(scene())


def test_what_is_left_behind_is_told() -> None:
    async def scene() -> None:
        leases, told = Shared(), list[tuple[str, ...]]()
        leases.standing = Standing(1, ("concentrator:C-1",))
        ours = keeper(leases)
        ours.on_orphans = lambda names: told.append(tuple(names))
        running = asyncio.create_task(ours.run())
        await asyncio.sleep(RENEW_S / 2)
        assert told == [("concentrator:C-1",)]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    in_virtual_time(scene())
