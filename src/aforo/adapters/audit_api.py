"""The operator's door to the audit trail: chained facts and seals to be verified elsewhere, and receipts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from aforo.adapters.audit_documents import chained_document, receipt_document, seal_document
from aforo.adapters.operator_problem import Problem, find_order
from aforo.domain.audit import receipt_of
from aforo.domain.identifiers import OrderId, OrderNumber
from aforo.engine.ports import AuditStore, OrderStore

FACTS_MAX = 2_000
SEALS_MAX = 200


def audit_routes(audit: AuditStore, orders: OrderStore) -> APIRouter:
    routes = APIRouter()

    @routes.get("/audit/facts")
    async def facts(
        after_order: int = 0, after_place: int = 0, limit: Annotated[int, Query(ge=1, le=FACTS_MAX)] = FACTS_MAX
    ) -> dict[str, Any]:
        found = await audit.chained_facts((OrderId(after_order), after_place), limit)
        return {"facts": [chained_document(one) for one in found]}

    @routes.get("/audit/seals")
    async def seals(after: int = 0, limit: Annotated[int, Query(ge=1, le=SEALS_MAX)] = SEALS_MAX) -> dict[str, Any]:
        return {"seals": [seal_document(one) for one in await audit.seals(after, limit)]}

    @routes.get("/orders/{number:path}/receipt")
    async def receipt(number: OrderNumber, source: str | None = None) -> dict[str, Any]:
        order, _ = await find_order(orders, number, source)
        chain, seal = await audit.chain(order.id), await audit.seal_of(order.id)
        if not chain:
            es = "La orden es anterior a la trazabilidad verificable: no tiene recibo."
            raise Problem(409, es, "The order is older than the audit trail: it has no receipt.")
        if seal is None:
            es = "La orden aún no está sellada; pida de nuevo en un segundo."
            raise Problem(409, es, "The order is not sealed yet; ask again in a second.")
        return receipt_document(receipt_of(chain, seal), order.number, order.request.source)

    return routes
