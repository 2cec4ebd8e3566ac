"""The operator's door: registry and orders over HTTP, JSON, under /api/v1. Keys come in and never leave.

Errors are problem details (RFC 9457) with a sentence in each language.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from aforo.adapters import operator_documents as documents
from aforo.adapters.api_guard import check_speaks_for, guard
from aforo.adapters.audit_api import audit_routes
from aforo.adapters.frame_words import visits_in_words
from aforo.adapters.gatekeeper import Gatekeeper
from aforo.adapters.openapi import describe
from aforo.adapters.operator_documents import PREFIX
from aforo.adapters.operator_problem import HANDLERS, Problem, find_order, not_here
from aforo.adapters.order_api import OrderApiPorts, following_routes, ordering_routes
from aforo.adapters.order_intake_api import intake_routes
from aforo.adapters.order_standing import standing_told
from aforo.adapters.registry_csv import (
    CONCENTRATOR_COLUMNS,
    METER_COLUMNS,
    METER_OPTIONS,
    InvalidRows,
    RowError,
    concentrators_of,
    meters_of,
    read_json,
)
from aforo.adapters.results_api import replay_routes, result_routes
from aforo.adapters.soap_door import Integration
from aforo.adapters.status_api import StatusPorts, health_routes, status_routes
from aforo.dlms.keys import SystemTitle
from aforo.domain.callers import Scope
from aforo.domain.causes import Cause
from aforo.domain.devices import Meter
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order_filter import OrderFilter
from aforo.domain.order_states import OrderState
from aforo.engine.order_desk import OrderDesk, SamePerson, TooLate
from aforo.engine.ports import (
    AuditStore,
    Clock,
    DeliveryStore,
    DeviceRegistry,
    KeyVault,
    OrderStore,
    UnknownConcentrator,
)
from aforo.flow.field_work import FieldReport, FieldResult

BODY_MAX = 64 * 1024 * 1024
"""Octets; ROWS_MAX rows of some 500 octets fit."""

BODY_WAIT_S = 60.0
PAGE_MAX = 1000
WORDS_MAX = 256

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPorts:
    """models: names of the meter models that a meter may have.   title: the head-end's, under which it ciphers.

    relay: wakes what publishes results.   secret_of: with which a source's webhooks are signed.
    """

    orders: OrderStore
    desk: OrderDesk
    deliveries: DeliveryStore
    audit: AuditStore
    registry: DeviceRegistry
    vault: KeyVault
    clock: Clock
    models: Collection[str]
    title: SystemTitle
    status: StatusPorts
    integration: Integration
    relay: Callable[[], None] = lambda: None
    secret_of: Callable[[str], bytes] = lambda _: b""


def _is_iso(given: Any) -> Any:
    """Seconds since 1970 are no moment that anybody reads."""
    if isinstance(given, str) and not given[:5].endswith("-"):
        raise ValueError("Input should be a valid datetime, such as 2026-11-25T08:00:00-03:00")
    return given


def _caseless(kind: type[Enum]) -> BeforeValidator:
    """A member's value in whatever case."""
    known = {str(member.value).lower(): member.value for member in kind}
    return BeforeValidator(lambda given: known.get(given.lower(), given) if isinstance(given, str) else given)


def _sought(
    state: Annotated[OrderState | None, _caseless(OrderState)] = None,
    cause: Annotated[Cause | None, _caseless(Cause)] = None,
    meter: str | None = None,
    since: Annotated[
        AwareDatetime | None, BeforeValidator(_is_iso), Query(description="Received then or later.")
    ] = None,
    source: str | None = None,
) -> OrderFilter:
    return OrderFilter(
        source=None if source is None else Source(source),
        state=state,
        cause=cause,
        meter=None if meter is None else MeterNumber(meter),
        since=since,
    )


_Text = Annotated[str, StringConstraints(max_length=WORDS_MAX)]
_Somebody = Annotated[str, StringConstraints(min_length=1, max_length=WORDS_MAX)]


