"""A point-to-point meter that speaks HDLC over TCP: ordered, lost, found again, through the real process."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from aforo.cim.message import Result
from aforo.dlms import ErrorCode, RemoteProtocolError
from aforo.simulator.meter_endpoint import HdlcMeterConnection
from aforo.simulator.town_plan import MeterPlan, TownPlan
from edge.live_system import Scene, count_sets, live_scene

GOOD, FORGETFUL, SILENT, CUT = "401", "402", "403", "404"
PLAN = TownPlan(
    name="behind routers",
    meter=(
        MeterPlan(number=GOOD, framing="hdlc", physical_device=17),
        MeterPlan(number=FORGETFUL, framing="hdlc", swallows_answer=True),
        MeterPlan(number=SILENT, framing="hdlc", silent=True),
        MeterPlan(number=CUT, framing="hdlc"),
    ),
)


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with live_scene(tmp_path / "data", PLAN) as scene:
        count_sets(scene, monkeypatch)
        yield scene


async def test_an_order_goes_over_hdlc_and_is_read_back(scene: Scene) -> None:
    assert await scene.send(GOOD, 2500) == "0.3"

    answer = await scene.answer()

    assert (answer.reply.result, answer.error.code) == (Result.OK, "0.0")
    assert (scene.town.meters[GOOD].threshold_w, len(scene.sets)) == (2500, 1)
    async with scene.system.api() as api:
        shown = (await api.get(f"/meters/{GOOD}")).json()
    assert (shown["framing"], shown["physical_device"]) == ("hdlc", 17)


async def test_an_answer_lost_on_hdlc_is_settled_by_reading_and_never_by_sending_again(scene: Scene) -> None:
    await scene.send(FORGETFUL, 2500)

    answer = await scene.answer()

    assert (answer.reply.result, answer.error.code) == (Result.OK, "0.0")
    assert len(scene.sets) == 1
    assert scene.town.meters[FORGETFUL].threshold_w == 2500


async def test_a_meter_that_answers_the_link_and_nothing_else_is_unreachable_and_not_a_fault(scene: Scene) -> None:
    await scene.send(SILENT, 2500)

    answer = await scene.answer()

    assert answer.reply.result is Result.FAILED
    assert "METER_UNREACHABLE" in answer.error.details
    assert scene.sets == []


async def test_a_connection_cut_while_the_set_is_carried_out_is_settled_by_reading_on_another(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = HdlcMeterConnection.receive

    def cut_after_the_first_set(connection: HdlcMeterConnection, octets: bytes, now: datetime) -> None:
        before = len(scene.sets)
        receive(connection, octets, now)
        if before == 0 and scene.sets:
            connection.outgoing()
            raise RemoteProtocolError(ErrorCode.MALFORMED, "the line is cut here")

    monkeypatch.setattr(HdlcMeterConnection, "receive", cut_after_the_first_set)
    await scene.send(CUT, 2500)

    answer = await scene.answer()

    assert (answer.reply.result, answer.error.code) == (Result.OK, "0.0")
    assert (scene.town.meters[CUT].threshold_w, len(scene.sets)) == (2500, 1)
