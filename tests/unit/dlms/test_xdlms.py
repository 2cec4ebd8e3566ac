"""The services' bytes: published ones made and read, and read alike by dlms-cosem 21.3.2."""

import pytest
from dlms_cosem import cosem, enumerations
from dlms_cosem.protocol import xdlms as oracle
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import (
    ActionRequest,
    ActionResponse,
    Conformance,
    DataAccess,
    DataNotification,
    ErrorCode,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    LocalProtocolError,
    RemoteProtocolError,
    Selection,
    SetRequest,
    SetResponse,
    data,
    xdlms,
)
from aforo.dlms.events import ServiceRequest, ServiceResponse
from aforo.dlms.xdlms import Initiate
from unit.dlms.associations import GET_THRESHOLD, LIMITER, SET_3300

CLOCK = bytes.fromhex("0000010000ff")
ENTRY = Selection(2, data.structure(data.u32(1), data.u32(3), data.u16(1), data.u16(0)))


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        pytest.param(SET_3300, "c101c100470000110000ff04000600000ce4", id="threshold_normal, from two other stacks"),
        pytest.param(GetRequest(8, CLOCK, 2, high=True), "c001c100080000010000ff0200", id="clock, Green Book"),
        pytest.param(
            GetRequest(7, CLOCK, 2, ENTRY),
            "c001410007" + "0000010000ff" + "0201" + "02" + ENTRY.parameter.hex(),
            id="rows",
        ),
        pytest.param(
            SetRequest(7, CLOCK, 2, data.u8(1), ENTRY),
            "c1014100070000010000ff020102" + ENTRY.parameter.hex() + "1101",
            id="SET of rows",
        ),
        pytest.param(
            ActionRequest(70, CLOCK, 1, data.i8(0), high=True), "c301c100460000010000ff01010f00", id="disconnect"
        ),
        pytest.param(ActionRequest(70, CLOCK, 2), "c3014100460000010000ff0200", id="without parameter"),
    ],
)
def test_a_request_has_its_bytes_and_comes_back(request_: ServiceRequest, wire: str) -> None:
    assert xdlms.encode_request(request_, 1).hex() == wire
    assert xdlms.decode_request(bytes.fromhex(wire)) == (request_, bytes.fromhex(wire)[2])


@pytest.mark.parametrize(
    ("response", "wire"),
    [
        (SetResponse(DataAccess.SUCCESS), "c501c100"),
        (SetResponse(DataAccess.TYPE_UNMATCHED), "c501c10c"),
        (GetResponse(DataAccess.SUCCESS, data.u32(3300)), "c401c1000600000ce4"),
        (GetResponse(DataAccess.OBJECT_UNDEFINED), "c401c10104"),
        (ActionResponse(DataAccess.SUCCESS), "c701c10000"),
        (ActionResponse(DataAccess.SUCCESS, data.u8(5)), "c701c10001001105"),
        (ActionResponse(DataAccess.READ_WRITE_DENIED), "c701c10300"),
    ],
)
def test_a_response_has_its_bytes_and_comes_back(response: ServiceResponse, wire: str) -> None:
    assert xdlms.encode_response(response, 0xC1).hex() == wire
    assert xdlms.decode_response(bytes.fromhex(wire)) == (response, 0xC1)


def test_a_result_that_no_standard_has_counts_as_another_reason() -> None:
    assert xdlms.decode_response(bytes.fromhex("c501c177"))[0] == SetResponse(DataAccess.OTHER_REASON)


