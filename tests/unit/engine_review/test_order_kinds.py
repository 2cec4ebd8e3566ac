"""Kinds of orders through the whole head-end to simulated meters: each to its own end, with its own evidence."""

from dataclasses import replace
from typing import Any

import pytest

from aforo.dlms.keys import Key, Keys, SystemTitle
from aforo.domain.causes import Cause
from aforo.domain.devices import Link
from aforo.domain.identifiers import Fence, OrderNumber
from aforo.domain.meter_models import MeterModel
from aforo.domain.order import Order
from aforo.domain.order_kinds import DISCONNECT, KINDS, LIMIT, LIMIT_REMOVE, OrderKind
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit
from aforo.domain.readback import Breaker, Evidence, Readback
from aforo.engine.dispatcher import Dispatcher
from aforo.engine.order_desk import OrderDesk
from aforo.flow.procedures import PROCEDURES
from aforo.flow.visit import Conversation, MeterTask
from aforo.simulator.meter_endpoint import MeterEndpoint
from cases import a_request
from unit.engine.engine_situations import KEYS, HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLines, a_concentrator
from unit.simulator.driven_meter import a_meter


class Scene:
    """One meter behind a link, and one order for it.   settings: of the head-end."""

    def __init__(self, link: Link, **settings: Any) -> None:
        self.headend = HeadEnd(**settings)
        self._link = link
        keys = Keys(Key(KEYS.encryption_key), Key(KEYS.authentication_key))
        of_direct: dict[str, Any] = {"title": SystemTitle(KEYS.system_title), "keys": keys}
        self.meter = a_meter(**(of_direct if link is Link.DIRECT else {}))

    async def carry_out(self, kind: OrderKind, **order: Any) -> Order:
        """The order as it stands an hour later."""
        headend, lines = self.headend, SimulatedLines(self.headend.clock)
        object.__setattr__(headend.ports, "lines", lines)
        if self._link is Link.DELEGATED:
            lines.devices["C-1"] = a_concentrator({"M-1": self.meter})
            await headend.concentrator()
            await headend.linked_meter(self._link)
        else:
            lines.devices["M-1"] = MeterEndpoint(self.meter)
            await headend.direct_meter()
        lane = "concentrator:C-1" if self._link is Link.DELEGATED else "meter:M-1"
        limit = a_request().limit if kind.takes_limit else None
        given = await headend.order(lane=lane, request=a_request(kind=kind, limit=limit), **order)
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(3600)
        return await headend.now(given)


@pytest.mark.parametrize("link", [Link.DELEGATED, Link.DIRECT])
def test_a_disconnection_ends_verified_with_the_switch_as_evidence(link: Link) -> None:
    async def run() -> None:
        scene = Scene(link)
        order = await scene.carry_out(DISCONNECT)

        assert order.state is OrderState.VERIFIED
        assert order.evidence is not None
        assert (order.evidence["breaker_before"], order.evidence["breaker"]) == ("connected", "disconnected")
        assert scene.meter.breaker is Breaker.DISCONNECTED
        assert {"SwitchCommanded", "SwitchAnswered"} <= set(await scene.headend.facts_of(order))

    in_virtual_time(run())


@pytest.mark.parametrize("link", [Link.DELEGATED, Link.DIRECT])
def test_a_removed_limit_is_the_contracted_power_again(link: Link) -> None:
    async def run() -> None:
        scene = Scene(link)
        order = await scene.carry_out(LIMIT_REMOVE, state=OrderState.RECEIVED)

        assert (order.state, order.limit) == (OrderState.VERIFIED, PowerLimit(6000))
        assert scene.meter.threshold_w == 6000
        assert await scene.headend.orders.known_limit(order.request.meter) == 6000

    in_virtual_time(run())


@pytest.mark.parametrize("link", [Link.DELEGATED, Link.DIRECT])
def test_an_order_being_reconciled_is_looked_at_before_it_is_sent_again(link: Link) -> None:
    async def run() -> None:
        scene = Scene(link)
        order = await scene.carry_out(DISCONNECT, state=OrderState.RECONCILING, command_fence=Fence(6))

        steps = [fact for fact in await scene.headend.facts_of(order) if fact.startswith("Switch")]
        assert steps == ["SwitchAsked", "SwitchAnswered", "SwitchCommanded", "SwitchAnswered"]
        assert order.state is OrderState.VERIFIED

    in_virtual_time(run())


def test_a_meter_whose_model_has_no_switch_is_refused_before_anything_is_sent() -> None:
    async def run() -> None:
        scene = Scene(Link.DIRECT, models={"class71": MeterModel(name="class71", title="No switch", breaker=None)})
        order = await scene.carry_out(DISCONNECT, state=OrderState.RECEIVED)

        assert (order.state, order.cause, order.attempts) == (OrderState.REFUSED, Cause.NO_SWITCH, 0)

    in_virtual_time(run())


def test_a_later_order_replaces_an_older_one_of_its_own_aspect_alone() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        cut = a_request(kind=DISCONNECT, limit=None)
        held = [await headend.order(wait=60), await headend.order(request=cut, wait=60)]
        later = await headend.order(request=a_request(number=OrderNumber("later")))

        await OrderDesk(headend.book, headend.clock).supersede_older(later)

        assert [(await headend.now(each)).state for each in held] == [OrderState.SUPERSEDED, OrderState.VALIDATED]

    in_virtual_time(scene())


def test_a_new_kind_is_a_row_and_a_procedure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that nobody else knows, through the same tables, to its end."""
    of_limit = PROCEDURES["LIMIT"]

    def command(task: MeterTask, model: MeterModel) -> Conversation:
        return of_limit.command(replace(task, limit=PowerLimit(1250)), model)

    def holds(evidence: Evidence, _: PowerLimit | None) -> bool:
        return isinstance(evidence, Readback) and evidence.watts == 1250

    toy = replace(LIMIT, name="TOY", command="TOY", look="TOY_READ", limit_from=None, holds=holds)
    monkeypatch.setitem(KINDS, toy.name, toy)
    monkeypatch.setitem(PROCEDURES, "TOY", replace(of_limit, command=command))
    monkeypatch.setitem(PROCEDURES, "TOY_READ", PROCEDURES["READ"])

    async def run() -> None:
        scene = Scene(Link.DIRECT)
        order = await scene.carry_out(toy, state=OrderState.RECEIVED)

        assert (order.state, scene.meter.threshold_w) == (OrderState.VERIFIED, 1250)

    in_virtual_time(run())
