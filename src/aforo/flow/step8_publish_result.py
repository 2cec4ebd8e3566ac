"""Step 8, HeadEnd -> Integration: the order's end goes over the result queue, the same message at every repetition."""

from datetime import datetime
from typing import Any

from aforo.domain.causes import CAUSES
from aforo.domain.confirmation import may_change_until
from aforo.domain.delivery import ResultMessage
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.flow.decision import HEADEND, INTEGRATION
from aforo.flow.device_events import events_of

EVENT_TYPE = "aforo.order.ended"


def result_message(order: Order, number: int = 1) -> ResultMessage:
    """The order has ended. number: 1, and 2 for a correction of the first.

    Body: a CloudEvents 1.0 event in JSON, without keys and without the customer's words.
    """
    assert order.ended_at is not None, "only an order that has ended has a result"
    result_id = f"{order.id}-{number}"
    facts = None if order.cause is None else CAUSES[order.cause]
    is_open = order.state is OrderState.UNCONFIRMED
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": result_id,
        "source": "/aforo/headend",
        "type": EVENT_TYPE,
        "subject": order.number,
        "time": order.ended_at.isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "order": order.number,
            "source": order.request.source,
            "kind": order.kind.name,
            "meter": order.request.meter,
            "limit": order.limit_w,
            "unit": "W",
            "state": order.state.value,
            "cause": None if order.cause is None else order.cause.value,
            "detail": order.detail,
            "retry_allowed": facts is not None and facts.is_retry_allowed,
            "field_work_suggested": facts is not None and facts.is_field_work_suggested,
            "evidence": order.evidence,
            "attempts": order.attempts,
            "number": number,
            "events": [
                {"code": event.code, "at": event.at, "details": dict(event.details)} for event in events_of(order)
            ],
            "may_change_until": may_change_until(order.ended_at).isoformat() if is_open else None,
        },
    }
    return ResultMessage(result_id, order.id, body)


def published(message: ResultMessage, queue: str, now: datetime) -> Fact:
    """The queue has confirmed the message."""
    data = message.body["data"]
    payload = {"result": message.id, "queue": queue, "state": data["state"], "cause": data["cause"]}
    return Fact(8, now, HEADEND, INTEGRATION, "ResultPublished", payload)
