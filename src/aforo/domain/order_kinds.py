"""What can be asked of a meter: one table.

A kind is a row here; what it does at the meter is a procedure of `aforo.flow.procedures`, named by the row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from aforo.domain.causes import Cause
from aforo.domain.quantities import PowerLimit
from aforo.domain.readback import Breaker, DemandReadback, Evidence, Readback, SupplyReadback


class Aspect(Enum):
    """What of a meter an order sets. A later order replaces an older one of the same aspect, and no other."""

    LIMIT = "limit"
    SUPPLY = "supply"


class LimitFrom(Enum):
    """Where the limit comes from that the meter shall hold. CONTRACT: the contracted power, when it is validated."""

    ORDER = "order"
    CONTRACT = "contract"


class Restricts(Enum):
    """Whether the customer has less afterwards. WHEN_LOWER: when the limit lies below the one in force."""

    NEVER = "never"
    ALWAYS = "always"
    WHEN_LOWER = "when lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKind:
    """control_type: EndDeviceControlType by which it is ordered, empty when it cannot be.   sets: None for a reading.

    limit_from: None for one that sets no limit.   command, look: procedures of a visit that carries it out, and of one
    that only reads what became of it.   holds: whether what was read is what was ordered.   otherwise: why it failed
    when that does not hold.   es, en: its name, and with `verified_` the sentence of an answer to an order that was.
    """

    name: str
    control_type: str
    sets: Aspect | None
    limit_from: LimitFrom | None
    restricts: Restricts
    command: str
    look: str
    holds: Callable[[Evidence, PowerLimit | None], bool]
    es: str
    en: str
    verified_es: str
    verified_en: str
    otherwise: Cause = Cause.VERIFY_MISMATCH

    @property
    def takes_limit(self) -> bool:
        """The order itself tells it."""
        return self.limit_from is LimitFrom.ORDER


def _holds_limit(evidence: Evidence, limit: PowerLimit | None) -> bool:
    return isinstance(evidence, Readback) and limit is not None and evidence.watts == limit.watts


def _stays_within(evidence: Evidence, limit: PowerLimit | None) -> bool:
    """The demand is not above the limit, or the meter has cut the supply."""
    if not isinstance(evidence, DemandReadback) or limit is None:
        return False
    has_tripped = evidence.breaker is not None and evidence.breaker is not Breaker.CONNECTED
    return has_tripped or evidence.watts <= limit.watts


def _is_cut(evidence: Evidence, _: PowerLimit | None) -> bool:
    """Nobody but the head-end can close it again, and nothing contradicts that it is open."""
    if not isinstance(evidence, SupplyReadback):
        return False
    return evidence.state is Breaker.DISCONNECTED and evidence.output is not True


def _is_given(evidence: Evidence, _: PowerLimit | None) -> bool:
    """On, or left by its control mode for the customer, or the meter itself, to close."""
    if not isinstance(evidence, SupplyReadback):
        return False
    is_on = evidence.state is Breaker.CONNECTED and evidence.output is not False
    return is_on or evidence.state is Breaker.READY_FOR_RECONNECTION


LIMIT = OrderKind(
    name="LIMIT",
    control_type="3.15.139.13",  # ElectricMeter.LoadControl.SupplyCapacityLimit.Change
    sets=Aspect.LIMIT,
    limit_from=LimitFrom.ORDER,
    restricts=Restricts.WHEN_LOWER,
    command="LIMIT",
    look="READ",
    holds=_holds_limit,
    es="límite de potencia",
    en="power limit",
    verified_es="El medidor muestra el límite ordenado.",
    verified_en="The meter shows the ordered limit.",
)
LIMIT_REMOVE = OrderKind(
    name="LIMIT_REMOVE",
    control_type="3.15.0.55",  # ElectricMeter.LoadControl.Stop
    sets=Aspect.LIMIT,
    limit_from=LimitFrom.CONTRACT,
    restricts=Restricts.NEVER,
    command="LIMIT",
    look="READ",
    holds=_holds_limit,
    es="fin de límite",
    en="end of limit",
    verified_es="El medidor muestra la potencia contratada.",
    verified_en="The meter shows the contracted power.",
)
DISCONNECT = OrderKind(
    name="DISCONNECT",
    control_type="3.31.0.23",  # ElectricMeter.RCDSwitch.Disconnect
    sets=Aspect.SUPPLY,
    limit_from=None,
    restricts=Restricts.ALWAYS,
    command="DISCONNECT",
    look="READ_SUPPLY",
    holds=_is_cut,
    es="desconexión",
    en="disconnection",
    verified_es="El medidor muestra el suministro desconectado.",
    verified_en="The meter shows the supply disconnected.",
)
RECONNECT = OrderKind(
    name="RECONNECT",
    control_type="3.31.0.18",  # ElectricMeter.RCDSwitch.Connect
    sets=Aspect.SUPPLY,
    limit_from=None,
    restricts=Restricts.NEVER,
    command="RECONNECT",
    look="READ_SUPPLY",
    holds=_is_given,
    es="reconexión",
    en="reconnection",
    verified_es="El medidor muestra el suministro conectado, o listo para que el cliente lo conecte.",
    verified_en="The meter shows the supply connected, or ready for the customer to close it.",
)
READ = OrderKind(
    name="READ",
    control_type="3.15.139.46",  # ElectricMeter.LoadControl.SupplyCapacityLimit.Read
    sets=None,
    limit_from=None,
    restricts=Restricts.NEVER,
    command="READ",
    look="READ",
    holds=lambda *_: True,
    es="lectura",
    en="reading",
    verified_es="Los valores fueron leídos del medidor.",
    verified_en="The values were read from the meter.",
)

PROVE = OrderKind(
    name="PROVE",
    control_type="",
    sets=None,
    limit_from=None,
    restricts=Restricts.NEVER,
    command="PROVE",
    look="PROVE",
    holds=_stays_within,
    es="prueba de efecto",
    en="proof of effect",
    verified_es="La demanda leída del medidor no supera el límite, o el medidor cortó el suministro.",
    verified_en="The demand read from the meter is not above the limit, or the meter has cut the supply.",
    otherwise=Cause.BREACHED,
)

KINDS: dict[str, OrderKind] = {kind.name: kind for kind in (LIMIT, LIMIT_REMOVE, DISCONNECT, RECONNECT, READ, PROVE)}
"""By name."""


def kind_of_control(code: str) -> OrderKind | None:
    """By EndDeviceControlType. Published head-ends do not compare its first part; nor is it compared here."""
    parts = code.split(".")
    if len(parts) != 4 or not all(part.isdecimal() for part in parts):
        return None
    return next((kind for kind in KINDS.values() if kind.control_type.split(".")[1:] == parts[1:]), None)
