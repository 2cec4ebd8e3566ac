"""The fault matrix: every fault at a device of its own, one order to each, and what the commercial system was told.

`aforo up` runs in a process of its own; the devices, broken, are in this one; between them are loopback sockets.
"""

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aforo.adapters.meter_model_files import load_models
from aforo.cim.client import read_answer
from aforo.simulator.town import Town
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import Legacy, LiveSystem, Scene, hosted, listening_legacy
from faults import sabotage
from faults.injections import INJECTIONS, Injection, Placed

ENOUGH_S = 50.0
MODES = ("delegated", "transparent", "direct")
UNKNOWN_THERE = "registers-prime"
"""The model that the concentrators are not given."""


def placed() -> list[Placed]:
    found = []
    for place, injection in enumerate(INJECTIONS, 1):
        for mode in injection.modes:
            digit = MODES.index(mode) + 1
            hub = None if mode == "direct" else f"CT-{digit}{place:03}"
            found.append(Placed(injection, mode, f"{digit}{place:07}", hub))
    return found


def town_of(all_placed: Sequence[Placed]) -> Town:
    hubs, meters = [], []
    for one in all_placed:
        meter = MeterPlan(number=one.meter, **one.injection.meter)
        if one.concentrator is None:
            meters.append(meter)
        else:
            hubs.append(ConcentratorPlan(number=one.concentrator, link=one.mode, answer_wait_s=1, meter=(meter,)))
    models = {name: model for name, model in load_models().items() if name != UNKNOWN_THERE}
    town = Town(TownPlan(name="faults", concentrator=tuple(hubs), meter=tuple(meters)), models)
    for one in all_placed:
        one.injection.breaks(town, one)
    return town


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def order(scene: Scene, one: Placed, number: str) -> None:
    injection = one.injection
    changes = {"number": number}
    if injection.not_after_s is not None:
        until = datetime.now(UTC) + timedelta(seconds=injection.not_after_s)  # noqa: TID251 (real devices)
        changes["notAfter"] = until.isoformat(timespec="milliseconds")
    code = await scene.send(one.meter, injection.watts, **changes)
    assert code == "0.3", f"{one}: not accepted, {code}"


def told(legacy: Legacy) -> dict[str, tuple[str, str]]:
    """State and cause by order number, as the answers that Legacy was sent say."""
    found = {}
    for text in list(legacy.answers):
        response = read_answer(text.encode())
        words = response.error.details.split(":")[0].split()
        found[response.reply.number] = (words[0], words[1] if len(words) > 1 else "")
    return found


async def wait_for(legacy: Legacy, numbers: Iterable[str], until: float) -> None:
    wanted = set(numbers)
    while wanted - set(told(legacy)) and time.monotonic() < until:
        legacy.came.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(legacy.came.wait(), 1)


async def run(data: Path) -> dict[Placed, tuple[str, str]]:
    until = time.monotonic() + ENOUGH_S
    all_placed = placed()
    sabotage.install()
    town = town_of(all_placed)
    async with AsyncExitStack() as stack:
        legacy = await stack.enter_async_context(listening_legacy())
        ports = await stack.enter_async_context(hosted(town))
        ports.update({str(one.concentrator): closed_port() for one in all_placed if one.injection.is_away})
        system = LiveSystem(data, AFORO_RETRY_PLAN="0.2", AFORO_ANSWER_WAIT_S="1", AFORO_DEADLINE_S="5")
        stack.callback(system.stop)
        await system.start()
        await system.register(town, ports)
        scene = Scene(system, legacy, town, ports)
        two_orders = [one for one in all_placed if one.injection.between is not None]
        for one in two_orders:
            await order(scene, one, f"first-{one.meter}")
        await wait_for(legacy, (f"first-{one.meter}" for one in two_orders), until)
        for one in two_orders:
            assert told(legacy)[f"first-{one.meter}"][0] == "VERIFIED", one
            assert one.injection.between is not None
            one.injection.between(town, one)
        await asyncio.gather(*(order(scene, one, f"OS-{one.meter}") for one in all_placed))
        await wait_for(legacy, (f"OS-{one.meter}" for one in all_placed), until)
        answers = told(legacy)
        return {one: answers.get(f"OS-{one.meter}", ("", "no answer")) for one in all_placed}


def is_right(one: Placed, state: str, cause: str) -> bool:
    return cause == one.injection.cause and (bool(cause) or state == "VERIFIED")


def _line(injection: Injection, one: Placed, state: str, cause: str) -> str:
    right = "right" if is_right(one, state, cause) else "WRONG"
    return f"{injection.title:<42} {one.mode:<10} {injection.cause or '-':<25} {state:<12} {cause or '-':<25} {right}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(run(Path(folder)))
    _say(f"{'injected':<42} {'mode':<10} {'expected':<25} {'state':<12} {'reported':<25}")
    for one, (state, cause) in found.items():
        _say(_line(one.injection, one, state, cause))
    right = sum(is_right(one, state, cause) for one, (state, cause) in found.items())
    _say(f"{len({one.injection.cause for one in found} - {''})} different causes, {time.monotonic() - begun:.0f} s")
    _say(f"causes injected {len(found)}, reported right {right}")
    return 0 if right == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
