"""No order waits for ever: whatever breaks a session, the order comes to an end, and so do those behind it."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from aforo.adapters.dlms_frames import DlmsFrame
from aforo.dclink.messages import ItemResult, ItemVerdict
from aforo.dlms import xdlms
from aforo.dlms.counters import COUNTER_MAX, CounterRange
from aforo.dlms.errors import RemoteProtocolError, malformed
from aforo.dlms.events import ExceptionResponse
from aforo.dlms.keys import Key, Keys, SystemTitle
from aforo.domain.causes import Cause
from aforo.domain.devices import Address, Link
from aforo.domain.identifiers import Fence, MeterNumber
from aforo.domain.order import Order
from aforo.domain.order_states import OrderState
from aforo.domain.retry_plan import RetryPlan
from aforo.engine.device_link import DeviceLink, LinkTarget, SharedLine
from aforo.engine.dispatcher import Dispatcher
from aforo.engine.ports import Line, StoreUnavailable
from aforo.flow import step7_collect_result as step7
from aforo.flow.device_client import (
    CountersGiven,
    CountersWanted,
    DeviceAccess,
    DeviceClient,
    DeviceLost,
    Heard,
)
from aforo.simulator.concentrator import AssociationBoard
from cases import WEDNESDAY, a_request, an_order
from unit.engine.engine_situations import HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLines, a_concentrator
from unit.simulator.driven_meter import a_meter

HOURS_6 = 6 * 3600
BOARD = "concentrator:C-1"


class BrokenLine:
    """Whoever answers speaks no DLMS wrapper."""

    async def send(self, apdu: bytes, *, client_sap: int, server_sap: int, meter: str = "") -> None:
        pass

    async def receive(self, wait_s: float) -> object:
        raise malformed("wrapper version 18516, not 1")

    async def close(self) -> None:
        pass


class BrokenLines:
    async def open(self, address: Address) -> Line:
        return BrokenLine()  # type: ignore[return-value]  # it never receives a frame


def dispatched(headend: HeadEnd) -> Dispatcher:
    dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
    headend.wake = dispatcher.wake
    return dispatcher


def on_lines(headend: HeadEnd, lines: object) -> None:
    """Ports are frozen: a scene is set once, before anything runs."""
    object.__setattr__(headend.ports, "lines", lines)


async def a_board(headend: HeadEnd, meters: int = 1, **settings: Any) -> SimulatedLines:
    """Concentrator C-1 with meters M-1 to M-n, registered and on the line."""
    lines = SimulatedLines(headend.clock)
    numbers = [MeterNumber(f"M-{number}") for number in range(1, meters + 1)]
    lines.devices["C-1"] = a_concentrator({str(number): a_meter(number=number) for number in numbers}, **settings)
    on_lines(headend, lines)
    await headend.concentrator()
    known = await headend.linked_meter(Link.DELEGATED)
    await headend.registry.put_meters([replace(known, number=number) for number in numbers], headend.start)
    return lines


def test_an_order_that_was_out_when_its_session_broke_is_settled_by_a_new_session() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await a_board(headend)
        commit, broken = headend.orders.commit, False

        async def away_once(*given: object) -> Order:
            nonlocal broken
            if not broken and given[0].order.state is OrderState.VERIFIED:  # type: ignore[attr-defined]
                broken = True
                raise StoreUnavailable("away")
            return await commit(*given)  # type: ignore[arg-type]

        headend.orders.commit = away_once  # type: ignore[method-assign,assignment]
        order = await headend.order(lane=BOARD)
        async with running(dispatched(headend).run()):
            await second(600)

        assert broken
        assert (await headend.now(order)).state is OrderState.VERIFIED
        assert [told[1] for told in headend.reports.told] == ["StoreUnavailable"]

    in_virtual_time(scene())


def test_whoever_answers_without_speaking_dlms_fails_the_order_by_its_name() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        on_lines(headend, BrokenLines())
        await headend.direct_meter()
        order = await headend.order()
        async with running(dispatched(headend).run()):
            await second(HOURS_6)

        current = await headend.now(order)
        assert (current.state, current.cause) == (OrderState.FAILED, Cause.PROTOCOL_FAULT)
        assert headend.reports.told == []

    in_virtual_time(scene())


def test_a_meter_whose_counters_are_used_up_fails_its_orders_instead_of_trying_for_ever() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        await headend.ledger.raise_counter("meter:M-1", COUNTER_MAX - 3, 4)
        order = await headend.order()
        async with running(dispatched(headend).run()):
            await second(HOURS_6)

        current = await headend.now(order)
        assert (current.state, current.cause) == (OrderState.FAILED, Cause.COUNTER_JUMP)

    in_virtual_time(scene())


def test_an_order_whose_every_visit_breaks_the_session_ends_unconfirmed_and_not_never() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()

        async def breaks(address: Address) -> Line:
            raise RuntimeError("our own mistake")

        headend.lines.open = breaks  # type: ignore[method-assign]
        order = await headend.order()
        async with running(dispatched(headend).run()):
            await second(HOURS_6)

        assert (await headend.now(order)).state is OrderState.UNCONFIRMED
        assert len(await headend.facts_of(order)) < 20

    in_virtual_time(scene())


def test_a_device_that_names_another_counter_for_ever_is_not_followed_for_ever() -> None:
    """The exception-response is not protected: anybody on the line can send it."""
    keys = Keys(Key(bytes(16)), Key(bytes(range(16))))
    access = DeviceAccess(own_title=SystemTitle(bytes(range(8))), keys=keys, title=SystemTitle(bytes(range(1, 9))))
    conversation = DeviceClient(access, challenge=lambda: bytes(range(16))).associate()
    counter, exchanges = 1, 0
    with pytest.raises(DeviceLost) as lost:  # noqa: PT012 (the conversation is driven to its end)
        step = next(conversation)
        while exchanges < 100:
            if isinstance(step, CountersWanted):
                counter = max(counter, step.expected or 0)
                step = conversation.send(CountersGiven(CounterRange(counter, counter + 63)))
                counter += 64
                continue
            exchanges += 1
            named = xdlms.encode_exception(ExceptionResponse(1, 6, counter + 1_000))
            step = conversation.send(Heard(named, WEDNESDAY))

    assert lost.value.cause is Cause.WRONG_KEY
    assert exchanges < 10


def test_a_line_full_of_answers_to_others_is_silence_when_the_wait_is_over() -> None:
    class Crowded(BrokenLine):
        async def receive(self, wait_s: float) -> object:
            await asyncio.sleep(0.5)
            return DlmsFrame(1, 1, "another", b"\x0e")

    class CrowdedLines:
        async def open(self, address: Address) -> Line:
            return Crowded()  # type: ignore[return-value]  # its frames are enough of one

    async def scene() -> None:
        headend = HeadEnd()
        target = LinkTarget(device="meter:M-1", address=Address("x", 1), meter="M-1")
        line = SharedLine(CrowdedLines(), target.address)
        link = DeviceLink(target, line, ledger=headend.ledger, clock=headend.clock, answer_wait=timedelta(seconds=20))
        access = DeviceAccess(own_title=SystemTitle(bytes(8)), keys=Keys(Key(bytes(16)), Key(bytes(16))))
        client = DeviceClient(access, challenge=lambda: bytes(range(16)))
        async with asyncio.timeout(300):
            with pytest.raises(DeviceLost) as lost:
                await link.drive(client.associate())
        assert lost.value.cause is Cause.METER_UNREACHABLE

    in_virtual_time(scene())


def test_an_order_that_the_concentrator_cannot_read_fails_alone() -> None:
    """A date-time of COSEM in the year 9999 has no time in every zone, and the codec refuses it."""

    async def scene() -> None:
        headend = HeadEnd()
        await a_board(headend, 9)
        good = [await headend.order(f"M-{number}", lane=BOARD) for number in range(1, 9)]
        never = datetime.max.replace(tzinfo=WEDNESDAY.tzinfo)
        bad = await headend.order("M-9", lane=BOARD, request=a_request(not_after=never, special="hospital"))
        async with running(dispatched(headend).run()):
            await second(HOURS_6)

        assert {(await headend.now(order)).state for order in good} == {OrderState.VERIFIED}
        assert ((await headend.now(bad)).state, (await headend.now(bad)).cause) == (
            OrderState.FAILED,
            Cause.CONCENTRATOR_FAULT,
        )

    in_virtual_time(scene())


def test_a_concentrator_that_takes_only_short_apdus_is_asked_in_short_ones() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await a_board(headend, 120, max_pdu=512)
        orders = [await headend.order(f"M-{number}", lane=BOARD) for number in range(1, 121)]
        async with running(dispatched(headend).run()):
            await second(300)

        assert headend.reports.told == []
        assert {(await headend.now(order)).state for order in orders} == {OrderState.VERIFIED}

    in_virtual_time(scene())


def test_a_link_that_every_hand_over_breaks_is_given_up_by_the_plan() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        lines = await a_board(headend)
        hub = lines.devices["C-1"]
        order = await headend.order(lane=BOARD)

        def cut(*_: object) -> object:
            for line in lines.opened:
                line.is_cut = True
            raise RemoteProtocolError(malformed("").code, "it crashed")

        hub.ledger.submit = cut  # type: ignore[attr-defined]
        async with running(dispatched(headend).run()):
            await second(HOURS_6)

        current = await headend.now(order)
        assert current.state is OrderState.FAILED
        assert len(await headend.facts_of(order)) < 30

    in_virtual_time(scene())


def test_a_concentrator_that_tells_the_same_entries_again_is_not_asked_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def the_same_again(board: AssociationBoard, _: int) -> Iterator[ItemResult]:
        asked.append(1)
        assert len(asked) < 50, "asked for ever"
        return iter([ItemResult(result_id=7, order_id=99, fence=1, verdict=ItemVerdict.OK, at=WEDNESDAY)])

    monkeypatch.setattr(AssociationBoard, "pending", the_same_again)

    async def scene() -> None:
        headend = HeadEnd()
        await a_board(headend)
        order = await headend.order(lane=BOARD)
        async with running(dispatched(headend).run()):
            await second(30)

        assert (await headend.now(order)).cause is Cause.PROTOCOL_FAULT

    in_virtual_time(scene())


def test_a_lost_reading_uses_its_attempt_and_a_lost_command_does_not() -> None:
    plan = RetryPlan.parse("20,120")
    command = an_order(OrderState.IN_PROGRESS, attempts=3)
    reading = an_order(OrderState.RECONCILING, fence=Fence(9), attempts=3, next_at=None)

    assert step7.link_lost(command, "why", WEDNESDAY, plan).order.next_at == WEDNESDAY
    assert step7.link_lost(reading, "why", WEDNESDAY, plan).order.state is OrderState.UNCONFIRMED
