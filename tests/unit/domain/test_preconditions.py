"""Each precondition of the source document by itself, and the order in which they are told."""

from typing import Any

import pytest

from aforo.domain.causes import Cause
from aforo.domain.devices import Link, Meter
from aforo.domain.preconditions import lasting_obstacle, may_run_today
from aforo.domain.quantities import PowerLimit
from cases import SATURDAY, WEDNESDAY, a_meter, a_request


@pytest.mark.parametrize(
    ("meter", "cause"),
    [
        (None, Cause.NOT_REGISTERED),
        (a_meter(concentrator=None), Cause.NOT_LINKED),
        (a_meter(commissioned=False), Cause.NOT_COMMISSIONED),
        (a_meter(max_power_w=2499), Cause.LIMIT_ABOVE_RATING),
        (a_meter(max_power_w=2500), None),
        (a_meter(Link.DIRECT), None),
    ],
)
def test_each_obstacle_has_its_own_cause(meter: Meter | None, cause: Cause | None) -> None:
    assert lasting_obstacle(a_request(limit=PowerLimit(2500)), meter) is cause


@pytest.mark.parametrize(
    ("changes", "now", "may"),
    [({}, WEDNESDAY, True), ({}, SATURDAY, False), ({"special": "hospital"}, SATURDAY, True)],
)
def test_a_weekend_needs_a_special_request(changes: dict[str, Any], now: Any, may: bool) -> None:
    assert may_run_today(a_request(**changes), a_meter(), now) is may
