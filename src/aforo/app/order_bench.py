"""`aforo bench orders`: orders per second end to end, with the head-end, the town and the commercial system apart.

Three processes on loopback: `aforo up` on an embedded PostgreSQL, the simulated town, and this one, which posts SOAP
orders and takes the answers. Bounded: one wave of orders, then it ends.
"""

import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx

from aforo.adapters.device_ports import DevicePort
from aforo.adapters.listening import listen_on
from aforo.adapters.operator_documents import PREFIX
from aforo.adapters.system_clock import SystemClock
from aforo.app.bench_legacy import AnswerDoor, post_all
from aforo.app.console_output import say, say_json, say_table
from aforo.app.settings import LOOPBACK
from aforo.app.system import SOAP_PATH, event_loop
from aforo.cim.client import create_envelope
from aforo.cim.end_device_controls import ControlRequest, Option
from aforo.cim.message import Header, timestamp
from aforo.cim.namespaces import NOUN
from aforo.dlms.keys import Key
from aforo.domain.order_kinds import LIMIT
from aforo.simulator.town import ConcentratorRow, MeterRow, Town
from aforo.simulator.town_file import TownPlan, small_town

CONNECTIONS = 16
END_WAIT_S = 300.0
TOKEN = "bench-token-of-no-secrecy"  # noqa: S105 (of a system that lives for a minute on loopback)
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """cpu_s: user and system.   memory_mib: resident now."""

    cpu_s: float
    memory_mib: float


def run(*, as_json: bool, concentrators: int = 10, meters: int = 2000) -> int:
    """One order per meter. 0 when every order was answered."""
    plan = small_town(concentrators=concentrators, meters=meters)
    with (
        tempfile.TemporaryDirectory(prefix="aforo-bench-") as folder,
        _town(plan) as (town, ports),
        _headend(Path(folder)) as (process, url),
        event_loop() as loop,
    ):
        _register(url, Town(plan), ports)
        figures = loop.run(_measure(url, plan, headend=process, town=town))
    if as_json:
        say_json(figures)
    else:
        say(f"{figures['orders']} orders, {meters} meters behind {concentrators} concentrators, no line delay")
        say_table(("figure", "value"), [(name.replace("_", " "), value) for name, value in figures.items()])
    return 0 if figures["answered"] == figures["orders"] else 1


async def _measure(url: str, plan: TownPlan, *, headend: int, town: int) -> dict[str, Any]:
    numbers = [number for row in Town(plan).registry().meters for number in [row.number]]
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
        before = {"headend": _usage(headend), "town": _usage(town)}
        begun = time.monotonic()
        sent = await post_all(f"{url}{SOAP_PATH}/EndDeviceControls", envelopes, connections=CONNECTIONS)
        accepted = time.monotonic()
        async with asyncio.timeout(END_WAIT_S):
            await all_in.wait()
        ended = time.monotonic()
        after = {"headend": _usage(headend), "town": _usage(town)}
    waits = sorted(arrived[number] - sent[number] for number in arrived)
    return {
        "orders": len(numbers),
        "answered": len(arrived),
        "seconds": round(ended - begun, 2),
        "orders_per_s": round(len(numbers) / (ended - begun)),
        "accepted_per_s": round(len(numbers) / (accepted - begun)),
        "answer_after_s_p50": round(statistics.median(waits), 3),
        "answer_after_s_p99": round(waits[int(len(waits) * 0.99)], 3),
        "headend_cpu_ms_per_order": _per_order(before["headend"], after["headend"], len(numbers)),
        "town_cpu_ms_per_order": _per_order(before["town"], after["town"], len(numbers)),
        "headend_memory_mib": round(after["headend"].memory_mib),
        "town_memory_mib": round(after["town"].memory_mib),
    }


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


def _per_order(before: Usage, after: Usage, orders: int) -> float:
    return round((after.cpu_s - before.cpu_s) / orders * 1000, 2)


def _usage(process: int) -> Usage:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1])
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, pages * _PAGE_KIB / 1024)


@contextmanager
def _headend(folder: Path) -> Iterator[tuple[int, str]]:
    """Its process and address. Ended with SIGTERM."""
    command = [sys.executable, "-m", "aforo", "up", "--data", str(folder), "--port", "0", "--json"]
    environment = {**os.environ, "AFORO_TOKEN": TOKEN}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:  # noqa: S603 (ourselves)
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield process.pid, told["url"]
        finally:
            process.terminate()


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


def _register(url: str, town: Town, ports: dict[str, int]) -> None:
    rows = town.registry()
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{url}{PREFIX}", headers=headers, timeout=60, trust_env=False) as client:
        concentrators = [_concentrator_row(row, ports[row.number]) for row in rows.concentrators]
        client.post("/concentrators", json=concentrators).raise_for_status()
        client.post("/meters", json=[_meter_row(row) for row in rows.meters]).raise_for_status()


def _concentrator_row(row: ConcentratorRow, port: int) -> dict[str, Any]:
    return {
        "concentrator": row.number,
        "host": row.host,
        "port": port,
        "system_title": row.system_title.hex(),
        "encryption_key": _hex(row.encryption_key),
        "authentication_key": _hex(row.authentication_key),
        "time_zone": row.time_zone,
    }


def _meter_row(row: MeterRow) -> dict[str, Any]:
    return {
        "meter_number": row.number,
        "usage_point": row.usage_point,
        "link": row.link,
        "concentrator": row.concentrator,
        "model": row.model,
        "commissioned": row.commissioned,
        "max_power_w": row.max_power_w,
    }


def _hex(key: Key | None) -> str:
    return "" if key is None else key.octets.hex()
