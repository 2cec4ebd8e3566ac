"""aforo limit: what is sent, what is told, and the code for every end."""

import http.client
import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from aforo.adapters.operator_documents import fact_document
from aforo.app.commands import following
from aforo.app.main import main
from aforo.app.running_system import RunningSystem, announce
from aforo.cim.control_requests import ControlRequest, Option
from aforo.cim.control_response import ControlResponse, response_envelope
from aforo.cim.message import Header, Reply, ReplyError, Result
from aforo.cim.refusal import Refusal
from aforo.domain.causes import Cause
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from cases import WEDNESDAY, an_order
from stub_system import TOKEN, URL, StubSystem, shown

EVIDENCE = {"before_w": "9900", "threshold_w": "2500", "active_w": "2500", "read_at": WEDNESDAY.isoformat()}
VERIFIED = an_order(OrderState.VERIFIED, evidence=EVIDENCE)
FACTS = [
    fact_document(Fact(step, WEDNESDAY, "HeadEnd", "HeadEnd", name, payload))
    for step, name, payload in (
        (1, "OrderReceived", {"order": "OS-1", "source": "CIS", "kind": "LIMIT", "meter": "M-1"}),
        (5, "MeterAsked", {"meter": "M-1"}),
        (9, "AnswerKept", {"why": "none"}),
    )
]


FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    b"<faultcode>s:Server</faultcode><faultstring>broken</faultstring></s:Fault></s:Body></s:Envelope>"
)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """English, and no wait between two questions."""
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    for name in ("AFORO_DATA", "AFORO_URL", "AFORO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(following, "POLL_S", 0.0)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> StubSystem:
    stub = StubSystem()
    stub.install(monkeypatch)
    return stub


@pytest.fixture
def limit(tmp_path: Path, system: StubSystem) -> Callable[..., int]:
    announce(tmp_path, RunningSystem(URL, TOKEN, os.getpid()))

    def command(*words: str) -> int:
        return main(["limit", "M-1", "2.5kW", *words, "--data", str(tmp_path)])

    return command


def answer(request: ControlRequest, result: Result, code: str, *, correlation: str | None = None) -> int:
    """POST the final answer to the address that the order named; the HTTP status."""
    header = Header(
        verb="reply",
        noun="EndDeviceControls",
        source="aforo",
        message_id="A-1",
        correlation_id=request.header.message_id if correlation is None else correlation,
    )
    body = response_envelope(ControlResponse(header, Reply(result, (ReplyError(code, reason="said"),), request.number)))
    address = httpx.URL(request.header.reply_address)
    connection = http.client.HTTPConnection(address.host, address.port, timeout=5)
    try:
        connection.request("POST", address.path, body)
        return connection.getresponse().status
    finally:
        connection.close()


def test_an_order_goes_out_whole_watts_and_all(limit: Callable[..., int], system: StubSystem) -> None:
    code = limit(
        *("--reason", "deuda", "--priority", "high", "--special", "sábado", "--order", "OS-1"),
        *("--not-after", "2026-11-25T18:00-03:00"),
    )

    (request,) = system.received
    assert code == 0
    assert (request.meter, request.watts, request.number, request.reason) == ("M-1", Decimal(2500), "OS-1", "deuda")
    assert request.options == (
        Option("priority", "high"),
        Option("special", "sábado"),
        Option("notAfter", "2026-11-25T21:00:00.000Z"),
    )
    assert (request.header.source, request.header.reply_address) == ("aforo-cli", "")


def test_an_accepted_order_is_told_with_its_number(
    limit: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    assert limit("--json") == 0

    document = json.loads(capsys.readouterr().out)
    assert document["accepted"] is True
    assert document["code"] == "0.3"
    assert document["order"] == system.received[0].number

    assert limit("--order", "OS-7") == 0
    assert capsys.readouterr().out.startswith("OS-7: ")


def test_two_orders_have_two_numbers(limit: Callable[..., int], system: StubSystem) -> None:
    limit()
    limit()

    first, second = system.received
    assert first.number != second.number
    assert first.header.message_id != second.header.message_id


def test_a_refused_order_is_told_with_code_words_and_path(
    limit: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.refusal = Refusal(code="2.4", es="No existe.", en="Not registered.", xpath="/X/EndDevices")

    for wait in ((), ("--wait",)):
        assert limit(*wait) == 1
        assert capsys.readouterr().err == "aforo: refused: Not registered. (2.4) /X/EndDevices\n"

    assert limit("--json") == 1
    assert json.loads(capsys.readouterr().out)["refusal"]["code"] == "2.4"


def test_a_verified_order_is_shown_step_by_step_and_ends_with_0(
    limit: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses: list[int] = []
    system.on_order = lambda request: statuses.append(answer(request, Result.OK, "0.0"))
    system.orders = [
        shown(an_order(OrderState.IN_PROGRESS), FACTS[0]),
        shown(an_order(OrderState.IN_PROGRESS), *FACTS[:2]),
        shown(VERIFIED, *FACTS, delivery="answered"),
    ]

    assert limit("--wait") == 0

    lines = capsys.readouterr().out.splitlines()
    assert statuses == [200]
    assert [line[0] for line in lines[:3]] == ["1", "5", "9"]
    assert lines[-1] == "VERIFIED; answer OK 0.0: said"


def test_a_verified_order_in_json_is_one_document_with_evidence_steps_and_answer(
    limit: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:

    def answered(request: ControlRequest) -> None:
        answer(request, Result.OK, "0.0")

    system.on_order = answered
    system.orders = [shown(VERIFIED, *FACTS, delivery="answered")]

    assert limit("--wait", "--json") == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["exit"], document["accepted"]) == ("VERIFIED", 0, True)
    assert document["evidence"] == EVIDENCE
    assert document["answer"]["result"] == "OK"
    assert len([step for step in document["steps"] if step["happened"]]) == 3


ENDS = [
    (an_order(OrderState.VERIFIED, evidence=EVIDENCE), 0),
    (an_order(OrderState.FAILED, cause=Cause.WRONG_KEY), 1),
    (an_order(OrderState.REFUSED, cause=Cause.NOT_REGISTERED), 1),
    (an_order(OrderState.EXPIRED, cause=Cause.EXPIRED), 1),
    (an_order(OrderState.CANCELLED, cause=Cause.CANCELLED), 1),
    (an_order(OrderState.SUPERSEDED, cause=Cause.SUPERSEDED), 1),
    (an_order(OrderState.UNCONFIRMED, cause=Cause.OUTCOME_UNKNOWN), 3),
]


@pytest.mark.parametrize(("order", "code"), ENDS)
def test_every_end_has_its_code_and_is_told_even_when_no_answer_came(
    limit: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str], order: Order, code: int
) -> None:
    system.orders = [shown(order, *FACTS, delivery="kept")]

    assert limit("--wait") == code

    captured = capsys.readouterr()
    assert order.state.value in captured.out
    assert "no answer came to this command" in captured.out + captured.err


def test_all_ends_are_among_the_cases() -> None:
    assert {order.state for order, _ in ENDS} == {state for state in OrderState if state.is_end}


def test_an_order_refused_at_the_desk_is_followed_to_its_trace(
    limit: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.acknowledged_as = an_order(OrderState.REFUSED, cause=Cause.NOT_COMMISSIONED)
    order = an_order(OrderState.REFUSED, cause=Cause.NOT_COMMISSIONED)
    system.orders = [shown(order, *FACTS, delivery="kept")]

    assert limit("--wait", "--json") == 1

    document = json.loads(capsys.readouterr().out)
    assert (document["accepted"], document["cause"]["code"]) == (False, "NOT_COMMISSIONED")


def test_an_answer_to_another_message_is_not_taken(limit: Callable[..., int], system: StubSystem) -> None:
    statuses: list[int] = []
    system.on_order = lambda request: statuses.append(answer(request, Result.OK, "0.0", correlation="another"))
    system.orders = [shown(an_order(OrderState.UNCONFIRMED, cause=Cause.OUTCOME_UNKNOWN), *FACTS, delivery="kept")]

    assert limit("--wait") == 3
    assert statuses == [400]


def test_an_order_still_open_when_the_time_is_over_ends_with_3(
    limit: Callable[..., int],
    system: StubSystem,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    moments = iter(range(0, 10_000, 10))
    passing = {"clock": lambda: float(next(moments)), "pause": lambda _: None}
    monkeypatch.setattr(following.Follower.__init__, "__kwdefaults__", passing)
    system.orders = [shown(an_order(OrderState.HELD), FACTS[0])]

    assert limit("--wait", "--wait-timeout", "60") == 3

    assert "still open (held)" in capsys.readouterr().err


def test_a_system_that_goes_away_and_comes_back_is_followed_on(
    limit: Callable[..., int], system: StubSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = [httpx.ReadError("gone"), httpx.ConnectError("gone"), None]
    ordinary = system._answer

    def restarting(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/api/v1/orders/") and answers:
            trouble = answers.pop(0)
            if trouble is not None:
                raise trouble
            return httpx.Response(503, json={"detail": "x"})
        return ordinary(request)

    monkeypatch.setattr(system, "_answer", restarting)
    system.orders = [shown(VERIFIED, *FACTS, delivery="answered")]

    assert limit("--wait") == 0
    assert answers == []


def test_without_an_acknowledgement_the_number_is_told_so_that_it_can_be_asked_for(
    limit: Callable[..., int],
    system: StubSystem,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def silent(_: bytes) -> httpx.Response:
        raise httpx.ReadTimeout("silence")

    monkeypatch.setattr(system, "_soap", silent)

    assert limit("--order", "OS-9") == 1

    assert "may have been accepted: `aforo order show OS-9` tells" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "content", "content_type", "told"),
    [
        (200, b"<html/>", "text/html", "is not aforo's SOAP door"),
        (200, b"<a/>", "text/xml", "no CIM message"),
        (
            500,
            FAULT,
            "text/xml",
            "was not accepted: broken",
        ),
    ],
)
def test_an_answer_that_is_no_acknowledgement_is_told(
    limit: Callable[..., int],
    system: StubSystem,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
    content: bytes,
    content_type: str,
    told: str,
) -> None:
    reply = httpx.Response(status, content=content, headers={"content-type": content_type})
    monkeypatch.setattr(system, "_soap", lambda _: reply)

    assert limit() == 1

    assert told in capsys.readouterr().err


def test_a_refused_token_is_told_before_anything_is_ordered(limit: Callable[..., int], system: StubSystem) -> None:
    system.gives("GET", "orders", {"detail": "x"}, 401)

    assert limit("--wait") == 1
    assert system.received == []
