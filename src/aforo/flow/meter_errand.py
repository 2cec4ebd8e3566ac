"""Steps 5 and 6 as one errand to one meter, from the association to a result that is never a guess.

Driven by whoever has the line: a concentrator in delegated mode, the head-end for direct and transparent meters.
"""

from contextlib import suppress

from msgspec.structs import replace

from aforo.dlms.settings import Ciphering
from aforo.domain.causes import Cause
from aforo.domain.meter_models import MeterModel
from aforo.domain.readback import CommandResult, Verdict
from aforo.flow.device_client import Conversation, DeviceClient, DeviceLost
from aforo.flow.procedures import PROCEDURES
from aforo.flow.visit import Answer, Command, MeterTask, Step, Visit

RECONCILIATION_TRIES = 2
"""Attempts to read what became of a command that was not answered."""


class MeterErrand:
    """carry_out may be run again and again over one client: the association is kept for the next task."""

    def __init__(self, client: DeviceClient) -> None:
        self._client = client

    def carry_out(self, task: MeterTask, model: MeterModel) -> Conversation[CommandResult]:
        """A task to its end. A command that had left before a restart is only looked for by reading."""
        self._client.use(Ciphering(model.ciphering))
        if task.written is not None:
            return (yield from self._reconcile(task, model, "restarted after the command left"))
        if self._client.connection is not None:
            with suppress(DeviceLost):  # a kept association may have ended at the meter: that is no reason to fail
                return (yield from self._visit(task, model))
        self._client.forget()
        try:
            return (yield from self._visit(task, model))
        except DeviceLost as lost:
            self._client.forget()
            return CommandResult(Verdict.KO, lost.cause, lost.detail)

    def _visit(self, task: MeterTask, model: MeterModel) -> Conversation[CommandResult]:
        """Raises DeviceLost only while no command has left."""
        if self._client.connection is None:
            yield from self._client.associate()
        visit = Visit(PROCEDURES[task.procedure].command(task, model))
        step = visit.begin()
        while not isinstance(step, CommandResult):
            if isinstance(step, Command) and task.written is None:
                task.before, task.written = step.before, step.written
            try:
                answer = yield from self._ask(step, task)
            except DeviceLost as lost:
                if visit.lost(lost.cause, lost.detail).verdict is Verdict.UNKNOWN:
                    return (yield from self._reconcile(task, model, lost.detail))
                raise
            step = visit.answer(answer.response, answer.at)
            begins = isinstance(step, Command) and task.written is None
            if begins and task.not_after is not None and answer.at > task.not_after:
                detail = f"reached at {answer.at.isoformat()}, not to begin after {task.not_after.isoformat()}"
                return CommandResult(Verdict.KO, Cause.EXPIRED, detail)
        return step

    def _ask(self, step: Step, task: MeterTask) -> Conversation[Answer]:
        request = step.request if isinstance(step, Command) else step
        response, at = yield from self._client.ask(replace(request, high=task.is_urgent))
        return Answer(response, at)

    def _reconcile(self, task: MeterTask, model: MeterModel, why: str) -> Conversation[CommandResult]:
        """The command may have arrived: only the meter itself can tell, so it is read, never commanded again."""
        for _ in range(RECONCILIATION_TRIES):
            self._client.forget()
            try:
                yield from self._client.handshake()
                seen = yield from self._look(task, model)
            except DeviceLost as lost:
                why = f"{why}; then {lost.detail}"
                continue
            if seen.readback is not None:
                return seen
            why = f"{why}; then {seen.detail}"
            break
        self._client.forget()
        return CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, why)

    def _look(self, task: MeterTask, model: MeterModel) -> Conversation[CommandResult]:
        visit = Visit(PROCEDURES[task.procedure].look(task, model))
        step = visit.begin()
        while not isinstance(step, CommandResult):
            assert not isinstance(step, Command), "looking commands nothing"
            answer = yield from self._ask(step, task)
            step = visit.answer(answer.response, answer.at)
        return step
