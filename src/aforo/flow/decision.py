"""What a step decides: the order as it now stands, the facts, and whether a result leaves."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState, check_transition

LEGACY = "Legacy"
INTEGRATION = "Integration"
HEADEND = "HeadEnd"
CONCENTRATOR = "Concentrator"
METER = "Meter"


@dataclass(frozen=True, slots=True)
class Decision:
    """Commit order, facts and result together or not at all.

    The order's version is still the one it was loaded with. ends: this decision brought the order to an end, so its
    result goes to the queue.
    """

    order: Order
    facts: tuple[Fact, ...]
    ends: bool = False

    def then(self, later: "Decision") -> "Decision":
        """Join two decisions about one order into one commit."""
        return Decision(later.order, self.facts + later.facts, self.ends or later.ends)


def move(order: Order, state: OrderState, at: datetime, *facts: Fact, **changes: Any) -> Decision:
    """Bring the order to a state along an edge of the table. Raises ForbiddenTransition: our own mistake."""
    check_transition(order.state, state)
    ended_at = at if state.is_end else None
    changed = replace(order, state=state, ended_at=ended_at, **changes)
    return Decision(changed, facts, ends=state.is_end)
