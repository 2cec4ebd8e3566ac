"""The REST API against its OpenAPI document, as an independent tool (schemathesis) reads it, and as it is used."""

import asyncio
import json
import time
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import AuthContext, Case
from schemathesis.checks import CHECKS
from starlette.types import ASGIApp

from aforo.adapters.gatekeeper import Gatekeeper
from aforo.adapters.key_vault import FileKeyVault
from aforo.adapters.metrics import Metrics
from aforo.adapters.operator_api import OperatorPorts, operator_api
from aforo.adapters.status_api import StatusPorts
from aforo.dlms import SystemTitle
from aforo.domain.callers import Caller, Callers, Scope
from aforo.domain.devices import Link
from aforo.domain.identifiers import MeterNumber, OrderNumber, Source
from aforo.engine.headend_ports import HeadEndSettings
from aforo.engine.integration import Integration, IntegrationPorts
from aforo.engine.memory import MemoryDeliveryStore, MemoryDeviceRegistry, MemoryOrderStore, MemorySessionLedger
from aforo.engine.memory_audit import MemoryAuditStore
from aforo.engine.memory_status import MemoryStatusStore
from aforo.engine.order_book import BookCalls, OrderBook
from aforo.engine.order_desk import OrderDesk
from aforo.engine.service_desk import ServiceDesk
from aforo.flow.order_asked import CallerRules
from aforo.flow.webhook import WEBHOOK
from cases import WEDNESDAY, a_meter

TOKEN = "a-token-of-some-length"
BEARER = {"authorization": f"Bearer {TOKEN}"}
TITLE = SystemTitle(b"HES00001")
RULES = CallerRules(may_answer_to=lambda _: True, may_be_special=True)
ANY_ROWS = {"/api/v1/concentrators", "/api/v1/meters"}
"""What a row may hold depends on other rows, so that a schema cannot say all of it: see registry_csv."""


