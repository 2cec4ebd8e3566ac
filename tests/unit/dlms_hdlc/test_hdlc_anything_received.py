"""Whatever octets arrive, in whatever state: events, no exception, and everything stays within its bounds."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aforo.dlms import LocalProtocolError, RemoteProtocolError
from aforo.dlms.hdlc import FrameRefused, HdlcLink, LinkFailed, State, frames
from aforo.dlms.hdlc.checksum import checksum
from aforo.dlms.hdlc.control import Kind
from aforo.dlms.hdlc.frame_reader import PENDING_OCTETS_MAX
from aforo.dlms.hdlc.frames import Frame
from aforo.dlms.hdlc.station import EVENTS_MAX, OUTGOING_MAX
from unit.dlms_hdlc.hdlc_lines import (
    CLIENT,
    SERVER,
    START,
    HdlcLine,
    a_client,
    a_server,
    connected,
    events,
    from_client,
    from_server,
    small_frames,
)

APDU_MAX = 300


def idle() -> HdlcLine:
    return HdlcLine(a_client(apdu_max=APDU_MAX), a_server(apdu_max=APDU_MAX))


def connecting() -> HdlcLine:
    line = idle()
    line.client.connect(START)
    return line


def ready() -> HdlcLine:
    parameters = small_frames(3)
    return connected(
        a_client(parameters=parameters, apdu_max=APDU_MAX), a_server(parameters=parameters, apdu_max=APDU_MAX)
    )


def speaking() -> HdlcLine:
    line = ready()
    line.client.send_apdu(bytes(200), START)
    line.server.send_apdu(bytes(200), START)
    return line


def disconnecting() -> HdlcLine:
    line = ready()
    line.client.disconnect(START)
    return line


def failed() -> HdlcLine:
    line = ready()
    line.server.receive_octets(from_client(Kind.RR, receive=5), START)
    line.settle()
    return line


SITUATIONS: list[Callable[[], HdlcLine]] = [idle, connecting, ready, speaking, disconnecting, failed]
numbers = st.integers(0, 7)
informations = st.one_of(
    st.just(b""),
    st.binary(max_size=140),
    st.binary(max_size=25).map(lambda tail: b"\xe6\xe6\x00" + tail),
    st.binary(max_size=25).map(lambda tail: b"\xe6\xe7\x00" + tail),
    st.binary(max_size=30).map(lambda tail: b"\x81\x80" + tail),
)
well_formed = st.builds(
    lambda pair, control, information, more: frames.encode(Frame(pair[0], pair[1], control, information, more)),
    st.sampled_from([(SERVER, CLIENT), (CLIENT, SERVER)]),
    st.integers(0, 255),
    informations,
    st.booleans(),
)
"""To and from the right stations with check sequences that fit, so that they reach every branch behind those."""

anything = st.lists(st.one_of(st.binary(max_size=100), well_formed), max_size=25)


def both(line: HdlcLine) -> tuple[HdlcLink, HdlcLink]:
    return line.client, line.server


def check_bounds(link: HdlcLink) -> None:
    station = link._station
    assert len(station._reader._pending) <= PENDING_OCTETS_MAX
    assert len(station._inbound._octets) <= APDU_MAX + 3
    assert len(station._outgoing) <= OUTGOING_MAX + 7
    assert len(station._events) <= EVENTS_MAX + 2


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SITUATIONS), anything, st.booleans())
def test_anything_ends_in_events_and_never_in_an_exception(
    situation: Callable[[], HdlcLine], arriving: list[bytes], is_one_chunk: bool
) -> None:
    for link in both(situation()):
        for octets in [b"".join(arriving)] if is_one_chunk else arriving:
            link.receive_octets(octets, START)
            check_bounds(link)
        told = events(link)
        assert all(isinstance(e.error, RemoteProtocolError) for e in told if isinstance(e, FrameRefused | LinkFailed))
        link.outgoing()
        check_it_still_works(link)


def check_it_still_works(link: HdlcLink) -> None:
    """DISC and SNRM lead out of everything, for whoever the link believes its peer to be."""
    station = link._station
    due = link.next_deadline()
    if due is not None:
        link.handle_deadline(due)
    link.outgoing()
    events(link)
    if link.state is State.DISCONNECTED:
        return
    link.disconnect(START)
    link.receive_octets(b"\x7e" + b"\x00" * PENDING_OCTETS_MAX + from_server(Kind.UA), START)
    assert station.state is State.DISCONNECTED


@pytest.mark.parametrize("situation", SITUATIONS)
@given(st.data())
def test_mutated_frames_are_taken_or_refused(situation: Callable[[], HdlcLine], data: st.DataObject) -> None:
    """Octets changed inside a real exchange, the check sequences made to fit again."""
    for link, octets in zip(both(situation()), (from_server, from_client), strict=True):
        frame = bytearray(octets(Kind.I, b"\xe6\xe6\x00\xc0\x01", send=data.draw(numbers), receive=data.draw(numbers)))
        for _ in range(data.draw(st.integers(1, 3))):
            frame[data.draw(st.integers(1, len(frame) - 2))] = data.draw(st.integers(0, 255))
        body = bytes(frame[1:-3])
        link.receive_octets(b"\x7e" + body + checksum(body) + b"\x7e", START)
        check_bounds(link)


@given(st.binary(max_size=200))
def test_anything_between_flags_is_a_frame_or_a_protocol_error(body: bytes) -> None:
    try:
        frame = frames.decode(body)
    except RemoteProtocolError:
        return
    assert frames.encode(frame)[1:-1] == body


@given(well_formed)
def test_a_well_formed_frame_survives_decoding_and_encoding(octets: bytes) -> None:
    assert frames.encode(frames.decode(octets[1:-1])) == octets


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(SITUATIONS), st.lists(st.integers(0, 4), max_size=12), anything)
def test_calls_and_octets_in_any_order_end_in_events_or_in_our_own_error(
    situation: Callable[[], HdlcLine], calls: list[int], arriving: list[bytes]
) -> None:
    for link in both(situation()):
        for call, octets in zip(calls, arriving, strict=False):
            link.receive_octets(octets, START)
            link.handle_deadline(link.next_deadline() or START)
            user_calls(link, call)
            link.outgoing()
            events(link)
            check_bounds(link)


def user_calls(link: HdlcLink, call: int) -> None:
    doing: list[Callable[[], None]] = [
        lambda: link.connect(START),
        lambda: link.disconnect(START),
        lambda: link.poll(START),
        lambda: link.send_apdu(bytes(100), START),
        lambda: link.send_unnumbered(b"\x0f"),
    ]
    try:
        doing[call]()
    except LocalProtocolError:
        assert link.state in State
