"""One link between two ends: segments, windows, turns, polling, and what is refused."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, LocalProtocolError
from aforo.dlms.hdlc import (
    Address,
    ApduReceived,
    Connected,
    Disconnected,
    FrameRefused,
    HdlcLink,
    LinkFailed,
    LinkParameters,
    LinkSilent,
    RejectReason,
    UnnumberedReceived,
    frames,
)
from aforo.dlms.hdlc.control import Kind, decode_frame_reject
from aforo.dlms.hdlc.frames import Frame
from aforo.dlms.hdlc.station import APDUS_LEFT_LYING_MAX, EVENTS_MAX, OUTGOING_MAX
from aforo.dlms.hdlc.transfer import APDUS_UNDER_WAY_MAX
from unit.dlms_hdlc.hdlc_lines import (
    CLIENT,
    SERVER,
    START,
    HdlcLine,
    a_client,
    a_server,
    apdus,
    connected,
    events,
    from_client,
    from_server,
    kinds,
    read,
    said,
    small_frames,
)

GET = bytes.fromhex("c001c100470000110000ff0400")


def a_line(window: int = 1, information: int = 32) -> HdlcLine:
    parameters = small_frames(window, information=information)
    return connected(a_client(parameters=parameters), a_server(parameters=parameters), reply=lambda apdu: apdu[::-1])


def exchanged(line: HdlcLine, apdu: bytes) -> bytes:
    line.client.send_apdu(apdu, line.now)
    line.settle()
    assert apdus(line.told_server) == [apdu]
    return apdus(line.told_client)[0]


def test_default_parameters_are_proposed_by_an_snrm_without_information() -> None:
    """7EA00A00020023219318717E: G. Kmethy's example, client 16, server 1/17 in four octets."""
    client = a_client(server=Address(1, 17, 4))
    client.connect(START)
    assert [frame.hex() for frame in client.outgoing()] == ["7ea00a00020023219318717e"]


def test_the_example_of_the_user_association_is_spoken_octet_by_octet() -> None:
    """UA and AARQ of G. Kmethy's example, to a client that has sent its SNRM."""
    client = a_client(server=Address(1, 17, 4))
    client.connect(START)
    client.outgoing()
    ua = "7ea023210002002373f6c58180140502008006020080070400000001080400000001ce6a7e"
    client.receive_octets(bytes.fromhex(ua), START)
    assert events(client) == [Connected(LinkParameters(), Address(1, 17, 4))]
    client.send_apdu(bytes.fromhex("601da109060760857405080101be10040e01000000065f1f040000301dffff"), START)
    aarq = "7ea02e0002002321107ecbe6e600601da109060760857405080101be10040e01000000065f1f040000301dffffd4c57e"
    assert [frame.hex() for frame in client.outgoing()] == [aarq]


def test_the_lower_proposal_holds_in_each_direction() -> None:
    client = a_client(parameters=LinkParameters(information_max_transmit=1024, window_receive=5))
    server = a_server(parameters=LinkParameters(information_max_receive=512, window_transmit=3))
    line = HdlcLine(client, server)
    client.connect(line.now)
    line.settle()
    agreed = line.told_client[0]
    assert isinstance(agreed, Connected)
    assert agreed.parameters == LinkParameters(information_max_transmit=512, window_receive=3)
    assert len(read(line.sent[0]).information) > 0


def test_a_short_request_and_its_answer_are_two_frames() -> None:
    line = a_line()
    assert exchanged(line, GET) == GET[::-1]
    assert [said(octets) for octets in line.sent] == [
        said(from_client(Kind.I, b"?")),
        said(from_server(Kind.I, b"!", receive=1)),
    ]
    assert read(line.sent[0]).information == b"\xe6\xe6\x00" + GET
    assert read(line.sent[1]).information == b"\xe6\xe7\x00" + GET[::-1]


def test_a_long_apdu_goes_in_segments_and_only_the_first_has_the_llc_header() -> None:
    """Window 1: the server acknowledges each segment (RR), the client asks for each of the server's."""
    line = a_line()
    assert exchanged(line, bytes(range(70))) == bytes(range(70))[::-1]
    assert kinds(line.sent) == ["I", "RR", "I", "RR", "I", "I", "RR", "I", "RR", "I"]
    to_server = [
        read(octets) for octets in line.sent if read(octets).destination == SERVER and said(octets).kind is Kind.I
    ]
    assert [frame.is_segmented for frame in to_server] == [True, True, False]
    assert b"".join(frame.information for frame in to_server) == b"\xe6\xe6\x00" + bytes(range(70))
    assert max(len(frame.information) for frame in to_server) == 32


