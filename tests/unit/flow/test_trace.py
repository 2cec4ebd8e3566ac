"""Every fact has words in both languages, and a trace shows all nine steps."""

import ast
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aforo
from aforo.domain.causes import CAUSES, Cause
from aforo.domain.order import Fact
from aforo.domain.order_states import OrderState
from aforo.domain.preconditions import Circumstances
from aforo.flow.decision import HEADEND, LEGACY
from aforo.flow.step2_route_to_headend import route_to_headend
from aforo.flow.step3_validate_meter import validate_meter
from aforo.flow.trace import STEPS, WORDS, in_words, nine_steps
from cases import WEDNESDAY, a_meter, an_order

SOURCE = Path(aforo.__file__).parent


def a_fact(name: str, step: int = 3, **payload: Any) -> Fact:
    return Fact(step, WEDNESDAY, HEADEND, HEADEND, name, payload)


def fact_names_written() -> set[str]:
    """Every text that the code gives to a Fact as its name, directly or through a step's own `_fact`."""
    names = set()
    for path in [*SOURCE.glob("flow/*.py"), *SOURCE.glob("engine/**/*.py")]:
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            place = {"Fact": 4, "_fact": 1}.get(call.func.id)
            if place is None or len(call.args) <= place:
                continue
            name = call.args[place]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                names.add(name.value)
    return names


def test_every_fact_that_the_code_writes_has_words() -> None:
    written = fact_names_written()

    assert {"OrderReceived", "MeterRefused", "ResultCollected", "LegacyAnswered"} <= written
    assert written - set(WORDS) == set()


def test_no_words_are_kept_for_facts_that_nobody_writes() -> None:
    assert set(WORDS) - fact_names_written() == set()


@pytest.mark.parametrize("name", sorted(WORDS))
def test_both_languages_ask_for_the_same_payload(name: str) -> None:
    def asked(text: str) -> tuple[list[str], list[str]]:
        optional = [part.partition("]")[0] for part in text.split("[")[1:]]
        return sorted(key.partition("}")[0] for key in text.split("{")[1:]), [
            part.count("{") * "x" for part in optional
        ]

    assert asked(WORDS[name].es) == asked(WORDS[name].en)


def test_the_facts_of_a_real_refusal_read_as_sentences() -> None:
    meter = a_meter(max_power_w=1000)
    refused = validate_meter(an_order(OrderState.RECEIVED), meter, WEDNESDAY, Circumstances())

    spanish, english = (in_words(refused.facts[0], language) for language in ("es", "en"))

    assert english == (f"Order refused: {CAUSES[Cause.LIMIT_ABOVE_RATING].en} (LIMIT_ABOVE_RATING) Rating: 1000 W.")
    assert spanish.startswith("Orden rechazada: El límite supera la potencia máxima")


def test_a_part_without_a_value_is_left_out() -> None:
    routed = route_to_headend(an_order(OrderState.RECEIVED), None, WEDNESDAY)

    assert in_words(routed.facts[0], "en") == "Order OS-1 to the head-end: power limit, meter M-1, 2500 W"


def test_a_fact_without_words_is_shown_as_its_name_and_payload() -> None:
    assert in_words(a_fact("SomethingNew", what="año"), "es") == 'SomethingNew {"what": "año"}'


def test_a_known_fact_that_lacks_what_its_words_need_is_shown_as_its_name_and_payload() -> None:
    assert in_words(a_fact("OrderHeld", until="2026-11-30"), "en") == 'OrderHeld {"until": "2026-11-30"}'


def test_what_a_payload_says_is_never_taken_for_a_template() -> None:
    said = in_words(a_fact("AnswerKept", why="[{address}] {0} {why}"), "en")

    assert said == "The answer is kept: [{address}] {0} {why}"


@given(
    name=st.sampled_from(sorted(WORDS)),
    payload=st.dictionaries(
        st.sampled_from(["order", "meter", "cause", "detail", "why", "limit_w", "link"]),
        st.none() | st.text() | st.integers() | st.booleans() | st.lists(st.integers()),
    ),
    language=st.sampled_from(["es", "en"]),
)
def test_any_payload_can_be_shown(name: str, payload: dict[str, Any], language: str) -> None:
    assert in_words(a_fact(name, **payload), language)


def test_an_order_that_was_only_received_shows_eight_steps_that_did_not_happen() -> None:
    lines = nine_steps([a_fact("OrderReceived", step=1)])

    assert [line.step for line in lines] == list(range(1, 10))
    assert [line.step for line in lines if line.fact is None] == list(range(2, 10))
    assert (lines[8].sender, lines[8].receiver) == STEPS[9]


def test_a_retried_order_passes_its_steps_again_in_the_order_of_time() -> None:
    steps = [1, 2, 3, 4, 7, 4, 5, 6, 7, 8, 9]
    facts = [Fact(step, WEDNESDAY + timedelta(seconds=at), LEGACY, HEADEND, "X", {}) for at, step in enumerate(steps)]

    lines = nine_steps(facts)

    assert [line.step for line in lines] == steps
    assert [line.fact for line in lines] == facts


def test_a_step_that_did_not_happen_stands_before_the_first_later_one_that_did() -> None:
    lines = nine_steps([a_fact("X", step=step) for step in (1, 2, 3, 8, 9)])

    assert [(line.step, line.fact is not None) for line in lines] == [
        *((1, True), (2, True), (3, True)),
        *((4, False), (5, False), (6, False), (7, False)),
        *((8, True), (9, True)),
    ]
