"""The operator's door: registry and orders over HTTP, JSON, under /api/v1. Keys come in and never leave.

Errors are problem details (RFC 9457) with a sentence in each language.
"""

import asyncio
import json
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from aforo.adapters import operator_documents as documents
from aforo.adapters.api_guard import guard
from aforo.adapters.audit_api import audit_routes
from aforo.adapters.frame_words import visits_in_words
from aforo.adapters.gatekeeper import Gatekeeper
from aforo.adapters.operator_documents import PREFIX
from aforo.adapters.operator_problem import Problem, find_order, not_here
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
from aforo.adapters.soap_door import Integration
from aforo.adapters.status_api import StatusPorts, health_routes, status_routes
from aforo.dlms.keys import SystemTitle
from aforo.domain.callers import Scope
from aforo.domain.causes import Cause
from aforo.domain.devices import Meter
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber, OrderId, OrderNumber
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
    StoreUnavailable,
    UnknownConcentrator,
)
from aforo.flow.field_work import FieldReport, FieldResult

BODY_MAX = 64 * 1024 * 1024
"""Octets; ROWS_MAX rows of some 500 octets fit."""

BODY_WAIT_S = 60.0
PAGE_MAX = 1000
WORDS_MAX = 256
PROBLEM = "application/problem+json"

E = TypeVar("E", bound=Enum)
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPorts:
    """models: names of the meter models that a meter may have.   title: the head-end's, under which it ciphers."""

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


def _sought(
    state: str | None = None, cause: str | None = None, meter: str | None = None, since: datetime | None = None
) -> OrderFilter:
    """since: received then or later, with its offset. Raises Problem."""
    if since is not None and since.tzinfo is None:
        raise Problem(
            422, "since necesita su desfase, como Z o -03:00.", "since needs its offset, such as Z or -03:00."
        )
    return OrderFilter(
        state=_member("state", OrderState, state),
        cause=_member("cause", Cause, cause),
        meter=None if meter is None else MeterNumber(meter),
        since=since,
    )


def _member(name: str, kind: type[E], given: str | None) -> E | None:
    if given is None:
        return None
    known = {str(member.value).lower(): member for member in kind}
    found = known.get(given.lower())
    if found is None:
        names = ", ".join(str(member.value) for member in kind)
        raise Problem(422, f"{name} es uno de {names}.", f"{name} is one of {names}.")
    return found


Sought = Annotated[OrderFilter, Depends(_sought)]


def operator_api(ports: OperatorPorts, gate: Gatekeeper) -> FastAPI:
    """An application of its own, to which the other doors can be mounted."""
    api = FastAPI(title="aforo", docs_url=None, redoc_url=None, openapi_url=f"{PREFIX}/openapi.json")
    api.include_router(health_routes(ports.status), prefix=PREFIX)
    for routes, scope in (
        (status_routes(ports.status), Scope.STATUS),
        (_registry(ports), Scope.REGISTRY_READ),
        (_registry_changes(ports), Scope.REGISTRY_WRITE),
        (audit_routes(ports.audit, ports.orders), Scope.AUDIT),
        (intake_routes(ports.integration), Scope.ORDER),
        (_orders(ports), Scope.READ),
        (_order_desk(ports), Scope.ORDER),
        (_field_work(ports), Scope.ORDER),
    ):
        api.include_router(routes, prefix=PREFIX, dependencies=[Depends(guard(gate, scope))])
    api.add_exception_handler(Problem, _tell_problem)
    api.add_exception_handler(HTTPException, _tell_http)
    api.add_exception_handler(RequestValidationError, _tell_validation)
    api.add_exception_handler(InvalidRows, _tell_rows)
    api.add_exception_handler(StoreUnavailable, _tell_store)
    return api


def _registry(ports: OperatorPorts) -> APIRouter:
    router = APIRouter()
    registry = ports.registry

    @router.get("/meters")
    async def meters(limit: Limit = 100, after: str | None = None) -> dict[str, Any]:
        found = await registry.list_meters(limit, after=MeterNumber(after) if after else None)
        return _page("meters", [documents.meter_document(meter) for meter in found], limit, "meter_number")

    @router.get("/meters/{number:path}")
    async def meter(number: str) -> dict[str, Any]:
        found = await registry.meters([MeterNumber(number)])
        if not found:
            raise not_here("No hay ningún medidor", "There is no meter", number)
        return documents.meter_document(found[MeterNumber(number)])

    @router.get("/concentrators")
    async def concentrators(limit: Limit = 100, after: str | None = None) -> dict[str, Any]:
        found = await registry.list_concentrators(limit, after=ConcentratorNumber(after) if after else None)
        return _page("concentrators", [documents.concentrator_document(one) for one in found], limit, "concentrator")

    @router.get("/concentrators/{number:path}")
    async def concentrator(number: str) -> dict[str, Any]:
        found = await registry.concentrator(ConcentratorNumber(number))
        if found is None:
            raise not_here("No hay ningún concentrador", "There is no concentrator", number)
        return documents.concentrator_document(found)

    return router


def _registry_changes(ports: OperatorPorts) -> APIRouter:
    router = APIRouter()
    registry = ports.registry

    @router.post("/concentrators", status_code=201)
    async def put_concentrators(request: Request) -> dict[str, int]:
        """A JSON list of rows as in the CSV: insert or replace, all or none."""
        rows = read_json(await _json(request), CONCENTRATOR_COLUMNS)
        concentrators = await asyncio.to_thread(concentrators_of, rows, ports.vault)
        await registry.put_concentrators(concentrators, ports.clock.now())
        return {"concentrators": len(concentrators)}

    @router.post("/meters", status_code=201)
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


