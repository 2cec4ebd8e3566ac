"""The procedure of the supply switch: its state read, moved where it must be, and read again from the meter itself."""

from collections.abc import Generator
from dataclasses import dataclass

from msgspec.structs import replace

from aforo import dlms
from aforo.domain.causes import Cause
from aforo.domain.meter_models import MeterModel
from aforo.domain.order_kinds import OrderKind
from aforo.domain.readback import Breaker, CommandResult, SupplyReadback, Verdict
from aforo.flow import step5_command_meter as step5
from aforo.flow import step6_answer_from_meter as step6
from aforo.flow.visit import Answer, Command, Conversation, MeterTask, Procedure


@dataclass(frozen=True, slots=True)
class Switching:
    """A kind of order that moves the switch. method: of class 70, with its name for people.

    wanted: control_state that it leads to.
    """

    kind: OrderKind
    method: int
    name: str
    wanted: Breaker

    @property
    def procedure(self) -> Procedure:
        return Procedure(self._command, self._look)

    def _command(self, _: MeterTask, model: MeterModel) -> Conversation:
        """What is so already is read and not commanded again."""
        code = _breaker(model)
        before = yield from _read(code)
        if self.kind.holds(before, None):
            return CommandResult(Verdict.OK, readback=before)
        if model.never_opens:
            raise step6.VisitFailed(
                Cause.NO_SWITCH, f"the switch of model {model.name} obeys no command: control_mode 0"
            )
        answer = yield Command(step5.move_breaker(code, self.method), before.state.value, self.method)
        step6.check_moved(answer.response, self.name)
        try:
            after = yield from _read(code)
        except step6.VisitFailed as failed:
            detail = f"commanded, but the reading back was refused: {failed.result.detail}"
            return CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, detail)
        return self._judge(replace(after, before=before.state, is_commanded=True))

    def _look(self, task: MeterTask, model: MeterModel) -> Conversation:
        """Judged when a command of the task has left."""
        seen = yield from _read(_breaker(model))
        if task.written is None:
            return CommandResult(Verdict.OK, readback=seen)
        before = seen.before if task.before is None else Breaker(task.before)
        return self._judge(replace(seen, before=before, is_commanded=True))

    def _judge(self, readback: SupplyReadback) -> CommandResult:
        return step6.judge_switch(readback, holds=self.kind.holds(readback, None), wanted=self.wanted)


def look_at_supply(_: MeterTask, model: MeterModel) -> Conversation:
    seen = yield from _read(_breaker(model))
    return CommandResult(Verdict.OK, readback=seen)


def _breaker(model: MeterModel) -> str:
    if model.breaker is None:
        raise step6.VisitFailed(Cause.NO_SWITCH, f"model {model.name} has no supply switch")
    return model.breaker


def _read(code: str) -> Generator[dlms.Request, Answer, SupplyReadback]:
    answer = yield step5.get_breaker_state(code)
    state = step6.read_switch(answer.response)
    answer = yield step5.get_breaker_output(code)
    output = step6.read_output(answer.response)
    return SupplyReadback(before=state, state=state, output=output, is_commanded=False, read_at=answer.at)
