"""A limit that the meter itself ends: the emergency profile of a Limiter (class 71), whose number the model gives.

While it is active the meter compares with threshold_emergency, and afterwards with the threshold it had before, also
when nobody reaches it. Its time counts by the meter's own clock, whose deviation is read at the same time.
"""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta

from aforo import dlms
from aforo.dlms import dates
from aforo.dlms.cosem.limiter import EmergencyProfile
from aforo.domain.causes import Cause
from aforo.domain.meter_models import MeterModel
from aforo.domain.readback import CommandResult, Readback, Verdict
from aforo.flow import step5_command_meter as step5
from aforo.flow import step6_answer_from_meter as step6
from aforo.flow.visit import Answer, Command, Step

END_TOLERANCE = timedelta(seconds=5)
"""Between the end that was ordered and the one the meter keeps: its clock tells seconds, and answers take time."""

_SECOND = timedelta(seconds=1)
_NOT_OFFERED = frozenset(
    {Cause.OBJECT_UNDEFINED, Cause.OBJECT_UNAVAILABLE, Cause.ACCESS_DENIED, Cause.METER_REFUSED, Cause.TYPE_UNMATCHED}
)


class NotOffered(Exception):
    """The meter cannot be made to end this limit by itself; nothing was written. The message says why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A temporary limit of ours in force. ends_at: in true time; None when the meter's clock does not tell."""

    threshold: step6.Threshold
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Foreign:
    """An emergency profile of somebody else's in force."""

    profile_id: int


def in_force(
    model: MeterModel, *, is_active: bool | None
) -> Generator[dlms.Request, Answer, Standing | Foreign | None]:
    """is_active: as the meter has just told; without it, or without a profile in the model, there is none."""
    if model.emergency_profile is None or not is_active:
        return None
    answer = yield step5.get_emergency(model, step5.EMERGENCY_PROFILE)
    profile = step6.read_profile(answer.response)
    if profile.profile_id != model.emergency_profile:
        return Foreign(profile.profile_id)
    answer = yield step5.get_emergency(model, step5.THRESHOLD_EMERGENCY)
    threshold = step6.read_threshold(answer.response)
    answer = yield step5.get_time()
    begins, time = dates.decode(profile.begins), step6.read_time(answer.response)
    if begins is None or time is None:
        return Standing(threshold, None)
    return Standing(threshold, answer.at + (begins - time) + profile.lasts_s * _SECOND)


def standing(model: MeterModel) -> Generator[dlms.Request, Answer, Standing | Foreign | None]:
    if model.emergency_profile is None:
        return None
    answer = yield step5.get_emergency_profile_active(model)
    return (yield from in_force(model, is_active=step6.read_optional_boolean(answer.response)))


@dataclass(frozen=True, slots=True)
class Ending:
    """What is to be in force until when. before: what the meter told before any command."""

    value: int
    until: datetime
    before: int


def set_until(model: MeterModel, wanted: Ending, now: Standing | Foreign | None) -> Generator[Step, Answer, bool]:
    """Whether anything was written: what is so already is left. Raises NotOffered before the first command."""
    if isinstance(now, Foreign):
        raise NotOffered(f"its emergency profile {now.profile_id} is in use")
    value, until, before = wanted.value, wanted.until, wanted.before
    if now is not None and now.threshold.value == value and _ends_then(now.ends_at, until):
        return False
    try:
        threshold, groups = yield from _offered(model, value, now)
        answer = yield step5.get_time()
        time = step6.read_time(answer.response)
    except step6.VisitFailed as failed:
        if failed.result.cause in _NOT_OFFERED:
            raise NotOffered(failed.result.detail) from failed
        raise
    if time is None:
        raise NotOffered("its clock does not tell which moment it shows")
    lasts_s = max(1, round((until - answer.at) / _SECOND))
    assert model.emergency_profile is not None, "offered only then"
    profile = EmergencyProfile(model.emergency_profile, dates.encode(time.replace(microsecond=0)), lasts_s)
    answer = yield Command(step5.set_threshold(step5.emergency_place(model), threshold.tag, value), before, value)
    step6.check_set(answer.response, "threshold_emergency")
    answer = yield Command(step5.set_emergency_profile(model, profile), before, value)
    step6.check_set(answer.response, "emergency_profile")
    if model.emergency_profile not in groups:
        groups = (*groups, model.emergency_profile)
        answer = yield Command(step5.set_emergency_groups(model, groups), before, value)
        step6.check_set(answer.response, "emergency_profile_group_id_list")
    return True


def end(model: MeterModel, before: int, value: int) -> Generator[Step, Answer, None]:
    """The profile's number leaves the list of those that may be active. value: the limit that is set after it."""
    answer = yield step5.get_emergency(model, step5.EMERGENCY_GROUPS)
    groups = tuple(each for each in step6.read_groups(answer.response) if each != model.emergency_profile)
    answer = yield Command(step5.set_emergency_groups(model, groups), before, value)
    step6.check_set(answer.response, "emergency_profile_group_id_list")


def judge(result: CommandResult, until: datetime) -> CommandResult:
    """Of a limit that holds: does the meter end it when it was ordered to?"""
    readback = result.readback
    if result.verdict is not Verdict.OK or not isinstance(readback, Readback):
        return result
    if readback.restores_at is None:
        detail = "written as a temporary limit, but the meter's emergency profile is not active"
        return CommandResult(Verdict.KO, Cause.VERIFY_MISMATCH, detail, readback)
    if not _ends_then(readback.restores_at, until):
        detail = f"to end at {until.isoformat()}, but the meter ends it at {readback.restores_at.isoformat()}"
        return CommandResult(Verdict.KO, Cause.VERIFY_MISMATCH, detail, readback)
    return result


def _offered(
    model: MeterModel, value: int, now: Standing | None
) -> Generator[dlms.Request, Answer, tuple[step6.Threshold, tuple[int, ...]]]:
    """The emergency threshold, and the numbers of profiles that may be active. now: what of it was read already.

    Raises NotOffered, VisitFailed.
    """
    answer = yield step5.get_emergency(model, step5.EMERGENCY_GROUPS)
    groups = step6.read_groups(answer.response)
    if now is not None:
        threshold = now.threshold
    else:
        answer = yield step5.get_emergency(model, step5.EMERGENCY_PROFILE)
        step6.read_profile(answer.response)  # a meter without one is told by that before anything is written
        answer = yield step5.get_threshold(step5.emergency_place(model))
        threshold = step6.read_threshold(answer.response)
    if value > threshold.highest:
        raise NotOffered(f"its emergency threshold cannot hold {value}")
    return threshold, groups


def _ends_then(ends_at: datetime | None, until: datetime) -> bool:
    return ends_at is not None and abs(ends_at - until) <= END_TOLERANCE
