"""The OpenAPI document (3.1) of the REST API: what FastAPI makes of the routes, and what they all have in common."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI

from aforo.adapters.operator_documents import PREFIX
from aforo.adapters.operator_problem import PROBLEM

_PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457. detail in English, detail_es in Spanish.",
    "required": ["type", "title", "status", "detail", "detail_es"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "detail_es": {"type": "string"},
    },
}
_ALWAYS = {
    401: "Who asks is not known, or its token is not valid.",
    403: "Who asks may not do this.",
    429: "Too many requests.",
    503: "The database cannot be reached now; ask again.",
}
_SOMETIMES = {
    400: "The body is no JSON, or a header is missing.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "It is not possible as things stand, or the number is known with another content.",
    413: "The body is too large.",
    422: "The request says something that cannot be.",
}
_OPEN = (f"{PREFIX}/health", f"{PREFIX}/ready")


def describe(api: FastAPI) -> None:
    """From now on the application describes itself so."""
    made = api.openapi

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _completed(made())
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending it


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM_SCHEMA
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            told = {503: _ALWAYS[503]} if path in _OPEN else {**_ALWAYS, **_of(path, operation)}
            operation["responses"].pop("422", None)
            operation["responses"] |= dict(_problems(told.items()))
            if path not in _OPEN:
                operation["security"] = [{"token": []}]
    return document


def _of(path: str, operation: dict[str, Any]) -> dict[int, str]:
    """Which of the others it may answer."""
    has_body, has_path, has_query = "requestBody" in operation, "{" in path, bool(operation.get("parameters"))
    codes = {*((400, 408, 409, 413, 422) if has_body else ()), *((404, 409) if has_path else ())}
    codes |= {422} if has_query else set()
    return {code: _SOMETIMES[code] for code in sorted(codes)}


def _problems(told: Iterable[tuple[int, str]]) -> Iterable[tuple[str, dict[str, Any]]]:
    for code, words in told:
        content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        yield str(code), {"description": words, "content": content}