class Approval(BaseModel):
    """by: who does it.   source: whose order it is, when several have used the number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: _Somebody
    source: _Text | None = None


class Cancellation(Approval):
    """reason: the commercial system is told."""

    reason: _Text = ""


class FieldWork(Approval):
    """reference: of the work order."""

    result: FieldResult
    reference: _Text = ""
    note: _Text = ""


Sought = Annotated[OrderFilter, Depends(_sought)]


def operator_api(ports: OperatorPorts, gate: Gatekeeper) -> FastAPI:
    """An application of its own, to which the other doors can be mounted."""
    api = FastAPI(
        title="aforo",
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        generate_unique_id_function=lambda route: route.name,
    )
    api.include_router(health_routes(ports.status), prefix=PREFIX)
    order_ports = OrderApiPorts(ports.orders, ports.integration, ports.secret_of)
    for routes, scope in (
        (status_routes(ports.status), Scope.STATUS),
        (_registry(ports), Scope.REGISTRY_READ),
        (_registry_changes(ports), Scope.REGISTRY_WRITE),
        (audit_routes(ports.audit, ports.orders), Scope.AUDIT),
        (intake_routes(ports.integration), Scope.ORDER),
        (ordering_routes(order_ports), Scope.ORDER),
        (result_routes(ports.deliveries), Scope.READ),
        (replay_routes(ports.deliveries, ports.relay), Scope.REPLAY),
        (following_routes(order_ports), Scope.READ),
        (_orders(ports), Scope.READ),
        (_order_desk(ports), Scope.ORDER),
        (_field_work(ports), Scope.ORDER),
    ):
        api.include_router(routes, prefix=PREFIX, dependencies=[Depends(guard(gate, scope))])
    for kind, tell in HANDLERS.items():
        api.add_exception_handler(kind, tell)
    describe(api)
    return api


def _registry(ports: OperatorPorts) -> APIRouter:
    router = APIRouter()
    registry = ports.registry

    @router.get("/meters")
    async def list_meters(limit: Limit = 100, after: str | None = None) -> dict[str, Any]:
        found = await registry.list_meters(limit, after=MeterNumber(after) if after else None)
        return _page("meters", [documents.meter_document(meter) for meter in found], limit, "meter_number")

    @router.get("/meters/{number:path}")
    async def show_meter(number: str) -> dict[str, Any]:
        found = await registry.meters([MeterNumber(number)])
        if not found:
            raise not_here("No hay ningún medidor", "There is no meter", number)
        return documents.meter_document(found[MeterNumber(number)])

    @router.get("/concentrators")
    async def list_concentrators(limit: Limit = 100, after: str | None = None) -> dict[str, Any]:
        found = await registry.list_concentrators(limit, after=ConcentratorNumber(after) if after else None)
        return _page("concentrators", [documents.concentrator_document(one) for one in found], limit, "concentrator")

    @router.get("/concentrators/{number:path}")
    async def show_concentrator(number: str) -> dict[str, Any]:
        found = await registry.concentrator(ConcentratorNumber(number))
        if found is None:
            raise not_here("No hay ningún concentrador", "There is no concentrator", number)
        return documents.concentrator_document(found)

    return router


def _registry_changes(ports: OperatorPorts) -> APIRouter:
    router = APIRouter()
    registry = ports.registry

    @router.post("/concentrators", status_code=201, openapi_extra=_rows(CONCENTRATOR_COLUMNS))
    async def put_concentrators(request: Request) -> dict[str, int]:
        """A JSON list of rows as in the CSV: insert or replace, all or none."""
        rows = read_json(await _json(request), CONCENTRATOR_COLUMNS)
        concentrators = await asyncio.to_thread(concentrators_of, rows, ports.vault)
        await registry.put_concentrators(concentrators, ports.clock.now())
        return {"concentrators": len(concentrators)}

    @router.post("/meters", status_code=201, openapi_extra=_rows(METER_COLUMNS, METER_OPTIONS))
    async def put_meters(request: Request) -> dict[str, int]:
        """A JSON list of rows as in the CSV: insert or replace, all or none."""
        rows = read_json(await _json(request), METER_COLUMNS, METER_OPTIONS)
        meters = await asyncio.to_thread(meters_of, rows, ports.vault, models=ports.models)
        await _check_concentrators(registry, meters)
        try:
            await registry.put_meters(meters, ports.clock.now())
        except UnknownConcentrator as unknown:
            raise Problem(422, "Un concentrador no está registrado.", str(unknown)) from unknown
        return {"meters": len(meters)}

    return router


def _rows(columns: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """The body's schema: read by itself, since it may be larger than what is checked field by field."""
    cell = {"type": ["string", "integer", "boolean", "null"]}
    row = {
        "type": "object",
        "properties": dict.fromkeys((*columns, *optional), cell),
        "required": list(columns),
        "additionalProperties": False,
    }
    content = {"application/json": {"schema": {"type": "array", "items": row}}}
    return {"requestBody": {"required": True, "content": content}}


def _orders(ports: OperatorPorts) -> APIRouter:
    router = APIRouter()

    @router.get("/orders")
    async def list_orders(sought: Sought, limit: Limit = 50, after: int | None = None) -> dict[str, Any]:
        """The newest first, of those that fit. after: `next` of the page before."""
        before = None if after is None else OrderId(after)
        found = await ports.orders.latest(limit, before=before, sought=sought)
        following = str(found[-1].id) if len(found) == limit else None
        return {"orders": [documents.order_document(one) for one in found], "next": following}

    @router.get("/orders/{number:path}/frames")
    async def show_frames(number: str, source: str | None = None) -> dict[str, Any]:
        """What went over the line to the meter, visit by visit, in words. A concentrator's own visits have none."""
        found, _ = await find_order(ports.orders, OrderNumber(number), source)
        facts = await ports.orders.facts(found.id)
        meters = await ports.registry.meters([found.request.meter])
        meter = meters.get(found.request.meter)
        visits = await asyncio.to_thread(visits_in_words, facts, meter, own_title=ports.title, vault=ports.vault)
        return {"number": found.number, "visits": visits}

    @router.get("/orders/{number:path}")
    async def show_order(
        number: str, source: str | None = None, after: Annotated[int, Query(ge=0)] = 0
    ) -> dict[str, Any]:
        """With its facts beyond the first `after`, and its deliveries.

        Without a source, the newest under this number; `sources` names all that used it.
        """
        found, sources = await find_order(ports.orders, OrderNumber(number), source)
        facts = await ports.orders.facts(found.id)
        deliveries = await ports.deliveries.deliveries(found.id)
        return {
            **documents.order_document(found),
            "sources": sources,
            **await standing_told(ports.orders, ports.registry, found),
            "facts": [documents.fact_document(fact) for fact in facts[after:]],
            "deliveries": [documents.delivery_document(one) for one in deliveries],
        }

    return router


