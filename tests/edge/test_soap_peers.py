"""Orders to their final answers through the running system: every dialect by `aforo legacy`, and an npm SOAP client."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aforo.adapters.mock_legacy import Behaviour, MockLegacy
from aforo.cim.dialect import shipped
from aforo.cim.told_answer import read_told
from aforo.simulator.town_plan import MeterPlan, TownPlan
from architecture.test_house import ROOT
from edge.live_system import TOKEN, WAIT_S, Scene, live_scene

PLAN = TownPlan(name="two", meter=(MeterPlan(number="301"), MeterPlan(number="302")))
NODE, PEER = shutil.which("node"), ROOT / ".peers" / "npm"
DIALECTS = sorted({"iec", *shipped().by_name} - {"command-text"})
"""command-text looks like our own form, so its caller has to be known; see test_secured_doors."""


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with live_scene(tmp_path / "data", PLAN) as scene:
        yield scene


async def run(*command: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={"PATH": "/usr/bin:/bin", "AFORO_LANGUAGE": "en", **environment}
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def legacy_sends(scene: Scene, file: Path, dialect: str) -> list[dict[str, Any]]:
    command = (sys.executable, "-m", "aforo", "legacy", "send", str(file), "--dialect", dialect, "--json")
    _, output = await run(*command, "--url", scene.system.url, AFORO_TOKEN=TOKEN, PYTHONPATH=str(ROOT / "src"))
    orders: list[dict[str, Any]] = json.loads(output)["orders"]
    return orders


async def test_every_dialect_brings_an_order_to_its_final_answer_and_a_refusal_back(
    scene: Scene, tmp_path: Path
) -> None:
    for dialect in DIALECTS:
        file = tmp_path / f"{dialect}.csv"
        file.write_text(f"order,meter,watts,usage_point\n{dialect}-1,301,9000,UP-301\n{dialect}-2,999,9000,UP-999\n")

        done, refused = await legacy_sends(scene, file, dialect)

        assert (done["code"], done["answer"]) == ("0.3", {"result": "OK", "code": "0.0", "details": "VERIFIED"})
        assert (refused["result"], refused["code"]) in (("FAILED", "2.4"), ("FAILED", "2.12"))


@pytest.mark.skipif(NODE is None or not PEER.exists(), reason="no npm SOAP client here: `make peers` puts it there")
async def test_an_npm_soap_client_brings_an_order_to_its_final_answer(scene: Scene, tmp_path: Path) -> None:
    assert NODE is not None
    script = tmp_path / "order.mjs"
    script.write_text((ROOT / "tests" / "peers" / "soap_client" / "order.mjs").read_text())
    (tmp_path / "node_modules").symlink_to(PEER / "node_modules")
    wsdl = f"{scene.system.url}/soap/EndDeviceControls?wsdl"

    code, output = await run(NODE, str(script), wsdl, "OS-NODE", "302", "2500", scene.legacy.address)

    assert code == 0
    assert json.loads(output) == {"created": "0.3", "final": "0.0", "threshold": "2500"}
    async with asyncio.timeout(WAIT_S):
        await scene.legacy.came.wait()
    assert read_told(scene.legacy.answers[0].encode()).correlation_id == "node-OS-NODE"


@pytest.mark.parametrize("behaviour", [Behaviour.FAIL, Behaviour.FAULT, Behaviour.REFUSE])
async def test_an_answer_that_was_not_taken_comes_again_under_the_same_id(scene: Scene, behaviour: Behaviour) -> None:
    came: list[bytes] = []
    with MockLegacy(came.append, behaviour) as legacy:
        scene.legacy.address = legacy.address
        assert await scene.send("301", 2500) == "0.3"
        async with asyncio.timeout(WAIT_S):
            while not came:  # noqa: ASYNC110 (it comes by itself)
                await asyncio.sleep(0.05)
            legacy.behaviour = Behaviour.OK
            while len(came) < 2:  # noqa: ASYNC110 (five seconds later)
                await asyncio.sleep(0.05)

    assert len({read_told(octets).message_id for octets in came}) == 1


async def test_a_message_of_several_meters_is_answered_once_and_each_order_for_itself(scene: Scene) -> None:
    devices = "".join(f"<e:EndDevices><e:mRID>{meter}</e:mRID></e:EndDevices>" for meter in ("301", "302", "999"))
    envelope = SEVERAL.replace("DEVICES", devices).replace("ADDRESS", scene.legacy.address)
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{scene.system.url}/soap/EndDeviceControls"
        response = await client.post(url, content=envelope, headers={"content-type": "text/xml"})
    told = read_told(response.content)
    async with asyncio.timeout(WAIT_S):
        while len(scene.legacy.message_ids) < 3:  # noqa: ASYNC110 (they come by themselves)
            await asyncio.sleep(0.05)

    answers = [read_told(answer.encode()) for answer in scene.legacy.answers]
    assert (told.result, told.code) == ("PARTIAL", "0.2")
    assert {answer.correlation_id for answer in answers} == {"7001"}
    assert sorted((answer.numbers[0], answer.code) for answer in answers) == [
        ("OS-7/301", "0.0"),
        ("OS-7/302", "0.0"),
        ("OS-7/999", "2.4"),
    ]


SEVERAL = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<m:CreateEndDeviceControls xmlns:m="http://iec.ch/TC57/2011/EndDeviceControlsMessage"
    xmlns="http://iec.ch/TC57/2011/schema/message" xmlns:e="http://iec.ch/TC57/2011/EndDeviceControls#">
  <m:Header><Verb>create</Verb><Noun>EndDeviceControls</Noun><Source>CIS</Source>
    <ReplyAddress>ADDRESS</ReplyAddress><MessageID>1</MessageID><CorrelationID>7001</CorrelationID></m:Header>
  <m:Request><Option><name>special</name><value>test</value></Option></m:Request>
  <m:Payload><e:EndDeviceControls><e:EndDeviceControl>
    <e:issuerTrackingID>OS-7</e:issuerTrackingID>
    <e:EndDeviceAction><e:command>2500</e:command></e:EndDeviceAction>
    <e:EndDeviceControlType ref="3.15.139.13"/>DEVICES
  </e:EndDeviceControl></e:EndDeviceControls></m:Payload>
</m:CreateEndDeviceControls></s:Body></s:Envelope>"""
