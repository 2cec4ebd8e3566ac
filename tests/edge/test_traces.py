"""AFORO_OTLP_URL: a real system tells a collector of each order, and does not wait for one that is away."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aforo.adapters.listening import listen_on
from aforo.adapters.meter_model_files import load_models
from aforo.adapters.otlp_exporter import SpanExporter
from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact
from aforo.simulator.town import Town
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from cases import WEDNESDAY
from edge.live_system import WAIT_S, LiveSystem, Scene, hosted, listening_legacy

PLAN = TownPlan(name="one meter", concentrator=(ConcentratorPlan(number="C-1", meter=(MeterPlan(number="101"),)),))


@dataclass
class Collector:
    """Takes spans in over HTTP."""

    url: str = ""
    spans: list[dict[str, Any]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"POST /v1/traces "), head
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                assert length is not None
                document = json.loads(await reader.readexactly(int(length[1])))
                self.spans += document["resourceSpans"][0]["scopeSpans"][0]["spans"]
                self.came.set()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def told(self, name: str) -> None:
        async with asyncio.timeout(WAIT_S):
            while all(span["name"] != name for span in self.spans):
                self.came.clear()
                await self.came.wait()


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector, socket = Collector(), listen_on("127.0.0.1", 0)
    server = await asyncio.start_server(collector.serve, sock=socket)
    collector.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    try:
        yield collector
    finally:
        server.close()


@asynccontextmanager
async def traced_scene(data: Path, url: str) -> AsyncIterator[Scene]:
    town = Town(PLAN, load_models())
    async with listening_legacy() as legacy, hosted(town) as ports:
        system = LiveSystem(data, AFORO_OTLP_URL=url)
        try:
            await system.start()
            await system.register(town, ports)
            yield Scene(system, legacy, town, ports)
        finally:
            await asyncio.to_thread(system.stop)


async def test_an_order_is_one_trace_from_its_receipt_to_its_answer(tmp_path: Path) -> None:
    async with collecting() as collector, traced_scene(tmp_path, collector.url) as scene:
        await scene.send("101")
        await scene.answer()
        await collector.told("LegacyAnswered")

        assert len({span["traceId"] for span in collector.spans}) == 1
        (whole,) = [span for span in collector.spans if "parentSpanId" not in span]
        facts = [span for span in collector.spans if "parentSpanId" in span]
        assert (whole["name"], {span["parentSpanId"] for span in facts}) == ("order LIMIT", {whole["spanId"]})
        names = [span["name"] for span in sorted(facts, key=lambda span: int(span["endTimeUnixNano"]))]
        assert (names[0], names[-1]) == ("OrderReceived", "LegacyAnswered")
        assert {"OrderDispatched", "MeterCommanded", "ResultPublished"} <= set(names)
        assert len({span["spanId"] for span in collector.spans}) == len(collector.spans)


async def test_an_order_is_linked_to_its_senders_trace_and_the_answer_goes_back_into_it(tmp_path: Path) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    theirs = f"00-{trace}-{span}-01"
    async with collecting() as collector, traced_scene(tmp_path, collector.url) as scene:
        await scene.send("101", headers={"traceparent": theirs})
        await scene.answer()
        await collector.told("order LIMIT")

        (whole,) = [one for one in collector.spans if one["name"] == "order LIMIT"]
        assert whole["links"] == [{"traceId": trace, "spanId": span, "flags": 1}]
        assert whole["traceId"] != trace  # the order outlives the call
        assert f"\r\ntraceparent: {theirs}\r\n".encode() in scene.legacy.heads[-1]


async def test_an_order_does_not_wait_for_a_collector_that_is_away(tmp_path: Path) -> None:
    async with collecting() as collector:
        gone = collector.url
    async with traced_scene(tmp_path, gone) as scene:
        await scene.send("101")
        answer = await scene.answer()

    assert answer.error.code == "0.0"


async def test_spans_that_are_dropped_are_told() -> None:
    told: list[str] = []
    fact = Fact(1, WEDNESDAY, "a", "b", "OrderReceived", {})
    async with collecting() as collector:
        exporter = SpanExporter(
            collector.url,
            installation="x",
            resource={},
            report=lambda _, away: told.append(str(away)),
            queue_max=5,
        )
        async with exporter:
            exporter.written([(OrderId(number), fact) for number in range(8)])

        assert told == ["3 spans dropped: it is too slow for them"]
        assert len(collector.spans) == 5
