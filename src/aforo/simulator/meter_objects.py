"""The COSEM objects of a simulated meter, as each of its two clients sees them."""

from aforo.dlms import data
from aforo.dlms.cosem.association_ln import AssociationFacts, AssociationLn
from aforo.dlms.cosem.clock import Clock
from aforo.dlms.cosem.data_object import DataObject
from aforo.dlms.cosem.disconnect_control import ControlState, DisconnectControl, Switching
from aforo.dlms.cosem.limiter import Limiter, Monitored
from aforo.dlms.cosem.register import WATT, WATT_HOUR, Register, ScalerUnit, WritableRegister
from aforo.dlms.cosem.sap_assignment import SapAssignment
from aforo.dlms.cosem.security_setup import SecuritySetup
from aforo.dlms.events import AssociationEstablished
from aforo.dlms.obis import obis
from aforo.dlms.server import CosemObject, Server, reply_octets
from aforo.dlms.settings import Mechanism
from aforo.simulator.demand_objects import demand_objects
from aforo.simulator.event_log import event_log
from aforo.simulator.meter_settings import RAW_MAX, MeterFaults, MeterSettings
from aforo.simulator.meter_supply import Supply

MANAGEMENT_DEVICE = 1
"""Service access point of the one logical device."""

MANAGEMENT_CLIENT, PUBLIC_CLIENT = 1, 16

CLOCK = obis("0-0:1.0.0.255")
LIMITER = obis("0-0:17.0.0.255")
ASSOCIATION = obis("0-0:40.0.0.255")
SAP_ASSIGNMENT = obis("0-0:41.0.0.255")
DEVICE_NAME = obis("0-0:42.0.0.255")
SECURITY_SETUP = obis("0-0:43.0.0.255")
INVOCATION_COUNTER = obis("0-0:43.1.1.255")
DISCONNECT_CONTROL = obis("0-0:96.3.10.255")
SCRIPT_TABLE = obis("0-0:10.0.106.255")
POWER = obis("1-0:1.7.0.255")
ENERGY = obis("1-0:1.8.0.255")
EXPORTED_POWER, EXPORTED_ENERGY = obis("1-0:2.7.0.255"), obis("1-0:2.8.0.255")
PHASE_POWERS = (obis("1-0:21.7.0.255"), obis("1-0:41.7.0.255"), obis("1-0:61.7.0.255"))
"""Of a meter of three phases."""


_REGISTER, _VALUE = 3, 2
_NUMBER_MAX = 13
_ENERGY_UNIT = ScalerUnit(0, WATT_HOUR)


def device_name(settings: MeterSettings) -> bytes:
    """At most 16 octets: the manufacturer's three letters, then the end of the number."""
    return b"AFO" + settings.number.encode("ascii", "replace")[-_NUMBER_MAX:].rjust(_NUMBER_MAX, b"0")


def management_server(supply: Supply, faults: MeterFaults, established: AssociationEstablished) -> Server:
    facts = AssociationFacts(
        client_sap=MANAGEMENT_CLIENT,
        server_sap=MANAGEMENT_DEVICE,
        mechanism=Mechanism.HLS_GMAC,
        conformance=established.conformance,
        max_receive=supply.settings.max_pdu,
        max_send=established.max_pdu,
        security_setup=SECURITY_SETUP,
    )
    settings = supply.settings
    security = SecuritySetup(SECURITY_SETUP, suite=0, client=established.peer_title, server=settings.title)
    objects = [*_identity(supply), security, *_metering(supply), *_limiting(supply, faults)]
    objects.append(AssociationLn(ASSOCIATION, facts, objects))
    return Server(objects, reply_octets=reply_octets(established))


def public_server(supply: Supply, _: MeterFaults, established: AssociationEstablished) -> Server:
    """Only what a client must know before it can be authenticated."""
    facts = AssociationFacts(
        client_sap=PUBLIC_CLIENT,
        server_sap=MANAGEMENT_DEVICE,
        mechanism=Mechanism.NONE,
        conformance=established.conformance,
        max_receive=supply.settings.max_pdu,
        max_send=established.max_pdu,
    )
    objects = _identity(supply)
    objects.append(AssociationLn(ASSOCIATION, facts, objects, read_only=True))
    return Server(objects, read_only=True, reply_octets=reply_octets(established))


def _identity(supply: Supply) -> list[CosemObject]:
    memory, name = supply.memory, device_name(supply.settings)
    return [
        DataObject(INVOCATION_COUNTER, lambda: data.u32(max(0, memory.client_counter))),
        DataObject(DEVICE_NAME, lambda: data.octets(name)),
        SapAssignment(SAP_ASSIGNMENT, {MANAGEMENT_DEVICE: name}),
    ]


def _metering(supply: Supply) -> list[CosemObject]:
    return [
        Clock(CLOCK, time=supply.time, adjust=supply.adjust),
        Register(POWER, lambda: data.u32(supply.power()), ScalerUnit(supply.settings.scaler, WATT)),
        Register(ENERGY, lambda: data.u32(supply.energy_wh() & RAW_MAX), _ENERGY_UNIT),
        Register(EXPORTED_POWER, lambda: data.u32(supply.exported_power()), ScalerUnit(supply.settings.scaler, WATT)),
        Register(EXPORTED_ENERGY, lambda: data.u32(supply.exported_wh() & RAW_MAX), _ENERGY_UNIT),
        *_phases(supply),
        *demand_objects(supply),
        event_log(supply),
    ]


def _phases(supply: Supply) -> list[CosemObject]:
    if supply.settings.phases == 1:
        return []
    unit = ScalerUnit(supply.settings.scaler, WATT)

    def register(phase: int, code: bytes) -> Register:
        return Register(code, lambda: data.u32(supply.phase_power(phase)), unit)

    return [register(phase, code) for phase, code in enumerate(PHASE_POWERS, 1)]


def _limiting(supply: Supply, faults: MeterFaults) -> list[CosemObject]:
    settings = supply.settings
    monitored = Monitored(_REGISTER, POWER, _VALUE, data.DOUBLE_LONG_UNSIGNED, settings.raw(settings.max_power_w))

    def switch(who: Switching) -> bool:
        assert supply.memory.evaluated_at is not None, "a request is answered at a time"
        return supply.switch(who, supply.memory.evaluated_at)

    def output() -> bool:
        return faults.breaker_sticks or supply.memory.breaker is ControlState.CONNECTED

    breaker = DisconnectControl(
        DISCONNECT_CONTROL, settings.control_mode, state=lambda: supply.memory.breaker, output=output, switch=switch
    )
    if settings.threshold_registers:
        return [*(_threshold(supply, rate) for rate in range(1, settings.threshold_registers + 1)), breaker]
    return [Limiter(LIMITER, supply.limiter, monitored, time=supply.time, script_table=SCRIPT_TABLE), breaker]


def _threshold(supply: Supply, rate: int) -> CosemObject:
    """Of one rate, as in Spain's PRIME companion: 0-1:94.34.n.255."""
    settings, limiter, others = supply.settings, supply.limiter, supply.memory.thresholds

    def value() -> bytes:
        return data.u32(limiter.threshold_normal if rate == 1 else others[rate - 2])

    def store(raw: int) -> None:
        if rate == 1:
            limiter.threshold_normal = raw
        else:
            others[rate - 2] = raw

    code, unit = obis(f"0-1:94.34.{rate}.255"), ScalerUnit(settings.scaler, WATT)
    return WritableRegister(code, value, unit, store=store, highest=settings.raw(settings.max_power_w))
