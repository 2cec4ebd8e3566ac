"""Why an order did not end as wished: one table, from the code to what each reader needs of it."""

from dataclasses import dataclass
from enum import Enum


class Retry(Enum):
    """NEVER: the same order would fail the same way.   PLAN: under the retry plan.   ONCE: one more attempt.

    WHEN_BACK: not the meter's fault, so no attempt is used: until the order's deadline.
    """

    NEVER = "never"
    PLAN = "plan"
    ONCE = "once"
    WHEN_BACK = "when back"


class Layer(Enum):
    """Where the reason lies, so that the right crew goes."""

    ORDER = "order"
    CALENDAR = "calendar"
    HEADEND = "headend"
    CONCENTRATOR = "concentrator"
    LINE = "line"
    METER = "meter"
    SECURITY = "security"


class Actor(Enum):
    """Who can put it right. FIELD: somebody on the spot, so field work is suggested.   NOBODY: time does."""

    NOBODY = "nobody"
    CUSTOMER = "who ordered"
    OPERATOR = "the operator"
    FIELD = "the field crew"


_ACTOR_OF = {
    Layer.ORDER: Actor.CUSTOMER,
    Layer.CALENDAR: Actor.NOBODY,
    Layer.HEADEND: Actor.OPERATOR,
    Layer.CONCENTRATOR: Actor.OPERATOR,
    Layer.LINE: Actor.FIELD,
    Layer.METER: Actor.OPERATOR,
    Layer.SECURITY: Actor.OPERATOR,
}


class Cause(Enum):
    """Reason codes, as they stand in answers, traces and the store."""

    NOT_REGISTERED = "NOT_REGISTERED"
    NOT_LINKED = "NOT_LINKED"
    NOT_COMMISSIONED = "NOT_COMMISSIONED"
    NOT_A_WORKING_DAY = "NOT_A_WORKING_DAY"
    OUTSIDE_SERVICE_WINDOW = "OUTSIDE_SERVICE_WINDOW"
    PROTECTED_CUSTOMER = "PROTECTED_CUSTOMER"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    AWAITING_UNTIL = "AWAITING_UNTIL"
    AWAITING_PROOF = "AWAITING_PROOF"
    LIMIT_ABOVE_RATING = "LIMIT_ABOVE_RATING"
    LIMIT_OUTSIDE_RANGE = "LIMIT_OUTSIDE_RANGE"
    LIMIT_NOT_REPRESENTABLE = "LIMIT_NOT_REPRESENTABLE"
    UNKNOWN_MODEL = "UNKNOWN_MODEL"
    NO_SWITCH = "NO_SWITCH"
    NO_DEMAND = "NO_DEMAND"
    METER_UNREACHABLE = "METER_UNREACHABLE"
    NOT_IN_TABLE = "NOT_IN_TABLE"
    CONCENTRATOR_UNREACHABLE = "CONCENTRATOR_UNREACHABLE"
    CONCENTRATOR_FAULT = "CONCENTRATOR_FAULT"
    CLOCK_SKEW = "CLOCK_SKEW"
    STALE_FENCE = "STALE_FENCE"
    OLD_EPOCH = "OLD_EPOCH"
    WRONG_KEY = "WRONG_KEY"
    WRONG_DEVICE = "WRONG_DEVICE"
    COUNTER_JUMP = "COUNTER_JUMP"
    COUNTER_UNREADABLE = "COUNTER_UNREADABLE"
    ASSOCIATION_REFUSED = "ASSOCIATION_REFUSED"
    PROTOCOL_FAULT = "PROTOCOL_FAULT"
    HARDWARE_FAULT = "HARDWARE_FAULT"
    TEMPORARY_FAILURE = "TEMPORARY_FAILURE"
    ACCESS_DENIED = "ACCESS_DENIED"
    OBJECT_UNDEFINED = "OBJECT_UNDEFINED"
    OBJECT_UNAVAILABLE = "OBJECT_UNAVAILABLE"
    TYPE_UNMATCHED = "TYPE_UNMATCHED"
    METER_REFUSED = "METER_REFUSED"
    NOT_A_POWER = "NOT_A_POWER"
    SCALE_UNREADABLE = "SCALE_UNREADABLE"
    SCALE_MISMATCH = "SCALE_MISMATCH"
    VERIFY_MISMATCH = "VERIFY_MISMATCH"
    BREAKER_STUCK = "BREAKER_STUCK"
    BREACHED = "BREACHED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True, slots=True)