def _order_desk(ports: OperatorPorts) -> APIRouter:
    router = APIRouter()

    @router.post("/orders/{number:path}/cancel")
    async def cancel_order(number: str, asked: Cancellation, request: Request) -> dict[str, Any]:
        """Not to be carried out, if it has not been sent; 409 once it may have been."""
        found, _ = await find_order(ports.orders, OrderNumber(number), asked.source)
        check_speaks_for(request, found.request.source)
        try:
            order = await ports.desk.cancel(found.id, by=asked.by, reason=asked.reason)
        except TooLate as late:
            state = late.order.state.value
            es = f"La orden {number} ya no puede anularse: está {state}."
            raise Problem(409, es, f"Order {number} can no longer be cancelled: it is {state}.", state=state) from late
        return documents.order_document(order)

    @router.post("/orders/{number:path}/approve")
    async def approve_order(number: str, asked: Approval, request: Request) -> dict[str, Any]:
        """By somebody else than who ordered; 409 when it does not wait for that."""
        found, _ = await find_order(ports.orders, OrderNumber(number), asked.source)
        check_speaks_for(request, found.request.source)
        try:
            return documents.order_document(await ports.desk.approve(found.id, by=asked.by))
        except TooLate as late:
            state = late.order.state.value
            es, en = (
                f"La orden {number} no espera aprobación: está {state}.",
                f"Order {number} awaits no approval: it is ",
            )
            raise Problem(409, es, f"{en}{state}.", state=state) from late
        except SamePerson as same:
            es, en = "Debe aprobarla otra persona que quien la pidió.", "Somebody else than who ordered it approves it."
            raise Problem(403, es, en) from same

    return router


def _field_work(ports: OperatorPorts) -> APIRouter:
    router = APIRouter()

    @router.post("/orders/{number:path}/field-work")
    async def report_field_work(number: str, asked: FieldWork, request: Request) -> dict[str, Any]:
        """What the crew reports of an order that was theirs; 409 when it is not one for the field."""
        found, _ = await find_order(ports.orders, OrderNumber(number), asked.source)
        check_speaks_for(request, found.request.source)
        report = FieldReport(by=asked.by, result=asked.result, reference=asked.reference, note=asked.note)
        try:
            return documents.order_document(await ports.desk.report_field_work(found.id, report))
        except TooLate as late:
            state = late.order.state.value
            es, en = f"La orden {number} no es para terreno: está ", f"Order {number} is not one for the field: it is "
            raise Problem(409, f"{es}{state}.", f"{en}{state}.", state=state) from late

    return router


async def _check_concentrators(registry: DeviceRegistry, meters: Sequence[Meter]) -> None:
    """So that the rows at fault can be named; the registry itself only says that there is one."""
    named = {meter.concentrator for meter in meters if meter.concentrator}
    unknown = {number for number in named if await registry.concentrator(number) is None}
    errors = [
        RowError(
            place,
            "concentrator",
            "El concentrador no está registrado; impórtelo primero.",
            "The concentrator is not registered; import it first.",
        )
        for place, meter in enumerate(meters, 1)
        if meter.concentrator in unknown
    ]
    if errors:
        raise InvalidRows(errors)


async def _json(request: Request) -> Any:
    """The body, never more of it than BODY_MAX."""
    octets = bytearray()
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            async for part in request.stream():
                octets += part
                if len(octets) > BODY_MAX:
                    raise Problem(413, "El cuerpo es demasiado grande.", f"The body is larger than {BODY_MAX} octets.")
    except TimeoutError:
        raise Problem(408, "El cuerpo no llegó a tiempo.", "The body did not arrive in time.") from None
    try:
        return json.loads(octets)
    except (ValueError, RecursionError):
        raise Problem(400, "El cuerpo no es JSON.", "The body is no JSON.") from None


def _page(name: str, found: list[dict[str, Any]], limit: int, key: str) -> dict[str, Any]:
    """next: what to give as `after` for the following page; null at the end."""
    return {name: found, "next": found[-1][key] if len(found) == limit else None}
