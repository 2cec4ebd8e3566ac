"""What only a visit can settle: which orders go to the field, and what the crew reports of one."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from aforo.domain.causes import CAUSES
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.flow.decision import HEADEND, Decision

FIELD = "Field"


class FieldResult(Enum):
    """What the crew says. It is on record, and proves nothing: only the meter's own values make an order VERIFIED."""

    DONE = "done"
    NOT_DONE = "not done"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReport:
    """by: who reports it.   reference: the work order's number in whatever system keeps them."""

    by: str
    result: FieldResult
    reference: str
    note: str = ""


def is_for_the_field(order: Order) -> bool:
    """It was not carried out, or nobody knows, for a reason that only somebody on the spot can put right."""
    if order.state not in (OrderState.FAILED, OrderState.UNCONFIRMED) or order.cause is None:
        return False
    return CAUSES[order.cause].is_field_work_suggested


def report_field_work(order: Order, report: FieldReport, now: datetime) -> Decision:
    """A fact more; the order stays as it is."""
    payload = {
        "order": order.number,
        "by": report.by,
        "result": report.result.value,
        "reference": report.reference,
        "note": report.note,
    }
    return Decision(order, (Fact(7, now, FIELD, HEADEND, "FieldWorkReported", payload),))
