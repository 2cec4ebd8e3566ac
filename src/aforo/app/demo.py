"""`aforo demo`: one order through all nine steps, in one process, with its proof."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import httpx

from aforo.adapters.meter_model_files import load_models
from aforo.adapters.operator_documents import fact_document
from aforo.adapters.reply_receiver import ReplyReceiver
from aforo.app.commands.trace_output import say_fact
from aforo.app.console_output import language, say, say_json
from aforo.app.settings import Settings
from aforo.app.system import SOAP_PATH, Place, System, database_of, event_loop
from aforo.cim.client import acknowledgement_envelope, create_envelope, read_answer
from aforo.cim.control_requests import ControlRequest, Option
from aforo.cim.control_response import ControlResponse
from aforo.cim.message import Header, Result, timestamp
from aforo.cim.namespaces import NOUN
from aforo.cim.xml_writing import pretty
from aforo.domain.identifiers import OrderNumber, Source
from aforo.domain.order import Fact, Order
from aforo.domain.order_kinds import LIMIT
from aforo.domain.order_states import OrderState
from aforo.domain.readback import Breaker
from aforo.simulator.meter import Meter
from aforo.simulator.meter_settings import EventCode
from aforo.simulator.town import Town
from aforo.simulator.town_file import load_town

SOURCE = "demo-cis"
METER = "20300001"
WATTS = 2500
END_WAIT_S = 30.0
TRIP_WAIT_S = 6.0
SAMPLE_S = 0.1
_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH = 64


@dataclass
class Proof:
    """What the demo found out. load: watts that the household was supplied with, by the time since the order."""

    before_w: int
    order: Order | None = None
    facts: list[Fact] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    acknowledgement: ControlResponse | None = None
    load: list[tuple[float, int]] = field(default_factory=list)
    after_w: int = 0

    @property
    def answer(self) -> ControlResponse | None:
        return read_answer(self.answers[0]) if self.answers else None

    @property
    def holds(self) -> bool:
        """The limit was read back from the meter, and the answer that says so has arrived."""
        order, answer = self.order, self.answer
        return (
            order is not None
            and order.state is OrderState.VERIFIED
            and self.after_w == WATTS
            and answer is not None
            and answer.reply.result is Result.OK
            and answer.control is not None
            and answer.control.readback is not None
            and answer.control.readback.threshold == WATTS
        )


def run(data: Path, as_json: bool) -> int:
    """0 only when the proof holds."""
    begun = time.monotonic()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    plan = (resources.files("aforo.simulator") / "towns" / "demo.toml").read_text(encoding="utf-8")
    settings = Settings()
    town = Town(load_town(plan, "demo.toml"), load_models(settings.models))
    with database_of(settings, data) as database, event_loop() as loop:
        system = System(settings, Place(data=data, database=database, port=0), town)
        proof = loop.run(_demonstrate(system, town.meters[METER], as_json=as_json))
    seconds = time.monotonic() - begun
    if as_json:
        say_json(_document(proof, town.meters[METER], seconds))
    else:
        _say_proof(proof, town.meters[METER], seconds)
    return 0 if proof.holds else 1


async def _demonstrate(system: System, meter: Meter, *, as_json: bool) -> Proof:
    meter.advance(system.clock.now())
    proof = Proof(before_w=meter.threshold_w)

    def take(body: bytes) -> bytes:
        proof.answers.append(body)
        return acknowledgement_envelope(read_answer(body).header, source=SOURCE, now=system.clock.now())

    async with system:
        with ReplyReceiver(system.entropy.octets(12).hex(), take) as receiver:
            number = f"DEMO-{system.entropy.octets(4).hex()}"
            if not as_json:
                _say_beginning(system, proof, meter, number)
            begun = system.clock.now()
            envelope = create_envelope(_order(number, receiver.address, system))
            proof.acknowledgement = await _post(f"{system.url}{SOAP_PATH}/EndDeviceControls", envelope)
            if not as_json:
                told = proof.acknowledgement
                say(f"Acknowledged at once: {told.reply.result.value} {told.error.code}, {told.error.reason}")
                say("")
            await _watch(system, proof, number, as_json=as_json)
            await _watch_load(system, proof, meter, begun)
            proof.after_w = meter.threshold_w
    return proof


def _order(number: str, reply_address: str, system: System) -> ControlRequest:
    """High priority, and a special request, so that the demo runs on any day."""
    header = Header(
        verb="create",
        noun=NOUN,
        timestamp=timestamp(system.clock.now()),
        source=SOURCE,
        async_reply=True,
        reply_address=reply_address,
        message_id=system.entropy.uuid(),
        correlation_id=system.entropy.uuid(),
    )
    options = (Option("priority", "high"), Option("special", "demonstration"))
    return ControlRequest(
        header=header,
        number=number,
        meter=METER,
        control_type=LIMIT.control_type,
        watts=Decimal(WATTS),
        reason="ARREARS_REDUCTION",
        options=options,
    )


async def _post(url: str, envelope: bytes) -> ControlResponse:
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"content-type": "text/xml; charset=utf-8", "accept-language": language()}
        response = await client.post(url, content=envelope, headers=headers)
    return read_answer(response.content)


async def _watch(system: System, proof: Proof, number: str, *, as_json: bool) -> None:
    """Tell each fact as it is committed, until the commercial system has its answer."""
    async with asyncio.timeout(END_WAIT_S):
        while True:
            order = await system.database.orders.find(Source(SOURCE), OrderNumber(number))
            assert order is not None, "it was acknowledged, so it is stored"
            facts = await system.database.orders.facts(order.id)
            for fact in facts[len(proof.facts) :]:
                if not as_json:
                    say_fact(fact_document(fact))
            proof.order, proof.facts = order, facts
            if proof.answers and facts[-1].step == 9:
                return
            await asyncio.sleep(0.02)


async def _watch_load(system: System, proof: Proof, meter: Meter, begun: datetime) -> None:
    """Until a moment after the limiter has opened the breaker, or long enough to see that it does not."""
    deadline = system.clock.now() + timedelta(seconds=TRIP_WAIT_S)
    while system.clock.now() < deadline:
        now = system.clock.now()
        proof.load.append(((now - begun).total_seconds(), meter.supplied_w(now)))
        if meter.breaker is not Breaker.CONNECTED:
            deadline = min(deadline, now + timedelta(seconds=5 * SAMPLE_S))
        await asyncio.sleep(SAMPLE_S)


def _say_beginning(system: System, proof: Proof, meter: Meter, number: str) -> None:
    drawn = meter.load_w(system.clock.now())
    say(f"aforo runs at {system.url}: integration, head-end, PostgreSQL, and a small town of simulated devices.")
    say(f"Meter {METER} (concentrator CT-0001) lets through {proof.before_w} W; its household draws {drawn} W.")
    say(f"Order {number}: limit meter {METER} to 2.5 kW, high priority, by SOAP as a commercial system sends it.")


def _say_proof(proof: Proof, meter: Meter, seconds: float) -> None:
    order = proof.order
    assert order is not None
    say("")
    say("The meter", style="bold")
    read_at = (order.evidence or {}).get("read_at", "never")
    say(f"  threshold before {proof.before_w} W, after {proof.after_w} W, read back from the meter at {read_at}")
    say(f"  {order.state.value}", style="green" if proof.holds else "red")
    say("")
    say("The answer, as the commercial system received it", style="bold")
    for line in pretty(proof.answers[0]).splitlines() if proof.answers else ["none"]:
        say(f"  {line}")
    say("")
    say("The household", style="bold")
    say(f"  {_curve(proof.load)}  {proof.load[0][1]} W, then {proof.load[-1][1]} W")
    for event in meter.events:
        name = event.code.name.lower().replace("_", " ")
        say(f"  {event.at.astimezone():%H:%M:%S}  {name}: {event.power_w} W drawn, limit {event.threshold_w} W")
    say("")
    say(f"{'Proved' if proof.holds else 'NOT PROVED'} in {seconds:.1f} s.", style="green" if proof.holds else "red")


def _curve(load: list[tuple[float, int]]) -> str:
    highest = max((watts for _, watts in load), default=0) or 1
    shown = load[:: max(1, len(load) // _WIDTH)]
    return "".join(_BLOCKS[round(watts / highest * (len(_BLOCKS) - 1))] for _, watts in shown)


def _document(proof: Proof, meter: Meter, seconds: float) -> dict[str, Any]:
    answer = proof.answer
    return {
        "proved": proof.holds,
        "order": proof.order.number if proof.order else None,
        "state": proof.order.state.value if proof.order else None,
        "threshold_before_w": proof.before_w,
        "threshold_after_w": proof.after_w,
        "evidence": proof.order.evidence if proof.order else None,
        "steps": [fact_document(fact) for fact in proof.facts],
        "answer": None if answer is None else {"result": answer.reply.result.value, "code": answer.error.code},
        "answer_xml": proof.answers[0].decode() if proof.answers else None,
        "load_w": [{"seconds": round(at, 2), "watts": watts} for at, watts in proof.load],
        "tripped": any(event.code is EventCode.LIMIT_TRIP for event in meter.events),
        "seconds": round(seconds, 2),
    }