def test_a_method_whose_return_value_is_refused_is_refused() -> None:
    assert xdlms.decode_response(bytes.fromhex("c701c100010103"))[0] == ActionResponse(DataAccess.READ_WRITE_DENIED)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        ("c401c1", ErrorCode.MALFORMED),
        ("c401c10100", ErrorCode.MALFORMED),
        ("c401c10204", ErrorCode.MALFORMED),
        ("c401c1000600000c", ErrorCode.MALFORMED),
        ("c401c1000600000ce400", ErrorCode.MALFORMED),
        ("c501c10000", ErrorCode.MALFORMED),
        ("c701c100", ErrorCode.MALFORMED),
        ("c701c1000102", ErrorCode.MALFORMED),
        ("c402c1010000000100", ErrorCode.UNSUPPORTED),
        ("c505c10200", ErrorCode.MALFORMED),
        ("c506c10100", ErrorCode.UNSUPPORTED),
    ],
)
def test_a_response_that_breaks_the_grammar_is_refused(wire: str, code: ErrorCode) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        xdlms.decode_response(bytes.fromhex(wire))
    assert refused.value.code is code


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        ("c001c1", ErrorCode.MALFORMED),
        ("c001c100080000010000ff02", ErrorCode.MALFORMED),
        ("c001c100080000010000ff020000", ErrorCode.MALFORMED),
        ("c001c100080000010000ff020102", ErrorCode.MALFORMED),
        ("c101c100470000110000ff0400", ErrorCode.MALFORMED),
        ("c101c100470000110000ff04000600000ce400", ErrorCode.MALFORMED),
        ("c301c100460000010000ff0100ff", ErrorCode.MALFORMED),
        ("c003c1020008" + "0000010000ff0200", ErrorCode.MALFORMED),
        ("c102c100470000110000ff0400", ErrorCode.UNSUPPORTED),
    ],
)
def test_a_request_that_breaks_the_grammar_is_refused(wire: str, code: ErrorCode) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        xdlms.decode_request(bytes.fromhex(wire))
    assert refused.value.code is code


@pytest.mark.parametrize(
    "wrong",
    [
        GetRequest(8, CLOCK[:5], 2),
        GetRequest(8, CLOCK + b"\x00", 2),
        GetRequest(8, CLOCK, 256),
        GetRequest(0x10000, CLOCK, 2),
    ],
)
def test_a_request_to_no_possible_attribute_never_goes_out(wrong: ServiceRequest) -> None:
    with pytest.raises(LocalProtocolError):
        xdlms.encode_request(wrong, 1)


def test_a_success_without_data_never_goes_out() -> None:
    with pytest.raises(LocalProtocolError):
        xdlms.encode_response(GetResponse(DataAccess.SUCCESS), 0xC1)


@pytest.mark.parametrize(
    ("notification", "wire"),
    [
        (DataNotification(0x40000001, b"", data.u8(1)), "0f40000001001101"),
        (DataNotification(7, bytes(range(12)), data.null()), "0f000000070c" + bytes(range(12)).hex() + "00"),
    ],
)
def test_a_notification_has_its_bytes_and_comes_back(notification: DataNotification, wire: str) -> None:
    assert xdlms.encode_notification(notification).hex() == wire
    assert xdlms.decode_notification(bytes.fromhex(wire)) == notification


@pytest.mark.parametrize("wire", ["0f", "0f0000000100", "0f00000001030102031101", "0f000000010c11"])
def test_a_notification_that_breaks_the_grammar_is_refused(wire: str) -> None:
    with pytest.raises(RemoteProtocolError):
        xdlms.decode_notification(bytes.fromhex(wire))


@pytest.mark.parametrize(
    ("exception", "wire"),
    [(ExceptionResponse(1, 1), "d80101"), (ExceptionResponse(1, 6, 701), "d80106000002bd")],
)
def test_an_exception_has_its_bytes_and_comes_back(exception: ExceptionResponse, wire: str) -> None:
    assert xdlms.encode_exception(exception).hex() == wire
    assert xdlms.decode_exception(bytes.fromhex(wire)) == exception


def test_the_initiate_request_of_the_green_book_is_made_and_read() -> None:
    """Conformance 007E1F, longest APDU 1200 octets."""
    wire = bytes.fromhex("01000000065f1f0400007e1f04b0")
    initiate = Initiate(Conformance(0x007E1F), 1200)
    assert xdlms.encode_initiate_request(initiate) == wire
    assert xdlms.decode_initiate_request(wire) == initiate


