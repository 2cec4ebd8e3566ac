"""What a process has done, counted for Prometheus. Each count is of facts and decisions: names are few and known."""

from collections.abc import Sequence
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact
from aforo.engine.status import Backlog
from aforo.flow.decision import Decision

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400)


class Metrics:
    """An Observer. Labels are kinds of orders, states, causes and names of facts: nothing that a customer chooses."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._facts = Counter("aforo_facts", "Facts written, by name.", ["name"], registry=registry)
        self._facts_named = cache(self._facts.labels)
        self._received = Counter("aforo_orders_received", "Orders taken in.", ["kind"], registry=registry)
        self._ended = Counter(
            "aforo_orders_ended", "Orders that came to an end.", ["kind", "state", "cause"], registry=registry
        )
        self._seconds = Histogram(
            "aforo_order_seconds", "From its receipt to its end.", ["kind"], registry=registry, buckets=SECONDS
        )
        self._open = Gauge("aforo_orders_open", "Orders that have not ended, by state.", ["state"], registry=registry)
        self._backlog = {
            name: Gauge(f"aforo_{name}", words, registry=registry)
            for name, words in (
                ("orders_due", "Orders whose time has come and that are not handed out."),
                ("lag_seconds", "How long what is due has waited at most."),
                ("results_unpublished", "Results in the outbox."),
                ("results_unanswered", "Results that the commercial system has not acknowledged."),
                ("processes", "Processes that work on the database."),
            )
        }

    def decided(self, decision: Decision) -> None:
        order = decision.order
        self.written([(order.id, fact) for fact in decision.facts])
        if any(fact.name == "OrderReceived" for fact in decision.facts):
            self._received.labels(order.kind.name).inc()
        if decision.ends and order.ended_at is not None:
            cause = "" if order.cause is None else order.cause.value
            self._ended.labels(order.kind.name, order.state.value, cause).inc()
            self._seconds.labels(order.kind.name).observe((order.ended_at - order.received_at).total_seconds())

    def written(self, facts: Sequence[tuple[OrderId, Fact]]) -> None:
        for _, fact in facts:
            self._facts_named(fact.name).inc()

    def page(self, backlog: Backlog) -> bytes:
        """In Prometheus's text format."""
        self._open.clear()
        for state, orders in backlog.open.items():
            self._open.labels(state).set(orders)
        self._backlog["orders_due"].set(backlog.due)
        self._backlog["lag_seconds"].set(backlog.lag.total_seconds())
        self._backlog["results_unpublished"].set(backlog.unpublished)
        self._backlog["results_unanswered"].set(backlog.unanswered)
        self._backlog["processes"].set(backlog.processes)
        return generate_latest(self._registry)
