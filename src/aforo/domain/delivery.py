"""How an order's result reaches the commercial system: a second table, apart from the order's own life."""

from datetime import datetime
from enum import Enum
from typing import Any

from msgspec import Struct

from aforo.domain.identifiers import OrderId


class DeliveryState(Enum):
    """OUTBOX: committed, not yet on the queue.   PUBLISHED: the queue has it.   ANSWERED: the commercial system has it.

    KEPT: there is no address to send it to; it waits to be asked for.
    """

    OUTBOX = "outbox"
    PUBLISHED = "published"
    ANSWERED = "answered"
    KEPT = "kept"


DELIVERY_EDGES: dict[DeliveryState, dict[DeliveryState, str]] = {
    DeliveryState.OUTBOX: {DeliveryState.PUBLISHED: "the queue confirms it"},
    DeliveryState.PUBLISHED: {
        DeliveryState.ANSWERED: "the commercial system acknowledges it",
        DeliveryState.KEPT: "no address to send it to, or the last attempt failed",
    },
    DeliveryState.KEPT: {DeliveryState.ANSWERED: "asked for and handed over"},
    DeliveryState.ANSWERED: {},
}


class ResultMessage(Struct, frozen=True):
    """An order's end as it goes over the queue.

    id: the same at every repetition, so that a receiver can drop what it has.   body: CloudEvents attributes and data.
    """

    id: str
    order_id: OrderId
    body: dict[str, Any]


class NumberedResult(Struct, frozen=True):
    """serial: rises with every result of an installation; gaps may be."""

    serial: int
    message: ResultMessage


class Delivery(Struct, frozen=True, kw_only=True):
    """Where one result stands.   attempts: POSTs begun.   next_at: not to be sent before."""

    message: ResultMessage
    state: DeliveryState
    attempts: int = 0
    next_at: datetime | None = None
