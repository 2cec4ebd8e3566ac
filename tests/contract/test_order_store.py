"""OrderStore: what is kept, what is refused, and that a refusal leaves nothing behind."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from aforo.domain.causes import Cause
from aforo.domain.identifiers import Fence, MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order import Order, Priority
from aforo.domain.order_filter import OrderFilter
from aforo.domain.order_kinds import READ
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit
from aforo.engine.ports import StaleOrder
from aforo.flow.decision import Decision
from aforo.flow.step1_receive_order import plan_removal
from cases import WEDNESDAY, a_request, an_order
from contract.conftest import Stores
from decisions import EVIDENCE, a_fact, a_result, standing, stored

FULL_REQUEST = a_request(
    reason="Deuda «ñandú» 🔌",
    priority=Priority.HIGH,
    special="hospital",
    not_after=WEDNESDAY + timedelta(hours=5, microseconds=1),
    until=WEDNESDAY + timedelta(days=30),
    retry_of=OrderNumber("OS-0"),
    message_id="m-1",
    correlation_id="c-1",
    reply_address="https://legacy.example/reply",
    language="en",
    dialect="generic",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    digest="d" * 64,
)
FULL = an_order(
    OrderState.FAILED,
    request=FULL_REQUEST,
    version=0,
    attempts=3,
    restored=PowerLimit(6000),
    deadline=WEDNESDAY + timedelta(hours=24),
    fence=Fence(2**40),
    command_fence=Fence(2**40 - 1),
    cause=Cause.METER_REFUSED,
    detail="the meter answered other-reason",
    evidence={**EVIDENCE, "nested": [None, True, 1.5, "ñ"]},
)


async def test_order_ids_rise_whoever_takes_them_and_are_never_given_twice(both_stores: tuple[Stores, Stores]) -> None:
    _, other = both_stores

    ids = [await stores.orders.new_order_id() for _ in range(75) for stores in both_stores]
    at_once = await asyncio.gather(*(stores.orders.new_order_id() for stores in both_stores for _ in range(150)))

    assert ids == sorted(ids)
    assert len({*ids, *at_once}) == 450
    assert await other.orders.new_order_id() not in {*ids, *at_once}


async def test_an_order_comes_back_as_it_was_given_in_every_field(stores: Stores) -> None:
    kept = await stores.orders.receive(Decision(FULL, ()), None)

    assert kept == replace(FULL, version=1)
    assert await stores.orders.order(FULL.id) == kept
    assert await stores.orders.find(Source("CIS"), OrderNumber("OS-1")) == kept
    assert await stores.orders.find_number(OrderNumber("OS-1")) == [kept]
    assert await stores.orders.latest(10) == [kept]


async def test_a_reading_order_has_no_limit(stores: Stores) -> None:
    request = a_request(kind=READ, limit=None)

    kept = await stores.orders.receive(Decision(an_order(request=request, version=0), ()), None)

    assert await stores.orders.order(kept.id) == kept
    assert kept.request.limit is None


async def test_what_nobody_ordered_is_not_there(stores: Stores) -> None:
    assert await stores.orders.order(OrderId(1)) is None
    assert await stores.orders.find(Source("CIS"), OrderNumber("OS-1\0")) is None
    assert await stores.orders.find_number(OrderNumber("OS-1")) == []
    assert await stores.orders.facts(OrderId(1)) == []
    assert await stores.orders.latest(10) == []


async def test_a_number_known_already_gives_the_earlier_order_and_writes_nothing(stores: Stores) -> None:
    first = await stored(stores.orders)
    again = an_order(id=await stores.orders.new_order_id(), version=0, request=a_request(digest="another"))

    answer = await stores.orders.receive(Decision(again, (a_fact("OrderReceived", step=1),)), a_result(again))

    assert answer == first
    assert await stores.orders.order(again.id) is None
    assert await stores.orders.facts(again.id) == []
    assert len(await stores.orders.facts(first.id)) == 1
    assert await stores.deliveries.outbox(10) == []


async def test_a_number_sent_many_times_at_once_is_one_order(both_stores: tuple[Stores, Stores]) -> None:
    async def receive(stores: Stores) -> Order:
        order = an_order(id=await stores.orders.new_order_id(), version=0)
        return await stores.orders.receive(Decision(order, (a_fact("OrderReceived", step=1),)), None)

    answers = await asyncio.gather(*(receive(stores) for _ in range(20) for stores in both_stores))

    kept = await both_stores[0].orders.latest(100)
    assert len(kept) == 1
    assert answers == kept * 40
    assert len(await both_stores[1].orders.facts(kept[0].id)) == 1


async def test_the_same_number_of_another_source_is_another_order(stores: Stores) -> None:
    first = await stored(stores.orders)
    request = a_request(source=Source("CRM"), meter=MeterNumber("M-2"))
    order = an_order(id=await stores.orders.new_order_id(), version=0, request=request)

    second = await stores.orders.receive(Decision(order, ()), None)

    assert await stores.orders.find_number(OrderNumber("OS-1")) == [second, first]
    assert await stores.orders.find(Source("CRM"), OrderNumber("OS-1")) == second


async def test_orders_are_found_by_the_message_that_they_came_with(stores: Stores) -> None:
    async def received(number: str, **changes: Any) -> Order:
        request = a_request(number=OrderNumber(number), meter=MeterNumber(number), **changes)
        order = an_order(request=request, version=0, id=await stores.orders.new_order_id())
        return await stores.orders.receive(Decision(order, ()), None)

    first = await received("OS-1", message_id="m-1", correlation_id="c-1")
    second = await received("OS-2", message_id="m-1", correlation_id="c-1")
    plain = await received("OS-3", message_id="m-3")
    await received("OS-4", message_id="m-1", correlation_id="c-1", source=Source("CRM"))

    assert await stores.orders.find_correlated(Source("CIS"), "c-1") == [first, second]
    assert await stores.orders.find_correlated(Source("CIS"), "m-3") == [plain]
    assert await stores.orders.find_correlated(Source("CIS"), "m-1\0") == []
    assert await stores.orders.latest(10, sought=OrderFilter(source=Source("CIS"))) == [plain, second, first]
    assert await stores.orders.numbers_of_message(Source("CIS"), "m-1") == ["OS-1", "OS-2"]
    assert await stores.orders.numbers_of_message(Source("CIS"), "m-9\0") == []


async def test_the_newest_orders_come_first_page_by_page(stores: Stores) -> None:
    kept = [await stored(stores.orders, f"OS-{number}", meter=f"M-{number}") for number in range(5)]

    page = await stores.orders.latest(2)

    assert page == [kept[4], kept[3]]
    assert await stores.orders.latest(2, before=page[-1].id) == [kept[2], kept[1]]


async def test_a_commit_keeps_order_facts_and_result_together(both_stores: tuple[Stores, Stores]) -> None:
    one, other = both_stores
    order = await stored(one.orders, state=OrderState.DISPATCHED)
    facts = tuple(a_fact(f"Fact{number}", number=number) for number in range(5))
    ended = standing(order, OrderState.VERIFIED)

    kept = await one.orders.commit(Decision(ended, facts, result=1), a_result(order))

    assert kept == replace(ended, version=order.version + 1)
    assert await other.orders.order(order.id) == kept
    assert tuple(await other.orders.facts(order.id))[-5:] == facts
    assert await other.deliveries.outbox(10) == [a_result(order)]


async def test_an_order_that_ends_on_receipt_leaves_its_result_at_once(stores: Stores) -> None:
    order = an_order(OrderState.REFUSED, id=await stores.orders.new_order_id(), version=0)

    await stores.orders.receive(Decision(order, (a_fact("OrderRefused", step=3),), result=1), a_result(order))

    assert await stores.deliveries.outbox(10) == [a_result(order)]


async def test_a_request_is_not_changed_by_a_commit(stores: Stores) -> None:
    order = await stored(stores.orders)

    await stores.orders.commit(Decision(standing(order, OrderState.HELD), ()))

    found = await stores.orders.order(order.id)
    assert found is not None
    assert found.request == order.request
    assert found.received_at == order.received_at


async def test_a_decision_on_an_older_version_is_refused_and_writes_nothing(stores: Stores) -> None:
    old = await stored(stores.orders)
    new = await stores.orders.commit(Decision(standing(old, OrderState.HELD), (a_fact("OrderHeld", step=3),)))
    late = Decision(standing(old, OrderState.CANCELLED), (a_fact("OrderCancelled"),), result=1)

    with pytest.raises(StaleOrder, match="OS-1"):
        await stores.orders.commit(late, a_result(old))

    assert await stores.orders.order(old.id) == new
    assert [fact.name for fact in await stores.orders.facts(old.id)] == ["OrderReceived", "OrderHeld"]
    assert await stores.deliveries.outbox(10) == []


async def test_of_decisions_made_at_once_on_one_version_exactly_one_is_kept(
    both_stores: tuple[Stores, Stores],
) -> None:
    order = await stored(both_stores[0].orders)
    decisions = [Decision(replace(order, detail=f"{number}"), (a_fact(number=number),)) for number in range(10)]

    answers = await asyncio.gather(
        *(stores.orders.commit(decision) for decision in decisions for stores in both_stores), return_exceptions=True
    )

    kept = [answer for answer in answers if isinstance(answer, Order)]
    assert len(kept) == 1
    assert sum(isinstance(answer, StaleOrder) for answer in answers) == 19
    assert await both_stores[0].orders.order(order.id) == kept[0]
    facts = await both_stores[0].orders.facts(order.id)
    assert [fact.payload for fact in facts[1:]] == [{"number": int(kept[0].detail)}]


async def test_a_stale_decision_among_many_fails_alone(stores: Stores) -> None:
    orders = [await stored(stores.orders, f"OS-{number}", meter=f"M-{number}") for number in range(20)]
    orders[7] = replace(orders[7], version=orders[7].version + 1)

    answers = await asyncio.gather(
        *(stores.orders.commit(Decision(standing(order, OrderState.HELD), (a_fact(),))) for order in orders),
        return_exceptions=True,
    )

    assert [number for number, answer in enumerate(answers) if isinstance(answer, StaleOrder)] == [7]
    assert await stores.orders.counts() == {"held": 19, "validated": 1}
    assert len(await stores.orders.facts(orders[7].id)) == 1


async def test_a_second_order_of_a_meter_cannot_go_out_and_fails_alone_among_many(
    both_stores: tuple[Stores, Stores],
) -> None:
    orders = [await stored(both_stores[0].orders, f"OS-{number}", meter=f"M-{number}") for number in range(20)]
    orders[7] = await stored(both_stores[0].orders, "OS-again", meter="M-3", lane="concentrator:C-2")

    answers = await asyncio.gather(
        *(
            both_stores[number % 2].orders.commit(Decision(standing(order, OrderState.DISPATCHED), (a_fact(),)))
            for number, order in enumerate(orders)
        ),
        return_exceptions=True,
    )

    refused = [number for number, answer in enumerate(answers) if not isinstance(answer, Order)]
    assert len(refused) == 1
    assert refused[0] in (3, 7)
    assert isinstance(answers[refused[0]], StaleOrder)
    assert await both_stores[0].orders.order(orders[refused[0]].id) == orders[refused[0]]


async def test_the_next_order_of_a_meter_goes_out_when_the_first_has_ended(stores: Stores) -> None:
    first = await stored(stores.orders, state=OrderState.RECONCILING)
    second = await stored(stores.orders, "OS-2")
    dispatched = Decision(standing(second, OrderState.DISPATCHED), ())
    with pytest.raises(StaleOrder, match="M-1"):
        await stores.orders.commit(dispatched)

    await stores.orders.commit(Decision(standing(first, OrderState.UNCONFIRMED), ()), a_result(first))

    assert (await stores.orders.commit(dispatched)).state is OrderState.DISPATCHED


async def test_facts_come_in_the_order_of_their_commits(both_stores: tuple[Stores, Stores]) -> None:
    order = await stored(both_stores[0].orders)
    for number in range(12):
        facts = (
            a_fact("Later", number=2 * number),
            a_fact("Earlier", at=WEDNESDAY - timedelta(1), number=2 * number + 1),
        )
        order = await both_stores[number % 2].orders.commit(Decision(order, facts))

    kept = await both_stores[0].orders.facts(order.id)

    assert [fact.payload["number"] for fact in kept[1:]] == list(range(24))


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("ñ\u2028🔌", "ñ\u2028🔌"),
        ("\\u0000 \\ud83d", "\\u0000 \\ud83d"),
        ("a\0b", "a\ufffdb"),
        ("\\\0", "\\\ufffd"),
        ("\ud83d", "\ufffd"),
        ("\udc80🔌", "\ufffd🔌"),
    ],
)
async def test_no_text_of_a_device_or_a_customer_stops_an_order(stores: Stores, text: str, held: str) -> None:
    """held: as PostgreSQL keeps what it cannot hold; the twin keeps it as it is."""
    order = await stored(stores.orders)
    said = Decision(standing(order, OrderState.FAILED, detail=text), (a_fact(said=[text, {text: text}]),))

    await stores.orders.commit(said, replace(a_result(order), body={"data": {"detail": text}}))

    found = await stores.orders.order(order.id)
    facts = await stores.orders.facts(order.id)
    results = await stores.deliveries.outbox(1)
    assert found is not None
    kept = (found.detail, facts[-1].payload["said"], results[0].body["data"]["detail"])
    assert kept in [(one, [one, {one: one}], one) for one in (text, held)]


async def test_counts_tell_how_many_orders_stand_where(stores: Stores) -> None:
    assert await stores.orders.counts() == {}

    for number, state in enumerate([OrderState.HELD, OrderState.VERIFIED, OrderState.VERIFIED, OrderState.DISPATCHED]):
        await stored(stores.orders, f"OS-{number}", meter=f"M-{number}", state=state)

    assert await stores.orders.counts() == {"held": 1, "VERIFIED": 2, "dispatched": 1}


async def test_orders_are_found_by_state_cause_meter_and_since_together_or_alone(stores: Stores) -> None:
    failed: dict[str, Any] = {"state": OrderState.FAILED, "cause": Cause.METER_UNREACHABLE, "ended_at": WEDNESDAY}
    later = WEDNESDAY + timedelta(hours=1)
    kept = [
        await stores.orders.receive(
            Decision(an_order(id=await stores.orders.new_order_id(), version=0, request=request, **changes), ()), None
        )
        for request, changes in [
            (a_request(number=OrderNumber("A"), meter=MeterNumber("M-1")), {}),
            (a_request(number=OrderNumber("B"), meter=MeterNumber("M-2")), failed),
            (a_request(number=OrderNumber("C"), meter=MeterNumber("M-2")), {**failed, "received_at": later}),
        ]
    ]
    first, second, third = kept

    async def found(**sought: Any) -> list[Order]:
        return await stores.orders.latest(10, sought=OrderFilter(**sought))

    assert await found() == [third, second, first]
    assert await found(state=OrderState.FAILED) == [third, second]
    assert await found(cause=Cause.METER_UNREACHABLE, since=later) == [third]
    assert await found(meter=MeterNumber("M-1")) == [first]
    assert await found(meter=MeterNumber("M-1"), state=OrderState.FAILED) == []
    assert await found(cause=Cause.WRONG_KEY) == []
    assert await found(meter=MeterNumber("M-1\0")) == []
    assert await stores.orders.latest(1, before=third.id, sought=OrderFilter(state=OrderState.FAILED)) == [second]


async def test_an_order_that_ends_a_limit_comes_with_it_and_never_twice(stores: Stores) -> None:
    request = a_request(until=WEDNESDAY + timedelta(hours=1))
    first, second, third, fourth = [await stores.orders.new_order_id() for _ in range(4)]
    limiting = an_order(request=request, id=first, version=0)
    repeated = replace(limiting, id=third)

    await stores.orders.receive(Decision(limiting, ()), None, [plan_removal(limiting, second, WEDNESDAY)])
    await stores.orders.receive(Decision(repeated, ()), None, [plan_removal(repeated, fourth, WEDNESDAY)])

    ending = await stores.orders.order(second)
    assert ending is not None
    assert (ending.number, ending.companion_of, ending.state) == ("OS-1/until", first, OrderState.HELD)
    assert await stores.orders.order(third) is None
    assert await stores.orders.order(fourth) is None
    assert [fact.name for fact in await stores.orders.facts(second)] == ["RemovalPlanned"]


async def test_what_waits_to_end_a_limit_does_not_overtake_it_until_its_time_has_come(stores: Stores) -> None:
    first, second = [await stores.orders.new_order_id() for _ in range(2)]
    limiting = an_order(request=a_request(until=WEDNESDAY + timedelta(hours=1)), id=first, version=0)
    stored = await stores.orders.receive(Decision(limiting, ()), None, [plan_removal(limiting, second, WEDNESDAY)])
    assert await stores.orders.overtaken([stored]) == {}

    ending = await stores.orders.order(second)
    assert ending is not None
    await stores.orders.commit(Decision(replace(ending, state=OrderState.VALIDATED, cause=None), ()))

    assert await stores.orders.overtaken([stored]) == {first: ending.number}
