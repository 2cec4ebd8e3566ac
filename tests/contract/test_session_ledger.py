"""SessionLedger: numbers that only ever rise, and are never handed out twice."""

import asyncio

import pytest

from aforo.dlms.counters import COUNTER_MAX, CounterRange, CountersExhausted
from aforo.engine.ports import LeaseLost
from contract.conftest import Stores


def values(reserved: CounterRange | None) -> list[int]:
    assert reserved is not None
    return [reserved.take() for _ in range(reserved.remaining)]


async def test_epochs_rise_by_one_for_each_lane_on_its_own(both_stores: tuple[Stores, Stores]) -> None:
    one, other = both_stores

    told = [await stores.ledger.open_epoch("concentrator:C-1") for stores in (one, other, one)]

    assert told == [1, 2, 3]
    assert await other.ledger.open_epoch("concentrator:C-2") == 1


async def test_epochs_opened_at_once_differ(both_stores: tuple[Stores, Stores]) -> None:
    told = await asyncio.gather(*(stores.ledger.open_epoch("C-1") for _ in range(20) for stores in both_stores))

    assert sorted(told) == list(range(1, 41))


async def test_a_later_fence_is_higher_whoever_asks(both_stores: tuple[Stores, Stores]) -> None:
    epoch = await both_stores[0].ledger.open_epoch("C-1")
    told = [await both_stores[number % 2].ledger.next_fence("C-1", epoch) for number in range(40)]
    at_once = await asyncio.gather(
        *(stores.ledger.next_fence("C-1", epoch) for _ in range(100) for stores in both_stores)
    )

    assert told == sorted(set(told))
    assert len(set(at_once)) == 200
    assert min(at_once) > told[-1]
    assert await both_stores[1].ledger.next_fence("C-1", epoch) > max(at_once)


async def test_a_session_after_which_a_later_one_has_begun_gets_no_fence(both_stores: tuple[Stores, Stores]) -> None:
    one, other = both_stores
    epoch, elsewhere = await one.ledger.open_epoch("C-1"), await one.ledger.open_epoch("C-2")
    later = await other.ledger.open_epoch("C-1")

    stale = [one.ledger.next_fence("C-1", epoch), one.ledger.next_fence("C-3", epoch)]
    outcomes = await asyncio.gather(
        *stale, one.ledger.next_fence("C-2", elsewhere), other.ledger.next_fence("C-1", later), return_exceptions=True
    )

    assert [isinstance(outcome, LeaseLost) for outcome in outcomes] == [True, True, False, False]


async def test_a_device_that_is_not_on_record_has_no_counters(stores: Stores) -> None:
    assert await stores.ledger.reserve_counters("meter:M-1", 10) is None
    assert await stores.ledger.counter_on_record("meter:M-1") is None


async def test_counters_follow_each_other_without_a_gap(both_stores: tuple[Stores, Stores]) -> None:
    one, other = both_stores

    first = values(await one.ledger.raise_counter("meter:M-1", 7, 3))
    second = values(await other.ledger.reserve_counters("meter:M-1", 2))

    assert first + second == [7, 8, 9, 10, 11]
    assert await one.ledger.counter_on_record("meter:M-1") == 12
    assert await one.ledger.counter_on_record("meter:M-2") is None


async def test_a_counter_is_raised_and_never_lowered(stores: Stores) -> None:
    await stores.ledger.raise_counter("meter:M-1", 100, 10)

    assert values(await stores.ledger.raise_counter("meter:M-1", 5, 2)) == [110, 111]
    assert values(await stores.ledger.raise_counter("meter:M-1", 112, 1)) == [112]
    assert values(await stores.ledger.raise_counter("meter:M-1", 500, 2)) == [500, 501]
    assert await stores.ledger.counter_on_record("meter:M-1") == 502


async def test_no_counter_is_handed_out_twice_however_many_ask_at_once(both_stores: tuple[Stores, Stores]) -> None:
    await both_stores[0].ledger.raise_counter("meter:M-1", 0, 1)

    calls = [
        stores.ledger.reserve_counters("meter:M-1", 3) if number % 2 else stores.ledger.raise_counter("meter:M-1", 9, 3)
        for number in range(40)
        for stores in both_stores
    ]
    taken = [value for reserved in await asyncio.gather(*calls) for value in values(reserved)]

    assert len(taken) == len(set(taken)) == 240
    assert await both_stores[0].ledger.counter_on_record("meter:M-1") == max(taken) + 1


async def test_the_last_counter_can_be_taken_and_no_further_one(stores: Stores) -> None:
    assert values(await stores.ledger.raise_counter("meter:M-1", COUNTER_MAX - 1, 1)) == [COUNTER_MAX - 1]

    with pytest.raises(CountersExhausted):
        await stores.ledger.reserve_counters("meter:M-1", 2)
    assert values(await stores.ledger.reserve_counters("meter:M-1", 1)) == [COUNTER_MAX]
    with pytest.raises(CountersExhausted):
        await stores.ledger.reserve_counters("meter:M-1", 1)
    with pytest.raises(CountersExhausted):
        await stores.ledger.raise_counter("meter:M-1", 0, 1)


async def test_a_counter_that_would_be_too_high_leaves_the_one_on_record(stores: Stores) -> None:
    await stores.ledger.raise_counter("meter:M-1", 10, 1)

    with pytest.raises(CountersExhausted):
        await stores.ledger.raise_counter("meter:M-1", COUNTER_MAX, 2)
    with pytest.raises(CountersExhausted):
        await stores.ledger.raise_counter("meter:M-2", COUNTER_MAX, 2)

    assert await stores.ledger.counter_on_record("meter:M-1") == 11
    assert await stores.ledger.counter_on_record("meter:M-2") is None
