"""The table of the association's states, whole, and what each end does outside it."""

import pytest

from aforo.dlms import (
    ActionRequest,
    ActionResponse,
    Associate,
    AssociationEstablished,
    AssociationRejected,
    Conformance,
    DataAccess,
    DataNotification,
    ErrorCode,
    Event,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    LocalProtocolError,
    Mechanism,
    Release,
    Released,
    RemoteProtocolError,
    SetResponse,
    data,
)
from aforo.dlms.association_states import Move, State, received, sent
from unit.dlms.associations import GET_THRESHOLD, SET_3300, Line, a_client, a_server, associated

ALLOWED = {
    (State.IDLE, Move.AARQ): State.ASKED,
    (State.ASKED, Move.AARE): State.READY,
    (State.ASKED, Move.CHALLENGE): State.PROVING,
    (State.PROVING, Move.PROOF): State.PROVING,
    (State.PROVING, Move.PROVED): State.READY,
    (State.READY, Move.REQUEST): State.BUSY,
    (State.BUSY, Move.BLOCK): State.BUSY,
    (State.BUSY, Move.RESPONSE): State.READY,
    (State.READY, Move.NOTIFICATION): State.READY,
    (State.BUSY, Move.NOTIFICATION): State.BUSY,
    (State.RELEASING, Move.NOTIFICATION): State.RELEASING,
    (State.READY, Move.CONFIRM): State.READY,
    (State.BUSY, Move.CONFIRM): State.BUSY,
    (State.RELEASING, Move.CONFIRM): State.RELEASING,
    (State.READY, Move.RLRQ): State.RELEASING,
    (State.RELEASING, Move.RLRE): State.IDLE,
}
SUCCESS = GetResponse(DataAccess.SUCCESS, data.u32(3300))


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


@pytest.mark.parametrize(
    "event",
    [SUCCESS, SetResponse(DataAccess.SUCCESS), DataNotification(1, b"", b"\x00"), Released(), ExceptionResponse(1, 1)],
)
def test_a_client_sends_no_answers(event: Event) -> None:
    with pytest.raises(LocalProtocolError):
        associated().client.send(event)


@pytest.mark.parametrize("event", [Associate(), Release(), SET_3300, GET_THRESHOLD, Released()])
def test_a_server_sends_no_requests(event: Event) -> None:
    with pytest.raises(LocalProtocolError):
        associated().server.send(event)


@pytest.mark.parametrize("event", [GET_THRESHOLD, SET_3300, Release()])
def test_a_client_asks_nothing_without_an_association(event: Event) -> None:
    client = a_client()
    with pytest.raises(LocalProtocolError):
        client.send(event)
    assert client.outgoing() == []


def test_a_client_has_one_request_outstanding() -> None:
    line = associated()
    line.client.send(GET_THRESHOLD)
    for event in (GET_THRESHOLD, SET_3300, Associate(), Release()):
        with pytest.raises(LocalProtocolError):
            line.client.send(event)
    assert len(line.client.outgoing()) == 1


def test_a_server_answers_the_service_that_was_asked_and_once() -> None:
    line = associated()
    line.client.send(GET_THRESHOLD)
    line.run()
    with pytest.raises(LocalProtocolError):
        line.server.send(SetResponse(DataAccess.SUCCESS))
    line.server.send(SUCCESS)
    with pytest.raises(LocalProtocolError):
        line.server.send(SUCCESS)
    line.run()
    assert line.told_client[-1] == SUCCESS


def test_an_exception_in_place_of_an_answer_leaves_the_association_usable() -> None:
    line = associated()
    assert line.ask(SET_3300, ExceptionResponse(2, 2)) == ExceptionResponse(2, 2)
    assert line.client.is_associated
    assert line.ask(GET_THRESHOLD, SUCCESS) == SUCCESS


@pytest.mark.parametrize("mechanism", [Mechanism.NONE, Mechanism.HLS_GMAC])
def test_an_exception_in_place_of_an_aare_lets_the_client_ask_again(mechanism: Mechanism) -> None:
    client = a_client(mechanism)
    client.send(Associate())
    client.outgoing()
    assert client.receive(b"\xd8\x01\x06\x00\x00\x02\xbd") == ExceptionResponse(1, 6, 701)
    assert not client.is_associated
    assert isinstance(associated(client, a_server(mechanism)).told_client[-1], AssociationEstablished)


@pytest.mark.parametrize("asks", [False, True], ids=["idle", "ready"])
def test_an_exception_to_nothing_is_refused(asks: bool) -> None:
    client = associated().client if asks else a_client()
    with pytest.raises(RemoteProtocolError) as refused:
        client.receive(b"\xd8\x01\x01")
    assert refused.value.code is ErrorCode.UNEXPECTED_APDU


def test_a_new_aarq_begins_a_new_association_on_the_same_connection() -> None:
    line = associated()
    line.client.send(GET_THRESHOLD)
    line.run()
    later = a_client(counters=line.client._association._protection._counters)  # type: ignore[union-attr] # a client that goes on where this one stopped
    again = associated(later, line.server)
    assert again.ask(GET_THRESHOLD, SUCCESS) == SUCCESS


def test_a_release_ends_it_and_another_association_may_follow() -> None:
    line = associated()
    line.client.send(Release())
    line.run()
    assert (line.told_client[-1], line.told_server[-1]) == (Released(), Released())
    assert (line.client.is_associated, line.server.is_associated) == (False, False)
    line.client.send(Associate())
    line.run()
    assert line.ask(GET_THRESHOLD, SUCCESS) == SUCCESS