def test_a_window_of_frames_is_sent_before_the_turn_passes() -> None:
    line = a_line(window=3)
    assert exchanged(line, bytes(200)) == bytes(200)
    finals = [said(octets).is_final for octets in line.sent if read(octets).destination == SERVER]
    assert finals[:7] == [False, False, True, False, False, True, True]


@given(st.integers(1, 7), st.integers(32, 200), st.lists(st.binary(min_size=1, max_size=900), min_size=1, max_size=3))
def test_apdus_of_any_length_go_both_ways_in_windows_of_any_size(window: int, octets: int, sent: list[bytes]) -> None:
    line = a_line(window, octets)
    for apdu in sent:
        line.client.send_apdu(apdu, line.now)
    line.run_until(lambda: len(apdus(line.told_client)) == len(sent))
    assert apdus(line.told_server) == sent
    assert apdus(line.told_client) == [apdu[::-1] for apdu in sent]
    assert all(len(read(octets_sent).information) <= octets for octets_sent in line.sent)


def test_a_server_that_needs_time_says_nothing_yet_and_is_asked_again() -> None:
    line = connected()
    line.client.send_apdu(GET, line.now)
    line.settle()
    assert kinds(line.sent) == ["I"]
    line.pass_time()
    assert line.now == START + timedelta(seconds=1.0)
    assert kinds(line.sent) == ["I", "RR"]
    line.server.send_apdu(b"answer", line.now)
    line.settle()
    assert kinds(line.sent) == ["I", "RR"]
    line.pass_time()
    assert kinds(line.sent) == ["I", "RR", "RR", "I"]
    assert apdus(line.told_client) == [b"answer"]


def test_a_client_that_expects_no_answer_asks_only_when_told_to() -> None:
    line = connected()
    line.client.send_apdu(GET, line.now, expects_answer=False)
    line.settle()
    line.pass_time()
    assert kinds(line.sent) == ["I", "RR"]
    assert line.client.next_deadline() is None
    line.server.send_apdu(b"news", line.now)
    line.client.poll(line.now)
    line.settle()
    assert apdus(line.told_client) == [b"news"]


def test_a_server_that_answers_forever_without_an_apdu_is_given_up() -> None:
    line = connected(a_client(progress_wait_s_max=10), a_server(reply_wait_s=0))
    line.client.send_apdu(GET, line.now)
    line.run_until(lambda: bool(line.told_client))
    assert [type(event) for event in line.told_client] == [LinkSilent]
    assert line.now - START < timedelta(seconds=11)


def test_nothing_is_repeated_before_the_deadline_and_silence_has_an_end() -> None:
    client = connected(a_client(attempts_max=3)).client
    client.send_apdu(GET, START)
    first = client.outgoing()
    for attempt in (1, 2):
        due = START + timedelta(seconds=3 * attempt)
        assert client.next_deadline() == due
        client.handle_deadline(due - timedelta(microseconds=1))
        assert client.outgoing() == []
        client.handle_deadline(due)
        assert client.outgoing() == first
    client.handle_deadline(START + timedelta(seconds=9))
    assert [type(event) for event in events(client)] == [LinkSilent]
    assert client.outgoing() == []
    assert client.next_deadline() is None


@pytest.mark.parametrize("kind", ["SNRM", "DISC"])
def test_setting_up_and_taking_down_are_repeated_too(kind: str) -> None:
    client = a_client() if kind == "SNRM" else connected().client
    (client.connect if kind == "SNRM" else client.disconnect)(START)
    for n in (1, 2, 3):
        assert kinds(client.outgoing()) == [kind]
        client.handle_deadline(START + timedelta(seconds=3 * n))
    assert [type(event) for event in events(client)] == [LinkSilent]


def test_a_peer_that_is_not_ready_is_asked_until_it_is_and_gets_everything_then() -> None:
    """RNR."""
    line = connected()
    line.client.send_apdu(GET, line.now)
    line.client.outgoing()
    line.client.receive_octets(from_server(Kind.RNR), line.now)
    assert line.client.outgoing() == []
    line.client.handle_deadline(START + timedelta(seconds=0.5))
    assert kinds(line.client.outgoing()) == ["RR"]
    line.client.receive_octets(from_server(Kind.RR), line.now)
    assert kinds(line.client.outgoing()) == ["I"]


def test_a_reject_is_obeyed_at_once_and_not_for_ever() -> None:
    """REJ. Whoever only ever rejects is silent in all but the octets."""
    client = connected(a_client(attempts_max=3)).client
    client.send_apdu(GET, START)
    assert kinds(client.outgoing()) == ["I"]
    for _ in range(2):
        client.receive_octets(from_server(Kind.REJ), START)
        assert kinds(client.outgoing()) == ["I"]
    client.receive_octets(from_server(Kind.REJ), START)
    assert client.outgoing() == []
    assert [type(event) for event in events(client)] == [LinkSilent]