class Wednesday:
    """Goes on from there."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def now(self) -> datetime:
        return WEDNESDAY + timedelta(seconds=time.monotonic() - self._begun)


class Scene:
    """The API over the memory twins, with one direct meter, M-1; nobody carries orders out."""

    def __init__(self, callers: Callers | None = None) -> None:
        self.orders, clock = MemoryOrderStore(), Wednesday()
        self.deliveries = MemoryDeliveryStore(self.orders)
        self.registry = MemoryDeviceRegistry(MemorySessionLedger())
        self.woken = 0
        book, headend = OrderBook(self.orders, BookCalls()), HeadEndSettings(title=TITLE)
        desk = ServiceDesk(headend.calendar, self.orders, headend.model, deadlines=headend.deadlines)
        ports = IntegrationPorts(book=book, registry=self.registry, deliveries=self.deliveries, desk=desk, clock=clock)
        gate = Gatekeeper(callers, operator=TOKEN, now=clock.now)
        gate.failures_max = 10**9
        self.desk = OrderDesk(book, clock)
        self.app: ASGIApp = operator_api(
            OperatorPorts(
                orders=self.orders,
                desk=self.desk,
                deliveries=self.deliveries,
                audit=MemoryAuditStore(self.orders),
                registry=self.registry,
                vault=FileKeyVault(bytes(32)),
                clock=clock,
                models=("class71",),
                title=TITLE,
                status=StatusPorts(MemoryStatusStore(self.orders, self.deliveries), Metrics(), clock, lambda: False),
                integration=Integration(ports, lambda _: RULES),
                relay=self._wake,
                secret_of=lambda _: b"a secret of some length",
            ),
            gate,
        )

    def _wake(self) -> None:
        self.woken += 1

    async def with_meter(self) -> "Scene":
        await self.registry.put_meters([a_meter(Link.DIRECT, number=MeterNumber("M-1"))], WEDNESDAY)
        return self

    def client(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://here/api/v1", headers={**BEARER, **headers})


schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", asyncio.run(Scene().with_meter()).app)


@schema.auth()
class Operator:
    """Sends the token, except where the tool wants to see what happens without, or with another."""

    def get(self, case: Case[Any], context: AuthContext) -> str:
        return TOKEN

    def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@schema.parametrize()
@settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_tells(case: Case[Any]) -> None:
    excluded: Any = [CHECKS.get_one("positive_data_acceptance")] if case.path in ANY_ROWS else []

    case.call_and_validate(excluded_checks=excluded)


def order(**changes: Any) -> dict[str, Any]:
    return {"kind": "LIMIT", "source": "CIS", "meter": "M-1", "limit_w": 2500, **changes}


async def test_an_order_is_given_once_however_often_it_is_sent() -> None:
    here = await Scene().with_meter()
    async with here.client(**{"idempotency-key": "k-1"}) as client:
        first = await client.post("/orders", json=order())
        second = await client.post("/orders", json=order())
        other = await client.post("/orders", json=order(limit_w=4000))
        named = await client.post("/orders", json=order(order="OS-7"))
        shown = await client.get(first.headers["location"].removeprefix("/api/v1"))

    assert (first.status_code, second.status_code, other.status_code) == (202, 202, 409)
    assert first.json()["answer"]["code"] == "0.3"
    assert second.json()["number"] == first.json()["number"] == shown.json()["number"]
    assert (other.json()["code"], named.status_code) == ("2.15", 409)
    assert len(await here.orders.latest(10)) == 1


async def test_a_key_is_asked_for_and_what_is_no_order_is_refused_in_both_languages() -> None:
    here = await Scene().with_meter()
    async with here.client() as client:
        without = await client.post("/orders", json=order())
        wrong = await client.post("/orders", json=order(limit_w=0), headers={"idempotency-key": "k-1"})
        plain = await client.post("/orders", json=order(kind="DISCONNECT"), headers={"idempotency-key": "k-2"})

    assert [answer.status_code for answer in (without, wrong, plain)] == [422, 422, 422]
    assert "Idempotency-Key" in without.json()["detail"]
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in (without, wrong, plain))
    assert wrong.json()["detail_es"].startswith("Parámetro no válido: limit_w")
    assert await here.orders.latest(10) == []


async def test_a_meter_that_is_not_registered_is_an_order_that_has_ended() -> None:
    here = await Scene().with_meter()
    async with here.client(**{"idempotency-key": "k-1"}) as client:
        refused = await client.post("/orders", json=order(meter="M-9"))

    assert refused.status_code == 201
    assert (refused.json()["state"], refused.json()["answer"]["code"]) == ("REFUSED", "2.4")


async def test_who_prefers_to_wait_is_answered_when_the_order_has_ended() -> None:
    here = await Scene().with_meter()
    headers = {"idempotency-key": "k-1", "prefer": "respond-async, wait=1"}
    async with here.client(**headers) as client:
        waited = await client.post("/orders", json=order(order="OS-1"), timeout=30)

    assert waited.status_code == 202
    found = await here.orders.find(Source("CIS"), OrderNumber("OS-1"))
    assert found is not None


async def test_an_order_that_failed_is_given_again_and_explained_and_followed() -> None:
    here = await Scene().with_meter()
    async with here.client(**{"idempotency-key": "k-1"}) as client:
        given = (await client.post("/orders", json=order(order="OS/1"))).json()
        early = await client.post("/orders/OS%2F1/retry", json={"source": "CIS"})
        waiting = (await client.get("/orders/OS%2F1/explanation")).json()
        await client.post("/orders/OS%2F1/cancel", json={"by": "Ana"})
        again = await client.post("/orders/OS%2F1/retry", json={"source": "CIS"}, headers={"idempotency-key": "k-2"})
        followed = await client.get("/orders/OS%2F1/progress")

    assert (early.status_code, again.status_code) == (409, 202)
    assert (again.json()["retry_of"], again.json()["limit_w"]) == (given["number"], 2500)
    assert waiting["waits_for"]["en"] == "its turn on the meter's line"
    events = [block.split("\n") for block in followed.text.strip().split("\n\n")]
    assert {block[0] for block in events[:-1]} == {"event: fact"}
    assert events[-1][0] == "event: ended"
    assert json.loads(events[-1][1].removeprefix("data: "))["state"] == "CANCELLED"


async def test_an_order_given_again_is_answered_as_the_first_was_to_be() -> None:
    here = await Scene().with_meter()
    address = "http://127.0.0.1:8099/results"
    async with here.client(**{"idempotency-key": "k-1"}) as client:
        await client.post("/orders", json=order(order="OS-1", webhook=address))
        await client.post("/orders/OS-1/cancel", json={"by": "Ana"})
        again = await client.post("/orders/OS-1/retry", json={"source": "CIS"}, headers={"idempotency-key": "k-2"})

    found = await here.orders.find(Source("CIS"), OrderNumber(again.json()["number"]))
    assert found is not None
    assert (found.request.dialect, found.request.reply_address) == (WEBHOOK, address)


async def test_results_are_told_since_a_number_and_published_again_when_asked() -> None:
    here = await Scene().with_meter()
    async with here.client(**{"idempotency-key": "k-1"}) as client:
        for number in ("OS-1", "OS-2"):
            await client.post("/orders", json=order(order=number, meter="M-9"), headers={"idempotency-key": number})
        first = (await client.get("/results", params={"limit": 1})).json()
        rest = (await client.get("/results", params={"since": first["next"]})).json()
        none = (await client.get("/results", params={"since": rest["next"]}, headers={"prefer": "wait=1"})).json()
        await here.deliveries.mark_published({})
        replayed = (await client.post("/results/replay", json={"since": 2})).json()

    assert [one["event"]["data"]["order"] for one in first["results"] + rest["results"]] == ["OS-1", "OS-2"]
    assert none == {"results": [], "next": rest["next"]}
    assert (replayed, here.woken) == ({"results": 1}, 1)


KEY = "the-key-of-the-cis"
CALLERS = Callers(
    [
        Caller(
            name="cis",
            sources=frozenset({"CIS"}),
            tokens=frozenset({sha256(KEY.encode()).hexdigest()}),
            scopes=frozenset({Scope.ORDER}),
        )
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/orders", order(), 202),
        ("POST", "/orders", order(source="CRM"), 403),
        ("POST", "/orders/batch", {"source": "CRM", "orders": [{"order": "OS-1", "meter": "M-1"}]}, 403),
        ("POST", "/orders/OS-CRM/cancel", {"by": "cis"}, 403),
        ("GET", "/orders", None, 403),
        ("GET", "/meters", None, 403),
        ("GET", "/metrics", None, 403),
        ("POST", "/results/replay", {"since": 1}, 403),
    ],
)
async def test_a_caller_has_what_its_scopes_open_and_nothing_else(
    method: str, path: str, body: Any, status: int
) -> None:
    here = await Scene(CALLERS).with_meter()
    async with here.client(**{"idempotency-key": "k-0"}) as operator:
        await operator.post("/orders", json=order(source="CRM", order="OS-CRM"))
    async with here.client(**{"idempotency-key": "k-1", "authorization": f"Bearer {KEY}"}) as client:
        answer = await client.request(method, path, json=body)

    assert answer.status_code == status
