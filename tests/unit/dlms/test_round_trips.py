"""Everything that can be said comes back as it was said: each type of event, each APDU around it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import LocalProtocolError, RemoteProtocolError, acse, data, general_ciphering, wrapper, xdlms
from aforo.dlms.events import (
    AccessRequest,
    AccessResponse,
    ActionListRequest,
    ActionListResponse,
    ActionRequest,
    ActionResponse,
    Conformance,
    DataAccess,
    DataNotification,
    EventNotification,
    ExceptionResponse,
    GetListRequest,
    GetListResponse,
    GetRequest,
    GetResponse,
    NotificationConfirm,
    Selection,
    ServiceError,
    SetListRequest,
    SetListResponse,
    SetRequest,
    SetResponse,
)
from aforo.dlms.general_ciphering import AgreedKey, Envelope, IdentifiedKey, WrappedKey
from aforo.dlms.xdlms import Initiate, access, blocks, general_blocks, notifications
from aforo.dlms.xdlms.blocks import Block
from aforo.dlms.xdlms.general_blocks import GeneralBlock

octet, short, number = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
octets = st.binary(max_size=300)
moment = st.one_of(st.just(b""), st.binary(min_size=12, max_size=12))
scalars = st.one_of(
    st.integers(0, 255).map(data.u8), st.integers(-(2**63), 2**63 - 1).map(data.i64), octets.map(data.octets),
    st.booleans().map(data.boolean), st.just(data.null()), st.text(max_size=9).map(data.utf8),
)  # fmt: skip
encoded = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda each: data.structure(*each)),
        st.lists(inner, max_size=4).map(lambda each: data.array(*each)),
    ),
    max_leaves=12,
)
told = encoded.filter(lambda each: each != data.null())
"""What an optional parameter may be: that null stands for none there is the grammar's, not ours."""

name, selection = st.binary(min_size=6, max_size=6), st.builds(Selection, octet, encoded)
optional_selection = st.one_of(st.none(), selection)
gets = st.builds(GetRequest, short, name, octet, optional_selection)
sets = st.builds(SetRequest, short, name, octet, encoded, optional_selection)
actions = st.builds(ActionRequest, short, name, octet, st.one_of(st.none(), told))
refusals = st.sampled_from([each for each in DataAccess if each is not DataAccess.SUCCESS])
results = st.sampled_from(DataAccess)
got = st.one_of(st.builds(GetResponse, st.just(DataAccess.SUCCESS), encoded), st.builds(GetResponse, refusals))
was_set = st.builds(SetResponse, results)
acted = st.builds(ActionResponse, results, st.one_of(st.none(), told))
requests = st.one_of(
    st.builds(GetRequest, short, name, octet, optional_selection, st.booleans()),
    st.builds(SetRequest, short, name, octet, encoded, optional_selection, st.booleans()),
    st.builds(ActionRequest, short, name, octet, st.one_of(st.none(), encoded), st.booleans()),
    st.builds(GetListRequest, st.lists(gets, min_size=1, max_size=4).map(tuple), st.booleans()),
    st.builds(SetListRequest, st.lists(sets, min_size=1, max_size=4).map(tuple), st.booleans()),
    st.builds(ActionListRequest, st.lists(actions, min_size=1, max_size=4).map(tuple), st.booleans()),
)
responses = st.one_of(
    got, was_set, acted,
    st.builds(GetListResponse, st.lists(got, min_size=1, max_size=4).map(tuple)),
    st.builds(SetListResponse, st.lists(was_set, min_size=1, max_size=4).map(tuple)),
    st.builds(ActionListResponse, st.lists(acted, min_size=1, max_size=4).map(tuple)),
)  # fmt: skip
envelopes = st.builds(
    Envelope, transaction=octets.map(lambda each: each[:255]), originator=name, recipient=name, date_time=moment,
    other=octets.map(lambda each: each[:255]),
)  # fmt: skip
keys = st.one_of(
    st.none(),
    st.builds(IdentifiedKey, octet),
    st.builds(WrappedKey, octets, octet),
    st.builds(AgreedKey, octets, octets),
)


@given(requests, st.integers(0, 15))
def test_requests(request: Any, invoke: int) -> None:
    back, priority = xdlms.decode_request(xdlms.encode_request(request, invoke))
    assert (back, priority & 0x0F) == (request, invoke)


@given(responses, octet)
def test_responses(response: Any, priority: int) -> None:
    assert xdlms.decode_response(xdlms.encode_response(response, priority)) == (response, priority)


@given(
    st.builds(
        AccessRequest,
        st.lists(st.one_of(gets, sets, actions), max_size=5).map(tuple),
        moment,
        st.booleans(),
        st.booleans(),
    ),
    st.integers(0, 0xFF_FFFF),
)
def test_access_requests(request: AccessRequest, invoke: int) -> None:
    priority = access.long_priority(invoke, request)
    assert access.decode_access_request(access.encode_access_request(request, priority)) == (request, priority)
    assert access.is_confirmed_access(priority)


@given(st.builds(AccessResponse, st.lists(st.one_of(got, was_set, acted), max_size=5).map(tuple), moment), number)
def test_access_responses(response: AccessResponse, priority: int) -> None:
    assert access.decode_access_response(access.encode_access_response(response, priority)) == (response, priority)


