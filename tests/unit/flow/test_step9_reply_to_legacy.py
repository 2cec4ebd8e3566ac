"""Step 9: every end becomes the reply that the table of outcomes gives, and is sent until it is taken."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from aforo.cim.control_requests import GetRequest
from aforo.cim.control_response import Readback, read_response, response_envelope
from aforo.cim.message import Header, Result, timestamp
from aforo.domain.causes import CAUSES, Cause
from aforo.domain.delivery import Delivery, DeliveryState
from aforo.domain.identifiers import MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order import Order, OrderRequest
from aforo.domain.order_kinds import LIMIT, READ
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit
from aforo.flow.step8_publish_result import result_message
from aforo.flow.step9_reply_to_legacy import GIVEN_UP_AFTER, answer, answered, kept, not_answered
from unit.cim.cim_situations import NOW, check_independently

ADDRESS = "http://127.0.0.1:8099/replies"
EVIDENCE = {
    "before_w": "9900", "threshold_w": "2500", "active_w": None, "before": 9900, "written": 2500, "threshold": 2500,
    "active": None, "scaler": 0, "unit": "W", "emergency": None, "breaker": "connected",
    "read_at": "2026-11-25T12:00:00+00:00",
}  # fmt: skip
REQUEST = OrderRequest(
    source=Source("commercial"),
    number=OrderNumber("OS-1"),
    kind=LIMIT,
    meter=MeterNumber("M-1"),
    limit=PowerLimit(2500),
    reason="deuda",
    message_id="1001",
    correlation_id="7001",
    reply_address=ADDRESS,
)


def ended(state: OrderState = OrderState.VERIFIED, cause: Cause | None = None, detail: str = "") -> Order:
    return Order(id=OrderId(7), request=REQUEST, state=state, received_at=NOW, ended_at=NOW, cause=cause, detail=detail)


def delivery(attempts: int = 0) -> Delivery:
    return Delivery(message=result_message(ended()), state=DeliveryState.PUBLISHED, attempts=attempts)


def test_a_verified_order_is_answered_with_what_was_ordered_and_what_was_read() -> None:
    order = replace(ended(), evidence=EVIDENCE)
    response = answer(order, result_message(order))

    assert (response.reply.result, response.error.code, response.reply.number) == (Result.OK, "0.0", "OS-1")
    assert response.error.details == "VERIFIED"
    assert response.header.correlation_id == "7001"
    assert response.control is not None
    assert (response.control.meter, response.control.watts) == ("M-1", Decimal(2500))
    assert response.control.readback == Readback(
        before=Decimal(9900), threshold=Decimal(2500), breaker="connected", read_at="2026-11-25T12:00:00+00:00"
    )


def test_a_repeated_answer_is_the_same_to_the_octet() -> None:
    order = ended()
    first = response_envelope(answer(order, result_message(order)))

    assert response_envelope(answer(replace(order, version=9), result_message(order))) == first


def test_an_answer_that_was_asked_for_goes_under_the_question_and_in_its_language() -> None:
    order = ended()
    header = Header(verb="get", noun="EndDeviceControls", source="commercial", message_id="55")
    question = GetRequest(header=header, number="OS-1", language="en")

    response = answer(order, result_message(order), asked=question)

    assert (response.header.correlation_id, response.error.reason) == ("55", "The meter shows the ordered limit.")
    assert response.header.message_id != answer(order, result_message(order)).header.message_id
    assert response.control == answer(order, result_message(order)).control


def test_another_result_of_the_same_order_is_another_message() -> None:
    order = ended()
    message = result_message(order)

    assert answer(order, replace(message, id="7-2")).header.message_id != answer(order, message).header.message_id


@pytest.mark.parametrize(
    ("state", "cause", "result", "code"),
    [
        (OrderState.VERIFIED, None, Result.OK, "0.0"),
        (OrderState.UNCONFIRMED, Cause.OUTCOME_UNKNOWN, Result.PARTIAL, "0.1"),
        (OrderState.EXPIRED, Cause.EXPIRED, Result.FAILED, "4.1"),
        (OrderState.EXPIRED, Cause.NOT_A_WORKING_DAY, Result.FAILED, "4.1"),
        (OrderState.CANCELLED, None, Result.FAILED, "6.5"),
        (OrderState.SUPERSEDED, Cause.SUPERSEDED, Result.FAILED, "6.5"),
        (OrderState.REFUSED, Cause.NOT_REGISTERED, Result.FAILED, "2.4"),
        (OrderState.FAILED, Cause.METER_UNREACHABLE, Result.FAILED, "4.1"),
        (OrderState.FAILED, Cause.VERIFY_MISMATCH, Result.FAILED, "5.3"),
    ],
)
def test_every_end_has_its_reply(state: OrderState, cause: Cause | None, result: Result, code: str) -> None:
    order = ended(state, cause, "seen")
    response = answer(order, result_message(order))

    assert (response.reply.result, response.error.code) == (result, code)
    assert response.error.details.startswith(state.value)


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("language", ["es", "en"])
def test_every_cause_can_be_told_in_both_languages_and_complies_with_the_schema(cause: Cause, language: str) -> None:
    order = replace(ended(OrderState.FAILED, cause, "what \x00 was seen"), request=replace(REQUEST, language=language))
    envelope = response_envelope(answer(order, result_message(order)))

    check_independently(envelope)
    error = read_response(envelope).error
    assert error.reason == " ".join(getattr(CAUSES[cause], language).split())
    seen, *advice = error.details.split("; ")
    assert seen == f"FAILED {cause.value}: what \ufffd was seen"
    assert ("retry_allowed" in advice) is CAUSES[cause].is_retry_allowed
    assert ("field_work_suggested" in advice) is CAUSES[cause].is_field_work_suggested


def test_a_reading_is_answered_without_a_limit() -> None:
    order = replace(ended(), request=replace(REQUEST, kind=READ, limit=None), evidence=EVIDENCE)
    response = answer(order, result_message(order))

    assert response.control is not None
    assert (response.control.watts, response.control.control_type) == (None, "3.15.139.46")
    check_independently(response_envelope(response))


def test_an_acknowledged_answer_is_over_and_its_fact_names_the_message() -> None:
    order = ended()
    closed, fact = answered(order, delivery(2), ADDRESS, NOW)

    assert (closed.state, closed.attempts, closed.next_at) == (DeliveryState.ANSWERED, 3, None)
    assert (fact.step, fact.sender, fact.receiver, fact.name) == (9, "Integration", "Legacy", "LegacyAnswered")
    sent = answer(order, result_message(order)).header.message_id
    assert fact.payload == {"address": ADDRESS, "result": "OK", "code": "0.0", "message": sent}


def test_the_waits_double_from_five_seconds_to_ten_minutes() -> None:
    waits = []
    for attempts in range(10):
        due, _ = not_answered(delivery(attempts), ADDRESS, "HTTP 503", NOW)
        assert due.next_at is not None
        waits.append((due.next_at - NOW).total_seconds())

    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_a_delay_is_told_while_the_waits_grow_and_not_a_thousand_times() -> None:
    facts = [not_answered(delivery(attempts), ADDRESS, "HTTP 503", NOW)[1] for attempts in range(1000)]

    told = [fact for fact in facts if fact is not None]
    assert len(told) == 8
    assert told[0].payload == {"address": ADDRESS, "why": "HTTP 503", "attempt": 1}


def test_an_answer_that_nobody_takes_for_seven_days_is_kept() -> None:
    last = NOW + GIVEN_UP_AFTER - timedelta(minutes=10)

    assert not_answered(delivery(1000), ADDRESS, "HTTP 503", last)[0].state is DeliveryState.PUBLISHED
    closed, fact = not_answered(delivery(1000), ADDRESS, "HTTP 503", last + timedelta(seconds=1))
    assert (closed.state, closed.attempts, closed.next_at) == (DeliveryState.KEPT, 1001, None)
    assert fact is not None
    assert fact.payload == {"why": f"{ADDRESS}: HTTP 503"}


def test_an_answer_without_an_address_is_kept_at_once() -> None:
    closed, fact = kept(delivery(), "no ReplyAddress", NOW)

    assert (closed.state, closed.attempts, fact.name) == (DeliveryState.KEPT, 0, "AnswerKept")


def test_an_unconfirmed_answer_tells_until_when_it_may_change_and_its_correction_does_not() -> None:
    order = ended(OrderState.UNCONFIRMED, Cause.OUTCOME_UNKNOWN)
    first = answer(order, result_message(order))
    corrected = replace(order, state=OrderState.FAILED, cause=Cause.VERIFY_MISMATCH)
    second = answer(corrected, result_message(corrected, 2))

    assert order.ended_at is not None
    told = timestamp(order.ended_at + timedelta(hours=24))
    assert first.error.details.startswith(f"UNCONFIRMED OUTCOME_UNKNOWN: may change until {told}")
    assert (second.reply.result, second.error.code) == (Result.FAILED, CAUSES[Cause.VERIFY_MISMATCH].reply)
    assert first.header.message_id != second.header.message_id
    assert (first.reply.number, second.reply.number) == ("OS-1", "OS-1")
