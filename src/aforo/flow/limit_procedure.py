"""The procedure of a limit: thresholds read, written where they differ, and read back from the meter itself."""

from collections.abc import Generator

from msgspec.structs import replace

from aforo import dlms
from aforo.domain.causes import Cause
from aforo.domain.meter_models import LimitMethod, MeterModel
from aforo.domain.quantities import LimitNotRepresentable
from aforo.domain.readback import Breaker, CommandResult, Readback, Verdict
from aforo.flow import step5_command_meter as step5
from aforo.flow import step6_answer_from_meter as step6
from aforo.flow import temporary_limit
from aforo.flow.visit import Answer, Command, Conversation, MeterTask, Step


def set_limit(task: MeterTask, model: MeterModel) -> Conversation:
    """A limit that the meter holds already is read back and not written again.

    One that ends is given to a meter that can end it by itself as its emergency threshold, and stands in force beside
    the lasting one. A lasting one ends what is left of such a limit.
    """
    assert task.limit is not None, "a limit is set to something"
    scaler = yield from _scaler(model)
    places = step5.threshold_places(model)
    kept = yield from _thresholds(places)
    try:
        value = task.limit.scaled(scaler, highest=min(each.highest for each in kept))
    except LimitNotRepresentable as wrong:
        return CommandResult(Verdict.KO, Cause.LIMIT_NOT_REPRESENTABLE, str(wrong))
    standing = yield from temporary_limit.standing(model)
    before = _telling([each.value for each in kept], None)
    if isinstance(standing, temporary_limit.Standing):
        before = standing.threshold.value
    held = list(zip(places, kept, strict=True))
    if task.until is None or model.emergency_profile is None:
        is_written = yield from _set_lasting(model, held, value, before, standing)
        return (yield from _judged(model, scaler, value, before, is_written=is_written))
    try:
        is_written = yield from temporary_limit.set_until(
            model, temporary_limit.Ending(value, task.until, before), standing
        )
    except temporary_limit.NotOffered as why:
        is_written = yield from _set_lasting(model, held, value, before, standing)
        result = yield from _judged(model, scaler, value, before, is_written=is_written)
        return replace(result, detail=result.detail or f"the meter does not end it by itself: {why}")
    result = yield from _judged(model, scaler, value, before, is_written=is_written)
    return temporary_limit.judge(result, task.until)


def _set_lasting(
    model: MeterModel,
    held: list[tuple[step5.ThresholdPlace, step6.Threshold]],
    value: int,
    before: int,
    standing: temporary_limit.Standing | temporary_limit.Foreign | None,
) -> Generator[Step, Answer, bool]:
    """Whether anything was written. standing: a temporary limit of ours in force ends."""
    ends = isinstance(standing, temporary_limit.Standing)
    if ends:
        yield from temporary_limit.end(model, before, value)
    if all(threshold.value == value for _, threshold in held):
        return ends
    for written, (place, threshold) in enumerate(held):
        answer = yield Command(step5.set_threshold(place, threshold.tag, value), before, value)
        step6.check_written(answer.response, written=written, of=len(held))
    return True


def _judged(
    model: MeterModel, scaler: int, value: int, before: int, *, is_written: bool
) -> Generator[Step, Answer, CommandResult]:
    try:
        readback = yield from _readback(model, before=before, scaler=scaler, sought=value)
    except step6.VisitFailed as failed:
        if not is_written:
            raise
        detail = f"written, but the reading back was refused: {failed.result.detail}"
        return CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, detail)
    return step6.judge(replace(readback, written=value if is_written else None), value, model.verify)


def look_at_limit(task: MeterTask, model: MeterModel) -> Conversation:
    """Compared with what the task's command wrote, if it did."""
    scaler = yield from _scaler(model)
    readback = yield from _readback(model, before=task.before, scaler=scaler, sought=task.written)
    if task.written is None:
        return CommandResult(Verdict.OK, readback=readback)
    return step6.judge(replace(readback, written=task.written), task.written, model.verify)


def _thresholds(
    places: tuple[step5.ThresholdPlace, ...],
) -> Generator[dlms.Request, Answer, list[step6.Threshold]]:
    kept = []
    for place in places:
        answer = yield step5.get_threshold(place)
        kept.append(step6.read_threshold(answer.response))
    return kept


def _telling(values: list[int], sought: int | None) -> int:
    """Of several thresholds the one that tells most: what is not as it was sought, else the highest."""
    return next((value for value in values if sought is not None and value != sought), max(values))


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
    if model.method is LimitMethod.REGISTERS:
        return (yield from _scaler_of_registers(model))
    answer = yield step5.get_monitored_value(model)
    monitored = step6.read_monitored_value(answer.response)
    answer = yield step5.get_scaler_unit(monitored.class_id, monitored.obis)
    return step6.read_scaler(answer.response, monitored)


def _scaler_of_registers(model: MeterModel) -> Generator[dlms.Request, Answer, int]:
    scalers = []
    for place in step5.threshold_places(model):
        answer = yield step5.get_scaler_unit(place.class_id, place.obis)
        scalers.append(step6.read_scaler(answer.response, step6.Monitored(place.class_id, place.obis, place.attribute)))
    if len(set(scalers)) > 1:
        powers = ", ".join(f"10^{scaler} W" for scaler in scalers)
        raise step6.VisitFailed(Cause.SCALE_MISMATCH, f"the thresholds count in {powers}: no value means one limit")
    return scalers[0]


def _readback(
    model: MeterModel, *, before: int | None, scaler: int, sought: int | None
) -> Generator[dlms.Request, Answer, Readback]:
    """before: None takes what is read now.   sought: what the thresholds should be; None when only reading."""
    values, answer = [], None
    for place in step5.threshold_places(model):
        answer = yield step5.get_threshold(place)
        values.append(step6.read_threshold(answer.response).value)
    assert answer is not None, "a model has a threshold"
    threshold, read_at = _telling(values, sought), answer.at
    active: int | None = None
    emergency: bool | None = None
    if model.method is LimitMethod.LIMITER:
        answer = yield step5.get_threshold_active(model)
        active = step6.read_optional_integer(answer.response)
        answer = yield step5.get_emergency_profile_active(model)
        emergency = step6.read_optional_boolean(answer.response)
    standing = yield from temporary_limit.in_force(model, is_active=emergency)
    ours = standing if isinstance(standing, temporary_limit.Standing) else None
    if ours is not None:
        threshold = ours.threshold.value
    breaker: Breaker | None = None
    if model.breaker is not None:
        answer = yield step5.get_breaker_state(model.breaker)
        breaker = step6.read_breaker(answer.response)
    return Readback(
        before=threshold if before is None else before,
        written=None,
        threshold=threshold,
        active=active,
        scaler=scaler,
        read_at=max(read_at, answer.at),
        emergency=emergency,
        breaker=breaker,
        restores_at=None if ours is None else ours.ends_at,
    )
