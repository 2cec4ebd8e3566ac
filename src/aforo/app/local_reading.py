"""One visit to a meter at a serial port of this machine: who it is, its clock, its limit and its switch."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from aforo import dlms
from aforo.adapters.local_lines import LocalLines
from aforo.app.local_logs import LogRow, LogsWanted, read_log
from aforo.dlms import data, dates
from aforo.dlms.connection import Connection
from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.keys import Keys, SystemTitle
from aforo.dlms.mode_e import ClientSignOnSettings, Identification
from aforo.dlms.obis import obis
from aforo.domain.causes import Cause
from aforo.domain.devices import Address
from aforo.domain.meter_models import MeterModel
from aforo.domain.readback import Readback
from aforo.engine.device_link import DeviceLink, LinkTarget, SharedLine
from aforo.engine.memory import MemorySessionLedger
from aforo.engine.ports import Clock, Entropy
from aforo.flow.device_client import (
    PUBLIC_CLIENT,
    Conversation,
    DeviceAccess,
    DeviceClient,
    DeviceLost,
    Exchange,
    Heard,
)
from aforo.flow.meter_errand import MeterErrand
from aforo.flow.visit import MeterTask

ANSWER_WAIT = timedelta(seconds=20)
_DEVICE_NAME = dlms.GetRequest(1, obis("0-0:42.0.0.255"), 2)
_CLOCK = dlms.GetRequest(8, obis("0-0:1.0.0.255"), 2)
_MAKER = b"AFO"
_DEVICE = "meter:local"

T = TypeVar("T")
Asking = Generator[dlms.GetRequest, dlms.Event, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAccess:
    """address: its host is the path of the port.   sign_on: or the speed of a port that speaks HDLC at once.

    keys: None asks the public client only.   title: of the meter, None to learn it.
    """

    address: Address
    sign_on: ClientSignOnSettings | int
    keys: Keys | None
    title: SystemTitle | None
    model: MeterModel
    logs: LogsWanted = field(default_factory=LogsWanted)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a client was shown. device_name: the logical device's.   clock: None when the meter does not know.

    profile, events: None when they were not asked for, or the model does not tell how they lie.
    """

    device_name: str | None
    clock: datetime | None
    readback: Readback | None = None
    profile: list[LogRow] | None = None
    events: list[LogRow] | None = None


@dataclass(frozen=True, slots=True)
class LocalReading:
    """identification: None without a sign-on."""

    identification: Identification | None
    speed: int | None
    shown: Shown


async def read_locally(access: LocalAccess, clock: Clock, entropy: Entropy) -> LocalReading:
    """Raises DeviceLost.

    Counters are the meter's own next ones, since the head-end's are not at hand. So that no nonce is used twice under
    the meter's key, our system title, which is half of it, is drawn anew at each reading.
    """
    lines = LocalLines(access.sign_on)
    shared = SharedLine(lines, access.address)
    target = LinkTarget(device=_DEVICE, address=access.address)
    link = DeviceLink(target, shared, ledger=MemorySessionLedger(), clock=clock, answer_wait=ANSWER_WAIT)
    try:
        if access.keys is None:
            shown = await link.drive(_as_public_client(access.address.server_sap))
        else:
            title = SystemTitle(_MAKER + entropy.octets(5))
            shown = await link.drive(_with_keys(_client(access, title, entropy), access))
    finally:
        await shared.drop()
    return LocalReading(lines.identification, lines.speed, shown)


def _client(access: LocalAccess, own_title: SystemTitle, entropy: Entropy) -> DeviceClient:
    device = DeviceAccess(
        own_title=own_title,
        keys=access.keys,
        title=access.title,
        client_sap=access.address.client_sap,
        server_sap=access.address.server_sap,
    )
    return DeviceClient(device, challenge=lambda: entropy.octets(16))


def _with_keys(client: DeviceClient, access: LocalAccess) -> Conversation[Shown]:
    result = yield from MeterErrand(client).carry_out(MeterTask("READ"), access.model)
    if not isinstance(result.readback, Readback):
        raise DeviceLost(result.cause or Cause.PROTOCOL_FAULT, result.detail)
    asking = _identity_and_logs(access)
    request = next(asking)
    while True:
        response, _ = yield from client.ask(request)
        try:
            request = asking.send(response)
        except StopIteration as done:
            shown: Shown = done.value
            yield from client.release()
            return replace(shown, readback=result.readback)


def _identity_and_logs(access: LocalAccess) -> Asking[Shown]:
    shown = yield from _identity()
    model, wanted = access.model, access.logs
    profile = events = None
    if wanted.profile is not None and model.profile is not None:
        since = None if shown.clock is None else (shown.clock - wanted.profile, shown.clock)
        profile = yield from read_log(model.profile, since)
    if wanted.events and model.events is not None:
        events = yield from read_log(model.events, None)
    return replace(shown, profile=profile, events=events)


def _as_public_client(server_sap: int) -> Conversation[Shown]:
    connection = Connection(dlms.ClientSettings())
    event = yield from _converse(connection, dlms.Associate(), server_sap)
    if not isinstance(event, dlms.AssociationEstablished):
        raise DeviceLost(Cause.ASSOCIATION_REFUSED, "the meter's public client is closed")
    asking = _identity()
    request = next(asking)
    while True:
        response = yield from _converse(connection, request, server_sap)
        try:
            request = asking.send(response)
        except StopIteration as done:
            shown: Shown = done.value
            yield from _converse(connection, dlms.Release(), server_sap)
            return shown


def _converse(connection: Connection, event: dlms.Event, server_sap: int) -> Conversation[dlms.Event]:
    connection.send(event)
    while True:
        heard = yield Exchange(PUBLIC_CLIENT, server_sap, tuple(connection.outgoing()))
        assert isinstance(heard, Heard), "an exchange is answered by what was heard"
        if heard.apdu is None:
            raise DeviceLost(Cause.METER_UNREACHABLE, f"no answer to {type(event).__name__}")
        try:
            answer = connection.receive(heard.apdu)
        except RemoteProtocolError as wrong:
            raise DeviceLost(Cause.PROTOCOL_FAULT, str(wrong)) from wrong
        if answer is not None and not isinstance(answer, dlms.DataNotification):
            return answer


def _identity() -> Asking[Shown]:
    """What a client is not shown is None."""
    name = _octets((yield _DEVICE_NAME))
    time = _octets((yield _CLOCK))
    try:
        clock = None if time is None else dates.decode(time)
    except RemoteProtocolError as wrong:
        raise DeviceLost(Cause.PROTOCOL_FAULT, str(wrong)) from wrong
    return Shown(None if name is None else name.decode("ascii", "replace"), clock)


def _octets(response: dlms.Event) -> bytes | None:
    if not isinstance(response, dlms.GetResponse) or response.data is None:
        return None
    try:
        value = data.decode(response.data)
    except RemoteProtocolError as wrong:
        raise DeviceLost(Cause.PROTOCOL_FAULT, str(wrong)) from wrong
    return value if isinstance(value, bytes) else None
