"""Visits that move the supply switch: never twice, never by guess, and never believed without a look."""

import pytest

from aforo.dlms.events import DataAccess
from aforo.domain.causes import Cause
from aforo.domain.meter_models import GENERIC, MeterModel
from aforo.domain.readback import Breaker, CommandResult, SupplyReadback, Verdict
from aforo.flow.meter_errand import MeterErrand
from aforo.flow.visit import MeterTask
from aforo.simulator.meter import Meter
from aforo.simulator.meter_settings import EventCode
from unit.simulator.driven_meter import MODEL, NOON, Reader, a_meter


def carried_out(meter: Meter, procedure: str = "DISCONNECT", model: MeterModel = MODEL) -> CommandResult:
    reader = Reader(meter.line())
    return reader.drive(MeterErrand(reader.client).carry_out(MeterTask(procedure), model))


def seen(result: CommandResult) -> SupplyReadback:
    assert isinstance(result.readback, SupplyReadback)
    return result.readback


def test_a_disconnection_is_read_back_from_the_meter() -> None:
    meter = a_meter()

    result = carried_out(meter)

    assert result.verdict is Verdict.OK
    readback = seen(result)
    assert (readback.before, readback.state) == (Breaker.CONNECTED, Breaker.DISCONNECTED)
    assert (readback.output, readback.is_commanded) == (False, True)
    assert meter.breaker is Breaker.DISCONNECTED
    assert [event.code for event in meter.events] == [EventCode.REMOTE_DISCONNECT]


def test_what_is_disconnected_already_is_not_commanded_again() -> None:
    meter = a_meter()
    carried_out(meter)

    result = carried_out(meter)

    assert (result.verdict, seen(result).is_commanded) == (Verdict.OK, False)
    assert len(meter.events) == 1


def test_a_switch_that_sticks_is_found_out_though_its_state_says_otherwise() -> None:
    meter = a_meter()
    meter.faults.breaker_sticks = True

    result = carried_out(meter)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.BREAKER_STUCK)
    assert result.detail == "control_state disconnected, output_state true"


def test_a_meter_that_only_says_yes_is_found_out() -> None:
    meter = a_meter()
    meter.faults.pretends_to_obey = True

    result = carried_out(meter)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.VERIFY_MISMATCH)
    assert seen(result).is_commanded


@pytest.mark.parametrize(
    ("refusal", "cause"),
    [(DataAccess.HARDWARE_FAULT, Cause.HARDWARE_FAULT), (DataAccess.READ_WRITE_DENIED, Cause.ACCESS_DENIED)],
)
def test_a_refusal_of_the_meter_s_keeps_its_reason(refusal: DataAccess, cause: Cause) -> None:
    meter = a_meter()
    meter.faults.refuse_command = refusal

    result = carried_out(meter)

    assert (result.verdict, result.cause) == (Verdict.KO, cause)


def test_a_mode_that_lets_nobody_disconnect_is_a_refusal() -> None:
    result = carried_out(a_meter(control_mode=0))

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.METER_REFUSED)


def test_after_an_answer_that_was_lost_the_meter_is_read_and_not_commanded_again() -> None:
    meter = a_meter()
    meter.faults.swallow_answer_to_next_command = True

    result = carried_out(meter)

    assert result.verdict is Verdict.OK
    assert (seen(result).before, seen(result).is_commanded) == (Breaker.CONNECTED, True)
    assert len(meter.events) == 1


def test_a_command_that_was_not_heard_is_told_as_not_carried_out() -> None:
    meter = a_meter()
    meter.faults.lose_next_command = True

    result = carried_out(meter)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.VERIFY_MISMATCH)
    assert meter.events == ()


def test_a_model_without_a_switch_is_asked_nothing() -> None:
    model = MeterModel(name=GENERIC, title="No switch", breaker=None)

    result = carried_out(a_meter(), model=model)

    assert (result.verdict, result.cause, result.readback) == (Verdict.KO, Cause.NO_SWITCH, None)


@pytest.mark.parametrize(
    ("control_mode", "state"), [(2, Breaker.CONNECTED), (4, Breaker.CONNECTED), (1, Breaker.READY_FOR_RECONNECTION)]
)
def test_a_reconnection_goes_as_far_as_the_control_mode_lets_it(control_mode: int, state: Breaker) -> None:
    meter = a_meter(control_mode=control_mode)
    carried_out(meter)

    result = carried_out(meter, "RECONNECT")

    assert result.verdict is Verdict.OK
    assert (seen(result).before, seen(result).state) == (Breaker.DISCONNECTED, state)
    assert seen(result).is_commanded


def test_what_the_customer_can_close_is_not_commanded_again() -> None:
    meter = a_meter(control_mode=1)
    meter.open_by_hand(NOON)

    result = carried_out(meter, "RECONNECT")

    assert (result.verdict, seen(result).state) == (Verdict.OK, Breaker.READY_FOR_RECONNECTION)
    assert not seen(result).is_commanded


def test_the_supply_can_be_read_alone() -> None:
    result = carried_out(a_meter(), "READ_SUPPLY")

    assert result.verdict is Verdict.OK
    assert (seen(result).state, seen(result).output) == (Breaker.CONNECTED, True)


def test_a_switch_that_obeys_no_command_is_not_commanded() -> None:
    """The model file says so; what is so already is still found."""
    fixed = MeterModel(name=GENERIC, title="Never opens", control_mode=0)
    meter = a_meter(control_mode=0)

    assert (result := carried_out(meter, "DISCONNECT", fixed)).cause is Cause.NO_SWITCH
    assert result.detail.endswith("control_mode 0")
    assert carried_out(meter, "RECONNECT", fixed).verdict is Verdict.OK
