"""The head-end as one process of the simulation: production code over durable ports, between a start and a death."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aforo.adapters.dlms_lines import DlmsLines
from aforo.adapters.soap_door import SoapDoor
from aforo.engine.headend import HeadEnd, Stores, Surroundings
from aforo.engine.headend_ports import HeadEndSettings
from aforo.engine.memory_leases import SoleProcess
from aforo.engine.ports import Clock, Entropy, KeyVault, LeaseLost, StoreUnavailable
from aforo.flow.order_asked import CallerRules
from aforo.simulation.commercial_system import CommercialSystem, DoorOfProcess
from aforo.simulation.durable_ports import Disk, durable
from aforo.simulation.mortal_process import MortalProcess
from aforo.simulation.shared_leases import LeaseTable, ProcessLeases


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What every incarnation of the head-end finds again. leases: None when there is never more than one process.

    broke: told of an error of ours.
    """

    stores: Stores
    disk: Disk
    commercial: CommercialSystem
    clock: Clock
    entropy: Entropy
    vault: KeyVault
    settings: HeadEndSettings
    leases: LeaseTable | None
    broke: Callable[[str, BaseException], None]


class HeadEndProcess:
    def __init__(self, machine: Machine, on_point: Callable[[str], bool]) -> None:
        self.process = MortalProcess("head-end", on_point)
        self._machine = machine
        self._shared = (
            SoleProcess() if machine.leases is None else ProcessLeases(machine.leases, self.process, machine.disk)
        )
        headend = HeadEnd(
            self._stores(),
            Surroundings(
                lines=DlmsLines(),
                bell=self._shared,
                door=DoorOfProcess(machine.commercial, self.process),
                clock=machine.clock,
                entropy=machine.entropy,
                vault=machine.vault,
                report=self._report,
            ),
            machine.settings,
            lambda _: CallerRules(may_answer_to=lambda _: True, may_be_special=True),
        )
        self.desk = headend.desk
        self.soap = SoapDoor(headend.integration, now=machine.clock.now)
        for place, loop in enumerate(headend.loops):
            self.process.start(_run(loop), f"loop {place}")

    def _stores(self) -> Stores:
        stores = self._machine.stores

        def of_process(port: Any) -> Any:
            return durable(port, self.process, self._machine.disk)

        return Stores(
            orders=of_process(stores.orders),
            deliveries=of_process(stores.deliveries),
            audit=of_process(stores.audit),
            registry=of_process(stores.registry),
            ledger=of_process(stores.ledger),
            leases=self._shared,
        )

    def _report(self, who: str, wrong: BaseException) -> None:
        is_expected = isinstance(wrong, StoreUnavailable | LeaseLost)
        if self.process.is_alive and not is_expected:
            self._machine.broke(who, wrong)


async def _run(loop: Callable[[], Any]) -> None:
    await loop()
    await asyncio.Event().wait()
