"""What a step decides: the order as it now stands, the facts, and whether a result leaves."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState, check_transition

LEGACY = "Legacy"
INTEGRATION = "Integration"
HEADEND = "HeadEnd"
CONCENTRATOR = "Concentrator"
METER = "Meter"


class Decision(Struct, frozen=True):
    """Commit order, facts and result together or not at all.

    The order's version is still the one it was loaded with. result: number of the result that goes to the queue because
    this decision brought the order to an end: 1, and 2 for the correction of an end; 0 for none.
    """

    order: Order
    facts: tuple[Fact, ...]
    result: int = 0

    @property
    def ends(self) -> bool:
        return self.result > 0

    def then(self, later: "Decision") -> "Decision":
        """Join two decisions about one order into one commit."""
        return Decision(later.order, self.facts + later.facts, max(self.result, later.result))


def move(order: Order, state: OrderState, at: datetime, *facts: Fact, **changes: Any) -> Decision:
    """Bring the order to a state along an edge of the table. Raises ForbiddenTransition: our own mistake."""
    check_transition(order.state, state)
    if state is order.state:
        return Decision(replace(order, **changes), facts)
    changed = replace(order, state=state, ended_at=at if state.is_end else None, **changes)
    return Decision(changed, facts, result=(2 if order.state.is_end else 1) if state.is_end else 0)