SIMPLE: list[tuple[st.SearchStrategy[Any], Callable[[Any], bytes], Callable[[bytes], Any]]] = [
    (st.builds(DataNotification, number, moment, encoded), xdlms.encode_notification, xdlms.decode_notification),
    (
        st.builds(NotificationConfirm, number, moment),
        notifications.encode_notification_confirm,
        notifications.decode_notification_confirm,
    ),
    (
        st.builds(EventNotification, short, name, octet, encoded, moment),
        xdlms.encode_event_notification,
        xdlms.decode_event_notification,
    ),
    (
        st.builds(ExceptionResponse, octet, octet, st.one_of(st.none(), number)),
        xdlms.encode_exception,
        notifications.decode_exception,
    ),
    (st.builds(ServiceError, octet, octet, octet), xdlms.encode_service_error, xdlms.decode_service_error),
    (
        st.builds(Initiate, st.integers(0, 0xFF_FFFF).map(Conformance), short, octets),
        xdlms.encode_initiate_request,
        xdlms.decode_initiate_request,
    ),
    (
        st.builds(Initiate, st.integers(0, 0xFF_FFFF).map(Conformance), short),
        xdlms.encode_initiate_response,
        xdlms.decode_initiate_response,
    ),
    (
        st.builds(GeneralBlock, short, short, octets, st.booleans(), st.booleans(), st.integers(0, 63)),
        general_blocks.encode_general_block,
        general_blocks.decode_general_block,
    ),
]


@pytest.mark.parametrize(("values", "encode", "decode"), SIMPLE, ids=[each[1].__name__ for each in SIMPLE])
def test_what_stands_alone(values: st.SearchStrategy[Any], encode: Any, decode: Any) -> None:
    @given(values)
    def comes_back(value: Any) -> None:
        assert decode(encode(value)) == value

    comes_back()


@given(envelopes, keys, octets)
def test_general_ciphering(envelope: Envelope, key: Any, content: bytes) -> None:
    octets = general_ciphering.encode_ciphering(envelope, key, content)
    assert general_ciphering.decode_ciphering(octets) == (envelope, key, content)


@given(envelopes, octets, octets)
def test_general_signing(envelope: Envelope, content: bytes, signature: bytes) -> None:
    apdu = general_ciphering.encode_signing(envelope, content, signature)
    assert general_ciphering.decode_signing(apdu) == (envelope, content, signature)


@given(st.sampled_from([0xC4, 0xC7]), st.builds(Block, st.booleans(), number, octets), octet)
def test_blocks_of_answers(tag: int, block: Block, priority: int) -> None:
    assert blocks.decode_answer_block(blocks.encode_answer_block(tag, priority, block)) == block


@given(short, short, st.binary(min_size=1, max_size=300))
def test_wrapper_frames(source: int, destination: int, apdu: bytes) -> None:
    frame = wrapper.decode(wrapper.encode(source, destination, apdu))
    assert (frame.source, frame.destination, frame.apdu) == (source, destination, apdu)


@pytest.mark.parametrize(
    "encode",
    [
        lambda: xdlms.encode_notification(DataNotification(1 << 32, b"", data.null())),
        lambda: xdlms.encode_event_notification(EventNotification(1 << 16, bytes(6), 2, data.null())),
        lambda: xdlms.encode_event_notification(EventNotification(1, bytes(5), 2, data.null())),
        lambda: xdlms.encode_initiate_request(Initiate(Conformance.GET, 1 << 16)),
        lambda: access.encode_access_response(AccessResponse((GetResponse(DataAccess.SUCCESS),)), 1),
        lambda: xdlms.encode_request(GetRequest(1, bytes(5), 2), 1),
    ],
)
def test_what_the_wire_cannot_say_is_our_own_mistake(encode: Callable[[], bytes]) -> None:
    with pytest.raises(LocalProtocolError):
        encode()


@pytest.mark.parametrize(
    ("decode", "wire"),
    [
        (xdlms.decode_initiate_request, "08"),
        (xdlms.decode_initiate_response, "01"),
        (xdlms.decode_initiate_response, "0800055f1f04000000001004000007"),
        (xdlms.decode_service_error, "0e0106"),
        (notifications.decode_exception, "d8010100"),
        (notifications.decode_notification, "0f0000000105010203040500"),
        (access.decode_access_request, "d900000001 00 09"),
        (access.decode_access_request, "d900000001 00 01 07 00010000000000ff02 01 00"),
        (access.decode_access_response, "da00000001 00 01 09"),
        (access.decode_access_response, "da00000001 00 00 09"),
        (access.decode_access_response, "da00000001 00 00 01 00 02 0100"),
        (access.decode_access_response, "da00000001 00 00 01 00 01 0900"),
        (general_blocks.decode_general_block, "e0c1000100"),
        (acse.decode_answer, "60"),
    ],
)
def test_what_breaks_the_grammar_is_theirs(decode: Callable[[bytes], object], wire: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(bytes.fromhex(wire))


def test_an_access_response_may_repeat_what_was_asked() -> None:
    """Spelled out from the grammar: specifications present, one of each kind of selection, then data and results."""
    wire = "da 40000007 00 01 02 04 00010000000000ff02 01 00 03 00460000000000ff01 02 1105 00 02 0100 030b"
    response, priority = access.decode_access_response(bytes.fromhex(wire))
    assert priority == 0x4000_0007
    assert response.items == (
        GetResponse(DataAccess.SUCCESS, data.u8(5)),
        ActionResponse(DataAccess.OBJECT_UNAVAILABLE),
    )
