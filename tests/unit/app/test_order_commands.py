"""`aforo order explain, frames, cancel, approve` and the filters of `list`: what they ask of the system, and print."""

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from aforo.adapters.operator_documents import fact_document
from aforo.app.main import main
from aforo.app.running_system import RunningSystem, announce
from aforo.domain.causes import Cause
from aforo.domain.order import Fact, Priority
from aforo.domain.order_states import OrderState
from cases import WEDNESDAY, a_request, an_order
from stub_system import TOKEN, URL, StubSystem, shown

TRIED = fact_document(
    Fact(7, WEDNESDAY, "Concentrator", "HeadEnd", "ResultCollected",
         {"order": "OS-1", "verdict": "KO", "cause": "METER_UNREACHABLE", "detail": "nothing within 20.0 s",
          "attempt": 1})
)  # fmt: skip
VISIT = {
    "attempt": 1,
    "at": WEDNESDAY.isoformat(),
    "frames": [
        {"from": "HeadEnd", "heard_at": None, "octets": "c501c100", "words": ["input: 4 octets", "c501  set-response"]}
    ],
}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    for name in ("AFORO_DATA", "AFORO_URL", "AFORO_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> StubSystem:
    stub = StubSystem()
    stub.install(monkeypatch)
    stub.gives("GET", "orders/OS-1/frames", {"number": "OS-1", "visits": [VISIT]})
    return stub


@pytest.fixture
def run(tmp_path: Path, system: StubSystem) -> Callable[..., int]:
    announce(tmp_path, RunningSystem(URL, TOKEN, os.getpid()))
    return lambda *words: main([*words, "--data", str(tmp_path)])


def test_an_order_is_explained_on_one_page(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.orders = [shown(an_order(OrderState.FAILED, cause=Cause.METER_UNREACHABLE, ended_at=WEDNESDAY), TRIED)]

    assert run("order", "explain", "OS-1") == 0

    out = capsys.readouterr().out
    for told in (
        "OS-1: FAILED",
        "It is known that the order is not in force",
        "METER_UNREACHABLE (line)",
        "if the meter answered",
        "nothing within 20.0 s",
        "did not happen",
        "set-response",
    ):
        assert told in out
    assert "waits for" not in out


def test_an_explanation_in_json_has_both_languages_and_every_try(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.orders = [shown(an_order(OrderState.HELD, cause=Cause.AWAITING_APPROVAL, next_at=WEDNESDAY), TRIED)]

    assert run("order", "explain", "OS-1", "--json") == 0

    page = json.loads(capsys.readouterr().out)["explanation"]
    assert page["waits_for"]["es"].startswith("la aprobación")
    assert page["until"] == WEDNESDAY.isoformat()
    assert [each["verdict"] for each in page["tries"]] == ["KO"]


def test_frames_are_printed_under_whose_they_are(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("order", "frames", "OS-1") == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["HeadEnd: c501c100", "  c501  set-response"]


def test_where_there_are_no_frames_it_is_said_why(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.gives("GET", "orders/OS-1/frames", {"number": "OS-1", "visits": []})
    assert run("order", "frames", "OS-1") == 0
    assert "the concentrator made it by itself" in capsys.readouterr().out


def test_cancelling_says_who_and_why_and_prints_what_became_of_it(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.gives("POST", "orders/OS-1/cancel", {"number": "OS-1", "state": "CANCELLED"})
    assert run("order", "cancel", "OS-1", "--by", "ana", "--reason", "paid", "--source", "CIS") == 0
    assert system.sent == {"by": "ana", "reason": "paid", "source": "CIS"}
    assert capsys.readouterr().out == "OS-1 is CANCELLED\n"


def test_approving_says_who(run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]) -> None:
    system.gives("POST", "orders/OS-1/approve", {"number": "OS-1", "state": "held"})
    assert run("order", "approve", "OS-1", "--by", "eva") == 0
    assert system.sent == {"by": "eva"}
    assert "OS-1 is approved by eva" in capsys.readouterr().out


def test_what_cannot_be_cancelled_any_more_ends_with_the_reason(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"detail": "Order OS-1 can no longer be cancelled: it is dispatched.", "detail_es": "Ya no."}
    system.gives("POST", "orders/OS-1/cancel", told, status=409)
    assert run("order", "cancel", "OS-1", "--by", "ana") == 1
    assert "can no longer be cancelled" in capsys.readouterr().err


def test_the_filters_of_a_list_go_to_the_system(run: Callable[..., int], system: StubSystem) -> None:
    since = "2026-11-25T08:00-03:00"
    assert run("order", "list", "--state", "FAILED", "--cause", "WRONG_KEY", "--meter", "M-1", "--since", since) == 0
    asked = dict(system.requests[-1].url.params)
    assert asked == {"limit": "20", "state": "FAILED", "cause": "WRONG_KEY", "meter": "M-1", "since": since}


def test_what_failed_is_given_again_as_it_was_and_linked(
    run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    request = a_request(priority=Priority.HIGH, reason="debt", until=WEDNESDAY, special="hospital")
    failed = an_order(OrderState.FAILED, request=request, cause=Cause.METER_UNREACHABLE)
    system.orders = [shown(failed)]

    assert run("order", "retry", "OS-1", "--order", "OS-2") == 0

    (asked,) = system.received
    assert (asked.number, asked.meter, asked.watts, asked.reason) == ("OS-2", "M-1", Decimal(2500), "debt")
    assert {option.name: option.value for option in asked.options} == {"priority": "high", "retryOf": "OS-1"}
    assert "OS-2" in capsys.readouterr().out


@pytest.mark.parametrize("state", [OrderState.VERIFIED, OrderState.DISPATCHED])
def test_what_is_in_force_or_under_way_is_not_given_again(
    state: OrderState, run: Callable[..., int], system: StubSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    system.orders = [shown(an_order(state))]

    assert run("order", "retry", "OS-1") == 1

    assert f"OS-1 is {state.value}" in capsys.readouterr().err
    assert system.received == []
