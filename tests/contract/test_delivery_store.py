"""DeliveryStore: a result's way from the outbox to the commercial system."""

from datetime import timedelta

from msgspec.structs import replace

from aforo.domain.delivery import Delivery, DeliveryState, ResultMessage
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.flow.decision import Decision
from cases import WEDNESDAY
from contract.conftest import Stores
from decisions import a_fact, a_result, standing, stored

LATER = WEDNESDAY + timedelta(minutes=5)
PUBLISHED = a_fact("ResultPublished", step=8)


async def ended(stores: Stores, number: int = 1) -> tuple[Order, ResultMessage]:
    """An order that has just ended, and its result in the outbox."""
    order = await stored(stores.orders, f"OS-{number}", meter=f"M-{number}")
    result = a_result(order)
    order = await stores.orders.commit(Decision(standing(order, OrderState.VERIFIED), (), result=1), result)
    return order, result


async def received(stores: Stores, number: int = 1) -> Delivery:
    """A delivery that lies in the inbox, due."""
    order, result = await ended(stores, number)
    await stores.deliveries.mark_published({result.id: (order.id, PUBLISHED)})
    await stores.deliveries.put_in_inbox([result], WEDNESDAY)
    return Delivery(message=result, state=DeliveryState.PUBLISHED, next_at=WEDNESDAY)


async def names_of(stores: Stores, delivery: Delivery) -> list[str]:
    facts: list[Fact] = await stores.orders.facts(delivery.message.order_id)
    return [fact.name for fact in facts]


async def test_the_outbox_gives_the_oldest_results_first(stores: Stores) -> None:
    results = [(await ended(stores, number))[1] for number in range(12)]

    assert await stores.deliveries.outbox(5) == results[:5]
    assert await stores.deliveries.outbox(50) == results


async def test_a_result_committed_twice_is_one_result(stores: Stores) -> None:
    order, result = await ended(stores)
    again = standing(order, OrderState.VERIFIED)

    await stores.orders.commit(Decision(again, ()), replace(result, body={"data": {"limit": 1}}))

    assert await stores.deliveries.outbox(10) == [result]


async def test_a_correction_is_a_second_result_of_its_order(stores: Stores) -> None:
    order, result = await ended(stores)
    correction = a_result(order, 2)

    await stores.orders.commit(Decision(standing(order, OrderState.VERIFIED), ()), correction)

    assert await stores.deliveries.outbox(10) == [result, correction]
    assert [one.message for one in await stores.deliveries.deliveries(order.id)] == [result, correction]


async def test_a_published_result_has_left_the_outbox_with_its_fact(stores: Stores) -> None:
    first, second = await ended(stores, 1), await ended(stores, 2)

    await stores.deliveries.mark_published({first[1].id: (first[0].id, PUBLISHED)})

    assert await stores.deliveries.outbox(10) == [second[1]]
    assert (await stores.orders.facts(first[0].id))[-1] == PUBLISHED
    assert len(await stores.orders.facts(second[0].id)) == 1


async def test_marking_as_published_twice_changes_nothing(both_stores: tuple[Stores, Stores]) -> None:
    order, result = await ended(both_stores[0])

    for stores in both_stores:
        await stores.deliveries.mark_published({result.id: (order.id, PUBLISHED)})

    assert [fact.name for fact in await both_stores[0].orders.facts(order.id)].count("ResultPublished") == 1


async def test_nothing_published_is_nothing_marked(stores: Stores) -> None:
    _, result = await ended(stores)

    await stores.deliveries.mark_published({})
    await stores.deliveries.put_in_inbox([], WEDNESDAY)

    assert await stores.deliveries.outbox(10) == [result]
    assert await stores.deliveries.inbox_due(WEDNESDAY, 10) == []


async def test_a_message_in_the_inbox_is_due_at_once(stores: Stores) -> None:
    delivery = await received(stores)

    assert await stores.deliveries.inbox_due(WEDNESDAY - timedelta(microseconds=1), 10) == []
    assert await stores.deliveries.inbox_due(WEDNESDAY, 10) == [delivery]


