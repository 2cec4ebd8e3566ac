"""A meter reader's visit to a simulated meter, over the real association: limits, refusals, answers that are lost."""

from datetime import timedelta

import pytest

from aforo.dlms import ActionRequest, ActionResponse, DataAccess, GetRequest, GetResponse, SetRequest, data, dates
from aforo.dlms.obis import obis
from aforo.domain.causes import Cause
from aforo.domain.readback import Breaker, Readback, Verdict
from aforo.simulator.meter import Meter
from aforo.simulator.meter_settings import EventCode
from unit.simulator.driven_meter import NOON, SECOND, Reader, a_meter

LIMITER, SWITCH, CLOCK = obis("0-0:17.0.0.255"), obis("0-0:96.3.10.255"), obis("0-0:1.0.0.255")


def value(reader: Reader, class_id: int, name: str, attribute: int) -> data.Value:
    answer = reader.ask(GetRequest(class_id, obis(name), attribute))
    assert isinstance(answer, GetResponse)
    assert answer.data is not None, answer.result
    return data.decode(answer.data)


def an_associated(meter: Meter) -> Reader:
    reader = Reader(meter.line())
    reader.associate()
    return reader


@pytest.mark.parametrize(("scaler", "raw"), [(0, 2_500), (1, 250), (2, 25), (-1, 25_000)])
def test_a_limit_is_written_and_read_back_in_the_meter_s_own_scale(scaler: int, raw: int) -> None:
    meter = a_meter(3_400, scaler=scaler, limit_w=9_900)

    result = Reader(meter.line()).limit(2_500)

    assert (result.verdict, result.cause) == (Verdict.OK, None)
    assert isinstance(result.readback, Readback)
    assert (result.readback.written, result.readback.threshold, result.readback.active) == (raw, raw, raw)
    assert result.readback.scaler == scaler
    assert result.readback.before_watts == 9_900
    assert (meter.threshold_w, meter.threshold) == (2_500, raw)


def test_a_limit_below_the_load_cuts_it_after_the_duration() -> None:
    meter = a_meter(3_400, limit_w=9_900, min_over_threshold_s=2)
    reader = Reader(meter.line())

    reader.limit(2_500)

    assert meter.supplied_w(NOON + 1 * SECOND) == 3_400
    assert meter.supplied_w(NOON + 2 * SECOND) == 0
    assert [event.code for event in meter.events] == [EventCode.LIMIT_CHANGED, EventCode.LIMIT_TRIP]
    reader.now += 5 * SECOND
    read = reader.read()
    assert isinstance(read.readback, Readback)
    assert read.readback.breaker is Breaker.READY_FOR_RECONNECTION


def test_a_limit_that_stands_already_is_no_event() -> None:
    meter = a_meter(limit_w=2_500)

    result = Reader(meter.line()).limit(2_500)

    assert result.verdict is Verdict.OK
    assert meter.events == ()


def test_a_limit_beyond_the_meter_is_refused_by_it() -> None:
    meter = a_meter(limit_w=9_900, max_power_w=11_000)

    result = Reader(meter.line()).limit(12_000)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.METER_REFUSED)
    assert meter.threshold_w == 9_900


def test_what_a_meter_refuses_on_demand_is_the_answer() -> None:
    meter = a_meter(limit_w=9_900)
    meter.faults.refuse_command = DataAccess.HARDWARE_FAULT

    result = Reader(meter.line()).limit(2_500)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.HARDWARE_FAULT)
    assert meter.threshold_w == 9_900


def test_a_meter_that_only_pretends_is_found_out() -> None:
    meter = a_meter(limit_w=9_900)
    meter.faults.pretends_to_obey = True

    result = Reader(meter.line()).limit(2_500)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.VERIFY_MISMATCH)


def test_a_lost_answer_is_found_carried_out_by_reading() -> None:
    meter = a_meter(limit_w=9_900)
    meter.faults.swallow_answer_to_next_command = True

    result = Reader(meter.line()).limit(2_500)

    assert result.verdict is Verdict.OK
    assert isinstance(result.readback, Readback)
    assert result.readback.before_watts == 9_900
    assert [event.code for event in meter.events] == [EventCode.LIMIT_CHANGED]
    assert not meter.faults.swallow_answer_to_next_command


