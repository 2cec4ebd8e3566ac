"""Mistakes put into the production code on purpose, one at a time: the simulator must find every one of them.

That is what shows that it can fail. Each is a row: what is done wrong, by which replacement, and within how many seeds
of its scenario it must be found.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from aforo.dclink.messages import OrderItem
from aforo.domain.causes import Cause
from aforo.domain.delivery import Delivery
from aforo.domain.identifiers import Epoch, Fence
from aforo.domain.order import Order
from aforo.domain.order_states import OrderState
from aforo.domain.readback import CommandResult, Readback, Verdict
from aforo.engine import (
    board_session,
    integration,
    lane_orders,
    leases,
    memory,
    meter_session,
    order_book,
    result_relay,
)
from aforo.engine.ports import StaleOrder, StoreUnavailable
from aforo.flow import (
    limit_procedure,
    step3_validate_meter,
    step4_dispatch_to_concentrator,
    step7_collect_result,
    step8_publish_result,
    step9_reply_to_legacy,
)
from aforo.flow.decision import Decision, move
from aforo.simulation import shared_leases
from aforo.simulator import concentrator, order_ledger

Replacement = tuple[Any, str, Any]
"""Where, the name there, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class PlantedFault:
    """words: what is done wrong.   replacements: made anew for every run.   scenario: where it is looked for."""

    words: str
    replacements: Callable[[], list[Replacement]]
    within_seeds: int = 50
    scenario: str = "standard"


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The production code with this mistake in it. name: a key of PLANTED; empty for none."""
    replacements = PLANTED[name].replacements() if name else []
    kept = [(where, what, getattr(where, what)) for where, what, _ in replacements]
    try:
        for where, what, instead in replacements:
            setattr(where, what, instead)
        yield
    finally:
        for where, what, original in kept:
            setattr(where, what, original)


def _outbox_dropped() -> list[Replacement]:
    return [(order_book, "result_message", lambda *_: None)]


def _accepted_before_commit() -> list[Replacement]:
    receive = order_book.OrderBook.receive

    async def later(*given: Any) -> None:
        with suppress(StoreUnavailable):
            await receive(*given)

    async def at_once(book: Any, decision: Decision, companions: Any = ()) -> Order:
        asyncio.get_running_loop().create_task(later(book, decision, companions))
        return decision.order

    return [(order_book.OrderBook, "receive", at_once)]


def _silence_is_failure() -> list[Replacement]:
    collect = step7_collect_result.collect

    def failing(order: Order, meter: Any, collected: Any, plan: Any) -> Decision:
        result: CommandResult = collected.result
        if result.verdict is Verdict.UNKNOWN and not order.state.is_end:
            return move(order, OrderState.FAILED, collected.at, cause=Cause.METER_UNREACHABLE, detail=result.detail,
                        next_at=None)  # fmt: skip
        return collect(order, meter, collected, plan)

    return [(step7_collect_result, "collect", failing)]


def _sent_again_blindly() -> list[Replacement]:
    def command(order: Order) -> str:
        return order.kind.command

    return [
        (step4_dispatch_to_concentrator, "procedure_of_visit", command),
        (meter_session, "procedure_of_visit", command),
    ]


def _two_in_flight() -> list[Replacement]:
    async def due(store: Any, lane: str, now: datetime, limit: int, _: object = ()) -> list[Order]:
        waiting = (order for order in store._orders.values() if order.lane == lane and order.state in memory.WAITING)  # noqa: SLF001
        return sorted(
            (order for order in waiting if order.next_at is not None and order.next_at <= now),
            key=lambda order: order.id,
        )[:limit]

    def out(*_: Any) -> list[Order]:
        return []

    return [(memory.MemoryOrderStore, "due", due), (memory.MemoryOrderStore, "others_out", out)]


def _older_orders_run() -> list[Replacement]:
    async def none_overtaken(*_: Any) -> dict[Any, Any]:
        return {}

    async def none_older(*_: Any) -> list[Order]:
        return []

    return [
        (memory.MemoryOrderStore, "overtaken", none_overtaken),
        (memory.MemoryOrderStore, "older_unsent", none_older),
    ]


def _not_after_kept_back() -> list[Replacement]:
    return [(lane_orders.Claim, "latest_start", lambda *_: None)]


def _window_ignored() -> list[Replacement]:
    return [
        (step3_validate_meter, "closed_now", lambda *_: None),
        (step4_dispatch_to_concentrator, "closed_now", lambda *_: None),
        (lane_orders, "window_end", lambda *_: None),
    ]


def _counter_stored_after_use() -> list[Replacement]:
    """Only what is reserved next makes the last reservation durable; here that is never."""
    reserve = memory.MemorySessionLedger.reserve_counters

    async def forgetful(ledger: Any, device: str, count: int) -> Any:
        known = ledger._counters.get(device)  # noqa: SLF001
        given = await reserve(ledger, device, count)
        if known is not None:
            ledger._counters[device] = known  # noqa: SLF001
        return given

    return [(memory.MemorySessionLedger, "reserve_counters", forgetful)]


def _verified_unread() -> list[Replacement]:
    """The write's own success counts as the proof."""
    readback = limit_procedure._readback  # noqa: SLF001

    def believed(model: Any, *, before: int | None, scaler: int, sought: int | None) -> Any:
        seen: Readback = yield from readback(model, before=before, scaler=scaler, sought=sought)
        return seen if sought is None else replace(seen, threshold=sought, active=None)

    return [(limit_procedure, "_readback", believed)]


