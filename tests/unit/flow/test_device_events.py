"""What an order's end tells of its meter: nothing that was not read."""

from typing import Any

import pytest
from msgspec.structs import replace

from aforo.domain.causes import Cause
from aforo.domain.order_kinds import DISCONNECT, LIMIT_REMOVE, PROVE, READ, RECONNECT, OrderKind
from aforo.domain.order_states import OrderState
from aforo.flow.device_events import DeviceEvent, events_of
from aforo.flow.step8_publish_result import result_message
from cases import WEDNESDAY, a_request, an_order

READ_AT = "2026-11-25T15:00:07+00:00"
CHANGED = {"before_w": "9900", "threshold_w": "2500", "breaker": "connected", "read_at": READ_AT}


def told(state: OrderState, *, kind: OrderKind | None = None, **changes: Any) -> tuple[DeviceEvent, ...]:
    request = a_request() if kind is None else replace(a_request(), kind=kind, limit=None)
    return events_of(an_order(state, request=request, ended_at=WEDNESDAY, next_at=None, **changes))


def test_a_limit_that_was_read_back_and_differs_is_a_change() -> None:
    (event,) = told(OrderState.VERIFIED, evidence=CHANGED)

    assert event == DeviceEvent(code="3.15.261.24", at=READ_AT, details=(("before", "9900"), ("threshold", "2500")))


@pytest.mark.parametrize(
    ("state", "given", "codes"),
    [
        (OrderState.VERIFIED, {"evidence": {**CHANGED, "before_w": "2500"}}, []),
        (OrderState.UNCONFIRMED, {"cause": Cause.OUTCOME_UNKNOWN}, []),
        (OrderState.FAILED, {"cause": Cause.VERIFY_MISMATCH, "evidence": CHANGED}, []),
        (OrderState.FAILED, {"cause": Cause.METER_UNREACHABLE}, ["3.1.125.85"]),
        (OrderState.CANCELLED, {"cause": Cause.CANCELLED}, []),
        (OrderState.VERIFIED, {"kind": LIMIT_REMOVE, "evidence": CHANGED}, ["3.15.261.24"]),
        (OrderState.VERIFIED, {"kind": DISCONNECT, "evidence": {"breaker": "disconnected"}}, ["3.31.26.68"]),
        (OrderState.VERIFIED, {"kind": RECONNECT, "evidence": {"breaker": "connected"}}, ["3.31.26.42"]),
        (OrderState.VERIFIED, {"kind": READ, "evidence": CHANGED}, []),
        (OrderState.VERIFIED, {"kind": PROVE, "evidence": {"breaker": "connected"}}, []),
        (OrderState.VERIFIED, {"kind": PROVE, "evidence": {"breaker": None}}, []),
        (OrderState.VERIFIED, {"kind": PROVE, "evidence": {"breaker": "disconnected"}}, ["3.31.139.68"]),
        (
            OrderState.FAILED,
            {"kind": PROVE, "cause": Cause.BREACHED, "evidence": {}},
            ["3.15.261.139"],
        ),
    ],
)
def test_an_end_tells_what_it_has_read_and_no_more(state: OrderState, given: dict[str, Any], codes: list[str]) -> None:
    assert [event.code for event in told(state, **given)] == codes


def test_a_result_carries_the_events_of_its_order() -> None:
    order = an_order(OrderState.VERIFIED, ended_at=WEDNESDAY, next_at=None, evidence=CHANGED)

    assert result_message(order).body["data"]["events"] == [
        {"code": "3.15.261.24", "at": READ_AT, "details": {"before": "9900", "threshold": "2500"}}
    ]
