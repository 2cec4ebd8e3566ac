"""Lines to simulated devices in virtual time: every octet of wrapper, gateway and DLMS is real, and no socket is."""

import asyncio
from collections import deque
from datetime import timedelta
from random import Random
from typing import Any

from aforo.adapters.device_ports import DeviceConnection, DeviceEndpoint
from aforo.adapters.dlms_frames import DlmsFrame
from aforo.dlms import gateway, wrapper
from aforo.dlms.keys import Key, Keys, SystemTitle
from aforo.domain.devices import Address
from aforo.engine.ports import Clock, LineSilent, LineUnavailable
from aforo.simulator.concentrator import Concentrator
from aforo.simulator.concentrator_settings import ConcentratorMemory, ConcentratorSettings, MeterAccess
from aforo.simulator.meter import Meter
from unit.engine.engine_situations import KEYS
from unit.simulator.driven_meter import KEYS as METER_KEYS
from unit.simulator.driven_meter import METER_TITLE


class SimulatedLine:
    def __init__(self, endpoint: DeviceEndpoint, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._connection: DeviceConnection = endpoint.connected()
        self._reader = wrapper.WrapperReader()
        self._frames: deque[DlmsFrame] = deque()
        self.is_cut = False

    async def send(self, apdu: bytes, *, client_sap: int, server_sap: int, meter: str = "") -> None:
        if self.is_cut:
            raise LineUnavailable("cut")
        routed = gateway.add_request(meter.encode("ascii"), apdu) if meter else apdu
        self._connection.receive(wrapper.encode(client_sap, server_sap, routed), self._clock.now())

    async def receive(self, wait_s: float) -> DlmsFrame:
        until = self._clock.now() + timedelta(seconds=max(0.0, wait_s))
        while True:
            if self.is_cut:
                raise LineUnavailable("cut")
            self._endpoint.advance(self._clock.now())
            for frame in self._reader.feed(self._connection.outgoing()):
                prefix, apdu = gateway.take(frame.apdu)
                meter = "" if prefix is None else prefix.address.decode("ascii")
                self._frames.append(DlmsFrame(frame.destination, frame.source, meter, apdu))
            if self._frames:
                return self._frames.popleft()
            now = self._clock.now()
            if now >= until:
                raise LineSilent("nothing")
            due = self._endpoint.next_deadline()
            wait = min(until, until if due is None else due) - now
            await asyncio.sleep(max(0.001, wait.total_seconds()))

    async def close(self) -> None:
        self._connection.closed()


class SimulatedLines:
    """To the endpoints of `devices`, by host; to all others there is no connection."""

    def __init__(self, clock: Clock) -> None:
        self.devices: dict[str, DeviceEndpoint] = {}
        self.opened: list[SimulatedLine] = []
        self._clock = clock

    async def open(self, address: Address) -> SimulatedLine:
        if address.host not in self.devices:
            raise LineUnavailable("nobody there")
        line = SimulatedLine(self.devices[address.host], self._clock)
        self.opened.append(line)
        return line


def a_concentrator(meters: dict[str, Meter], memory: ConcentratorMemory | None = None, **settings: Any) -> Concentrator:
    """With the keys under which `engine_situations` registers one."""
    title, keys = SystemTitle(KEYS.system_title), Keys(Key(KEYS.encryption_key), Key(KEYS.authentication_key))
    access = {number: MeterAccess(keys=METER_KEYS, title=METER_TITLE) for number in meters}
    given = ConcentratorSettings(name="C-1", title=title, keys=keys, access=access, **settings)
    lines = {number: meter.line() for number, meter in meters.items()}
    return Concentrator(given, lines, memory or ConcentratorMemory(), chance=Random(1))
