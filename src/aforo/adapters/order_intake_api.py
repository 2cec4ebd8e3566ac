"""The operator's door for many orders at once: each received, validated, answered for itself, as at the SOAP door."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from aforo.adapters.api_guard import check_speaks_for
from aforo.adapters.soap_door import Integration, language_of
from aforo.adapters.trace_context import TRACEPARENT, traceparent_of
from aforo.cim.control_requests import ControlRequest, Option
from aforo.cim.control_response import ControlResponse
from aforo.cim.message import Header, Result
from aforo.cim.namespaces import NOUN
from aforo.cim.refusal import CimError
from aforo.domain.order_kinds import KINDS

ORDERS_MAX = 1_000
"""In one request: so many share a few commits, and an answer comes within a second or two."""

_OPTIONS = {"priority": "priority", "special": "special", "not_after": "notAfter", "until": "until", "proof": "proof"}

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]


class OrderRow(BaseModel):
    """order: its number; given again with the same content, nothing happens again.   limit_w: whole watts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order: _Text
    meter: _Text
    kind: Literal["LIMIT", "LIMIT_REMOVE", "DISCONNECT", "RECONNECT", "READ"] = "LIMIT"
    limit_w: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    reason: Annotated[str, StringConstraints(max_length=256)] = ""
    priority: _Text | None = None
    special: _Text | None = None
    not_after: _Text | None = None
    until: _Text | None = None
    proof: _Text | None = None


class ManyOrders(BaseModel):
    """source: who orders.   reply_address: where each answer goes; without one, to the usual address of the source.

    orders: each an OrderRow; one that is none is refused, and not the others with it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: _Text
    reply_address: _Text | None = None
    orders: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=ORDERS_MAX)]


def intake_routes(integration: Integration) -> APIRouter:
    routes = APIRouter()

    @routes.post("/orders/batch")
    async def create_orders(many: ManyOrders, request: Request) -> dict[str, Any]:
        """One result for each order, in their order. What is accepted is durable."""
        check_speaks_for(request, many.source)
        language = language_of(request.headers.get("accept-language", ""))
        traceparent = traceparent_of(request.headers.get(TRACEPARENT, ""))
        create = partial(integration.create, traceparent=traceparent)
        results = await asyncio.gather(*(_take(create, row, many, language) for row in many.orders))
        return {"results": results}

    return routes


async def _take(
    create: Callable[[ControlRequest], Awaitable[ControlResponse]],
    cells: dict[str, Any],
    many: ManyOrders,
    language: str,
) -> dict[str, Any]:
    try:
        row = OrderRow.model_validate(cells)
    except ValidationError as wrong:
        details = "; ".join(
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in wrong.errors(include_input=False)
        )
        reason = "The row is not an order." if language == "en" else "La fila no es una orden."
        number = cells.get("order")
        return _result(number if isinstance(number, str) else "", "1.8", reason, details, accepted=False)
    request = _request(row, many, language)
    try:
        response = await create(request)
    except CimError as refused:
        refusal = refused.refusal
        return _result(row.order, refusal.code, refusal.reason(language), refusal.details, accepted=False)
    error, is_accepted = response.error, response.reply.result is not Result.FAILED
    return _result(row.order, error.code, error.reason, error.details, accepted=is_accepted)


def _result(order: str, code: str, reason: str, details: str, *, accepted: bool) -> dict[str, Any]:
    return {"order": order, "accepted": accepted, "code": code, "reason": reason, "details": details}


def _request(row: OrderRow, many: ManyOrders, language: str) -> ControlRequest:
    header = Header(
        verb="create",
        noun=NOUN,
        source=many.source,
        message_id=row.order,
        reply_address=many.reply_address or "",
        async_reply=True if many.reply_address else None,
    )
    given = [(name, getattr(row, field)) for field, name in _OPTIONS.items()]
    return ControlRequest(
        header=header,
        number=row.order,
        meter=row.meter,
        control_type=KINDS[row.kind].control_type,
        watts=None if row.limit_w is None else Decimal(row.limit_w),
        reason=row.reason,
        options=tuple(Option(name, value) for name, value in given if value is not None),
        language=language,
    )
