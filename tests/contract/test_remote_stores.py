"""The stores over a broker: what becomes of calls when it, or whoever serves them, is away."""

import asyncio
from pathlib import Path

import pytest

from aforo.adapters.remote.nats_stores import RemoteStores, StoreService
from aforo.engine.ports import StoreUnavailable
from brokers import Nats, free_port, with_nats
from contract.conftest import SECRET, failing, memory_stores

pytestmark = with_nats


async def test_where_nobody_serves_the_stores_are_unavailable(nats_server: Nats) -> None:
    remote = await RemoteStores.open(nats_server.url, SECRET)

    with pytest.raises(StoreUnavailable, match="nobody answers"):
        await remote.orders.new_order_id()
    await remote.close()


async def test_who_has_another_secret_is_reported_and_hears_nothing(
    nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aforo.adapters.remote.nats_stores.ANSWER_WAIT_S", 0.2)
    told: list[str] = []

    def tell(_: str, wrong: BaseException) -> None:
        told.append(str(wrong))

    service = await StoreService.open(nats_server.url, SECRET, memory_stores(), tell)
    stranger = await RemoteStores.open(nats_server.url, bytes(32))

    with pytest.raises(StoreUnavailable):
        await stranger.orders.new_order_id()

    assert told == ["its tag is not one of ours"]
    await stranger.close()
    await service.close()


async def test_after_the_broker_has_been_away_calls_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aforo.adapters.remote.nats_stores.ANSWER_WAIT_S", 1.0)
    broker = Nats(tmp_path, free_port())
    broker.start()
    service = await StoreService.open(broker.url, SECRET, memory_stores(), failing)
    remote = await RemoteStores.open(broker.url, SECRET)
    first = await remote.orders.new_order_id()

    broker.kill()
    with pytest.raises(StoreUnavailable):
        await remote.orders.new_order_id()
    broker.start()

    assert await later(remote) > first
    await remote.close()
    await service.close()
    broker.kill()


async def later(remote: RemoteStores) -> int:
    """As soon as both ends are connected again."""
    while True:
        try:
            return await remote.orders.new_order_id()
        except StoreUnavailable:
            await asyncio.sleep(0.05)


async def test_a_broker_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aforo.adapters.remote.nats_stores.CONNECT_WAIT_S", 0.2)
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await RemoteStores.open(f"nats://127.0.0.1:{free_port()}", SECRET)
