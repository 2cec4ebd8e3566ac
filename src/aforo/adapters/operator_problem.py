"""What the operator's door tells instead of an answer, and how it finds an order."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from aforo.adapters.registry_csv import InvalidRows
from aforo.domain.identifiers import OrderNumber, Source
from aforo.domain.order import Order
from aforo.engine.ports import OrderStore, StoreUnavailable

PROBLEM = "application/problem+json"


class Problem(Exception):
    """What the caller is told instead of an answer. more: members beyond title and detail."""

    def __init__(self, status: int, es: str, en: str, **more: Any) -> None:
        super().__init__(en)
        self.status = status
        self.es = es
        self.en = en
        self.more = more


def not_here(es: str, en: str, number: str) -> Problem:
    return Problem(404, f"{es} {number}.", f"{en} {number}.")


async def find_order(orders: OrderStore, number: OrderNumber, source: str | None) -> tuple[Order, Sequence[str]]:
    """The latest under this number, and every source that has used it. Raises Problem."""
    found = await orders.find_number(number)
    wanted = [order for order in found if source is None or order.request.source == Source(source)]
    if not wanted:
        raise not_here("No hay ninguna orden", "There is no order", number)
    return wanted[0], [order.request.source for order in found]


_TOLD_MAX = 1000
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}


def _problem(status: int, es: str, en: str, **more: Any) -> JSONResponse:
    headers = _HEADERS.get(status)
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": en, "detail_es": es, **more}
    return JSONResponse(body, status, headers, media_type=PROBLEM)


async def _tell_problem(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return _problem(problem.status, problem.es, problem.en, **problem.more)


async def _tell_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    es, en = "No existe, o no se usa así.", "There is no such thing, or not by this method."
    answer = _problem(error.status_code, es, en)
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["allow"] = ", ".join(_methods_at(request))
    return answer


def _methods_at(request: Request) -> list[str]:
    """Of the route that says most of the path: one that ends in a wildcard matches what lies below it as well."""
    matching = [
        route
        for route in request.app.routes
        if isinstance(route, Route) and route.matches({**request.scope, "path": request.url.path})[0] is not Match.NONE
    ]
    closest = max((route.path_format for route in matching), key=lambda path: (path.count("/"), path), default="")
    return sorted({m for route in matching if route.path_format == closest for m in route.methods or () if m != "HEAD"})


async def _tell_validation(_: Request, error: Exception) -> JSONResponse:
    """Names what is wrong without repeating it."""
    assert isinstance(error, RequestValidationError)
    wrongs = sorted({f"{wrong['loc'][-1]}: {wrong['msg']}" for wrong in error.errors()})
    told = "; ".join(wrongs)[:_TOLD_MAX]
    return _problem(422, f"Parámetro no válido: {told}", f"Invalid parameter: {told}")


async def _tell_rows(_: Request, invalid: Exception) -> JSONResponse:
    assert isinstance(invalid, InvalidRows)
    errors = [{"row": wrong.line, "column": wrong.column, "es": wrong.es, "en": wrong.en} for wrong in invalid.errors]
    es, en = "Nada se guardó: hay filas con errores.", "Nothing was kept: there are rows with errors."
    return _problem(422, es, en, errors=errors, total=invalid.total)


async def _tell_store(_: Request, away: Exception) -> JSONResponse:
    assert isinstance(away, StoreUnavailable)
    return _problem(503, "La base de datos no está disponible ahora.", "The database cannot be reached now.")


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]] = {
    Problem: _tell_problem,
    HTTPException: _tell_http,
    RequestValidationError: _tell_validation,
    InvalidRows: _tell_rows,
    StoreUnavailable: _tell_store,
}
"""By what was raised."""
