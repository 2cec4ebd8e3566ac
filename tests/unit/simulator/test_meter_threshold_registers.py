"""A meter limited by registers: the limit is in force when all of them hold it, and only then."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from aforo.adapters.meter_model_files import load_models
from aforo.dlms import DataAccess
from aforo.domain.causes import Cause
from aforo.domain.readback import Readback, Verdict
from aforo.simulator.meter import Meter
from unit.simulator.driven_meter import Reader, a_meter

MODEL = load_models()["registers-prime"]
FROM_THE_FACTORY = 30_000


def a_register_meter(**given: Any) -> Meter:
    return a_meter(threshold_registers=4, **given)


def kept(meter: Meter) -> list[int]:
    return [meter.threshold, *meter.memory.thresholds]


@pytest.mark.parametrize("scaler", [0, 1, -1])
def test_the_limit_is_written_into_every_register_in_the_meters_own_scale(scaler: int) -> None:
    meter = a_register_meter(scaler=scaler)

    result = Reader(meter.line()).limit(2_500, MODEL)

    assert result.verdict is Verdict.OK
    assert kept(meter) == [int(2_500 / 10**scaler)] * 4
    assert isinstance(result.readback, Readback)
    assert result.readback.watts == 2_500
    assert result.readback.before_watts == FROM_THE_FACTORY
    assert (result.readback.active, result.readback.emergency) == (None, None)
    assert result.readback.breaker is not None


def test_a_meter_that_lacks_a_register_is_refused_before_anything_is_written() -> None:
    meter = a_meter(threshold_registers=3)

    result = Reader(meter.line()).limit(2_500, MODEL)

    assert result.verdict is Verdict.KO
    assert kept(meter) == [FROM_THE_FACTORY] * 3


def test_a_meter_with_a_limiter_is_not_taken_for_one_with_registers() -> None:
    assert Reader(a_meter().line()).limit(2_500, MODEL).verdict is Verdict.KO
    assert Reader(a_register_meter().line()).limit(2_500).verdict is Verdict.KO


def test_reading_alone_tells_the_highest_that_is_in_force_in_some_rate() -> None:
    meter = a_register_meter()
    meter.memory.thresholds[1] = 40_000

    result = Reader(meter.line()).read(MODEL)

    assert isinstance(result.readback, Readback)
    assert result.readback.watts == 40_000


def test_what_the_registers_do_not_take_is_not_verified() -> None:
    meter = a_register_meter()
    meter.faults.pretends_to_obey = True

    result = Reader(meter.line()).limit(2_500, MODEL)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.VERIFY_MISMATCH)


class RefusingLine:
    """To a meter that writes two registers and then denies access."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._line = meter.line()

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        if kept(self._meter)[1] != FROM_THE_FACTORY:
            self._meter.faults.refuse_command = DataAccess.READ_WRITE_DENIED
        return self._line.respond(client_sap, server_sap, apdu, now)


def test_a_refusal_after_some_were_written_says_how_many() -> None:
    meter = a_register_meter()

    result = Reader(RefusingLine(meter)).limit(2_500, MODEL)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.ACCESS_DENIED)
    assert "threshold 3 of 4, after 2" in result.detail
    assert kept(meter) == [2_500, 2_500, FROM_THE_FACTORY, FROM_THE_FACTORY]


def test_a_command_that_a_cut_left_half_done_is_found_so_by_reading() -> None:
    """One register of four holds the limit; it is the others that decide what is said."""
    meter = a_register_meter()
    meter.faults.swallow_answer_to_next_command = True
    reader = Reader(meter.line())

    result = reader.limit(2_500, MODEL)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.VERIFY_MISMATCH)
    assert isinstance(result.readback, Readback)
    assert (result.readback.written, result.readback.threshold) == (2_500, FROM_THE_FACTORY)
    assert result.readback.before == FROM_THE_FACTORY
    assert kept(meter) == [2_500, *[FROM_THE_FACTORY] * 3]


def test_registers_of_different_scales_are_refused() -> None:
    """Two of them are the meter's power and energy, which count in different units and scales."""
    other = replace(MODEL, thresholds=("0-1:94.34.1.255", "1-0:1.8.0.255"))

    result = Reader(a_register_meter(scaler=1).line()).limit(2_500, other)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.NOT_A_POWER)
