"""`aforo bench orders`: orders per second end to end, with the head-end, the town and the commercial system apart.

Three processes on loopback: `aforo up` on an embedded PostgreSQL, the simulated town, and this one, which posts SOAP
orders and takes the answers. Bounded: one wave of orders, then it ends.
"""

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aforo.adapters.device_ports import DevicePort
from aforo.adapters.listening import listen_on
from aforo.adapters.system_clock import SystemClock
from aforo.app.bench_legacy import AnswerDoor, post_all
from aforo.app.bench_processes import Usage, headend_in, register_town, usage_of, usage_of_children
from aforo.app.console_output import WrongUsage, say, say_json, say_table
from aforo.app.settings import LOOPBACK
from aforo.app.system import SOAP_PATH, event_loop
from aforo.cim.client import create_envelope
from aforo.cim.control_requests import ControlRequest, Option
from aforo.cim.message import Header, timestamp
from aforo.cim.namespaces import NOUN
from aforo.domain.order_kinds import LIMIT
from aforo.simulator.town import Town
from aforo.simulator.town_file import TownPlan, small_town

CONNECTIONS = 16
END_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Case:
    """Orders one per meter. concentrators: 0 for direct meters."""

    link: str
    concentrators: int
    meters: int

    @property
    def name(self) -> str:
        return self.link if self.link == "direct" else f"{self.link}_{self.concentrators}_concentrators"


CASES = (
    Case("delegated", 1000, 4000),
    Case("delegated", 10, 3000),
    Case("transparent", 10, 600),
    Case("direct", 0, 400),
)
"""The first is the one that the target speaks of."""

PEERS: dict[str, dict[str, float]] = {
    "end_to_end_orders_per_s": {"GXF, street lights, nine machines (40,000 in 5 minutes)": 133.3},
    "head_end_cpu_ms_per_order": {"the bare exchange of the better Python DLMS library": 1.48},
}


def run(*, as_json: bool, link: str | None, concentrators: int | None, meters: int | None) -> int:
    """0 when every order was answered. Of the choices none: all of CASES. Raises WrongUsage."""
    if link is None and concentrators is None and meters is None:
        return _run(CASES, as_json=as_json)
    case = Case(link or "delegated", 0 if link == "direct" else concentrators or 10, meters or 3000)
    if case.meters < case.concentrators:
        raise WrongUsage("--meters is of all concentrators together: at least one for each")
    return _run((case,), as_json=as_json)


def _run(cases: Sequence[Case], *, as_json: bool) -> int:
    rows, is_complete = list[dict[str, Any]](), True
    for place, case in enumerate(cases):
        figures = _figures(case)
        is_complete = is_complete and figures["answered"] == figures["orders"]
        told = _rows(case, figures, is_first=place == 0)
        rows += told
        if not as_json:
            title = f"{case.name.replace('_', ' ')}: {figures['orders']} orders, no line delay"
            say(f"{title}, answered {figures['answered']} in {figures['seconds']} s")
            say_table(("figure", "value", "unit", "peers"), [_cells(row) for row in told])
            say("")
    if as_json:
        say_json({"rows": rows})
    return 0 if is_complete else 1


def _figures(case: Case) -> dict[str, Any]:
    plan = small_town(concentrators=case.concentrators, meters=case.meters, link=case.link)
    with (
        tempfile.TemporaryDirectory(prefix="aforo-bench-") as folder,
        _town(plan) as (town, ports),
        headend_in(Path(folder)) as (process, url),
        event_loop() as loop,
    ):
        register_town(url, Town(plan), ports)
        return loop.run(_measure(url, plan, headend=process, town=town))


def _rows(case: Case, figures: dict[str, Any], *, is_first: bool) -> list[dict[str, Any]]:
    """name, value, unit, peers. The first case's have the names of the targets, the others' end in their own."""
    units = {
        "end_to_end_orders_per_s": "orders/s",
        "accepted_orders_per_s": "orders/s",
        "answer_after_p50": "s",
        "answer_after_p99": "s",
        "head_end_cpu_ms_per_order": "ms",
        "postgres_cpu_ms_per_order": "ms",
        "devices_cpu_ms_per_order": "ms",
        "head_end_memory": "MiB",
        "devices_memory": "MiB",
    }
    return [
        {
            "name": name if is_first else f"{name}_{case.name}",
            "value": figures[name],
            "unit": unit,
            "peers": PEERS.get(name, {}) if is_first else {},
        }
        for name, unit in units.items()
    ]


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    peers = "; ".join(f"{value:g}: {name}" for name, value in row["peers"].items())
    return row["name"].replace("_", " "), row["value"], row["unit"], peers


async def _measure(url: str, plan: TownPlan, *, headend: int, town: int) -> dict[str, Any]:
    numbers = [row.number for row in Town(plan).registry().meters]
    arrived: dict[str, float] = {}
    all_in = asyncio.Event()
    listening = listen_on(LOOPBACK, 0)
    async with AsyncExitStack() as stack:
        server = await asyncio.get_running_loop().create_server(
            lambda: AnswerDoor(arrived, all_in, len(numbers)), sock=listening
        )
        stack.callback(server.close)
        reply = f"http://{LOOPBACK}:{listening.getsockname()[1]}/answers"
        envelopes = [_envelope(number, reply) for number in numbers]
        before = _usages(headend, town)
        begun = time.monotonic()
        sent = await post_all(f"{url}{SOAP_PATH}/EndDeviceControls", envelopes, connections=CONNECTIONS)
        accepted = time.monotonic()
        async with asyncio.timeout(END_WAIT_S):
            await all_in.wait()
        ended = time.monotonic()
        after = _usages(headend, town)
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


def _usages(headend: int, town: int) -> dict[str, Usage]:
    return {"headend": usage_of(headend), "town": usage_of(town), "postgres": usage_of_children(headend)}


def _envelope(meter: str, reply: str) -> tuple[str, bytes]:
    number = f"B-{meter}"
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
def _town(plan: TownPlan) -> Iterator[tuple[int, dict[str, int]]]:
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