async def test_a_message_that_comes_again_is_left_as_it_stands(stores: Stores) -> None:
    """The queue delivers at least once; what was answered must not be answered again."""
    delivery = await received(stores)
    answered = replace(delivery, state=DeliveryState.ANSWERED, attempts=1, next_at=None)
    await stores.deliveries.close_delivery(answered, a_fact("ResultAnswered", step=9))

    await stores.deliveries.put_in_inbox([delivery.message], LATER)

    assert await stores.deliveries.inbox_due(LATER, 10) == []
    assert await stores.deliveries.deliveries(delivery.message.order_id) == [answered]


async def test_the_inbox_gives_what_has_waited_longest_first(stores: Stores) -> None:
    first, second, third = [await received(stores, number) for number in range(3)]
    first = replace(first, next_at=LATER, attempts=1)
    await stores.deliveries.close_delivery(first, None)

    assert await stores.deliveries.inbox_due(WEDNESDAY, 10) == [second, third]
    assert await stores.deliveries.inbox_due(LATER, 10) == [second, third, first]
    assert await stores.deliveries.inbox_due(LATER, 1) == [second]


async def test_the_next_answer_is_the_earliest_after_the_moment_given(stores: Stores) -> None:
    assert await stores.deliveries.next_answer_due(WEDNESDAY) is None
    first, _ = [await received(stores, number) for number in range(2)]

    await stores.deliveries.close_delivery(replace(first, next_at=LATER, attempts=1), None)

    assert await stores.deliveries.next_answer_due(WEDNESDAY - timedelta(1)) == WEDNESDAY
    assert await stores.deliveries.next_answer_due(WEDNESDAY) == LATER
    assert await stores.deliveries.next_answer_due(LATER) is None


async def test_a_delivery_is_stored_as_it_stands_with_its_fact(both_stores: tuple[Stores, Stores]) -> None:
    one, other = both_stores
    delivery = await received(one)
    again = replace(delivery, attempts=3, next_at=LATER)

    await one.deliveries.close_delivery(again, a_fact("AnswerRefused", step=9))
    assert await other.deliveries.deliveries(delivery.message.order_id) == [again]

    kept = replace(again, state=DeliveryState.KEPT, next_at=None)
    await other.deliveries.close_delivery(kept, a_fact("AnswerKept", step=9))
    assert await one.deliveries.deliveries(delivery.message.order_id) == [kept]
    assert await one.deliveries.inbox_due(LATER, 10) == []
    assert (await names_of(one, delivery))[-2:] == ["AnswerRefused", "AnswerKept"]


async def test_a_delivery_closed_twice_in_a_row_stands_as_told_last(stores: Stores) -> None:
    delivery = await received(stores)

    await stores.deliveries.close_delivery(replace(delivery, attempts=1, next_at=LATER), None)
    await stores.deliveries.close_delivery(replace(delivery, attempts=2, next_at=LATER), None)

    assert [one.attempts for one in await stores.deliveries.deliveries(delivery.message.order_id)] == [2]


async def test_a_delivery_tells_where_it_stands_from_the_outbox_on(stores: Stores) -> None:
    order, result = await ended(stores)
    assert await stores.deliveries.deliveries(order.id) == [Delivery(message=result, state=DeliveryState.OUTBOX)]

    await stores.deliveries.mark_published({result.id: (order.id, PUBLISHED)})
    assert await stores.deliveries.deliveries(order.id) == [Delivery(message=result, state=DeliveryState.PUBLISHED)]


async def test_an_order_under_way_has_no_deliveries(stores: Stores) -> None:
    order = await stored(stores.orders)

    assert await stores.deliveries.deliveries(order.id) == []


async def test_a_correction_waits_until_what_it_corrects_was_answered_or_kept(stores: Stores) -> None:
    first = await received(stores)
    second = ResultMessage(f"{first.message.order_id}-2", first.message.order_id, {"data": {}})
    await stores.deliveries.put_in_inbox([second], WEDNESDAY)

    assert await stores.deliveries.inbox_due(LATER, 10) == [first]
    delayed = replace(first, attempts=1, next_at=LATER + timedelta(hours=1))
    await stores.deliveries.close_delivery(delayed, None)
    assert await stores.deliveries.inbox_due(LATER, 10) == []
    await stores.deliveries.close_delivery(replace(first, state=DeliveryState.ANSWERED, next_at=None), None)
    assert [due.message.id for due in await stores.deliveries.inbox_due(LATER, 10)] == [second.id]
