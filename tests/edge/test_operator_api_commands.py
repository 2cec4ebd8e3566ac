"""The commands against a real operator door on a real socket, found through DATA/running.json alone."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aforo.adapters.gatekeeper import Gatekeeper
from aforo.adapters.key_vault import FileKeyVault
from aforo.adapters.listening import listen_on
from aforo.adapters.metrics import Metrics
from aforo.adapters.operator_api import OperatorPorts, operator_api
from aforo.adapters.status_api import StatusPorts
from aforo.adapters.system_clock import SystemClock
from aforo.app.http_server import HttpServer
from aforo.app.main import main
from aforo.app.running_system import RunningSystem, announce
from aforo.dlms import SystemTitle
from aforo.engine.memory import (
    MemoryDeliveryStore,
    MemoryDeviceRegistry,
    MemoryOrderStore,
    MemorySessionLedger,
)
from aforo.engine.memory_audit import MemoryAuditStore
from aforo.engine.memory_status import MemoryStatusStore
from aforo.engine.order_book import BookCalls, OrderBook
from aforo.engine.order_desk import OrderDesk
from edge.soap_situations import StubIntegration
from registry_rows import a_concentrator_row, a_direct_row, a_meter_row, csv_of

TOKEN = "a-token-of-some-length"


def _nothing(*_: object) -> None:
    """Nobody waits to be woken."""


class Running:
    """The door, served by a loop in a thread of its own. latest: the one made last."""

    latest: "Running | None" = None

    def __init__(self) -> None:
        Running.latest = self
        orders = MemoryOrderStore()
        deliveries = MemoryDeliveryStore(orders)
        self.ports = ports = OperatorPorts(
            orders=orders,
            desk=OrderDesk(OrderBook(orders, BookCalls()), SystemClock()),
            deliveries=deliveries,
            audit=MemoryAuditStore(orders),
            registry=MemoryDeviceRegistry(MemorySessionLedger()),
            vault=FileKeyVault(bytes(32)),
            clock=SystemClock(),
            models=("class71",),
            title=SystemTitle(b"HES00001"),
            status=StatusPorts(MemoryStatusStore(orders, deliveries), Metrics(), SystemClock(), lambda: False),
            integration=StubIntegration(),
        )
        self._listening = listen_on("127.0.0.1", 0)
        gate = Gatekeeper(None, operator=TOKEN, now=SystemClock().now)
        self._server = HttpServer(operator_api(ports, gate), self._listening)
        self.url = self._server.url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Running":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("AFORO_LANGUAGE", "en")
    monkeypatch.setenv("AFORO_DATA", str(tmp_path))
    for name in ("AFORO_URL", "AFORO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with Running() as running:
        announce(tmp_path, RunningSystem(running.url, TOKEN, os.getpid()))
        yield tmp_path


def test_a_registry_is_imported_listed_and_shown(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    concentrators, meters = data / "concentrators.csv", data / "meters.csv"
    concentrators.write_text(csv_of(a_concentrator_row()))
    meters.write_text(csv_of(a_meter_row(), a_direct_row(meter_number="M-2")))

    assert main(["concentrator", "import", str(concentrators)]) == 0
    assert main(["meter", "import", str(meters)]) == 0
    capsys.readouterr()

    assert main(["meter", "list", "--json"]) == 0
    assert [one["meter_number"] for one in json.loads(capsys.readouterr().out)["meters"]] == ["M-1", "M-2"]
    assert main(["meter", "show", "M-2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["has_keys"] is True
    assert main(["concentrator", "show", "C-1"]) == 0
    assert "10.0.0.7" in capsys.readouterr().out


def test_what_only_the_system_can_know_is_told_by_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meters = data / "meters.csv"
    meters.write_text(csv_of(a_direct_row(), a_meter_row(meter_number="M-2"), a_direct_row(model="unknown")))

    assert main(["meter", "import", str(meters)]) == 1

    told = capsys.readouterr().err
    assert f"{meters}:4: model: Unknown model; they are: class71." in told

    meters.write_text(csv_of(a_direct_row(), a_meter_row(meter_number="M-2")))
    assert main(["meter", "import", str(meters)]) == 1
    assert f"{meters}:3: concentrator: The concentrator is not registered" in capsys.readouterr().err


def test_a_wrong_token_is_told(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AFORO_TOKEN", "another-token-of-a-length")

    assert main(["order", "list"]) == 1

    assert "set AFORO_TOKEN" in capsys.readouterr().err
