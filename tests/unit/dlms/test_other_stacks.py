"""Our client against the independent meter, and dlms-cosem's client against our server, octets in memory."""

from typing import Any, cast

import pytest
from dlms_cosem import cosem, enumerations
from dlms_cosem.clients.dlms_client import DlmsClient
from dlms_cosem.exceptions import DlmsClientException
from dlms_cosem.protocol import xdlms as oracle

from aforo.dlms import (
    Associate,
    AssociationEstablished,
    AssociationRejected,
    Ciphering,
    ClientSettings,
    Connection,
    DataAccess,
    Event,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    Mechanism,
    Release,
    Released,
    RemoteProtocolError,
    SetRequest,
    SetResponse,
    data,
    wrapper,
)
from aforo.dlms.obis import obis
from peers.independent_association import Device as IndependentDevice
from peers.independent_association import HangUp
from peers.independent_bytes import Keys as IndependentKeys
from peers.independent_meter import Connection as IndependentConnection
from peers.independent_objects import Behaviour, Number, Refusal
from unit.dlms.associations import (
    CLIENT,
    GET_THRESHOLD,
    KEYS,
    LIMITER,
    OTHER_KEYS,
    PASSWORD,
    SET_3300,
    a_client,
    a_server,
)

PUBLIC, MANAGEMENT = 16, 1
COUNTER = obis("0-0:43.1.1.255")


class MeterLine:
    """Our client, framed by our wrapper, to the independent meter."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        keys = IndependentKeys(KEYS.encryption.octets, KEYS.authentication.octets)
        self.device = IndependentDevice(keys, b"IND\x00\x00\x00\x00\x01", behaviour or Behaviour(), threshold=4600)
        self.wire = IndependentConnection(self.device)
        self.reader = wrapper.WrapperReader()

    def ask(self, client: Connection, request: Event, *, sap: int = MANAGEMENT) -> Event:
        client.send(request)
        event = None
        while event is None:
            (apdu,) = client.outgoing()
            (frame,) = self.reader.feed(self.wire.feed(wrapper.encode(sap, 1, apdu)))
            assert (frame.source, frame.destination) == (1, sap)
            event = client.receive(frame.apdu)
        return event


BEHAVIOURS = [
    pytest.param(Behaviour(), id="strictest"),
    pytest.param(Behaviour(general_protection=False), id="no general protection"),
    pytest.param(Behaviour(per_service_ciphering=False), id="no glo per service"),
    pytest.param(Behaviour(shared_proof_counter=True), id="proof under the APDU's counter"),
    pytest.param(Behaviour(title_only_in_aare=True), id="general-glo without title"),
    pytest.param(Behaviour(challenge_octets=8), id="shortest challenge"),
    pytest.param(Behaviour(challenge_octets=64), id="longest challenge"),
    pytest.param(Behaviour(client_title=CLIENT.octets), id="knows our title"),
    pytest.param(Behaviour(max_pdu=128), id="short APDUs"),
]


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_an_independent_meter_is_read_written_and_released_without_a_fault(behaviour: Behaviour) -> None:
    line, client = MeterLine(behaviour), a_client()
    assert isinstance(line.ask(client, Associate()), AssociationEstablished)
    assert line.ask(client, SET_3300) == SetResponse(DataAccess.SUCCESS)
    assert line.ask(client, GET_THRESHOLD) == GetResponse(DataAccess.SUCCESS, data.u32(3300))
    assert line.ask(client, Release()) == Released()
    assert (line.device.objects.threshold, line.device.faults) == (3300, [])


@pytest.mark.parametrize("ciphering", [Ciphering.GLO, Ciphering.GENERAL_GLO])
def test_an_independent_meter_understands_either_form(ciphering: Ciphering) -> None:
    line, client = MeterLine(), a_client(ciphering=ciphering)
    line.ask(client, Associate())
    assert line.ask(client, SET_3300) == SetResponse(DataAccess.SUCCESS)
    assert (line.device.log[-1].form, line.device.faults) == (ciphering.value, [])


def test_first_contact_reads_the_counter_as_public_client() -> None:
    line, public = MeterLine(Behaviour(counter_floor=700)), Connection(ClientSettings())
    established = line.ask(public, Associate(), sap=PUBLIC)
    assert isinstance(established, AssociationEstablished)
    assert established.peer_title is None
    answer = line.ask(public, GetRequest(1, COUNTER, 2), sap=PUBLIC)
    assert answer == GetResponse(DataAccess.SUCCESS, data.u32(700))
    assert line.ask(public, GetRequest(71, LIMITER, 4), sap=PUBLIC) == GetResponse(DataAccess.READ_WRITE_DENIED)
    assert (line.ask(public, Release(), sap=PUBLIC), line.device.faults) == (Released(), [])


def test_a_stale_counter_is_told_with_the_one_expected() -> None:
    line, client = MeterLine(Behaviour(counter_floor=700, counter_ahead=1)), a_client()
    assert line.ask(client, Associate()) == ExceptionResponse(1, 6, 701)


@pytest.mark.parametrize(
    ("way", "event"),
    [
        (Refusal.REJECT, AssociationRejected(1, 13)),
        (Refusal.EXCEPTION, ExceptionResponse(1, 5)),
    ],
)
def test_a_wrong_key_is_told_in_the_meters_way(way: Refusal, event: Event) -> None:
    assert MeterLine(Behaviour(on_wrong_key=way)).ask(a_client(keys=OTHER_KEYS), Associate()) == event


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (SetRequest(71, LIMITER, 4, data.u16(3300)), SetResponse(DataAccess.TYPE_UNMATCHED)),
        (SetRequest(71, LIMITER, 2, data.u16(3300)), SetResponse(DataAccess.READ_WRITE_DENIED)),
        (GetRequest(71, LIMITER, 99), GetResponse(DataAccess.OBJECT_UNDEFINED)),
        (GetRequest(3, LIMITER, 2), GetResponse(DataAccess.OBJECT_CLASS_INCONSISTENT)),
    ],
)
def test_the_meters_refusals_are_told_by_their_names(request_: Event, answer: Event) -> None:
    line, client = MeterLine(Behaviour(number=Number.U32)), a_client()
    line.ask(client, Associate())
    assert line.ask(client, request_) == answer
    assert client.is_associated


def test_the_independent_meter_hangs_up_on_garbage() -> None:
    """That it is strict is what makes the tests above mean something."""
    with pytest.raises(HangUp):
        MeterLine().wire.feed(wrapper.encode(1, 1, b"\x60\x01"))


class OurServer:
    """dlms-cosem's transport, with our server at the other end."""

    def __init__(self, server: Connection) -> None:
        self.server = server
        self.established: AssociationEstablished | None = None
        self.kept = data.u32(4600)

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def send(self, apdu: bytes) -> bytes:
        try:
            event = self.server.receive(apdu)
        except RemoteProtocolError:
            return self._answer()
        match event:
            case AssociationEstablished():
                self.established = event
            case GetRequest():
                self.server.send(GetResponse(DataAccess.SUCCESS, self.kept))
            case SetRequest():
                self.kept = event.data
                self.server.send(SetResponse(DataAccess.SUCCESS))
        return self._answer()

    def _answer(self) -> bytes:
        (apdu,) = self.server.outgoing()
        return apdu


