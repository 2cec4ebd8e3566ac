"""Step 1: from a CIM order to ours, the refusals that need our own rules, and what the sender is told at once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from aforo.cim.control_requests import ControlRequest, GetRequest
from aforo.cim.control_response import ControlResponse, response_envelope
from aforo.cim.message import Header, Result
from aforo.cim.refusal import Refusal
from aforo.domain import order_kinds
from aforo.domain.causes import CAUSES, Cause
from aforo.domain.identifiers import OrderId
from aforo.domain.order import Order, OrderRequest, Priority
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit
from aforo.flow.order_asked import CallerRules, order_request
from aforo.flow.step1_receive_order import acknowledge, conflict, receive_order, unknown_order
from unit.cim.cim_situations import CONTROL_AT, LIMIT, NOW, OPTION, asked, check_independently

VALUE_AT = f"{CONTROL_AT}/PowerLimit/value"
OPTION_AT = "/CreateEndDeviceControls/Request/Option"


def everywhere(_: str) -> bool:
    return True


RULES = CallerRules(may_answer_to=everywhere, may_be_special=True)


def received(request: ControlRequest | None = None) -> OrderRequest:
    taken = order_request(request or asked(), RULES)
    assert isinstance(taken, OrderRequest), taken
    return taken


def refused(*replacements: tuple[str, str]) -> Refusal:
    refusal = order_request(asked(*replacements), RULES)
    assert isinstance(refusal, Refusal), refusal
    return refusal


def order(state: OrderState, cause: Cause | None = None, **changes: object) -> Order:
    taken = receive_order(received(), OrderId(7), NOW).order
    return replace(taken, state=state, cause=cause, **changes)


def test_the_golden_order_becomes_ours() -> None:
    request = received()

    assert request.digest
    assert request == OrderRequest(
        source="commercial",  # type: ignore[arg-type]  # texts stand for the NewTypes
        number="OS-1",  # type: ignore[arg-type]
        kind=order_kinds.LIMIT,
        meter="M-1",  # type: ignore[arg-type]
        limit=PowerLimit(2500),
        reason="deuda",
        priority=Priority.HIGH,
        message_id="1001",
        correlation_id="7001",
        reply_address="http://127.0.0.1:8099/replies",
        language="es",
        digest=request.digest,
    )


def test_options_say_when_and_why() -> None:
    options = (
        "<Option><name>special</name><value>corte programado</value></Option>"
        "<Option><name>notAfter</name><value>2026-11-25T18:00:00-03:00</value></Option>"
        "<Option><name>until</name><value>2026-12-01T00:00:00Z</value></Option>"
    )
    request = received(asked((OPTION, options)))

    assert request.priority is Priority.NORMAL
    assert request.special == "corte programado"
    assert request.not_after == datetime(2026, 11, 25, 21, tzinfo=UTC)
    assert request.until == datetime(2026, 12, 1, tzinfo=UTC)


def test_the_digest_is_of_what_is_ordered_and_of_nothing_else() -> None:
    same = [("1001", "1002"), ("7001", "7002"), ("2026-11-25T12:00:00Z", "2026-11-25T13:00:00Z"), ("8099", "8098")]
    others = [("M-1", "M-2"), ("2.5", "2.6"), ("deuda", "error"), ("high", "normal"), ("OS-1", "OS-2")]
    digest = received().digest

    assert {received(asked(change)).digest for change in same} == {digest}
    assert len({digest, *(received(asked(change)).digest for change in others)}) == 6


def test_an_order_without_a_number_gets_one_that_a_repetition_gets_too() -> None:
    without = ("<e:issuerTrackingID>OS-1</e:issuerTrackingID>", "")
    first, again = received(asked(without)), received(asked(without))
    other = received(asked(without, ("1001", "1002")))

    assert first.number.startswith("AF-")
    assert (first.number, first.digest) == (again.number, again.digest)
    assert other.number != first.number


@pytest.mark.parametrize("value", ["0", "-1", "0.0025", "10000.001", "2.50001"])
def test_a_limit_is_whole_watts_between_one_and_the_highest(value: str) -> None:
    refusal = refused((">2.5<", f">{value}<"))

    assert (refusal.code, refusal.xpath) == ("5.2", VALUE_AT)


def test_an_order_to_limit_tells_its_limit() -> None:
    refusal = refused((LIMIT, ""))

    assert (refusal.code, refusal.xpath) == ("1.7", f"{CONTROL_AT}/PowerLimit")


@pytest.mark.parametrize("code", ["3.31.48.13", "15.139.13", "3.15.139.13.1", "x.15.139.13", ""])
def test_a_control_that_nothing_here_carries_out_is_refused(code: str) -> None:
    refusal = refused(('ref="3.15.139.13"', f'ref="{code}"'))

    assert (refusal.code, refusal.xpath) == ("5.2", f"{CONTROL_AT}/EndDeviceControlType/@ref")


@pytest.mark.parametrize("code", ["0.15.139.13", "16.15.139.13"])
def test_the_first_part_of_a_control_type_does_not_count(code: str) -> None:
    assert received(asked(('ref="3.15.139.13"', f'ref="{code}"'))).kind is order_kinds.LIMIT


CUT = (('ref="3.15.139.13"', 'ref="3.31.0.23"'), (LIMIT, ""))


def test_a_disconnection_takes_no_limit() -> None:
    request = received(asked(*CUT))

    assert (request.kind, request.limit) == (order_kinds.DISCONNECT, None)
    assert request.digest != received().digest


def test_a_disconnection_with_a_power_is_refused_and_not_half_understood() -> None:
    refusal = refused(CUT[0])

    assert (refusal.code, refusal.xpath) == ("5.2", VALUE_AT)


def test_only_a_limit_ends_at_a_time() -> None:
    option = (OPTION, f"{OPTION}<Option><name>until</name><value>2026-11-26T00:00:00Z</value></Option>")

    assert received(asked(option)).until == datetime(2026, 11, 26, tzinfo=UTC)
    assert refused(*CUT, option).code == "5.2"


def test_an_order_given_again_names_the_first_and_is_another_one() -> None:
    again = received(asked((OPTION, "<Option><name>retryOf</name><value>OS-0</value></Option>")))
    plain = received(asked((OPTION, "")))

    assert (again.retry_of, plain.retry_of) == ("OS-0", None)
    assert again.digest != plain.digest


def test_no_customer_s_order_has_the_number_of_one_that_ends_a_limit() -> None:
    assert refused(("OS-1<", "OS-1/until<")).xpath == f"{CONTROL_AT}/issuerTrackingID"


def test_the_path_of_a_wrong_limit_is_the_command_when_it_stood_there() -> None:
    kind = '<e:EndDeviceControlType ref="3.15.139.13"/>'
    action = "<e:EndDeviceAction><e:command>0</e:command></e:EndDeviceAction>"

    assert refused((kind, action + kind), (LIMIT, "")).xpath == f"{CONTROL_AT}/EndDeviceAction/command"


@pytest.mark.parametrize(
    ("name", "value", "at"),
    [
        ("priority", "urgent", "value"),
        ("special", "", "value"),
        ("notafter", "2026-11-25T18:00:00Z", "name"),
        ("notAfter", "2026-11-25 18:00:00", "value"),
        ("notAfter", "2026-11-25", "value"),
        ("notAfter", "2026-02-30T18:00:00Z", "value"),
        ("notAfter", "9999-12-31T23:59:59Z", "value"),
        ("until", "0001-01-01T00:00:00+14:00", "value"),
        ("until", "tomorrow", "value"),
    ],
)
def test_an_option_that_is_not_understood_is_refused_and_never_left_aside(name: str, value: str, at: str) -> None:
    refusal = refused((OPTION, f"<Option><name>{name}</name><value>{value}</value></Option>"))

    assert (refusal.code, refusal.xpath) == ("5.2", f"{OPTION_AT}/{at}")


def test_an_option_given_twice_is_refused_with_its_place() -> None:
    assert refused((OPTION, OPTION * 2)).xpath == f"{OPTION_AT}[2]/name"


def test_an_address_that_answers_may_not_go_to_refuses_the_order() -> None:
    refusal = order_request(asked(), CallerRules(may_answer_to=lambda _: False))

    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.xpath) == ("5.2", "/CreateEndDeviceControls/Header/ReplyAddress")


def test_where_the_answer_goes_is_the_orders_word_then_the_usual_place() -> None:
    address = "<ReplyAddress>http://127.0.0.1:8099/replies</ReplyAddress>"
    flag = "<AsyncReplyFlag>true</AsyncReplyFlag>"

    def place(*replacements: tuple[str, str], usual: str = "") -> str | None:
        taken = order_request(asked(*replacements), replace(RULES, usual_address=usual))
        return taken.reply_address if isinstance(taken, OrderRequest) else taken.code

    assert place(usual="http://usual") == "http://127.0.0.1:8099/replies"
    assert place((address, ""), usual="http://usual") == "http://usual"
    assert place((address, ""), (flag, "")) is None
    assert place((flag, flag.replace("true", "false")), usual="http://usual") is None
    assert place((address, "")) == "1.5", "an asynchronous answer needs an address"


def test_a_received_order_is_due_at_once_and_its_fact_tells_all_that_was_asked() -> None:
    decision = receive_order(received(), OrderId(7), NOW)

    assert (decision.order.id, decision.order.state, decision.order.next_at) == (7, OrderState.RECEIVED, NOW)
    assert not decision.ends
    (fact,) = decision.facts
    assert (fact.step, fact.sender, fact.receiver, fact.name) == (1, "Legacy", "Integration", "OrderReceived")
    assert fact.payload == {
        "order": "OS-1", "source": "commercial", "kind": "LIMIT", "meter": "M-1", "limit_w": 2500, "unit": "W",
        "priority": "high", "reason": "deuda", "special": None, "not_after": None, "retry_of": None,
            "message_id": "1001",
    }  # fmt: skip


@pytest.mark.parametrize("state", [s for s in OrderState if not s.is_end and s is not OrderState.HELD])
def test_an_open_order_is_acknowledged_with_its_number(state: OrderState) -> None:
    response = acknowledge(order(state), asked(), NOW)

    assert (response.reply.result, response.error.code, response.error.details) == (Result.OK, "0.3", state.value)
    assert response.reply.number == "OS-1"
    assert response.control is not None
    assert (response.control.number, response.control.watts) == ("OS-1", Decimal(2500))
    assert (response.header.verb, response.header.correlation_id) == ("reply", "7001")
    check_independently(response_envelope(response))


def test_a_held_order_is_accepted_with_the_time_until_which_it_waits() -> None:
    held = order(OrderState.HELD, Cause.NOT_A_WORKING_DAY, next_at=NOW + timedelta(days=1))
    response = acknowledge(held, asked(), NOW)

    assert (response.reply.result, response.error.code) == (Result.OK, "6.2")
    assert response.error.details == "held NOT_A_WORKING_DAY: until 2026-11-26T12:00:00.000Z"


@pytest.mark.parametrize(
    ("cause", "at"),
    [
        (Cause.NOT_REGISTERED, f"{CONTROL_AT}/EndDevices/Names/name"),
        (Cause.NOT_COMMISSIONED, f"{CONTROL_AT}/EndDevices/Names/name"),
        (Cause.LIMIT_ABOVE_RATING, VALUE_AT),
    ],
)
def test_an_order_refused_at_once_names_the_element_at_fault(cause: Cause, at: str) -> None:
    response = acknowledge(order(OrderState.REFUSED, cause), asked(language="en"), NOW)

    assert response.reply.result is Result.FAILED
    assert (response.error.code, response.error.xpath) == (CAUSES[cause].reply, at)
    assert response.error.reason == CAUSES[cause].en
    assert response.error.details == f"REFUSED {cause.value}"


@pytest.mark.parametrize("state", [s for s in OrderState if s.is_end])
def test_an_order_sent_again_after_its_end_is_told_how_it_stands(state: OrderState) -> None:
    response = acknowledge(order(state, Cause.METER_UNREACHABLE, detail="silence"), asked(), NOW)

    well = state in (OrderState.VERIFIED, OrderState.UNCONFIRMED)
    assert response.reply.result is (Result.OK if well else Result.FAILED)
    assert response.error.code == ("0.3" if well else "4.1")
    assert response.error.details.startswith(state.value)


def test_a_question_about_an_open_order_is_acknowledged_under_its_own_message() -> None:
    question = GetRequest(header=Header(verb="get", noun="x", source="commercial", message_id="55"), number="OS-1")
    response: ControlResponse = acknowledge(order(OrderState.DISPATCHED), question, NOW)

    assert (response.header.correlation_id, response.error.code, response.error.xpath) == ("55", "0.3", "")
    assert unknown_order(question).code == "2.15"


def test_a_known_number_with_another_content_is_a_conflict() -> None:
    refusal = conflict("OS-1", asked())

    assert (refusal.code, refusal.xpath) == ("2.15", f"{CONTROL_AT}/issuerTrackingID")


def test_a_special_request_needs_its_callers_permission() -> None:
    special = asked((OPTION, "<Option><name>special</name><value>corte programado</value></Option>"))

    refusal = order_request(special, replace(RULES, may_be_special=False))

    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.xpath) == ("7.5", f"{OPTION_AT}/value")
    assert "limits:special" in refusal.es
    assert "limits:special" in refusal.en


def _asked_until(name: str, moment: str) -> ControlRequest:
    return asked((OPTION, f"<Option><name>{name}</name><value>{moment}</value></Option>"))


def test_a_moment_without_an_offset_is_in_the_callers_zone_and_a_missing_midnight_the_first_instant_after() -> None:
    assert received(_asked_until("until", "2026-09-06T00:00:00")).until == datetime(2026, 9, 6, 4, tzinfo=UTC)
    assert received(_asked_until("notAfter", "2026-11-25T18:00:00")).not_after == datetime(2026, 11, 25, 21, tzinfo=UTC)


def test_a_moment_that_occurs_twice_is_refused_until_it_has_its_offset() -> None:
    refusal = order_request(_asked_until("notAfter", "2026-04-04T23:30:00"), RULES)

    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.xpath) == ("5.2", f"{OPTION_AT}/value")
    assert "2026-04-04T23:30:00-03:00" in refusal.en
    told = received(_asked_until("notAfter", "2026-04-04T23:30:00-03:00"))
    assert told.not_after == datetime(2026, 4, 5, 2, 30, tzinfo=UTC)
