"""A real `aforo up` in a process of its own, with devices and a commercial system in the test's own process.

So the test sees what reaches a meter and what reaches Legacy, and can kill the head-end at exactly that moment.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from aforo.adapters.device_datagrams import DatagramPort
from aforo.adapters.device_ports import DevicePort
from aforo.adapters.listening import listen_on
from aforo.adapters.meter_model_files import load_models
from aforo.cim.client import create_envelope, read_answer
from aforo.cim.control_requests import ControlRequest, Option
from aforo.cim.control_response import ControlResponse
from aforo.cim.message import Header
from aforo.cim.namespaces import NOUN
from aforo.dlms.events import Request, Response, SetRequest
from aforo.dlms.keys import Key
from aforo.dlms.server import Server
from aforo.domain.order_kinds import DISCONNECT, LIMIT
from aforo.simulator.town import Town
from aforo.simulator.town_plan import TownPlan

TOKEN = "a-token-for-tests-only"
WAIT_S = 30.0
_MESSAGE_ID = re.compile(r"MessageID>([^<]+)<")


class LiveSystem:
    """`aforo up` on a data folder; it can be killed and started again on the same one."""

    def __init__(
        self, data: Path, command: str = "up", *, module: Sequence[str] = ("aforo",), **environment: str
    ) -> None:
        """module: what is run, and its own arguments.   environment: instead of, or besides, what is set here."""
        self._data = data
        self._module = module
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    async def start(self) -> None:
        environment = {
            **os.environ,
            "AFORO_TOKEN": TOKEN,
            "AFORO_RETRY_PLAN": "0.2,0.2,0.5,0.5,1",
            "AFORO_ANSWER_WAIT_S": "2",
            **_always_open(self._data.with_name(f"{self._data.name}-open-days.csv")),
            "AFORO_PERMISSIONS": json.dumps({source: ["limits:special"] for source in ("CIS", "zeep")}),
            **self._environment,
        }
        options = ["--data", str(self._data), "--port", "0", "--json"]
        command = [sys.executable, "-m", *self._module, self._command, *options]
        self._process = await asyncio.to_thread(_started, command, environment)
        assert self._process.stdout is not None
        told = await asyncio.to_thread(self._process.stdout.readline)
        self.url = json.loads(told)["url"]

    def kill(self) -> None:
        """SIGKILL, at once; nothing of it runs on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def freeze(self) -> None:
        """Nothing of it runs until it is thawed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def api(self) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {TOKEN}"}
        return httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers=headers, trust_env=False, timeout=20)

    async def register(self, town: Town, ports: dict[str, int]) -> None:
        rows = town.registry()
        async with self.api() as api:
            concentrators = [_row(row, "concentrator", ports) for row in rows.concentrators]
            meters = [_row(row, "meter_number", ports) for row in rows.meters]
            for path, document in (("/concentrators", concentrators), ("/meters", meters)):
                response = await api.post(path, json=document)
                assert response.status_code == 201, response.text

    async def order(self, number: str) -> dict[str, Any]:
        async with self.api() as api:
            response = await api.get(f"/orders/{number}")
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document


def _always_open(file: Path) -> dict[str, str]:
    """Settings by which a test holds at any hour of any day. file: written."""
    today = _now().date()
    days = (today + timedelta(days=ahead) for ahead in (-1, 0, 1))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("date,rule,name\n" + "".join(f"{day},open,test\n" for day in days), encoding="utf-8")
    hours = {"AFORO_SERVICE_OPENS": "00:00:00", "AFORO_SERVICE_CLOSES": "23:59:59.999999"}
    return {**hours, "AFORO_CALENDAR": str(file)}


def _started(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)


def _row(row: Any, name: str, ports: dict[str, int]) -> dict[str, Any]:
    """As the operator API takes it."""
    document: dict[str, Any] = {name: row.number}
    for column in row.__dataclass_fields__:
        value = getattr(row, column)
        if column == "number":
            continue
        if isinstance(value, Key):
            value = value.octets.hex()
        document[column] = value.hex() if isinstance(value, bytes) else ("" if value is None else value)
    if row.number in ports:
        document["port"] = ports[row.number]
    elif name == "meter_number":
        document["host"] = document["port"] = ""
    return document


class Legacy:
    """Takes answers in. on_answer: called before each is acknowledged; when it returns False it never is."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.heads: list[bytes] = []
        self.on_answer: Callable[[], bool] = lambda: True
        self.address = ""
        self.came = asyncio.Event()
        self._read = 0
        self._by_order: dict[str, list[tuple[str, ControlResponse]]] = {}

    @property
    def message_ids(self) -> set[str]:
        found = {_MESSAGE_ID.search(answer) for answer in self.answers}
        return {one[1] for one in found if one is not None}

    def by_order(self) -> dict[str, list[tuple[str, ControlResponse]]]:
        """Message id and answer, as they came, by order number. What was sent again is there again."""
        for text in self.answers[self._read :]:
            found = _MESSAGE_ID.search(text)
            assert found is not None, text
            answer = read_answer(text.encode())
            self._by_order.setdefault(answer.reply.number, []).append((found[1], answer))
        self._read = len(self.answers)
        return self._by_order

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                assert length is not None
                body = (await reader.readexactly(int(length[1]))).decode()
                if head.startswith(b"POST /soap"):  # for a system of another test, which had this port before
                    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                    continue
                self.answers.append(body)
                if not self.on_answer():
                    return
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                self.came.set()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def listening_legacy() -> AsyncIterator[Legacy]:
    legacy = Legacy()
    socket = listen_on("127.0.0.1", 0)
    server = await asyncio.start_server(legacy.serve, sock=socket)
    legacy.address = f"http://127.0.0.1:{socket.getsockname()[1]}/answers"
    try:
        yield legacy
    finally:
        server.close()