def test_a_user_that_does_not_listen_makes_its_link_not_ready() -> None:
    server = connected().server
    for n in range(APDUS_LEFT_LYING_MAX):
        server.receive_octets(from_client(Kind.I, b"\xe6\xe6\x00\xc0", send=n % 8, is_final=False), START)
    server.receive_octets(from_client(Kind.I, b"\xe6\xe6\x00\xc0", send=0), START)
    assert kinds(server.outgoing()) == ["RNR"]
    assert len(apdus(events(server))) == APDUS_LEFT_LYING_MAX
    server.receive_octets(from_client(Kind.I, b"\xe6\xe6\x00\xc0", send=0), START)
    assert len(apdus(events(server))) == 1


def test_frames_are_lost_rather_than_memory() -> None:
    server = connected().server
    server.receive_octets(from_client(Kind.RR) * 200, START)
    assert len(server.outgoing()) == OUTGOING_MAX
    assert server.frames_lost == 200 - OUTGOING_MAX
    server.receive_octets((b"\x7e" + bytes(9) + from_client(Kind.UA)) * 200, START)
    assert len(events(server)) == EVENTS_MAX


def rejected(octets: bytes, *, server: HdlcLink | None = None) -> tuple[RejectReason, ErrorCode]:
    """The reason on the wire, and what the server's user is told."""
    server = server or connected().server
    server.receive_octets(octets, START)
    (answer,) = server.outgoing()
    reject = decode_frame_reject(read(answer).information)
    (failure,) = events(server)
    assert isinstance(failure, LinkFailed)
    assert failure.reject == reject
    assert reject.control == read(octets).control
    return reject.reason, failure.error.code


def test_a_frame_that_the_rules_forbid_is_rejected_with_its_reason() -> None:
    """FRMR (ISO/IEC 13239): W, X, Y, Z."""
    unknown = frames.encode(Frame(SERVER, CLIENT, 0x3F))
    assert rejected(unknown) == (RejectReason.UNDEFINED_CONTROL, ErrorCode.UNSUPPORTED)
    both = RejectReason.UNDEFINED_CONTROL | RejectReason.INFORMATION_NOT_PERMITTED
    assert rejected(from_client(Kind.RR, b"?")) == (both, ErrorCode.UNEXPECTED_APDU)
    too_long = from_client(Kind.I, bytes(129))
    assert rejected(too_long) == (RejectReason.INFORMATION_TOO_LONG, ErrorCode.TOO_LONG)
    never_sent = from_client(Kind.RR, receive=1)
    assert rejected(never_sent) == (RejectReason.INVALID_RECEIVE_NUMBER, ErrorCode.MALFORMED)


def test_an_apdu_beyond_the_bound_ends_the_link() -> None:
    line = connected(server=a_server(apdu_max=200))
    line.client.send_apdu(bytes(201), line.now)
    line.settle()
    assert apdus(line.told_server) == []
    assert isinstance(line.told_server[0], LinkFailed)
    assert line.told_server[0].error.code is ErrorCode.TOO_LONG
    assert isinstance(line.told_client[0], LinkFailed)
    assert line.told_client[0].error.code is ErrorCode.PEER_ABORT
    assert line.told_client[0].reject == line.told_server[0].reject


def test_a_client_ends_the_link_on_numbers_that_cannot_be_and_on_frames_that_are_too_long() -> None:
    for octets, code in (
        (from_server(Kind.RR, receive=5), ErrorCode.MALFORMED),
        (from_server(Kind.I, bytes(129), receive=1), ErrorCode.TOO_LONG),
    ):
        client = connected().client
        client.send_apdu(GET, START)
        client.receive_octets(octets, START)
        (failure,) = events(client)
        assert isinstance(failure, LinkFailed)
        assert failure.error.code is code
        assert failure.reject is None


@pytest.mark.parametrize("octets", [b"\xe6\xe7\x00\xc0", b"\xe6\xe6\x01\xc0", b"\xe6\xe6\x00", b"\xe6"])
def test_an_apdu_without_its_llc_header_is_refused_and_the_link_goes_on(octets: bytes) -> None:
    server = connected().server
    server.receive_octets(from_client(Kind.I, octets), START)
    (refusal,) = events(server)
    assert isinstance(refusal, FrameRefused)
    assert refusal.error.code is ErrorCode.MALFORMED
    server.receive_octets(from_client(Kind.I, b"\xe6\xe6\x00\xc0", send=1), START)
    assert events(server) == [ApduReceived(b"\xc0")]


