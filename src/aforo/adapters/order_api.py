"""The REST API for today's integrators: an order at a time, explained, given again, and followed as it goes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Body, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from aforo.adapters import operator_documents as documents
from aforo.adapters.api_guard import check_speaks_for
from aforo.adapters.operator_documents import PREFIX
from aforo.adapters.operator_problem import Problem, find_order
from aforo.adapters.preferring import Prefer, wait_s
from aforo.adapters.soap_door import Integration, language_of
from aforo.adapters.trace_context import TRACEPARENT, traceparent_of
from aforo.cim import message
from aforo.cim.control_requests import CANONICAL, ControlRequest, Option
from aforo.cim.control_response import ControlResponse
from aforo.cim.namespaces import NOUN
from aforo.cim.refusal import CimError
from aforo.domain.identifiers import OrderNumber, Source
from aforo.domain.order import Order
from aforo.domain.order_kinds import KINDS
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import HIGHEST_WATTS
from aforo.engine.ports import OrderStore
from aforo.flow.explanation import explain
from aforo.flow.webhook import WEBHOOK

LOOK_S = 0.2
"""Between two looks at an order that is followed."""

FOLLOWED_S_MAX = 3600.0
KEEP_ALIVE_S = 15.0
_STATUS = {"2.15": 409, "7.5": 403}

_Name = Annotated[str, StringConstraints(pattern=r"^[!-~](?:[ -~]{0,62}[!-~])?$")]
"""Of 1 to 64 visible ASCII characters."""


def _in_this_millennium(moment: datetime) -> datetime:
    if not 2000 <= moment.year < 3000:
        raise ValueError("a year from 2000 to 2999")
    return moment


_Words = Annotated[str, StringConstraints(max_length=256)]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,128}$",
        description="The same key with the same body is the same order, however often it is sent.",
    ),
]
Moment = Annotated[
    AwareDatetime,
    AfterValidator(_in_this_millennium),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": "^2[0-9]{3}-"}),
]


class _OrderFields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: _Name = Field(description="Who orders.")
    meter: _Name
    order: _Name | None = Field(default=None, description="Its number; left out, one is made from the key.")
    reason: _Words = Field(default="", description="Why, for the record.")
    priority: Literal["normal", "high"] = "normal"
    special: Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)] | None = Field(
        default=None, description="Why it may run outside the service window; needs that permission."
    )
    not_after: Moment | None = Field(default=None, description="It must not begin later.")
    reply_address: _Words | None = Field(default=None, description="Where the answer goes, as SOAP.")
    webhook: _Words | None = Field(default=None, description="Where the result goes instead, as a signed CloudEvent.")


class LimitOrder(_OrderFields):
    """A limit in whole watts."""

    kind: Literal["LIMIT"]
    limit_w: Annotated[int, Field(ge=1, le=HIGHEST_WATTS)]
    until: Moment | None = Field(default=None, description="When the limit ends, by an order of its own.")
    proof: Literal["effective"] | None = Field(default=None, description="Prove its effect by the demand read later.")


class PlainOrder(_OrderFields):
    """An order without an amount."""

    kind: Literal["LIMIT_REMOVE", "DISCONNECT", "RECONNECT", "READ"]


AnOrder = Annotated[LimitOrder | PlainOrder, Body(discriminator="kind")]


class Again(BaseModel):
    """source: whose order it was.   special: as of an order; permissions are not taken over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: _Name
    special: _Words | None = None


@dataclass(frozen=True, slots=True)
class OrderApiPorts:
    """secret_of: with which a source's webhooks are signed; empty when it has none."""

    orders: OrderStore
    integration: Integration
    secret_of: Callable[[str], bytes]


def ordering_routes(ports: OrderApiPorts) -> APIRouter:
    routes = APIRouter()

    @routes.post("/orders", status_code=202, responses={201: {"description": "It has ended."}})
    async def create_order(
        order: AnOrder, key: IdempotencyKey, request: Request, response: Response, prefer: Prefer = None
    ) -> dict[str, Any]:
        """Give an order. 202: durable, on its way; 201: it has ended already, refused or within the wait.

        Location tells where it stands. A number, or a key, given again with other content is 409.
        """
        check_speaks_for(request, order.source)
        if order.webhook and not ports.secret_of(order.source):
            es = f"{order.source} no tiene secreto para firmar sus webhooks; véase callers.md."
            raise Problem(409, es, f"{order.source} has no secret to sign its webhooks with; see callers.md.")
        asked = _asked(order, key, wait_s(prefer), language_of(request.headers.get("accept-language", "")))
        return await _placed(ports, asked, response, request)

    @routes.post("/orders/{number:path}/retry", status_code=202, responses={201: {"description": "It has ended."}})
    async def retry_order(
        number: str, again: Again, key: IdempotencyKey, request: Request, response: Response
    ) -> dict[str, Any]:
        """Give an order that did not end VERIFIED once more, as one of its own that is linked to the first."""
        check_speaks_for(request, again.source)
        first, _ = await find_order(ports.orders, OrderNumber(number), again.source)
        if not first.state.is_end or first.state is OrderState.VERIFIED or not first.kind.control_type:
            state = first.state.value
            es = f"La orden {number} está {state}: solo se repite lo que terminó sin VERIFIED."
            raise Problem(409, es, f"Order {number} is {state}: only what ended otherwise than VERIFIED is repeated.")
        return await _placed(ports, _repeated(first, again, key, request), response, request)

    return routes