def test_the_initiate_response_of_the_green_book_is_made_and_read() -> None:
    wire = bytes.fromhex("0800065f1f0400007c1f04000007")
    initiate = Initiate(Conformance(0x007C1F), 0x0400)
    assert xdlms.encode_initiate_response(initiate) == wire
    assert xdlms.decode_initiate_response(wire) == initiate


def test_the_optional_parts_of_an_initiate_request_are_stepped_over() -> None:
    """A dedicated key, response-allowed and a quality of service in front of the same capabilities."""
    wire = bytes.fromhex("0101100102030405060708090a0b0c0d0e0f10" + "0101" + "0100" + "065f1f0400007e1f04b0")
    initiate = xdlms.decode_initiate_request(wire)
    assert (initiate.conformance, initiate.max_pdu, initiate.dedicated_key[:2]) == (0x007E1F, 1200, b"\x01\x02")
    assert "dedicated" not in repr(initiate)


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        ("0e010601", "dlms-version-too-low"),
        ("0e010602", "incompatible-conformance"),
        ("0e010603", "pdu-size-too-short"),
        ("0e0106ff", "0e0106ff"),
        ("0e", "0e"),
        ("0800065f1f0400007c1f04000007", None),
    ],
)
def test_an_initiate_error_is_put_in_words(wire: str, words: str | None) -> None:
    assert xdlms.initiate_error(bytes.fromhex(wire)) == words


classes = st.sampled_from([1, 3, 7, 8, 15, 64, 70])
names = st.binary(min_size=6, max_size=6)
encoded = st.one_of(st.integers(0, 2**32 - 1).map(data.u32), st.binary(max_size=60).map(data.octets))


def _attribute(request: GetRequest | SetRequest) -> cosem.CosemAttribute:
    interface = enumerations.CosemInterface(request.class_id)
    return cosem.CosemAttribute(interface, cosem.Obis(*request.obis), request.attribute)


@given(st.builds(GetRequest, classes, names, st.integers(1, 20), high=st.just(True)))
def test_dlms_cosem_writes_the_same_get(request: GetRequest) -> None:
    theirs = oracle.GetRequestNormal(cosem_attribute=_attribute(request)).to_bytes()
    assert xdlms.encode_request(request, 1) == theirs
    assert xdlms.decode_request(theirs)[0] == request


@given(st.builds(SetRequest, classes, names, st.integers(1, 20), encoded, high=st.just(True)))
def test_dlms_cosem_writes_the_same_set(request: SetRequest) -> None:
    theirs = oracle.SetRequestNormal(cosem_attribute=_attribute(request), data=request.data).to_bytes()
    assert xdlms.encode_request(request, 1) == theirs
    assert xdlms.decode_request(theirs)[0] == request


@given(encoded)
def test_dlms_cosem_reads_our_get_response(value: bytes) -> None:
    ours = xdlms.encode_response(GetResponse(DataAccess.SUCCESS, value), 0xC1)
    assert oracle.GetResponseNormal.from_bytes(ours).data == value


@pytest.mark.parametrize("result", [result for result in DataAccess if result is not DataAccess.SUCCESS])
def test_dlms_cosem_reads_our_refusals(result: DataAccess) -> None:
    refused = xdlms.encode_response(GetResponse(result), 0xC1)
    assert oracle.GetResponseNormalWithError.from_bytes(refused).error == result
    assert oracle.SetResponseNormal.from_bytes(xdlms.encode_response(SetResponse(result), 0xC1)).result == result


def test_dlms_cosem_reads_our_notification() -> None:
    moment = bytes.fromhex("07ea0b19030c000000000000")
    read = oracle.DataNotification.from_bytes(xdlms.encode_notification(DataNotification(5, moment, data.u8(9))))
    assert (read.long_invoke_id_and_priority.long_invoke_id, bytes(read.body)) == (5, data.u8(9))


def test_the_examples_name_the_limiter() -> None:
    assert (GET_THRESHOLD.obis, SET_3300.obis) == (LIMITER, LIMITER)
