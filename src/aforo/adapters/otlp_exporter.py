"""Traces to an OpenTelemetry collector over HTTP. They are for people who look: an order never waits for them."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import aiohttp

from aforo.adapters.otlp_spans import fact_span, order_span, request_document, trace_id
from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact
from aforo.flow.decision import Decision

QUEUE_MAX = 20_000
"""Spans that wait; when there are more the oldest are dropped, and their number is told."""

ORDERS_MAX = 20_000
"""Orders whose last fact is remembered, so that the next one's span begins there."""

BATCH_MAX = 1_000
GATHERING_S = 1.0
EXCHANGE_WAIT_S_MAX = 10.0
PATH = "/v1/traces"


class CollectorAway(Exception):
    """It did not take the spans; they are dropped."""


class SpanExporter:
    """An Observer. Use it as an async context manager, and `run` it meanwhile.

    url: of the collector, without the path.   installation: see trace_id.   resource: attributes of this process.
    report: told when the collector is away.
    """

    def __init__(
        self,
        url: str,
        *,
        installation: str,
        resource: Mapping[str, str],
        report: Callable[[str, BaseException], None],
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._url = url.rstrip("/") + PATH
        self._installation = installation
        self._resource = resource
        self._report = report
        self._waiting: deque[dict[str, Any]] = deque(maxlen=queue_max)
        self._last: OrderedDict[OrderId, datetime] = OrderedDict()
        self._ended: OrderedDict[OrderId, None] = OrderedDict()
        self._came = asyncio.Event()
        self._dropped = 0

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=EXCHANGE_WAIT_S_MAX),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # a proxy of the environment would see the orders
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What waits is sent once more, if the collector takes it."""
        await self._send_all()
        await self._client.close()

    def decided(self, decision: Decision) -> None:
        order = decision.order
        self.written([(order.id, fact) for fact in decision.facts])
        if decision.ends and order.ended_at is not None and order.id not in self._ended:
            _remember(self._ended, order.id, None)
            self._put(order_span(trace_id(self._installation, order.id), order))

    def written(self, facts: Sequence[tuple[OrderId, Fact]]) -> None:
        for order_id, fact in facts:
            since = self._last.get(order_id, fact.at)
            _remember(self._last, order_id, fact.at)
            self._put(fact_span(trace_id(self._installation, order_id), fact, since))

    async def run(self) -> None:
        while True:
            await self._came.wait()
            await asyncio.sleep(GATHERING_S)
            self._came.clear()
            await self._send_all()

    def _put(self, span: dict[str, Any]) -> None:
        self._dropped += len(self._waiting) == self._waiting.maxlen
        self._waiting.append(span)
        self._came.set()

    async def _send_all(self) -> None:
        if self._dropped:
            self._report("traces", CollectorAway(f"{self._dropped} spans dropped: it is too slow for them"))
            self._dropped = 0
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
            try:
                await self._send(batch)
            except (CollectorAway, aiohttp.ClientError, OSError, TimeoutError) as away:
                self._report("traces", CollectorAway(f"{len(batch)} spans dropped: {away or type(away).__name__}"))
                return

    async def _send(self, spans: Sequence[dict[str, Any]]) -> None:
        document = request_document(spans, self._resource)
        async with self._client.post(self._url, json=document, allow_redirects=False) as response:
            if response.status >= 300:
                raise CollectorAway(f"the collector answers HTTP {response.status}")


def _remember(kept: "OrderedDict[OrderId, Any]", order_id: OrderId, value: Any) -> None:
    kept[order_id] = value
    kept.move_to_end(order_id)
    if len(kept) > ORDERS_MAX:
        kept.popitem(last=False)
