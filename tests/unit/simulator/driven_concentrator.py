"""A simulated concentrator with meters on its line, and head-ends that speak real DLMS to it in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

from aforo.dclink import board_client
from aforo.dclink.messages import ItemKind, ItemResult, OrderItem, QueuedOrder, Submission, TableRow, Withdrawal
from aforo.dlms import (
    Associate,
    ClientSettings,
    Connection,
    CounterRange,
    Event,
    Key,
    Keys,
    Request,
    Response,
    SystemTitle,
    gateway,
    wrapper,
)
from aforo.domain.meter_models import GENERIC, MeterModel
from aforo.flow.device_client import (
    PUBLIC_CLIENT,
    Conversation,
    CountersGiven,
    CountersWanted,
    DeviceAccess,
    DeviceClient,
    Heard,
)
from aforo.simulator.concentrator import Concentrator
from aforo.simulator.concentrator_settings import ConcentratorMemory, ConcentratorSettings, MeterAccess
from aforo.simulator.meter import Meter
from unit.simulator.driven_meter import CLIENT_TITLE, KEYS, METER_TITLE, NOON, Line, a_meter

T = TypeVar("T")
CONCENTRATOR_TITLE = SystemTitle.from_hex("41464F00000000C1")
CONCENTRATOR_KEYS = Keys(Key(bytes(range(0x20, 0x30))), Key(bytes(range(0x30, 0x40))))
GLO = MeterModel(name=GENERIC, title="Generic class 71 meter, one tag per service", ciphering="glo")
SET_TAG = 0xC9
"""glo-set-request (IEC 62056-5-3)."""

MANAGEMENT_CLIENT = 1
STEPS_MAX = 10_000


class Crash(Exception):
    """The concentrator loses its power in the middle of an exchange."""


def an_item(order_id: int, meter: str = "M-1", **changes: Any) -> OrderItem:
    """A limit of 2500 W in epoch 1, under a fence that is the order's own number."""
    given: dict[str, Any] = {
        "order_id": order_id,
        "number": f"OS-{order_id}",
        "kind": ItemKind.LIMIT,
        "meter": meter,
        "limit_w": 2_500,
        "fence": order_id,
        "epoch": 1,
        "priority": 0,
        "not_after": None,
    }
    return OrderItem(**{**given, **changes})


@dataclass
class MeterWire:
    """What lies between concentrator and meter: every APDU is seen, and the power may fail at any of them.

    crash_at: the exchange, counted from 0, at which it fails.   delivered: whether the meter still hears that one.
    """

    line: Line
    seen: list[bytes] = field(default_factory=list)
    crash_at: int | None = None
    delivered: bool = True

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        crashes = len(self.seen) == self.crash_at
        if crashes and not self.delivered:
            self.crash_at = None
            raise Crash
        self.seen.append(apdu)
        answer = self.line.respond(client_sap, server_sap, apdu, now)
        if crashes:
            self.crash_at = None
            raise Crash
        return answer

    @property
    def sets(self) -> int:
        return sum(apdu[0] == SET_TAG for apdu in self.seen)


class Site:
    """One concentrator and its meters; the clock stands still unless `run` or a test winds it."""

    def __init__(self, *numbers: str, keys: Keys | None = KEYS, loads: int = 1_000, **settings: Any) -> None:
        self.now = NOON
        self.meters: dict[str, Meter] = {number: a_meter(loads, number=number) for number in numbers or ("M-1",)}
        self.wires = {number: MeterWire(meter.line()) for number, meter in self.meters.items()}
        access = {number: MeterAccess(keys=keys, title=METER_TITLE) for number in self.meters}
        given: dict[str, Any] = {"access": access, "models": {GENERIC: GLO}, **settings}
        self.settings = ConcentratorSettings(
            name="AFO-C1", title=CONCENTRATOR_TITLE, keys=CONCENTRATOR_KEYS, client_title=CLIENT_TITLE, **given
        )
        self.memory = ConcentratorMemory()
        self.next_counter = 1
        self.start()

    def start(self) -> None:
        """Again after a crash: only the memory remains."""
        self.concentrator = Concentrator(self.settings, self.wires, self.memory, chance=Random(7))

    def run(self, *, within: timedelta = timedelta(minutes=10)) -> None:
        """Let everything happen that falls due in this time."""
        end = self.now + within
        for _ in range(STEPS_MAX):
            deadline = self.concentrator.next_deadline()
            if deadline is None or deadline > end:
                return
            self.now = max(self.now, deadline)
            self.concentrator.advance(self.now)
        raise AssertionError("the concentrator never comes to rest")

    def pass_time(self, time: timedelta) -> None:
        self.run(within=time)
        self.now += time
        self.concentrator.advance(self.now)