def _orders(ports: OperatorPorts) -> APIRouter:
    router = APIRouter()

    @router.get("/orders")
    async def orders(sought: Sought, limit: Limit = 50, after: int | None = None) -> dict[str, Any]:
        """The newest first, of those that fit. after: `next` of the page before."""
        before = None if after is None else OrderId(after)
        found = await ports.orders.latest(limit, before=before, sought=sought)
        following = str(found[-1].id) if len(found) == limit else None
        return {"orders": [documents.order_document(one) for one in found], "next": following}

    @router.get("/orders/{number:path}/frames")
    async def frames(number: str, source: str | None = None) -> dict[str, Any]:
        """What went over the line to the meter, visit by visit, in words. A concentrator's own visits have none."""
        found, _ = await find_order(ports.orders, OrderNumber(number), source)
        facts = await ports.orders.facts(found.id)
        meters = await ports.registry.meters([found.request.meter])
        meter = meters.get(found.request.meter)
        visits = await asyncio.to_thread(visits_in_words, facts, meter, own_title=ports.title, vault=ports.vault)
        return {"number": found.number, "visits": visits}

    @router.get("/orders/{number:path}")
    async def order(number: str, source: str | None = None, after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
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
    async def cancel(number: str, request: Request) -> dict[str, Any]:
        """A JSON object: by, who asks for it; reason and source may be left out. 409 once it may have been sent."""
        asked = _asked(await _json(request), {"by", "reason", "source"})
        found, _ = await find_order(ports.orders, OrderNumber(number), asked.get("source"))
        try:
            order = await ports.desk.cancel(found.id, by=asked["by"], reason=asked.get("reason", ""))
        except TooLate as late:
            state = late.order.state.value
            es = f"La orden {number} ya no puede anularse: está {state}."
            raise Problem(409, es, f"Order {number} can no longer be cancelled: it is {state}.", state=state) from late
        return documents.order_document(order)

    @router.post("/orders/{number:path}/approve")
    async def approve(number: str, request: Request) -> dict[str, Any]:
        """A JSON object: by, who is not who ordered; source may be left out. 409 when it does not wait for that."""
        asked = _asked(await _json(request), {"by", "source"})
        found, _ = await find_order(ports.orders, OrderNumber(number), asked.get("source"))
        try:
            return documents.order_document(await ports.desk.approve(found.id, by=asked["by"]))
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
    async def field_work(number: str, request: Request) -> dict[str, Any]:
        """A JSON object: by, result (done, not done), reference; note and source may be left out."""
        asked = _asked(await _json(request), {"by", "result", "reference", "note", "source"})
        found, _ = await find_order(ports.orders, OrderNumber(number), asked.get("source"))
        result = _member("result", FieldResult, asked.get("result", ""))
        assert result is not None
        report = FieldReport(
            by=asked["by"], result=result, reference=asked.get("reference", ""), note=asked.get("note", "")
        )
        try:
            return documents.order_document(await ports.desk.report_field_work(found.id, report))
        except TooLate as late:
            state = late.order.state.value
            es, en = f"La orden {number} no es para terreno: está ", f"Order {number} is not one for the field: it is "
            raise Problem(409, f"{es}{state}.", f"{en}{state}.", state=state) from late

    return router


def _asked(body: Any, known: Set[str]) -> dict[str, str]:
    given = body if isinstance(body, dict) else {}
    texts = {name: text for name, text in given.items() if isinstance(text, str) and len(text) <= WORDS_MAX}
    if not texts.get("by") or texts.keys() != given.keys() or not texts.keys() <= known:
        names = ", ".join(sorted(known - {"by"}))
        es = f"Debe ser un objeto con by, y si se quiere {names}: textos de a lo más {WORDS_MAX} letras."
        en = f"It is an object with by and, if wanted, {names}: texts of at most {WORDS_MAX} letters."
        raise Problem(422, es, en)
    return texts


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


_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}


def _problem(status: int, es: str, en: str, **more: Any) -> JSONResponse:
    headers = _HEADERS.get(status)
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": en, "detail_es": es, **more}
    return JSONResponse(body, status, headers, media_type=PROBLEM)


async def _tell_problem(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return _problem(problem.status, problem.es, problem.en, **problem.more)


async def _tell_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, "No existe, o no se usa así.", "There is no such thing, or not by this method.")


async def _tell_validation(_: Request, error: Exception) -> JSONResponse:
    """Names what is wrong without repeating it."""
    assert isinstance(error, RequestValidationError)
    names = ", ".join(sorted({str(wrong["loc"][-1]) for wrong in error.errors()}))
    return _problem(422, f"Parámetro no válido: {names}.", f"Invalid parameter: {names}.")


async def _tell_rows(_: Request, invalid: Exception) -> JSONResponse:
    assert isinstance(invalid, InvalidRows)
    errors = [{"row": wrong.line, "column": wrong.column, "es": wrong.es, "en": wrong.en} for wrong in invalid.errors]
    es, en = "Nada se guardó: hay filas con errores.", "Nothing was kept: there are rows with errors."
    return _problem(422, es, en, errors=errors, total=invalid.total)


async def _tell_store(_: Request, away: Exception) -> JSONResponse:
    assert isinstance(away, StoreUnavailable)
    return _problem(503, "La base de datos no está disponible ahora.", "The database cannot be reached now.")
