"""A simulated town on real sockets of this machine, and its devices in the registry."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from aforo.adapters.device_datagrams import DatagramPort
from aforo.adapters.device_ports import DevicePort
from aforo.engine.ports import DeviceRegistry, KeyVault
from aforo.simulation.town_registry import TownRegistry
from aforo.simulator.town import AccessRow, RegistryRows, Town


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

    @property
    def rows(self) -> RegistryRows:
        """As an import takes them, with the ports on which the devices listen."""
        rows, chosen = self._town.registry(), self._chosen
        return RegistryRows(
            tuple(replace(row, port=chosen["concentrator", row.number]) for row in rows.concentrators),
            tuple(replace(row, port=chosen.get(("meter", row.number), 0)) for row in rows.meters),
        )

    def access(self) -> Iterator[AccessRow]:
        return (replace(row, port=self._chosen[row.listens]) for row in self._town.access())

    async def close(self) -> None:
        for port in self._ports:
            await port.close()

    async def register(self, registry: DeviceRegistry, vault: KeyVault, now: datetime) -> None:
        """As an import of the town's meters and concentrators would."""
        town = TownRegistry(self._town.registry(), vault, lambda kind, number: self._chosen[kind, number])
        await registry.put_concentrators(town.concentrators(), now)
        await registry.put_meters(town.meters(), now)
