"""A lane on which the head-end speaks to the meters itself: one direct meter, or a concentrator that only relays."""

from collections import OrderedDict

from msgspec.structs import replace

from aforo.domain.causes import Cause
from aforo.domain.devices import Address, Link, Meter
from aforo.domain.identifiers import ConcentratorNumber, Epoch
from aforo.domain.order import Priority
from aforo.domain.readback import CommandResult, Verdict
from aforo.engine.device_link import DeviceLink, LinkTarget, SharedLine
from aforo.engine.headend_ports import HeadEndPorts
from aforo.engine.lane_orders import Claim, LaneOrders
from aforo.engine.session_room import SessionRoom
from aforo.flow.device_client import DeviceAccess, DeviceClient, DeviceLost
from aforo.flow.meter_errand import MeterErrand
from aforo.flow.step4_dispatch_to_concentrator import procedure_of_visit
from aforo.flow.visit import MeterTask

CLIENTS_MAX = 64
"""Associations kept on one line for the next order of the same meter."""


class MeterSession:
    """Orders one after the other, until none is due. An order that was out when the session began is only read."""

    def __init__(self, lane: str, *, ports: HeadEndPorts, relay: Address | None, room: SessionRoom) -> None:
        """relay: address of the concentrator whose gateway is used; None for a direct meter."""
        self._ports = ports
        self._lane = lane
        self._orders = LaneOrders(lane, ports)
        self._relay = relay
        self._room = room
        self._line: SharedLine | None = None
        self._has_resumed = False
        self._clients: OrderedDict[str, tuple[Meter, DeviceClient]] = OrderedDict()

    async def run(self) -> None:
        epoch = await self._ports.ledger.open_epoch(self._orders.lane)
        await self._orders.lose("the head-end stopped while the command was out")
        try:
            while not self._room.is_closed and (claims := await self._orders.claim(1)):
                await self._carry_out(claims[0], epoch)
        finally:
            if self._line is not None:
                await self._line.drop()

    async def _carry_out(self, claim: Claim, epoch: Epoch) -> None:
        order = await self._orders.hand_out(claim, epoch)
        if order is None:
            return
        result = await self._visit(replace(claim, order=order))
        await self._note_relay(result)
        assert order.fence is not None
        await self._orders.collect(order, claim.meter, result, order.fence)

    async def _note_relay(self, result: CommandResult) -> None:
        """Once a session: a concentrator that relays again lets go what waited for that."""
        if self._relay is None or self._has_resumed or result.cause is Cause.CONCENTRATOR_UNREACHABLE:
            return
        self._has_resumed = True
        number = ConcentratorNumber(self._lane.partition(":")[2])
        await self._ports.registry.note_heard(number, self._ports.clock.now())
        await self._orders.resume()

    async def _visit(self, claim: Claim) -> CommandResult:
        """Steps 5 and 6."""
        order, meter = claim.order, claim.meter
        model = self._ports.settings.model(meter.model)
        if model is None:
            return CommandResult(Verdict.KO, Cause.UNKNOWN_MODEL, f"no model {meter.model!r} is known here")
        procedure = procedure_of_visit(order)
        is_look = procedure == order.kind.look
        task = MeterTask(
            procedure,
            order.limit,
            None if is_look else order.request.until,
            None if is_look else claim.latest_start(),
            is_urgent=order.request.priority is Priority.HIGH,
        )
        try:
            client = self._client(meter)
        except DeviceLost as lost:
            return CommandResult(Verdict.KO, lost.cause, lost.detail)
        result = await self._link(meter).drive(MeterErrand(client).carry_out(task, model))
        return replace(result, frames=client.frames.take())

    def _client(self, meter: Meter) -> DeviceClient:
        """The association of an earlier order of this session, or a new client. Raises DeviceLost."""
        known = self._clients.get(meter.number)
        if known is not None and known[0] == meter:
            self._clients.move_to_end(meter.number)
            return known[1]
        address = self._address(meter)
        access = DeviceAccess(
            own_title=self._ports.settings.title,
            keys=self._ports.keys_of(meter.security),
            title=self._ports.title_of(meter.security),
            client_sap=address.client_sap,
            server_sap=address.server_sap,
            behind_gateway=meter.link is Link.TRANSPARENT,
        )
        client = DeviceClient(access, challenge=self._ports.challenge)
        self._clients[meter.number] = (meter, client)
        if len(self._clients) > CLIENTS_MAX:
            self._clients.popitem(last=False)
        return client

    def _link(self, meter: Meter) -> DeviceLink:
        address = self._relay or self._address(meter)
        self._line = self._line or SharedLine(self._ports.lines, address)
        target = LinkTarget(
            device=f"meter:{meter.number}",
            address=address,
            meter="" if self._relay is None else meter.number,
            unavailable=Cause.METER_UNREACHABLE if self._relay is None else Cause.CONCENTRATOR_UNREACHABLE,
        )
        wait = self._ports.settings.answer_wait
        return DeviceLink(target, self._line, ledger=self._ports.ledger, clock=self._ports.clock, answer_wait=wait)

    def _address(self, meter: Meter) -> Address:
        assert meter.address is not None, "a direct or transparent meter has service access points"
        return meter.address
