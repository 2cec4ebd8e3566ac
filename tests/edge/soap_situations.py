"""A stub of the integration behind the door, and a server for it on loopback."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from msgspec.structs import replace
from starlette.types import ASGIApp

from aforo.adapters.soap_door import DoorSettings, SoapDoor
from aforo.cim.control_requests import CancelRequest, ControlRequest, GetRequest, RefusedControl
from aforo.cim.control_response import ControlResponse, response_header
from aforo.cim.end_device_events import EventsRequest, EventsResponse, found
from aforo.cim.master_data_linkage import LinkageRequest
from aforo.cim.message import Header, Reply, ReplyError, Result, timestamp
from aforo.cim.refusal import CimError
from aforo.domain.identifiers import OrderId
from aforo.domain.order import Order, OrderRequest
from aforo.domain.order_states import OrderState
from aforo.flow.order_asked import CallerRules, order_request
from aforo.flow.step1_receive_order import acknowledge, acknowledge_several, cancelled, receive_order, unknown_order
from unit.cim.cim_situations import NOW


@dataclass
class StubIntegration:
    """Takes orders in by the real step 1, and keeps them in a dictionary."""

    orders: dict[str, Order] = field(default_factory=dict)
    breaks: Exception | None = None

    async def create(self, request: ControlRequest, *, traceparent: str = "") -> ControlResponse:
        if self.breaks is not None:
            raise self.breaks
        taken = order_request(request, CallerRules(may_answer_to=lambda _: True, may_be_special=True))
        if not isinstance(taken, OrderRequest):
            raise CimError(taken)
        order = receive_order(taken, OrderId(len(self.orders) + 1), NOW).order
        return acknowledge(self.orders.setdefault(taken.number, order), request, NOW)

    async def take(
        self, items: Sequence[ControlRequest | RefusedControl], asked: Header, *, language: str, traceparent: str = ""
    ) -> ControlResponse:
        if len(items) == 1 and isinstance(items[0], ControlRequest):
            return await self.create(items[0], traceparent=traceparent)
        outcomes = [item if isinstance(item, RefusedControl) else await self.create(item) for item in items]
        return acknowledge_several(outcomes, asked, language=language, now=NOW)

    async def cancel(self, request: CancelRequest) -> ControlResponse:
        if request.number not in self.orders:
            raise CimError(unknown_order(request))
        return cancelled(replace(self.orders[request.number], state=OrderState.CANCELLED), request, NOW)

    async def events(self, request: EventsRequest) -> EventsResponse:
        header = response_header(request.header, identifier="e-1", at=timestamp(NOW), noun="EndDeviceEvents")
        return EventsResponse(header, found(0, is_english=False), ())

    async def link(self, request: LinkageRequest) -> Reply:
        return Reply(Result.OK, (ReplyError("0.0", reason=request.meter),))

    async def get(self, request: GetRequest) -> ControlResponse:
        if request.number not in self.orders:
            raise CimError(unknown_order(request))
        return acknowledge(self.orders[request.number], request, NOW)


def bound_socket() -> socket.socket:
    """On loopback, at a free port below 32768."""
    for step in range(2000):
        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", 20000 + (os.getpid() * 7 + step) % 12000))
        except OSError:
            listener.close()
        else:
            return listener
    raise AssertionError("no free port")


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The address at which the app is served."""
    listener = bound_socket()
    server = _Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await server.listening.wait()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()


def door(integration: StubIntegration | None = None, **settings: Any) -> SoapDoor:
    return SoapDoor(integration or StubIntegration(), now=lambda: NOW, settings=DoorSettings(**settings))
