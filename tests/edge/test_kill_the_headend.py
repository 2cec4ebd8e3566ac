"""`kill -9` at any moment loses nothing and repeats nothing in effect: the real process, killed and started again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from aforo.cim.client import read_answer
from aforo.cim.message import Result
from aforo.dlms.events import Request, Response, SetRequest
from aforo.dlms.server import Server
from aforo.simulator.order_ledger import OrderLedger
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import WAIT_S, LiveSystem, Scene, count_sets, live_scene

DELEGATED, TRANSPARENT, DIRECT = "101", "201", "301"
PLAN = TownPlan(
    name="three ways",
    concentrator=(
        ConcentratorPlan(number="C-1", meter=(MeterPlan(number=DELEGATED, limit_w=9000),)),
        ConcentratorPlan(number="C-2", link="transparent", meter=(MeterPlan(number=TRANSPARENT, limit_w=9000),)),
    ),
    meter=(MeterPlan(number=DIRECT, limit_w=9000),),
)


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with live_scene(tmp_path / "data", PLAN) as scene:
        count_sets(scene, monkeypatch)
        yield scene


class Once:
    """Kills the head-end at its first call, and tells the test."""

    def __init__(self, system: LiveSystem) -> None:
        self._system = system
        self.done = asyncio.Event()

    def __call__(self) -> None:
        if not self.done.is_set():
            self._system.kill()
            self.done.set()


def when_the_concentrator_is_told(scene: Scene, once: Once, monkeypatch: pytest.MonkeyPatch) -> None:
    """The concentrator has taken the order, and its answer finds nobody."""
    _after(OrderLedger, "submit", once, monkeypatch)


def when_the_meter_is_commanded(scene: Scene, once: Once, monkeypatch: pytest.MonkeyPatch) -> None:
    """The meter has carried the command out, and the answer finds nobody."""
    answer = Server.answer

    def killed(server: Server, request: Request) -> Response:
        response = answer(server, request)
        if isinstance(request, SetRequest):
            once()
        return response

    monkeypatch.setattr(Server, "answer", killed)


def when_the_result_is_there(scene: Scene, once: Once, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result lies at the concentrator; its push finds nobody."""
    _after(OrderLedger, "finish", once, monkeypatch)


def when_legacy_is_told(scene: Scene, once: Once, _: pytest.MonkeyPatch) -> None:
    """The answer has arrived, and its acknowledgement finds nobody."""

    def told() -> bool:
        is_first = not once.done.is_set()
        once()
        return not is_first

    scene.legacy.on_answer = told


def _after(owner: type, name: str, once: Once, monkeypatch: pytest.MonkeyPatch) -> None:
    original = getattr(owner, name)

    def killing(*args: object, **kwargs: object) -> object:
        result = original(*args, **kwargs)
        once()
        return result

    monkeypatch.setattr(owner, name, killing)


Point = Callable[[Scene, Once, pytest.MonkeyPatch], None]


@pytest.mark.parametrize(
    ("meter", "point"),
    [
        (DELEGATED, when_the_concentrator_is_told),
        (DELEGATED, when_the_meter_is_commanded),
        (DELEGATED, when_the_result_is_there),
        (DELEGATED, when_legacy_is_told),
        (TRANSPARENT, when_the_meter_is_commanded),
        (DIRECT, when_the_meter_is_commanded),
        (DIRECT, when_legacy_is_told),
    ],
)
async def test_a_killed_headend_goes_on_where_it_was(
    scene: Scene, meter: str, point: Point, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command reached the meter, one answer (under one id) reached Legacy, and it tells the truth."""
    once = Once(scene.system)
    point(scene, once, monkeypatch)

    assert await scene.send(meter) == "0.3"
    async with asyncio.timeout(WAIT_S):
        await once.done.wait()
    await scene.system.start()

    await _expect_one_true_answer(scene, meter)


async def test_an_acknowledged_order_survives_the_death_of_the_process_that_acknowledged_it(scene: Scene) -> None:
    assert await scene.send(DELEGATED) == "0.3"
    scene.system.kill()
    await scene.system.start()

    await _expect_one_true_answer(scene, DELEGATED)


async def _expect_one_true_answer(scene: Scene, meter: str) -> None:
    async with asyncio.timeout(WAIT_S):
        await scene.legacy.came.wait()
    answer = read_answer(scene.legacy.answers[-1].encode())
    order = await scene.system.order(f"OS-{meter}")

    assert (answer.reply.result, answer.error.code) == (Result.OK, "0.0")
    assert order["state"] == "VERIFIED"
    assert scene.town.meters[meter].threshold_w == 2500
    assert len(scene.sets) == 1, "the command was repeated"
    assert len(scene.legacy.message_ids) == 1, "a repeated answer must be known as the same"