@asynccontextmanager
async def hosted(town: Town) -> AsyncIterator[dict[str, int]]:
    """The town's devices on loopback sockets of this process; the port of each."""
    ports: list[DevicePort | DatagramPort] = []
    chosen: dict[str, int] = {}
    for device in town.endpoints:
        kind = DatagramPort if device.takes_datagrams else DevicePort
        port = kind(device.endpoint, now=_now)
        chosen[device.number] = await port.listen(device.host, device.port)
        ports.append(port)
    try:
        yield chosen
    finally:
        for port in ports:
            await port.close()


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (real devices in real time)


@dataclass
class Scene:
    """Everything around one order. sets: SET requests that reached any meter."""

    system: LiveSystem
    legacy: Legacy
    town: Town
    ports: dict[str, int]
    sets: list[SetRequest] = field(default_factory=list)

    async def send(self, meter: str, watts: int | None = 2500, **changes: Any) -> str:
        """The code of the acknowledgement. Order OS-METER from CIS, answered to `legacy`; watts None disconnects."""
        number = changes.pop("number", f"OS-{meter}")
        headers = {"content-type": "text/xml", **changes.pop("headers", {})}
        header = Header(
            verb="create", noun=NOUN, source="CIS", message_id=f"m-{number}", reply_address=self.legacy.address
        )
        options = [Option("special", "test"), *(Option(name, value) for name, value in changes.items())]
        order = ControlRequest(
            header=header,
            number=number,
            meter=meter,
            control_type=(DISCONNECT if watts is None else LIMIT).control_type,
            watts=None if watts is None else Decimal(watts),
            options=tuple(options),
            language="en",
        )
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{self.system.url}/soap/EndDeviceControls"
            response = await client.post(url, content=create_envelope(order), headers=headers)
        return read_answer(response.content).error.code

    async def answer(self) -> ControlResponse:
        """The first that Legacy has acknowledged."""
        async with asyncio.timeout(WAIT_S):
            await self.legacy.came.wait()
        return read_answer(self.legacy.answers[-1].encode())


@asynccontextmanager
async def live_scene(data: Path, plan: TownPlan) -> AsyncIterator[Scene]:
    """A running system that knows a running town, and a commercial system that listens."""
    async with AsyncExitStack() as stack:
        legacy = await stack.enter_async_context(listening_legacy())
        town = Town(plan, load_models())
        ports = await stack.enter_async_context(hosted(town))
        system = LiveSystem(data)
        stack.callback(system.stop)
        await system.start()
        await system.register(town, ports)
        yield Scene(system, legacy, town, ports)


def count_sets(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The town's meters live in this process, so every SET that reaches one passes here."""
    answer = Server.answer

    def counted(server: Server, request: Request) -> Response:
        if isinstance(request, SetRequest):
            scene.sets.append(request)
        return answer(server, request)

    monkeypatch.setattr(Server, "answer", counted)
