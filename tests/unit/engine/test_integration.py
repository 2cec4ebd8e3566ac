"""Integration: several meters in one message, changes, cancellations, usage points, and senders that wait."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from aforo.cim.control_requests import CancelRequest, ControlRequest, GetRequest, Option, RefusedControl
from aforo.cim.control_response import ControlResponse
from aforo.cim.end_device_events import EventsRequest
from aforo.cim.message import Header, Result
from aforo.cim.refusal import CimError, Refusal
from aforo.domain.identifiers import OrderNumber, Source
from aforo.domain.order import Order, Priority
from aforo.domain.order_states import OrderState
from aforo.engine.integration import WAITERS_MAX, Integration, IntegrationPorts
from aforo.engine.ports import StoreUnavailable
from aforo.engine.service_desk import ServiceDesk
from aforo.flow.order_asked import CallerRules
from cases import WEDNESDAY, a_request
from unit.engine.engine_situations import HeadEnd
from unit.engine.virtual_time import in_virtual_time

RULES = CallerRules(may_answer_to=lambda _: True, may_be_special=True)


class Scene:
    """An integration over the memory twins, and nobody who would carry its orders out."""

    def __init__(self, rules: Callable[[str], CallerRules] = lambda _: RULES) -> None:
        self.headend = HeadEnd()
        settings = self.headend.ports.settings
        desk = ServiceDesk(settings.calendar, self.headend.orders, settings.model, deadlines=settings.deadlines)
        ports = IntegrationPorts(
            book=self.headend.book,
            registry=self.headend.registry,
            deliveries=self.headend.deliveries,
            desk=desk,
            clock=self.headend.clock,
        )
        self.integration = Integration(ports, rules)

    async def meters(self, *numbers: str, usage_point: str = "UP-1") -> None:
        for number in numbers:
            await self.headend.direct_meter(number, usage_point=usage_point)

    async def order(self, number: str) -> Order:
        found = await self.headend.orders.find(Source("CIS"), OrderNumber(number))
        assert found is not None
        return found

    async def put_in_inbox(self, order: Order) -> None:
        """As the relay does once the order has ended."""
        results = await self.headend.deliveries.outbox(10)
        await self.headend.deliveries.put_in_inbox(
            [one for one in results if one.order_id == order.id], self.headend.clock.now()
        )


def header(message_id: str = "1001") -> Header:
    return Header(verb="create", noun="EndDeviceControls", source="CIS", message_id=message_id, correlation_id="7001")


def limit(number: str = "OS-1", meter: str = "M-1", **changes: Any) -> ControlRequest:
    request = ControlRequest(
        header=header(), number=number, meter=meter, control_type="3.15.139.13", watts=Decimal(2500), language="en"
    )
    return replace(request, **changes)


def wrong(meter: str) -> RefusedControl:
    return RefusedControl(meter=meter, number="", refusal=Refusal(code="5.2", es="mal", en="bad", xpath="/x"))


def codes(response: ControlResponse) -> list[tuple[str, str]]:
    return [(error.code, error.meter) for error in response.reply.errors]


def test_several_meters_are_an_order_each_and_an_error_for_each_that_was_not_taken() -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1", "M-2")
        items: list[ControlRequest | RefusedControl] = [
            *(limit("", meter, part=meter) for meter in ("M-1", "M-2")),
            limit("OS-9", "M-9"),
            wrong("M-8"),
        ]

        response = await here.integration.take(items, header(), language="en")

        assert response.reply.result is Result.PARTIAL
        assert codes(response) == [("0.2", ""), ("0.3", "M-1"), ("0.3", "M-2"), ("2.4", "M-9"), ("5.2", "M-8")]
        assert [control.meter for control in response.controls] == ["M-1", "M-2", "M-9"]
        assert len({control.number for control in response.controls}) == 3
        again = await here.integration.take(items, header(), language="en")
        assert [control.number for control in again.controls] == [control.number for control in response.controls]
        assert len(await here.headend.orders.latest(10)) == 3  # what is refused for its meter is an order, on record

    in_virtual_time(scene())


@pytest.mark.parametrize(("meters", "result"), [(("M-1", "M-2"), Result.OK), ((), Result.FAILED)])
def test_one_answer_for_all_is_ok_or_failed_when_all_are(meters: tuple[str, ...], result: Result) -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters(*meters)

        response = await here.integration.take([limit("OS-1", "M-1"), limit("OS-2", "M-2")], header(), language="en")

        assert response.reply.result is result
        assert "0.2" not in [error.code for error in response.reply.errors]

    in_virtual_time(scene())


def test_a_change_replaces_what_was_not_sent_and_keeps_its_name() -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1")
        await here.integration.create(limit())

        changed = await here.integration.create(limit(watts=Decimal(4000), changes=True, header=header("1002")))

        assert changed.control is not None
        assert changed.control.number.startswith("OS-1/")
        assert (await here.order("OS-1")).state is OrderState.SUPERSEDED
        new = await here.order(changed.control.number)
        assert (new.limit_w, new.request.retry_of) == (4000, "OS-1")
        again = await here.integration.create(limit(watts=Decimal(4000), changes=True, header=header("1002")))
        assert again.control == changed.control

    in_virtual_time(scene())


@pytest.mark.parametrize(
    ("change", "code"),
    [({"number": "OS-2"}, "2.15"), ({"meter": "M-2"}, "2.4"), ({"number": ""}, "1.7"), ({"watts": None}, "1.7")],
)
def test_a_change_of_what_is_not_so_is_refused(change: dict[str, Any], code: str) -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1", "M-2")
        await here.integration.create(limit())

        with pytest.raises(CimError) as refused:
            await here.integration.create(limit(changes=True, header=header("1002"), **change))

        assert refused.value.refusal.code == code
        assert (await here.order("OS-1")).state is OrderState.VALIDATED

    in_virtual_time(scene())


def test_an_order_is_cancelled_by_its_number_once_and_again() -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1")
        await here.integration.create(limit())
        asked = CancelRequest(header=header("1003"), number="OS-1", reason="pagó", language="en")

        first = await here.integration.cancel(asked)
        second = await here.integration.cancel(asked)

        assert (first.reply.result, first.error.code, first.error.details) == (Result.OK, "0.0", "CANCELLED")
        assert second == first
        assert (await here.order("OS-1")).state is OrderState.CANCELLED

    in_virtual_time(scene())


@pytest.mark.parametrize(("number", "code"), [("OS-2", "2.15"), ("OS-1", "5.2")])
def test_what_is_not_there_or_may_have_left_is_not_cancelled(number: str, code: str) -> None:
    async def scene() -> None:
        here = Scene()
        await here.headend.order(state=OrderState.DISPATCHED)

        with pytest.raises(CimError) as refused:
            await here.integration.cancel(CancelRequest(header=header(), number=number))

        assert refused.value.refusal.code == code

    in_virtual_time(scene())


def test_orders_are_asked_for_by_the_correlation_id_of_their_message() -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1", "M-2")
        await here.integration.take([limit("OS-1", "M-1"), limit("OS-2", "M-2")], header(), language="en")

        several = await here.integration.get(GetRequest(header=header(), correlation_id="7001", language="en"))

        assert codes(several) == [("0.3", "M-1"), ("0.3", "M-2")]
        with pytest.raises(CimError, match=r"2\.15"):
            await here.integration.get(GetRequest(header=header(), correlation_id="7002"))

    in_virtual_time(scene())


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"usage_point": "UP-1", "meter": ""}, None),
        ({"usage_point": "UP-1", "meter": "M-1"}, None),
        ({"usage_point": "UP-1", "meter": "M-2"}, "2.13"),
        ({"usage_point": "UP-9", "meter": ""}, "2.12"),
        ({"usage_point": "UP-2", "meter": ""}, "2.12"),
        ({"usage_point": "UP-2", "meter": "M-3"}, None),
    ],
)
def test_a_usage_point_names_the_only_meter_that_stands_there(asked: dict[str, str], code: str | None) -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1")
        await here.meters("M-2", "M-3", usage_point="UP-2")

        if code is not None:
            with pytest.raises(CimError, match=rf"{code}:"):
                await here.integration.create(limit(**asked))
            return
        response = await here.integration.create(limit(**asked))
        assert response.control is not None
        assert response.control.meter == (asked["meter"] or "M-1")

    in_virtual_time(scene())


def test_a_sender_that_waits_gets_the_final_answer_in_the_same_exchange() -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1")
        waiting = asyncio.ensure_future(here.integration.create(limit(options=(Option("wait", "30"),))))
        await asyncio.sleep(5)
        order = await here.order("OS-1")
        asked = CancelRequest(header=header("1003"), number="OS-1")
        await here.integration.cancel(asked)
        await here.put_in_inbox(order)

        response = await waiting

        assert (response.reply.result, response.error.code) == (Result.FAILED, "6.5")

    in_virtual_time(scene())


def test_who_has_waited_long_enough_is_told_how_the_order_stood() -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1")
        begun = asyncio.get_running_loop().time()

        response = await here.integration.create(limit(options=(Option("wait", "30"),)))

        assert (response.reply.result, response.error.code) == (Result.OK, "0.3")
        assert 29 < asyncio.get_running_loop().time() - begun < 32

    in_virtual_time(scene())


def test_more_who_wait_than_there_is_room_for_are_told_at_once() -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1")
        patient = limit(options=(Option("wait", "60"),))
        waiting = [asyncio.ensure_future(here.integration.create(patient)) for _ in range(WAITERS_MAX)]
        await asyncio.sleep(1)
        begun = asyncio.get_running_loop().time()

        response = await here.integration.create(patient)

        assert response.error.code == "0.3"
        assert asyncio.get_running_loop().time() == begun
        await asyncio.gather(*waiting)

    in_virtual_time(scene())


@pytest.mark.parametrize("value", ["0", "61", "soon", "-1", "1.5", "9" * 5000])
def test_a_wait_that_is_none_is_refused(value: str) -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1")

        with pytest.raises(CimError, match=r"5\.2"):
            await here.integration.create(limit(options=(Option("wait", value),)))

    in_virtual_time(scene())


@pytest.mark.parametrize(
    ("rules", "at"),
    [
        (replace(RULES, kinds=frozenset({"READ"})), "kind"),
        (replace(RULES, meters=("A-*", "M-2?")), "meter"),
        (replace(RULES, priorities=frozenset({Priority.HIGH})), "/CreateEndDeviceControls/Request/Option"),
    ],
)
def test_what_a_source_may_not_order_is_refused_and_no_order(rules: CallerRules, at: str) -> None:
    async def scene() -> None:
        here = Scene(lambda _: rules)
        await here.meters("M-1")

        with pytest.raises(CimError) as refused:
            await here.integration.create(limit(control_type_at="kind", meter_at="meter"))

        assert (refused.value.refusal.code, refused.value.refusal.xpath) == ("7.5", at)
        assert await here.headend.orders.latest(10) == []

    in_virtual_time(scene())


def test_events_are_those_of_the_source_s_own_orders_since_and_until_and_of_the_meter_asked_for() -> None:
    async def scene() -> None:
        here = Scene()
        evidence = {"before_w": "9900", "threshold_w": "2500", "read_at": "2026-11-25T15:00:07+00:00"}
        for source, meter in (("CIS", "M-1"), ("CIS", "M-2"), ("CRM", "M-1")):
            request = replace(a_request(), source=Source(source))
            await here.headend.order(
                meter, request=request, state=OrderState.VERIFIED, evidence=evidence, ended_at=WEDNESDAY, next_at=None
            )
        asked = EventsRequest(header=header(), language="en")

        every = await here.integration.events(asked)
        of_one = await here.integration.events(replace(asked, meter="M-2"))
        early = await here.integration.events(replace(asked, until=WEDNESDAY))
        late = await here.integration.events(replace(asked, since=WEDNESDAY + timedelta(days=1)))

        assert [(event.meter, event.code) for event in every.events] == [("M-1", "3.15.261.24"), ("M-2", "3.15.261.24")]
        assert [event.meter for event in of_one.events] == ["M-2"]
        assert (early.events, late.events) == ((), ())
        assert every.reply.errors[0].reason == "2 events."

    in_virtual_time(scene())


def test_a_message_id_is_used_once_and_again_only_for_the_same() -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1", "M-2")
        first = await here.integration.create(limit("OS-1"))
        again = await here.integration.create(limit("OS-1"))

        with pytest.raises(CimError) as refused:
            await here.integration.create(limit("OS-2", "M-2"))

        assert first.control == again.control
        assert (refused.value.refusal.code, refused.value.refusal.xpath) == (
            "2.15",
            "/CreateEndDeviceControls/Header/MessageID",
        )
        assert len(await here.headend.orders.latest(10)) == 1

    in_virtual_time(scene())


def test_a_temporary_limit_may_be_sent_again_under_its_message_id() -> None:
    async def scene() -> None:
        here = Scene()
        await here.meters("M-1")
        temporary = limit("OS-1", options=(Option("until", "2026-12-24T12:00:00Z"),))

        first = await here.integration.create(temporary)

        assert (await here.integration.create(temporary)).control == first.control
        assert len(await here.headend.orders.latest(10)) == 2

    in_virtual_time(scene())


def test_an_order_that_is_durable_is_accepted_although_the_store_goes_away_before_what_it_overtakes_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(_: object) -> list[Order]:
        raise StoreUnavailable("gone")

    async def scene() -> None:
        scene = Scene()
        await scene.meters("M-1")
        monkeypatch.setattr(scene.headend.orders, "older_unsent", away)

        response = await scene.integration.create(limit())

        assert response.reply.result is not Result.FAILED
        assert (await scene.order("OS-1")).state is OrderState.VALIDATED

    in_virtual_time(scene())
