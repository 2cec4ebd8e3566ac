"""A running system as a command sees it: answers by address, given in advance, without a socket."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from aforo.adapters.operator_documents import order_document
from aforo.cim.control_requests import ControlRequest
from aforo.cim.control_response import ControlResponse, refused, response_envelope
from aforo.cim.end_device_controls import read_create
from aforo.cim.refusal import Refusal
from aforo.cim.soap import open_envelope
from aforo.domain.order import Order
from aforo.domain.order_states import OrderState
from aforo.flow.order_asked import CallerRules, order_request
from aforo.flow.step1_receive_order import acknowledge
from cases import WEDNESDAY, an_order
from unit.cim.cim_situations import only

URL = "http://127.0.0.1:8080"
TOKEN = "a-token-of-some-length"
Handler = Callable[[httpx.Request], httpx.Response]


class StubSystem:
    """orders: what GET /orders/NUMBER shows, one after the other; the last one again and again.

    refusal: how the SOAP door answers; None acknowledges as `acknowledged_as`.
    on_order: called with every accepted order.
    """

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], httpx.Response] = {}
        self.requests: list[httpx.Request] = []
        self.orders: list[dict[str, Any]] = []
        self.refusal: Refusal | None = None
        self.acknowledged_as = an_order(OrderState.VALIDATED)
        self.on_order: Callable[[ControlRequest], None] = lambda _: None
        self.received: list[ControlRequest] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In place of the network of every httpx client."""

        def handle(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return self._answer(request)

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)

    def gives(self, method: str, path: str, document: Any, status: int = 200) -> None:
        self.answers[method, f"/api/v1/{path}"] = httpx.Response(status, json=document)

    @property
    def sent(self) -> Any:
        """The JSON body of the last request."""
        return json.loads(self.requests[-1].content)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/soap/EndDeviceControls":
            return self._soap(request.content)
        if (request.method, path) in self.answers:
            return self.answers[request.method, path]
        if path == "/api/v1/orders":
            return httpx.Response(200, json={"orders": [], "next": None})
        if path.startswith("/api/v1/orders/") and self.orders:
            order = self.orders.pop(0) if len(self.orders) > 1 else self.orders[0]
            after = int(request.url.params.get("after", 0))
            return httpx.Response(200, json={**order, "facts": order["facts"][after:]})
        return httpx.Response(404, json={"detail": "There is no such thing.", "detail_es": "No existe."})

    def _soap(self, octets: bytes) -> httpx.Response:
        request = only(read_create(open_envelope(octets).message, language="en"))
        self.received.append(request)
        response = self._response(request)
        if self.refusal is None:
            self.on_order(request)
        return httpx.Response(200, content=response_envelope(response), headers={"content-type": "text/xml"})

    def _response(self, request: ControlRequest) -> ControlResponse:
        if self.refusal is not None:
            return refused(self.refusal, request.header, language="en", now=WEDNESDAY)
        asked = order_request(request, CallerRules(may_answer_to=lambda _: True, may_be_special=True))
        assert not isinstance(asked, Refusal)
        return acknowledge(replace(self.acknowledged_as, request=asked), request, WEDNESDAY)


def shown(order: Order, *facts: dict[str, Any], delivery: str | None = None) -> dict[str, Any]:
    """An order as the operator API shows it. delivery: the state of its only result."""
    deliveries = [] if delivery is None else [{"result": "1-1", "state": delivery, "attempts": 1, "next_at": None}]
    return {
        **order_document(order),
        "sources": [order.request.source],
        "facts": list(facts),
        "deliveries": deliveries,
    }
