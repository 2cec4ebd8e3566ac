"""Integration and head-ends as processes of their own over one database: shared work, and what one that dies leaves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aforo.adapters.meter_model_files import load_models
from aforo.adapters.postgres.embedded.address import url_for_others
from aforo.adapters.postgres.migrations import migrate
from aforo.app.main import main
from aforo.simulator.order_ledger import OrderLedger
from aforo.simulator.town import Town
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from brokers import Nats, free_port, with_nats
from edge.live_system import WAIT_S, LiveSystem, Scene, count_sets, hosted, listening_legacy
from postgres_server import Schema

in_every_way = pytest.mark.parametrize(
    "way",
    ["postgres", pytest.param("jetstream", marks=with_nats), pytest.param("without the database", marks=with_nats)],
    indirect=True,
)
METERS = [f"{concentrator}{meter:02}" for concentrator in range(1, 5) for meter in range(6)]
PLAN = TownPlan(
    name="four concentrators",
    concentrator=tuple(
        ConcentratorPlan(
            number=f"C-{number}",
            meter=tuple(MeterPlan(number=meter, limit_w=9000) for meter in METERS if meter[0] == str(number)),
        )
        for number in range(1, 5)
    ),
)


@pytest.fixture(scope="session")
def database_schema() -> Schema:
    return migrate


@dataclass
class Parts:
    """scene: its system is the integration."""

    scene: Scene
    headends: list[LiveSystem]

    async def ended(self, orders: int) -> dict[str, str]:
        """States by order, when each has had its answer."""
        legacy = self.scene.legacy
        async with asyncio.timeout(WAIT_S):
            while len(legacy.message_ids) < orders:
                legacy.came.clear()
                await legacy.came.wait()
        async with self.scene.system.api() as api:
            listed = (await api.get("/orders", params={"limit": 1000})).json()["orders"]
        return {order["number"]: order["state"] for order in listed}


@dataclass(frozen=True)
class Way:
    """everywhere: settings of every process.   of_integration, of_headends: and those of some."""

    everywhere: dict[str, str]
    of_integration: dict[str, str]
    of_headends: dict[str, str]


@pytest.fixture
def way(request: pytest.FixtureRequest, tmp_path: Path, fresh_database: dict[str, Any]) -> Iterator[Way]:
    """How the processes agree, and reach the stores: all in the database, unless a test asks for another one."""
    asked = getattr(request, "param", "postgres")
    database = {"AFORO_DATABASE_URL": url_for_others(fresh_database)}
    kek = {"AFORO_KEK": bytes(range(32)).hex()}
    if asked == "postgres":
        yield Way(kek, database, database)
        return
    broker = Nats(tmp_path, free_port())
    broker.start()
    everywhere = {**kek, "AFORO_LEASES_URL": broker.url}
    if asked == "jetstream":
        yield Way(everywhere, database, database)
    else:
        yield Way({**everywhere, "AFORO_STORES_URL": broker.url}, database, {})
    broker.kill()


@pytest.fixture
async def parts(tmp_path: Path, way: Way, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        legacy = await stack.enter_async_context(listening_legacy())
        town = Town(PLAN, load_models())
        ports = await stack.enter_async_context(hosted(town))
        integration = LiveSystem(tmp_path / "0", "integration", **way.everywhere, **way.of_integration)
        headends = [LiveSystem(tmp_path / place, "headend", **way.everywhere, **way.of_headends) for place in "12"]
        processes = [integration, *headends]
        for process in processes:
            stack.callback(process.stop)
            await process.start()
        await processes[0].register(town, ports)
        scene = Scene(processes[0], legacy, town, ports)
        count_sets(scene, monkeypatch)
        yield Parts(scene, processes[1:])


@in_every_way
async def test_two_head_ends_share_the_work_and_no_meter_is_commanded_twice(parts: Parts) -> None:
    told = await asyncio.gather(*(parts.scene.send(meter) for meter in METERS))

    assert set(told) == {"0.3"}
    assert set((await parts.ended(len(METERS))).values()) == {"VERIFIED"}
    assert len(parts.scene.sets) == len(METERS)
    assert {meter.threshold_w for meter in parts.scene.town.meters.values()} == {2500}


@in_every_way
async def test_what_a_head_end_that_is_killed_leaves_the_other_brings_to_its_end(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while its concentrators have the orders: none is lost, none is sent again, each is answered once."""
    finish, finished = OrderLedger.finish, list[str]()

    def killing(ledger: OrderLedger, *args: Any) -> None:
        finish(ledger, *args)
        finished.append("")
        if len(finished) == len(METERS) // 2:
            parts.headends[0].kill()

    monkeypatch.setattr(OrderLedger, "finish", killing)
    await asyncio.gather(*(parts.scene.send(meter) for meter in METERS))

    assert set((await parts.ended(len(METERS))).values()) == {"VERIFIED"}
    assert len(parts.scene.sets) == len(METERS), "a command was repeated"
    assert len(parts.scene.legacy.message_ids) == len(METERS)


async def test_a_head_end_takes_no_orders(parts: Parts) -> None:
    async with parts.headends[0].api() as api:
        answer = await api.post(f"{parts.headends[0].url}/soap/EndDeviceControls", content=b"<x/>")
        health = await api.get("/health")

    assert (answer.status_code, health.status_code) == (404, 200)


@pytest.mark.parametrize("command", ["integration", "headend"])
def test_a_part_alone_says_what_it_needs(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--data", str(tmp_path)]) == 1
    assert "AFORO_DATABASE_URL" in capsys.readouterr().err


def test_a_part_that_does_not_reach_the_database_says_what_else_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFORO_STORES_URL", "nats://127.0.0.1:1")
    monkeypatch.setenv("AFORO_KEK", bytes(32).hex())

    assert main(["headend", "--data", str(tmp_path)]) == 1
    assert "AFORO_LEASES_URL" in capsys.readouterr().err