def _answer_renamed() -> list[Replacement]:
    count = iter(range(10**9))
    return [(step9_reply_to_legacy, "_identifier", lambda *_: f"answer-{next(count)}")]


def _answer_given_up() -> list[Replacement]:
    def not_answered(delivery: Delivery, address: str, why: str, now: datetime) -> Any:
        return step9_reply_to_legacy.kept(delivery, f"{address}: {why}", now)

    return [(step9_reply_to_legacy, "not_answered", not_answered)]


def _no_resynchronisation() -> list[Replacement]:
    async def nothing(_: Any) -> None:
        return

    return [(board_session.BoardSession, "_resynchronise", nothing)]


def _published_before_sent() -> list[Replacement]:
    async def publish(relay: Any) -> bool:
        messages = await relay._deliveries.outbox(500)  # noqa: SLF001
        if not messages:
            return False
        now = relay._clock.now()  # noqa: SLF001
        facts = {one.id: (one.order_id, step8_publish_result.published(one, "q", now)) for one in messages}
        await relay._deliveries.mark_published(facts)  # noqa: SLF001
        await relay._publisher.publish(messages)  # noqa: SLF001
        return True

    return [(result_relay.ResultRelay, "_publish_batch", publish)]


def _fact_changed() -> list[Replacement]:
    keep = memory.MemoryOrderStore._keep  # noqa: SLF001

    def changing(store: Any, order: Order, decision: Any, result: Any) -> Order:
        kept = keep(store, order, decision, result)
        facts = store.facts_of[order.id]
        if order.state is OrderState.VERIFIED and len(facts) > 3:
            facts[0] = replace(facts[0], payload={**facts[0].payload, "reason": "another"})
        return kept

    return [(memory.MemoryOrderStore, "_keep", changing)]


def _correction_withheld() -> list[Replacement]:
    message = step8_publish_result.result_message
    return [(order_book, "result_message", lambda order, _=1: message(order, 1))]


def _order_taken_twice() -> list[Replacement]:
    receive = memory.MemoryOrderStore.receive

    async def again(store: Any, decision: Decision, result: Any, companions: Any = ()) -> Order:
        request = decision.order.request
        store._numbers.pop((request.source, request.number), None)  # noqa: SLF001
        return await receive(store, decision, result, companions)

    return [(memory.MemoryOrderStore, "receive", again)]


def _last_writer_wins() -> list[Replacement]:
    async def commit(store: Any, decision: Decision, result: Any = None) -> Order:
        return store._keep(replace(decision.order, version=decision.order.version + 1), decision, result)  # type: ignore[no-any-return]  # noqa: SLF001

    return [(memory.MemoryOrderStore, "commit", commit)]


def _restart_forgets() -> list[Replacement]:
    """What was out when the head-end died is not looked for."""

    async def none(*_: Any) -> list[Any]:
        return []

    return [(memory.MemoryOrderStore, "lanes_in_flight", none), (memory.MemoryOrderStore, "in_flight", none)]


def _until_forgotten() -> list[Replacement]:
    async def none(*_: Any) -> list[Decision]:
        return []

    return [(integration.Integration, "_companions", none)]


def _ends_in_flight() -> list[Replacement]:
    """A lost link is taken for a refusal."""

    def lost(order: Order, detail: str, now: datetime, _: Any) -> Decision:
        return move(order, OrderState.FAILED, now, cause=Cause.CONCENTRATOR_UNREACHABLE, detail=detail, next_at=None)

    return [(step7_collect_result, "link_lost", lost)]


def _epoch_unchecked() -> list[Replacement]:
    async def next_fence(ledger: Any, lane: str, _: Epoch) -> Fence:
        return await given(ledger, lane, Epoch(ledger._epochs[lane]))  # noqa: SLF001

    given = memory.MemorySessionLedger.next_fence
    return [(memory.MemorySessionLedger, "next_fence", next_fence)]


def _epoch_unchecked_there() -> list[Replacement]:
    refusal = order_ledger.OrderLedger._refusal  # noqa: SLF001

    def any_session(ledger: Any, item: OrderItem) -> Cause | None:
        return refusal(ledger, replace(item, epoch=ledger._memory.epoch))  # noqa: SLF001

    return [
        (order_ledger.OrderLedger, "_refusal", any_session),
        (concentrator.Concentrator, "has_session", lambda *_: True),
    ]


