"""Orders and meters to begin a test with: everything has a value, and a test names only what it is about."""

from datetime import UTC, datetime
from typing import Any

from aforo.domain.devices import Address, DeviceSecurity, Link, Meter
from aforo.domain.identifiers import ConcentratorNumber, Fence, MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order import Order, OrderRequest
from aforo.domain.order_kinds import LIMIT
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit

WEDNESDAY = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
"""Noon in Santiago, a working day."""

SATURDAY = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)


def a_request(**changes: Any) -> OrderRequest:
    given: dict[str, Any] = {
        "source": Source("CIS"),
        "number": OrderNumber("OS-1"),
        "kind": LIMIT,
        "meter": MeterNumber("M-1"),
        "limit": PowerLimit(2500),
        "digest": "d1",
    }
    return OrderRequest(**{**given, **changes})


def an_order(state: OrderState = OrderState.VALIDATED, *, request: OrderRequest | None = None, **changes: Any) -> Order:
    """Out under fence 7 when its state says that it is out; due now when it waits."""
    is_out = state in (OrderState.DISPATCHED, OrderState.IN_PROGRESS)
    given: dict[str, Any] = {
        "id": OrderId(1),
        "request": request or a_request(),
        "state": state,
        "received_at": WEDNESDAY,
        "version": 1,
        "lane": "concentrator:C-1",
        "attempts": 1 if state.may_have_left else 0,
        "next_at": None if is_out or state.is_end else WEDNESDAY,
        "fence": Fence(7) if state.may_have_left else None,
        "command_fence": Fence(7) if state.may_have_left else None,
        "ended_at": WEDNESDAY if state.is_end else None,
    }
    return Order(**{**given, **changes})


def a_meter(link: Link = Link.DELEGATED, **changes: Any) -> Meter:
    given: dict[str, Any] = {
        "number": MeterNumber("M-1"),
        "usage_point": "UP-1",
        "link": link,
        "concentrator": None if link is Link.DIRECT else ConcentratorNumber("C-1"),
        "address": None if link is Link.DELEGATED else Address("127.0.0.1", 4059),
        "model": "class71",
        "security": DeviceSecurity(),
        "commissioned": True,
        "max_power_w": 10_000,
        "contracted_power_w": 6_000,
    }
    return Meter(**{**given, **changes})