def following_routes(ports: OrderApiPorts) -> APIRouter:
    routes = APIRouter()

    @routes.get("/orders/{number:path}/explanation")
    async def explain_order(number: str, source: str | None = None) -> dict[str, Any]:
        """Why it stands where it stands, whom it waits for and until when, and what would have to change."""
        order, _ = await find_order(ports.orders, OrderNumber(number), source)
        told = explain(order.state, order.cause, next_at=order.next_at, ended_at=order.ended_at)
        return {"number": order.number, **documents.explanation_document(order.state, order.cause, told)}

    @routes.get(
        "/orders/{number:path}/progress",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Its facts as they happen."}},
    )
    async def follow_order(number: str, source: str | None = None) -> StreamingResponse:
        """Server-sent events: `fact` for each fact, from the first on, and `ended` with the order as it then stands."""
        order, _ = await find_order(ports.orders, OrderNumber(number), source)
        return StreamingResponse(_events(ports.orders, order), media_type="text/event-stream")

    return routes


async def _placed(ports: OrderApiPorts, asked: ControlRequest, response: Response, request: Request) -> dict[str, Any]:
    traceparent = traceparent_of(request.headers.get(TRACEPARENT, ""))
    try:
        answer: ControlResponse = await ports.integration.create(asked, traceparent=traceparent)
    except CimError as refused:
        refusal = refused.refusal
        status = _STATUS.get(refusal.code, 422)
        raise Problem(status, refusal.es, refusal.en, code=refusal.code, details=refusal.details) from refused
    number = OrderNumber(answer.control.number if answer.control else answer.reply.number)
    order = await ports.orders.find(Source(asked.header.source), number)
    assert order is not None, "what was acknowledged is stored"
    response.status_code = 201 if order.state.is_end else 202
    place = f"{PREFIX}/orders/{quote(number, safe='')}?source={quote(asked.header.source, safe='')}"
    response.headers["location"] = place
    error = answer.error
    told = {"code": error.code, "reason": error.reason, "details": error.details}
    return {**documents.order_document(order), "answer": told}


def _asked(order: LimitOrder | PlainOrder, key: str, patience_s: int, language: str) -> ControlRequest:
    options = [
        ("priority", order.priority if order.priority != "normal" else None),
        ("special", order.special),
        ("notAfter", order.not_after and order.not_after.isoformat()),
    ]
    if isinstance(order, LimitOrder):
        options += [("until", order.until and order.until.isoformat()), ("proof", order.proof)]
    answer_to = order.webhook or order.reply_address or ""
    if patience_s:
        options.append(("wait", str(patience_s)))
    return ControlRequest(
        header=message.Header(
            verb="create",
            noun=NOUN,
            source=order.source,
            message_id=key,
            reply_address=answer_to,
            async_reply=True if answer_to else None,
        ),
        dialect=WEBHOOK if order.webhook else CANONICAL,
        number=order.order or "",
        meter=order.meter,
        control_type=KINDS[order.kind].control_type,
        watts=Decimal(order.limit_w) if isinstance(order, LimitOrder) else None,
        reason=order.reason,
        options=tuple(Option(name, value) for name, value in options if value),
        language=language,
    )


def _repeated(first: Order, again: Again, key: str, request: Request) -> ControlRequest:
    given = first.request
    options = [("priority", "high" if given.priority else None), ("special", again.special), ("retryOf", given.number)]
    return ControlRequest(
        header=message.Header(
            verb="create", noun=NOUN, source=given.source, message_id=key, reply_address=given.reply_address or ""
        ),
        number="",
        meter=given.meter,
        control_type=given.kind.control_type,
        watts=None if given.limit is None else Decimal(given.limit.watts),
        reason=given.reason,
        options=tuple(Option(name, value) for name, value in options if value),
        dialect=given.dialect,
        language=language_of(request.headers.get("accept-language", "")),
    )


async def _events(orders: OrderStore, order: Order) -> AsyncIterator[str]:
    """Until it has ended, or for FOLLOWED_S_MAX: whoever still wants to know asks again."""
    told, loop = 0, asyncio.get_running_loop()
    until, quiet_since = loop.time() + FOLLOWED_S_MAX, loop.time()
    while loop.time() < until:
        current = await orders.order(order.id)
        assert current is not None, "an order is never deleted"
        facts = await orders.facts(order.id)
        for fact in facts[told:]:
            yield _event("fact", documents.fact_document(fact))
        if len(facts) > told:
            told, quiet_since = len(facts), loop.time()
        elif loop.time() - quiet_since > KEEP_ALIVE_S:
            quiet_since = loop.time()
            yield ": still here\n\n"
        if current.state.is_end:
            yield _event("ended", documents.order_document(current))
            return
        await asyncio.sleep(LOOK_S)


def _event(name: str, document: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(document, ensure_ascii=False)}\n\n"
