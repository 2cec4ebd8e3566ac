"""Steps 5 and 6 joined: one visit to one meter, as a conversation free of transport.

Whoever holds the DLMS association drives it: a concentrator, or the head-end itself for direct and transparent meters.
"""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime

from aforo import dlms
from aforo.domain.causes import Cause
from aforo.domain.meter_models import MeterModel
from aforo.domain.order import OrderKind
from aforo.domain.quantities import LimitNotRepresentable, PowerLimit
from aforo.domain.readback import Breaker, CommandResult, Readback, Verdict
from aforo.flow import step5_command_meter as step5
from aforo.flow import step6_answer_from_meter as step6


@dataclass(frozen=True, slots=True)
class Answer:
    """A meter's response and when it came."""

    response: dlms.Response
    at: datetime


Conversation = Generator[dlms.Request, Answer, CommandResult]


class Visit:
    """Ask for the first request, hand in each answer, get the next request or the result.

    A visit is used once. `command_left` tells whether silence from now on means that the outcome is unknown.
    """

    def __init__(self, kind: OrderKind, limit: PowerLimit | None, model: MeterModel) -> None:
        self._conversation = _limit(limit, model) if kind is OrderKind.LIMIT and limit else _read(model)
        self.command_left = False

    def begin(self) -> dlms.Request:
        return next(self._conversation)

    def answer(self, response: dlms.Response, at: datetime) -> dlms.Request | CommandResult:
        try:
            request = self._conversation.send(Answer(response, at))
        except StopIteration as done:
            result: CommandResult = done.value
            return result
        except step6.VisitFailed as failed:
            return failed.result
        self.command_left = self.command_left or isinstance(request, dlms.SetRequest)
        return request

    def lost(self, cause: Cause, detail: str) -> CommandResult:
        """The result when the meter falls silent or breaks the protocol: KO only if no command has left."""
        self._conversation.close()
        if self.command_left:
            return CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, detail)
        return CommandResult(Verdict.KO, cause, detail)


def _limit(limit: PowerLimit | None, model: MeterModel) -> Conversation:
    assert limit is not None
    scaler = yield from _scaler(model)
    answer = yield step5.get_threshold_normal(model)
    before = step6.read_threshold(answer.response)
    try:
        value = limit.scaled(scaler, highest=before.highest)
    except LimitNotRepresentable as wrong:
        return CommandResult(Verdict.KO, Cause.LIMIT_NOT_REPRESENTABLE, str(wrong))
    answer = yield step5.set_threshold_normal(model, before.tag, value)
    step6.check_written(answer.response)
    try:
        readback = yield from _readback(model, before=before.value, written=value, scaler=scaler)
    except step6.VisitFailed as failed:
        detail = f"written, but the reading back was refused: {failed.result.detail}"
        return CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, detail)
    return step6.judge(readback)


def _read(model: MeterModel) -> Conversation:
    scaler = yield from _scaler(model)
    readback = yield from _readback(model, before=None, written=None, scaler=scaler)
    return CommandResult(Verdict.OK, readback=readback)


def _scaler(model: MeterModel) -> Generator[dlms.Request, Answer, int]:
    """The power of ten of watts in which the meter counts its thresholds: the monitored register's own.

    A model's fixed scale is for meters that do not tell it. Where the meter tells another one, nothing is written: the
    limit would be wrong by a power of ten, and read back as right.
    """
    if model.scaler is None:
        return (yield from _told_scaler(model))
    try:
        told = yield from _told_scaler(model)
    except step6.VisitFailed as failed:
        if failed.result.cause in step6.SCALE_NOT_TOLD:
            return model.scaler
        raise
    if told != model.scaler:
        detail = f"the meter counts in 10^{told} W, model {model.name} in 10^{model.scaler} W"
        raise step6.VisitFailed(Cause.SCALE_MISMATCH, detail)
    return told


def _told_scaler(model: MeterModel) -> Generator[dlms.Request, Answer, int]:
    answer = yield step5.get_monitored_value(model)
    monitored = step6.read_monitored_value(answer.response)
    answer = yield step5.get_scaler_unit(monitored.class_id, monitored.obis)
    return step6.read_scaler(answer.response, monitored)


def _readback(
    model: MeterModel, *, before: int | None, written: int | None, scaler: int
) -> Generator[dlms.Request, Answer, Readback]:
    answer = yield step5.get_threshold_normal(model)
    threshold, read_at = step6.read_threshold(answer.response).value, answer.at
    answer = yield step5.get_threshold_active(model)
    active = step6.read_optional_integer(answer.response)
    answer = yield step5.get_emergency_profile_active(model)
    emergency = step6.read_optional_boolean(answer.response)
    breaker: Breaker | None = None
    if model.breaker is not None:
        answer = yield step5.get_breaker_state(model.breaker)
        breaker = step6.read_breaker(answer.response)
    return Readback(
        before=threshold if before is None else before,
        written=written,
        threshold=threshold,
        active=active,
        scaler=scaler,
        read_at=max(read_at, answer.at),
        emergency=emergency,
        breaker=breaker,
    )