class CauseFacts:
    """reply: CIM reply code (IEC 61968-9, Reply/Error/code).   es, en: one sentence each, for the customer.

    on_the_spot: the layer would say otherwise, but nothing helps except a visit.   rest_min: minutes before the next
    try, at least: what it waits for takes so long.
    """

    layer: Layer
    reply: str
    retry: Retry
    es: str
    en: str
    on_the_spot: bool = False
    rest_min: int = 0

    @property
    def actor(self) -> Actor:
        return Actor.FIELD if self.on_the_spot else _ACTOR_OF[self.layer]

    @property
    def is_retry_allowed(self) -> bool:
        """The same order, given again, may well pass."""
        return self.retry is not Retry.NEVER

    @property
    def is_field_work_suggested(self) -> bool:
        return self.actor is Actor.FIELD


CAUSES: dict[Cause, CauseFacts] = {
    Cause.NOT_REGISTERED: CauseFacts(
        Layer.ORDER, "2.4", Retry.NEVER,
        "El medidor no está registrado.",
        "The meter is not registered."),
    Cause.NOT_LINKED: CauseFacts(
        Layer.ORDER, "2.4", Retry.NEVER,
        "El medidor no está enlazado a ningún concentrador.",
        "The meter is not linked to any concentrator."),
    Cause.NOT_COMMISSIONED: CauseFacts(
        Layer.ORDER, "2.4", Retry.NEVER,
        "El medidor no está puesto en servicio.",
        "The meter is not commissioned."),
    Cause.NOT_A_WORKING_DAY: CauseFacts(
        Layer.CALENDAR, "6.2", Retry.NEVER,
        "Hoy no es día hábil: la orden espera hasta el próximo.",
        "Today is not a working day: the order is held until the next one."),
    Cause.OUTSIDE_SERVICE_WINDOW: CauseFacts(
        Layer.CALENDAR, "6.2", Retry.NEVER,
        "Fuera del horario de servicio: la orden espera hasta que abra.",
        "Outside the service window: the order is held until it opens."),
    Cause.PROTECTED_CUSTOMER: CauseFacts(
        Layer.ORDER, "5.2", Retry.NEVER,
        "Cliente protegido: una orden restrictiva debe ser especial y aprobada por otra persona.",
        "Protected customer: a restrictive order must be special, and approved by somebody else."),
    Cause.AWAITING_APPROVAL: CauseFacts(
        Layer.ORDER, "6.2", Retry.NEVER,
        "La orden espera la aprobación de otra persona.",
        "The order waits until somebody else approves it."),
    Cause.AWAITING_UNTIL: CauseFacts(
        Layer.CALENDAR, "6.2", Retry.NEVER,
        "La orden espera la hora en que termina el límite.",
        "The order waits for the time at which the limit ends."),
    Cause.AWAITING_PROOF: CauseFacts(
        Layer.CALENDAR, "6.2", Retry.NEVER,
        "La orden espera un período de demanda completo bajo el límite.",
        "The order waits for a whole demand period under the limit."),
    Cause.LIMIT_ABOVE_RATING: CauseFacts(
        Layer.ORDER, "5.2", Retry.NEVER,
        "El límite supera la potencia máxima del empalme.",
        "The limit is above the rating of the service connection."),
    Cause.LIMIT_OUTSIDE_RANGE: CauseFacts(
        Layer.ORDER, "5.2", Retry.NEVER,
        "El modelo del medidor no admite este límite: está fuera de su rango o de su paso.",
        "The meter's model does not take this limit: it lies outside its range, or between its steps."),
    Cause.LIMIT_NOT_REPRESENTABLE: CauseFacts(
        Layer.ORDER, "5.2", Retry.NEVER,
        "El registro del medidor no puede expresar este límite con exactitud.",
        "The meter's register cannot hold this limit exactly."),
    Cause.UNKNOWN_MODEL: CauseFacts(
        Layer.HEADEND, "5.2", Retry.NEVER,
        "No se conoce el modelo del medidor.",
        "The meter's model is not known."),
    Cause.NO_SWITCH: CauseFacts(
        Layer.ORDER, "5.2", Retry.NEVER,
        "El modelo del medidor no tiene interruptor de suministro.",
        "The meter's model has no supply switch."),
    Cause.NO_DEMAND: CauseFacts(
        Layer.ORDER, "5.2", Retry.NEVER,
        "El modelo del medidor no tiene registro de demanda: el efecto no puede probarse.",
        "The meter's model has no demand register: the effect cannot be proved."),
    Cause.METER_UNREACHABLE: CauseFacts(
        Layer.LINE, "4.1", Retry.PLAN,
        "El medidor no responde.",
        "The meter does not answer."),
    Cause.NOT_IN_TABLE: CauseFacts(
        Layer.CONCENTRATOR, "4.1", Retry.PLAN,
        "El medidor no figura en la tabla interna del concentrador.",
        "The meter is not in the concentrator's internal table.", rest_min=10),
    Cause.CONCENTRATOR_UNREACHABLE: CauseFacts(
        Layer.LINE, "4.1", Retry.WHEN_BACK,
        "El concentrador no responde.",
        "The concentrator does not answer."),
    Cause.CONCENTRATOR_FAULT: CauseFacts(
        Layer.CONCENTRATOR, "5.3", Retry.PLAN,
        "El concentrador no pudo tratar la orden.",
        "The concentrator could not handle the order.", rest_min=1),
    Cause.CLOCK_SKEW: CauseFacts(
        Layer.CONCENTRATOR, "5.3", Retry.PLAN,
        "El reloj del concentrador se desvía: no recibe órdenes con plazo hasta que se ajuste.",
        "The concentrator's clock is off: it is given no order with a not-after until that is put right.", rest_min=5),
    Cause.STALE_FENCE: CauseFacts(
        Layer.CONCENTRATOR, "5.3", Retry.ONCE,
        "El concentrador ya conoce una orden posterior para este medidor.",
        "The concentrator already knows a later order for this meter."),
    Cause.OLD_EPOCH: CauseFacts(
        Layer.CONCENTRATOR, "5.3", Retry.PLAN,
        "El concentrador ya abrió una sesión posterior.",
        "The concentrator has opened a later session."),
    Cause.WRONG_KEY: CauseFacts(
        Layer.SECURITY, "5.3", Retry.NEVER,
        "Las claves del equipo no coinciden con las registradas.",
        "The device's keys are not the ones registered."),
    Cause.WRONG_DEVICE: CauseFacts(
        Layer.SECURITY, "5.3", Retry.NEVER,
        "Responde otro equipo: su título no es el registrado.",
        "Another device answers: its system title is not the one registered.", on_the_spot=True),
    Cause.COUNTER_UNREADABLE: CauseFacts(
        Layer.METER, "5.3", Retry.ONCE,
        "El equipo no deja leer su contador de invocaciones (cliente público 16, 0-0:43.1.1.255 o 0-0:43.1.0.255).",
        "The device does not tell its invocation counter (public client 16, 0-0:43.1.1.255 or 0-0:43.1.0.255)."),
    Cause.COUNTER_JUMP: CauseFacts(
        Layer.SECURITY, "5.3", Retry.NEVER,
        "El contador de invocaciones leído está demasiado lejos del registrado; se requiere revisión.",
        "The invocation counter that was read is too far from the one on record; it needs a review."),
    Cause.ASSOCIATION_REFUSED: CauseFacts(
        Layer.METER, "5.3", Retry.ONCE,
        "El equipo rechazó la asociación.",
        "The device refused the association."),
    Cause.PROTOCOL_FAULT: CauseFacts(
        Layer.METER, "5.3", Retry.ONCE,
        "El equipo respondió de forma no válida.",
        "The device answered in an invalid way."),
    Cause.HARDWARE_FAULT: CauseFacts(
        Layer.METER, "5.3", Retry.NEVER,
        "El medidor informa una falla de hardware; requiere visita.",
        "The meter reports a hardware fault; it needs a visit.", on_the_spot=True),
    Cause.TEMPORARY_FAILURE: CauseFacts(
        Layer.METER, "5.3", Retry.PLAN,
        "El medidor informa una falla temporal.",
        "The meter reports a temporary failure.", rest_min=1),
    Cause.ACCESS_DENIED: CauseFacts(
        Layer.SECURITY, "5.3", Retry.NEVER,
        "El medidor no concede este derecho a nuestra asociación.",
        "The meter does not grant this right to our association."),
    Cause.OBJECT_UNDEFINED: CauseFacts(
        Layer.METER, "5.3", Retry.NEVER,
        "El medidor no tiene el objeto limitador del modelo; revise el modelo asignado.",
        "The meter does not have the limiter object of its model; check the model assigned to it."),
    Cause.OBJECT_UNAVAILABLE: CauseFacts(
        Layer.METER, "5.3", Retry.PLAN,
        "El objeto limitador no está disponible ahora.",
        "The limiter object is not available now.", rest_min=5),
    Cause.TYPE_UNMATCHED: CauseFacts(
        Layer.METER, "5.3", Retry.NEVER,
        "El medidor espera otro tipo de dato; revise el modelo asignado.",
        "The meter expects another data type; check the model assigned to it."),
    Cause.METER_REFUSED: CauseFacts(
        Layer.METER, "5.3", Retry.ONCE,
        "El medidor rechazó el valor.",
        "The meter refused the value."),
    Cause.NOT_A_POWER: CauseFacts(
        Layer.METER, "5.3", Retry.NEVER,
        "El registro vigilado por el limitador no mide potencia activa en vatios.",
        "The register that the limiter monitors does not measure active power in watts."),
    Cause.SCALE_UNREADABLE: CauseFacts(
        Layer.METER, "5.3", Retry.NEVER,
        "No se pudo leer la escala del registro vigilado; asigne un modelo de escala fija (p. ej. class71-watts).",
        "The scale of the monitored register cannot be read; assign a model with a fixed scale (class71-watts)."),
    Cause.SCALE_MISMATCH: CauseFacts(
        Layer.METER, "5.3", Retry.NEVER,
        "El medidor cuenta en otra escala que la de su modelo; revise el modelo asignado.",
        "The meter counts in another scale than that of its model; check the model assigned to it."),
    Cause.VERIFY_MISMATCH: CauseFacts(
        Layer.METER, "5.3", Retry.ONCE,
        "El valor leído del medidor no es el ordenado.",
        "The value read back from the meter is not the one ordered.", on_the_spot=True),
    Cause.BREAKER_STUCK: CauseFacts(
        Layer.METER, "5.3", Retry.ONCE,
        "El medidor aceptó la orden, pero su interruptor no se movió; requiere visita.",
        "The meter took the order, but its switch has not moved; it needs a visit.", on_the_spot=True),
    Cause.BREACHED: CauseFacts(
        Layer.METER, "5.3", Retry.NEVER,
        "La demanda leída supera el límite que el medidor muestra; requiere visita.",
        "The demand that was read is above the limit that the meter shows; it needs a visit.", on_the_spot=True),
    Cause.OUTCOME_UNKNOWN: CauseFacts(
        Layer.LINE, "0.1", Retry.PLAN,
        "La orden pudo haberse ejecutado; el medidor no ha respondido desde entonces.",
        "The order may have been carried out; the meter has not answered since."),
    Cause.EXPIRED: CauseFacts(
        Layer.CALENDAR, "4.1", Retry.NEVER,
        "La orden venció antes de poder enviarse.",
        "The order expired before it could be sent."),
    Cause.CANCELLED: CauseFacts(
        Layer.ORDER, "6.5", Retry.NEVER,
        "La orden fue anulada antes de ejecutarse.",
        "The order was cancelled before it was carried out."),
    Cause.SUPERSEDED: CauseFacts(
        Layer.ORDER, "6.5", Retry.NEVER,
        "Una orden posterior la reemplazó.",
        "A later order replaced it."),
}  # fmt: skip
