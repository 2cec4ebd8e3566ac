"""Steps 2 and 3: routed to the meter's line; refused, held or let through, each with its reason."""

from datetime import UTC, datetime, time, timedelta

import pytest
from msgspec.structs import replace

from aforo.adapters.calendar_files import load_calendar
from aforo.domain.causes import Cause
from aforo.domain.devices import Link, Meter
from aforo.domain.order_states import OrderState
from aforo.domain.preconditions import Circumstances
from aforo.domain.quantities import PowerLimit
from aforo.flow.step2_route_to_headend import route_to_headend
from aforo.flow.step3_validate_meter import APPROVAL_WAIT, validate_meter
from cases import SATURDAY, WEDNESDAY, a_meter, a_request, an_order

KNOWN = Circumstances()
RECEIVED = an_order(OrderState.RECEIVED, lane="")


@pytest.mark.parametrize(
    ("meter", "lane"),
    [
        (a_meter(), "concentrator:C-1"),
        (a_meter(Link.TRANSPARENT), "relay:C-1"),
        (a_meter(Link.DIRECT), "meter:M-1"),
        (None, ""),
    ],
)
def test_an_order_goes_to_the_line_of_its_meter(meter: Meter | None, lane: str) -> None:
    decision = route_to_headend(RECEIVED, meter, WEDNESDAY)

    assert decision.order.lane == lane
    assert decision.facts[0].payload["limit_w"] == 2500, "the amount travels with the order"


@pytest.mark.parametrize(
    ("meter", "cause"),
    [
        (None, Cause.NOT_REGISTERED),
        (a_meter(concentrator=None), Cause.NOT_LINKED),
        (a_meter(commissioned=False), Cause.NOT_COMMISSIONED),
        (a_meter(max_power_w=1000), Cause.LIMIT_ABOVE_RATING),
    ],
)
def test_what_can_never_be_done_is_refused_with_its_reason(meter: Meter | None, cause: Cause) -> None:
    decision = validate_meter(RECEIVED, meter, WEDNESDAY, KNOWN)

    assert (decision.order.state, decision.order.cause, decision.ends) == (OrderState.REFUSED, cause, True)
    assert decision.order.ended_at == WEDNESDAY


def test_a_weekend_holds_the_order_until_monday_morning_in_the_meters_zone() -> None:
    decision = validate_meter(RECEIVED, a_meter(), SATURDAY, KNOWN)

    assert decision.order.state is OrderState.HELD
    assert decision.order.next_at is not None
    assert decision.order.next_at.astimezone(UTC) == datetime(2026, 11, 30, 11, tzinfo=UTC)
    assert not decision.ends


def test_a_held_order_goes_on_when_its_day_has_come() -> None:
    held = an_order(OrderState.HELD, cause=Cause.NOT_A_WORKING_DAY)

    decision = validate_meter(held, a_meter(), WEDNESDAY, KNOWN)

    assert (decision.order.state, decision.order.cause) == (OrderState.VALIDATED, None)


def test_a_special_request_runs_at_the_weekend() -> None:
    order = an_order(OrderState.RECEIVED, request=a_request(special="hospital fire"))

    decision = validate_meter(order, a_meter(), SATURDAY, KNOWN)

    assert decision.order.state is OrderState.VALIDATED
    assert decision.facts[-1].payload["special"] == "hospital fire"


def test_an_order_whose_time_has_passed_expires() -> None:
    order = an_order(OrderState.RECEIVED, request=a_request(not_after=WEDNESDAY - timedelta(seconds=1)))

    decision = validate_meter(order, a_meter(), WEDNESDAY, KNOWN)

    assert (decision.order.state, decision.order.cause) == (OrderState.EXPIRED, Cause.EXPIRED)


def test_a_limit_at_the_rating_is_allowed() -> None:
    order = an_order(OrderState.RECEIVED, request=a_request(limit=PowerLimit(10_000)))

    assert validate_meter(order, a_meter(max_power_w=10_000), WEDNESDAY, KNOWN).order.state is OrderState.VALIDATED


