"""A commit that was made, and whose confirmation was lost: whoever waits for what is in it looks all the same."""

import pytest

from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.engine.listeners import Listeners, telling_of_doubt
from aforo.engine.ports import StoreUnavailable
from aforo.engine.result_relay import EmbeddedQueue, ResultRelay
from unit.engine.engine_situations import HeadEnd, running, second
from unit.engine.virtual_time import in_virtual_time


def a_relay(headend: HeadEnd, sealed: list[str]) -> ResultRelay:
    """sealed: a word whenever the sealer is told."""
    queue = EmbeddedQueue(headend.deliveries, headend.clock, lambda: None)
    listeners = Listeners(headend.reports, lambda: sealed.append("told"))
    relay = ResultRelay(headend.deliveries, queue, queue="q", clock=headend.clock, listeners=listeners)
    headend.on_result = relay.wake
    return relay


def test_a_result_whose_commit_was_not_confirmed_is_published_without_anything_else_happening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a quiet evening it would have stayed in the outbox until the next order, or the next start."""

    async def scene() -> None:
        headend, sealed = HeadEnd(), list[str]()
        relay = a_relay(headend, sealed)
        receive = headend.orders.receive

        async def unconfirmed(*given: object) -> Order:
            await receive(*given)  # type: ignore[arg-type]
            raise StoreUnavailable("the connection was lost before the commit was confirmed")

        async with running(relay.run()):
            await second(5)
            monkeypatch.setattr(headend.orders, "receive", unconfirmed)
            with pytest.raises(StoreUnavailable):
                await headend.order(state=OrderState.REFUSED)
            await second(60)

        assert await headend.deliveries.outbox(10) == []
        assert sealed, "its publication was told to the sealer"

    in_virtual_time(scene())


def test_the_sealer_is_told_of_a_publication_whose_commit_was_not_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        headend, sealed = HeadEnd(), list[str]()
        relay = a_relay(headend, sealed)
        mark = headend.deliveries.mark_published

        async def unconfirmed(published: dict[str, tuple[OrderId, Fact]]) -> None:
            await mark(published)
            raise StoreUnavailable("the connection was lost before the commit was confirmed")

        monkeypatch.setattr(headend.deliveries, "mark_published", unconfirmed)
        async with running(relay.run()):
            await headend.order(state=OrderState.REFUSED)
            await second(60)

        assert await headend.deliveries.outbox(10) == []
        assert sealed

    in_virtual_time(scene())


def test_only_a_store_that_is_away_leaves_a_doubt() -> None:
    told = list[str]()
    with pytest.raises(ZeroDivisionError), telling_of_doubt(lambda: told.append("looked")):
        raise ZeroDivisionError
    assert told == []
    with pytest.raises(StoreUnavailable), telling_of_doubt(lambda: told.append("looked")):
        raise StoreUnavailable("gone")
    assert told == ["looked"]
