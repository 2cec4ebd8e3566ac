"""Each precondition of the source document by itself, and the order in which they are told."""

from datetime import datetime
from typing import Any

import pytest

from aforo.domain.causes import Cause
from aforo.domain.devices import Link, Meter
from aforo.domain.meter_models import MeterModel
from aforo.domain.order_kinds import DISCONNECT, LIMIT_REMOVE, READ, RECONNECT
from aforo.domain.preconditions import Circumstances, closed_now, incapacity, is_restrictive, lasting_obstacle
from aforo.domain.quantities import PowerLimit
from cases import SATURDAY, WEDNESDAY, a_meter, a_request

EVENING = WEDNESDAY.replace(hour=23)
"""Eight in the evening in Santiago."""


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


def test_a_contract_above_the_rating_is_not_restored() -> None:
    request = a_request(kind=LIMIT_REMOVE, limit=None)

    assert lasting_obstacle(request, a_meter(max_power_w=5999)) is Cause.LIMIT_ABOVE_RATING
    assert lasting_obstacle(request, a_meter(max_power_w=6000)) is None


@pytest.mark.parametrize(
    ("changes", "now", "cause"),
    [
        ({}, WEDNESDAY, None),
        ({}, SATURDAY, Cause.NOT_A_WORKING_DAY),
        ({}, EVENING, Cause.OUTSIDE_SERVICE_WINDOW),
        ({"special": "hospital"}, SATURDAY, None),
        ({"special": "hospital"}, EVENING, None),
        ({"limit": PowerLimit(6000)}, SATURDAY, None),
        ({"limit": PowerLimit(5999)}, SATURDAY, Cause.NOT_A_WORKING_DAY),
        ({"kind": READ, "limit": None}, SATURDAY, None),
        ({"kind": LIMIT_REMOVE, "limit": None}, SATURDAY, None),
        ({"kind": RECONNECT, "limit": None}, SATURDAY, None),
        ({"kind": DISCONNECT, "limit": None}, SATURDAY, Cause.NOT_A_WORKING_DAY),
        ({"kind": DISCONNECT, "limit": None, "special": "fire"}, SATURDAY, None),
    ],
)
def test_what_restricts_waits_for_the_window_unless_it_is_special(
    changes: dict[str, Any], now: datetime, cause: Cause | None
) -> None:
    closed = closed_now(a_request(**changes), a_meter(), now, Circumstances())
    assert (None if closed is None else closed.cause) is cause


def test_a_limit_is_compared_with_what_the_meter_told_and_else_with_the_contract() -> None:
    assert is_restrictive(a_request(limit=PowerLimit(5999)), a_meter(), None)
    assert not is_restrictive(a_request(limit=PowerLimit(6000)), a_meter(), None)
    assert not is_restrictive(a_request(limit=PowerLimit(3000)), a_meter(), 3000)
    assert is_restrictive(a_request(limit=PowerLimit(7000)), a_meter(), 9000)


@pytest.mark.parametrize(
    ("watts", "scaler", "cause"),
    [
        (2550, None, None),
        (2550, 0, None),
        (2550, -1, None),
        (2550, 1, None),
        (2550, 2, Cause.LIMIT_NOT_REPRESENTABLE),
        (2500, 2, None),
    ],
)
def test_a_limit_that_the_model_s_fixed_scale_cannot_hold_is_refused_at_the_door(
    watts: int, scaler: int | None, cause: Cause | None
) -> None:
    known = Circumstances(model=MeterModel(name="m", title="m", scaler=scaler))

    assert incapacity(a_request(limit=PowerLimit(watts)), known) is cause


def test_a_model_without_a_switch_can_be_limited_and_not_disconnected() -> None:
    known = Circumstances(model=MeterModel(name="m", title="m", breaker=None))

    assert incapacity(a_request(), known) is None
    assert incapacity(a_request(kind=DISCONNECT, limit=None), known) is Cause.NO_SWITCH
    assert incapacity(a_request(kind=DISCONNECT, limit=None), Circumstances()) is None


@pytest.mark.parametrize(
    ("watts", "cause"),
    [(1_000, None), (5_500, None), (900, Cause.LIMIT_OUTSIDE_RANGE), (5_600, Cause.LIMIT_OUTSIDE_RANGE),
     (1_050, Cause.LIMIT_OUTSIDE_RANGE)],
)  # fmt: skip
def test_a_limit_lies_within_the_model_s_range_and_on_a_step(watts: int, cause: Cause | None) -> None:
    model = MeterModel(name="m", title="m", lowest_w=1_000, highest_w=5_500, step_w=100)

    assert incapacity(a_request(limit=PowerLimit(watts)), Circumstances(model=model)) is cause


def test_a_model_that_has_to_be_known_and_is_not_stands_against_every_order() -> None:
    assert incapacity(a_request(), Circumstances(is_model_missing=True)) is Cause.UNKNOWN_MODEL


def test_an_effect_is_proved_only_where_the_model_has_a_demand_register() -> None:
    model = MeterModel(name="m", title="m", demand=None)

    assert incapacity(a_request(), Circumstances(model=model, wants_proof=True)) is Cause.NO_DEMAND
    assert incapacity(a_request(), Circumstances(model=model)) is None
