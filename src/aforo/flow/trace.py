"""The facts of an order's path in words, Spanish and English, and the nine steps with what happened in each."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aforo.domain.causes import CAUSES, Cause
from aforo.domain.order import Fact
from aforo.domain.order_kinds import KINDS
from aforo.flow.decision import CONCENTRATOR, HEADEND, INTEGRATION, LEGACY, METER

STEPS: dict[int, tuple[str, str]] = {
    1: (LEGACY, INTEGRATION),
    2: (INTEGRATION, HEADEND),
    3: (HEADEND, HEADEND),
    4: (HEADEND, CONCENTRATOR),
    5: (CONCENTRATOR, METER),
    6: (METER, CONCENTRATOR),
    7: (CONCENTRATOR, HEADEND),
    8: (HEADEND, INTEGRATION),
    9: (INTEGRATION, LEGACY),
}
"""From and to of each step (source document, table 2)."""


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence with payload keys in braces. A part in brackets is left out when one of its keys is empty."""

    es: str
    en: str


WORDS: dict[str, Words] = {
    "OrderReceived": Words(
        "Orden {order} de {source}: {kind}, medidor {meter}[, {limit_w} W][, prioridad {priority}][, motivo: {reason}]"
        "[, trabajo especial: {special}][, no después de {not_after}][, repite la orden {retry_of}]",
        "Order {order} from {source}: {kind}, meter {meter}[, {limit_w} W][, priority {priority}][, reason: {reason}]"
        "[, special work: {special}][, not after {not_after}][, gives order {retry_of} again]",
    ),
    "RemovalPlanned": Words(
        "Orden {order}: el límite de la orden {ends} al medidor {meter} termina el {until}",
        "Order {order}: the limit of order {ends} at meter {meter} ends at {until}",
    ),
    "OrderRouted": Words(
        "Orden {order} al head-end: {kind}, medidor {meter}[, {limit_w} W][, por {link}]",
        "Order {order} to the head-end: {kind}, meter {meter}[, {limit_w} W][, by {link}]",
    ),
    "MeterValidated": Words(
        "Medidor {meter}: registrado, enlazado[ ({concentrator})], en servicio, empalme de {max_power_w} W"
        "[, trabajo especial: {special}]",
        "Meter {meter}: registered, linked[ ({concentrator})], commissioned, service connection of {max_power_w} W"
        "[, special work: {special}]",
    ),
    "MeterRefused": Words(
        "Orden rechazada: {cause}[ Potencia máxima: {max_power_w} W.]",
        "Order refused: {cause}[ Rating: {max_power_w} W.]",
    ),
    "OrderHeld": Words("Orden retenida hasta {until}: {cause}", "Order held until {until}: {cause}"),
    "OrderApproved": Words("{by} aprobó la orden {order}", "{by} approved order {order}"),
    "OrderCancelled": Words(
        "{by} anuló la orden {order}[: {reason}]",
        "{by} cancelled order {order}[: {reason}]",
    ),
    "OrderSuperseded": Words(
        "La orden {order} fue reemplazada: la orden {by} se recibió después",
        "Order {order} was replaced: order {by} was received later",
    ),
    "OrderExpired": Words(
        "La orden venció: no debía comenzar después de {not_after}",
        "The order expired: it was not to begin after {not_after}",
    ),
    "OrderDispatched": Words(
        "Entrega de {kind}: medidor {meter}[, {limit_w} W][, a {concentrator}][, a {address}], intento {attempt}, "
        "testigo {fence}",
        "{kind} handed over: meter {meter}[, {limit_w} W][, to {concentrator}][, to {address}], attempt {attempt}, "
        "fence {fence}",
    ),
    "OrderTaken": Words(
        "El concentrador tiene la orden {order} en su cola", "The concentrator has order {order} in its queue"
    ),
    "MeterCommanded": Words(
        "SET del umbral del medidor {meter} a {written_w} W (valor {written}, escala 10^{scaler})",
        "SET threshold of meter {meter} to {written_w} W (value {written}, scale 10^{scaler})",
    ),
    "MeterAsked": Words("Lectura del límite del medidor {meter}", "Reading the limit of meter {meter}"),
    "MeterAnswered": Words(
        "Leído del medidor: límite {threshold_w} W[, límite activo {active_w} W], antes {before_w} W"
        "[, interruptor {breaker}][; el medidor mismo lo termina el {restores_at}]",
        "Read from the meter: limit {threshold_w} W[, active limit {active_w} W], before {before_w} W"
        "[, breaker {breaker}][; the meter itself ends it at {restores_at}]",
    ),
    "SwitchCommanded": Words("Orden de {kind} al interruptor del medidor {meter}", "{kind}: command to meter {meter}"),
    "SwitchAsked": Words("Lectura del interruptor del medidor {meter}", "Reading the switch of meter {meter}"),
    "SwitchAnswered": Words(
        "Leído del medidor: interruptor {breaker}[, salida {output}], antes {breaker_before}",
        "Read from the meter: switch {breaker}[, output {output}], before {breaker_before}",
    ),
    "DemandAsked": Words("Lectura de la demanda del medidor {meter}", "Reading the demand of meter {meter}"),
    "DemandAnswered": Words(
        "Leído del medidor: demanda {demand_w} W en {period_s} s[, hasta {captured_at}], límite {limit_w} W"
        "[, interruptor {breaker}]",
        "Read from the meter: demand {demand_w} W over {period_s} s[, until {captured_at}], limit {limit_w} W"
        "[, breaker {breaker}]",
    ),
    "ProofPlanned": Words(
        "Orden {order}: el efecto de la orden {proves} se probará leyendo la demanda",
        "Order {order}: the effect of order {proves} is to be proved by reading the demand",
    ),
    "ProofAwaited": Words("La prueba espera hasta {until}: {why}", "The proof waits until {until}: {why}"),
    "DeadlineNear": Words(
        "Aviso: el plazo de la orden {order} vence el {deadline}[: {cause}]",
        "Warning: the deadline of order {order} is {deadline}[: {cause}]",
    ),
    "DeadlineEscalated": Words(
        "Escalamiento: la orden {order} sigue pendiente y su plazo vence el {deadline}[: {cause}]",
        "Escalation: order {order} is still open and its deadline is {deadline}[: {cause}]",
    ),
    "FieldWorkReported": Words(
        "{by} informa del trabajo en terreno[ {reference}]: {result}[. {note}]",
        "{by} reports of the field work[ {reference}]: {result}[. {note}]",
    ),
    "VisitNotPossible": Words(
        "No se pudo iniciar la visita: {cause}[ {detail}]", "No visit was possible: {cause}[ {detail}]"
    ),
    "LinkLost": Words("Se perdió el enlace: {cause}[ {detail}]", "The link was lost: {cause}[ {detail}]"),
    "ReadingsEnded": Words(
        "Ya no se busca qué fue de la orden {order}: después se verificó la orden {by}",
        "What became of order {order} is no longer sought: order {by} was verified later",
    ),
    "OrderStillThere": Words("El concentrador aún tiene la orden {order}", "The concentrator still has order {order}"),
    "OrderNotThere": Words(
        "El concentrador no comenzó la orden {order}, ni lo hará",
        "The concentrator has not begun order {order}, and never will",
    ),
    "ResultCollected": Words(
        "Resultado {verdict} del intento {attempt}[: {cause}][ {detail}]",
        "Result {verdict} of attempt {attempt}[: {cause}][ {detail}]",
    ),
    "ResultPublished": Words(
        "Resultado {result} en la cola {queue}[: {state}][, {cause}]",
        "Result {result} on queue {queue}[: {state}][, {cause}]",
    ),
    "LegacyAnswered": Words(
        "Respuesta a {address}: {result}[ {code}], mensaje {message}",
        "Answer to {address}: {result}[ {code}], message {message}",
    ),
    "AnswerKept": Words("La respuesta queda guardada: {why}", "The answer is kept: {why}"),
    "AnswerDelayed": Words(
        "{address} no aceptó la respuesta (intento {attempt}): {why}",
        "{address} did not take the answer (attempt {attempt}): {why}",
    ),
}
"""By the name of the fact."""