def test_a_restoration_runs_at_the_weekend_and_a_restriction_waits() -> None:
    order = an_order(OrderState.RECEIVED, request=a_request(limit=PowerLimit(2500)))

    freed = validate_meter(order, a_meter(), SATURDAY, Circumstances(known_limit_w=2400))
    restricted = validate_meter(order, a_meter(), SATURDAY, Circumstances(known_limit_w=2600))

    assert freed.order.state is OrderState.VALIDATED
    assert restricted.order.state is OrderState.HELD


def test_the_evening_of_a_working_day_holds_an_order_with_a_cause_of_its_own() -> None:
    evening = WEDNESDAY.replace(hour=23)

    held = validate_meter(RECEIVED, a_meter(), evening, KNOWN)

    assert (held.order.state, held.order.cause) == (OrderState.HELD, Cause.OUTSIDE_SERVICE_WINDOW)
    assert held.order.next_at == datetime(2026, 11, 26, 11, tzinfo=UTC)


PROTECTED = a_meter(protected=True)
SPECIAL = an_order(OrderState.RECEIVED, request=a_request(special="court order"))


def test_a_restriction_of_a_protected_customer_is_refused_unless_it_is_special() -> None:
    refused = validate_meter(RECEIVED, PROTECTED, WEDNESDAY, KNOWN)

    assert (refused.order.state, refused.order.cause) == (OrderState.REFUSED, Cause.PROTECTED_CUSTOMER)


def test_a_special_restriction_of_a_protected_customer_waits_for_somebody_elses_approval() -> None:
    held = validate_meter(SPECIAL, PROTECTED, WEDNESDAY, KNOWN)
    approved = validate_meter(replace(held.order, approved_by="Ana"), PROTECTED, WEDNESDAY, KNOWN)

    assert (held.order.state, held.order.cause) == (OrderState.HELD, Cause.AWAITING_APPROVAL)
    assert held.order.next_at == WEDNESDAY + APPROVAL_WAIT
    assert (approved.order.state, approved.order.cause) == (OrderState.VALIDATED, None)


def test_an_approval_that_never_comes_lets_the_order_expire() -> None:
    late = validate_meter(SPECIAL, PROTECTED, WEDNESDAY + APPROVAL_WAIT, KNOWN)

    assert (late.order.state, late.order.cause, late.order.detail) == (
        OrderState.EXPIRED,
        Cause.EXPIRED,
        "not approved",
    )


def test_a_restoration_of_a_protected_customer_needs_nobody() -> None:
    order = an_order(OrderState.RECEIVED, request=a_request(limit=PowerLimit(6000)))

    assert validate_meter(order, PROTECTED, SATURDAY, KNOWN).order.state is OrderState.VALIDATED


@pytest.mark.parametrize(
    ("zone", "opens"),
    [
        ("America/Santiago", "2026-09-07T11:00:00+00:00"),
        ("America/Coyhaique", "2026-09-07T11:00:00+00:00"),
        ("America/Punta_Arenas", "2026-09-07T11:00:00+00:00"),
        ("Pacific/Easter", "2026-09-07T13:00:00+00:00"),
    ],
)
def test_an_order_of_saturday_is_released_on_monday_by_the_meter_s_own_clock(zone: str, opens: str) -> None:
    """Summer time begins in between in Santiago and on Easter Island, and not in the other two."""
    saturday = datetime(2026, 9, 5, 16, tzinfo=UTC)  # noon in Santiago
    meter = a_meter(time_zone=zone)

    held = validate_meter(an_order(OrderState.RECEIVED), meter, saturday, Circumstances()).order

    assert (held.state, held.cause) == (OrderState.HELD, Cause.NOT_A_WORKING_DAY)
    assert held.next_at == datetime.fromisoformat(opens)
    released = validate_meter(held, meter, held.next_at, Circumstances()).order
    assert released.state is OrderState.VALIDATED


@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2026-09-18", OrderState.HELD),
        ("2026-10-12", OrderState.HELD),
        ("2026-12-31", OrderState.VALIDATED),
    ],
)
def test_a_public_holiday_holds_and_a_bank_holiday_does_not(day: str, state: OrderState) -> None:
    noon = datetime.fromisoformat(f"{day}T15:00:00+00:00")
    known = Circumstances(load_calendar(None, opens=time(8), closes=time(18)))

    assert validate_meter(an_order(OrderState.RECEIVED), a_meter(), noon, known).order.state is state
