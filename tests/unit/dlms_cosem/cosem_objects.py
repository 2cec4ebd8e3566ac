"""One object of every interface class, with a state that tests may change."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from aforo.dlms import Conformance, Mechanism, SystemTitle, data
from aforo.dlms.cosem.association_ln import AssociationFacts, AssociationLn
from aforo.dlms.cosem.clock import Clock
from aforo.dlms.cosem.data_object import DataObject
from aforo.dlms.cosem.disconnect_control import ControlState, DisconnectControl, Switching, switched
from aforo.dlms.cosem.interface_class import InterfaceObject
from aforo.dlms.cosem.limiter import Limiter, LimiterState, Monitored
from aforo.dlms.cosem.register import WATT, Register, ScalerUnit
from aforo.dlms.cosem.sap_assignment import SapAssignment
from aforo.dlms.cosem.security_setup import SecuritySetup
from aforo.dlms.obis import obis

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
POWER = obis("1-0:1.7.0.255")
TITLE = SystemTitle.from_hex("41464F0000000001")
FACTS = AssociationFacts(
    client_sap=1,
    server_sap=1,
    mechanism=Mechanism.HLS_GMAC,
    conformance=Conformance.GET | Conformance.SET | Conformance.ACTION,
    max_receive=1024,
    max_send=512,
    security_setup=obis("0-0:43.0.0.255"),
)


@dataclass
class Device:
    time: datetime = NOON
    mode: int = 2
    breaker: ControlState = ControlState.CONNECTED
    limiter: LimiterState = field(
        default_factory=lambda: LimiterState(
            threshold_normal=330, threshold_emergency=100, min_over_s=60, min_under_s=9
        )
    )

    def adjust(self, time: datetime) -> None:
        self.time = time

    def switch(self, who: Switching) -> bool:
        after = switched(self.mode, self.breaker, who)
        self.breaker = self.breaker if after is None else after
        return after is not None

    def the_limiter(self) -> Limiter:
        monitored = Monitored(3, POWER, 2, data.DOUBLE_LONG_UNSIGNED, highest=3_000)
        scripts = obis("0-0:10.0.106.255")
        return Limiter(obis("0-0:17.0.0.255"), self.limiter, monitored, time=lambda: self.time, script_table=scripts)

    def the_switch(self) -> DisconnectControl:
        return DisconnectControl(obis("0-0:96.3.10.255"), self.mode, state=lambda: self.breaker, switch=self.switch)

    def objects(self) -> list[InterfaceObject]:
        """In the order of their class, the association last."""
        others: list[InterfaceObject] = [
            DataObject(obis("0-0:42.0.0.255"), lambda: data.octets(b"AFO0000000000001")),
            Register(POWER, lambda: data.u32(340), ScalerUnit(1, WATT)),
            Clock(obis("0-0:1.0.0.255"), time=lambda: self.time, adjust=self.adjust),
            SapAssignment(obis("0-0:41.0.0.255"), {1: b"AFO0000000000001"}),
            SecuritySetup(obis("0-0:43.0.0.255"), suite=0, client=None, server=TITLE),
            self.the_switch(),
            self.the_limiter(),
        ]
        return [*others, AssociationLn(obis("0-0:40.0.0.255"), FACTS, others)]
