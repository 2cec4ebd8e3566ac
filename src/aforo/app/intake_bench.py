"""`aforo bench intake`: SOAP orders accepted per second, durable, and how long the acknowledgement takes.

The head-end takes 4,000 orders in, each validated and committed; none is carried out, since the service window is shut.
Beside it, on the same HTTP server, a bare endpoint that parses the same messages and answers: the floor.
"""

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from starlette.types import Receive, Scope, Send

from aforo.adapters.listening import listen_on
from aforo.adapters.system_clock import SystemClock
from aforo.app.bench_legacy import post_all
from aforo.app.bench_processes import headend_in, register_town, usage_of, usage_of_children
from aforo.app.console_output import say, say_json, say_table
from aforo.app.http_server import HttpServer
from aforo.app.settings import LOOPBACK
from aforo.app.system import SOAP_PATH, event_loop
from aforo.cim import soap
from aforo.cim.client import create_envelope
from aforo.cim.control_requests import ControlRequest
from aforo.cim.message import Header, timestamp
from aforo.cim.namespaces import NOUN
from aforo.domain.order_kinds import LIMIT
from aforo.simulator.town import Town
from aforo.simulator.town_plan import small_town

ORDERS = 4000
CONNECTIONS = 32
ROUNDS = 3
_BARE = (
    b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><code>0.3</code></s:Body></s:Envelope>"
)


def run(*, as_json: bool) -> int:
    rows = _rows(_of_headend(), _of_bare())
    if as_json:
        say_json({"rows": rows})
        return 0
    say(f"{ORDERS} SOAP orders over {CONNECTIONS} connections, median of {ROUNDS} rounds")
    say_table(("figure", "value", "unit"), [(row["name"].replace("_", " "), row["value"], row["unit"]) for row in rows])
    return 0


def _rows(door: dict[str, float], bare: dict[str, float]) -> list[dict[str, Any]]:
    told = (
        ("soap_orders_accepted_per_s", round(door["per_s"]), "orders/s"),
        ("acknowledgement_p50", round(door["p50_ms"], 1), "ms"),
        ("acknowledgement_p99", round(door["p99_ms"], 1), "ms"),
        ("door_cpu_ms_per_order", round(door["cpu_ms"], 2), "ms"),
        ("postgres_cpu_ms_per_order", round(door["postgres_ms"], 2), "ms"),
        ("floor_parse_and_answer_per_s", round(bare["per_s"]), "requests/s"),
        ("floor_acknowledgement_p50", round(bare["p50_ms"], 1), "ms"),
        ("floor_acknowledgement_p99", round(bare["p99_ms"], 1), "ms"),
        ("floor_cpu_ms_per_request", round(bare["cpu_ms"], 2), "ms"),
        ("times_the_floor_s_cpu", round((door["cpu_ms"] + door["postgres_ms"]) / bare["cpu_ms"], 1), "x"),
    )
    return [{"name": name, "value": value, "unit": unit, "peers": {}} for name, value, unit in told]


def _of_headend() -> dict[str, float]:
    plan = small_town(concentrators=10, meters=ORDERS * ROUNDS, link="delegated")
    hour = SystemClock().now()
    shut = {
        "AFORO_SERVICE_OPENS": f"{hour + timedelta(hours=2):%H}:00",
        "AFORO_SERVICE_CLOSES": f"{hour + timedelta(hours=2):%H}:59",
        "AFORO_TIME_ZONE": "UTC",
    }
    with tempfile.TemporaryDirectory(prefix="aforo-bench-") as folder, headend_in(Path(folder), **shut) as (pid, url):
        register_town(url, Town(plan), dict.fromkeys((row.number for row in Town(plan).registry().concentrators), 1))
        meters = [row.number for row in Town(plan).registry().meters]
        with event_loop() as loop:
            return loop.run(_measure(url, meters, pid))


def _of_bare() -> dict[str, float]:
    with _bare_endpoint() as (pid, url), event_loop() as loop:
        return loop.run(_measure(url, [f"M-{number}" for number in range(ORDERS * ROUNDS)], pid))


async def _measure(url: str, meters: list[str], process: int) -> dict[str, float]:
    """The median of the rounds, each with meters of its own: a second order would end the first."""
    door = f"{url}{SOAP_PATH}/EndDeviceControls"
    rounds = [await _round(door, meters[turn::ROUNDS], process) for turn in range(ROUNDS)]
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


async def _round(url: str, meters: list[str], process: int) -> dict[str, float]:
    envelopes = [_envelope(meter) for meter in meters]
    acknowledged: dict[str, float] = {}
    before = usage_of(process).cpu_s, usage_of_children(process).cpu_s
    begun = time.monotonic()
    sent = await post_all(url, envelopes, connections=CONNECTIONS, acknowledged=acknowledged)
    seconds = time.monotonic() - begun
    waits = sorted(acknowledged[number] - at for number, at in sent.items())
    return {
        "per_s": len(meters) / seconds,
        "p50_ms": statistics.median(waits) * 1000,
        "p99_ms": waits[int(len(waits) * 0.99)] * 1000,
        "cpu_ms": (usage_of(process).cpu_s - before[0]) / len(meters) * 1000,
        "postgres_ms": (usage_of_children(process).cpu_s - before[1]) / len(meters) * 1000,
    }


def _envelope(meter: str) -> tuple[str, bytes]:
    number = f"B-{meter}"
    header = Header(
        verb="create", noun=NOUN, timestamp=timestamp(SystemClock().now()), source="bench", message_id=number
    )
    order = ControlRequest(
        header=header, number=number, meter=meter, control_type=LIMIT.control_type, watts=Decimal(2500)
    )
    return number, create_envelope(order)


@contextmanager
def _bare_endpoint() -> Iterator[tuple[int, str]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_host_bare, args=(theirs,), daemon=True)
    process.start()
    try:
        url: str = ours.recv()
        assert process.pid is not None
        yield process.pid, url
    finally:
        process.terminate()
        process.join()


def _host_bare(parent: Connection) -> None:
    async def answer(_: Scope, receive: Receive, send: Send) -> None:
        octets, is_whole = b"", False
        while not is_whole:
            event = await receive()
            octets, is_whole = octets + event.get("body", b""), not event.get("more_body", False)
        soap.open_envelope(octets)
        headers = [(b"content-type", b"text/xml; charset=utf-8"), (b"content-length", str(len(_BARE)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _BARE})

    async def host() -> None:
        server = HttpServer(answer, listen_on(LOOPBACK, 0))
        await server.start()
        parent.send(server.url)
        await asyncio.Event().wait()

    with event_loop() as loop:
        loop.run(host())
