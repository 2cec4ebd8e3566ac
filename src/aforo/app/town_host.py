"""A simulated town on real sockets of this machine, and its devices in the registry."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from aforo.adapters.device_datagrams import DatagramPort
from aforo.adapters.device_ports import DevicePort
from aforo.engine.ports import DeviceRegistry, KeyVault
from aforo.simulation.town_registry import TownRegistry
from aforo.simulator.topology import Move, moves
from aforo.simulator.town import Town
from aforo.simulator.town_rows import AccessRow, RegistryRows


class TownHost:
    """Every device of the town listens on loopback; a port that the file leaves open is chosen by the system. Meters
    that move, as the file says, do so while it is open.
    """

    def __init__(self, town: Town, *, now: Callable[[], datetime]) -> None:
        self._town = town
        self._now = now
        self._ports: list[DevicePort | DatagramPort] = []
        self._chosen: dict[tuple[str, str], int] = {}
        self._moving: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Raises PortTaken."""
        for device in self._town.endpoints:
            kind = DatagramPort if device.takes_datagrams else DevicePort
            port = kind(device.endpoint, now=self._now)
            self._chosen[device.kind, device.number] = await port.listen(device.host, device.port)
            self._ports.append(port)
        self._await_move(moves(self._town.plan, self._now()))

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

    def _await_move(self, to_come: Iterator[Move]) -> None:
        move = next(to_come, None)
        if move is not None:
            wait_s = max(0.0, (move.at - self._now()).total_seconds())
            self._moving = asyncio.get_running_loop().call_later(wait_s, self._move, move, to_come)

    def _move(self, move: Move, to_come: Iterator[Move]) -> None:
        self._town.move(move.meter, move.to)
        self._await_move(to_come)

    async def close(self) -> None:
        if self._moving is not None:
            self._moving.cancel()
        for port in self._ports:
            await port.close()

    async def register(self, registry: DeviceRegistry, vault: KeyVault, now: datetime) -> None:
        """As an import of the town's meters and concentrators would."""
        town = TownRegistry(self._town.registry(), vault, lambda kind, number: self._chosen[kind, number])
        await registry.put_concentrators(town.concentrators(), now)
        await registry.put_meters(town.meters(), now)
