"""What is longer than the peer takes goes in blocks by itself, in both directions, plain and ciphered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import (
    AccessRequest,
    AccessResponse,
    ActionListRequest,
    ActionListResponse,
    ActionRequest,
    ActionResponse,
    Conformance,
    DataAccess,
    DataNotification,
    ErrorCode,
    Event,
    EventNotification,
    GetListRequest,
    GetListResponse,
    GetRequest,
    GetResponse,
    LocalProtocolError,
    Mechanism,
    NotOffered,
    RemoteProtocolError,
    Selection,
    SetListRequest,
    SetListResponse,
    SetRequest,
    SetResponse,
    data,
)
from aforo.dlms.settings import STANDARD_SERVICES
from unit.dlms.associations import (
    GET_THRESHOLD,
    LIMITER,
    PLAIN,
    SET_3300,
    Line,
    a_client,
    a_server,
    associated,
    refused,
)

OWN_BLOCKS = Conformance.BLOCK_GET | Conformance.BLOCK_SET | Conformance.BLOCK_ACTION
WITHOUT_BLOCKS = STANDARD_SERVICES & ~OWN_BLOCKS & ~Conformance.GENERAL_BLOCK_TRANSFER
BY_SERVICE = WITHOUT_BLOCKS | OWN_BLOCKS
BY_GENERAL = WITHOUT_BLOCKS | Conformance.GENERAL_BLOCK_TRANSFER
SHORTEST = 80
LONG = data.octets(bytes(range(256)) * 3)
OK = DataAccess.SUCCESS
NO = DataAccess.READ_WRITE_DENIED
EXCHANGES: list[tuple[Event, Event]] = [
    (GET_THRESHOLD, GetResponse(OK, LONG)),
    (GET_THRESHOLD, GetResponse(NO)),
    (GetRequest(7, LIMITER, 2, Selection(2, data.structure(data.u32(1), data.u32(9)))), GetResponse(OK, LONG)),
    (SetRequest(71, LIMITER, 4, LONG), SetResponse(OK)),
    (SetRequest(71, LIMITER, 4, LONG, Selection(1, data.u8(1)), high=True), SetResponse(NO)),
    (ActionRequest(18, LIMITER, 2, LONG), ActionResponse(OK)),
    (ActionRequest(64, LIMITER, 5, data.u8(1)), ActionResponse(OK, LONG)),
    (ActionRequest(64, LIMITER, 5, LONG), ActionResponse(OK, LONG)),
    (GetListRequest((GET_THRESHOLD, GET_THRESHOLD)), GetListResponse((GetResponse(NO), GetResponse(OK, LONG)))),
    (
        SetListRequest((SetRequest(71, LIMITER, 4, LONG), SetRequest(3, LIMITER, 2, data.u8(7)))),
        SetListResponse((SetResponse(OK), SetResponse(NO))),
    ),
    (
        ActionListRequest((ActionRequest(18, LIMITER, 2, LONG), ActionRequest(9, LIMITER, 1))),
        ActionListResponse((ActionResponse(OK, LONG), ActionResponse(NO))),
    ),
]
ACCESS: tuple[Event, Event] = (
    AccessRequest((GET_THRESHOLD, SetRequest(71, LIMITER, 4, LONG), ActionRequest(9, LIMITER, 1, data.u16(1)))),
    AccessResponse((GetResponse(OK, LONG), SetResponse(OK), ActionResponse(NO))),
)


def _line(conformance: Conformance, mechanism: Mechanism, *, longest: int = SHORTEST) -> Line:
    plain = PLAIN if mechanism is Mechanism.NONE else {}
    client = a_client(**{"conformance": conformance, "max_pdu": longest, **plain})
    line = associated(client, a_server(**{"max_pdu": longest, **plain}))
    line.seen.clear()
    return line


@pytest.mark.parametrize("mechanism", [Mechanism.NONE, Mechanism.HLS_GMAC], ids=["plain", "ciphered"])
@pytest.mark.parametrize("conformance", [BY_SERVICE, BY_GENERAL], ids=["blocks of the service", "general blocks"])
@pytest.mark.parametrize(("request_", "answer"), EXCHANGES)
def test_a_long_message_arrives_whole_in_apdus_that_the_peer_takes(
    request_: Event, answer: Event, conformance: Conformance, mechanism: Mechanism
) -> None:
    line = _line(conformance, mechanism)
    assert line.ask(request_, answer) == answer
    assert max(map(len, line.seen)) <= SHORTEST
    assert line.ask(GET_THRESHOLD, GetResponse(OK, data.u8(5))) == GetResponse(OK, data.u8(5))


@pytest.mark.parametrize("mechanism", [Mechanism.NONE, Mechanism.HLS_GMAC], ids=["plain", "ciphered"])
def test_access_goes_by_general_blocks(mechanism: Mechanism) -> None:
    request, answer = ACCESS
    line = _line(STANDARD_SERVICES, mechanism)
    assert line.ask(request, answer) == answer
    assert max(map(len, line.seen)) <= SHORTEST


@given(
    longest=st.integers(64, 300),
    size=st.integers(0, 2000),
    conformance=st.sampled_from([BY_SERVICE, BY_GENERAL, STANDARD_SERVICES]),
)
def test_any_length_arrives_whole_within_any_longest_apdu(longest: int, size: int, conformance: Conformance) -> None:
    line = _line(conformance, Mechanism.HLS_GMAC, longest=longest)
    value = data.octets(bytes(each % 251 for each in range(size)))
    assert line.ask(GET_THRESHOLD, GetResponse(OK, value)) == GetResponse(OK, value)
    assert line.ask(SetRequest(71, LIMITER, 4, value), SetResponse(OK)) == SetResponse(OK)
    assert max(map(len, line.seen)) <= longest


@pytest.mark.parametrize("request_", [SetRequest(71, LIMITER, 4, LONG), ActionRequest(18, LIMITER, 2, LONG), ACCESS[0]])
def test_without_any_blocks_what_is_too_long_never_goes_out(request_: Event) -> None:
    line = _line(WITHOUT_BLOCKS, Mechanism.HLS_GMAC)
    with pytest.raises(LocalProtocolError):
        line.client.send(request_)
    assert line.client.outgoing() == []
    assert line.ask(GET_THRESHOLD, GetResponse(NO)) == GetResponse(NO)


@pytest.mark.parametrize(
    ("request_", "service"),
    [
        (GET_THRESHOLD, Conformance.GET),
        (SET_3300, Conformance.SET),
        (ActionRequest(9, LIMITER, 1), Conformance.ACTION),
        (GetListRequest((GET_THRESHOLD,)), Conformance.MULTIPLE_REFERENCES),
        (SetListRequest((SET_3300,)), Conformance.MULTIPLE_REFERENCES),
        (ActionListRequest((ActionRequest(9, LIMITER, 1),)), Conformance.MULTIPLE_REFERENCES),
        (ACCESS[0], Conformance.ACCESS),
        (GetRequest(7, LIMITER, 2, Selection(1, data.u8(1))), Conformance.SELECTIVE_ACCESS),
    ],
)
def test_what_was_not_negotiated_is_neither_sent_nor_served(request_: Event, service: Conformance) -> None:
    line = associated(a_client(conformance=STANDARD_SERVICES & ~service, **PLAIN), a_server(**PLAIN))
    with pytest.raises(NotOffered) as missing:
        line.client.send(request_)
    assert missing.value.missing == service
    eager = associated(a_client(**PLAIN), a_server(**PLAIN)).client
    eager.send(request_)
    assert refused(line.server, eager.outgoing()[0]) is ErrorCode.UNSUPPORTED
    assert [apdu.hex() for apdu in line.server.outgoing()] == ["d80202"]
    assert line.server.is_associated


def test_priority_is_told_only_where_it_was_negotiated() -> None:
    line = associated(a_client(conformance=STANDARD_SERVICES & ~Conformance.PRIORITY, **PLAIN), a_server(**PLAIN))
    line.client.send(SET_3300)
    assert line.client.outgoing()[0][2] & 0x80 == 0


def test_general_blocks_are_refused_where_they_were_not_negotiated() -> None:
    line = _line(BY_SERVICE, Mechanism.NONE)
    assert refused(line.server, bytes.fromhex("e08100010000 01c0")) is ErrorCode.UNSUPPORTED
    assert refused(line.client, bytes.fromhex("e08100010000 01c0")) is ErrorCode.UNSUPPORTED


def _first_of(request: Event, conformance: Conformance = BY_SERVICE) -> tuple[Line, bytes]:
    line = _line(conformance, Mechanism.NONE)
    line.client.send(request)
    return line, line.client.outgoing()[0]


def test_a_block_out_of_order_ends_a_long_set_and_nothing_is_asked_of_the_server() -> None:
    line, first = _first_of(SetRequest(71, LIMITER, 4, LONG))
    assert line.server.receive(first) is None
    assert refused(line.server, bytes.fromhex("c103c1 00 00000003 01 00")) is ErrorCode.UNEXPECTED_APDU
    assert refused(line.server, bytes.fromhex("c103c1 00 00000002 01 00")) is ErrorCode.UNEXPECTED_APDU
    assert line.server.is_associated


def test_a_new_request_ends_what_was_under_way_in_blocks() -> None:
    line, first = _first_of(SetRequest(71, LIMITER, 4, LONG))
    assert line.server.receive(first) is None
    assert line.server.receive(bytes.fromhex("c001c1") + first[3:12] + b"\x00") == GetRequest(71, LIMITER, 4, high=True)
    line.server.send(GetResponse(OK, LONG))
    assert line.server.receive(bytes.fromhex("c001c2") + first[3:12] + b"\x00") is not None


def test_a_long_get_asked_on_by_a_wrong_number_is_told_so_and_over() -> None:
    line, first = _first_of(GET_THRESHOLD)
    line.server.receive(first)
    line.server.send(GetResponse(OK, LONG))
    line.server.outgoing()
    assert line.server.receive(bytes.fromhex("c002c1 00000009")) is None
    assert line.server.outgoing()[0].hex() == "c402410100000009" + "0113"
    assert refused(line.server, bytes.fromhex("c002c1 00000001")) is ErrorCode.UNEXPECTED_APDU


def test_a_client_is_told_the_refusal_that_stands_in_a_block() -> None:
    line, first = _first_of(GET_THRESHOLD)
    answer = bytes.fromhex("c402") + first[2:3] + bytes.fromhex("01 00000001 01 0f")
    assert line.client.receive(answer) == GetResponse(DataAccess.LONG_GET_ABORTED)


@pytest.mark.parametrize(
    ("form", "tail"),
    [("c402", "00 00000002 00 01 00"), ("c502", "00000001"), ("c702", "00 00000001 01 00"), ("c704", "00000001")],
    ids=["a wrong number", "no block was sent", "of another service", "no block was sent, of another service"],
)
def test_a_client_refuses_a_block_that_does_not_follow(form: str, tail: str) -> None:
    line, first = _first_of(GET_THRESHOLD)
    answer = bytes.fromhex(form) + first[2:3] + bytes.fromhex(tail)
    assert refused(line.client, answer) is ErrorCode.UNEXPECTED_APDU


@pytest.mark.parametrize("conformance", [BY_SERVICE, BY_GENERAL])
def test_blocks_are_put_together_up_to_a_bound(conformance: Conformance) -> None:
    client = a_client(**{**PLAIN, "conformance": conformance, "max_pdu": SHORTEST, "message_octets_max": 500})
    line = associated(client, a_server(**PLAIN))
    line.client.send(GET_THRESHOLD)
    line.run()
    line.server.send(GetResponse(OK, LONG))
    with pytest.raises(RemoteProtocolError) as caught:
        line.run()
    assert caught.value.code is ErrorCode.TOO_LONG


def test_an_unconfirmed_set_in_blocks_is_carried_out_and_not_answered() -> None:
    line, first = _first_of(SetRequest(71, LIMITER, 4, data.octets(bytes(100))))
    unconfirmed = bytes((first[0], first[1], first[2] & 0x3F))
    assert line.server.receive(unconfirmed + first[3:]) is None
    rest = data.octets(bytes(100))[len(first) - 19 :]
    last = bytes.fromhex("c103") + unconfirmed[2:] + bytes.fromhex("01 00000002") + bytes((len(rest),)) + rest
    assert line.server.receive(last) == SetRequest(71, LIMITER, 4, data.octets(bytes(100)))
    line.server.send(SetResponse(OK))
    assert line.server.outgoing() == []
    assert line.server.is_associated


@pytest.mark.parametrize("mechanism", [Mechanism.NONE, Mechanism.HLS_GMAC], ids=["plain", "ciphered"])
def test_a_long_notification_is_pushed_in_general_blocks_that_nobody_acknowledges(mechanism: Mechanism) -> None:
    line = _line(STANDARD_SERVICES, mechanism)
    pushed = DataNotification(7, b"", LONG)
    line.server.send(pushed)
    line.server.send(EventNotification(71, LIMITER, 3, data.u32(1)))
    line.run()
    assert line.told_client[-2:] == [pushed, EventNotification(71, LIMITER, 3, data.u32(1))]
    assert max(map(len, line.seen)) <= SHORTEST
    assert not line.client.outgoing()


def test_a_notification_between_the_blocks_of_an_answer_disturbs_nothing() -> None:
    line = _line(BY_SERVICE, Mechanism.HLS_GMAC)
    line.client.send(GET_THRESHOLD)
    assert line.server.receive(line.client.outgoing()[0]) == GET_THRESHOLD
    line.server.send(GetResponse(OK, LONG))
    line.server.send(DataNotification(7, b"", data.u8(1)))
    line.run()
    assert line.told_client[-2:] == [DataNotification(7, b"", data.u8(1)), GetResponse(OK, LONG)]


def test_what_waits_for_a_shorter_answer_may_still_be_answered() -> None:
    line = _line(WITHOUT_BLOCKS, Mechanism.HLS_GMAC)
    line.client.send(GET_THRESHOLD)
    line.run()
    with pytest.raises(LocalProtocolError):
        line.server.send(GetResponse(OK, LONG))
    line.server.send(GetResponse(DataAccess.DATA_BLOCK_UNAVAILABLE))
    line.run()
    assert line.told_client[-1] == GetResponse(DataAccess.DATA_BLOCK_UNAVAILABLE)
