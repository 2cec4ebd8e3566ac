"""A device behind a mobile network: what is said to it and what it says arrives later, at times much later or not."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from aforo.dlms.errors import RemoteProtocolError, malformed
from aforo.simulator.device_endpoint import DeviceConnection, DeviceEndpoint
from aforo.simulator.media import NetworkPlan
from aforo.simulator.outages import Lasting, Outage, Outages, happening

CUT, MODEM_FAULT, SIM_FAULT = "cut", "modem fault", "SIM fault"
LONGEST = timedelta(days=6)
"""A fault of a SIM that would last longer ends here."""

_SECOND = timedelta(seconds=1)


class MobileNetwork:
    """Of one device. All of it follows from the seed."""

    def __init__(self, plan: NetworkPlan, seed: str) -> None:
        self.plan = plan
        self._seed = f"{seed} {plan.name}"
        self._chance = Random(self._seed)  # noqa: S311 (a simulation's, to be repeated)
        self._outages = Outages(self._of_day, LONGEST)

    def outage(self, now: datetime) -> Outage | None:
        """Until the modem is registered again."""
        return self._outages.at(now)

    def was_lost(self, after: datetime, now: datetime) -> bool:
        """The modem went down meanwhile, and with it every connection."""
        return any(outage.cause != CUT for outage in self._outages.begun(after, now))

    def one_way(self) -> timedelta:
        plan = self.plan
        return (plan.round_trip_ms + self._chance.random() * plan.jitter_ms) / 2000 * _SECOND

    def _of_day(self, day: int) -> Sequence[Outage]:
        plan = self.plan
        chance = Random(f"{self._seed} {day}")  # noqa: S311 (the same)
        kinds = (
            (CUT, plan.cuts_per_day, float(plan.cut_s)),
            (MODEM_FAULT, plan.modem_faults_per_day, plan.modem_fault_min * 60),
            (SIM_FAULT, plan.sim_faults_per_day, plan.sim_fault_h * 3600),
        )
        attach = Lasting(float(plan.attach_s), plan.spread)
        return tuple(
            _attached(outage, attach.drawn_s(chance) * _SECOND)
            for cause, per_day, median_s in kinds
            for outage in happening(day, per_day, Lasting(median_s, plan.spread), chance, cause)
        )


def _attached(outage: Outage, takes: timedelta) -> Outage:
    return Outage(outage.begin, min(outage.end + takes, outage.begin + LONGEST), outage.cause)


class NetworkedDevice:
    """A `DeviceEndpoint` that is another one behind a network. Time is told to it as to the other."""

    def __init__(self, endpoint: DeviceEndpoint, network: MobileNetwork) -> None:
        self._endpoint = endpoint
        self._network = network
        self._connections: dict[_NetworkedConnection, None] = {}

    def connected(self) -> "_NetworkedConnection":
        connection = _NetworkedConnection(self._endpoint.connected(), self._network, self._left)
        self._connections[connection] = None
        return connection

    def _left(self, connection: "_NetworkedConnection") -> None:
        self._connections.pop(connection, None)

    def next_deadline(self) -> datetime | None:
        due = [connection.next_due() for connection in self._connections]
        return min((at for at in (self._endpoint.next_deadline(), *due) if at is not None), default=None)

    def advance(self, now: datetime) -> None:
        deadline = self._endpoint.next_deadline()
        if deadline is not None and deadline <= now:
            self._endpoint.advance(now)
        for connection in list(self._connections):
            connection.pass_on(now)


class _NetworkedConnection:
    """What is under way to the device and from it, each in the order in which it was sent."""

    def __init__(
        self, inner: DeviceConnection, network: MobileNetwork, forget: "Callable[[_NetworkedConnection], None]"
    ) -> None:
        self._inner = inner
        self._network = network
        self._forget = forget
        self._to_device: deque[tuple[datetime, bytes]] = deque()
        self._from_device: deque[tuple[datetime, bytes]] = deque()
        self._arrived = bytearray()
        self._heard_at: datetime | None = None
        self._is_lost = False

    def receive(self, octets: bytes, now: datetime) -> None:
        """Raises RemoteProtocolError: the device has said so, or knows nothing of this connection any more."""
        if self._heard_at is not None and self._network.was_lost(self._heard_at, now):
            self._is_lost = True
        self._heard_at = now
        if self._is_lost:
            raise malformed("a connection that the device has closed")
        self._send(self._to_device, octets, now)

    def outgoing(self) -> bytes:
        octets = bytes(self._arrived)
        self._arrived.clear()
        return octets

    def closed(self) -> None:
        self._forget(self)
        self._inner.closed()

    def next_due(self) -> datetime | None:
        queues = (self._to_device, self._from_device)
        return min((queue[0][0] for queue in queues if queue), default=None)

    def pass_on(self, now: datetime) -> None:
        for octets in self._due(self._to_device, now):
            try:
                self._inner.receive(octets, now)
            except RemoteProtocolError:
                self._is_lost = True
        said = self._inner.outgoing()
        if said:
            self._send(self._from_device, said, now)
        for octets in self._due(self._from_device, now):
            self._arrived += octets

    def _send(self, queue: deque[tuple[datetime, bytes]], octets: bytes, now: datetime) -> None:
        due = now + self._network.one_way()
        queue.append((max(due, queue[-1][0]) if queue else due, octets))

    def _due(self, queue: deque[tuple[datetime, bytes]], now: datetime) -> Iterator[bytes]:
        """What the carrier holds back comes later; a modem that is down takes everything with it."""
        while queue and queue[0][0] <= now:
            outage = self._network.outage(now)
            if outage is None:
                yield queue.popleft()[1]
            elif outage.cause == CUT:
                until = outage.end + self._network.one_way()
                held_back = [(max(due, until), octets) for due, octets in queue]
                queue.clear()
                queue.extend(held_back)
            else:
                self._is_lost = True
                queue.clear()
