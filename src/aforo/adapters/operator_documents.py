"""What the operator's door shows, as JSON documents. No key is ever among it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aforo.domain.causes import CAUSES, Cause
from aforo.domain.delivery import Delivery
from aforo.domain.devices import Address, Concentrator, DeviceSecurity, Meter
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.flow.explanation import Explanation
from aforo.flow.trace import Words, in_words

PREFIX = "/api/v1"
"""Where the door is, below the system's address."""


def meter_document(one: Meter) -> dict[str, Any]:
    return {
        "meter_number": one.number,
        "usage_point": one.usage_point,
        "link": one.link.value,
        "concentrator": one.concentrator,
        **_address(one.address),
        "model": one.model,
        **_security(one.security),
        "commissioned": one.commissioned,
        "max_power_w": one.max_power_w,
        "contracted_power_w": one.contracted_power_w,
        "time_zone": one.time_zone,
        "protected": one.protected,
    }


def concentrator_document(one: Concentrator) -> dict[str, Any]:
    return {
        "concentrator": one.number,
        **_address(one.address),
        **_security(one.security),
        "time_zone": one.time_zone,
    }


def order_document(one: Order) -> dict[str, Any]:
    """cause: null when there is none.   next_at: null while it is out, and at its end."""
    request = one.request
    return {
        "number": request.number,
        "source": request.source,
        "kind": request.kind.name,
        "meter": request.meter,
        "limit_w": one.limit_w,
        "unit": "W",
        "state": one.state.value,
        "ended": one.state.is_end,
        "cause": None if one.cause is None else _cause(one.cause),
        "detail": one.detail,
        "evidence": one.evidence,
        "reason": request.reason,
        "priority": request.priority.name.lower(),
        "special": request.special,
        "not_after": _moment(request.not_after),
        "until": _moment(request.until),
        "retry_of": request.retry_of,
        "approved_by": one.approved_by,
        "deadline": _moment(one.deadline),
        "is_warned": one.is_warned,
        "attempts": one.attempts,
        "received_at": _moment(one.received_at),
        "next_at": _moment(one.next_at),
        "ended_at": _moment(one.ended_at),
    }


def bare_fact_document(one: Fact) -> dict[str, Any]:
    """The very values that its digest is made of; see `aforo.domain.audit`."""
    return {
        "step": one.step,
        "at": one.at.isoformat(),
        "from": one.sender,
        "to": one.receiver,
        "name": one.name,
        "payload": one.payload,
    }


def fact_document(one: Fact) -> dict[str, Any]:
    return {**bare_fact_document(one), "es": in_words(one, "es"), "en": in_words(one, "en")}


def fact_of(document: Mapping[str, Any]) -> Fact:
    """The way back, for the other end of the door."""
    at = datetime.fromisoformat(document["at"])
    return Fact(document["step"], at, document["from"], document["to"], document["name"], document["payload"])


def explanation_document(state: OrderState, cause: Cause | None, told: Explanation) -> dict[str, Any]:
    """Sentences in both languages."""
    return {
        "state": state.value,
        "meaning": _both(told.meaning),
        "cause": None if cause is None else {"code": cause.value, "layer": CAUSES[cause].layer.value},
        "waits_for": _both(told.waits_for),
        "until": _moment(told.until),
        "is_tried_again": told.is_tried_again,
        "remedy": _both(told.remedy),
    }


def delivery_document(one: Delivery) -> dict[str, Any]:
    return {
        "result": one.message.id,
        "state": one.state.value,
        "attempts": one.attempts,
        "next_at": _moment(one.next_at),
    }


def _address(address: Address | None) -> dict[str, Any]:
    if address is None:
        return {
            "host": None,
            "port": None,
            "client_sap": None,
            "server_sap": None,
            "framing": None,
            "physical_device": None,
        }
    return {
        "host": address.host or None,
        "port": address.port or None,
        "client_sap": address.client_sap,
        "server_sap": address.server_sap,
        "framing": address.framing.value,
        "physical_device": address.physical_device,
    }


def _security(security: DeviceSecurity) -> dict[str, Any]:
    return {"system_title": security.system_title.hex().upper() or None, "has_keys": security.has_keys}


def _cause(cause: Cause) -> dict[str, Any]:
    facts = CAUSES[cause]
    return {
        "code": cause.value,
        "layer": facts.layer.value,
        "es": facts.es,
        "en": facts.en,
        "actor": facts.actor.value,
        "retry_allowed": facts.is_retry_allowed,
        "field_work_suggested": facts.is_field_work_suggested,
    }


def _both(words: Words | None) -> dict[str, str] | None:
    return None if words is None else {"es": words.es, "en": words.en}


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
