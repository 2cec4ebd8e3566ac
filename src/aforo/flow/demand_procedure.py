"""The procedure that proves a limit's effect: the demand of the last whole period, and how the supply switch stands."""

from aforo.domain.causes import Cause
from aforo.domain.meter_models import MeterModel
from aforo.domain.readback import CommandResult, DemandReadback, Verdict
from aforo.flow import step5_command_meter as step5
from aforo.flow import step6_answer_from_meter as step6
from aforo.flow.visit import Conversation, MeterTask

PERIOD_S_MAX = 900
"""A longer one may have begun before the limit was set, however long the order has waited."""


def read_demand(_: MeterTask, model: MeterModel) -> Conversation:
    """Whether it proves the limit is for whoever knows the limit."""
    if model.demand is None:
        return CommandResult(Verdict.KO, Cause.NO_DEMAND, f"model {model.name} has no demand register")
    answer = yield step5.get_demand(model.demand, step5.DEMAND_PERIOD)
    period_s = step6.read_period(answer.response)
    if period_s > PERIOD_S_MAX:
        return CommandResult(Verdict.KO, Cause.NO_DEMAND, f"its demand period is {period_s} s, above {PERIOD_S_MAX} s")
    answer = yield step5.get_demand(model.demand, step5.DEMAND_SCALER)
    scaler = step6.read_scaler(answer.response, step6.Monitored(*step5.demand_place(model.demand)))
    answer = yield step5.get_demand(model.demand, step5.DEMAND_CAPTURED)
    captured_at = step6.read_capture_time(answer.response)
    answer = yield step5.get_demand(model.demand, step5.DEMAND_LAST)
    average, read_at = step6.read_average(answer.response), answer.at
    breaker = None
    if model.breaker is not None:
        answer = yield step5.get_breaker_state(model.breaker)
        breaker = step6.read_breaker(answer.response)
    return CommandResult(Verdict.OK, readback=DemandReadback(average, scaler, period_s, captured_at, breaker, read_at))
