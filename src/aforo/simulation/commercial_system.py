"""The commercial system of a run: sends its orders until each is acknowledged, and takes the answers in."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from aforo.adapters.soap_door import SoapDoor
from aforo.cim.client import create_envelope, read_answer
from aforo.cim.control_requests import ControlRequest, Option
from aforo.cim.message import Header, Result, timestamp
from aforo.cim.namespaces import NOUN
from aforo.cim.soap import SoapFault
from aforo.domain.order_kinds import KINDS
from aforo.engine.ports import StoreUnavailable
from aforo.simulation.ground_truth import GroundTruth, Told
from aforo.simulation.mortal_process import MortalProcess
from aforo.simulation.schedule import PlannedOrder

SOURCE = "cis"
ADDRESS = "http://127.0.0.1/answers"
ONE_WAY_S = (0.001, 0.02)
ASKED_AGAIN_S = (5.0, 30.0)
PATIENCE_S = 30.0
NOT_ACKNOWLEDGED_S = 15.0


class CommercialSystem:
    """told: of every new answer.   is_away: it takes no connection.   forgets: it takes an answer, and says nothing."""

    def __init__(
        self, truth: GroundTruth, chance: Random, now: Callable[[], datetime], told: Callable[[Told], None]
    ) -> None:
        self._truth = truth
        self._chance = chance
        self._now = now
        self._told = told
        self.is_away = False
        self.forgets = False

    async def order(
        self, planned: PlannedOrder, begin: datetime, door: Callable[[], tuple[MortalProcess, SoapDoor] | None]
    ) -> None:
        """Sent again, the same, until it is acknowledged. door: None while the head-end is down."""
        envelope = create_envelope(_request(planned, begin, self._now()))
        while not await self._send(planned.number, envelope, door()):  # noqa: ASYNC110 (it asks, again and again)
            await asyncio.sleep(self._chance.uniform(*ASKED_AGAIN_S))
        if planned.is_repeated:
            await self._send(planned.number, envelope, door())

    async def _send(self, number: str, envelope: bytes, door: tuple[MortalProcess, SoapDoor] | None) -> bool:
        """False: no answer came."""
        await self._delay()
        if door is None:
            return False
        process, soap = door
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        process.start(_exchange(soap, envelope, answered), f"order {number}")
        try:
            async with asyncio.timeout(PATIENCE_S):
                octets = await asyncio.shield(answered)
        except TimeoutError:
            return False
        await self._delay()
        if self._chance.random() < 0.02:
            return False  # the answer is lost on its way
        return self._acknowledged(number, octets)

    def _acknowledged(self, number: str, octets: bytes) -> bool:
        try:
            reply = read_answer(octets).reply
        except SoapFault:
            return False  # to be sent again, it says
        if reply.result is Result.OK:
            self._truth.accepted.setdefault(number, self._now())
        return True

    async def post(self, envelope: bytes) -> str:
        """An answer comes; see `LegacyDoor`."""
        await self._delay()
        if self.is_away:
            return "ConnectError: All connection attempts failed"
        response = read_answer(envelope)
        number = response.control.number if response.control else ""
        told = Told(self._now(), number, response.header.message_id, response, envelope)
        self._truth.told.setdefault(number, []).append(told)
        self._told(told)
        if self.forgets and self._chance.random() < 0.6:
            await asyncio.sleep(NOT_ACKNOWLEDGED_S)
            return "ReadTimeout: "
        await self._delay()
        return ""

    async def _delay(self) -> None:
        await asyncio.sleep(self._chance.uniform(*ONE_WAY_S))


class DoorOfProcess:
    """A LegacyDoor for one process."""

    def __init__(self, commercial: CommercialSystem, process: MortalProcess) -> None:
        self._commercial = commercial
        self._process = process

    async def post(
        self,
        _: str,
        envelope: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        traceparent: str = "",  # noqa: ARG002 (a run has no traces)
    ) -> str:
        assert headers is None, "no order of a run is answered by a webhook"
        self._process.reach("before send")
        why = await self._commercial.post(envelope)
        self._process.reach("after send")
        return why


async def _exchange(soap: SoapDoor, envelope: bytes, answered: "asyncio.Future[bytes]") -> None:
    """One HTTP exchange, as an ASGI server would give it."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/EndDeviceControls",
        "query_string": b"",
        "headers": [(b"content-type", b"text/xml; charset=utf-8"), (b"content-length", str(len(envelope)).encode())],
    }
    body = bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": envelope, "more_body": False}

    async def send(message: Any) -> None:
        body.extend(message.get("body", b""))

    with suppress(StoreUnavailable):  # the door has answered that, and an HTTP server would log it
        await soap(scope, receive, send)
    if not answered.done():
        answered.set_result(bytes(body))


def _request(planned: PlannedOrder, begin: datetime, now: datetime) -> ControlRequest:
    options = []
    if planned.is_special:
        options.append(Option("special", "simulated"))
    if planned.is_urgent:
        options.append(Option("priority", "high"))
    if planned.is_proved:
        options.append(Option("proof", "effective"))
    for name, after_s in (("notAfter", planned.not_after_s), ("until", planned.until_s)):
        if after_s is not None:
            options.append(Option(name, timestamp(begin + timedelta(seconds=round(after_s)))))
    return ControlRequest(
        header=Header(
            verb="create",
            noun=NOUN,
            timestamp=timestamp(now),
            source=SOURCE,
            async_reply=True,
            reply_address=ADDRESS,
            message_id=planned.number,
        ),
        number=planned.number,
        meter=planned.meter,
        control_type=KINDS[planned.kind].control_type,
        watts=None if planned.watts is None else Decimal(planned.watts),
        options=tuple(options),
    )
