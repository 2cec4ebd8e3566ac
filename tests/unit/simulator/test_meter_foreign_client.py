"""The simulated meter held against clients that are not ours: one written out octet by octet, and dlms-cosem 21.3.2."""

import pytest
from dlms_cosem import cosem, enumerations
from dlms_cosem.clients.dlms_client import DlmsClient

from aforo.simulator.meter import Meter
from aforo.simulator.meter_endpoint import MeterEndpoint
from aforo.simulator.meter_line import MeterLine
from peers.hand_client import AK, CLIENT, EK, LIMITER, POWER, SET_3300, SWITCH, Hand
from peers.hand_client import device as hand_device
from peers.independent_meter import Connection as HandWire
from unit.simulator.driven_meter import NOON, a_meter


class Wire(HandWire):
    """The hand client's wire, led to our meter."""

    def __init__(self, meter: Meter) -> None:
        self._connection = MeterEndpoint(meter).connected()

    def feed(self, data: bytes) -> bytes:
        self._connection.receive(data, NOON)
        return self._connection.outgoing()


@pytest.mark.parametrize("general", [False, True])
def test_a_client_written_by_hand_limits_the_meter(general: bool) -> None:
    """Reference bytes: SET threshold_normal 3300 (C1 01 C1 0047 0000110000FF 04 00 06 00000CE4)."""
    meter = a_meter(1_000, limit_w=4_600)
    hand = Hand(hand_device(), general=general)
    hand.wire = Wire(meter)
    hand.associate()

    assert hand.get(71, LIMITER, 2) == "00020312000309060100010700ff0f02"
    assert hand.get(3, POWER, 3) == "0002020f00161b"
    assert hand.get(71, LIMITER, 4) == "0006000011f8"
    assert hand.ask(SET_3300).hex() == "c501c100"

    assert hand.get(71, LIMITER, 4) == hand.get(71, LIMITER, 3) == "000600000ce4"
    assert hand.get(71, LIMITER, 10) == "000300"
    assert hand.get(70, SWITCH, 3) == "001601"
    assert hand.get(71, LIMITER, 12) == "0104"
    assert hand.set("1201f4") == "0c"
    assert meter.threshold_w == 3_300


class Transport:
    """What dlms-cosem sends through, led to a line of our meter."""

    def __init__(self, line: MeterLine) -> None:
        self._line = line

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def send(self, apdu: bytes) -> bytes:
        answer = self._line.respond(1, 1, bytes(apdu), NOON)
        assert answer is not None
        return answer


def test_dlms_cosem_limits_the_meter() -> None:
    """dlms-cosem 21.3.2, which speaks general-glo-ciphering only."""
    meter = a_meter(1_000, limit_w=4_600)
    client = DlmsClient(
        client_logical_address=1,
        server_logical_address=1,
        io_interface=Transport(meter.line()),
        authentication_method=enumerations.AuthenticationMechanism.HLS_GMAC,
        encryption_key=EK,
        authentication_key=AK,
        client_system_title=CLIENT,
        client_initial_invocation_counter=1,
    )
    threshold = cosem.CosemAttribute(enumerations.CosemInterface.LIMITER, cosem.Obis(0, 0, 17, 0, 0), 4)

    with client.session():
        before = client.get(threshold)
        client.set(threshold, bytes.fromhex("0600000ce4"))
        after = client.get(threshold)

    assert (bytes(before).hex(), bytes(after).hex()) == ("06000011f8", "0600000ce4")
    assert meter.threshold_w == 3_300
