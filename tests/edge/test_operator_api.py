"""The operator's door over the in-memory ports: token, bounds, pages, rows, and keys that never leave."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from aforo.adapters import operator_api as operator_api_module
from aforo.adapters.gatekeeper import Gatekeeper, WeakToken
from aforo.adapters.key_vault import FileKeyVault
from aforo.adapters.metrics import Metrics
from aforo.adapters.operator_api import OperatorPorts, operator_api
from aforo.adapters.status_api import StatusPorts
from aforo.dlms import SystemTitle
from aforo.domain.causes import Cause
from aforo.domain.delivery import DeliveryState
from aforo.domain.identifiers import MeterNumber, OrderNumber, Source
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.engine.memory import (
    MemoryDeliveryStore,
    MemoryDeviceRegistry,
    MemoryOrderStore,
    MemorySessionLedger,
)
from aforo.engine.memory_audit import MemoryAuditStore
from aforo.engine.memory_status import MemoryStatusStore
from aforo.engine.order_book import BookCalls, OrderBook
from aforo.engine.order_desk import OrderDesk
from aforo.engine.ports import StoreUnavailable
from aforo.flow.decision import HEADEND, Decision
from aforo.flow.step8_publish_result import result_message
from cases import WEDNESDAY, a_request, an_order
from edge.soap_situations import StubIntegration
from registry_rows import AUTHENTICATION_KEY, KEY, a_concentrator_row, a_direct_row, a_meter_row

TOKEN = "a-token-of-some-length"
BEARER = {"authorization": f"Bearer {TOKEN}"}
ADDRESSES = ["/meters", "/meters/M-1", "/concentrators", "/concentrators/C-1", "/orders", "/orders/OS-1"]
ADDRESSES += ["/status", "/metrics", "/orders/OS-1/receipt", "/audit/facts", "/audit/seals"]

NO_TOKENS = [
    *(b"", b"Bearer ", b"Bearer another", b"Bearer \xff", TOKEN.encode()),
    *(f"Basic {TOKEN}".encode(), f"Bearer {TOKEN}x".encode(), f"Bearer {TOKEN[:-1]}".encode()),
]


def a_gate(token: str = TOKEN) -> Gatekeeper:
    return Gatekeeper(None, operator=token, now=lambda: WEDNESDAY)


class Wednesday:
    """A clock."""

    def now(self) -> Any:
        return WEDNESDAY


def a_desk(orders: MemoryOrderStore) -> OrderDesk:
    return OrderDesk(OrderBook(orders, BookCalls()), Wednesday())


@pytest.fixture
def ports() -> OperatorPorts:
    orders = MemoryOrderStore()
    deliveries = MemoryDeliveryStore(orders)
    return OperatorPorts(
        orders=orders,
        desk=a_desk(orders),
        deliveries=deliveries,
        audit=MemoryAuditStore(orders),
        registry=MemoryDeviceRegistry(MemorySessionLedger()),
        vault=FileKeyVault(bytes(32)),
        clock=Wednesday(),
        models=("class71", "class71-watts"),
        title=SystemTitle(b"HES00001"),
        status=StatusPorts(MemoryStatusStore(orders, deliveries), Metrics(), Wednesday(), lambda: False),
        integration=StubIntegration(),
    )


@pytest.fixture
async def client(ports: OperatorPorts) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(operator_api(ports, a_gate()))
    async with httpx.AsyncClient(transport=transport, base_url="http://aforo/api/v1", headers=BEARER) as one:
        yield one


async def keep(ports: OperatorPorts, order: Order, *names: str) -> Order:
    facts = tuple(Fact(3, WEDNESDAY, HEADEND, HEADEND, name, {"why": "x"}) for name in names)
    result = result_message(order) if order.state.is_end else None
    return await ports.orders.receive(Decision(order, facts, result=int(order.state.is_end)), result)


async def an_order_under(ports: OperatorPorts, number: str, source: str = "CIS") -> Order:
    request = a_request(number=OrderNumber(number), source=Source(source))
    return await keep(ports, an_order(request=request, id=await ports.orders.new_order_id()), "A", "B", "C")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("given", NO_TOKENS)
async def test_without_the_token_nothing_is_told(client: httpx.AsyncClient, address: str, given: bytes) -> None:
    response = await client.get(address, headers={b"authorization": given})

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["status"] == 401
    assert TOKEN not in response.text


@pytest.mark.parametrize("address", ["/meters", "/concentrators"])
async def test_without_the_token_no_body_is_read_and_nothing_is_kept(
    ports: OperatorPorts, client: httpx.AsyncClient, address: str
) -> None:
    async def body() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    response = await client.post(address, content=body(), headers={"authorization": ""})

    assert response.status_code == 401
    assert await ports.registry.list_meters(10) == []


async def test_health_needs_no_token(client: httpx.AsyncClient) -> None:
    response = await client.get("/health", headers={"authorization": ""})

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_a_database_that_is_away_is_told_as_such(
    ports: OperatorPorts, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable

    monkeypatch.setattr(ports.orders, "latest", away)
    for name in ("answers", "backlog"):
        monkeypatch.setattr(ports.status.store, name, away)

    for address in ("/health", "/ready", "/orders", "/status", "/metrics"):
        response = await client.get(address)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.headers["content-type"] == "application/problem+json"


async def test_rows_are_taken_over_with_wrapped_keys_and_shown_without_them(
    ports: OperatorPorts, client: httpx.AsyncClient
) -> None:
    await client.post("/concentrators", json=[a_concentrator_row()])

    response = await client.post("/meters", json=[a_meter_row(), a_direct_row(meter_number="M-2")])

    assert (response.status_code, response.json()) == (201, {"meters": 2})
    kept = (await ports.registry.meters([MeterNumber("M-2")]))[MeterNumber("M-2")]
    assert ports.vault.unwrap(kept.security.encryption_key).octets == bytes.fromhex(KEY)
    assert bytes.fromhex(KEY) not in kept.security.encryption_key
    for address in ("/meters", "/meters/M-2"):
        told = (await client.get(address)).text.upper()
        assert not any(key in told for key in (KEY, AUTHENTICATION_KEY, kept.security.encryption_key.hex().upper()))
    shown = (await client.get("/meters/M-2")).json()
    assert (shown["has_keys"], shown["system_title"]) == (True, "4D4D4D0000BC614E")
    assert (shown["host"], shown["port"], shown["link"]) == ("127.0.0.1", 4059, "direct")


async def test_one_wrong_row_keeps_all_of_them_out_and_is_named(
    ports: OperatorPorts, client: httpx.AsyncClient
) -> None:
    rows = [a_direct_row(), a_direct_row(meter_number="M-2", encryption_key=KEY[:-1], model="unknown")]

    response = await client.post("/meters", json=rows)

    assert response.status_code == 422
    problem = response.json()
    assert [(error["row"], error["column"]) for error in problem["errors"]] == [(2, "model"), (2, "encryption_key")]
    assert problem["total"] == 2
    assert KEY[:-1] not in response.text
    assert await ports.registry.list_meters(10) == []


async def test_a_meter_of_an_unknown_concentrator_is_named(ports: OperatorPorts, client: httpx.AsyncClient) -> None:
    response = await client.post("/meters", json=[a_direct_row(meter_number="M-0"), a_meter_row()])

    assert response.status_code == 422
    assert [(error["row"], error["column"]) for error in response.json()["errors"]] == [(2, "concentrator")]
    assert await ports.registry.list_meters(10) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xff", b"9" * 5000])
@pytest.mark.parametrize("address", ["/meters", "/concentrators"])
async def test_a_body_that_is_no_json_is_refused(client: httpx.AsyncClient, address: str, body: bytes) -> None:
    assert (await client.post(address, content=body)).status_code == 400


@pytest.mark.parametrize("document", [{}, "x", 1, None, [1], [{"colour": "red"}], [{}]])
async def test_json_of_another_shape_is_refused(client: httpx.AsyncClient, document: Any) -> None:
    assert (await client.post("/meters", content=json.dumps(document))).status_code == 422


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_api_module, "BODY_MAX", 1000)

    response = await client.post("/meters", content=b"[" + b" " * 1000)

    assert (response.status_code, response.json()["title"]) == (413, HTTPStatus(413).phrase)


async def test_a_body_that_does_not_arrive_is_not_waited_for(
    ports: OperatorPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_api_module, "BODY_WAIT_S", 0.0)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise TimeoutError

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/meters", "raw_path": b"/api/v1/meters", "query_string": b"",
        "headers": [(b"authorization", BEARER["authorization"].encode())], "http_version": "1.1", "scheme": "http",
    }  # fmt: skip
    await operator_api(ports, a_gate())(scope, receive, send)

    assert sent[0]["status"] == 408


async def test_meters_are_listed_page_by_page(client: httpx.AsyncClient) -> None:
    await client.post("/meters", json=[a_direct_row(meter_number=f"M-{number}") for number in range(5)])

    seen: list[str] = []
    after: str | None = None
    pages = 0
    while pages == 0 or after is not None:
        page = (await client.get("/meters", params={"limit": 2, **({"after": after} if after else {})})).json()
        seen += [meter["meter_number"] for meter in page["meters"]]
        after = page["next"]
        pages += 1

    assert seen == [f"M-{number}" for number in range(5)]
    assert pages == 3


async def test_concentrators_are_listed_and_shown(client: httpx.AsyncClient) -> None:
    rows = [a_concentrator_row(), a_concentrator_row(concentrator="C-2")]
    assert (await client.post("/concentrators", json=rows)).json() == {"concentrators": 2}

    listed = (await client.get("/concentrators", params={"limit": 1})).json()

    assert ([one["concentrator"] for one in listed["concentrators"]], listed["next"]) == (["C-1"], "C-1")
    assert (await client.get("/concentrators/C-2")).json()["host"] == "10.0.0.7"


async def test_orders_are_listed_the_newest_first_page_by_page(ports: OperatorPorts, client: httpx.AsyncClient) -> None:
    for number in range(3):
        await an_order_under(ports, f"OS-{number}")

    first = (await client.get("/orders", params={"limit": 2})).json()
    second = (await client.get("/orders", params={"limit": 2, "after": first["next"]})).json()

    assert [order["number"] for order in (*first["orders"], *second["orders"])] == ["OS-2", "OS-1", "OS-0"]
    assert second["next"] is None


async def test_an_order_is_shown_with_its_facts_after_a_place(ports: OperatorPorts, client: httpx.AsyncClient) -> None:
    await an_order_under(ports, "OS/1 ñ")

    whole = (await client.get("/orders/OS%2F1%20%C3%B1")).json()
    rest = (await client.get("/orders/OS%2F1%20%C3%B1", params={"after": 2})).json()

    assert [fact["name"] for fact in whole["facts"]] == ["A", "B", "C"]
    assert [fact["name"] for fact in rest["facts"]] == ["C"]
    assert (whole["number"], whole["limit_w"], whole["state"], whole["ended"]) == ("OS/1 ñ", 2500, "validated", False)
    assert whole["facts"][0]["en"] == 'A {"why": "x"}'


async def test_a_number_of_several_sources_is_told_apart_by_source(
    ports: OperatorPorts, client: httpx.AsyncClient
) -> None:
    await an_order_under(ports, "OS-1", "CIS")
    await an_order_under(ports, "OS-1", "MDM")

    latest = (await client.get("/orders/OS-1")).json()
    named = (await client.get("/orders/OS-1", params={"source": "CIS"})).json()

    assert (latest["source"], latest["sources"]) == ("MDM", ["MDM", "CIS"])
    assert named["source"] == "CIS"
    assert (await client.get("/orders/OS-1", params={"source": "X"})).status_code == 404


async def test_an_ended_order_is_shown_with_cause_evidence_and_delivery(
    ports: OperatorPorts, client: httpx.AsyncClient
) -> None:
    await keep(ports, an_order(OrderState.FAILED, cause=Cause.WRONG_KEY, evidence={"threshold_w": "9900"}))

    shown = (await client.get("/orders/OS-1")).json()

    assert (shown["ended"], shown["cause"]["code"], shown["cause"]["layer"]) == (True, "WRONG_KEY", "security")
    assert shown["evidence"] == {"threshold_w": "9900"}
    assert [one["state"] for one in shown["deliveries"]] == [DeliveryState.OUTBOX.value]


@pytest.mark.parametrize("address", ["/meters/X", "/concentrators/X", "/orders/X", "/nothing", "/"])
async def test_what_is_not_there_is_a_problem_in_both_languages(client: httpx.AsyncClient, address: str) -> None:
    response = await client.get(address)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]
    assert response.json()["detail_es"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=x"])
async def test_a_wrong_parameter_is_named_and_not_repeated(client: httpx.AsyncClient, query: str) -> None:
    name, _, value = query.partition("=")

    response = await client.get(f"/orders?{query}")

    assert response.status_code == 422
    assert response.json()["detail"].startswith(f"Invalid parameter: {name}: Input should be ")
    assert f"'{value}'" not in response.json()["detail_es"]


async def test_orders_are_listed_by_state_cause_meter_and_since(
    ports: OperatorPorts, client: httpx.AsyncClient
) -> None:
    lost = await keep(
        ports,
        an_order(
            OrderState.FAILED,
            id=await ports.orders.new_order_id(),
            cause=Cause.METER_UNREACHABLE,
            ended_at=WEDNESDAY,
            request=a_request(number=OrderNumber("OS-1")),
        ),
    )
    await an_order_under(ports, "OS-2")

    for query in ("state=failed", "cause=METER_UNREACHABLE", "state=FAILED&since=2020-01-01T00:00Z"):
        response = await client.get(f"/orders?{query}")
        assert [one["number"] for one in response.json()["orders"]] == [lost.number]
    for query in ("since=2099-01-01T00:00Z", "meter=nobody", "state=VERIFIED"):
        assert (await client.get(f"/orders?{query}")).json()["orders"] == []
    assert len((await client.get(f"/orders?meter={lost.request.meter}")).json()["orders"]) == 2


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("state=lost", "Invalid parameter: state: Input should be 'received', 'held'"),
        ("cause=BAD_LUCK", "Invalid parameter: cause: Input should be "),
        ("since=2026-11-25T08:00", "Invalid parameter: since: Input should have timezone info"),
        ("since=yesterday", "Invalid parameter: since: Value error, Input should be a valid datetime"),
    ],
)
async def test_what_cannot_be_looked_for_is_told(client: httpx.AsyncClient, query: str, told: str) -> None:
    response = await client.get(f"/orders?{query}")
    assert response.status_code == 422
    assert response.json()["detail"].startswith(told)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_a_method_that_is_not_used_is_refused(client: httpx.AsyncClient, method: str) -> None:
    assert (await client.request(method, "/meters")).status_code == 405


@pytest.mark.parametrize("token", ["short", "x" * 257, "sixteen characters with spaces", "ñ" * 20, "x" * 20 + "\n"])
def test_a_token_that_can_be_guessed_or_cannot_be_sent_is_refused_without_repeating_it(
    ports: OperatorPorts, token: str
) -> None:
    with pytest.raises(WeakToken) as raised:
        a_gate(token)

    assert not token or token not in str(raised.value)


async def test_a_waiting_order_is_cancelled_by_name_and_once(ports: OperatorPorts, client: httpx.AsyncClient) -> None:
    await keep(ports, an_order(OrderState.VALIDATED))

    answer = await client.post("/orders/OS-1/cancel", json={"by": "Ana", "reason": "paid"})
    again = await client.post("/orders/OS-1/cancel", json={"by": "Ana"})

    assert (answer.status_code, answer.json()["state"]) == (200, "CANCELLED")
    assert answer.json()["cause"]["code"] == "CANCELLED"
    assert (again.status_code, again.json()["state"]) == (409, "CANCELLED")
    assert "no longer be cancelled" in again.json()["detail"]


@pytest.mark.parametrize("body", [[], {}, {"by": ""}, {"by": 7}, {"by": "Ana", "why": "x"}, {"by": "A" * 257}])
async def test_a_cancellation_that_is_not_understood_changes_nothing(
    ports: OperatorPorts, client: httpx.AsyncClient, body: Any
) -> None:
    await keep(ports, an_order(OrderState.VALIDATED))

    assert (await client.post("/orders/OS-1/cancel", json=body)).status_code == 422
    assert (await client.get("/orders/OS-1")).json()["state"] == "validated"
    assert (await client.post("/orders/OS-9/cancel", json={"by": "Ana"})).status_code == 404


async def test_an_order_is_approved_by_another_than_who_ordered_it(
    ports: OperatorPorts, client: httpx.AsyncClient
) -> None:
    await keep(ports, an_order(OrderState.HELD, cause=Cause.AWAITING_APPROVAL))

    same = await client.post("/orders/OS-1/approve", json={"by": "CIS"})
    other = await client.post("/orders/OS-1/approve", json={"by": "Ana"})

    assert (same.status_code, other.status_code) == (403, 200)
    assert (await client.get("/orders/OS-1")).json()["approved_by"] == "Ana"


async def test_what_awaits_no_approval_is_not_approved(ports: OperatorPorts, client: httpx.AsyncClient) -> None:
    await keep(ports, an_order(OrderState.VALIDATED))

    assert (await client.post("/orders/OS-1/approve", json={"by": "Ana"})).status_code == 409
