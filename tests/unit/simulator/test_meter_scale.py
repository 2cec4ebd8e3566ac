"""A fixed scale is for meters that do not tell theirs; where the meter tells another one, nothing is written."""

import pytest

from aforo.domain.causes import Cause
from aforo.domain.meter_models import MeterModel
from aforo.domain.quantities import plain, watts_of
from aforo.domain.readback import Verdict
from unit.simulator.driven_meter import Reader, a_meter

IN_WATTS = MeterModel(name="class71-watts", title="thresholds in watts", scaler=0)


def test_a_fixed_scale_that_is_not_the_meters_is_refused_before_anything_is_written() -> None:
    meter = a_meter(scaler=1)
    before = meter.threshold

    result = Reader(meter.line()).limit(2_500, IN_WATTS)

    assert (result.verdict, result.cause) == (Verdict.KO, Cause.SCALE_MISMATCH)
    assert meter.threshold == before


def test_a_fixed_scale_that_is_the_meters_is_used() -> None:
    meter = a_meter(scaler=0)

    assert Reader(meter.line()).limit(2_500, IN_WATTS).verdict is Verdict.OK
    assert meter.threshold_w == 2_500


@pytest.mark.parametrize(("value", "scaler", "written"), [(2300000, -3, "2300"), (5, -1, "0.5"), (250, 1, "2500")])
def test_watts_are_written_out_without_exponent_and_without_zeros_that_say_nothing(
    value: int, scaler: int, written: str
) -> None:
    assert plain(watts_of(value, scaler)) == written
