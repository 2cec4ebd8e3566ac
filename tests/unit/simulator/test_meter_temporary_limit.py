"""A limit with an end, at a meter whose limiter ends it by itself."""

from datetime import datetime, timedelta

import pytest

from aforo import dlms
from aforo.dlms import DataAccess, data, dates
from aforo.dlms.cosem.limiter import EmergencyProfile
from aforo.domain.causes import Cause
from aforo.domain.meter_models import GENERIC, MeterModel
from aforo.domain.quantities import PowerLimit
from aforo.domain.readback import CommandResult, Readback, Verdict
from aforo.flow import step5_command_meter as step5
from aforo.flow.limit_procedure import set_limit
from aforo.flow.meter_errand import MeterErrand
from aforo.flow.visit import Command, MeterTask, Visit
from aforo.simulator.meter import Meter
from unit.simulator.driven_meter import MODEL, NOON, SECOND, Reader, a_meter

ENDING = MeterModel(name=GENERIC, title="Ends a limit by itself", emergency_profile=7)
HOUR = timedelta(hours=1)


def limit(reader: Reader, watts: int, until: datetime | None = None, model: MeterModel = ENDING) -> CommandResult:
    task = MeterTask("LIMIT", PowerLimit(watts), until)
    return reader.drive(MeterErrand(reader.client).carry_out(task, model))


def seen(result: CommandResult) -> Readback:
    assert result.verdict is Verdict.OK, result
    assert isinstance(result.readback, Readback)
    return result.readback


@pytest.fixture
def meter() -> Meter:
    return a_meter(
        3_400, limit_w=9_900, max_power_w=9_900, min_over_threshold_s=60, control_mode=5, min_under_threshold_s=1
    )


@pytest.fixture
def reader(meter: Meter) -> Reader:
    return Reader(meter.line())


def threshold_active(reader: Reader, at: datetime) -> int:
    reader.now = at
    answer = reader.ask(step5.get_threshold_active(ENDING))
    assert isinstance(answer, dlms.GetResponse)
    value = data.decode(answer.data or b"")
    assert isinstance(value, int)
    return value


def test_the_meter_itself_ends_it_with_nobody_there(meter: Meter, reader: Reader) -> None:
    result = seen(limit(reader, 2_500, NOON + HOUR))

    assert (result.threshold, result.active, result.emergency, result.written) == (2_500, 2_500, True, 2_500)
    assert result.before == 9_900
    assert result.restores_at == NOON + HOUR
    assert threshold_active(reader, NOON + HOUR - SECOND) == 2_500
    assert threshold_active(reader, NOON + HOUR) == 9_900
    meter.advance(NOON + 2 * HOUR)
    assert meter.supplied_w(NOON + 2 * HOUR) == 3_400


@pytest.mark.parametrize("ahead_s", [-86_400, -40, 0, 90, 7_200])
def test_a_meter_whose_clock_is_off_ends_it_in_time_all_the_same(ahead_s: int) -> None:
    reader = Reader(a_meter(limit_w=9_900, clock_offset=ahead_s * SECOND).line())

    result = seen(limit(reader, 2_500, NOON + HOUR))

    assert result.restores_at == NOON + HOUR
    assert threshold_active(reader, NOON + HOUR - SECOND) == 2_500
    assert threshold_active(reader, NOON + HOUR) == 9_900


def test_the_same_limit_with_the_same_end_is_not_written_again(reader: Reader) -> None:
    limit(reader, 2_500, NOON + HOUR)
    reader.now = NOON + 10 * SECOND

    again = seen(limit(reader, 2_500, NOON + HOUR))

    assert again.written is None
    assert again.restores_at == NOON + HOUR


@pytest.mark.parametrize(("watts", "ends"), [(2_500, NOON + 2 * HOUR), (1_500, NOON + HOUR)])
def test_another_end_or_another_limit_replaces_it(reader: Reader, watts: int, ends: datetime) -> None:
    limit(reader, 2_500, NOON + HOUR)

    later = seen(limit(reader, watts, ends))

    assert (later.before, later.threshold, later.written, later.restores_at) == (2_500, watts, watts, ends)


