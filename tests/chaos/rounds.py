"""One round: orders come in at a steady pace while one kind of harm is done, then all must come to its end."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.harm import HARM
from chaos.system import METERS, ChaosSystem
from edge.live_system import TOKEN

PACE_S = 0.08
BETWEEN_S = 1.0
DRAIN_S = 180.0
"""A retry that was planned by a clock that was ahead waits until it is really time."""


@dataclass(frozen=True, slots=True)
class Round:
    """lost: accepted, no answer.   repeated: commanded twice.   answered_twice: differently, not in correction."""

    HEAD: ClassVar[str] = (
        f"{'harm':<24} {'done':>4} {'orders':>7} {'lost':>5} {'repeated':>9} {'answered twice':>15} "
        f"{'corrected':>10} {'settled after':>14}"
    )

    name: str
    done: int
    orders: int
    lost: tuple[str, ...]
    repeated: tuple[str, ...]
    answered_twice: tuple[str, ...]
    corrected: int
    settled_after_s: float

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.repeated or self.answered_twice)

    @property
    def line(self) -> str:
        wrong = "".join(
            f"\n  {what}: {', '.join(numbers)}"
            for what, numbers in (
                ("lost", self.lost),
                ("repeated", self.repeated),
                ("answered twice", self.answered_twice),
            )
            if numbers
        )
        return (
            f"{self.name:<24} {self.done:>4} {self.orders:>7} {len(self.lost):>5} {len(self.repeated):>9} "
            f"{len(self.answered_twice):>15} {self.corrected:>10} {self.settled_after_s:>12.1f} s{wrong}"
        )


async def run_round(system: ChaosSystem, name: str, harm: Sequence[str]) -> Round:
    """harm: what is done, one after the other."""
    before, corrected = set(system.accepted), system.corrected()
    ended = asyncio.Event()
    orders = asyncio.create_task(_orders(system, ended))
    for each in harm:
        await asyncio.sleep(BETWEEN_S)
        await HARM[each](system)
    await asyncio.sleep(BETWEEN_S)
    ended.set()
    await orders
    harmless = time.monotonic()
    numbers = set(system.accepted) - before
    lost = await system.answered(numbers, within_s=DRAIN_S)
    return Round(
        name=name,
        done=len(harm),
        orders=len(numbers),
        lost=tuple(sorted(lost)),
        repeated=tuple(set(system.repeated()) & numbers),
        answered_twice=tuple(set(system.answered_twice()) & numbers),
        corrected=system.corrected() - corrected,
        settled_after_s=time.monotonic() - harmless,
    )


async def _orders(system: ChaosSystem, ended: asyncio.Event) -> None:
    """At a steady pace; who must give one again does so beside the others. Returns when all are accepted."""
    async with asyncio.TaskGroup() as group:
        while not ended.is_set():
            group.create_task(system.order(system.chance.choice(METERS)))
            await asyncio.sleep(PACE_S)


async def audit_findings(system: ChaosSystem) -> list[str]:
    """What `aforo audit verify` says."""
    command = [sys.executable, "-m", "aforo", "audit", "verify", "--json", "--url", system.integration.url]
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "AFORO_TOKEN": TOKEN}, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    return [str(one) for one in json.loads(told)["findings"]]
