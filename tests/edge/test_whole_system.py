"""One order through the real process, real SOAP, real PostgreSQL and real DLMS: how it ends, and what Legacy hears."""

import asyncio
import csv
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zeep

from aforo.cim.message import Result
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan
from edge.live_system import TOKEN, WAIT_S, Scene, count_sets, live_scene
from peers.independent_meter import IndependentMeter

GOOD, TENS, SILENT, FORGETFUL, OUTSIDE, WRONG = "101", "102", "103", "104", "105", "106"
DIRECT = "301"
PLAN = TownPlan(
    name="all sorts",
    concentrator=(
        ConcentratorPlan(
            number="C-1",
            answer_wait_s=1,
            meter=(
                MeterPlan(number=GOOD),
                MeterPlan(number=TENS, scaler=1),
                MeterPlan(number=SILENT, silent=True),
                MeterPlan(number=FORGETFUL, swallows_answer=True),
                MeterPlan(number=OUTSIDE, in_table=False),
                MeterPlan(number=WRONG),
            ),
        ),
    ),
    meter=(MeterPlan(number=DIRECT),),
)


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with live_scene(tmp_path / "data", PLAN) as scene:
        count_sets(scene, monkeypatch)
        yield scene


async def test_the_amount_ordered_is_the_amount_written_and_the_amount_read_back(scene: Scene) -> None:
    assert await scene.send(TENS, 2500) == "0.3"

    answer = await scene.answer()

    assert (answer.reply.result, answer.error.code) == (Result.OK, "0.0")
    steps = (await scene.system.order(f"OS-{TENS}"))["facts"]
    payload = {step["name"]: step["payload"] for step in steps}
    assert [step["step"] for step in steps] == [1, 2, 3, 4, 4, 5, 6, 7, 8, 9]
    assert payload["OrderReceived"]["limit_w"] == payload["OrderDispatched"]["limit_w"] == 2500
    assert (payload["MeterCommanded"]["written"], payload["MeterCommanded"]["written_w"]) == (250, "2500")
    assert payload["MeterAnswered"]["threshold_w"] == "2500"
    assert scene.town.meters[TENS].threshold == 250


async def test_a_limit_that_the_register_cannot_hold_is_refused_and_nothing_is_written(scene: Scene) -> None:
    before = scene.town.meters[TENS].threshold_w

    await scene.send(TENS, 2505)

    answer = await scene.answer()
    assert (answer.reply.result, answer.error.code) == (Result.FAILED, "5.2")
    assert "LIMIT_NOT_REPRESENTABLE" in answer.error.details
    assert (scene.town.meters[TENS].threshold_w, scene.sets) == (before, [])


@pytest.mark.parametrize(("meter", "cause"), [(SILENT, "METER_UNREACHABLE"), (OUTSIDE, "NOT_IN_TABLE")])
async def test_what_cannot_be_reached_fails_with_its_own_reason_after_the_plan(
    scene: Scene, meter: str, cause: str
) -> None:
    await scene.send(meter)

    answer = await scene.answer()

    assert (answer.reply.result, answer.error.code) == (Result.FAILED, "4.1")
    order = await scene.system.order(f"OS-{meter}")
    assert (order["state"], order["cause"]["code"], order["attempts"]) == ("FAILED", cause, 6)
    assert scene.sets == []


async def test_a_wrong_key_is_told_as_a_key_problem_and_never_as_silence(scene: Scene) -> None:
    scene.town.meters[WRONG].faults.keys = scene.town.meters[GOOD].settings.keys

    await scene.send(WRONG)

    answer = await scene.answer()
    assert "WRONG_KEY" in answer.error.details
    assert answer.error.code == "5.3"


async def test_a_lost_answer_is_settled_by_reading_and_never_by_sending_again(scene: Scene) -> None:
    await scene.send(FORGETFUL)

    answer = await scene.answer()

    assert (answer.reply.result, answer.error.code) == (Result.OK, "0.0")
    assert len(scene.sets) == 1