def test_commands_from_a_server_and_responses_from_a_client_are_refused() -> None:
    line = connected()
    line.client.receive_octets(from_server(Kind.SNRM) + from_server(Kind.DISC), line.now)
    line.server.receive_octets(from_client(Kind.UA) + from_client(Kind.DM) + from_client(Kind.FRMR), line.now)
    told = events(line.client) + events(line.server)
    assert [event.error.code for event in told if isinstance(event, FrameRefused)] == [ErrorCode.UNEXPECTED_APDU] * 5
    assert line.client.outgoing() == line.server.outgoing() == []


def test_unnumbered_information_needs_no_connection_and_no_answer() -> None:
    """A push as UI: the server must have heard of its client, or have been told."""
    line = HdlcLine(a_client(), a_server(client=CLIENT))
    line.server.send_unnumbered(b"\x0f push")
    line.client.send_unnumbered(b"\xc0 ask")
    line.settle()
    assert line.told_client == [UnnumberedReceived(b"\x0f push", SERVER)]
    assert line.told_server == [UnnumberedReceived(b"\xc0 ask", CLIENT)]
    assert kinds(line.sent) == ["UI", "UI"]
    with pytest.raises(LocalProtocolError):
        a_server().send_unnumbered(b"\x0f to whom")


def test_a_broadcast_is_heard_and_never_answered() -> None:
    server = connected().server
    everyone = Address(0x7F, 0x7F)
    server.receive_octets(frames.encode(Frame(everyone, CLIENT, 0x13, b"\xe6\xe6\x00\xc1")), START)
    server.receive_octets(frames.encode(Frame(everyone, CLIENT, 0x93)), START)
    told = events(server)
    assert told[0] == UnnumberedReceived(b"\xc1", CLIENT)
    assert isinstance(told[1], FrameRefused)
    assert server.outgoing() == []


def test_what_a_user_must_not_ask_is_our_own_mistake() -> None:
    line = connected(a_client(apdu_max=500))
    for wrong in (
        lambda: line.server.connect(START),
        lambda: line.server.poll(START),
        lambda: a_client().poll(START),
        lambda: a_client().send_apdu(GET, START),
        lambda: a_server().send_apdu(GET, START),
        lambda: line.client.send_apdu(b"", START),
        lambda: line.client.send_apdu(bytes(501), START),
        lambda: line.client.send_unnumbered(bytes(126)),
        lambda: a_client(attempts_max=0),
    ):
        with pytest.raises(LocalProtocolError):
            wrong()
    assert line.client.outgoing() == []


def test_only_so_many_apdus_wait() -> None:
    client = connected().client
    for _ in range(APDUS_UNDER_WAY_MAX):
        client.send_apdu(GET, START)
    with pytest.raises(LocalProtocolError):
        client.send_apdu(GET, START)


def test_a_frame_that_stays_unfinished_does_not_hide_the_next_one() -> None:
    """Half a frame, silence, then a whole one."""
    server = connected().server
    half = from_client(Kind.I, b"\xe6\xe6\x00" + bytes(30))[:20]
    server.receive_octets(half, START)
    assert server.next_deadline() == START + timedelta(seconds=1)
    server.handle_deadline(START + timedelta(seconds=1))
    server.receive_octets(from_client(Kind.RR), START + timedelta(seconds=2))
    assert kinds(server.outgoing()) == ["RR"]
    assert [type(event) for event in events(server)] == [FrameRefused]


def test_a_reply_that_was_lost_is_sent_again_and_the_request_not_carried_out_twice() -> None:
    line = a_line()
    line.client.send_apdu(GET, line.now)
    (request,) = line.client.outgoing()
    line.server.receive_octets(request, line.now)
    (told,) = events(line.server)
    line.server.send_apdu(b"done", line.now)
    reply = line.server.outgoing()
    line.server.receive_octets(request, line.now)
    assert events(line.server) == []
    assert line.server.outgoing() == reply
    assert told == ApduReceived(GET)


def test_a_late_answer_to_a_repeated_frame_does_not_double_what_follows() -> None:
    """The answer was only slow: both copies come, and the second one sets nothing off."""
    line = a_line()
    line.client.send_apdu(bytes(60), line.now)
    (segment,) = line.client.outgoing()
    line.client.handle_deadline(START + timedelta(seconds=3))
    assert line.client.outgoing() == [segment]
    acknowledged = from_server(Kind.RR, receive=1)
    line.client.receive_octets(acknowledged, START)
    assert kinds(line.client.outgoing()) == ["I"]
    line.client.receive_octets(acknowledged, START)
    assert line.client.outgoing() == []


def test_a_restarted_meter_answers_dm_and_the_link_is_over() -> None:
    line = connected()
    line.server = a_server()
    line.client.send_apdu(GET, line.now)
    line.settle()
    assert line.told_client == [Disconnected(by_peer=True)]
