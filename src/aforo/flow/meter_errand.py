"""Steps 5 and 6 as one errand to one meter, from the association to a result that is never a guess.

Driven by whoever has the line: a concentrator in delegated mode, the head-end for direct and transparent meters.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from aforo import dlms
from aforo.dlms.settings import Ciphering
from aforo.domain.causes import Cause
from aforo.domain.meter_models import MeterModel
from aforo.domain.order import OrderKind
from aforo.domain.quantities import PowerLimit
from aforo.domain.readback import CommandResult, Verdict
from aforo.flow.device_client import Conversation, DeviceClient, DeviceLost, whole
from aforo.flow.step6_answer_from_meter import judge
from aforo.flow.visit import Visit

RECONCILIATION_TRIES = 2
"""Attempts to read what became of a command that was not answered."""


@dataclass(slots=True)
class MeterTask:
    """What is to be done at a meter, and how far it has come; kept durably by a concentrator.

    not_after: no command begins later, however long it took to reach the meter.
    before: threshold that the meter told before the SET.   written: raw value of which a SET has left or
    is about to, into whichever threshold.   is_urgent: the meter is told, by the priority bit of every request.
    """

    kind: OrderKind
    limit: PowerLimit | None
    not_after: datetime | None = None
    before: int | None = None
    written: int | None = None
    is_urgent: bool = False


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
        visit = Visit(task.kind, task.limit, model)
        request: dlms.Request = visit.begin()
        while True:
            if isinstance(request, dlms.SetRequest) and task.written is None:
                task.before, task.written = visit.before, whole(request.data)
            try:
                response, at = yield from self._client.ask(replace(request, high=task.is_urgent))
            except DeviceLost as lost:
                if visit.lost(lost.cause, lost.detail).verdict is Verdict.UNKNOWN:
                    return (yield from self._reconcile(task, model, lost.detail))
                raise
            outcome = visit.answer(response, at)
            if isinstance(outcome, CommandResult):
                return outcome
            begins = isinstance(outcome, dlms.SetRequest) and task.written is None
            if begins and task.not_after is not None and at > task.not_after:
                detail = f"reached at {at.isoformat()}, not to begin after {task.not_after.isoformat()}"
                return CommandResult(Verdict.KO, Cause.EXPIRED, detail)
            request = outcome

    def _reconcile(self, task: MeterTask, model: MeterModel, why: str) -> Conversation[CommandResult]:
        """The SET may have arrived: only the meter itself can tell, so it is read, never commanded again."""
        for _ in range(RECONCILIATION_TRIES):
            self._client.forget()
            try:
                yield from self._client.handshake()
                read = yield from self._read(task, model)
            except DeviceLost as lost:
                why = f"{why}; then {lost.detail}"
                continue
            if read.readback is None:
                why = f"{why}; then {read.detail}"
                break
            before = read.readback.before if task.before is None else task.before
            return judge(replace(read.readback, before=before, written=task.written))
        self._client.forget()
        return CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, why)

    def _read(self, task: MeterTask, model: MeterModel) -> Conversation[CommandResult]:
        visit = Visit(OrderKind.READ, None, model, sought=task.written)
        request: dlms.Request = visit.begin()
        while True:
            response, at = yield from self._client.ask(replace(request, high=task.is_urgent))
            outcome = visit.answer(response, at)
            if isinstance(outcome, CommandResult):
                return outcome
            request = outcome
