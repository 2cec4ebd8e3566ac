"""Which process hosts which steps: the whole deployment. `aforo up` hosts them all in one."""

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

PROCESSES = {
    "integration": (step1_receive_order, step2_route_to_headend, step3_validate_meter, step9_reply_to_legacy),
    "headend": (step3_validate_meter, step4_dispatch_to_concentrator, step7_collect_result, step8_publish_result),
    "concentrator": (step5_command_meter, step6_answer_from_meter),
}
"""Step 3 runs at the door, so that a refusal is told at once, and again before an order is sent (ADR 0008).

"concentrator" is the simulated one, or the real box; for direct and transparent meters it is the head-end itself.
"""
