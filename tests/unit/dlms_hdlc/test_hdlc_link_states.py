"""The table of the link's states, whole, and what each end does outside it."""

import pytest

from aforo.dlms import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.hdlc import (
    Address,
    Connected,
    Disconnected,
    FrameRefused,
    FrameReject,
    HdlcLink,
    LinkFailed,
    LinkSilent,
    RejectReason,
    State,
)
from aforo.dlms.hdlc.control import Kind
from aforo.dlms.hdlc.link_states import TABLE, Move, received, sent
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
    kinds,
    read,
)

S, M = State, Move
ALLOWED = {
    (S.DISCONNECTED, M.SNRM): S.CONNECTING,
    (S.DISCONNECTED, M.DISC): S.DISCONNECTING,
    (S.DISCONNECTED, M.DM): S.DISCONNECTED,
    (S.DISCONNECTED, M.UNNUMBERED): S.DISCONNECTED,
    (S.CONNECTING, M.SNRM): S.CONNECTING,
    (S.CONNECTING, M.UA): S.CONNECTED,
    (S.CONNECTING, M.DM): S.DISCONNECTED,
    (S.CONNECTING, M.DISC): S.DISCONNECTING,
    (S.CONNECTING, M.SILENCE): S.DISCONNECTED,
    (S.CONNECTING, M.UNNUMBERED): S.CONNECTING,
    (S.CONNECTED, M.SNRM): S.CONNECTING,
    (S.CONNECTED, M.INFORMATION): S.CONNECTED,
    (S.CONNECTED, M.SUPERVISORY): S.CONNECTED,
    (S.CONNECTED, M.UNNUMBERED): S.CONNECTED,
    (S.CONNECTED, M.FRMR): S.FAILED,
    (S.CONNECTED, M.DM): S.DISCONNECTED,
    (S.CONNECTED, M.DISC): S.DISCONNECTING,
    (S.CONNECTED, M.SILENCE): S.DISCONNECTED,
    (S.DISCONNECTING, M.DISC): S.DISCONNECTING,
    (S.DISCONNECTING, M.UA): S.DISCONNECTED,
    (S.DISCONNECTING, M.DM): S.DISCONNECTED,
    (S.DISCONNECTING, M.SILENCE): S.DISCONNECTED,
    (S.DISCONNECTING, M.UNNUMBERED): S.DISCONNECTING,
    (S.FAILED, M.SNRM): S.CONNECTING,
    (S.FAILED, M.DISC): S.DISCONNECTING,
    (S.FAILED, M.FRMR): S.FAILED,
    (S.FAILED, M.DM): S.DISCONNECTED,
    (S.FAILED, M.SILENCE): S.DISCONNECTED,
    (S.FAILED, M.UNNUMBERED): S.FAILED,
}
UI_RESPONSE = bytes.fromhex("e6e7000f")
RESPONSES = {
    Move.UA: from_server(Kind.UA),
    Move.DM: from_server(Kind.DM),
    Move.FRMR: from_server(Kind.FRMR, FrameReject(0x10, 0, 0, RejectReason.INFORMATION_TOO_LONG).encode()),
    Move.INFORMATION: from_server(Kind.I, UI_RESPONSE),
    Move.SUPERVISORY: from_server(Kind.RR),
    Move.UNNUMBERED: from_server(Kind.UI, UI_RESPONSE, is_final=False),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("move", Move)
def test_each_move_is_allowed_in_its_states_and_nowhere_else(state: State, move: Move) -> None:
    after = ALLOWED.get((state, move))
    if after is not None:
        assert sent(state, move) is received(state, move) is after
        return
    with pytest.raises(LocalProtocolError):
        sent(state, move)
    with pytest.raises(RemoteProtocolError) as refused:
        received(state, move)
    assert refused.value.code is ErrorCode.UNEXPECTED_APDU


def test_the_table_holds_nothing_else() -> None:
    assert TABLE == ALLOWED


def client_in(state: State) -> HdlcLink:
    if state in (State.DISCONNECTED, State.CONNECTING):
        client = a_client()
        if state is State.CONNECTING:
            client.connect(START)
    else:
        client = connected().client
        if state is State.DISCONNECTING:
            client.disconnect(START)
        if state is State.FAILED:
            client.receive_octets(RESPONSES[Move.FRMR], START)
    client.outgoing()
    events(client)
    assert client.state is state
    return client


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("move", RESPONSES)
def test_a_client_goes_where_the_table_says_and_refuses_the_rest(state: State, move: Move) -> None:
    """Refused is the frame, not the link: late answers come on every slow line."""
    client = client_in(state)
    client.receive_octets(RESPONSES[move], START)
    after = ALLOWED.get((state, move))
    told = events(client)
    assert client.state is (after if after is not None else state)
    refused = [event.error.code for event in told if isinstance(event, FrameRefused)]
    assert refused == ([] if after is not None else [ErrorCode.UNEXPECTED_APDU])


COMMANDS = {
    Move.SNRM: from_client(Kind.SNRM),
    Move.DISC: from_client(Kind.DISC),
    Move.INFORMATION: from_client(Kind.I, b"\xe6\xe6\x00\xc0"),
    Move.SUPERVISORY: from_client(Kind.RR),
}
ANSWERS = {
    State.DISCONNECTED: {Move.SNRM: "UA", Move.DISC: "DM", Move.INFORMATION: "DM", Move.SUPERVISORY: "DM"},
    State.CONNECTED: {Move.SNRM: "UA", Move.DISC: "UA", Move.SUPERVISORY: "RR"},
    State.FAILED: {Move.SNRM: "UA", Move.DISC: "UA", Move.INFORMATION: "FRMR", Move.SUPERVISORY: "FRMR"},
}
"""A server passes CONNECTING and DISCONNECTING within one call; to an APDU its user answers."""


@pytest.mark.parametrize(("state", "move"), [(state, move) for state in ANSWERS for move in ANSWERS[state]])
def test_a_server_answers_every_command_that_polls(state: State, move: Move) -> None:
    server = a_server() if state is State.DISCONNECTED else connected().server
    if state is State.FAILED:
        server.receive_octets(from_client(Kind.RR, receive=3), START)
        assert kinds(server.outgoing()) == ["FRMR"]
    assert server.state is state
    server.receive_octets(COMMANDS[move], START)
    answer = server.outgoing()
    assert kinds(answer) == [ANSWERS[state][move]]
    assert (read(answer[0]).destination, read(answer[0]).source) == (CLIENT, SERVER)
    after = {Move.SNRM: State.CONNECTED, Move.DISC: State.DISCONNECTED}.get(move, state)
    assert server.state is after


def test_a_link_is_set_up_and_taken_down_with_both_ends_told() -> None:
    line = connected()
    line.client.disconnect(line.now)
    line.settle()
    assert line.told_client == [Disconnected(by_peer=False)]
    assert line.told_server == [Disconnected(by_peer=True)]
    assert kinds(line.sent) == ["DISC", "UA"]
    assert line.client.next_deadline() is line.server.next_deadline() is None


def test_a_server_that_does_not_want_ends_with_dm_at_the_next_poll() -> None:
    line = connected()
    line.server.disconnect(line.now)
    assert line.server.outgoing() == []
    line.client.poll(line.now)
    line.settle()
    assert line.told_client == [Disconnected(by_peer=True)]
    assert line.told_server[0] == Disconnected(by_peer=False)
    assert line.server.state is State.DISCONNECTED


def test_a_second_snrm_ends_the_first_link_in_the_eyes_of_the_server() -> None:
    line = connected()
    line.client.connect(line.now)
    line.settle()
    assert line.told_server[0] == Disconnected(by_peer=True)
    assert [type(event) for event in line.told_server[1:] + line.told_client] == [Connected, Connected]


def test_a_failed_link_is_set_up_again() -> None:
    line = connected()
    line.server.receive_octets(from_client(Kind.RR, receive=3), line.now)
    line.settle()
    assert [type(event) for event in line.told_server + line.told_client] == [LinkFailed, LinkFailed]
    assert line.client.state is line.server.state is State.FAILED
    line.client.connect(line.now)
    line.settle()
    assert [type(event) for event in (line.told_client[-1], line.told_server[-1])] == [Connected, Connected]


def test_a_server_that_never_hears_again_from_its_client_is_free_for_the_next() -> None:
    line = connected()
    line.server.receive_octets(read_from(Address(17), Kind.SNRM), line.now)
    assert line.server.outgoing() == []
    line.pass_time()
    assert [type(event) for event in line.told_server] == [LinkSilent]
    line.server.receive_octets(read_from(Address(17), Kind.SNRM), line.now)
    assert kinds(line.server.outgoing()) == ["UA"]


def test_only_the_client_that_is_named_may_connect() -> None:
    server = a_server(client=CLIENT)
    server.receive_octets(read_from(Address(17), Kind.SNRM), START)
    assert server.outgoing() == []
    server.receive_octets(from_client(Kind.SNRM), START)
    assert kinds(server.outgoing()) == ["UA"]


def test_frames_for_another_station_are_heard_and_left_alone() -> None:
    line = HdlcLine(a_client(), a_server(server=Address(1, 18)))
    line.client.connect(line.now)
    line.settle()
    assert kinds(line.sent) == ["SNRM"]
    assert line.told_server == []


def read_from(client: Address, kind: Kind) -> bytes:
    line = a_client(client=client)
    assert kind is Kind.SNRM
    line.connect(START)
    return line.outgoing()[0]
