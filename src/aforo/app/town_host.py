"""A simulated town on real sockets of this machine, and its devices in the registry."""

from collections.abc import Callable
from datetime import datetime

from aforo.adapters.device_datagrams import DatagramPort
from aforo.adapters.device_ports import DevicePort
from aforo.domain.devices import Address, Concentrator, DeviceSecurity, Framing, Link, Meter
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber
from aforo.engine.ports import DeviceRegistry, KeyVault
from aforo.simulator.town import ConcentratorRow, MeterRow, Town


class TownHost:
    """Every device of the town listens on loopback; a port that the file leaves open is chosen by the system."""

    def __init__(self, town: Town, *, now: Callable[[], datetime]) -> None:
        self._town = town
        self._now = now
        self._ports: list[DevicePort | DatagramPort] = []
        self._chosen: dict[tuple[str, str], int] = {}

    async def open(self) -> None:
        """Raises PortTaken."""
        for device in self._town.endpoints:
            kind = DatagramPort if device.takes_datagrams else DevicePort
            port = kind(device.endpoint, now=self._now)
            self._chosen[device.kind, device.number] = await port.listen(device.host, device.port)
            self._ports.append(port)

    async def close(self) -> None:
        for port in self._ports:
            await port.close()

    async def register(self, registry: DeviceRegistry, vault: KeyVault, now: datetime) -> None:
        """As an import of the town's meters and concentrators would."""
        rows = self._town.registry()
        await registry.put_concentrators([self._concentrator(row, vault) for row in rows.concentrators], now)
        await registry.put_meters([self._meter(row, vault) for row in rows.meters], now)

    def _concentrator(self, row: ConcentratorRow, vault: KeyVault) -> Concentrator:
        port = self._chosen["concentrator", row.number]
        return Concentrator(
            number=ConcentratorNumber(row.number),
            address=Address(row.host, port, row.client_sap, row.server_sap),
            security=_security(row, vault),
            time_zone=row.time_zone,
        )

    def _meter(self, row: MeterRow, vault: KeyVault) -> Meter:
        link = Link(row.link)
        port = self._chosen["meter", row.number] if link is Link.DIRECT else 0
        address = (
            None
            if link is Link.DELEGATED
            else Address(row.host, port, row.client_sap, row.server_sap, Framing(row.framing), row.physical_device)
        )
        return Meter(
            number=MeterNumber(row.number),
            usage_point=row.usage_point,
            link=link,
            concentrator=ConcentratorNumber(row.concentrator) if row.concentrator else None,
            address=None if link is Link.DELEGATED else address,
            model=row.model,
            security=_security(row, vault),
            commissioned=row.commissioned,
            max_power_w=row.max_power_w,
            contracted_power_w=row.contracted_power_w,
            time_zone=row.time_zone,
            protected=row.protected,
        )


def _security(row: ConcentratorRow | MeterRow, vault: KeyVault) -> DeviceSecurity:
    if row.encryption_key is None or row.authentication_key is None:
        return DeviceSecurity(row.system_title)
    return DeviceSecurity(row.system_title, vault.wrap(row.encryption_key), vault.wrap(row.authentication_key))