@pytest.mark.parametrize("watts", [4_000, 9_900])
def test_a_lasting_limit_ends_the_temporary_one(reader: Reader, watts: int) -> None:
    """Also one that the meter held all the time beneath it."""
    limit(reader, 2_500, NOON + HOUR)

    lasting = seen(limit(reader, watts))

    assert (lasting.before, lasting.threshold, lasting.active, lasting.emergency) == (2_500, watts, watts, False)
    assert lasting.written == watts
    assert threshold_active(reader, NOON + 2 * HOUR) == watts


def test_a_reading_tells_the_limit_in_force_and_its_end(reader: Reader) -> None:
    limit(reader, 2_500, NOON + HOUR)

    reading = seen(reader.read(ENDING))

    assert (reading.threshold, reading.restores_at) == (2_500, NOON + HOUR)


def test_where_another_emergency_profile_is_in_force_the_limit_is_set_for_good(meter: Meter, reader: Reader) -> None:
    """The grid's emergency is not ended for one customer; the restoring order ends this limit."""
    grid = EmergencyProfile(3, dates.encode(NOON), 7_200)
    reader.associate()
    reader.ask(step5.set_emergency_profile(ENDING, grid))
    reader.ask(step5.set_emergency_groups(ENDING, (3,)))

    result = limit(reader, 4_000, NOON + HOUR)

    assert result.detail == "held; the meter applies its emergency profile now"
    assert seen(result).threshold == 4_000
    assert seen(result).restores_at is None
    assert meter.memory.limiter is not None
    assert meter.memory.limiter.profile == grid
    assert meter.memory.limiter.groups == (3,)


def changed(reader: Reader, attribute: int, answer: dlms.GetResponse, until: datetime) -> CommandResult:
    """The procedure at a meter that answers so when it is asked for that attribute of its limiter."""
    visit = Visit(set_limit(MeterTask("LIMIT", PowerLimit(2_500), until), ENDING))
    reader.associate()
    step = visit.begin()
    while not isinstance(step, CommandResult):
        request = step.request if isinstance(step, Command) else step
        is_changed = isinstance(request, dlms.GetRequest) and (request.class_id, request.attribute) == (71, attribute)
        step = visit.answer(answer if is_changed else reader.ask(request), reader.now)
    return step


@pytest.mark.parametrize("attribute", [step5.EMERGENCY_PROFILE, step5.EMERGENCY_GROUPS, step5.THRESHOLD_EMERGENCY])
def test_a_meter_without_the_profile_is_limited_for_good_and_that_is_said(reader: Reader, attribute: int) -> None:
    absent = dlms.GetResponse(DataAccess.OBJECT_UNDEFINED, None)

    result = changed(reader, attribute, absent, NOON + HOUR)

    assert seen(result).restores_at is None
    assert seen(result).threshold == 2_500
    assert result.detail.startswith("the meter does not end it by itself: ")


def test_a_meter_that_ends_it_at_another_time_has_not_done_what_was_ordered(reader: Reader) -> None:
    begins = data.octets(dates.encode(NOON))
    shorter = dlms.GetResponse(DataAccess.SUCCESS, data.structure(data.u16(7), begins, data.u32(600)))

    result = changed(reader, step5.EMERGENCY_PROFILE, shorter, NOON + HOUR)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.VERIFY_MISMATCH)
    assert "the meter ends it at 2026-11-24T12:10:00" in result.detail


def test_a_model_without_it_keeps_the_limit_until_the_restoring_order(reader: Reader) -> None:
    result = limit(reader, 2_500, NOON + HOUR, MODEL)

    assert seen(result).restores_at is None
    assert threshold_active(reader, NOON + 2 * HOUR) == 2_500