def _token_lost() -> list[Replacement]:
    """Every session counts its fences anew."""
    open_epoch = memory.MemorySessionLedger.open_epoch

    async def anew(ledger: Any, lane: str) -> Epoch:
        ledger._fence = 0  # noqa: SLF001
        return await open_epoch(ledger, lane)

    return [(memory.MemorySessionLedger, "open_epoch", anew)]


def _committed_early() -> list[Replacement]:
    """What a batch is to make durable is told as durable when it is put into the batch."""
    commit = order_book.OrderBook.commit

    async def later(book: Any, decision: Decision) -> None:
        with suppress(StoreUnavailable, StaleOrder):
            await commit(book, decision)

    async def at_once(book: Any, decision: Decision) -> Order:
        asyncio.get_running_loop().create_task(later(book, decision))
        return replace(decision.order, version=decision.order.version + 1)

    return [(order_book.OrderBook, "commit", at_once)]


def _lease_lost_unnoticed() -> list[Replacement]:
    return [(leases.LeaseKeeper, "_lose_everything", lambda _: None)]


def _lease_of_the_living() -> list[Replacement]:
    return [(shared_leases.LeaseTable, "take", lambda *_: True)]


def _orphans_left() -> list[Replacement]:
    renew = shared_leases.LeaseTable.renew

    def alone(table: Any, process: int, lease: Any) -> Any:
        standing = renew(table, process, lease)
        return standing and replace(standing, orphans=())

    return [(shared_leases.LeaseTable, "renew", alone)]


PLANTED: dict[str, PlantedFault] = {
    "outbox_dropped": PlantedFault("an order ends without its result in the same transaction", _outbox_dropped),
    "accepted_before_commit": PlantedFault(
        "an order is accepted before it is durable", _accepted_before_commit, 100, "disk"
    ),
    "silence_is_failure": PlantedFault(
        "silence after the command is told as FAILED", _silence_is_failure, 50, "silence"
    ),
    "sent_again_blindly": PlantedFault("what may have left is sent again, not read", _sent_again_blindly),
    "two_in_flight": PlantedFault("several orders of a meter are out at once", _two_in_flight),
    "older_orders_run": PlantedFault("an older order runs after a later one", _older_orders_run),
    "not_after_kept_back": PlantedFault(
        "the concentrator is not told the not-after", _not_after_kept_back, 100, "rush"
    ),
    "window_ignored": PlantedFault("restrictive orders run at any hour", _window_ignored),
    "counter_stored_after_use": PlantedFault("counters are used before they are reserved", _counter_stored_after_use),
    "verified_unread": PlantedFault("a write's success is taken for its proof", _verified_unread, 100),
    "answer_renamed": PlantedFault("an answer sent again has another id", _answer_renamed),
    "answer_given_up": PlantedFault("an answer that was not taken is not sent again", _answer_given_up),
    "no_resynchronisation": PlantedFault(
        "a new session does not ask what became of the last", _no_resynchronisation, 200
    ),
    "published_before_sent": PlantedFault(
        "a result is marked published before it is", _published_before_sent, 100, "disk"
    ),
    "fact_changed": PlantedFault("a fact is changed after it was written", _fact_changed),
    "correction_withheld": PlantedFault("a later truth is not sent", _correction_withheld, 50, "silence"),
    "order_taken_twice": PlantedFault("an order sent again is another order", _order_taken_twice),
    "last_writer_wins": PlantedFault("a decision overwrites another", _last_writer_wins, 100),
    "restart_forgets": PlantedFault("after a crash nobody asks for what was out", _restart_forgets, 50, "crashes"),
    "until_forgotten": PlantedFault("a temporary limit has no end", _until_forgotten),
    "epoch_unchecked": PlantedFault(
        "a fence is given to a session that is not the latest", _epoch_unchecked, 100, "pair"
    ),
    "epoch_unchecked_there": PlantedFault(
        "a concentrator takes orders of an old session", _epoch_unchecked_there, 500, "pair"
    ),
    "token_lost": PlantedFault("fences begin anew with a session", _token_lost, 50, "pair"),
    "committed_early": PlantedFault("a commit is told before its batch is durable", _committed_early, 50, "pair"),
    "lease_lost_unnoticed": PlantedFault(
        "a process that has lost its leases goes on", _lease_lost_unnoticed, 200, "pair"
    ),
    "lease_of_the_living": PlantedFault(
        "a lease is given while its holder is there", _lease_of_the_living, 200, "pair"
    ),
    "orphans_left": PlantedFault("nobody takes over from the dead", _orphans_left, 200, "pair"),
    "lost_link_is_failure": PlantedFault("a lost link is told as FAILED", _ends_in_flight, 100),
}
"""By name."""
