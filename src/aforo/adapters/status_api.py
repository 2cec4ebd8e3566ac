"""The operator's door to how the whole stands: health, readiness, status, and the page that Prometheus reads."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response

from aforo.adapters.metrics import CONTENT_TYPE, Metrics
from aforo.engine.ports import Clock
from aforo.engine.status import Backlog, LaneStatus, StatusStore

WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class StatusPorts:
    """is_draining: this process takes nothing new any more."""

    store: StatusStore
    metrics: Metrics
    clock: Clock
    is_draining: Callable[[], bool]


def health_routes(ports: StatusPorts) -> APIRouter:
    """Without a token: whoever keeps the process running asks them."""
    routes = APIRouter()

    @routes.get("/health")
    async def health() -> dict[str, str]:
        """503 while the database is away."""
        await ports.store.answers()
        return {"status": "ok"}

    @routes.get("/ready")
    async def ready(response: Response) -> dict[str, str]:
        """503 while the database is away, and once the process is on its way out: send it nothing more."""
        await ports.store.answers()
        if ports.is_draining():
            response.status_code = 503
            return {"status": "draining"}
        return {"status": "ready"}

    return routes


def status_routes(ports: StatusPorts) -> APIRouter:
    routes = APIRouter()

    @routes.get("/status")
    async def status() -> dict[str, Any]:
        return _document(await _backlog(ports))

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {CONTENT_TYPE: {}}, "description": "For Prometheus."}},
    )
    async def metrics() -> Response:
        return Response(ports.metrics.page(await _backlog(ports)), media_type=CONTENT_TYPE)

    return routes


async def _backlog(ports: StatusPorts) -> Backlog:
    return await ports.store.backlog(ports.clock.now(), WINDOW)


def _document(backlog: Backlog) -> dict[str, Any]:
    done_in = backlog.done_in
    return {
        "at": backlog.at.isoformat(),
        "processes": backlog.processes,
        "open": backlog.open,
        "due": backlog.due,
        "lag_s": round(backlog.lag.total_seconds(), 3),
        "ended_last_minute": backlog.ended,
        "orders_per_s": round(backlog.ended_per_s, 2),
        "done_in_s": None if done_in is None else round(done_in.total_seconds()),
        "results_unpublished": backlog.unpublished,
        "results_unanswered": backlog.unanswered,
        "lanes": [_lane(lane, backlog) for lane in backlog.lanes],
    }


def _lane(lane: LaneStatus, backlog: Backlog) -> dict[str, Any]:
    lag_s = None if lane.due_since is None else max(0.0, round((backlog.at - lane.due_since).total_seconds(), 3))
    return {"lane": lane.lane, "waiting": lane.waiting, "out": lane.out, "lag_s": lag_s}