def test_a_command_that_was_not_heard_is_found_not_carried_out() -> None:
    meter = a_meter(limit_w=9_900)
    meter.faults.lose_next_command = True

    result = Reader(meter.line()).limit(2_500)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.VERIFY_MISMATCH)
    assert meter.threshold_w == 9_900
    assert not meter.faults.lose_next_command


def test_a_silent_meter_is_unreachable_and_does_nothing() -> None:
    meter = a_meter(limit_w=9_900)
    meter.faults.silent = True

    result = Reader(meter.line(), known_counter=None).limit(2_500)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.METER_UNREACHABLE)
    assert meter.threshold_w == 9_900


def test_an_emergency_profile_in_force_is_told() -> None:
    meter = a_meter(1_000, limit_w=9_900, emergency_limit_w=1_500)
    reader = an_associated(meter)
    profile = data.structure(data.u16(4), data.octets(dates.encode(NOON)), data.u32(3_600))
    reader.ask(SetRequest(71, LIMITER, 8, profile))
    reader.ask(SetRequest(71, LIMITER, 9, data.array(data.u16(4))))

    result = reader.limit(2_500)

    assert result.verdict is Verdict.OK
    assert isinstance(result.readback, Readback)
    assert (result.readback.active, result.readback.emergency) == (1_500, True)


def test_the_registers_show_power_and_energy() -> None:
    meter = a_meter(3_456, scaler=1)
    reader = an_associated(meter)
    reader.now += timedelta(hours=2)

    assert value(reader, 3, "1-0:1.7.0.255", 2) == 345
    assert value(reader, 3, "1-0:1.7.0.255", 3) == (1, 27)
    assert value(reader, 3, "1-0:1.8.0.255", 2) == 6_912
    assert value(reader, 3, "1-0:1.8.0.255", 3) == (0, 30)


def test_an_open_breaker_supplies_nothing() -> None:
    meter = a_meter(3_456)
    reader = an_associated(meter)

    answer = reader.ask(ActionRequest(70, SWITCH, 1, data.i8(0)))

    assert answer == ActionResponse(DataAccess.SUCCESS)
    assert value(reader, 3, "1-0:1.7.0.255", 2) == 0
    assert value(reader, 70, "0-0:96.3.10.255", 2) is False
    assert (meter.breaker, meter.supplied_w(NOON)) == (Breaker.DISCONNECTED, 0)
    assert [(event.code, event.power_w) for event in meter.events] == [(EventCode.REMOTE_DISCONNECT, 3_456)]


def test_a_clock_runs_ahead_until_it_is_set() -> None:
    meter = a_meter(clock_offset=timedelta(minutes=3))
    reader = an_associated(meter)
    assert value(reader, 8, "0-0:1.0.0.255", 2) == dates.encode(NOON + timedelta(minutes=3))

    reader.ask(SetRequest(8, CLOCK, 2, data.octets(dates.encode(NOON))))

    reader.now += 10 * SECOND
    assert value(reader, 8, "0-0:1.0.0.255", 2) == dates.encode(NOON + 10 * SECOND)


def test_a_meter_tells_who_it_is() -> None:
    reader = an_associated(a_meter())

    assert value(reader, 1, "0-0:42.0.0.255", 2) == b"AFO0000020300001"
    assert value(reader, 17, "0-0:41.0.0.255", 2) == ((1, b"AFO0000020300001"),)
    assert value(reader, 64, "0-0:43.0.0.255", 5) == bytes.fromhex("41464F0000000001")
    assert value(reader, 64, "0-0:43.0.0.255", 4) == bytes.fromhex("4845530000000001")


def test_the_whole_object_list_fits_one_apdu() -> None:
    listed = value(an_associated(a_meter()), 15, "0-0:40.0.0.255", 2)

    assert isinstance(listed, tuple)
    assert sorted(entry[0] for entry in listed if isinstance(entry, tuple) and isinstance(entry[0], int)) == sorted(
        [1, 1, 17, 64, 8, 3, 3, 3, 3, 5, 4, 7, 7, 71, 70, 15]
    )
