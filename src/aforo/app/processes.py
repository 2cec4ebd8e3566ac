"""Which process hosts which steps: the whole deployment. `aforo up` hosts them all in one."""

from dataclasses import dataclass
from types import ModuleType

from aforo.engine.headend import HEADEND_LOOPS, INTEGRATION_LOOPS
from aforo.flow import (
    step1_receive_order,
    step2_route_to_headend,
    step3_validate_meter,
    step4_dispatch_to_concentrator,
    step5_command_meter,
    step6_answer_from_meter,
    step7_collect_result,
    step8_publish_result,
    step9_reply_to_legacy,
)

INTEGRATION = (step1_receive_order, step2_route_to_headend, step3_validate_meter, step9_reply_to_legacy)
HEADEND = (step3_validate_meter, step4_dispatch_to_concentrator, step7_collect_result, step8_publish_result)
CONCENTRATOR = (step5_command_meter, step6_answer_from_meter)
"""Step 3 runs at the door, so that a refusal is told at once, and again before an order is sent (ADR 0008).

CONCENTRATOR is the simulated one, or the real box; for direct and transparent meters it is the head-end itself.
"""


@dataclass(frozen=True, slots=True)
class Process:
    """steps: hosted by it.   loops: of the engine, see `aforo.engine.headend`.   takes_orders: it has the SOAP door.

    Any number of each may run over one database.
    """

    name: str
    steps: tuple[ModuleType, ...]
    loops: frozenset[str]
    takes_orders: bool


PROCESSES = {
    process.name: process
    for process in (
        Process("up", (*INTEGRATION, *HEADEND[1:]), INTEGRATION_LOOPS | HEADEND_LOOPS, takes_orders=True),
        Process("integration", INTEGRATION, INTEGRATION_LOOPS, takes_orders=True),
        Process("headend", HEADEND, HEADEND_LOOPS, takes_orders=False),
    )
}
"""By the command that runs it."""