def test_a_release_without_user_information_is_taken_and_answered_alike() -> None:
    server = associated().server
    assert server.receive(bytes.fromhex("6203800100")) == Released()
    assert server.outgoing() == [bytes.fromhex("6303800100")]
    assert not server.is_associated


@pytest.mark.parametrize("first", ["c401c1000600000ce4", "c501c100", "630380010000"[:10], "61", "0f00000001001101"])
def test_nothing_is_heard_before_it_was_asked_for(first: str) -> None:
    client = a_client(Mechanism.NONE, keys=None)
    with pytest.raises(RemoteProtocolError) as refused:
        client.receive(bytes.fromhex(first))
    assert refused.value.code is ErrorCode.UNEXPECTED_APDU


@pytest.mark.parametrize("wire", ["c001c100470000110000ff0400", "db", "c9"])
def test_a_request_without_an_association_is_answered_with_an_exception(wire: str) -> None:
    """State 1 service-not-allowed, service 1 operation-not-possible."""
    server = a_server()
    with pytest.raises(RemoteProtocolError):
        server.receive(bytes.fromhex(wire))
    assert server.outgoing() == [bytes.fromhex("d80101")]


def test_an_answer_to_an_earlier_request_is_not_taken_for_this_one() -> None:
    line = associated(a_client(Mechanism.NONE, keys=None), a_server(Mechanism.NONE, keys=None))
    line.client.send(GET_THRESHOLD)
    for stale in ("c40142000600000ce4", "c50141" + "00"):
        with pytest.raises(RemoteProtocolError) as refused:
            line.client.receive(bytes.fromhex(stale))
        assert refused.value.code is ErrorCode.UNEXPECTED_APDU
    assert line.client.receive(bytes.fromhex("c40141000600000ce4")) == SUCCESS


def test_invoke_ids_go_round_and_priority_is_echoed() -> None:
    line = associated(a_client(Mechanism.NONE, keys=None), a_server(Mechanism.NONE, keys=None))
    line.seen.clear()
    for _ in range(17):
        line.ask(GetRequest(71, GET_THRESHOLD.obis, 4, high=True), SUCCESS)
    assert [apdu[2] for apdu in line.seen[0::2]] == [0xC0 | (1 + count) % 16 for count in range(17)]
    assert [apdu[2] for apdu in line.seen[1::2]] == [apdu[2] for apdu in line.seen[0::2]]


def test_an_unconfirmed_request_is_carried_out_and_not_answered() -> None:
    """Bit 6 of the invoke-id-and-priority octet is not set."""
    line = associated(a_client(Mechanism.NONE, keys=None), a_server(Mechanism.NONE, keys=None))
    assert line.server.receive(bytes.fromhex("c1010100470000110000ff04000600000ce4")) is not None
    line.server.send(SetResponse(DataAccess.SUCCESS))
    assert line.server.outgoing() == []
    assert line.ask(GET_THRESHOLD, SUCCESS) == SUCCESS


def test_notifications_arrive_at_any_time_of_an_association() -> None:
    line = associated()
    note = DataNotification(1, b"", data.u8(1))
    line.server.send(note)
    line.run()
    line.client.send(GET_THRESHOLD)
    line.run()
    line.server.send(note)
    line.server.send(SUCCESS)
    line.run()
    assert line.told_client[1:] == [note, note, SUCCESS]


def test_a_notification_before_the_association_never_goes_out() -> None:
    server = a_server()
    with pytest.raises(LocalProtocolError):
        server.send(DataNotification(1, b"", data.u8(1)))


def test_an_apdu_longer_than_the_peer_takes_never_goes_out_and_the_request_stays_open() -> None:
    line = associated(a_client(max_pdu=64), a_server(conformance=Conformance.GET))
    line.client.send(GET_THRESHOLD)
    line.run()
    with pytest.raises(LocalProtocolError):
        line.server.send(GetResponse(DataAccess.SUCCESS, data.octets(bytes(100))))
    line.server.send(ExceptionResponse(1, 4))
    line.run()
    assert line.told_client[-1] == ExceptionResponse(1, 4)


def test_nothing_but_the_proof_is_heard_while_it_is_awaited() -> None:
    line = Line(a_client(), a_server())
    line.client.send(Associate())
    assert line.server.receive(line.client.outgoing()[0]) is None
    assert line.client.receive(line.server.outgoing()[0]) is None
    for event in (GET_THRESHOLD, Associate(), Release()):
        with pytest.raises(LocalProtocolError):
            line.client.send(event)
    assert (line.client.is_associated, line.server.is_associated) == (False, False)


def test_an_action_returns_what_the_method_returned() -> None:
    request, answer = (
        ActionRequest(70, GET_THRESHOLD.obis, 1, data.i8(0)),
        ActionResponse(DataAccess.SUCCESS, data.u8(3)),
    )
    assert associated().ask(request, answer) == answer


def test_a_rejection_is_told_with_its_numbers_and_words() -> None:
    """AARE with result 1, diagnostic 1, and a confirmed-service-error for the InitiateRequest."""
    client = a_client(Mechanism.NONE, keys=None)
    client.send(Associate())
    aare = bytes.fromhex("611fa109060760857405080101a203020101a305a103020101be0604040e010603")
    assert client.receive(aare) == AssociationRejected(1, 1, detail="pdu-size-too-short")
    assert not client.is_associated