_SWITCH: dict[object, Words] = {
    "connected": Words("conectado", "connected"),
    "disconnected": Words("desconectado", "disconnected"),
    "ready_for_reconnection": Words("listo para reconexión", "ready for reconnection"),
}
_VALUES: dict[str, dict[object, Words]] = {
    "kind": {kind.name: Words(kind.es, kind.en) for kind in KINDS.values()},
    "priority": {"high": Words("alta", "high"), "normal": Words("", "")},
    "link": {
        "direct": Words("línea directa", "a direct line"),
        "delegated": Words("concentrador delegado", "a delegated concentrator"),
        "transparent": Words("concentrador transparente", "a transparent concentrator"),
    },
    "breaker": _SWITCH,
    "breaker_before": _SWITCH,
    "result": {"done": Words("hecho", "done"), "not done": Words("no hecho", "not done")},
    "output": {"true": Words("cerrada", "closed"), "false": Words("abierta", "open")},
    "cause": {
        cause.value: Words(f"{CAUSES[cause].es} ({cause.value})", f"{CAUSES[cause].en} ({cause.value})")
        for cause in Cause
    },
}
"""Payload values that have words of their own. What is ordinary (normal priority) has none."""

_KEY = re.compile(r"\{(\w+)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


def in_words(fact: Fact, language: str) -> str:
    """One sentence, in `es` or `en`. A fact without words, or without what its words need: its name and payload."""
    words = WORDS.get(fact.name)
    template = "" if words is None else _of(words, language)
    values = {key: _shown(key, value, language) for key, value in fact.payload.items()}
    kept = _OPTIONAL.sub(lambda part: part[1] if _has_all(part[1], values) else "", template)
    if not kept or not _has_all(kept, values):
        return f"{fact.name} {json.dumps(fact.payload, ensure_ascii=False, default=str)}"
    sentence = _KEY.sub(lambda key: values[key[1]], kept)
    return sentence[:1].upper() + sentence[1:]


def _of(words: Words, language: str) -> str:
    return words.en if language == "en" else words.es


def _shown(key: str, value: Any, language: str) -> str:
    if value is None:
        return ""
    words = _VALUES.get(key, {}).get(value) if isinstance(value, str) else None
    return str(value) if words is None else _of(words, language)


def _has_all(template: str, values: dict[str, str]) -> bool:
    return all(values.get(key) for key in _KEY.findall(template))


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of an order's trace. fact: None when the step did not happen."""

    step: int
    fact: Fact | None

    @property
    def sender(self) -> str:
        return self.fact.sender if self.fact else STEPS[self.step][0]

    @property
    def receiver(self) -> str:
        return self.fact.receiver if self.fact else STEPS[self.step][1]


def nine_steps(facts: Iterable[Fact]) -> list[TraceLine]:
    """The facts as they were committed, and a line for each of the nine steps that has none.

    A retried order passes steps 4 to 7 again: their numbers then come again, in the order of time. A step that did not
    happen stands before the first later one that did.
    """
    lines = [TraceLine(fact.step, fact) for fact in facts]
    happened = {line.step for line in lines}
    for step in STEPS:
        if step not in happened:
            place = next((at for at, line in enumerate(lines) if line.step > step), len(lines))
            lines.insert(place, TraceLine(step, None))
    return lines