class HeadEnd:
    """One TCP connection to the concentrator. sent: everything that went over it."""

    def __init__(self, site: Site, *, keys: Keys | None = None, max_pdu: int = 16_384) -> None:
        self.site = site
        device = site.concentrator.settings
        self.connection = site.concentrator.connected()
        access = DeviceAccess(own_title=CLIENT_TITLE, keys=keys or device.keys, title=device.title, max_pdu=max_pdu)
        chance = Random(site.next_counter)
        self.client = DeviceClient(access, challenge=lambda: chance.randbytes(16))
        self.frames: list[wrapper.WrapperFrame] = []
        self.sent: list[bytes] = []
        self._reader = wrapper.WrapperReader()

    @classmethod
    def in_session(cls, site: Site, epoch: int = 1, **given: Any) -> "HeadEnd":
        headend = cls(site, **given)
        headend.associate()
        assert headend.open_session(epoch) == epoch
        return headend

    def associate(self) -> None:
        self.drive(self.client.associate())

    def open_session(self, epoch: int) -> int:
        return board_client.read_open_session(self.ask(board_client.open_session(epoch)))

    def submit(self, *items: OrderItem) -> tuple[Submission, ...]:
        return board_client.read_submissions(self.ask(board_client.submit_orders(items)), items)

    def withdraw(self, order_id: int) -> Withdrawal:
        return board_client.read_withdrawal(self.ask(board_client.withdraw_order(order_id)))

    def acknowledge(self, results: Iterable[ItemResult]) -> int:
        numbers = [result.result_id for result in results]
        return board_client.read_acknowledged(self.ask(board_client.acknowledge_results(numbers)))

    def pending(self, after: int = 0) -> tuple[ItemResult, ...]:
        return board_client.read_results(self.ask(board_client.get_results(after)))

    def queue(self, after: int = 0) -> tuple[QueuedOrder, ...]:
        return board_client.read_queue(self.ask(board_client.get_queue(after)))

    def rows(self, after: str = "") -> tuple[TableRow, ...]:
        return board_client.read_meters(self.ask(board_client.get_meters(after)))

    def pushed(self) -> list[ItemResult]:
        """What has come unasked since the last call."""
        self._take_in()
        while self.frames:
            self.client.take_unasked(self.frames.pop(0).apdu)
        notifications, self.client.notifications = self.client.notifications, []
        return [result for told in notifications for result in board_client.read_push(told)]

    def carried_out(self, *items: OrderItem) -> list[ItemResult]:
        """Results of these orders, pushed."""
        assert all(answer.taken for answer in self.submit(*items))
        self.site.run()
        return self.pushed()

    def lose(self) -> None:
        self.connection.closed()

    def ask(self, request: Request) -> Response:
        return self.drive(self.client.ask(request))[0]

    def drive(self, conversation: Conversation[T]) -> T:
        answer: Heard | CountersGiven | None = None
        while True:
            try:
                wanted = conversation.send(answer) if answer is not None else next(conversation)
            except StopIteration as done:
                result: T = done.value
                return result
            if isinstance(wanted, CountersWanted):
                answer = self._counters(wanted)
                continue
            for apdu in wanted.apdus:
                self.send(wrapper.encode(wanted.client_sap, wanted.server_sap, apdu))
            answer = Heard(self.frames.pop(0).apdu if self.frames else None, self.site.now)

    def send(self, octets: bytes) -> None:
        self.sent.append(octets)
        self.connection.receive(octets, self.site.now)
        self._take_in()

    def _take_in(self) -> None:
        self.frames += self._reader.feed(self.connection.outgoing())

    def _counters(self, wanted: CountersWanted) -> CountersGiven:
        first = max(wanted.expected or 0, self.site.next_counter)
        self.site.next_counter = first + 64
        return CountersGiven(CounterRange(first, first + 63))


class PublicClient:
    """An association without security, on a connection of its own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._connection = site.concentrator.connected()
        self._client = Connection(ClientSettings())
        self._exchange(Associate())

    def ask(self, request: Request) -> Event | None:
        return self._exchange(request)

    def _exchange(self, event: Event) -> Event | None:
        self._client.send(event)
        (apdu,) = self._client.outgoing()
        self._connection.receive(wrapper.encode(PUBLIC_CLIENT, 1, apdu), self._site.now)
        (frame,) = wrapper.WrapperReader().feed(self._connection.outgoing())
        return self._client.receive(frame.apdu)


def public_aarq() -> bytes:
    client = Connection(ClientSettings())
    client.send(Associate())
    return client.outgoing()[0]


@dataclass
class Gateway:
    """The way through the concentrator to one meter, as a head-end that holds the meter's keys sees it."""

    headend: HeadEnd
    meter: str

    def ask(self, client_sap: int, server_sap: int, apdu: bytes) -> None:
        routed = gateway.add_request(self.meter.encode(), apdu)
        self.headend.send(wrapper.encode(client_sap, server_sap, routed))

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        self.ask(client_sap, server_sap, apdu)
        self.headend.site.run(within=timedelta(seconds=20))
        return self.heard(client_sap, server_sap)

    def heard(self, client_sap: int = MANAGEMENT_CLIENT, server_sap: int = 1) -> bytes | None:
        """The oldest answer that came back under the meter's number and between the same two points."""
        self.headend._take_in()
        for place, frame in enumerate(self.headend.frames):
            prefix, apdu = gateway.take(frame.apdu)
            if prefix is not None and prefix.address == self.meter.encode():
                assert prefix.is_response
                assert (frame.source, frame.destination) == (server_sap, client_sap)
                del self.headend.frames[place]
                return apdu
        return None
