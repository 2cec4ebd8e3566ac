"""Why an order stands where it stands, whom it waits for and until when, and what would have to change."""

from dataclasses import dataclass
from datetime import datetime

from aforo.domain.causes import CAUSES, Cause, Layer, Retry
from aforo.domain.confirmation import may_change_until
from aforo.domain.order_states import OrderState
from aforo.flow.trace import Words

MEANING: dict[OrderState, Words] = {
    OrderState.RECEIVED: Words("Recibida; aún no se ha validado.", "Received; not validated yet."),
    OrderState.HELD: Words("Retenida: todavía no puede ejecutarse.", "Held: it may not run yet."),
    OrderState.VALIDATED: Words(
        "Validada; nada ha salido hacia el medidor.", "Validated; nothing has left for the meter."
    ),
    OrderState.DISPATCHED: Words(
        "Entregada; el comando pudo haber salido hacia el medidor.",
        "Handed over; the command may have left for the meter.",
    ),
    OrderState.IN_PROGRESS: Words("El medidor está siendo visitado.", "The meter is being visited."),
    OrderState.RECONCILING: Words(
        "El comando pudo haber llegado: solo se lee el medidor, nunca se reenvía a ciegas.",
        "The command may have arrived: the meter is only read, and nothing is sent again blindly.",
    ),
    OrderState.VERIFIED: Words(
        "Leído del propio medidor después de escribir, e igual a lo ordenado.",
        "Read back from the meter itself after the write, and equal to what was ordered.",
    ),
    OrderState.REFUSED: Words(
        "Una condición previa no se cumple: nada se envió.", "A precondition does not hold: nothing was sent."
    ),
    OrderState.FAILED: Words(
        "Se sabe que la orden no está en vigor; no es un silencio.",
        "It is known that the order is not in force; this is no silence.",
    ),
    OrderState.UNCONFIRMED: Words(
        "No se sabe si el comando llegó, y el medidor tampoco pudo leerse.",
        "Whether the command arrived is not known, and the meter could not be read either.",
    ),
    OrderState.EXPIRED: Words("Su plazo pasó antes de comenzar.", "Its time passed before it began."),
    OrderState.CANCELLED: Words("Anulada antes de enviarse.", "Cancelled before it was sent."),
    OrderState.SUPERSEDED: Words("Una orden posterior la reemplazó.", "A later order took its place."),
}
_BREACHED = Words(
    "El medidor muestra el límite, y el cliente consume más que eso.",
    "The meter shows the limit, and the customer draws more than that.",
)
_TURN = Words("su turno en la línea del medidor", "its turn on the meter's line")
_ANSWER = Words("la respuesta del concentrador o del medidor", "the answer of the concentrator or the meter")
WAITS_FOR: dict[OrderState, Words] = {
    OrderState.RECEIVED: _TURN,
    OrderState.HELD: Words("que abra el horario de servicio", "the service window to open"),
    OrderState.VALIDATED: _TURN,
    OrderState.DISPATCHED: _ANSWER,
    OrderState.IN_PROGRESS: _ANSWER,
    OrderState.RECONCILING: Words("una lectura del medidor", "a reading of the meter"),
    OrderState.UNCONFIRMED: Words(
        "una lectura del medidor, que saldría como corrección", "a reading of the meter, sent as a correction"
    ),
}
_SOMEBODY = Words("la aprobación de otra persona: aforo order approve", "somebody else's approval: aforo order approve")
_END_OF_LIMIT = Words("la hora en que termina el límite", "the time at which the limit ends")
_WHOLE_PERIOD = Words("un período de demanda completo bajo el límite", "a whole demand period under the limit")
_REMEDIES: dict[Layer, Words] = {
    Layer.ORDER: Words(
        "Pasaría si se corrigiera la orden, o el registro del medidor.",
        "It would pass if the order, or what is registered of the meter, were put right.",
    ),
    Layer.CALENDAR: Words(
        "Pasará por sí sola a esa hora; una orden especial con motivo pasa antes.",
        "It will pass by itself then; a special order with a reason passes sooner.",
    ),
    Layer.HEADEND: Words(
        "Pasaría si el operador de este sistema lo corrigiera; el medidor no tiene la culpa.",
        "It would pass if this system's operator put it right; the meter is not to blame.",
    ),
    Layer.CONCENTRATOR: Words(
        "Pasaría si respondiera el concentrador: revise su módem, su SIM y su alimentación.",
        "It would pass if the concentrator answered: look at its modem, its SIM and its power.",
    ),
    Layer.LINE: Words(
        "Pasaría si el medidor respondiera: por la línea o en terreno.",
        "It would pass if the meter answered: on the line, or by work in the field.",
    ),
    Layer.METER: Words(
        "Pasaría si el medidor aceptara: revise su modelo, o vaya a terreno.",
        "It would pass if the meter took it: look at its model, or work in the field.",
    ),
    Layer.SECURITY: Words(
        "Pasaría con las llaves o el contador correctos; no es un silencio, y no sirve ir a terreno.",
        "It would pass with the right keys or counter; this is no silence, and a visit in the field does not help.",
    ),
}
_REMEDY_OF = {
    Cause.AWAITING_UNTIL: Words(
        "Pasará por sí sola a esa hora; aforo limit-remove termina antes el límite.",
        "It will pass by itself then; aforo limit-remove ends the limit sooner.",
    ),
    Cause.AWAITING_PROOF: Words("Pasará por sí sola a esa hora.", "It will pass by itself then."),
    Cause.BREACHED: Words(
        "Pasaría si el medidor cortara: revise su modo de control, su interruptor y su conexión en terreno.",
        "It would pass if the meter cut: look at its control mode, its switch and its wiring on the spot.",
    ),
}
_OVER = frozenset({Cause.CANCELLED, Cause.SUPERSEDED})
"""Nothing would have to change: somebody decided so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """waits_for: None when nobody is waited for.   until: when that is next due, or ends.   remedy: None when there is
    nothing to put right.   is_tried_again: by itself, for this cause.
    """

    meaning: Words
    waits_for: Words | None
    until: datetime | None
    remedy: Words | None
    is_tried_again: bool


def explain(
    state: OrderState, cause: Cause | None, *, next_at: datetime | None, ended_at: datetime | None
) -> Explanation:
    """Of an order as it stands now."""
    waits_for, until = WAITS_FOR.get(state), next_at
    if state is OrderState.HELD and cause is Cause.AWAITING_APPROVAL:
        waits_for = _SOMEBODY
    if state is OrderState.HELD and cause is Cause.AWAITING_UNTIL:
        waits_for = _END_OF_LIMIT
    if state is OrderState.HELD and cause is Cause.AWAITING_PROOF:
        waits_for = _WHOLE_PERIOD
    if state is OrderState.UNCONFIRMED and ended_at is not None:
        until = may_change_until(ended_at)
        waits_for = None if next_at is None else waits_for
    facts = None if cause is None else CAUSES[cause]
    return Explanation(
        meaning=_BREACHED if cause is Cause.BREACHED and state is OrderState.FAILED else MEANING[state],
        waits_for=waits_for,
        until=None if waits_for is None else until,
        remedy=_remedy(state, cause),
        is_tried_again=facts is not None and facts.retry is not Retry.NEVER and not state.is_end,
    )


def _remedy(state: OrderState, cause: Cause | None) -> Words | None:
    if cause is None or cause in _OVER or state is OrderState.VERIFIED:
        return None
    return _REMEDY_OF.get(cause) or _REMEDIES[CAUSES[cause].layer]
