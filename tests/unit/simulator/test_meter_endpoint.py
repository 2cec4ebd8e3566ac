"""A direct meter's TCP connections, without sockets: frames, pieces of frames, and garbage."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import RemoteProtocolError, wrapper
from aforo.dlms.hdlc import Address, ClientLinkSettings, Connected, Disconnected, HdlcLink, LinkEvent
from aforo.dlms.wrapper import WrapperReader
from aforo.domain.readback import Verdict
from aforo.simulator.meter_endpoint import (
    DatagramMeterConnection,
    HdlcMeterConnection,
    MeterEndpoint,
    PortConnection,
)
from unit.simulator.driven_meter import NOON, Reader, a_meter

GREETING = bytes.fromhex("c001c100470000110000ff0400")
"""A GET without an association; the meter answers it with an exception-response."""


class Wire:
    """A connection seen as a line: the octets go in pieces of `piece`."""

    def __init__(self, connection: PortConnection, piece: int) -> None:
        self._connection = connection
        self._piece = piece
        self._reader = WrapperReader()

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: object) -> bytes | None:
        octets = wrapper.encode(client_sap, server_sap, apdu)
        for at in range(0, len(octets), self._piece):
            self._connection.receive(octets[at : at + self._piece], NOON)
        frames = self._reader.feed(self._connection.outgoing())
        assert [(frame.source, frame.destination) for frame in frames] == [(server_sap, client_sap)] * len(frames)
        return frames[0].apdu if frames else None


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_a_visit_over_a_connection_however_its_octets_are_cut(piece: int) -> None:
    meter = a_meter()

    result = Reader(Wire(MeterEndpoint(meter).connected(), piece), known_counter=None).limit(2_500)

    assert result.verdict is Verdict.OK
    assert meter.threshold_w == 2_500


def test_frames_that_come_together_are_answered_in_order() -> None:
    connection = MeterEndpoint(a_meter()).connected()

    connection.receive(wrapper.encode(1, 1, GREETING) + wrapper.encode(16, 1, GREETING), NOON)

    frames = WrapperReader().feed(connection.outgoing())
    assert [(frame.source, frame.destination) for frame in frames] == [(1, 1), (1, 16)]
    assert connection.outgoing() == b""


def test_garbage_closes_its_own_connection_only() -> None:
    endpoint = MeterEndpoint(a_meter())
    good = Reader(Wire(endpoint.connected(), 100))
    good.associate()
    bad = endpoint.connected()

    with pytest.raises(RemoteProtocolError):
        bad.receive(b"GET / HTTP/1.1\r\n\r\n", NOON)
    bad.closed()

    assert good.limit(2_500).verdict is Verdict.OK


def test_what_was_answered_before_the_garbage_can_still_be_sent() -> None:
    connection = MeterEndpoint(a_meter()).connected()
    connection.receive(wrapper.encode(1, 1, GREETING), NOON)

    with pytest.raises(RemoteProtocolError):
        connection.receive(wrapper.encode(1, 1, b"\x60\x03abc"), NOON)

    assert len(WrapperReader().feed(connection.outgoing())) == 1


def test_a_frame_longer_than_any_meter_takes_is_refused_at_its_header() -> None:
    connection = MeterEndpoint(a_meter(max_pdu=1_024)).connected()

    with pytest.raises(RemoteProtocolError, match="TOO_LONG"):
        connection.receive(bytes.fromhex("0001000100010801"), NOON)


def test_a_meter_does_nothing_by_itself() -> None:
    endpoint = MeterEndpoint(a_meter())

    endpoint.advance(NOON)

    assert endpoint.next_deadline() is None


def test_a_datagram_is_answered_by_one_and_a_wrong_one_is_forgotten() -> None:
    connection = MeterEndpoint(a_meter(), DatagramMeterConnection).connected()

    with pytest.raises(RemoteProtocolError):
        connection.receive(wrapper.encode(1, 1, GREETING)[:-1], NOON)
    assert connection.outgoing() == b""

    connection.receive(wrapper.encode(1, 1, GREETING), NOON)
    answer = wrapper.decode(connection.outgoing())
    assert (answer.source, answer.destination) == (1, 1)
    assert connection.outgoing() == b""


def test_what_the_standard_has_no_answer_for_ends_an_hdlc_link_and_not_the_line() -> None:
    connection = MeterEndpoint(a_meter(), lambda line, _: HdlcMeterConnection(line, Address(1))).connected()
    client = HdlcLink(ClientLinkSettings(client=Address(1), server=Address(1)))

    def exchange() -> list[LinkEvent]:
        for octets in client.outgoing():
            connection.receive(octets, NOON)
        client.receive_octets(connection.outgoing(), NOON)
        events: list[LinkEvent] = []
        while (event := client.next_event()) is not None:
            events.append(event)
        return events

    client.connect(NOON)
    assert isinstance(exchange()[0], Connected)
    client.send_apdu(b"\x60\x03abc", NOON)
    assert exchange() == [Disconnected(by_peer=True)]
    client.connect(NOON)
    assert isinstance(exchange()[0], Connected)


def test_an_hdlc_meter_keeps_the_time_of_connections_that_are_open_only() -> None:
    endpoint = MeterEndpoint(a_meter(), lambda line, _: HdlcMeterConnection(line, Address(1)))
    for _ in range(3):
        client, connection = HdlcLink(ClientLinkSettings(client=Address(1), server=Address(1))), endpoint.connected()
        client.connect(NOON)
        for octets in client.outgoing():
            connection.receive(octets, NOON)
        assert connection.outgoing()
        connection.closed()
    assert endpoint.next_deadline() is None


FRAMES = st.binary(min_size=1, max_size=60).map(lambda apdu: wrapper.encode(1, 1, apdu))


@given(pieces=st.lists(FRAMES, max_size=4) | st.lists(st.binary(max_size=60), max_size=4))
def test_no_octets_bring_out_anything_but_a_protocol_error(pieces: list[bytes]) -> None:
    meter = a_meter(limit_w=9_900)
    connection = MeterEndpoint(meter).connected()

    with suppress(RemoteProtocolError):
        for piece in pieces:
            connection.receive(piece, NOON)

    assert meter.threshold_w == 9_900