async def test_an_order_sent_twice_is_one_order_with_one_answer(scene: Scene) -> None:
    first, second = await asyncio.gather(scene.send(GOOD), scene.send(GOOD))
    await scene.answer()
    third = await scene.send(GOOD)
    other = await scene.send(GOOD, 3000)

    assert (first, second, third, other) == ("0.3", "0.3", "0.3", "2.15")
    assert len(scene.sets) == 1
    assert len(scene.legacy.message_ids) == 1


async def test_garbage_closes_its_own_connection_and_no_other(scene: Scene) -> None:
    for device in ("C-1", DIRECT):
        reader, writer = await asyncio.open_connection("127.0.0.1", scene.ports[device])
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(WAIT_S):
            assert await reader.read() == b"", "closed without a word"
        writer.close()

    assert await scene.send(GOOD) == "0.3"
    assert await scene.send(DIRECT) == "0.3"
    async with asyncio.timeout(WAIT_S):
        while len(scene.legacy.message_ids) < 2:
            scene.legacy.came.clear()
            await scene.legacy.came.wait()
    assert {(await scene.system.order(f"OS-{meter}"))["state"] for meter in (GOOD, DIRECT)} == {"VERIFIED"}


async def test_zeep_loads_the_description_and_drives_an_order_to_its_final_answer(scene: Scene) -> None:
    """An independent SOAP client, by the WSDL alone."""

    def drive() -> str:
        client = zeep.Client(  # type: ignore[no-untyped-call]
            f"{scene.system.url}/soap/EndDeviceControls?wsdl"
        )
        assert "CreateEndDeviceControls" in client.service._operations
        reply = client.service.CreateEndDeviceControls(
            Header={
                "Verb": "create",
                "Noun": "EndDeviceControls",
                "Timestamp": "2026-11-25T12:00:00Z",
                "Source": "zeep",
                "AsyncReplyFlag": True,
                "ReplyAddress": scene.legacy.address,
                "MessageID": "z-1",
                "CorrelationID": "c-1",
            },
            Request={"Option": [{"name": "special", "value": "test"}]},
            Payload={
                "EndDeviceControls": {
                    "EndDeviceControl": [
                        {
                            "issuerTrackingID": "Z-1",
                            "EndDeviceAction": {"command": "2500"},
                            "EndDeviceControlType": {"ref": "3.15.139.13"},
                            "EndDevices": [{"mRID": GOOD}],
                        }
                    ]
                }
            },
        )
        return str(reply.Reply.Error[0].code)

    assert await asyncio.to_thread(drive) == "0.3"

    answer = await scene.answer()
    assert (answer.reply.number, answer.error.code, answer.header.correlation_id) == ("Z-1", "0.0", "c-1")
    assert answer.control is not None
    assert answer.control.readback is not None
    assert answer.control.readback.threshold == 2500


async def test_the_commands_limit_a_meter_that_is_not_ours(scene: Scene, tmp_path: Path) -> None:
    """`meter import` and `limit --wait`, against an independent DLMS server on link=direct."""
    keys = (bytes(range(16)), bytes(range(0xD0, 0xE0)))
    with IndependentMeter(*keys) as meter:
        row = {
            "meter_number": "OTHER-1", "usage_point": "UP-9", "link": "direct", "concentrator": "",
            "host": meter.host, "port": meter.port, "model": "", "client_sap": 1, "server_sap": 1,
            "system_title": meter.title.hex(), "encryption_key": keys[0].hex(), "authentication_key": keys[1].hex(),
            "commissioned": "true", "max_power_w": 10000,
        }  # fmt: skip
        with (tmp_path / "meters.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
            writer.writerow(row)

        imported = await asyncio.to_thread(_aforo, scene, "meter", "import", str(tmp_path / "meters.csv"))
        limited = await asyncio.to_thread(
            _aforo, scene, "limit", "OTHER-1", "2.5kW", "--special", "test", "--wait", "--json"
        )

        assert imported.returncode == 0, imported.stderr
        assert limited.returncode == 0, limited.stdout + limited.stderr
        assert json.loads(limited.stdout)["state"] == "VERIFIED"
        assert meter.threshold_w == 2500
        assert meter.faults == []


def _aforo(scene: Scene, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "AFORO_URL": scene.system.url, "AFORO_TOKEN": TOKEN}
    command = [sys.executable, "-m", "aforo", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
