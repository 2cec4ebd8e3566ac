"""A lane whose concentrator carries orders out itself: handed over in batches, results pushed and fetched (I4)."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec.structs import replace

from aforo.dclink import board_client
from aforo.dclink.messages import ItemResult, OrderItem, QueuedOrder, Submission, Withdrawal
from aforo.dlms.errors import RemoteProtocolError, malformed
from aforo.dlms.events import DataAccess
from aforo.domain.causes import Cause
from aforo.domain.devices import Concentrator
from aforo.domain.identifiers import Epoch, Fence, OrderId
from aforo.domain.order import Order, Priority
from aforo.engine.adaptive_window import AdaptiveWindow
from aforo.engine.board_link import BoardCalls, BoardLink
from aforo.engine.concentrator_clock import ConcentratorClock
from aforo.engine.headend_ports import HeadEndPorts
from aforo.engine.lane_orders import Claim, LaneOrders
from aforo.engine.neighbourhood import Neighbourhood
from aforo.flow import step4_dispatch_to_concentrator as step4
from aforo.flow import step7_collect_result as step7
from aforo.flow.decision import Decision
from aforo.flow.device_client import DeviceLost

NAMES_PER_CALL = 128
"""Meters asked about at a time: their rows fit one APDU of 16 KiB."""

HEARD_NOTED = timedelta(minutes=1)
ZERO = timedelta()
T = TypeVar("T")


class BoardSession:
    """From the association until nothing was due and nothing out for `linger`, or its place is wanted. Run once."""

    def __init__(self, lane: str, *, ports: HeadEndPorts, concentrator: Concentrator, calls: BoardCalls) -> None:
        self._ports = ports
        self._orders = LaneOrders(lane, ports)
        self._link = BoardLink(ports, concentrator, calls)
        self._room = calls.room
        self._epoch = Epoch(0)
        self._is_established = False
        self._window = AdaptiveWindow(ports.settings.window)
        self._neighbourhood = Neighbourhood(ports.clock, self._link)
        self._its_clock = ConcentratorClock(ports.clock, self._link.ask)
        self._concentrator = concentrator.number
        self._heard_at: datetime | None = None
        self._out: dict[OrderId, Claim] = {}

    async def run(self) -> bool:
        """False: the concentrator was not to be had, or was lost; do not come back at once."""
        try:
            await self._begin()
            await self._resynchronise()
            self._is_established = True
            while await self._hand_over() or await self._link.happening(busy=bool(self._out)):
                await self._take_in(self._link.pushed())
                if self._link.is_poll_due and self._out:
                    await self._poll()
        except DeviceLost as lost:
            await self._give_up(lost)
        except (board_client.BoardRefused, RemoteProtocolError) as wrong:
            await self._give_up(DeviceLost(_cause_of(wrong), str(wrong)))
        else:
            await self._link.release()
            return True
        finally:
            await self._link.close()
        return False

    async def _begin(self) -> None:
        """Raises DeviceLost; OLD_EPOCH when another head-end process has opened a later session."""
        await self._link.associate()
        self._epoch = await self._ports.ledger.open_epoch(self._orders.lane)
        response = await self._link.ask(board_client.open_session(self._epoch))
        in_force = board_client.read_open_session(response)
        if in_force != self._epoch:
            raise DeviceLost(Cause.OLD_EPOCH, f"asked for epoch {self._epoch}, in force is {in_force}")
        await self._note_heard()
        await self._orders.resume()

    async def _resynchronise(self) -> None:
        """What was out when the last session ended: its results first, then what the concentrator still has."""
        await self._fetch_results()
        in_flight = await self._orders.in_flight()
        if not in_flight:
            return
        queued = {(entry.order_id, entry.fence) for entry in await self._queue()}
        for order in in_flight:
            fences = {order.fence, order.command_fence}
            if any((order.id, fence) in queued for fence in fences):
                await self._settle(order, still_there=True)
            elif await self._never_begun(order):
                await self._settle(order, still_there=False)

    async def _never_begun(self, order: Order) -> bool:
        """Asked of the concentrator itself; after its answer it never will begin, so a repeat is safe."""
        response = await self._link.ask(board_client.withdraw_order(order.id))
        answer = board_client.read_withdrawal(response)
        if answer is not Withdrawal.BEGUN:
            return True
        # It had begun, and the result was told and acknowledged before: only the meter knows now.
        await self._orders.lose_one(order, "its result was told before the head-end stopped")
        return False

    async def _settle(self, order: Order, *, still_there: bool) -> None:
        settled = await self._orders.settle(order, still_there=still_there)
        meter = await self._orders.meter(order.request.meter)
        if settled is not None and still_there and meter is not None:
            self._out[settled.id] = Claim(settled, meter)

    async def _queue(self) -> list[QueuedOrder]:
        entries: list[QueuedOrder] = []
        while True:
            after = entries[-1].order_id if entries else 0
            more = board_client.read_queue(await self._link.ask(board_client.get_queue(after)))
            if not more:
                return entries
            _check_rising(after, more[-1].order_id)
            entries.extend(more)

    async def _hand_over(self) -> bool:
        """Step 4 for everything that may go now. True: there may be more. What comes meanwhile wakes the session."""
        if self._room.is_closed:
            return False
        room = self._window.size - len(self._out)
        due = await self._orders.claim(room if room > 0 else self._ports.settings.urgent_room)
        claims = due if room > 0 else [claim for claim in due if claim.order.request.priority is Priority.HIGH]
        claims = await self._reachable([claim for claim in claims if claim.order.id not in self._out])
        if not claims:
            return False
        ordered = await _together(self._orders.hand_out(claim, self._epoch) for claim in claims)
        pairs = zip(ordered, claims, strict=True)
        handed = [replace(claim, order=order) for order, claim in pairs if order is not None]
        if handed and not self._out:
            self._window.began(self._ports.clock.now())
        self._out.update({claim.order.id: claim for claim in handed})
        await self._submit(handed)
        return self._orders.may_have_more or len(handed) < len(due)

    async def _reachable(self, claims: Sequence[Claim]) -> list[Claim]:
        """Those whose meter is in the concentrator's table and answers there; the others wait under their plan."""
        rows = {}
        names = [claim.meter.number for claim in claims]
        for batch in board_client.name_batches(names, self._link.max_pdu, most=NAMES_PER_CALL):
            response = await self._link.ask(board_client.get_meters_named(batch))
            rows.update({row.meter: row for row in board_client.read_meters(response)})
        ready = []
        for claim in await self._in_time(claims):
            row = rows.get(claim.meter.number)
            if row is None:
                await self._orders.not_sent(claim.order, Cause.NOT_IN_TABLE, "the concentrator does not list it")
            elif not row.reachable:
                detail = await self._neighbourhood.words_about(row)
                await self._orders.not_sent(claim.order, Cause.METER_UNREACHABLE, detail)
            else:
                ready.append(claim)
        return ready

    async def _in_time(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """An order that must not begin late goes only to a concentrator whose clock, by which it waits, is right."""
        bound, free = list[Claim](), list[Claim]()
        for claim in claims:
            is_bound = claim.order.request.latest_start is not None and not claim.order.state.is_only_read
            (bound if is_bound else free).append(claim)
        latest = _first_to_end(claims)
        if latest is None:
            return claims
        deviation = await self._its_clock.read(latest)
        if abs(deviation) <= self._ports.settings.clock_deviation:
            return claims
        for claim in bound:
            detail = f"its clock is {abs(deviation).total_seconds():.0f} s {'ahead' if deviation > ZERO else 'behind'}"
            await self._orders.not_sent(claim.order, Cause.CLOCK_SKEW, detail)
        return free

    async def _submit(self, handed: Sequence[Claim]) -> None:
        by_id = {claim.order.id: claim for claim in handed}
        latest = _first_to_end(handed)  # their commits may have taken long
        ahead = self._its_clock.ahead if latest is None else await self._its_clock.read(latest)
        items = [
            step4.order_item(claim.order, claim.meter, self._epoch, latest=claim.latest_start(ahead))
            for claim in handed
        ]
        for batch in board_client.batches(items, self._link.max_pdu):
            answers = await self._submitted(batch)
            if any(answer.cause == Cause.CONCENTRATOR_FAULT.value for answer in answers):
                self._window.refused()
            await _together(self._answered(by_id[OrderId(answer.order_id)], answer) for answer in answers)

    async def _submitted(self, batch: Sequence[OrderItem]) -> Sequence[Submission]:
        """A batch that cannot be read was not taken: one order among them must not hold back the others for ever."""
        response = await self._link.ask(board_client.submit_orders(batch))
        try:
            return board_client.read_submissions(response, batch)
        except board_client.BoardRefused as refused:
            if refused.result is not DataAccess.TYPE_UNMATCHED:
                raise
        if len(batch) == 1:
            return [Submission(batch[0].order_id, False, Cause.CONCENTRATOR_FAULT.value)]
        half = len(batch) // 2
        return [*await self._submitted(batch[:half]), *await self._submitted(batch[half:])]

    async def _answered(self, claim: Claim, answer: Submission) -> None:
        order = claim.order
        if answer.taken:
            now = self._ports.clock.now()
            taken = await self._orders.decide(order, lambda current: _taken(current, order, now))
            if taken is not None:
                self._out[order.id] = replace(claim, order=taken)
            return
        self._out.pop(order.id, None)
        assert order.fence is not None
        await self._orders.collect(order, claim.meter, step7.refused_submission(answer.cause), order.fence)

    async def _fetch_results(self) -> None:
        """Everything still owed to us, from the oldest on."""
        after = 0
        while True:
            response = await self._link.ask(board_client.get_results(after))
            results = board_client.read_results(response)
            if not results:
                return
            _check_rising(after, results[-1].result_id)
            after = results[-1].result_id
            await self._take_in(results)

    async def _note_heard(self) -> None:
        """Every HEARD_NOTED at most: it is for people who wonder since when a concentrator is away."""
        now = self._ports.clock.now()
        if self._heard_at is None or now - self._heard_at >= HEARD_NOTED:
            self._heard_at = now
            await self._ports.registry.note_heard(self._concentrator, now)

    async def _take_in(self, results: Sequence[ItemResult]) -> None:
        """Step 7: commit first, then acknowledge; a result that cannot be stored stays with the concentrator."""
        if not results:
            return
        await self._note_heard()
        self._window.answered(len(results), self._ports.clock.now())
        await _together(self._collect(result) for result in results)
        numbers = [result.result_id for result in results]
        for batch in board_client.acknowledgement_batches(numbers, self._link.max_pdu):
            response = await self._link.ask(board_client.acknowledge_results(batch))
            board_client.read_acknowledged(response)

    async def _collect(self, result: ItemResult) -> None:
        """A result of an order that is not ours, or of a visit that no longer matters, is only acknowledged."""
        order_id, fence = OrderId(result.order_id), Fence(result.fence)
        out = self._out.get(order_id) or await self._find(order_id)
        if out is None:
            return
        collected = await self._orders.collect(out.order, out.meter, step7.from_item(result), fence)
        if collected is not None or out.order.fence == fence:
            self._out.pop(order_id, None)

    async def _find(self, order_id: OrderId) -> Claim | None:
        """Of an earlier session."""
        order = await self._orders.order(order_id)
        meter = None if order is None else await self._orders.meter(order.request.meter)
        return None if order is None or meter is None else Claim(order, meter)

    async def _poll(self) -> None:
        """Pushes may be lost: fetch what is owed, and look for orders that the concentrator no longer has.

        The queue first: an order that leaves it after that has its result among those fetched.
        """
        there = {entry.order_id for entry in await self._queue()}
        await self._fetch_results()
        for order_id in [order_id for order_id in self._out if order_id not in there]:
            current = await self._orders.order(order_id)
            self._out.pop(order_id)
            if current is not None and current.state.may_have_left and await self._never_begun(current):
                await self._settle(current, still_there=False)

    async def _give_up(self, lost: DeviceLost) -> None:
        """What is out becomes unknown. When no session came about, what waits is told so."""
        await self._orders.lose(lost.detail)
        if not self._is_established:
            cause = Cause.CONCENTRATOR_UNREACHABLE if lost.cause is Cause.METER_UNREACHABLE else lost.cause
            for claim in await self._orders.claim(self._ports.settings.window):
                await self._orders.not_sent(claim.order, cause, lost.detail)


async def _together(steps: Iterable[Awaitable[T]]) -> list[T]:
    """All have ended when it returns, or raises what the first that failed did: none goes on behind a new session."""
    outcomes = await asyncio.gather(*steps, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]


def _first_to_end(claims: Iterable[Claim]) -> datetime | None:
    """The first moment after which one of them must not begin. None: all may begin at any time."""
    bounds = (claim.latest_start() for claim in claims)
    return min((bound for bound in bounds if bound is not None), default=None)


def _check_rising(after: int, last: int) -> None:
    """Raises RemoteProtocolError: a concentrator that tells the same entries again would be asked for ever."""
    if last <= after:
        raise malformed(f"entries up to {last} where those behind {after} were asked for")


def _taken(current: Order, handed: Order, now: datetime) -> Decision | None:
    if not current.state.may_have_left or current.fence != handed.fence:
        return None
    return step4.taken(current, now)


def _cause_of(wrong: board_client.BoardRefused | RemoteProtocolError) -> Cause:
    if isinstance(wrong, RemoteProtocolError):
        return Cause.PROTOCOL_FAULT
    return Cause.OLD_EPOCH if wrong.result is DataAccess.SCOPE_OF_ACCESS_VIOLATED else Cause.CONCENTRATOR_FAULT
