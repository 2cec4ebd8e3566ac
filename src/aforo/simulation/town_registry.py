"""A simulated town's devices as the registry takes them."""

from collections.abc import Callable
from dataclasses import dataclass

from aforo.domain.devices import Address, Concentrator, DeviceSecurity, Framing, Link, Meter
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber
from aforo.engine.ports import KeyVault
from aforo.simulator.town_rows import ConcentratorRow, MeterRow, RegistryRows


@dataclass(frozen=True, slots=True)
class TownRegistry:
    """port_of: by kind ("concentrator" or "meter") and number, where each device of the town listens."""

    rows: RegistryRows
    vault: KeyVault
    port_of: Callable[[str, str], int]

    def concentrators(self) -> list[Concentrator]:
        return [self._concentrator(row) for row in self.rows.concentrators]

    def meters(self) -> list[Meter]:
        return [self._meter(row) for row in self.rows.meters]

    def _concentrator(self, row: ConcentratorRow) -> Concentrator:
        port = self.port_of("concentrator", row.number)
        return Concentrator(
            number=ConcentratorNumber(row.number),
            address=Address(row.host, port, row.client_sap, row.server_sap),
            security=self._security(row),
            time_zone=row.time_zone,
        )

    def _meter(self, row: MeterRow) -> Meter:
        link = Link(row.link)
        port = self.port_of("meter", row.number) if link is Link.DIRECT else 0
        address = Address(row.host, port, row.client_sap, row.server_sap, Framing(row.framing), row.physical_device)
        return Meter(
            number=MeterNumber(row.number),
            usage_point=row.usage_point,
            link=link,
            concentrator=ConcentratorNumber(row.concentrator) if row.concentrator else None,
            address=None if link is Link.DELEGATED else address,
            model=row.model,
            security=self._security(row),
            commissioned=row.commissioned,
            max_power_w=row.max_power_w,
            contracted_power_w=row.contracted_power_w,
            time_zone=row.time_zone,
            protected=row.protected,
        )

    def _security(self, row: ConcentratorRow | MeterRow) -> DeviceSecurity:
        if row.encryption_key is None or row.authentication_key is None:
            return DeviceSecurity(row.system_title)
        wrap = self.vault.wrap
        return DeviceSecurity(row.system_title, wrap(row.encryption_key), wrap(row.authentication_key))
