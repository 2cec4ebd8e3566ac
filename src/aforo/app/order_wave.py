"""One wave of SOAP orders through running processes, one order a meter: how fast, and what each order costs."""

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aforo.adapters.device_ports import DevicePort
from aforo.adapters.system_clock import SystemClock
from aforo.app.bench_legacy import answering, post_all
from aforo.app.bench_processes import Usage, headend_in, register_town, usage_of, usage_of_children
from aforo.app.system import SOAP_PATH, event_loop
from aforo.cim.client import create_envelope
from aforo.cim.control_requests import ControlRequest, Option
from aforo.cim.message import Header, timestamp
from aforo.cim.namespaces import NOUN
from aforo.domain.order_kinds import LIMIT
from aforo.simulator.town import Town
from aforo.simulator.town_plan import TownPlan

CONNECTIONS = 64
"""Of the commercial system. A call waits for its commit: with few of them it is the caller who is slow."""

END_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Machine:
    """url: of the SOAP door.   headends: processes that are ours, the integration among them.   town: the devices'."""

    url: str
    headends: tuple[int, ...]
    town: int
    postgres: Callable[[], Usage]

    def usages(self) -> dict[str, Usage]:
        ours = [usage_of(process) for process in self.headends]
        headend = Usage(sum(one.cpu_s for one in ours), sum(one.memory_mib for one in ours))
        return {"headend": headend, "town": usage_of(self.town), "postgres": self.postgres()}


@contextmanager
def whole_machine(plan: TownPlan) -> Iterator[tuple[Machine, Path, asyncio.Runner]]:
    """`aforo up` that knows the running town, the folder of its data, and a loop to measure in."""
    with (
        tempfile.TemporaryDirectory(prefix="aforo-bench-") as folder,
        town_in(plan) as (town, ports),
        headend_in(Path(folder)) as (process, url),
        event_loop() as loop,
    ):
        register_town(url, Town(plan), ports)
        yield Machine(url, (process,), town, partial(usage_of_children, process)), Path(folder), loop


async def measure_wave(machine: Machine, plan: TownPlan, prefix: str = "B") -> dict[str, Any]:
    """prefix: of the orders' numbers, and of nobody else's."""
    numbers = [row.number for row in Town(plan).registry().meters]
    arrived: dict[str, float] = {}
    all_in = asyncio.Event()
    async with answering(arrived, all_in, len(numbers)) as reply:
        envelopes = [_envelope(f"{prefix}-{number}", number, reply) for number in numbers]
        before = machine.usages()
        begun = time.monotonic()
        sent = await post_all(f"{machine.url}{SOAP_PATH}/EndDeviceControls", envelopes, connections=CONNECTIONS)
        accepted = time.monotonic()
        async with asyncio.timeout(END_WAIT_S):
            await all_in.wait()
        ended = time.monotonic()
        after = machine.usages()
    waits = sorted(arrived[number] - sent[number] for number in arrived)
    cpu_ms = {who: round((after[who].cpu_s - before[who].cpu_s) / len(numbers) * 1000, 2) for who in after}
    return {
        "orders": len(numbers),
        "answered": len(arrived),
        "seconds": round(ended - begun, 2),
        "end_to_end_orders_per_s": round(len(numbers) / (ended - begun)),
        "accepted_orders_per_s": round(len(numbers) / (accepted - begun)),
        "answer_after_p50": round(statistics.median(waits), 3),
        "answer_after_p99": round(waits[int(len(waits) * 0.99)], 3),
        "head_end_cpu_ms_per_order": cpu_ms["headend"],
        "postgres_cpu_ms_per_order": cpu_ms["postgres"],
        "devices_cpu_ms_per_order": cpu_ms["town"],
        "head_end_memory": round(after["headend"].memory_mib),
        "devices_memory": round(after["town"].memory_mib),
    }


def _envelope(number: str, meter: str, reply: str) -> tuple[str, bytes]:
    header = Header(
        verb="create",
        noun=NOUN,
        timestamp=timestamp(SystemClock().now()),
        source="bench",
        async_reply=True,
        reply_address=reply,
        message_id=number,
    )
    return number, create_envelope(
        ControlRequest(
            header=header,
            number=number,
            meter=meter,
            control_type=LIMIT.control_type,
            watts=Decimal(2500),
            options=(Option("special", "bench"),),
        )
    )


@contextmanager
def town_in(plan: TownPlan) -> Iterator[tuple[int, dict[str, int]]]:
    """Its process, and the port of each concentrator."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_host_town, args=(plan, theirs), daemon=True)
    process.start()
    try:
        ports: dict[str, int] = ours.recv()
        assert process.pid is not None
        yield process.pid, ports
    finally:
        process.terminate()
        process.join()


def _host_town(plan: TownPlan, parent: Connection) -> None:
    async def host() -> None:
        clock = SystemClock()
        ports = {}
        for device in Town(plan).endpoints:
            port = DevicePort(device.endpoint, now=clock.now)
            ports[device.number] = await port.listen(device.host, device.port)
        parent.send(ports)
        await asyncio.Event().wait()

    with event_loop() as loop:
        loop.run(host())