def dlms_cosem_client(line: OurServer, **changes: Any) -> DlmsClient:
    given: dict[str, Any] = {
        "client_logical_address": 1,
        "server_logical_address": 1,
        "io_interface": line,
        "client_system_title": CLIENT.octets,
        "encryption_key": KEYS.encryption.octets,
        "authentication_key": KEYS.authentication.octets,
        "authentication_method": enumerations.AuthenticationMechanism.HLS_GMAC,
        "client_initial_invocation_counter": 1,
    }
    return DlmsClient(**{**given, **changes})


WITHOUT_KEYS = {"encryption_key": None, "authentication_key": None}
ATTRIBUTE = cosem.CosemAttribute(enumerations.CosemInterface.LIMITER, cosem.Obis(0, 0, 17, 0, 0), 4)


@pytest.mark.parametrize(
    ("mechanism", "changes"),
    [
        (Mechanism.HLS_GMAC, {}),
        (
            Mechanism.LLS,
            {
                "authentication_method": enumerations.AuthenticationMechanism.LLS,
                "password": PASSWORD.octets,
                **WITHOUT_KEYS,
            },
        ),
        (Mechanism.NONE, {"authentication_method": None, **WITHOUT_KEYS}),
    ],
    ids=["HLS 5", "LLS", "none"],
)
def test_dlms_cosem_reads_writes_and_releases_our_server(mechanism: Mechanism, changes: dict[str, Any]) -> None:
    """Its HLS proof comes under the same counter as the APDU around it, which is tolerated."""
    line = OurServer(a_server(mechanism, keys=KEYS if mechanism is Mechanism.HLS_GMAC else None))
    client = dlms_cosem_client(line, **changes)
    client.associate()
    response = client.set(ATTRIBUTE, data=data.u32(3300))
    assert cast(oracle.SetResponseNormal, response).result is enumerations.DataAccessResult.SUCCESS
    assert client.get(ATTRIBUTE) == line.kept == data.u32(3300)
    client.release_association()
    assert line.established is not None
    assert not line.server.is_associated


def test_dlms_cosem_with_a_wrong_key_is_told_so() -> None:
    client = dlms_cosem_client(OurServer(a_server()), encryption_key=OTHER_KEYS.encryption.octets)
    with pytest.raises(DlmsClientException, match="DECIPHERING_ERROR"):
        client.associate()


def test_dlms_cosem_with_an_old_counter_is_told_so() -> None:
    client = dlms_cosem_client(OurServer(a_server(peer_counter_floor=700)))
    with pytest.raises(DlmsClientException, match="INVOCATION_COUNTER_ERROR"):
        client.associate()
