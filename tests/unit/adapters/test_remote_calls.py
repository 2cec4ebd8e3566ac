"""Calls of the stores as messages: every one can be written and read, and nobody without the secret is understood."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from aforo.adapters.remote.calls import (
    ERRORS,
    PORTS,
    Envelope,
    NotOurs,
    RemoteMistake,
    StoreDesk,
    calls,
    outcome_of,
)
from aforo.adapters.remote.documents import form_of
from aforo.domain.order import Order
from aforo.engine.memory import MemoryOrderStore
from aforo.engine.ports import StaleOrder
from cases import an_order
from decisions import EVIDENCE

SECRET, MOST = bytes(range(32)), 1_000_000
OURS = Envelope(SECRET)


@dataclass
class Breaking:
    """A store of orders of which every call raises."""

    error: Exception

    async def known_limit(self, meter: str) -> int | None:
        raise self.error


@dataclass
class Stores:
    orders: Any


async def asked(stores: Any, port: str, name: str, *arguments: Any, most: int = MOST) -> Any:
    call, message = calls()[port, name], OURS.seal(calls()[port, name].ask(*arguments))
    answer = await StoreDesk(stores, OURS).answer(message, most=most)
    return outcome_of(call, OURS.open(answer, about=message))


def test_every_call_of_every_port_has_a_form() -> None:
    ports = {port for port, _ in calls()}

    assert ports == set(PORTS)
    assert len(calls()) > 50


def test_an_order_is_read_as_it_was_written_in_every_field() -> None:
    order = an_order(evidence=EVIDENCE, detail="con eñe", cause=None)
    document = json.loads(json.dumps(form_of(Order).write(order)))

    read = form_of(Order).read(document)

    assert read == order
    assert read.kind is order.kind  # kinds are compared by identity


def test_what_a_document_says_beyond_its_type_is_refused() -> None:
    document = form_of(Order).write(an_order())

    with pytest.raises(ValueError, match="Order has no colour"):
        form_of(Order).read({**document, "colour": "red"})
    with pytest.raises(TypeError, match="'2' is no int"):
        form_of(Order).read({**document, "id": "2"})


def test_a_type_that_cannot_be_written_is_told_at_once() -> None:
    with pytest.raises(TypeError, match="cannot be written"):
        form_of(set[int])


async def test_a_call_returns_what_the_store_returns() -> None:
    stores = Stores(MemoryOrderStore())

    assert await asked(stores, "orders", "new_order_id") == 1
    assert await asked(stores, "orders", "order", 7) is None


@pytest.mark.parametrize("error", [error("its words") for error in ERRORS.values()])
async def test_what_a_port_may_raise_is_raised_with_its_words(error: Exception) -> None:
    with pytest.raises(type(error), match="its words"):
        await asked(Stores(Breaking(error)), "orders", "known_limit", "M-1")


async def test_a_mistake_of_who_serves_is_told_as_one() -> None:
    with pytest.raises(RemoteMistake, match=r"orders\.known_limit: ZeroDivisionError: what"):
        await asked(Stores(Breaking(ZeroDivisionError("what"))), "orders", "known_limit", "M-1")


async def test_an_answer_that_is_none_of_the_port_is_told_as_a_mistake() -> None:
    class Odd:
        async def known_limit(self, meter: str) -> str:
            return f"many of {meter}"

    with pytest.raises(RemoteMistake, match="ValueError"):
        await asked(Stores(Odd()), "orders", "known_limit", "M-1")


async def test_a_call_that_is_not_understood_is_told_so() -> None:
    call = calls()["orders", "known_limit"]
    known = call.ask("M-1")
    several: list[Any] = [{**known, "call": "drop"}, {**known, "given": {"meter": 1}}, {**known, "given": []}, [], "x"]
    for wrong in several:
        message = OURS.seal(wrong)
        answer = OURS.open(await StoreDesk(Stores(None), OURS).answer(message, most=MOST), about=message)
        with pytest.raises(RemoteMistake, match="not understood"):
            outcome_of(call, answer)


async def test_an_answer_that_the_broker_does_not_take_is_told_as_such() -> None:
    with pytest.raises(RemoteMistake, match="the broker takes 10"):
        await asked(Stores(MemoryOrderStore()), "orders", "new_order_id", most=10)


@pytest.mark.parametrize(
    ("message", "about"),
    [
        (Envelope(bytes(32)).seal({"a": 1}), b""),
        (OURS.seal({"a": 1})[:-1], b""),
        (bytes(32) + OURS.seal({"a": 1})[32:], b""),
        (b"", b""),
        (OURS.seal({"a": 1}, about=b"another question"), b"this question"),
    ],
)
def test_nobody_without_the_secret_is_understood_nor_an_answer_to_something_else(message: bytes, about: bytes) -> None:
    with pytest.raises(NotOurs):
        OURS.open(message, about=about)


def test_long_messages_are_packed_and_come_out_whole() -> None:
    document = {"many": ["the same"] * 10_000}

    assert len(OURS.seal(document)) < 5_000
    assert OURS.open(OURS.seal(document)) == document


async def test_stale_orders_are_told_over_any_distance() -> None:
    stores = Stores(Breaking(StaleOrder("changed")))

    with pytest.raises(StaleOrder):
        await asked(stores, "orders", "known_limit", "M-1")
